//! Proofs of what root the state has after some of it is set.

use std::collections::BTreeMap;

use borsh::{BorshDeserialize, BorshSerialize};
use jmt::proof::{INTERNAL_DOMAIN_SEPARATOR, LEAF_DOMAIN_SEPARATOR, UpdateMerkleProof};
use jmt::{KeyHash, SimpleHasher, ValueHash};
use redb::ReadableTable;

use super::proof::ProofError;
use super::{StateTree, TreeView};
use crate::{Commitment, Object, ObjectKind, StateKey, StoreError};

/// Bits of a key: no leaf is deeper.
const DEPTH: usize = 256;

/// What stands for a subtree without leaves.
const EMPTY: Hash = *b"SPARSE_MERKLE_PLACEHOLDER_HASH__";

type Hash = [u8; 32];

/// What the state has under a key, before and after a change. There are no changes that remove.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Hash, BorshSerialize, BorshDeserialize)]
pub struct StateChange {
    /// The value that is there; none if there is none.
    pub before: Option<Commitment>,
    /// The value that is set.
    pub after: Commitment,
}

/// Changes of the state, and what shows which root they lead to: [`root_after`](Self::root_after).
///
/// The empty one shows that a state without changes stays what it is.
#[derive(Clone, Debug, Default, PartialEq, Eq, BorshSerialize, BorshDeserialize)]
pub struct StateUpdateProof {
    changes: BTreeMap<StateKey, StateChange>,
    /// The way to each key, in the order of keys, in the tree in which those before it are set already.
    ways: Vec<Path>,
}

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

impl Path {
    /// The root after `new` takes the place of `old`, if this is the way to their key under the root `before`.
    fn root_after<H: SimpleHasher>(
        &self,
        before: Hash,
        old: Option<Leaf>,
        new: Leaf,
    ) -> Result<Hash, ProofError> {
        if self.leaf.filter(|leaf| leaf.key == new.key) != old {
            return Err(ProofError::new("another value was there"));
        }
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
    fn new<H: SimpleHasher>(key: &StateKey, value: &Commitment) -> Self {
        Leaf { key: *key.as_bytes(), value: ValueHash::with::<H>(value.as_bytes()).0 }
    }

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
    /// The changes.
    #[must_use]
    pub const fn changes(&self) -> &BTreeMap<StateKey, StateChange> {
        &self.changes
    }

    /// The root that the state with the root `before` has after the changes. Needs nothing but its arguments.
    ///
    /// # Errors
    ///
    /// If what is said to be there before is not what that state has, or the proof does not show what comes of it.
    pub fn root_after(&self, before: Commitment) -> Result<Commitment, ProofError> {
        if self.ways.len() != self.changes.len() {
            return Err(ProofError::new("it is of another number of changes"));
        }
        let mut root = *before.as_bytes();
        for ((key, change), way) in self.changes.iter().zip(&self.ways) {
            let leaf = |value: &Commitment| Leaf::new::<StateTree>(key, value);
            let old = change.before.as_ref().map(leaf);
            root = way.root_after::<StateTree>(root, old, leaf(&change.after))?;
        }
        Ok(Commitment::from_bytes(root))
    }

    /// The most bytes of a proof of so many changes.
    #[must_use]
    pub const fn longest(changes: usize) -> u64 {
        8 + changes as u64 * (32 + 33 + 32 + 65 + 4 + DEPTH as u64 * 32)
    }

    /// What shows the root after these values are set, which has been verified, and that root.
    pub(crate) fn of<L, N>(
        view: &TreeView<'_, StateTree, L, N>,
        values: &BTreeMap<StateKey, Commitment>,
    ) -> Result<(Commitment, Self), StoreError>
    where
        L: ReadableTable<&'static [u8; 32], &'static [u8; 32]>,
        N: ReadableTable<&'static [u8], &'static [u8]>,
    {
        let mut changes = BTreeMap::new();
        for (key, after) in values {
            let before = view.get(*key.as_bytes())?.0.map(Commitment::from_bytes);
            changes.insert(*key, StateChange { before, after: *after });
        }
        let set = values.iter().map(|(key, value)| (KeyHash(*key.as_bytes()), value.as_bytes().to_vec()));
        let (root, made) = view.after(set)?;
        let root = Commitment::from_bytes(root.0);
        let ways = ways(&made).map_err(|error| StoreError::Proof(error.to_string()))?;
        let proof = StateUpdateProof { changes, ways };
        match proof.root_after(Commitment::from_bytes(view.root())) {
            Ok(after) if after == root => Ok((root, proof)),
            Ok(_) => Err(StoreError::Proof("it leads to another root".to_owned())),
            Err(error) => Err(StoreError::Proof(error.to_string())),
        }
    }
}

/// What a proof of the tree's has, of each key.
fn ways(proof: &UpdateMerkleProof<StateTree>) -> std::io::Result<Vec<Path>> {
    let made: Vec<Made> = borsh::from_slice(&borsh::to_vec(proof)?)?;
    let path = |Made { leaf, siblings }| Path {
        leaf,
        siblings: siblings.iter().map(Sibling::hash::<StateTree>).collect(),
    };
    Ok(made.into_iter().map(path).collect())
}
