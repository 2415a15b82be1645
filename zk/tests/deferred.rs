//! Deferred hashing: what is bound, when it is computed, and what is refused.

mod reference;

use causality_store::Object;
use causality_zk::{
    BatchMismatch, DeferredHashId, DeferredHashing, Domain, FinalizedHashes, HashBatch, HashLimits,
    Permutations, Poseidon2, RequestError, UnknownHashId, permutations_for,
};
use proptest::prelude::*;
use reference::Reference;

fn finalized(inputs: &[&[u8]]) -> FinalizedHashes {
    let mut hashing = DeferredHashing::new();
    for bytes in inputs {
        hashing.request(bytes).expect("within limits");
    }
    hashing.finalize()
}

const INPUTS: [&[u8]; 5] = [b"one", b"two", b"", b"one", b"a longer input, of more than one block"];

#[test]
fn ids_are_numbers_in_program_order() {
    let mut hashing = DeferredHashing::new();
    let ids: Vec<_> = INPUTS.iter().map(|bytes| hashing.request(bytes).expect("within limits")).collect();
    assert_eq!(ids, [0, 1, 2, 3, 4].map(DeferredHashId::from_number));
    assert!(
        hashing
            .inputs()
            .zip(INPUTS)
            .zip(ids)
            .all(|((input, bytes), id)| { input.id == id && input.bytes == bytes })
    );
}

#[test]
fn requests_compute_nothing_and_finalization_hashes_each_distinct_input_once() {
    let permutations = Permutations::new();
    let mut hashing = DeferredHashing::new().counted(permutations.clone());
    for round in 0..1000_u32 {
        hashing.request(&(round % 100).to_le_bytes()).expect("within limits");
        hashing.request(&[7; 240]).expect("within limits");
    }
    assert_eq!(permutations.count(), 0);
    assert_eq!((hashing.requests(), hashing.distinct_inputs()), (2000, 101));
    let hashes = hashing.finalize();
    assert_eq!(permutations.count(), 100 * permutations_for(4) + permutations_for(240));
    assert_eq!(hashes.batch().entries().len(), 2000);
}

#[test]
fn outputs_are_the_hashes_of_the_bytes() {
    let hashes = finalized(&INPUTS);
    for (number, bytes) in INPUTS.iter().enumerate() {
        let id = DeferredHashId::from_number(number as u64);
        assert_eq!(hashes.output(id), Ok(Poseidon2::new().hash(Domain::OBJECT, bytes)));
        assert_eq!(hashes.bytes(id), Ok(*bytes));
    }
}

#[test]
fn bytes_changed_after_the_request_change_nothing() {
    let mut memory = *b"what the program saw";
    let mut hashing = DeferredHashing::new();
    let id = hashing.request(&memory).expect("within limits");
    memory.fill(0);
    assert_eq!(hashing.finalize().bytes(id), Ok(&b"what the program saw"[..]));
}

#[test]
fn a_repeated_request_has_its_own_id_and_the_same_output() {
    let mut hashing = DeferredHashing::new();
    let first = hashing.request(b"sealed").expect("within limits");
    let again = hashing.request_again(first).expect("within limits");
    assert_ne!(first, again);
    assert_eq!(hashing.distinct_inputs(), 1);
    let hashes = hashing.finalize();
    assert_eq!(hashes.output(first), hashes.output(again));
    assert_eq!(hashes.commitment(), finalized(&[b"sealed", b"sealed"]).commitment());
}

#[test]
fn ids_that_were_not_given_out_have_no_output() {
    let unknown = DeferredHashId::from_number(5);
    assert_eq!(finalized(&INPUTS).output(unknown), Err(UnknownHashId(unknown)));
    assert!(!finalized(&INPUTS).is_resolved(unknown));
    let huge = DeferredHashId::from_number(u64::MAX);
    assert_eq!(finalized(&INPUTS).bytes(huge), Err(UnknownHashId(huge)));
    let refused = DeferredHashing::new().request_again(unknown);
    assert_eq!(refused, Err(RequestError::Unknown(UnknownHashId(unknown))));
}

