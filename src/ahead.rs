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
