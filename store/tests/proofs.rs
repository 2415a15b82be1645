//! Proofs show what they show and nothing else.

use std::collections::BTreeMap;

use causality_store::{
    Blob, Commit, Commitment, ContentId, Nullifier, ObjectKind, StateKey, StateProof, Store,
    verify_nullifier, verify_state,
};
use proptest::prelude::*;

fn key(bytes: [u8; 32]) -> StateKey {
    StateKey::from_bytes(bytes)
}

fn value(byte: u8) -> Commitment {
    Commitment::from_bytes([byte; 32])
}

fn store_of(leaves: &BTreeMap<[u8; 32], u8>) -> (Store, Commitment) {
    let store = Store::in_memory().unwrap();
    let mut commit = Commit::new();
    for (at, byte) in leaves {
        commit.set(key(*at), value(*byte));
    }
    let root = store.commit(commit).unwrap().state;
    (store, root)
}

/// Key with this byte changed at a bit.
fn flipped(mut bytes: [u8; 32], bit: usize) -> [u8; 32] {
    bytes[bit / 8] ^= 0x80 >> (bit % 8);
    bytes
}

/// A proof as its encoding has it: the leaf, and each sibling.
#[derive(Clone, Debug)]
struct Parts {
    leaf: Vec<u8>,
    siblings: Vec<Vec<u8>>,
}

impl Parts {
    fn of(proof: &StateProof) -> Self {
        let bytes = borsh::to_vec(proof).unwrap();
        let (leaf, mut rest) = bytes.split_at(if bytes[0] == 0 { 1 } else { 65 });
        let count = u32::from_le_bytes(rest[..4].try_into().unwrap());
        rest = &rest[4..];
        let siblings = (0..count).map(|_| {
            let (sibling, after) = rest.split_at(if rest[0] == 0 { 1 } else { 65 });
            rest = after;
            sibling.to_vec()
        });
        let parts = Parts { leaf: leaf.to_vec(), siblings: siblings.collect() };
        assert_eq!(parts.bytes(), bytes);
        parts
    }

    fn bytes(&self) -> Vec<u8> {
        let count = u32::try_from(self.siblings.len()).unwrap().to_le_bytes();
        [self.leaf.as_slice(), &count, &self.siblings.concat()].concat()
    }

    fn holds(&self, root: Commitment, key: StateKey, value: Option<Commitment>) -> bool {
        let proof = borsh::from_slice::<StateProof>(&self.bytes());
        proof.is_ok_and(|proof| verify_state(root, key, value, &proof).is_ok())
    }
}

#[test]
fn the_empty_tree_shows_that_nothing_is_there() {
    let store = Store::in_memory().unwrap();
    let snapshot = store.snapshot().unwrap();
    let root = snapshot.roots().state;
    for at in [[0; 32], [0xff; 32], [0x5a; 32]] {
        let (found, proof) = snapshot.prove_state(key(at)).unwrap();
        assert_eq!(found, None);
        verify_state(root, key(at), None, &proof).unwrap();
        verify_state(root, key(at), Some(value(0)), &proof).unwrap_err();
        verify_state(value(1), key(at), None, &proof).unwrap_err();
        let (by, proof) = snapshot.prove_nullifier(Nullifier::from_bytes(at)).unwrap();
        assert_eq!(by, None);
        verify_nullifier(snapshot.roots().nullifiers, Nullifier::from_bytes(at), None, &proof).unwrap();
    }
}

/// Two keys that differ in any one bit, the last included.
#[test]
fn keys_that_share_up_to_255_bits_are_told_apart() {
    for bit in [0, 1, 3, 4, 7, 8, 100, 127, 128, 251, 252, 253, 254, 255] {
        let (one, two) = ([0xa7; 32], flipped([0xa7; 32], bit));
        let (store, root) = store_of(&BTreeMap::from([(one, 1), (two, 2)]));
        let snapshot = store.snapshot().unwrap();
        for (at, byte) in [(one, 1), (two, 2)] {
            let (found, proof) = snapshot.prove_state(key(at)).unwrap();
            assert_eq!(found, Some(value(byte)));
            assert_eq!(Parts::of(&proof).siblings.len(), bit + 1);
            verify_state(root, key(at), found, &proof).unwrap();
            verify_state(root, key(at), Some(value(3)), &proof).unwrap_err();
            verify_state(root, key(at), None, &proof).unwrap_err();
            verify_state(root, key(if at == one { two } else { one }), found, &proof).unwrap_err();
        }
        for other in (0..256).filter(|other| *other != bit) {
            let absent = flipped(one, other);
            let (found, proof) = snapshot.prove_state(key(absent)).unwrap();
            assert_eq!(found, None);
            verify_state(root, key(absent), None, &proof).unwrap();
        }
        // Removing one leaves the tree of the other.
        let mut commit = Commit::new();
        commit.remove(key(two));
        let left = store.commit(commit).unwrap().state;
        assert_eq!(left, store_of(&BTreeMap::from([(one, 1)])).1);
    }
}

#[test]
fn proofs_survive_being_written_down() {
    let leaves = (0..40_u8).map(|at| (*ContentId::of(ObjectKind::Blob, &[at]).as_bytes(), at)).collect();
    let (store, root) = store_of(&leaves);
    for (at, byte) in leaves {
        let (_, proof) = store.snapshot().unwrap().prove_state(key(at)).unwrap();
        let json = serde_json::to_string(&proof).unwrap();
        verify_state(root, key(at), Some(value(byte)), &serde_json::from_str(&json).unwrap()).unwrap();
        let bytes = borsh::to_vec(&proof).unwrap();
        verify_state(root, key(at), Some(value(byte)), &borsh::from_slice(&bytes).unwrap()).unwrap();
    }
}

