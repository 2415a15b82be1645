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
/// ```
/// use causality_store::{Commit, Commitment, StateKey, Store, verify_state};
///
/// let store = Store::in_memory()?;
/// let (key, other) = (StateKey::from_bytes([1; 32]), StateKey::from_bytes([2; 32]));
/// let mut commit = Commit::new();
/// commit.set(key, Commitment::from_bytes([7; 32]));
/// let root = store.commit(commit)?.state;
///
/// // Whoever knows the root need not believe the store.
/// let (value, proof) = store.snapshot()?.prove_state(key)?;
/// verify_state(root, key, value, &proof)?;
/// assert!(verify_state(root, key, None, &proof).is_err());
/// let (nothing, proof) = store.snapshot()?.prove_state(other)?;
/// assert_eq!(nothing, None);
/// verify_state(root, other, None, &proof)?;
/// # Ok::<(), Box<dyn std::error::Error>>(())
/// ```
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
/// ```
/// use causality_store::{Blob, Commit, Nullifier, Store, verify_nullifier};
///
/// let store = Store::in_memory()?;
/// let nullifier = Nullifier::from_bytes([7; 32]);
/// let mut commit = Commit::new();
/// let record = commit.object(&Blob::from("what happened"))?;
/// commit.record(record);
/// commit.consume(nullifier, record);
/// let root = store.commit(commit)?.nullifiers;
///
/// let (by, proof) = store.snapshot()?.prove_nullifier(nullifier)?;
/// assert_eq!(by, Some(record));
/// verify_nullifier(root, nullifier, by, &proof)?;
/// assert!(verify_nullifier(root, nullifier, None, &proof).is_err());
/// # Ok::<(), Box<dyn std::error::Error>>(())
/// ```
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
