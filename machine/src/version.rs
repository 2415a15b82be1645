//! Version numbers that no two states of anything share.

use std::sync::atomic::{AtomicU64, Ordering};

/// A number never given before in this process. Equal versions therefore mean the same state of the
/// same thing; guests cannot observe them.
pub(crate) fn next_version() -> u64 {
    static NEXT: AtomicU64 = AtomicU64::new(1);
    NEXT.fetch_add(1, Ordering::Relaxed)
}
