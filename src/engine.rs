//! What all modules and instances of an embedder share.

use std::sync::Arc;

use crate::Config;

/// A configuration, and later what is shared under it. Cheap to clone; clones are the same engine.
#[derive(Clone, Debug, Default)]
pub struct Engine {
    config: Arc<Config>,
}

impl Engine {
    /// An engine with these settings.
    #[must_use]
    pub fn new(config: Config) -> Self {
        Engine { config: Arc::new(config) }
    }

    /// Its settings.
    #[must_use]
    pub fn config(&self) -> &Config {
        &self.config
    }
}
