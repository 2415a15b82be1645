//! What all modules and instances of an embedder share.

use std::sync::Arc;

use causality_jit::Background;
use causality_jit::code::CodeMemory;

use crate::native::Hot;
use crate::{Config, Native};

/// A configuration, and what is shared under it: native code, and the thread that makes it. Cheap to clone; clones
/// are the same engine.
#[derive(Clone, Debug, Default)]
pub struct Engine {
    inner: Arc<Inner>,
}

#[derive(Debug, Default)]
struct Inner {
    config: Config,
    code: Arc<CodeMemory>,
    background: Arc<Background>,
}

impl Engine {
    /// An engine with these settings.
    #[must_use]
    pub fn new(config: Config) -> Self {
        let code = Arc::new(CodeMemory::new(config.get_code_memory()));
        Engine { inner: Arc::new(Inner { config, code, background: Arc::default() }) }
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

    /// Waits until all native code that has been asked for in the background is there.
    pub fn wait_for_code(&self) {
        self.inner.background.wait();
    }

    pub(crate) fn code_memory(&self) -> &Arc<CodeMemory> {
        &self.inner.code
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
