//! The set of addresses before which execution pauses.

use std::collections::BTreeSet;

/// Breakpoints by pc. An address need not be the start of an instruction, or mapped.
#[derive(Clone, Debug, Default)]
pub struct Breakpoints {
    set: BTreeSet<u64>,
    version: u64,
}

impl Breakpoints {
    /// Adds one; `false` if it was there.
    pub fn insert(&mut self, pc: u64) -> bool {
        self.version += 1;
        self.set.insert(pc)
    }

    /// Removes one; `false` if there was none.
    pub fn remove(&mut self, pc: u64) -> bool {
        self.version += 1;
        self.set.remove(&pc)
    }

    /// Whether one is at `pc`.
    #[inline]
    #[must_use]
    pub fn contains(&self, pc: u64) -> bool {
        !self.set.is_empty() && self.set.contains(&pc)
    }

    /// All, in ascending order.
    pub fn iter(&self) -> impl Iterator<Item = u64> + '_ {
        self.set.iter().copied()
    }

    /// A number that changes with every change of the set, so that executors know when the code they
    /// made for it is stale.
    #[must_use]
    pub const fn version(&self) -> u64 {
        self.version
    }
}
