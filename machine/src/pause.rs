//! Pausing a running machine from another thread.

use std::sync::Arc;
use std::sync::atomic::{AtomicBool, Ordering};

/// Asks a machine to pause; clone it and send it to any thread.
///
/// A request made while the machine is not running pauses the next run before its first instruction.
#[derive(Clone, Debug, Default)]
pub struct PauseHandle(Arc<AtomicBool>);

impl PauseHandle {
    /// Asks for a pause. The machine stops before one of its next instructions.
    pub fn pause(&self) {
        self.0.store(true, Ordering::Release);
    }

    /// Whether a pause is wanted and has not been taken.
    #[inline]
    #[must_use]
    pub fn is_requested(&self) -> bool {
        self.0.load(Ordering::Relaxed)
    }

    /// Takes the request: `true` once for each time a pause was wanted.
    #[must_use]
    pub fn take(&self) -> bool {
        self.0.swap(false, Ordering::Acquire)
    }
}
