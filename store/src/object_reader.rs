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

#[cfg(test)]
mod tests {
    use std::io::Read;

    use super::*;
    use crate::tables::{OBJECTS, UPLOADS};
    use crate::{Commit, Store};

    const LENGTH: u64 = 3 * CHUNK as u64 + 1000;

    fn filled(store: &Store, length: u64) -> (ContentId, Vec<u8>) {
        let bytes: Vec<u8> = (0..length).map(|at| (at * 7 % 255) as u8).collect();
        (store.put_stream(ObjectKind::Blob, bytes.as_slice()).unwrap(), bytes)
    }

    /// Replaces a chunk by what `change` makes of it.
    fn damage(store: &Store, number: u64, change: impl FnOnce(&mut Vec<u8>)) {
        let txn = store.inner.database.begin_write().unwrap();
        {
            let mut chunks = txn.open_table(CHUNKS).unwrap();
            let mut bytes = redb::ReadableTable::get(&chunks, (0, number)).unwrap().unwrap().value().to_vec();
            change(&mut bytes);
            chunks.insert((0, number), bytes.as_slice()).unwrap();
        }
        txn.commit().unwrap();
    }

    /// What a reader hands out before it fails, and how it fails.
    fn read(store: &Store, id: ContentId) -> (Vec<u8>, Option<StoreError>) {
        let mut bytes = Vec::new();
        let result = match store.open_object(id) {
            Ok(mut reader) => reader.read_to_end(&mut bytes).map_err(crate::snapshot::unwrapped),
            Err(error) => Err(error),
        };
        (bytes, result.err())
    }

    #[test]
    fn no_byte_of_a_damaged_chunk_is_handed_out() {
        for number in 0..4 {
            for change in [
                &(|bytes: &mut Vec<u8>| bytes[999] ^= 1) as &dyn Fn(&mut Vec<u8>),
                &|bytes| bytes.truncate(bytes.len() - 1),
                &|bytes| bytes.push(0),
                &|bytes| bytes.clear(),
            ] {
                let store = Store::in_memory().unwrap();
                let (id, bytes) = filled(&store, LENGTH);
                damage(&store, number, change);
                let (read, error) = read(&store, id);
                assert!(matches!(error, Some(StoreError::HashMismatch(of)) if of == id));
                assert_eq!(read, bytes[..number as usize * CHUNK]);
                assert!(matches!(store.verify_object(id), Err(StoreError::HashMismatch(_))));
                assert_eq!(store.verify(|_| ()).unwrap().damage[0].object, Some(id));
            }
        }
    }

    #[test]
    fn chunks_in_another_place_are_not_handed_out() {
        let store = Store::in_memory().unwrap();
        let (id, bytes) = filled(&store, LENGTH);
        damage(&store, 2, |chunk| chunk.copy_from_slice(&bytes[CHUNK..2 * CHUNK]));
        let (read, error) = read(&store, id);
        assert!(matches!(error, Some(StoreError::HashMismatch(_))));
        assert_eq!(read, bytes[..2 * CHUNK]);
    }

    #[test]
    fn an_object_of_one_chunk_is_checked_too() {
        let store = Store::in_memory().unwrap();
        let (id, _) = filled(&store, 100_000);
        damage(&store, 0, |chunk| chunk[50_000] ^= 0x80);
        assert!(matches!(read(&store, id), (bytes, Some(StoreError::HashMismatch(_))) if bytes.is_empty()));
    }

    /// An entry that somebody wrote with a hash that fits: the identifier still tells.
    #[test]
    fn neither_a_forged_list_of_hashes_nor_forged_contents_pass() {
        let store = Store::in_memory().unwrap();
        let (id, bytes) = filled(&store, LENGTH);
        let (other, _) = filled(&store, LENGTH - 1);
        let small = store.put(&crate::Blob::from("small")).unwrap();
        let rows: Vec<_> =
            [id, other, small].map(|id| store.snapshot().unwrap().entry(id).unwrap().unwrap()).into();
        let forge = |target: ContentId, entry: &Entry| {
            let txn = store.inner.database.begin_write().unwrap();
            txn.open_table(OBJECTS)
                .unwrap()
                .insert(target.as_bytes(), entry.to_row(target).unwrap().as_slice())
                .unwrap();
            txn.commit().unwrap();
        };
        for (target, forged) in [(id, &rows[1]), (id, &rows[2]), (small, &rows[0])] {
            forge(target, forged);
            let (read, error) = read(&store, target);
            assert!(matches!(error, Some(StoreError::HashMismatch(of)) if of == target), "{error:?}");
            assert!(read.is_empty());
        }
        forge(id, &rows[0]);
        assert_eq!(read(&store, id).0, bytes);
        let mut shorter = rows[0].clone();
        shorter.length -= 1;
        forge(id, &shorter);
        assert!(matches!(read(&store, id).1, Some(StoreError::HashMismatch(_))));
        // Copied to another identifier as it is, an entry is not even believed to be one.
        let row = rows[0].to_row(id).unwrap();
        assert!(Entry::from_row(id, &row).is_ok() && Entry::from_row(small, &row).is_err());
        for at in (0..row.len()).step_by(3) {
            let mut damaged = row.clone();
            damaged[at] ^= 4;
            assert!(matches!(Entry::from_row(id, &damaged), Err(StoreError::Corrupt(_))));
        }
    }

    #[test]
    fn a_collection_that_cannot_know_what_is_garbage_drops_nothing() {
        let store = Store::in_memory().unwrap();
        let mut commit = Commit::new();
        let leaf = commit.bytes(ObjectKind::Blob, b"leaf".to_vec(), Vec::new());
        let top = commit.bytes(ObjectKind::Blob, b"top".to_vec(), vec![leaf]);
        commit.pin(top);
        store.commit(commit).unwrap();
        let mut row = store.snapshot().unwrap().entry(top).unwrap().unwrap().to_row(top).unwrap();
        *row.last_mut().unwrap() ^= 1;
        let txn = store.inner.database.begin_write().unwrap();
        txn.open_table(OBJECTS).unwrap().insert(top.as_bytes(), row.as_slice()).unwrap();
        txn.commit().unwrap();
        assert!(matches!(store.collect(|_| ()), Err(StoreError::Corrupt(_))));
        assert!(store.contains(leaf).unwrap());
        assert_eq!(
            redb::ReadableTableMetadata::len(
                &store.inner.database.begin_write().unwrap().open_table(UPLOADS).unwrap()
            )
            .unwrap(),
            0
        );
    }
}
