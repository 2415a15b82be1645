//! The store.

use std::io::Read;
use std::path::Path;
use std::sync::Arc;

use crate::database::Inner;
use crate::{
    Commit, CommitError, ContentId, Object, ObjectKind, ObjectReader, Roots, Snapshot, Staged, StoreError,
    transaction,
};

/// Objects, state and nullifiers: in memory, or in a directory that any number of threads and processes share.
///
/// A handle is cheap to clone. All of them, in all processes, see one and the same sequence of commits.
#[derive(Clone, Debug)]
pub struct Store {
    pub(crate) inner: Arc<Inner>,
}

impl Store {
    /// A store that is gone when its last handle is. For tests, and for runs that leave nothing behind.
    ///
    /// # Errors
    ///
    /// Failures of the database.
    pub fn in_memory() -> Result<Self, StoreError> {
        Ok(Store { inner: Arc::new(Inner::in_memory(None)?) })
    }

    /// The store in a directory, which is made if there is none. A commit that was under way when a process
    /// died is there as a whole or not at all.
    ///
    /// # Errors
    ///
    /// [`StoreError::Busy`], [`StoreError::Format`] and [`StoreError::Corrupt`]; failures of the host.
    pub fn open(directory: impl AsRef<Path>) -> Result<Self, StoreError> {
        Ok(Store { inner: Arc::new(Inner::open(directory.as_ref(), true, None)?) })
    }

    /// The store in a directory, which must be there.
    ///
    /// # Errors
    ///
    /// [`StoreError::NoStore`], and those of [`open`](Self::open).
    pub fn open_existing(directory: impl AsRef<Path>) -> Result<Self, StoreError> {
        Ok(Store { inner: Arc::new(Inner::open(directory.as_ref(), false, None)?) })
    }

    /// As [`open`](Self::open), with objects of more than 16 KiB below a path of an object store. Only this store may use
    /// that path. State, nullifiers and the list of objects are in the directory.
    ///
    /// # Errors
    ///
    /// Those of [`open`](Self::open); failures of the host.
    #[cfg(feature = "object-store")]
    pub fn open_with_objects(
        directory: impl AsRef<Path>,
        objects: Arc<dyn object_store::ObjectStore>,
        prefix: &str,
    ) -> Result<Self, StoreError> {
        let bulk = Arc::new(crate::external::External::new(objects, prefix)?);
        Ok(Store { inner: Arc::new(Inner::open(directory.as_ref(), true, Some(bulk))?) })
    }

    /// As [`in_memory`](Self::in_memory), with objects of more than 16 KiB below a path of an object store.
    ///
    /// # Errors
    ///
    /// Failures of the host and of the database.
    #[cfg(feature = "object-store")]
    pub fn in_memory_with_objects(
        objects: Arc<dyn object_store::ObjectStore>,
        prefix: &str,
    ) -> Result<Self, StoreError> {
        let bulk = Arc::new(crate::external::External::new(objects, prefix)?);
        Ok(Store { inner: Arc::new(Inner::in_memory(Some(bulk))?) })
    }

    /// The store as it is now, to read from.
    ///
    /// # Errors
    ///
    /// [`StoreError::Corrupt`]; failures of the host.
    pub fn snapshot(&self) -> Result<Snapshot, StoreError> {
        Snapshot::new(&self.inner)
    }

    /// How many commits there have been, by anybody: if it is what it was, nothing has changed. Cheaper than a snapshot.
    ///
    /// # Errors
    ///
    /// Failures of the host, and damage that shows.
    pub fn commits(&self) -> Result<u64, StoreError> {
        crate::snapshot::commits(&self.inner)
    }

    /// Makes all of a commit take effect at once and durably, or nothing of it.
    ///
    /// # Errors
    ///
    /// See [`CommitError`]. What is consumed already is reported before anything else.
    pub fn commit(&self, commit: Commit) -> Result<Roots, CommitError> {
        transaction::commit(&self.inner, commit)
    }

