//! A register that the host is about to create.

use causality_store::ContentId;

use crate::{Principal, ResourceRegister};

/// The fields of a register that the creator chooses; the run fills in the time.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct RegisterDraft {
    /// The logic that governs it.
    pub logic: ContentId,
    /// Its fungibility domain.
    pub domain: ContentId,
    /// How much of the domain it holds.
    pub quantity: u64,
    /// Who controls it.
    pub controller: Principal,
    /// What its nullifier is derived from.
    pub nullifier_key: [u8; 32],
    /// Makes it different from others with the same contents.
    pub nonce: [u8; 32],
    /// The register it replaces or comes from.
    pub predecessor: Option<ContentId>,
    /// Whatever its logic makes of them.
    pub metadata: Vec<u8>,
}

impl RegisterDraft {
    /// The register, created in this epoch and time context.
    #[must_use]
    pub fn observed(self, epoch: u64, time_context: ContentId) -> ResourceRegister {
        ResourceRegister {
            logic: self.logic,
            domain: self.domain,
            quantity: self.quantity,
            controller: self.controller,
            nullifier_key: self.nullifier_key,
            observed_at: epoch,
            time_context,
            nonce: self.nonce,
            predecessor: self.predecessor,
            metadata: self.metadata,
        }
    }
}
