//! Stopping generated code from another thread.

use std::sync::atomic::Ordering;
use std::sync::{Arc, Weak};

use memmap2::MmapRaw;

use super::space::floor_of;

/// Raises the floor of one [`Memory`](super::Memory) from any thread, so that generated code leaves its
/// loops. It may outlive the memory; ringing then does nothing, as it does with the default, which
/// belongs to none.
///
/// It takes no lock. While one rings, the host mapping stays, whatever happens to the memory.
#[derive(Clone, Debug, Default)]
pub struct Doorbell(Weak<MmapRaw>);

impl Doorbell {
    /// `map` was made by [`Space::reserve`](super::space::Space::reserve).
    pub(super) fn new(map: &Arc<MmapRaw>) -> Self {
        Doorbell(Arc::downgrade(map))
    }

    /// Stores `i64::MAX` into the floor (`SeqCst`), if the memory still lives.
    pub fn ring(&self) {
        if let Some(map) = self.0.upgrade() {
            floor_of(&map).store(i64::MAX, Ordering::SeqCst);
        }
    }
}
