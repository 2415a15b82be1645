//! The canonical encoding and the identifiers that follow from it, against vectors made by other code.

use std::collections::{BTreeMap, BTreeSet};

use borsh::{BorshDeserialize, BorshSerialize};
use causality_store::{
    Blob, Commitment, ContentId, ContentRef, EncodingError, Nullifier, Object, ObjectKind, StateKey, Store,
    StoreError,
};
use proptest::prelude::*;

const GOLDEN: &str = include_str!("golden/objects.txt");

#[derive(Clone, Debug, PartialEq, BorshSerialize, BorshDeserialize)]
struct Sample {
    number: u64,
    flag: bool,
    name: String,
    some: Option<ContentId>,
    nested: Vec<(u16, i64)>,
    pairs: BTreeMap<Vec<u8>, u32>,
    choice: Choice,
}

#[derive(Clone, Debug, PartialEq, BorshSerialize, BorshDeserialize)]
enum Choice {
    Nothing,
    Number(u32),
}

impl Object for Sample {
    const KIND: ObjectKind = ObjectKind::Record;
}

fn sample() -> Sample {
    let bytes: Vec<u8> = (0..32).collect();
    Sample {
        number: 7,
        flag: true,
        name: "näme".to_owned(),
        some: Some(ContentId::from_bytes(bytes.try_into().unwrap())),
        nested: vec![(1, -2), (3, 4)],
        pairs: BTreeMap::from([(b"a".to_vec(), 1), (b"b".to_vec(), 2)]),
        choice: Choice::Number(9),
    }
}

fn case(name: &str) -> Sample {
    let mut sample = sample();
    match name {
        "base" => {}
        "number" => sample.number = 8,
        "flag" => sample.flag = false,
        "name" => sample.name = "name".to_owned(),
        "none" => sample.some = None,
        "id" => {
            let bytes: Vec<u8> = (1..33).collect();
            sample.some = Some(ContentId::from_bytes(bytes.try_into().unwrap()));
        }
        "nested" => sample.nested[1].1 = 5,
        "shorter" => drop(sample.nested.pop()),
        "pairs" => sample.pairs = BTreeMap::from([(b"a".to_vec(), 1), (b"c".to_vec(), 2)]),
        "choice" => sample.choice = Choice::Nothing,
        other => panic!("no such case: {other}"),
    }
    sample
}

fn hex(bytes: &[u8]) -> String {
    bytes.iter().map(|byte| format!("{byte:02x}")).collect()
}

#[test]
fn encodings_and_identifiers_are_those_of_the_golden_vectors() {
    let lines = GOLDEN.lines().filter(|line| !line.starts_with('#'));
    let (mut cases, mut ids, mut kinds) = (0, BTreeSet::new(), BTreeSet::new());
    for line in lines {
        let [first, second, id] = line.split(' ').collect::<Vec<_>>().try_into().unwrap();
        let id: ContentId = format!("blake3:{id}").parse().unwrap();
        assert!(ids.insert(id), "each change of a field, and each kind, has another identifier");
        match first.parse::<ObjectKind>() {
            Ok(kind) => {
                let bytes: Vec<u8> = (0..second.parse().unwrap()).map(|at: u32| (at % 251) as u8).collect();
                assert_eq!(ContentId::of(kind, &bytes), id, "{line}");
                kinds.insert(kind);
            }
            Err(_) => {
                let object = case(first);
                assert_eq!(hex(&object.to_bytes().unwrap()), second, "{first}");
                assert_eq!(object.content_id().unwrap(), id);
                assert_eq!(Sample::from_bytes(&object.to_bytes().unwrap()).unwrap(), object);
                cases += 1;
            }
        }
    }
    assert_eq!((cases, kinds.len()), (10, ObjectKind::ALL.len()));
}

/// The identifier that a store computes while it streams is the same.
#[test]
fn streamed_objects_have_the_golden_identifiers() {
    let store = Store::in_memory().unwrap();
    for line in GOLDEN.lines().filter(|line| !line.starts_with('#')) {
        let [kind, length, id] = line.split(' ').collect::<Vec<_>>().try_into().unwrap();
        let Ok(kind) = kind.parse::<ObjectKind>() else { continue };
        let bytes: Vec<u8> = (0..length.parse().unwrap()).map(|at: u32| (at % 251) as u8).collect();
        assert_eq!(store.put_stream(kind, bytes.as_slice()).unwrap().to_string(), format!("blake3:{id}"));
    }
}

