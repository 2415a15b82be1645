//! Content identifiers of what this crate names.

use causality_store::ContentId;

/// BLAKE3 key derivation contexts of the kinds `blob` and `hash-batch`. Never change one: identifiers are
/// stored.
const INPUT: &str = "causality-vm 2026-11-22 content id v1: blob";
const BATCH: &str = "causality-vm 2026-11-22 content id v1: hash-batch";

/// The id of the bytes that somebody asked to hash, as a blob.
pub(super) fn input_id(bytes: &[u8]) -> ContentId {
    id(INPUT, bytes)
}

/// The id of an encoded batch.
pub(super) fn batch_id(bytes: &[u8]) -> ContentId {
    id(BATCH, bytes)
}

fn id(context: &str, bytes: &[u8]) -> ContentId {
    ContentId::from_bytes(blake3::derive_key(context, bytes))
}