#[test]
fn limits_are_exact_and_a_refused_request_changes_nothing() {
    let limits = HashLimits { requests: 3, bytes: 10 };
    let mut hashing = DeferredHashing::new().limits(limits);
    let first = hashing.request(&[1; 6]).expect("six bytes");
    assert_eq!(hashing.request(&[2; 5]), Err(RequestError::TooLong(10)));
    hashing.request(&[1; 6]).expect("the same bytes are kept once");
    assert_eq!(hashing.requests(), 2);
    hashing.request(&[2; 4]).expect("ten bytes");
    assert_eq!(hashing.request(&[]), Err(RequestError::TooMany(3)));
    assert_eq!(hashing.request_again(first), Err(RequestError::TooMany(3)));
    assert_eq!(hashing.finalize().commitment(), finalized(&[&[1; 6], &[1; 6], &[2; 4]]).commitment());
}

#[test]
fn the_commitment_depends_on_order_bytes_and_domain() {
    let commitment = finalized(&INPUTS).commitment();
    assert_eq!(finalized(&INPUTS).commitment(), commitment);
    assert_ne!(finalized(&[b"two", b"one", b"", b"one", INPUTS[4]]).commitment(), commitment);
    assert_ne!(finalized(&INPUTS[..4]).commitment(), commitment);
    let other = DeferredHashing::new().domain(Domain::new("other").expect("a domain")).finalize();
    assert_ne!(other.commitment(), finalized(&[]).commitment());
}

#[test]
fn the_commitment_is_what_it_was() {
    let expected = "blake3:6ffb4b55c002fdb295a8555d8229b63e95cb24df6f62485b2885f3370b388a0d";
    assert_eq!(finalized(&INPUTS).commitment().to_string(), expected);
}

/// The encoding by hand, from its description, with hashes of the other implementation.
#[test]
fn the_canonical_bytes_are_what_is_described() {
    let kind = |name: &str| format!("causality-vm 2026-11-22 content id v1: {name}");
    let mut bytes = b"\x06\0\0\0object\x05\0\0\0".to_vec();
    for (id, input) in INPUTS.iter().enumerate() {
        bytes.extend((id as u64).to_le_bytes());
        bytes.extend((input.len() as u64).to_le_bytes());
        bytes.extend(blake3::derive_key(&kind("blob"), input));
        bytes.extend(Reference::new().hash("object", input));
    }
    let hashes = finalized(&INPUTS);
    assert_eq!(hashes.batch().to_bytes(), bytes);
    assert_eq!(*hashes.commitment().as_bytes(), blake3::derive_key(&kind("hash-batch"), &bytes));
    // The same as an object of a store.
    assert_eq!(Object::to_bytes(hashes.batch()).ok(), Some(bytes));
    assert_eq!(hashes.batch().content_id().ok(), Some(hashes.commitment()));
}

#[test]
fn verification_names_what_differs() {
    let hashes = finalized(&INPUTS);
    let (batch, claimed, hasher) = (hashes.batch(), hashes.commitment(), Poseidon2::new());
    assert_eq!(batch.verify(claimed, &INPUTS, &hasher), Ok(()));
    assert_eq!(hasher.permutations().count(), 5, "four distinct inputs, one of two blocks");
    let id = DeferredHashId::from_number;
    let mut inputs = INPUTS;
    inputs[3] = b"One";
    assert_eq!(batch.verify(claimed, &inputs, &hasher), Err(BatchMismatch::Content(id(3))));
    inputs[1] = b"three";
    assert_eq!(batch.verify(claimed, &inputs, &hasher), Err(BatchMismatch::Length(id(1))));
    let count = BatchMismatch::Count { inputs: 4, entries: 5 };
    assert_eq!(batch.verify(claimed, &INPUTS[..4], &hasher), Err(count));
    let other = finalized(&INPUTS[1..]);
    let mismatch = BatchMismatch::Commitment { claimed: other.commitment(), actual: claimed };
    assert_eq!(batch.verify(other.commitment(), &INPUTS, &hasher), Err(mismatch));
}

