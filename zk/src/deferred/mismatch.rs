//! What is wrong with a batch.

use causality_store::ContentId;

use super::DeferredHashId;

/// The first difference between a batch and what it should be.
#[derive(Clone, Debug, PartialEq, Eq, thiserror::Error)]
#[non_exhaustive]
pub enum BatchMismatch {
    /// The batch is not the one that was committed to.
    #[error("the batch is {actual}, not {claimed}")]
    Commitment {
        /// What the record says.
        claimed: ContentId,
        /// What the batch has.
        actual: ContentId,
    },
    /// There are more or fewer inputs than entries.
    #[error("{inputs} inputs for {entries} entries")]
    Count {
        /// Inputs given.
        inputs: usize,
        /// Entries of the batch.
        entries: usize,
    },
    /// An id is not its entry's position.
    #[error("entry {position} is for {id}")]
    Order {
        /// Position of the entry.
        position: usize,
        /// Its id.
        id: DeferredHashId,
    },
    /// The input is longer or shorter than the entry says.
    #[error("the input of {0} has another length")]
    Length(DeferredHashId),
    /// The input is not the bytes that were requested.
    #[error("the input of {0} is not what was requested")]
    Content(DeferredHashId),
    /// The output is not the hash of the input.
    #[error("the output of {0} is not the hash of its input")]
    Output(DeferredHashId),
}
