//! Why a run does not take effect.

use core::fmt;

use causality_store::{CommitError, ContentId, EncodingError, ObjectKind, StoreError};

use crate::{
    AccessError, CapabilityError, DenyReason, IllegalTransition, Intent, LogicError, Record, RevocationId,
    Right, RunExit,
};

/// A run cannot start, or must not take effect. The store is as it was.
#[derive(Debug, thiserror::Error)]
#[non_exhaustive]
pub enum RunError {
    /// There is no such register in the state.
    #[error("there is no register {0}")]
    NoRegister(ContentId),
    /// The register is declared twice.
    #[error("{0} is declared twice")]
    DeclaredTwice(ContentId),
    /// More than a run may have.
    #[error("a run may have at most {limit} {what}")]
    Limit {
        /// Of what.
        what: &'static str,
        /// How many.
        limit: usize,
    },
    /// A capability is not what it has to be.
    #[error(transparent)]
    Capability(#[from] CapabilityError),
    /// The guest did not end well.
    #[error("the run did not succeed: {0}")]
    Failed(RunExit),
    /// The run did not do what it declared.
    #[error("the run declared to {intent} {register}, and did not")]
    NotUsed {
        /// Which register.
        register: ContentId,
        /// What was declared.
        intent: Intent,
    },
    /// The run did what it had not declared.
    #[error("the run used up {register}, and had declared to {intent} it")]
    NotDeclared {
        /// Which register.
        register: ContentId,
        /// What was declared.
        intent: Intent,
    },
    /// A register is still being built.
    #[error("the register in slot {0} is not sealed")]
    NotSealed(u32),
    /// A slot's bytes are no register.
    #[error("slot {slot} holds no resource register: {error}")]
    NotARegister {
        /// Which slot.
        slot: u32,
        /// What is wrong.
        error: EncodingError,
    },
    /// A register names a predecessor that it does not have, or none and has one.
    #[error("{register} names {found:?} as its predecessor, which is not {expected:?}")]
    WrongPredecessor {
        /// Which register.
        register: ContentId,
        /// What it has to name.
        expected: Option<ContentId>,
        /// What it names.
        found: Option<ContentId>,
    },
    /// A register claims to have been created at another time.
    #[error("{register} claims to be of another time than the run that created it")]
    WrongTime {
        /// Which register.
        register: ContentId,
    },
    /// A register that is created exists already, or did.
    #[error("{0} exists already, or did")]
    AlreadyExists(ContentId),
    /// A register was consumed by another run before this one could.
    #[error("{register} has been consumed by the run recorded as {by}")]
    AlreadyConsumed {
        /// Which register.
        register: ContentId,
        /// The record of the other run.
        by: ContentId,
    },
    /// The state of a register is not what it was when the run started.
    #[error("the state of {0} has changed since the run started")]
    RegisterChanged(ContentId),
    /// Others took from the same budget meanwhile.
    #[error("the budget of {0} has changed since the run started")]
    BudgetChanged(RevocationId),
    /// Logical time has advanced.
    #[error("the run is of epoch {run}, and it is epoch {now}")]
    EpochChanged {
        /// The epoch that the run froze.
        run: u64,
        /// The epoch of the store.
        now: u64,
    },
    /// A block of one of the run's capabilities was revoked since the execution began, whether it was used or not.
    #[error("{0} has been revoked since the run started")]
    RevokedMeanwhile(RevocationId),
    /// A change of state that the table does not have.
    #[error(transparent)]
    Illegal(Box<IllegalTransition>),
    /// The reference monitor denied something that takes effect only now, or that it had allowed before.
    #[error("{right} of {resource} is denied: {reason}")]
    Denied {
        /// About which resource or domain.
        resource: ContentId,
        /// To do what.
        right: Right,
        /// Why.
        reason: DenyReason,
    },
    /// A logic or conservation forbids it.
    #[error(transparent)]
    Logic(#[from] LogicError),
    /// An operation of the host failed.
    #[error(transparent)]
    Access(#[from] AccessError),
    /// A repetition of a run takes no effect.
    #[error("a run that is repeated cannot be committed")]
    Replay,
    /// A record that the run relies on is not one of this store.
    #[error("no run recorded as {0} took effect in this store")]
    NoParent(ContentId),
    /// A field of a record cannot be repeated.
    #[error("field `{field}`: {error}")]
    Field {
        /// Which.
        field: String,
        /// What is wrong with it.
        #[source]
        error: Box<RunError>,
    },
    /// A record of a version that this engine cannot repeat.
    #[error("the record has version {0}, and this engine repeats version {expected}", expected = Record::VERSION)]
    RecordVersion(u32),
    /// The state has a value that makes no sense.
    #[error("the state is damaged: {0}")]
    Damaged(String),
    /// A value cannot be encoded.
    #[error(transparent)]
    Encoding(#[from] EncodingError),
    /// The store failed.
    #[error(transparent)]
    Store(#[from] StoreError),
    /// The store could not commit, for another reason than those above.
    #[error(transparent)]
    Commit(Box<CommitError>),
}

impl RunError {
    /// This error, about a field of a record.
    pub(crate) fn of_field(self, field: impl Into<String>) -> Self {
        RunError::Field { field: field.into(), error: Box::new(self) }
    }
}

impl From<IllegalTransition> for RunError {
    fn from(error: IllegalTransition) -> Self {
        RunError::Illegal(Box::new(error))
    }
}

impl From<CommitError> for RunError {
    fn from(error: CommitError) -> Self {
        RunError::Commit(Box::new(error))
    }
}

/// A run that must not take effect, and the record of it.
#[derive(thiserror::Error)]
#[error("{error}")]
pub struct Rejected {
    /// Why.
    #[source]
    pub error: Box<RunError>,
    /// What it did and was decided until then. It is not in the store.
    pub record: Box<Record>,
    /// What the record names and the store may not have, for [`ResourceManager::keep`](crate::ResourceManager::keep).
    pub(crate) objects: Vec<(ObjectKind, Vec<u8>)>,
}

impl fmt::Debug for Rejected {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        let Rejected { error, record, objects } = self;
        let mut shown = f.debug_struct("Rejected");
        shown.field("error", error).field("record", record).field("objects", &objects.len()).finish()
    }
}
