//! Stopping a batch.

use std::sync::Arc;
use std::sync::atomic::{AtomicBool, Ordering};

/// Stops a batch from any thread, between works, for good. Clones are the same.
#[derive(Clone, Debug, Default)]
pub struct StopHandle {
    is_requested: Arc<AtomicBool>,
}

impl StopHandle {
    /// No work begins any more. Those that are under way end first.
    pub fn stop(&self) {
        self.is_requested.store(true, Ordering::Release);
    }

    /// Whether somebody has asked for that.
    #[must_use]
    pub fn is_requested(&self) -> bool {
        self.is_requested.load(Ordering::Acquire)
    }
}
