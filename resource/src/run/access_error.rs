//! Why a guest, or the host for it, cannot do something to a register.

use causality_machine::Fault;
use causality_store::{ContentId, EncodingError, StoreError};

use crate::{DenyReason, IllegalTransition, Right};

/// An operation during a run failed. Nothing of it has happened.
#[derive(Debug, thiserror::Error)]
#[non_exhaustive]
pub enum AccessError {
    /// The reference monitor denied it.
    #[error("{right} of {register} is denied: {reason}")]
    Denied {
        /// About which register.
        register: ContentId,
        /// To do what.
        right: Right,
        /// Why.
        reason: DenyReason,
    },
    /// The run declared fewer accesses.
    #[error("the run declared no access number {0}")]
    NoSuchAccess(usize),
    /// The slot has no register that was loaded by this run.
    #[error("slot {0} has no register of the store")]
    NotMapped(u64),
    /// The register is in a slot already.
    #[error("{0} is mapped already")]
    AlreadyMapped(ContentId),
    /// The register was consumed earlier in this run.
    #[error("{0} has been consumed in this run")]
    Consumed(ContentId),
    /// The register's state keeps everybody from reading it.
    #[error("{register} cannot be read: it is {state}")]
    NotReadable {
        /// Which register.
        register: ContentId,
        /// The word for its state.
        state: &'static str,
    },
    /// Too many registers, outputs or bytes.
    #[error("the run may have at most {limit} {what}")]
    Limit {
        /// Of what.
        what: &'static str,
        /// How many.
        limit: usize,
    },
    /// The register file refused.
    #[error("the register file refuses: {0:?}")]
    Fault(Fault),
    /// The register's state does not allow it.
    #[error(transparent)]
    Illegal(Box<IllegalTransition>),
    /// Bytes that are no register.
    #[error("slot {slot} holds no resource register: {error}")]
    NoRegister {
        /// Which slot.
        slot: u64,
        /// What is wrong.
        error: EncodingError,
    },
    /// A value cannot be encoded.
    #[error(transparent)]
    Encoding(#[from] EncodingError),
    /// The store failed.
    #[error(transparent)]
    Store(#[from] StoreError),
}

impl From<IllegalTransition> for AccessError {
    fn from(error: IllegalTransition) -> Self {
        AccessError::Illegal(Box::new(error))
    }
}

impl From<Fault> for AccessError {
    fn from(fault: Fault) -> Self {
        AccessError::Fault(fault)
    }
}
