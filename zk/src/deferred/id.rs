//! The name of a hash that is not computed yet.

use core::fmt;

use borsh::{BorshDeserialize, BorshSerialize};

/// A request, by its number in program order: the first is 0.
///
/// It is the same in every run of the same program with the same input, and is no hash: whoever stores
/// it stores a reference into one run's batch.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Hash, PartialOrd, Ord, BorshSerialize, BorshDeserialize)]
pub struct DeferredHashId(u64);

impl DeferredHashId {
    /// The id with this number. Whether it was given out is another question.
    #[must_use]
    pub const fn from_number(number: u64) -> Self {
        DeferredHashId(number)
    }

    /// The number, which is what guests see.
    #[must_use]
    pub const fn number(self) -> u64 {
        self.0
    }
}

impl fmt::Display for DeferredHashId {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(f, "hash #{}", self.0)
    }
}

/// No request of this run has this id.
#[derive(Clone, Copy, Debug, PartialEq, Eq, thiserror::Error)]
#[error("{0} was never requested")]
pub struct UnknownHashId(pub DeferredHashId);
