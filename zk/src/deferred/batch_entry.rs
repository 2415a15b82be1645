//! One line of a batch.

use borsh::{BorshDeserialize, BorshSerialize, io};
use causality_store::ContentId;

use super::DeferredHashId;
use crate::Poseidon2Hash;

/// Binds an id to exact bytes and their hash.
#[derive(Clone, Copy, Debug, PartialEq, Eq, BorshSerialize, BorshDeserialize)]
pub struct HashBatchEntry {
    /// The request.
    pub id: DeferredHashId,
    /// The length of its bytes.
    pub length: u64,
    /// The content id of its bytes, as a blob.
    #[borsh(serialize_with = "write_id", deserialize_with = "read_id")]
    pub content: ContentId,
    /// Their hash.
    pub output: Poseidon2Hash,
}

fn write_id<W: io::Write>(id: &ContentId, writer: &mut W) -> io::Result<()> {
    writer.write_all(id.as_bytes())
}

fn read_id<R: io::Read>(reader: &mut R) -> io::Result<ContentId> {
    <[u8; 32]>::deserialize_reader(reader).map(ContentId::from_bytes)
}