    /// Advances logical time by one; gives the new epoch.
    ///
    /// ```
    /// use causality_store::Store;
    ///
    /// let store = Store::in_memory()?;
    /// let before = store.snapshot()?;
    /// assert_eq!(store.advance_epoch()?, before.epoch() + 1);
    /// assert_eq!(store.snapshot()?.epoch(), before.epoch() + 1);
    /// # Ok::<(), Box<dyn std::error::Error>>(())
    /// ```
    ///
    /// # Errors
    ///
    /// Failures of the store.
    pub fn advance_epoch(&self) -> Result<u64, CommitError> {
        let mut commit = Commit::new();
        commit.advance_epoch();
        Ok(self.commit(commit)?.epoch)
    }

    /// Stores an object and makes it stay, until it is unpinned ([`Commit::unpin`]).
    ///
    /// ```
    /// use causality_store::{Blob, Commit, Store};
    ///
    /// let store = Store::in_memory()?;
    /// let id = store.put(&Blob::from("some bytes"))?;
    /// assert_eq!(store.get::<Blob>(id)?, Blob::from("some bytes"));
    /// assert_eq!(store.collect(|_| ())?.dropped, 0, "it stays");
    ///
    /// let mut commit = Commit::new();
    /// commit.unpin(id);
    /// store.commit(commit)?;
    /// assert_eq!(store.collect(|_| ())?.dropped, 1);
    /// assert!(store.get::<Blob>(id).is_err());
    /// # Ok::<(), Box<dyn std::error::Error>>(())
    /// ```
    ///
    /// # Errors
    ///
    /// [`CommitError::MissingReference`] if it refers to an object that is not there; failures of the store.
    pub fn put<T: Object>(&self, object: &T) -> Result<ContentId, CommitError> {
        let mut commit = Commit::new();
        let id = commit.object(object)?;
        commit.pin(id);
        self.commit(commit).map(|_| id)
    }

    /// Stores all that a reader gives as an object without references and makes it stay. For objects of any size.
    ///
    /// # Errors
    ///
    /// Those of the reader; failures of the store.
    pub fn put_stream(&self, kind: ObjectKind, reader: impl Read) -> Result<ContentId, CommitError> {
        let mut commit = Commit::new();
        let id = commit.staged(self.stage(kind, reader, Vec::new())?);
        commit.pin(id);
        self.commit(commit).map(|_| id)
    }

    /// Writes all that a reader gives to disk, to be committed later. A few chunks at a time are in memory.
    ///
    /// ```
    /// use causality_store::{Commit, ObjectKind, Store};
    /// # use std::io::Read;
    ///
    /// let store = Store::in_memory()?;
    /// let staged = store.stage(ObjectKind::Blob, std::io::repeat(7).take(1 << 20), Vec::new())?;
    /// assert!(!store.contains(staged.id())?, "it is not there before it is committed");
    /// let mut commit = Commit::new();
    /// let id = commit.staged(staged);
    /// commit.pin(id);
    /// store.commit(commit)?;
    /// let mut bytes = Vec::new();
    /// store.open_object(id)?.read_to_end(&mut bytes)?;
    /// assert_eq!(bytes, [7; 1 << 20]);
    /// # Ok::<(), Box<dyn std::error::Error>>(())
    /// ```
    ///
    /// # Errors
    ///
    /// Those of the reader; failures of the store.
    pub fn stage(
        &self,
        kind: ObjectKind,
        reader: impl Read,
        references: Vec<ContentId>,
    ) -> Result<Staged, StoreError> {
        Staged::new(&self.inner, kind, reader, references)
    }

    /// An object, checked against its identifier.
    ///
    /// # Errors
    ///
    /// Those of [`Snapshot::get`].
    pub fn get<T: Object>(&self, id: ContentId) -> Result<T, StoreError> {
        self.snapshot()?.get(id)
    }

    /// The bytes of an object as a stream, checked before they are handed out.
    ///
    /// # Errors
    ///
    /// Those of [`Snapshot::open`].
    pub fn open_object(&self, id: ContentId) -> Result<ObjectReader, StoreError> {
        self.snapshot()?.open(id)
    }

    /// Whether there is an object with this identifier.
    ///
    /// # Errors
    ///
    /// Those of [`Snapshot::kind`].
    pub fn contains(&self, id: ContentId) -> Result<bool, StoreError> {
        Ok(self.snapshot()?.kind(id)?.is_some())
    }
}
