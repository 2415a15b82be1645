//! What the lists of a record are made of.

use core::fmt;

use borsh::{BorshDeserialize, BorshSerialize};
use causality_store::{ContentId, Nullifier};

use crate::{Intent, RevocationId, Spent};

/// Something that a program was given: its arguments, its standard input.
#[derive(Clone, Debug, PartialEq, Eq, Hash, BorshSerialize, BorshDeserialize)]
pub struct RunInput {
    /// What it is.
    pub name: String,
    /// The blob.
    pub blob: ContentId,
}

/// A register that a run declared, and used.
#[derive(Clone, Debug, PartialEq, Eq, Hash, BorshSerialize, BorshDeserialize)]
pub struct AccessRecord {
    /// Which.
    pub register: ContentId,
    /// What the run meant to do with it.
    pub intent: Intent,
    /// The [`RegisterEntry`](crate::RegisterEntry) that the state had for it.
    pub entry: ContentId,
}

/// A register that a run used up.
#[derive(Clone, Debug, PartialEq, Eq, Hash, BorshSerialize, BorshDeserialize)]
pub struct ConsumedRecord {
    /// Which.
    pub register: ContentId,
    /// The mark that this leaves.
    pub nullifier: Nullifier,
}

/// A register that a run replaced.
#[derive(Clone, Debug, PartialEq, Eq, Hash, BorshSerialize, BorshDeserialize)]
pub struct UpdatedRecord {
    /// Which.
    pub register: ContentId,
    /// The mark that this leaves.
    pub nullifier: Nullifier,
    /// What took its place.
    pub successors: Vec<ContentId>,
}

/// A register that a run left behind.
#[derive(Clone, Debug, PartialEq, Eq, Hash, BorshSerialize, BorshDeserialize)]
pub struct CreatedRecord {
    /// Which.
    pub register: ContentId,
    /// What it replaces or came from.
    pub predecessor: Option<ContentId>,
}

/// What a run took from the budget of a capability's block.
#[derive(Clone, Debug, PartialEq, Eq, Hash, BorshSerialize, BorshDeserialize)]
pub struct BudgetRecord {
    /// The block.
    pub block: RevocationId,
    /// What was spent before.
    pub before: Spent,
    /// What is spent with this run.
    pub after: Spent,
}

/// How a run ended.
#[derive(Clone, Debug, PartialEq, Eq, Hash, BorshSerialize, BorshDeserialize)]
pub enum RunExit {
    /// No guest ran: the host did it.
    Host,
    /// The guest exited with this code.
    Exited(i32),
    /// The guest trapped.
    Trapped {
        /// The cause.
        cause: u64,
        /// Where.
        pc: u64,
        /// Which address or value.
        tval: u64,
    },
    /// The guest had no fuel left.
    OutOfFuel,
    /// The guest was not allowed to take effect.
    Rejected(String),
}

impl RunExit {
    /// Whether a run that ended so may take effect.
    #[must_use]
    pub const fn is_success(&self) -> bool {
        matches!(self, RunExit::Host | RunExit::Exited(0))
    }
}

impl fmt::Display for RunExit {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        match self {
            RunExit::Host => f.write_str("done by the host"),
            RunExit::Exited(code) => write!(f, "exited with {code}"),
            RunExit::Trapped { cause, pc, tval } => write!(f, "trap {cause} at {pc:#x}, value {tval:#x}"),
            RunExit::OutOfFuel => f.write_str("out of fuel"),
            RunExit::Rejected(reason) => write!(f, "rejected: {reason}"),
        }
    }
}
