//! What the database has of an object.

use borsh::{BorshDeserialize, BorshSerialize};

use crate::{ContentId, ObjectKind, StoreError};

/// Objects of at most this many bytes lie in their entry.
pub(crate) const INLINE: usize = 16 << 10;

/// The context of the hash that an entry begins with.
const CONTEXT: &str = "causality-vm 2026-11-23 object entry v1";

/// The description of a stored object.
#[derive(Clone, Debug, PartialEq, Eq)]
pub(crate) struct Entry {
    pub(crate) kind: ObjectKind,
    pub(crate) length: u64,
    pub(crate) references: Vec<ContentId>,
    pub(crate) body: Body,
}

/// Where the bytes of an object are.
#[derive(Clone, Debug, PartialEq, Eq, BorshSerialize, BorshDeserialize)]
pub(crate) enum Body {
    /// Here.
    Inline(Vec<u8>),
    /// In the table of chunks, under the number of an upload; with the hash of each chunk if there are several.
    Chunks { upload: u64, hashes: Vec<[u8; 32]> },
    /// In the object store that the database is used with.
    External { upload: u64, hashes: Vec<[u8; 32]> },
}

type Row = (u8, u64, Vec<ContentId>, Body);

impl Entry {
    /// The row of the object with this identifier. A hash binds it to the identifier, so that neither the
    /// references, which nothing else vouches for, nor the rest is believed when it was damaged.
    pub(crate) fn to_row(&self, id: ContentId) -> Result<Vec<u8>, StoreError> {
        let row = (self.kind.code(), self.length, &self.references, &self.body);
        let bytes = borsh::to_vec(&row).map_err(|error| StoreError::Corrupt(error.to_string()))?;
        let mut sealed = seal(id, &bytes).to_vec();
        sealed.extend(bytes);
        Ok(sealed)
    }

    /// The entry that this row of the object spells.
    pub(crate) fn from_row(id: ContentId, row: &[u8]) -> Result<Self, StoreError> {
        let damaged = || StoreError::Corrupt(format!("the entry of {id} is damaged"));
        let (hash, bytes) = row.split_first_chunk::<32>().ok_or_else(damaged)?;
        if seal(id, bytes) != *hash {
            return Err(damaged());
        }
        let (kind, length, references, body) = Row::try_from_slice(bytes).map_err(|_| damaged())?;
        let kind = ObjectKind::from_code(kind).ok_or_else(damaged)?;
        Ok(Entry { kind, length, references, body })
    }
}

fn seal(id: ContentId, bytes: &[u8]) -> [u8; 32] {
    let mut hasher = blake3::Hasher::new_derive_key(CONTEXT);
    hasher.update(id.as_bytes()).update(bytes);
    *hasher.finalize().as_bytes()
}