#[test]
fn only_the_canonical_encoding_is_decoded() {
    let bytes = sample().to_bytes().unwrap();
    let mut longer = bytes.clone();
    longer.push(0);
    assert!(matches!(Sample::from_bytes(&longer), Err(EncodingError::Malformed(_))));
    for length in 0..bytes.len() {
        assert!(matches!(Sample::from_bytes(&bytes[..length]), Err(EncodingError::Malformed(_))));
    }
    // A map whose keys are out of order, and a flag that is neither 0 nor 1.
    let (a, b) = (
        bytes.windows(5).position(|w| w == b"\x01\0\0\0a"),
        bytes.windows(5).position(|w| w == b"\x01\0\0\0b"),
    );
    let mut swapped = bytes.clone();
    swapped.swap(a.unwrap() + 4, b.unwrap() + 4);
    Sample::from_bytes(&swapped).unwrap_err();
    let mut flag = bytes;
    flag[8] = 2;
    Sample::from_bytes(&flag).unwrap_err();
}

/// A type that reads what it would not write.
#[derive(Debug)]
struct Lenient;

impl BorshSerialize for Lenient {
    fn serialize<W: std::io::Write>(&self, writer: &mut W) -> std::io::Result<()> {
        writer.write_all(&[0])
    }
}

impl BorshDeserialize for Lenient {
    fn deserialize_reader<R: std::io::Read>(reader: &mut R) -> std::io::Result<Self> {
        reader.read_exact(&mut [0]).map(|()| Lenient)
    }
}

impl Object for Lenient {
    const KIND: ObjectKind = ObjectKind::Journal;
}

#[test]
fn what_would_be_encoded_otherwise_is_refused() {
    Lenient::from_bytes(&[0]).unwrap();
    assert_eq!(Lenient::from_bytes(&[1]).unwrap_err(), EncodingError::NotCanonical);
    let store = Store::in_memory().unwrap();
    let id = store.put_stream(ObjectKind::Journal, &[1][..]).unwrap();
    assert!(matches!(store.get::<Lenient>(id), Err(StoreError::Encoding(EncodingError::NotCanonical))));
}

#[test]
fn references_and_names_are_written_as_their_bytes_or_digits() {
    let id = ContentId::of(ObjectKind::Blob, b"x");
    let reference = ContentRef::<Blob>::new(id);
    assert_eq!(borsh::to_vec(&reference).unwrap(), id.as_bytes());
    assert_eq!(borsh::from_slice::<ContentRef<Blob>>(id.as_bytes()).unwrap(), reference);
    assert_eq!(serde_json::to_string(&reference).unwrap(), format!("\"{id}\""));
    let text = hex(&[0xa5; 32]);
    assert_eq!(Nullifier::from_bytes([0xa5; 32]).to_string(), text);
    assert_eq!(text.parse::<StateKey>().unwrap(), StateKey::from_bytes([0xa5; 32]));
    assert_eq!(
        serde_json::from_str::<Commitment>(&format!("\"{text}\"")).unwrap(),
        Commitment::from_bytes([0xa5; 32])
    );
    text.to_uppercase().parse::<Nullifier>().unwrap_err();
    for kind in ObjectKind::ALL {
        assert_eq!(kind.to_string().parse::<ObjectKind>(), Ok(kind));
    }
}

proptest! {
    /// Whatever bytes are decoded, they are the encoding of what they were decoded to.
    #[test]
    fn decoding_is_the_inverse_of_encoding(at in 0_usize..100, to in any::<u8>()) {
        let mut bytes = sample().to_bytes().unwrap();
        let at = at % bytes.len();
        let changed = bytes[at] != to;
        bytes[at] = to;
        if let Ok(other) = Sample::from_bytes(&bytes) {
            prop_assert_eq!(other.to_bytes().unwrap(), bytes);
            prop_assert_eq!(other != sample(), changed);
        }
    }
}
