//! Identifiers are stored by others, so they must never change: golden vectors and the text form.

use std::collections::BTreeSet;

use causality_store::{ContentId, ObjectKind, ParseContentIdError};

/// Made with the Python package `blake3` and its `derive_key_context`.
const GOLDEN: [(&[u8], &str); 3] = [
    (b"", "blake3:78c9b09c3b5b1468ce908c6866ef885210da74f88954c9f876d30ce13a1e4b77"),
    (b"\x7fELF", "blake3:0ff39506aedc04adbdbb205fc6b2e98e17e43229380dae75a8d22b75ef55ecf5"),
    (&[0xa5; 4097], "blake3:c2477786d5ac6e2236d6e3a2962ed204afdba35bb9db40492e2b9211c2519e7a"),
];

#[test]
fn golden_vectors_hold() {
    for (bytes, id) in GOLDEN {
        assert_eq!(ContentId::of(ObjectKind::Program, bytes).to_string(), id);
    }
}

#[test]
fn an_object_identifier_is_not_the_plain_hash_of_its_bytes() {
    let plain = blake3::hash(b"abc");
    assert_ne!(ContentId::of(ObjectKind::Program, b"abc").as_bytes(), plain.as_bytes());
}

#[test]
fn every_kind_has_its_own_context() {
    let contexts: BTreeSet<_> = ObjectKind::ALL.iter().map(|kind| kind.context()).collect();
    assert_eq!(contexts.len(), ObjectKind::ALL.len());
}

#[test]
fn text_and_json_round_trip() {
    let id = ContentId::of(ObjectKind::Program, b"round trip");
    assert_eq!(id.to_string().parse(), Ok(id));
    let json = serde_json::to_string(&id).unwrap();
    assert_eq!(json, format!("\"{id}\""));
    assert_eq!(serde_json::from_str::<ContentId>(&json).unwrap(), id);
}

#[test]
fn only_the_one_spelling_parses() {
    let id = ContentId::from_bytes([0xab; 32]).to_string();
    let digits = &id[7..];
    assert_eq!(digits.parse::<ContentId>(), Err(ParseContentIdError::Prefix));
    assert_eq!(id[..70].parse::<ContentId>(), Err(ParseContentIdError::Length(63)));
    let upper = format!("blake3:{}", digits.to_uppercase());
    assert_eq!(upper.parse::<ContentId>(), Err(ParseContentIdError::Digit));
    assert_eq!(format!("blake3:{}", "é".repeat(32)).parse::<ContentId>(), Err(ParseContentIdError::Digit));
}
