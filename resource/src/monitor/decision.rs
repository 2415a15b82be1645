//! A decision, as it is recorded.

use core::fmt;

use borsh::{BorshDeserialize, BorshSerialize};
use causality_store::ContentId;

use crate::{DenyReason, Phase, Principal, RevocationId, Right};

/// Yes, or no and why.
#[derive(Clone, Debug, PartialEq, Eq, Hash, BorshSerialize, BorshDeserialize)]
pub enum Verdict {
    /// It may.
    Allowed,
    /// It may not.
    Denied(DenyReason),
}

/// What the monitor was asked, and what it decided.
#[derive(Clone, Debug, PartialEq, Eq, Hash, BorshSerialize, BorshDeserialize)]
pub struct Decision {
    /// Who asked.
    pub initiator: Principal,
    /// About which resource; about which domain, if the right is to issue.
    pub resource: ContentId,
    /// To do what.
    pub right: Right,
    /// In which phase.
    pub phase: Phase,
    /// In which epoch.
    pub epoch: u64,
    /// What was decided.
    pub verdict: Verdict,
    /// The blocks of the capability that allowed it.
    pub capability: Vec<RevocationId>,
}

impl Decision {
    /// Whether the access was allowed.
    #[must_use]
    pub const fn is_allowed(&self) -> bool {
        matches!(self.verdict, Verdict::Allowed)
    }
}

impl fmt::Display for Decision {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        let Decision { initiator, resource, right, phase, epoch, .. } = self;
        let verdict = if self.is_allowed() { "allowed" } else { "denied" };
        write!(f, "{verdict}: {right} {resource} by {initiator} in {phase}, epoch {epoch}")?;
        match &self.verdict {
            Verdict::Allowed => self.capability.last().map_or(Ok(()), |block| write!(f, ", by {block}")),
            Verdict::Denied(reason) => write!(f, ": {reason}"),
        }
    }
}
