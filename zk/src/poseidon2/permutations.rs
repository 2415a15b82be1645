//! How much was hashed.

use std::sync::Arc;
use std::sync::atomic::{AtomicU64, Ordering};

/// A count of permutations. Clones are the same count; threads may share it.
///
/// Whoever wants to know what a piece of work hashes gives it one and looks at it before and after.
#[derive(Clone, Debug, Default)]
pub struct Permutations(Arc<AtomicU64>);

impl Permutations {
    /// A count at zero.
    #[must_use]
    pub fn new() -> Self {
        Self::default()
    }

    /// Permutations computed so far.
    #[must_use]
    pub fn count(&self) -> u64 {
        self.0.load(Ordering::Relaxed)
    }

    pub(super) fn add(&self, count: u64) {
        self.0.fetch_add(count, Ordering::Relaxed);
    }
}
