//! Poseidon2 against the published vector, a second implementation, and its own past.

mod reference;

use std::fmt::Write as _;

use causality_zk::{Domain, Poseidon2, Poseidon2Hash, permutations_for};
use proptest::prelude::*;
use reference::{P, Reference};

/// Bytes for an input of this length, also what the guest `poseidon2` hashes.
fn pattern(length: usize) -> Vec<u8> {
    (0..length).map(|i| (i * 151 + length * 31 + 7) as u8).collect()
}

#[test]
fn the_permutation_has_the_published_test_vector() {
    let input = [
        894848333, 1437655012, 1200606629, 1690012884, 71131202, 1749206695, 1717947831, 120589055, 19776022,
        42382981, 1831865506, 724844064, 171220207, 1299207443, 227047920, 1783754913,
    ];
    let output = [
        1934285469, 604889435, 133449501, 1026180808, 1830659359, 176667110, 1391183747, 351743874,
        1238264085, 1292768839, 2023573270, 1201586780, 1360691759, 1230682461, 748270449, 651545025,
    ];
    assert_eq!(Poseidon2::new().permute(input), output);
    assert_eq!(Reference::new().permute(input.map(u64::from)), output.map(u64::from));
}

#[test]
fn the_constants_are_what_the_grain_generator_makes() {
    let reference = Reference::new();
    assert_eq!(reference.full()[0][0], 0x7ee5_6a48);
    assert_eq!(reference.partial()[19], 0x1e66_cec2);
    assert_eq!(reference.full()[7][15], 0x3466_c7ca);
    assert_eq!(reference.diagonal()[0], P - 2);
}

#[test]
fn hashes_are_what_they_were() {
    let hasher = Poseidon2::new();
    let mut text = String::from("#domain\tlength\thash\n");
    let lengths = [0, 1, 2, 3, 4, 5, 6, 22, 23, 24, 25, 47, 48, 49, 72, 100, 191, 192, 193, 1000, 4095, 4096];
    for domain in ["object", "a", "twelve bytes"] {
        for length in lengths {
            let hash = hasher.hash(Domain::new(domain).expect("a domain"), &pattern(length));
            writeln!(text, "{domain}\t{length}\t{hash}").expect("strings take everything");
        }
    }
    let path = concat!(env!("CARGO_MANIFEST_DIR"), "/tests/vectors/poseidon2.tsv");
    if std::env::var_os("BLESS").is_some() {
        std::fs::write(path, &text).expect("the tree is writable");
    }
    assert_eq!(text, std::fs::read_to_string(path).expect("the vectors are there"));
}

#[test]
fn empty_input_and_every_block_take_one_permutation() {
    for length in [0, 1, 24, 25, 48, 49, 1000] {
        let hasher = Poseidon2::new();
        let _ = hasher.hash(Domain::OBJECT, &pattern(length));
        assert_eq!(hasher.permutations().count(), permutations_for(length as u64));
        assert_eq!(permutations_for(length as u64), length.div_ceil(24).max(1) as u64);
    }
}

#[test]
fn trailing_zeros_are_part_of_the_input() {
    let hasher = Poseidon2::new();
    let hashes: Vec<_> = (0..100).map(|n| hasher.hash(Domain::OBJECT, &vec![0; n])).collect();
    let distinct: std::collections::BTreeSet<_> = hashes.iter().collect();
    assert_eq!(distinct.len(), hashes.len());
}

#[test]
fn a_domain_is_short_printable_text() {
    assert_eq!(Domain::new("object"), Ok(Domain::OBJECT));
    assert_eq!(Domain::OBJECT.tag(), "object");
    for wrong in ["", "thirteen char", "nul\0", "ü"] {
        assert!(Domain::new(wrong).is_err(), "{wrong:?}");
    }
}

#[test]
fn a_hash_has_one_spelling() {
    let hash = Poseidon2::new().hash(Domain::OBJECT, b"");
    assert_eq!(Poseidon2Hash::from_bytes(*hash.as_bytes()), Ok(hash));
    let mut other = *hash.as_bytes();
    let same_element = u64::from(hash.elements()[3]) + P;
    if let Ok(same_element) = u32::try_from(same_element) {
        other[12..16].copy_from_slice(&same_element.to_le_bytes());
        assert!(Poseidon2Hash::from_bytes(other).is_err());
    }
    other[12..16].copy_from_slice(&(P as u32).to_le_bytes());
    assert_eq!(Poseidon2Hash::from_bytes(other).map_err(|error| error.0), Err(3));
}

fn domain() -> impl Strategy<Value = String> {
    "[ -~]{1,12}"
}

proptest! {
    #[test]
    fn the_permutation_is_the_reference(state in prop::array::uniform16(any::<u32>())) {
        let reference = Reference::new().permute(state.map(|element| u64::from(element) % P));
        prop_assert_eq!(Poseidon2::new().permute(state).map(u64::from), reference);
    }

    #[test]
    fn the_hash_is_the_reference(domain in domain(), bytes in prop::collection::vec(any::<u8>(), 0..200)) {
        let hash = Poseidon2::new().hash(Domain::new(&domain).expect("a domain"), &bytes);
        prop_assert_eq!(hash.as_bytes().to_vec(), Reference::new().hash(&domain, &bytes));
        prop_assert!(hash.elements().iter().all(|&element| u64::from(element) < P));
    }

    #[test]
    fn any_change_changes_the_hash(
        bytes in prop::collection::vec(any::<u8>(), 1..200),
        at in any::<prop::sample::Index>(),
        change in 1..=255_u8,
        domain in domain(),
    ) {
        let hasher = Poseidon2::new();
        let hash = hasher.hash(Domain::OBJECT, &bytes);
        let mut changed = bytes.clone();
        changed[at.index(bytes.len())] ^= change;
        prop_assert_ne!(hash, hasher.hash(Domain::OBJECT, &changed));
        prop_assert_ne!(hash, hasher.hash(Domain::OBJECT, &bytes[..bytes.len() - 1]));
        prop_assert_ne!(hash, hasher.hash(Domain::OBJECT, &[&bytes[..], &[0]].concat()));
        let domain = Domain::new(&domain).expect("a domain");
        prop_assert_eq!(hash == hasher.hash(domain, &bytes), domain == Domain::OBJECT);
    }

    /// Lanes that end at different times, threads, and single inputs agree.
    #[test]
    fn many_at_once_are_as_one_by_one(
        inputs in prop::collection::vec(prop::collection::vec(any::<u8>(), 0..300), 0..120),
    ) {
        let (one, some, parallel) = (Poseidon2::new(), Poseidon2::new(), Poseidon2::new());
        let inputs: Vec<_> = inputs.iter().map(Vec::as_slice).collect();
        let expected: Vec<_> = inputs.iter().map(|bytes| one.hash(Domain::OBJECT, bytes)).collect();
        prop_assert_eq!(&some.hash_some(Domain::OBJECT, &inputs), &expected);
        prop_assert_eq!(&parallel.hash_in_parallel(Domain::OBJECT, &inputs), &expected);
        prop_assert_eq!(some.permutations().count(), one.permutations().count());
        prop_assert_eq!(parallel.permutations().count(), one.permutations().count());
    }
}
