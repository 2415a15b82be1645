//! Why a transaction did not take effect.

use causality_resource::{Rejected, RunError};
use causality_store::StoreError;

use crate::Error;

/// A transaction could not be started, or must not take effect. The store is as it was.
#[derive(Debug, thiserror::Error)]
#[non_exhaustive]
pub enum TransactionError {
    /// The program cannot be run, or the host failed while it ran.
    #[error(transparent)]
    Engine(#[from] Error),
    /// It cannot be started.
    #[error(transparent)]
    Run(#[from] RunError),
    /// It was refused after it had started; with the record of what it did until then.
    #[error(transparent)]
    Rejected(#[from] Rejected),
    /// The guest has not ended.
    #[error("the guest has not ended")]
    NotEnded,
    /// What the program is given cannot be kept for a repetition.
    #[error("arguments, environment and settings of a transaction can have {0} bytes at most")]
    SettingsTooLong(u64),
    /// A record, or something that it names, is not what it should be.
    #[error("the record cannot be repeated: field `{field}`: {problem}")]
    Record {
        /// In which field, and where in it: `inputs[0].fuel`, for example.
        field: String,
        /// What is wrong with it.
        problem: String,
    },
}

impl TransactionError {
    pub(super) fn record(field: impl Into<String>, problem: impl ToString) -> Self {
        TransactionError::Record { field: field.into(), problem: problem.to_string() }
    }
}

impl From<StoreError> for TransactionError {
    fn from(error: StoreError) -> Self {
        TransactionError::Run(error.into())
    }
}
