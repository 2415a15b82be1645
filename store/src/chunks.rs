//! Parts of an object that can be checked one by one against the identifier of the whole.
//!
//! BLAKE3 is a tree of hashes. A chunk is a whole subtree of it, so the list of the chunks' hashes leads to the
//! identifier by the hash function itself: a list that does is right, and a chunk that fits it is right. Nothing
//! beside the identifier needs to be believed.

use blake3::Hasher;
use blake3::hazmat::{
    ChainingValue, ContextKey, HasherExt, Mode, hash_derive_key_context, left_subtree_len,
    merge_subtrees_non_root, merge_subtrees_root,
};

use crate::{ContentId, ObjectKind};

/// Bytes of a chunk; the last one of an object may be shorter. A power of two, as subtrees are.
pub(crate) const CHUNK: usize = 256 << 10;

/// Hashes the chunks of an object of one kind.
pub(crate) struct ChunkHasher {
    key: ContextKey,
}

impl ChunkHasher {
    pub(crate) fn new(kind: ObjectKind) -> Self {
        ChunkHasher { key: hash_derive_key_context(kind.context()) }
    }

    /// The hash of the chunk with this number in an object of more than one chunk. A chunk has bytes.
    pub(crate) fn chunk(&self, number: u64, bytes: &[u8]) -> ChainingValue {
        debug_assert!(!bytes.is_empty() && bytes.len() <= CHUNK);
        let mut hasher = Hasher::new_from_context_key(&self.key);
        hasher.set_input_offset(number * CHUNK as u64);
        hasher.update(bytes);
        hasher.finalize_non_root()
    }

    /// The identifier of an object of `length` bytes, of which these are the chunks' hashes. `None` if an object
    /// of that length has another number of chunks, or only one.
    pub(crate) fn root(&self, hashes: &[ChainingValue], length: u64) -> Option<ContentId> {
        if hashes.len() < 2 || length.div_ceil(CHUNK as u64) != hashes.len() as u64 {
            return None;
        }
        let (left, right) = self.halves(hashes, length)?;
        let root = merge_subtrees_root(&left, &right, Mode::DeriveKeyMaterial(&self.key));
        Some(ContentId::from_bytes(*root.as_bytes()))
    }

    fn subtree(&self, hashes: &[ChainingValue], length: u64) -> Option<ChainingValue> {
        if let [only] = hashes {
            return Some(*only);
        }
        let (left, right) = self.halves(hashes, length)?;
        Some(merge_subtrees_non_root(&left, &right, Mode::DeriveKeyMaterial(&self.key)))
    }

    fn halves(&self, hashes: &[ChainingValue], length: u64) -> Option<(ChainingValue, ChainingValue)> {
        let left = left_subtree_len(length);
        let (before, after) = hashes.split_at_checked(usize::try_from(left / CHUNK as u64).ok()?)?;
        Some((self.subtree(before, left)?, self.subtree(after, length - left)?))
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn hashes_of_chunks_lead_to_the_identifier() {
        let hasher = ChunkHasher::new(ObjectKind::Blob);
        for chunks in [2, 3, 4, 5, 7, 8, 9] {
            for cut in [0, 1, 1023, 1024, CHUNK - 1] {
                let bytes: Vec<u8> = (0..chunks * CHUNK - cut).map(|at| (at % 251) as u8).collect();
                let hashes: Vec<_> =
                    (0..).zip(bytes.chunks(CHUNK)).map(|(at, chunk)| hasher.chunk(at, chunk)).collect();
                let root = hasher.root(&hashes, bytes.len() as u64);
                assert_eq!(root, Some(ContentId::of(ObjectKind::Blob, &bytes)), "{chunks} chunks less {cut}");
            }
        }
    }

    #[test]
    fn lists_of_another_length_have_no_root() {
        let hasher = ChunkHasher::new(ObjectKind::Blob);
        let hashes = [[1; 32]; 3];
        assert!(hasher.root(&hashes, 3 * CHUNK as u64).is_some());
        for length in [0, 1, 2 * CHUNK as u64, 3 * CHUNK as u64 + 1, u64::MAX] {
            assert_eq!(hasher.root(&hashes, length), None);
        }
        assert_eq!(hasher.root(&hashes[..1], CHUNK as u64), None);
        assert_eq!(hasher.root(&[], 0), None);
    }
}
