//! Why a commit did not take effect.

use crate::{Commitment, ContentId, EncodingError, Nullifier, StateKey, StoreError};

/// Why nothing of a [`Commit`](crate::Commit) took effect.
#[derive(Debug, thiserror::Error)]
#[non_exhaustive]
pub enum CommitError {
    /// Something that the commit consumes was consumed before.
    #[error("{nullifier} was consumed by {by}")]
    AlreadyConsumed {
        /// What is consumed a second time.
        nullifier: Nullifier,
        /// The record of the first time.
        by: ContentId,
    },
    /// The commit consumes the same thing twice.
    #[error("the commit consumes {0} twice")]
    ConsumedTwice(Nullifier),
    /// Something that the run read has changed since.
    #[error("the state under {key} has changed: expected {}, found {}", shown(.expected), shown(.found))]
    Changed {
        /// Where.
        key: StateKey,
        /// What the run read.
        expected: Option<Commitment>,
        /// What is there.
        found: Option<Commitment>,
    },
    /// Logical time has advanced since.
    #[error("the epoch has changed: expected {expected}, found {found}")]
    EpochChanged {
        /// The epoch of the run.
        expected: u64,
        /// That of the store.
        found: u64,
    },
    /// The commit refers to an object that is neither in the store nor in the commit.
    #[error("the commit refers to {0}, which is not in the store")]
    MissingReference(ContentId),
    /// A staged object is of another store.
    #[error("{0} was staged for another store")]
    Foreign(ContentId),
    /// A value has no canonical encoding.
    #[error(transparent)]
    Encoding(#[from] EncodingError),
    /// The store failed. Whether the commit took effect is unknown if the failure came from writing to the disk
    /// at its very end; its nullifiers tell.
    #[error(transparent)]
    Store(#[from] StoreError),
}

fn shown(value: &Option<Commitment>) -> String {
    value.map_or_else(|| "nothing".to_owned(), |value| value.to_string())
}
