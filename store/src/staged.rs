//! Objects on their way into the store.

use std::fmt;
use std::io::{self, Read};
use std::mem;
use std::sync::Arc;

use crate::bulk::BulkWriter;
use crate::chunks::{CHUNK, ChunkHasher};
use crate::database::{Inner, next};
use crate::entry::{Body, INLINE};
use crate::tables::{CHUNKS, META_UPLOAD, UPLOADS};
use crate::{ContentId, ObjectKind, StoreError};

/// Chunks that are written in one transaction.
const BATCH: usize = 32;

/// An object whose bytes are on disk already, but which is not in the store before it is committed
/// ([`Commit::staged`](crate::Commit::staged)). Dropped without that, or when the process dies, its
/// bytes are collected.
pub struct Staged {
    pub(crate) id: ContentId,
    pub(crate) kind: ObjectKind,
    pub(crate) length: u64,
    pub(crate) references: Vec<ContentId>,
    pub(crate) body: Body,
    pub(crate) lease: Option<Lease>,
}

impl Staged {
    /// The identifier.
    #[must_use]
    pub const fn id(&self) -> ContentId {
        self.id
    }

    /// Length in bytes.
    #[must_use]
    pub const fn length(&self) -> u64 {
        self.length
    }

    /// Reads all of `reader` into the store, a few chunks at a time.
    pub(crate) fn new(
        inner: &Arc<Inner>,
        kind: ObjectKind,
        mut reader: impl Read,
        references: Vec<ContentId>,
    ) -> Result<Self, StoreError> {
        let first = read_chunk(&mut reader)?;
        if first.len() <= INLINE {
            return Ok(Self::inline(kind, first, references));
        }
        let mut upload = Upload::begin(inner, kind)?;
        let mut chunk = first;
        while !chunk.is_empty() {
            let following = read_chunk(&mut reader)?;
            upload.push(chunk)?;
            chunk = following;
        }
        upload.finish(references)
    }

    /// A small object.
    pub(crate) fn inline(kind: ObjectKind, bytes: Vec<u8>, references: Vec<ContentId>) -> Self {
        let (id, length) = (ContentId::of(kind, &bytes), bytes.len() as u64);
        Staged { id, kind, length, references, body: Body::Inline(bytes), lease: None }
    }
}

impl fmt::Debug for Staged {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(f, "Staged({}, {} bytes)", self.id, self.length)
    }
}

/// Says that an upload is still wanted, as long as it lives.
pub(crate) struct Lease {
    pub(crate) inner: Arc<Inner>,
    pub(crate) upload: u64,
}

impl Lease {
    /// A lease of a new upload, which is in the table of uploads when this returns.
    fn new(inner: &Arc<Inner>) -> Result<Self, StoreError> {
        let owner = inner.owner()?;
        inner.write(|txn| {
            let upload = next(txn, META_UPLOAD)?;
            txn.open_table(UPLOADS)?.insert(upload, owner)?;
            // Before it is seen: a collection in this process must find it alive.
            inner.live().insert(upload);
            Ok(Lease { inner: Arc::clone(inner), upload })
        })
    }
}

impl Drop for Lease {
    fn drop(&mut self) {
        self.inner.live().remove(&self.upload);
    }
}

/// An object whose bytes are coming in.
struct Upload {
    lease: Lease,
    kind: ObjectKind,
    hasher: ChunkHasher,
    hashes: Vec<[u8; 32]>,
    length: u64,
    /// The identifier if it stays with one chunk.
    only: Option<ContentId>,
    waiting: Vec<Vec<u8>>,
    written: u64,
    bulk: Option<Box<dyn BulkWriter>>,
}

impl Upload {
    fn begin(inner: &Arc<Inner>, kind: ObjectKind) -> Result<Self, StoreError> {
        let lease = Lease::new(inner)?;
        let bulk = inner.bulk.as_ref().map(|bulk| bulk.begin(lease.upload)).transpose()?;
        let (hashes, waiting) = Default::default();
        let hasher = ChunkHasher::new(kind);
        Ok(Upload { lease, kind, hasher, hashes, length: 0, only: None, waiting, written: 0, bulk })
    }

    fn push(&mut self, chunk: Vec<u8>) -> Result<(), StoreError> {
        self.only = self.hashes.is_empty().then(|| ContentId::of(self.kind, &chunk));
        self.hashes.push(self.hasher.chunk(self.hashes.len() as u64, &chunk));
        self.length += chunk.len() as u64;
        if let Some(bulk) = &mut self.bulk {
            return bulk.write(chunk);
        }
        self.waiting.push(chunk);
        if self.waiting.len() == BATCH { self.flush() } else { Ok(()) }
    }

    fn flush(&mut self) -> Result<(), StoreError> {
        let batch = mem::take(&mut self.waiting);
        let numbers = self.written..;
        self.written += batch.len() as u64;
        self.lease.inner.write(|txn| {
            let mut chunks = txn.open_table(CHUNKS)?;
            for (number, chunk) in numbers.zip(&batch) {
                chunks.insert((self.lease.upload, number), chunk.as_slice())?;
            }
            Ok(())
        })
    }

    fn finish(mut self, references: Vec<ContentId>) -> Result<Staged, StoreError> {
        let id = match self.only {
            Some(id) => id,
            None => self
                .hasher
                .root(&self.hashes, self.length)
                .ok_or_else(|| StoreError::Corrupt("chunks do not add up".to_owned()))?,
        };
        if self.only.is_some() {
            self.hashes.clear();
        }
        let (upload, hashes) = (self.lease.upload, mem::take(&mut self.hashes));
        let body = match self.bulk.take() {
            Some(bulk) => {
                bulk.finish()?;
                Body::External { upload, hashes }
            }
            None => {
                self.flush()?;
                Body::Chunks { upload, hashes }
            }
        };
        let (kind, length) = (self.kind, self.length);
        Ok(Staged { id, kind, length, references, body, lease: Some(self.lease) })
    }
}

/// As many bytes as there are, up to a chunk.
fn read_chunk(reader: &mut impl Read) -> io::Result<Vec<u8>> {
    let mut chunk = Vec::new();
    reader.take(CHUNK as u64).read_to_end(&mut chunk)?;
    Ok(chunk)
}
