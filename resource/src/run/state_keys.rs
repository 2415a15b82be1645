//! Where the state has what is not a register.

use causality_store::{Commitment, StateKey};

use crate::{RevocationId, Spent};

const REVOKED: &str = "causality-vm 2026-11-23 state key v1: revoked";
const SPENT: &str = "causality-vm 2026-11-23 state key v1: spent";

/// The key that is there when a block is revoked. With a proof that it is not, anybody can check that a
/// capability was valid.
#[must_use]
pub fn revocation_key(block: RevocationId) -> StateKey {
    StateKey::from_bytes(blake3::derive_key(REVOKED, block.as_bytes()))
}

/// The key under which is what was taken from the budget of a block.
#[must_use]
pub fn spent_key(block: RevocationId) -> StateKey {
    StateKey::from_bytes(blake3::derive_key(SPENT, block.as_bytes()))
}

/// The value under [`spent_key`]: uses and quantity, little-endian, and zeros.
pub(crate) fn encode_spent(spent: Spent) -> Commitment {
    let mut bytes = [0; 32];
    bytes[..8].copy_from_slice(&spent.uses.to_le_bytes());
    bytes[8..24].copy_from_slice(&spent.quantity.to_le_bytes());
    Commitment::from_bytes(bytes)
}

/// What the state has under [`spent_key`] then: nothing before anything is spent.
pub(crate) fn spent_value(spent: Spent) -> Option<Commitment> {
    (spent != Spent::default()).then(|| encode_spent(spent))
}

pub(crate) fn decode_spent(value: Commitment) -> Option<Spent> {
    let (uses, rest) = value.as_bytes().split_first_chunk()?;
    let (quantity, zeros) = rest.split_first_chunk()?;
    let spent = Spent { uses: u64::from_le_bytes(*uses), quantity: u128::from_le_bytes(*quantity) };
    (zeros == [0; 8]).then_some(spent)
}
