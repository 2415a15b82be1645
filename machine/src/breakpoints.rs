//! The set of addresses before which execution pauses.

use std::collections::BTreeSet;

use crate::version::next_version;

/// Breakpoints by pc. An address need not be the start of an instruction, or mapped.
///
/// ```
/// use causality_machine::Breakpoints;
///
/// let mut breakpoints = Breakpoints::default();
/// assert!(breakpoints.insert(0x10000));
/// assert!(!breakpoints.insert(0x10000), "it was there");
/// assert!(breakpoints.contains(0x10000));
/// assert!(breakpoints.remove(0x10000));
/// assert_eq!(breakpoints.iter().count(), 0);
/// ```
#[derive(Clone, Debug)]
pub struct Breakpoints {
    set: BTreeSet<u64>,
    version: u64,
}

impl Default for Breakpoints {
    fn default() -> Self {
        Breakpoints { set: BTreeSet::new(), version: next_version() }
    }
}

impl Breakpoints {
    /// Adds one; `false` if it was there.
    pub fn insert(&mut self, pc: u64) -> bool {
        self.version = next_version();
        self.set.insert(pc)
    }

    /// Removes one; `false` if there was none.
    pub fn remove(&mut self, pc: u64) -> bool {
        self.version = next_version();
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

    /// A number that changes with every change of the set and that no other set has, so that executors
    /// know when the code they made for it is stale.
    #[must_use]
    pub const fn version(&self) -> u64 {
        self.version
    }
}
