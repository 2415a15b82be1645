//! What shows the root of a state after an update shows just that.

use std::collections::BTreeMap;

use borsh::{BorshDeserialize, BorshSerialize};
use causality_store::{Commit, Commitment, Object, StateChange, StateKey, StateUpdateProof, Store};
use proptest::prelude::*;

type Values = BTreeMap<StateKey, Commitment>;

fn value(byte: u8) -> Commitment {
    Commitment::from_bytes([byte; 32])
}

fn store_of(leaves: &Values) -> (Store, Commitment) {
    let store = Store::in_memory().unwrap();
    let root = set(&store, leaves);
    (store, root)
}

fn set(store: &Store, changes: &Values) -> Commitment {
    let mut commit = Commit::new();
    for (key, value) in changes {
        commit.set(*key, *value);
    }
    store.commit(commit).unwrap().state
}

/// Keys that are close together now and then, in sets.
fn changes(most: usize) -> impl Strategy<Value = Values> {
    let key = (any::<u8>(), 0_usize..33, any::<[u8; 32]>()).prop_map(|(first, shared, mut bytes)| {
        bytes[..shared].fill(first % 3);
        StateKey::from_bytes(bytes)
    });
    proptest::collection::btree_map(key, any::<u8>().prop_map(value), 0..most)
}

/// A proof as its encoding has it: the changes, and of each the leaf that is there, if any, and the siblings.
#[derive(Clone, Debug, PartialEq, BorshSerialize, BorshDeserialize)]
struct Parts {
    changes: BTreeMap<StateKey, StateChange>,
    ways: Vec<(Option<Leaf>, Vec<[u8; 32]>)>,
}

/// Key, and hash of the value.
type Leaf = [[u8; 32]; 2];

impl Parts {
    fn of(proof: &StateUpdateProof) -> Self {
        borsh::from_slice(&borsh::to_vec(proof).unwrap()).unwrap()
    }

    fn proof(&self) -> StateUpdateProof {
        borsh::from_slice(&borsh::to_vec(self).unwrap()).unwrap()
    }

    fn after(&self, before: Commitment) -> Option<Commitment> {
        self.proof().root_after(before).ok()
    }
}

/// The key with this bit changed.
fn flipped(bytes: [u8; 32], bit: usize) -> [u8; 32] {
    let mut bytes = bytes;
    bytes[bit / 8] ^= 0x80 >> (bit % 8);
    bytes
}

#[test]
fn a_leaf_is_split_at_every_depth() {
    for bit in 0..256 {
        let (old, new) = ([0xa7; 32], flipped([0xa7; 32], bit));
        let (store, before) = store_of(&BTreeMap::from([(StateKey::from_bytes(old), value(1))]));
        let changes = BTreeMap::from([(StateKey::from_bytes(new), value(2))]);
        let (after, proof) = store.snapshot().unwrap().prove_update(&changes).unwrap();
        assert_eq!(proof.root_after(before), Ok(after));
        assert_eq!(set(&store, &changes), after, "bit {bit}");
    }
}

/// A leaf that is really there, shown where the new key does not belong: the root after it would be of a tree
/// in which the key is not found.
#[test]
fn a_way_to_another_place_shows_nothing() {
    let keys: Vec<_> = [0x00, 0x40, 0x80, 0xc0].map(|first| [first; 32]).to_vec();
    let leaves = keys.iter().map(|key| (StateKey::from_bytes(*key), value(1))).collect();
    let (store, before) = store_of(&leaves);
    let new = BTreeMap::from([(StateKey::from_bytes([0x01; 32]), value(2))]);
    let (_, honest) = store.snapshot().unwrap().prove_update(&new).unwrap();
    for key in &keys {
        let there = BTreeMap::from([(StateKey::from_bytes(*key), value(9))]);
        let (_, proof) = store.snapshot().unwrap().prove_update(&there).unwrap();
        let parts = Parts { changes: honest.changes().clone(), ..Parts::of(&proof) };
        assert_eq!(parts.after(before).is_some(), key[0] == 0, "by way of {key:?}");
    }
}

proptest! {
    #[test]
    fn what_is_shown_is_what_a_commit_comes_to(leaves in changes(40), changes in changes(12), again in any::<prop::sample::Index>()) {
        let mut changes = changes;
        // One that is there already.
        if let Some((key, _)) = leaves.iter().nth(again.index(leaves.len().max(1))) {
            changes.insert(*key, value(7));
        }
        let (store, before) = store_of(&leaves);
        let (after, proof) = store.snapshot().unwrap().prove_update(&changes).unwrap();
        prop_assert_eq!(store.snapshot().unwrap().roots().state, before, "proving changes nothing");
        prop_assert_eq!(proof.root_after(before), Ok(after));
        prop_assert_eq!(set(&store, &changes), after);
    }

    /// Whatever is changed, of the proof or of what it is to show, it does not lead to the same root.
    #[test]
    fn what_was_tampered_with_leads_nowhere(
        leaves in changes(40), changes in changes(12),
        which in any::<prop::sample::Index>(), place in any::<prop::sample::Index>(), flip in 1_u8..=255,
    ) {
        prop_assume!(!changes.is_empty());
        let (store, before) = store_of(&leaves);
        let (after, proof) = store.snapshot().unwrap().prove_update(&changes).unwrap();
        let parts = Parts::of(&proof);
        prop_assert_eq!(parts.after(before), Some(after));
        let (at, key) = (which.index(changes.len()), *changes.keys().nth(which.index(changes.len())).unwrap());

        let mut other = *before.as_bytes();
        other[place.index(32)] ^= flip;
        prop_assert_eq!(parts.after(Commitment::from_bytes(other)), None);
        // Other changes: of another key, to another value, from another value.
        let mut fewer = parts.clone();
        fewer.changes.remove(&key);
        prop_assert_eq!(fewer.after(before), None);
        let mut elsewhere = parts.clone();
        let change = elsewhere.changes.remove(&key).unwrap();
        let mut bytes = *key.as_bytes();
        bytes[place.index(32)] ^= flip;
        elsewhere.changes.insert(StateKey::from_bytes(bytes), change);
        prop_assert_ne!(elsewhere.after(before), Some(after));
        let mut to = parts.clone();
        let mut bytes = *change.after.as_bytes();
        bytes[place.index(32)] ^= flip;
        to.changes.insert(key, StateChange { after: Commitment::from_bytes(bytes), ..change });
        prop_assert_ne!(to.after(before), Some(after));
        for other in [None, Some(value(flip)), change.before] {
            let mut from = parts.clone();
            from.changes.insert(key, StateChange { before: other, ..change });
            prop_assert_eq!(from.after(before).is_some(), other == change.before);
        }

        let mut tampered = parts.clone();
        let (leaf, siblings) = &mut tampered.ways[at];
        let count = siblings.len();
        match leaf {
            _ if count > 0 && flip % 2 == 0 => siblings[place.index(count)][place.index(32)] ^= flip,
            Some(leaf) => leaf[place.index(2)][place.index(32)] ^= flip,
            None => *leaf = Some([[0; 32]; 2]),
        }
        prop_assert_eq!(tampered.after(before), None);
        let mut longer = parts.clone();
        longer.ways[at].1.extend(std::iter::repeat_n([0; 32], 300));
        prop_assert_eq!(longer.after(before), None);
        let mut none = parts.clone();
        none.ways.remove(at);
        prop_assert_eq!(none.after(before), None);
        // An honest one is no longer than is said.
        prop_assert!(parts.proof().to_bytes().unwrap().len() as u64 <= StateUpdateProof::longest(changes.len()));
    }
}
