//! What one block of a capability says.

use crate::{Phases, Principal, RevocationId, Rights, Target};

/// A limit on uses or quantity, and the block that has it. All capabilities with that block share it.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct Budget {
    /// The block.
    pub block: RevocationId,
    /// At most so many uses.
    pub max_uses: Option<u64>,
    /// At most this quantity over all uses.
    pub max_quantity: Option<u64>,
}

/// The facts of a block that mean something to the monitor.
#[derive(Clone, Debug, Default)]
pub(super) struct BlockFacts {
    pub(super) holder: Option<Principal>,
    pub(super) rights: Option<Rights>,
    pub(super) targets: Vec<Target>,
    pub(super) valid_from: Option<u64>,
    pub(super) expires_at: Option<u64>,
    pub(super) phases: Option<Phases>,
    pub(super) max_uses: Option<u64>,
    pub(super) max_quantity: Option<u64>,
    /// Who signed the block, if that is not whoever had the token.
    pub(super) signer: Option<Principal>,
}