#[test]
fn nullifiers_are_shown_with_the_record_that_brought_them() {
    let store = Store::in_memory().unwrap();
    let mut commit = Commit::new();
    let (one, two) = (commit.object(&Blob::from("1")).unwrap(), commit.object(&Blob::from("2")).unwrap());
    let nullifier = Nullifier::from_bytes([1; 32]);
    commit.consume(nullifier, one).consume(Nullifier::from_bytes([2; 32]), two);
    let root = store.commit(commit).unwrap().nullifiers;
    let (by, proof) = store.snapshot().unwrap().prove_nullifier(nullifier).unwrap();
    assert_eq!(by, Some(one));
    verify_nullifier(root, nullifier, Some(one), &proof).unwrap();
    verify_nullifier(root, nullifier, Some(two), &proof).unwrap_err();
    verify_nullifier(root, nullifier, None, &proof).unwrap_err();
    verify_nullifier(root, Nullifier::from_bytes([2; 32]), Some(one), &proof).unwrap_err();
}

/// Keys that are close together now and then.
fn keys() -> impl Strategy<Value = [u8; 32]> {
    (any::<u8>(), 0_usize..33, any::<[u8; 32]>()).prop_map(|(first, shared, mut bytes)| {
        bytes[..shared].fill(first % 3);
        bytes
    })
}

proptest! {
    /// All of the tree against a map, over several commits; the root depends on the contents alone.
    #[test]
    fn trees_say_what_a_map_says(
        batches in proptest::collection::vec(proptest::collection::vec((keys(), proptest::option::of(any::<u8>())), 0..20), 1..5),
        absent in proptest::collection::vec(keys(), 5),
    ) {
        let store = Store::in_memory().unwrap();
        let mut model = BTreeMap::new();
        for batch in &batches {
            let mut commit = Commit::new();
            for (at, new) in batch {
                match new {
                    Some(byte) => { commit.set(key(*at), value(*byte)); model.insert(*at, *byte); }
                    None => { commit.remove(key(*at)); model.remove(at); }
                }
            }
            store.commit(commit).unwrap();
        }
        let snapshot = store.snapshot().unwrap();
        let root = snapshot.roots().state;
        prop_assert_eq!(root, store_of(&model).1);
        for at in batches.iter().flatten().map(|(at, _)| at).chain(&absent) {
            let (found, proof) = snapshot.prove_state(key(*at)).unwrap();
            prop_assert_eq!(found, model.get(at).map(|byte| value(*byte)));
            prop_assert!(verify_state(root, key(*at), found, &proof).is_ok());
        }
        prop_assert_eq!(&store.verify(|_| ()).unwrap().damage, &[]);
    }

    /// Any change of a proof, or of what it is to show, is noticed.
    #[test]
    fn proofs_that_were_tampered_with_do_not_hold(
        leaves in proptest::collection::btree_map(keys(), any::<u8>(), 2..60),
        absent in keys(), is_absent in any::<bool>(), which in any::<prop::sample::Index>(),
        place in any::<prop::sample::Index>(), other in any::<prop::sample::Index>(), flip in 1_u8..=255,
    ) {
        let (store, root) = store_of(&leaves);
        let at = if is_absent { absent } else { *leaves.keys().nth(which.index(leaves.len())).unwrap() };
        let at = key(at);
        let (found, proof) = store.snapshot().unwrap().prove_state(at).unwrap();
        let parts = Parts::of(&proof);
        prop_assert!(parts.holds(root, at, found));
        // Another value, or absence; another root; another key, unless the same holds of it.
        let wrong = match found { Some(_) => None, None => Some(value(1)) };
        prop_assert!(!parts.holds(root, at, wrong));
        if let Some(right) = found {
            let mut bytes = *right.as_bytes();
            bytes[place.index(32)] ^= flip;
            prop_assert!(!parts.holds(root, at, Some(Commitment::from_bytes(bytes))));
            prop_assert!(!parts.holds(root, key(flipped(*at.as_bytes(), place.index(256))), found));
        }
        let mut bytes = *root.as_bytes();
        bytes[other.index(32)] ^= flip;
        prop_assert!(!parts.holds(Commitment::from_bytes(bytes), at, found));
        // Any byte.
        let mut bytes = parts.bytes();
        let byte = place.index(bytes.len());
        bytes[byte] ^= flip;
        let changed = borsh::from_slice::<StateProof>(&bytes);
        prop_assert!(!changed.is_ok_and(|proof| verify_state(root, at, found, &proof).is_ok()), "byte {}", byte);
        // Length: one fewer at either end or inside, one more.
        let count = parts.siblings.len();
        if count > 0 {
            let mut shorter = parts.clone();
            shorter.siblings.remove(place.index(count));
            prop_assert!(!shorter.holds(root, at, found));
            let mut longer = parts.clone();
            longer.siblings.insert(place.index(count + 1), parts.siblings[other.index(count)].clone());
            prop_assert!(!longer.holds(root, at, found));
            // Order.
            let mut swapped = parts.clone();
            swapped.siblings.swap(place.index(count), other.index(count));
            prop_assert_eq!(swapped.holds(root, at, found), swapped.siblings == parts.siblings);
        }
        let mut longer = parts.clone();
        longer.siblings.push(vec![0]);
        prop_assert!(!longer.holds(root, at, found));
        longer.siblings.extend(std::iter::repeat_n(vec![0], 300));
        prop_assert!(!longer.holds(root, at, found));
    }
}
