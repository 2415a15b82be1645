//! Proofs of what root the state has after some of it is set.

use std::collections::BTreeMap;

use borsh::{BorshDeserialize, BorshSerialize};
use jmt::proof::{INTERNAL_DOMAIN_SEPARATOR, LEAF_DOMAIN_SEPARATOR, UpdateMerkleProof};
use jmt::{KeyHash, SimpleHasher, ValueHash};
use redb::ReadableTable;

use super::nodes::damaged;
use super::proof::ProofError;
use super::{StateTree, TreeView};
use crate::{Commitment, Object, ObjectKind, StateKey, StoreError};

/// Bits of a key: no leaf is deeper.
const DEPTH: usize = 256;

/// What stands for a subtree without leaves.
const EMPTY: Hash = *b"SPARSE_MERKLE_PLACEHOLDER_HASH__";

type Hash = [u8; 32];

/// Shows what root the state has after certain keys are set. See [`state_after`].
///
/// It has the way to each key, in the order of keys, in the tree in which those before it are set already.
///
/// The empty one shows that a state without changes stays what it is.
#[derive(Clone, Debug, Default, PartialEq, Eq, BorshSerialize, BorshDeserialize)]
pub struct StateUpdateProof(Vec<Path>);

impl Object for StateUpdateProof {
    const KIND: ObjectKind = ObjectKind::Proof;
}

/// The way to where a key is, or would be.
#[derive(Clone, Debug, PartialEq, Eq, BorshSerialize, BorshDeserialize)]
struct Path {
    /// The leaf that is there.
    leaf: Option<Leaf>,
    /// What stands for the other subtree on each level, from the leaf up.
    siblings: Vec<Hash>,
}

/// A leaf, and what its value hashes to.
#[derive(Clone, Copy, Debug, PartialEq, Eq, BorshSerialize, BorshDeserialize)]
struct Leaf {
    key: Hash,
    value: Hash,
}

/// The root that the state with the root `before` has after `changes`. Needs nothing but its arguments.
///
/// # Errors
///
/// If the proof is not of just these changes in just that state.
pub fn state_after(
    before: Commitment,
    changes: &BTreeMap<StateKey, Commitment>,
    proof: &StateUpdateProof,
) -> Result<Commitment, ProofError> {
    if proof.0.len() != changes.len() {
        return Err(ProofError::new("it is of another number of changes"));
    }
    let mut root = *before.as_bytes();
    for ((key, value), path) in changes.iter().zip(&proof.0) {
        let value = ValueHash::with::<StateTree>(value.as_bytes()).0;
        root = path.root_after::<StateTree>(root, Leaf { key: *key.as_bytes(), value })?;
    }
    Ok(Commitment::from_bytes(root))
}

impl Path {
    /// The root after `new` is set, if this is the way to its key under the root `before`.
    fn root_after<H: SimpleHasher>(&self, before: Hash, new: Leaf) -> Result<Hash, ProofError> {
        let depth = self.siblings.len();
        if depth > DEPTH {
            return Err(ProofError::new("it is too deep"));
        }
        let common = self.leaf.map_or(DEPTH, |old| common_bits(&old.key, &new.key));
        if common < depth {
            return Err(ProofError::new("it leads to where the key cannot be"));
        }
        let old = self.leaf.map_or(EMPTY, |old| old.hash::<H>());
        if self.fold::<H>(old, &new.key) != before {
            return Err(ProofError::new("it does not lead to the root"));
        }
        // Two leaves in one place part at the first bit in which they differ.
        let mut subtree = new.hash::<H>();
        if common < DEPTH {
            subtree = parent::<H>(subtree, old, &new.key, common);
            subtree =
                (depth..common).rev().fold(subtree, |below, at| parent::<H>(below, EMPTY, &new.key, at));
        }
        Ok(self.fold::<H>(subtree, &new.key))
    }

    /// The root of the tree that has `subtree` at the end of this way.
    fn fold<H: SimpleHasher>(&self, subtree: Hash, key: &Hash) -> Hash {
        let levels = (0..self.siblings.len()).rev();
        levels.zip(&self.siblings).fold(subtree, |below, (at, other)| parent::<H>(below, *other, key, at))
    }
}

impl Leaf {
    fn hash<H: SimpleHasher>(&self) -> Hash {
        hash::<H>(LEAF_DOMAIN_SEPARATOR, &self.key, &self.value)
    }
}

/// What stands for `subtree` and its sibling, which part at bit `at` of keys; `key` is one in `subtree`.
fn parent<H: SimpleHasher>(subtree: Hash, sibling: Hash, key: &Hash, at: usize) -> Hash {
    let (left, right) = if bit(key, at) { (sibling, subtree) } else { (subtree, sibling) };
    hash::<H>(INTERNAL_DOMAIN_SEPARATOR, &left, &right)
}

fn hash<H: SimpleHasher>(domain: &[u8], first: &Hash, second: &Hash) -> Hash {
    let mut hasher = H::new();
    [domain, first, second].into_iter().for_each(|bytes| hasher.update(bytes));
    hasher.finalize()
}

fn bit(key: &Hash, at: usize) -> bool {
    key[at / 8] & (0x80 >> (at % 8)) != 0
}

fn common_bits(left: &Hash, right: &Hash) -> usize {
    (0..DEPTH).find(|&at| bit(left, at) != bit(right, at)).unwrap_or(DEPTH)
}

/// The proof as the tree makes it: what it has of siblings is more than their hashes.
#[derive(BorshDeserialize)]
struct Made {
    leaf: Option<Leaf>,
    siblings: Vec<Sibling>,
}

#[derive(BorshDeserialize)]
enum Sibling {
    Nothing,
    Internal { left: Hash, right: Hash },
    Leaf(Leaf),
}

impl Sibling {
    fn hash<H: SimpleHasher>(&self) -> Hash {
        match self {
            Sibling::Nothing => EMPTY,
            Sibling::Internal { left, right } => hash::<H>(INTERNAL_DOMAIN_SEPARATOR, left, right),
            Sibling::Leaf(leaf) => leaf.hash::<H>(),
        }
    }
}

impl StateUpdateProof {
    /// What shows the root after `changes`, which has been verified, and that root.
    pub(crate) fn of<L, N>(
        view: &TreeView<'_, StateTree, L, N>,
        changes: &BTreeMap<StateKey, Commitment>,
    ) -> Result<(Commitment, Self), StoreError>
    where
        L: ReadableTable<&'static [u8; 32], &'static [u8; 32]>,
        N: ReadableTable<&'static [u8], &'static [u8]>,
    {
        let set = changes.iter().map(|(key, value)| (KeyHash(*key.as_bytes()), value.as_bytes().to_vec()));
        let (root, made) = view.after(set)?;
        let root = Commitment::from_bytes(root.0);
        let proof = Self::new(&made).map_err(|error| damaged::<StateTree>(&error.to_string()))?;
        match state_after(Commitment::from_bytes(view.root()), changes, &proof) {
            Ok(after) if after == root => Ok((root, proof)),
            Ok(_) => Err(damaged::<StateTree>("an update leads to another root")),
            Err(error) => Err(damaged::<StateTree>(&error.to_string())),
        }
    }

    fn new(proof: &UpdateMerkleProof<StateTree>) -> std::io::Result<Self> {
        let made: Vec<Made> = borsh::from_slice(&borsh::to_vec(proof)?)?;
        let path = |Made { leaf, siblings }| Path {
            leaf,
            siblings: siblings.iter().map(Sibling::hash::<StateTree>).collect(),
        };
        Ok(StateUpdateProof(made.into_iter().map(path).collect()))
    }
}
