//! Reading an object as a stream.

use std::fmt;
use std::io::{self, Read};
use std::sync::Arc;

use redb::{ReadOnlyTable, ReadTransaction};

use crate::bulk::Bulk;
use crate::chunks::{CHUNK, ChunkHasher};
use crate::database::guarded;
use crate::entry::{Body, Entry};
use crate::tables::CHUNKS;
use crate::{ContentId, ObjectKind, StoreError};

/// The bytes of an object. None is handed out before it was checked against the identifier, so whatever was read
/// before a failure is right. Memory for one chunk is needed, and 32 bytes for each 256 KiB.
///
/// Reading fails with [`std::io::ErrorKind::InvalidData`] around a [`StoreError`] if bytes are not what they should be.
pub struct ObjectReader {
    id: ContentId,
    kind: ObjectKind,
    length: u64,
    source: Source,
    /// Of each chunk, if there are several.
    hashes: Vec<[u8; 32]>,
    hasher: ChunkHasher,
    /// The chunk that is being handed out, and how much of it was.
    chunk: Vec<u8>,
    taken: usize,
    next: u64,
}

enum Source {
    /// In the first chunk already.
    Inline,
    Table {
        chunks: ReadOnlyTable<(u64, u64), &'static [u8]>,
        upload: u64,
    },
    Bulk {
        bulk: Arc<dyn Bulk>,
        upload: u64,
    },
}

impl ObjectReader {
    pub(crate) fn new(
        id: ContentId,
        entry: Entry,
        txn: &ReadTransaction,
        bulk: Option<&Arc<dyn Bulk>>,
    ) -> Result<Self, StoreError> {
        let hasher = ChunkHasher::new(entry.kind);
        let (source, hashes, chunk) = match entry.body {
            Body::Inline(bytes) => {
                check(entry.length == bytes.len() as u64 && ContentId::of(entry.kind, &bytes) == id, id)?;
                (Source::Inline, Vec::new(), bytes)
            }
            Body::Chunks { upload, hashes } => {
                let chunks = guarded(|| Ok(txn.open_table(CHUNKS)?))?;
                (Source::Table { chunks, upload }, hashes, Vec::new())
            }
            Body::External { upload, hashes } => {
                let bulk = Arc::clone(bulk.ok_or(StoreError::NoObjectStore(id))?);
                (Source::Bulk { bulk, upload }, hashes, Vec::new())
            }
        };
        let reader = ObjectReader {
            id,
            kind: entry.kind,
            length: entry.length,
            source,
            hashes,
            hasher,
            chunk,
            taken: 0,
            next: 0,
        };
        if !reader.hashes.is_empty() {
            check(reader.hasher.root(&reader.hashes, reader.length) == Some(id), id)?;
        }
        Ok(reader)
    }

    /// The identifier.
    #[must_use]
    pub const fn id(&self) -> ContentId {
        self.id
    }

    /// What it is.
    #[must_use]
    pub const fn kind(&self) -> ObjectKind {
        self.kind
    }

    /// Length in bytes.
    #[must_use]
    pub const fn length(&self) -> u64 {
        self.length
    }

    /// Reads the next chunk and checks it; an empty one at the end.
    fn advance(&mut self) -> Result<(), StoreError> {
        let offset = self.next * CHUNK as u64;
        let length = self.length.saturating_sub(offset).min(CHUNK as u64);
        self.taken = 0;
        self.chunk.clear();
        if matches!(self.source, Source::Inline) || length == 0 {
            return Ok(());
        }
        let chunk = self.load(offset, length)?;
        check(chunk.len() as u64 == length, self.id)?;
        let fits = match self.hashes.is_empty() {
            true => self.next == 0 && ContentId::of(self.kind, &chunk) == self.id,
            false => self.hashes.get(self.next as usize) == Some(&self.hasher.chunk(self.next, &chunk)),
        };
        check(fits, self.id)?;
        self.chunk = chunk;
        self.next += 1;
        Ok(())
    }

    fn load(&self, offset: u64, length: u64) -> Result<Vec<u8>, StoreError> {
        match &self.source {
            Source::Inline => Ok(Vec::new()),
            Source::Table { chunks, upload } => guarded(|| {
                let row = redb::ReadableTable::get(chunks, (*upload, self.next))?;
                let row = row.ok_or_else(|| {
                    StoreError::Corrupt(format!("chunk {} of {} is missing", self.next, self.id))
                })?;
                Ok(row.value().to_vec())
            }),
            Source::Bulk { bulk, upload } => bulk.read(*upload, offset, length),
        }
    }
}

fn check(holds: bool, id: ContentId) -> Result<(), StoreError> {
    if holds { Ok(()) } else { Err(StoreError::HashMismatch(id)) }
}

impl Read for ObjectReader {
    fn read(&mut self, buffer: &mut [u8]) -> io::Result<usize> {
        if self.taken == self.chunk.len() && !buffer.is_empty() {
            self.advance()?;
        }
        let rest = &self.chunk[self.taken..];
        let count = rest.len().min(buffer.len());
        buffer[..count].copy_from_slice(&rest[..count]);
        self.taken += count;
        Ok(count)
    }
}

impl fmt::Debug for ObjectReader {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(f, "ObjectReader({}, {} bytes)", self.id, self.length)
    }
}