/// Whoever makes a batch of their own, and commits to it, is found out by hashing.
#[test]
fn an_output_that_is_not_the_hash_is_found() {
    let hashes = finalized(&INPUTS);
    let mut bytes = hashes.batch().to_bytes();
    let end = bytes.len();
    let output = hashes.output(DeferredHashId::from_number(1)).expect("resolved");
    bytes[end - 32..].copy_from_slice(output.as_bytes());
    let forged = HashBatch::from_bytes(&bytes).expect("well-formed");
    let verified = forged.verify(forged.commitment(), &INPUTS, &Poseidon2::new());
    assert_eq!(verified, Err(BatchMismatch::Output(DeferredHashId::from_number(4))));
}

#[test]
fn a_batch_is_read_back_and_nothing_else_is() {
    let hashes = finalized(&INPUTS);
    let bytes = hashes.batch().to_bytes();
    assert_eq!(HashBatch::from_bytes(&bytes).as_ref().ok(), Some(hashes.batch()));
    assert!(HashBatch::from_bytes(&bytes[..bytes.len() - 1]).is_err());
    assert!(HashBatch::from_bytes(&[&bytes[..], &[0]].concat()).is_err());
    let mut renumbered = bytes.clone();
    renumbered[4 + "object".len() + 4] = 1;
    assert!(HashBatch::from_bytes(&renumbered).is_err(), "entry 0 claims to be request 1");
    let mut not_canonical = bytes;
    let end = not_canonical.len();
    not_canonical[end - 4..].fill(0xff);
    assert!(HashBatch::from_bytes(&not_canonical).is_err());
}

proptest! {
    #[test]
    fn any_changed_byte_of_a_batch_is_noticed(at in any::<prop::sample::Index>(), change in 1..=255_u8) {
        let hashes = finalized(&INPUTS);
        let mut bytes = hashes.batch().to_bytes();
        let at = at.index(bytes.len());
        bytes[at] ^= change;
        if let Ok(batch) = HashBatch::from_bytes(&bytes) {
            prop_assert_ne!(batch.commitment(), hashes.commitment());
            let hasher = Poseidon2::new();
            prop_assert!(batch.verify(hashes.commitment(), &INPUTS, &hasher).is_err());
            prop_assert!(batch.verify(batch.commitment(), &INPUTS, &hasher).is_err());
        }
    }

    #[test]
    fn deferred_is_as_inline(inputs in prop::collection::vec(prop::collection::vec(0..4_u8, 0..60), 0..60)) {
        let permutations = Permutations::new();
        let mut hashing = DeferredHashing::new().counted(permutations.clone());
        for bytes in &inputs {
            hashing.request(bytes).expect("within limits");
        }
        prop_assert_eq!(permutations.count(), 0);
        let hashes = hashing.finalize();
        let distinct: std::collections::BTreeSet<_> = inputs.iter().collect();
        let expected: u64 = distinct.iter().map(|bytes| permutations_for(bytes.len() as u64)).sum();
        prop_assert_eq!(permutations.count(), expected);
        let hasher = Poseidon2::new();
        for (input, bytes) in hashes.inputs().zip(&inputs) {
            prop_assert_eq!(input.bytes, bytes.as_slice());
            prop_assert_eq!(hashes.output(input.id), Ok(hasher.hash(Domain::OBJECT, bytes)));
        }
        let inputs: Vec<_> = inputs.iter().map(Vec::as_slice).collect();
        prop_assert_eq!(hashes.batch().verify(hashes.commitment(), &inputs, &hasher), Ok(()));
    }
}
