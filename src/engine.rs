//! What all modules and instances of an embedder share.

use std::sync::Arc;

use causality_jit::Background;
use causality_jit::code::CodeMemory;
use causality_machine::memory::Pool;

use crate::native::Hot;
use crate::{Config, Native};

/// A configuration, and what is shared under it: native code, and the thread that makes it. Cheap to clone; clones
/// are the same engine.
///
/// ```
/// use causality_vm::{Config, Engine, Tier};
///
/// let engine = Engine::new(Config::new().tier(Tier::Baseline).fuel(1_000_000));
/// assert_eq!(engine.code_bytes(), 0);
/// ```
#[derive(Clone, Debug)]
pub struct Engine {
    inner: Arc<Inner>,
}

#[derive(Debug)]
struct Inner {
    config: Config,
    code: Arc<CodeMemory>,
    background: Arc<Background>,
    pool: Arc<Pool>,
}

impl Default for Engine {
    fn default() -> Self {
        Engine::new(Config::default())
    }
}

impl Engine {
    /// An engine with these settings.
    #[must_use]
    pub fn new(config: Config) -> Self {
        let code = Arc::new(CodeMemory::new(config.get_code_memory()));
        let pool = Arc::new(Pool::new(config.get_pool()));
        Engine { inner: Arc::new(Inner { config, code, background: Arc::default(), pool }) }
    }

    /// Its settings.
    ///
    /// ```
    /// use causality_vm::{Config, Engine};
    ///
    /// let config = Config::new().fuel(1000);
    /// assert_eq!(Engine::new(config.clone()).config(), &config);
    /// ```
    #[must_use]
    pub fn config(&self) -> &Config {
        &self.inner.config
    }

    /// Bytes of host memory that hold native code now, for all its modules. See [`Config::code_memory`].
    ///
    /// ```
    /// # use causality_vm::{Config, Engine, Linker, Module, Options, Tier};
    /// # fn main() -> Result<(), Box<dyn std::error::Error>> {
    /// let engine = Engine::new(Config::new().tier(Tier::Cranelift));
    /// let module = Module::from_file(&engine, "examples/hello.elf")?;
    /// let mut guest = Linker::new(&engine).instantiate(&module, Options::new().arg("hello"), ())?;
    /// assert_eq!(engine.code_bytes(), 0);
    /// guest.run()?;
    /// assert!(engine.code_bytes() > 0);
    /// # Ok(())
    /// # }
    /// ```
    #[must_use]
    pub fn code_bytes(&self) -> usize {
        self.inner.code.mapped()
    }

    /// How many memories of instances that are gone it keeps for new ones now. See [`Config::pool`].
    ///
    /// ```
    /// # use causality_vm::{Engine, Linker, Module, Options};
    /// # fn main() -> Result<(), Box<dyn std::error::Error>> {
    /// # let engine = Engine::default();
    /// # let module = Module::from_file(&engine, "testkit/guests/calls.elf")?;
    /// # let mut guest = Linker::new(&engine).instantiate(&module, Options::new().arg("guest"), ())?;
    /// assert_eq!(engine.pooled(), 0);
    /// drop(guest);
    /// assert_eq!(engine.pooled(), 1);
    /// # Ok(())
    /// # }
    /// ```
    #[must_use]
    pub fn pooled(&self) -> usize {
        self.inner.pool.len()
    }

    /// Waits until all native code that has been asked for in the background is there.
    ///
    /// ```
    /// use causality_vm::{Config, Engine, Linker, Module, Options, Promotion};
    ///
    /// # fn main() -> Result<(), Box<dyn std::error::Error>> {
    /// // Whatever is executed a little is worth Cranelift's time.
    /// let promotion = Promotion { sample: 1000, worth: 1, least_pressure: 0, ..Promotion::default() };
    /// let engine = Engine::new(Config::new().promotion(promotion));
    /// let module = Module::from_file(&engine, "testkit/guests/fib.elf")?;
    /// let mut guest = Linker::new(&engine).instantiate(&module, Options::new().arg("fib"), ())?;
    /// guest.run_for(1_000_000)?;
    /// engine.wait_for_code();
    /// # if cfg!(target_arch = "x86_64") {
    /// assert!(guest.report().host.compile.cranelift.background > 0);
    /// # }
    /// # Ok(())
    /// # }
    /// ```
    pub fn wait_for_code(&self) {
        self.inner.background.wait();
    }

    pub(crate) fn code_memory(&self) -> &Arc<CodeMemory> {
        &self.inner.code
    }

    pub(crate) fn pool(&self) -> &Arc<Pool> {
        &self.inner.pool
    }

    /// An executor that runs native code.
    pub(crate) fn native(&self) -> Native {
        let config = self.config();
        let native = Native::new(config.get_tunables().clone()).listened(config.get_code_listener());
        native.within(Arc::clone(&self.inner.code))
    }

    /// What asks for code in the background.
    pub(crate) fn hot(&self) -> Hot {
        Hot::new(Arc::clone(&self.inner.background), self.config().get_hot())
    }

    pub(crate) fn is(&self, other: &Engine) -> bool {
        Arc::ptr_eq(&self.inner, &other.inner)
    }
}
