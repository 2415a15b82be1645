//! Why an access was denied.

use borsh::{BorshDeserialize, BorshSerialize};

use crate::{Principal, RevocationId};

/// The reason of a denial. Later ones are nearer to being allowed: where several capabilities were tried,
/// the last of their reasons is given.
#[derive(
    Clone, Debug, PartialEq, Eq, Hash, PartialOrd, Ord, BorshSerialize, BorshDeserialize, thiserror::Error,
)]
pub enum DenyReason {
    /// The run asked for more decisions than can be kept. It takes no effect.
    #[error("the run asked for too many decisions")]
    TooManyDecisions,
    /// The run declared no access to it.
    #[error("the run did not declare an access to it")]
    NotDeclared,
    /// The run has no capability at all.
    #[error("there is no capability")]
    NoCapability,
    /// No capability has this number in this run.
    #[error("no capability has the handle {0}")]
    UnknownHandle(u64),
    /// The issuer is neither a trusted root nor, if that is allowed, the controller.
    #[error("{0} is not trusted to issue it")]
    IssuerNotTrusted(Principal),
    /// The initiator is not the holder.
    #[error("the initiator does not hold the capability")]
    NotHolder,
    /// The capability is about other resources.
    #[error("the capability does not cover it")]
    NotCovered,
    /// The capability does not grant the right.
    #[error("the capability does not grant the right")]
    NotGranted,
    /// Not in this phase.
    #[error("the capability is not for this phase")]
    WrongPhase,
    /// Not yet.
    #[error("the capability is valid from epoch {valid_from} on")]
    NotYetValid {
        /// From when on it is.
        valid_from: u64,
    },
    /// Not any more: `expires_at <= now`.
    #[error("the capability expired at epoch {expires_at}")]
    Expired {
        /// Since when it is not.
        expires_at: u64,
    },
    /// A check of the token fails.
    #[error("a check of the capability fails")]
    CheckFailed,
    /// The block is revoked, and whatever was built on it.
    #[error("{0} is revoked")]
    Revoked(RevocationId),
    /// All uses are taken.
    #[error("all {max_uses} uses of {block} are taken")]
    UsesExhausted {
        /// The block with the limit.
        block: RevocationId,
        /// The limit.
        max_uses: u64,
    },
    /// What is left of the quantity is too little.
    #[error("of the quantity {max_quantity} of {block}, too little is left")]
    QuantityExhausted {
        /// The block with the limit.
        block: RevocationId,
        /// The limit.
        max_quantity: u64,
    },
}
