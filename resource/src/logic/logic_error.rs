//! Why a logic, or conservation, forbids what a run did.

use causality_store::ContentId;

use crate::Balance;

/// A logic says no, in its own words.
#[derive(Clone, Debug, PartialEq, Eq, thiserror::Error)]
#[error("{0}")]
pub struct Refusal(pub String);

impl Refusal {
    /// A refusal with these words.
    #[must_use]
    pub fn new(words: impl Into<String>) -> Self {
        Refusal(words.into())
    }
}

/// What a run did to registers is not allowed.
#[derive(Clone, Debug, PartialEq, Eq, thiserror::Error)]
#[non_exhaustive]
pub enum LogicError {
    /// Nobody has the logic.
    #[error("there is no logic {0}")]
    Unknown(ContentId),
    /// A logic with this identifier is there already.
    #[error("there is a logic {0} already")]
    Duplicate(ContentId),
    /// What was loaded as the logic is another.
    #[error("asked for logic {asked}, and was given {given}")]
    Mismatch {
        /// The logic that was asked for.
        asked: ContentId,
        /// The one that came.
        given: ContentId,
    },
    /// The logic forbids it.
    #[error("logic {logic} refuses: {refusal}")]
    Refused {
        /// Which logic.
        logic: ContentId,
        /// Its words.
        refusal: Refusal,
    },
    /// The logic comes to other registers than the run built.
    #[error("logic {logic} comes to other registers than were built")]
    OtherOutcome {
        /// Which logic.
        logic: ContentId,
    },
    /// Quantity came to be or ceased to be, and nothing allows that.
    #[error("domain {domain} under logic {logic}: {} went in and {} came out", balance.consumed, balance.created)]
    NotConserved {
        /// The domain.
        domain: ContentId,
        /// The logic whose registers of it do not add up.
        logic: ContentId,
        /// Its sums.
        balance: Balance,
    },
    /// A sum of quantities cannot be represented.
    #[error("the quantities of domain {domain} cannot be summed up")]
    Overflow {
        /// The domain.
        domain: ContentId,
    },
    /// The logic could not be run.
    #[error("logic {logic} failed: {reason}")]
    Failed {
        /// Which logic.
        logic: ContentId,
        /// Why.
        reason: String,
    },
}
