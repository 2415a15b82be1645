//! Stopping generated code from another thread.

use std::sync::atomic::Ordering;
use std::sync::{Arc, Weak};

use super::space::Held;

/// Raises the floor of one [`Memory`](super::Memory) from any thread, so that generated code leaves its
/// loops. It may outlive the memory; ringing then does nothing, as it does with the default, which
/// belongs to none.
///
/// It takes no lock. While one rings, the host mapping stays, whatever happens to the memory.
#[derive(Clone, Debug, Default)]
pub struct Doorbell(Weak<Held>);

impl Doorbell {
    /// The bell of the memory that holds a mapping in this way.
    pub(super) fn new(held: &Arc<Held>) -> Self {
        Doorbell(Arc::downgrade(held))
    }

    /// Stores `i64::MAX` into the floor (`SeqCst`), if the memory still lives.
    pub fn ring(&self) {
        if let Some(held) = self.0.upgrade() {
            held.floor().store(i64::MAX, Ordering::SeqCst);
        }
    }
}
