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
    #[must_use]
    pub fn config(&self) -> &Config {
        &self.inner.config
    }

    /// Bytes of host memory that hold native code now, for all its modules. See [`Config::code_memory`].
    #[must_use]
    pub fn code_bytes(&self) -> usize {
        self.inner.code.mapped()
    }

    /// How many memories of instances that are gone it keeps for new ones now. See [`Config::pool`].
    #[must_use]
    pub fn pooled(&self) -> usize {
        self.inner.pool.len()
    }

    /// Waits until all native code that has been asked for in the background is there.
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
