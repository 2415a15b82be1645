//! Native code before anything runs.

use std::num::NonZero;

use causality_jit::ahead::{Ahead, AheadStatistics};
use causality_jit::{CompileError, Text, Tunables};

use crate::elf::SymbolKind;
use crate::{Engine, Error, ErrorKind, Linker, Module, Options};

impl Module {
    /// Translates all functions that can be found, with `jobs` threads, and adds them to the engine's
    /// [`cache`](crate::Config::cache). `progress` is told, from any of these threads, how many regions have been
    /// translated and how many are known. The cache then holds the same bytes whatever the number of threads.
    ///
    /// ```
    /// use std::num::NonZero;
    ///
    /// use causality_vm::{Config, Engine, Linker, Module, Options, Tier};
    ///
    /// # fn main() -> Result<(), Box<dyn std::error::Error>> {
    /// let folder = tempfile::tempdir()?;
    /// let config = Config::new().tier(Tier::Cranelift).cache(folder.path());
    /// let engine = Engine::new(config.clone());
    /// let module = Module::from_file(&engine, "examples/hello.elf")?;
    /// let made = module.translate_ahead(&engine, NonZero::<usize>::MIN, &|done, known| eprintln!("{done} of {known}"))?;
    /// assert!(made.regions > 0 && made.failed == 0);
    ///
    /// // Another process, perhaps, has it from there.
    /// let engine = Engine::new(config);
    /// let module = Module::from_file(&engine, "examples/hello.elf")?;
    /// let mut guest = Linker::new(&engine).instantiate(&module, Options::new().arg("hello"), ())?;
    /// guest.run()?;
    /// assert!(guest.report().host.code.cached_regions > 0);
    /// # Ok(())
    /// # }
    /// ```
    ///
    /// # Errors
    /// If the engine has no cache or it cannot be written, and as [`Linker::instantiate`].
    pub fn translate_ahead(
        &self,
        engine: &Engine,
        jobs: NonZero<usize>,
        progress: &(dyn Fn(usize, usize) + Sync),
    ) -> Result<AheadStatistics, Error> {
        let cache = engine.config().get_cache().ok_or(ErrorKind::NoCache)?;
        // The code depends on where memory lies in an instance.
        let instance = Linker::<()>::new(engine).instantiate(self, Options::new(), ())?;
        let source = Text { memory: instance.memory(), breakpoints: instance.breakpoints() };
        let named = self.symbols().iter().filter(|symbol| symbol.kind == SymbolKind::Function);
        let mut functions = vec![self.image().entry];
        functions.extend(named.map(|symbol| symbol.addr));
        let tunables = Tunables {
            layout: self.layout(instance.memory()),
            ..engine.config().get_tunables().optimising()
        };
        let text = self.program().code();
        let ahead =
            Ahead { source: &source, text, functions: &functions, tunables: &tunables, jobs, progress };
        ahead.fill(cache, self.id().as_bytes()).map_err(|error| match error {
            CompileError::Memory(error) => Error::cache(engine, error),
            other => ErrorKind::Host(Box::new(other)).into(),
        })
    }
}
