//! Why a batch was broken off.

use causality_store::{CommitError, ContentId, StoreError};

use crate::transaction::TransactionError;

/// A batch was broken off: the host failed, or it was asked for something that makes no sense. What was finished before is in the store.
#[derive(Debug, thiserror::Error)]
#[non_exhaustive]
pub enum BatchError {
    /// The host failed while a work was under way.
    #[error("work {index}: {error}")]
    Work {
        /// Which, counted from 0.
        index: usize,
        /// What happened.
        #[source]
        error: Box<TransactionError>,
    },
    /// The store failed.
    #[error(transparent)]
    Store(#[from] StoreError),
    /// The store could not keep what was finished.
    #[error(transparent)]
    Commit(#[from] CommitError),
    /// The journal is of a batch with other works, or with other limits.
    #[error("work {index} is {found}, and the journal has a result of {expected} for it")]
    OtherWork {
        /// Which, counted from 0.
        index: usize,
        /// What the journal is about.
        expected: ContentId,
        /// What is to be done now.
        found: ContentId,
    },
    /// The host has no thread for it.
    #[error("cannot start a thread: {0}")]
    Thread(#[source] std::io::Error),
    /// Others change the same registers again and again.
    #[error("others changed what a round of transactions relied on {0} times in a row")]
    Contended(usize),
}

impl BatchError {
    pub(super) fn of_work(index: usize, error: impl Into<TransactionError>) -> Self {
        BatchError::Work { index, error: Box::new(error.into()) }
    }
}
