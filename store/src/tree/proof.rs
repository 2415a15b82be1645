//! Proofs that something is in a tree, or is not, and what verifies them.

use borsh::{BorshDeserialize, BorshSerialize};
use jmt::proof::SparseMerkleProof;
use jmt::{KeyHash, RootHash, SimpleHasher};
use serde::{Deserialize, Serialize};

use super::{NullifierTree, StateTree};
use crate::{Commitment, ContentId, Nullifier, StateKey};

/// The proof does not show what it is said to show.
#[derive(Clone, Debug, PartialEq, Eq, thiserror::Error)]
#[error("the proof does not hold: {0}")]
pub struct ProofError(String);

impl ProofError {
    pub(super) fn new(why: &str) -> Self {
        ProofError(why.to_owned())
    }
}

/// Shows that a key has a certain value in the state, or has none. See [`verify_state`].
#[derive(Clone, Debug, PartialEq, BorshSerialize, BorshDeserialize, Serialize, Deserialize)]
pub struct StateProof(#[serde(bound = "")] SparseMerkleProof<StateTree>);

/// Shows that a nullifier is there, and which record brought it, or that it is not. See [`verify_nullifier`].
#[derive(Clone, Debug, PartialEq, BorshSerialize, BorshDeserialize, Serialize, Deserialize)]
pub struct NullifierProof(#[serde(bound = "")] SparseMerkleProof<NullifierTree>);

impl StateProof {
    pub(crate) const fn new(proof: SparseMerkleProof<StateTree>) -> Self {
        StateProof(proof)
    }
}

impl NullifierProof {
    pub(crate) const fn new(proof: SparseMerkleProof<NullifierTree>) -> Self {
        NullifierProof(proof)
    }
}

/// Checks that in the state with this root, `key` has this value, or none. Needs nothing but its arguments.
///
/// # Errors
///
/// If the proof does not show just that.
pub fn verify_state(
    root: Commitment,
    key: StateKey,
    value: Option<Commitment>,
    proof: &StateProof,
) -> Result<(), ProofError> {
    verify(&proof.0, *root.as_bytes(), *key.as_bytes(), value.map(|value| *value.as_bytes()))
}

/// Checks that in the set with this root, `nullifier` was brought by this record, or is not there. Needs
/// nothing but its arguments.
///
/// # Errors
///
/// If the proof does not show just that.
pub fn verify_nullifier(
    root: Commitment,
    nullifier: Nullifier,
    by: Option<ContentId>,
    proof: &NullifierProof,
) -> Result<(), ProofError> {
    verify(&proof.0, *root.as_bytes(), *nullifier.as_bytes(), by.map(|by| *by.as_bytes()))
}

pub(crate) fn verify<H: SimpleHasher>(
    proof: &SparseMerkleProof<H>,
    root: [u8; 32],
    key: [u8; 32],
    value: Option<[u8; 32]>,
) -> Result<(), ProofError> {
    proof.verify(RootHash(root), KeyHash(key), value).map_err(|error| ProofError(error.to_string()))
}
