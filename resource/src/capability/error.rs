//! Why a capability is not what it has to be.

use crate::{Principal, Rights};

/// A token cannot be made, read or believed.
#[derive(Clone, Debug, PartialEq, Eq, thiserror::Error)]
#[non_exhaustive]
pub enum CapabilityError {
    /// The bytes or the text are no capability.
    #[error("not a capability: {0}")]
    Malformed(String),
    /// A signature does not verify.
    #[error("the capability's signatures do not verify: {0}")]
    Signature(String),
    /// Larger or more complicated than allowed, or with parts that this engine does not evaluate.
    #[error("the capability has a shape that is not allowed: {0}")]
    Shape(String),
    /// A number does not fit in a token.
    #[error("{0} is too large for a capability; {max} is the most", max = i64::MAX)]
    OutOfRange(u64),
    /// The child would have rights that its parent has not.
    #[error("the parent grants {parent}, so the child cannot have {child}")]
    WidensRights {
        /// What the parent grants.
        parent: Rights,
        /// What the child asked for.
        child: Rights,
    },
    /// The child would be valid when its parent is not any more.
    #[error("the parent expires at epoch {parent}, so the child cannot last until {child}")]
    OutlivesParent {
        /// When the parent expires.
        parent: u64,
        /// When the child was to expire.
        child: u64,
    },
    /// The child would reach resources that its parent does not.
    #[error("the parent covers {parent}, so the child cannot cover {child}")]
    WidensTarget {
        /// What the parent covers.
        parent: String,
        /// What the child was to cover.
        child: String,
    },
    /// The child would have more uses or a larger quantity than its parent.
    #[error("the parent allows {what} {parent}, so the child cannot have {child}")]
    WidensBudget {
        /// Which of the two.
        what: &'static str,
        /// What the parent allows.
        parent: u64,
        /// What the child asked for.
        child: u64,
    },
    /// A capability without the right to delegate was handed on.
    #[error("the capability does not grant `delegate`")]
    NotDelegable,
    /// Handed on by somebody else than its holder.
    #[error("the holder is {holder}; {signer} cannot hand the capability on")]
    NotHolder {
        /// Who holds it.
        holder: Principal,
        /// Who signed.
        signer: Principal,
    },
}
