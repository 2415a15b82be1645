//! A resource register.

use borsh::{BorshDeserialize, BorshSerialize};
use causality_store::{ContentId, EncodingError, Nullifier, Object, ObjectKind};

use crate::{Principal, ResourceFacts};

/// What a resource register holds. It never changes: an update consumes it and creates a successor.
///
/// The canonical bytes are the contents of its window in guest memory, and their hash is its identifier. Fields
/// of fixed length come first, so that a guest finds them at fixed offsets. Where it is in its life is no part
/// of it: that is a [`RegisterEntry`](crate::RegisterEntry) in the state.
#[derive(Clone, Debug, PartialEq, Eq, Hash, BorshSerialize, BorshDeserialize)]
pub struct ResourceRegister {
    /// Offset 0: the logic that governs it.
    pub logic: ContentId,
    /// Offset 32: its fungibility domain. Quantities of one domain are interchangeable and conserved.
    pub domain: ContentId,
    /// Offset 64: how much of the domain it holds.
    pub quantity: u64,
    /// Offset 72: the public key of who controls it.
    pub controller: Principal,
    /// Offset 104: what its nullifier is derived from. Whoever does not know it cannot tell by a nullifier which
    /// register was consumed.
    pub nullifier_key: [u8; 32],
    /// Offset 136: the epoch of the run that created it.
    pub observed_at: u64,
    /// Offset 144: the [`TimeContext`](crate::TimeContext) of the run that created it.
    pub time_context: ContentId,
    /// Offset 176: makes registers with otherwise equal contents different.
    pub nonce: [u8; 32],
    /// Offset 208: the register that it replaces, if it replaces one.
    pub predecessor: Option<ContentId>,
    /// Whatever its logic makes of them.
    pub metadata: Vec<u8>,
}

impl ResourceRegister {
    const NULLIFIER_CONTEXT: &'static str = "causality-vm 2026-11-22 nullifier v1";

    /// The mark that its consumption leaves: the same each time, so that there is no second time.
    ///
    /// # Errors
    ///
    /// [`EncodingError::Unencodable`]: more metadata than can be encoded.
    pub fn nullifier(&self) -> Result<Nullifier, EncodingError> {
        let mut hasher = blake3::Hasher::new_derive_key(Self::NULLIFIER_CONTEXT);
        hasher.update(&self.nullifier_key).update(self.content_id()?.as_bytes());
        Ok(Nullifier::from_bytes(*hasher.finalize().as_bytes()))
    }

    /// What decisions about it depend on; `id` is its identifier.
    #[must_use]
    pub fn facts(&self, id: ContentId) -> ResourceFacts {
        ResourceFacts {
            id,
            domain: self.domain,
            logic: self.logic,
            quantity: self.quantity,
            controller: Some(self.controller),
        }
    }
}

impl Object for ResourceRegister {
    const KIND: ObjectKind = ObjectKind::Register;
}
