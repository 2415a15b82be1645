//! The store as it was at one moment.

use std::collections::BTreeMap;
use std::fmt;
use std::io::Read;
use std::sync::Arc;

use redb::{ReadTransaction, ReadableTableMetadata, TableDefinition, TableError};

use crate::database::{Inner, counter, guarded};
use crate::entry::Entry;
use crate::tables::{
    META, META_COMMITS, META_EPOCH, NOTES, NULLIFIER_NODES, NULLIFIERS, OBJECTS, PINS, RECORD_ROOTS, RECORDS,
    RESULTS, ROOTS, STATE, STATE_NODES,
};
use crate::tree::{NullifierTree, StateTree, TreeView};
use crate::{
    Commitment, ContentId, Nullifier, NullifierProof, Object, ObjectKind, ObjectReader, Roots, StateKey,
    StateProof, StateUpdateProof, StoreError,
};

/// The store as it was when [`Store::snapshot`](crate::Store::snapshot) was called, whatever was committed or collected
/// since. What is read from it is verified: objects against their identifiers, state and nullifiers against
/// the roots.
pub struct Snapshot {
    inner: Arc<Inner>,
    txn: ReadTransaction,
    roots: Roots,
}

impl Snapshot {
    pub(crate) fn new(inner: &Arc<Inner>) -> Result<Self, StoreError> {
        guarded(|| {
            let txn = redb::ReadableDatabase::begin_read(&inner.database)?;
            let roots = read_roots(&txn)?;
            Ok(Snapshot { inner: Arc::clone(inner), txn, roots })
        })
    }

    pub(crate) const fn transaction(&self) -> &ReadTransaction {
        &self.txn
    }

    /// The roots, and the time.
    #[must_use]
    pub const fn roots(&self) -> Roots {
        self.roots
    }

    /// Logical time.
    #[must_use]
    pub const fn epoch(&self) -> u64 {
        self.roots.epoch
    }

    /// What the state has under a key.
    ///
    /// # Errors
    ///
    /// [`StoreError::Corrupt`] if that does not fit the root; failures of the host.
    pub fn state(&self, key: StateKey) -> Result<Option<Commitment>, StoreError> {
        Ok(self.prove_state(key)?.0)
    }

    /// What the state has under a key, with a proof for [`verify_state`](crate::verify_state).
    ///
    /// # Errors
    ///
    /// As of [`state`](Self::state).
    pub fn prove_state(&self, key: StateKey) -> Result<(Option<Commitment>, StateProof), StoreError> {
        guarded(|| {
            let (roots, leaves) = (self.txn.open_table(ROOTS)?, self.txn.open_table(STATE)?);
            let nodes = self.txn.open_table(STATE_NODES)?;
            let view = TreeView::<StateTree, _, _>::new(&roots, &leaves, &nodes)?;
            let (value, proof) = view.get(*key.as_bytes())?;
            Ok((value.map(Commitment::from_bytes), StateProof::new(proof)))
        })
    }

    /// The root that this state would have after these values are set, with a proof of it. Changes nothing.
    ///
    /// # Errors
    ///
    /// [`StoreError::Proof`], and those of [`state`](Self::state).
    pub fn prove_update(
        &self,
        values: &BTreeMap<StateKey, Commitment>,
    ) -> Result<(Commitment, StateUpdateProof), StoreError> {
        guarded(|| {
            let (roots, leaves) = (self.txn.open_table(ROOTS)?, self.txn.open_table(STATE)?);
            let nodes = self.txn.open_table(STATE_NODES)?;
            StateUpdateProof::of(&TreeView::new(&roots, &leaves, &nodes)?, values)
        })
    }

    /// The record of what consumed this, if it was consumed.
    ///
    /// # Errors
    ///
    /// As of [`state`](Self::state).
    pub fn consumed_by(&self, nullifier: Nullifier) -> Result<Option<ContentId>, StoreError> {
        Ok(self.prove_nullifier(nullifier)?.0)
    }

    /// The record of what consumed this, if it was consumed, with a proof for
    /// [`verify_nullifier`](crate::verify_nullifier).
    ///
    /// # Errors
    ///
    /// As of [`state`](Self::state).
    pub fn prove_nullifier(
        &self,
        nullifier: Nullifier,
    ) -> Result<(Option<ContentId>, NullifierProof), StoreError> {
        guarded(|| {
            let (roots, leaves) = (self.txn.open_table(ROOTS)?, self.txn.open_table(NULLIFIERS)?);
            let nodes = self.txn.open_table(NULLIFIER_NODES)?;
            let view = TreeView::<NullifierTree, _, _>::new(&roots, &leaves, &nodes)?;
            let (by, proof) = view.get(*nullifier.as_bytes())?;
            Ok((by.map(ContentId::from_bytes), NullifierProof::new(proof)))
        })
    }

    /// All of the state, in the order of keys. Not verified one by one; see [`Store::verify`](crate::Store::verify).
    ///
    /// # Errors
    ///
    /// Failures of the host, and damage that shows.
    pub fn states(
        &self,
    ) -> Result<impl Iterator<Item = Result<(StateKey, Commitment), StoreError>> + use<>, StoreError> {
        let mut rows = guarded(|| Ok(self.txn.open_table(STATE)?.range::<&[u8; 32]>(..)?))?;
        Ok(std::iter::from_fn(move || {
            let row = guarded(|| {
                let row = rows.next().transpose()?;
                Ok(row.map(|(key, value)| {
                    (StateKey::from_bytes(*key.value()), Commitment::from_bytes(*value.value()))
                }))
            });
            row.transpose()
        }))
    }

    /// All records, the oldest first.
    ///
    /// # Errors
    ///
    /// Failures of the host, and damage that shows.
    pub fn records(&self) -> Result<impl Iterator<Item = Result<ContentId, StoreError>> + use<>, StoreError> {
        let mut rows = guarded(|| Ok(self.txn.open_table(RECORDS)?.range::<u64>(..)?))?;
        Ok(std::iter::from_fn(move || {
            let row =
                guarded(|| Ok(rows.next().transpose()?.map(|(_, id)| ContentId::from_bytes(*id.value()))));
            row.transpose()
        }))
    }

    /// The roots right after the commit that added a record.
    ///
    /// # Errors
    ///
    /// Failures of the host, and damage that shows.
    pub fn roots_after(&self, record: ContentId) -> Result<Option<Roots>, StoreError> {
        guarded(|| {
            let table = self.txn.open_table(RECORD_ROOTS)?;
            Ok(table.get(record.as_bytes())?.map(|bytes| Roots::from_bytes(&bytes.value())))
        })
    }

    /// What a computation was said to come to ([`Commit::result`](crate::Commit::result)). The object may be gone.
    ///
    /// # Errors
    ///
    /// Failures of the host, and damage that shows.
    pub fn result(&self, of: ContentId) -> Result<Option<ContentId>, StoreError> {
        guarded(|| named_in(&self.txn, RESULTS, of))
    }

    /// The object that was left under `key` ([`Commit::note`](crate::Commit::note)).
    ///
    /// # Errors
    ///
    /// Failures of the host, and damage that shows.
    pub fn note(&self, key: ContentId) -> Result<Option<ContentId>, StoreError> {
        guarded(|| named_in(&self.txn, NOTES, key))
    }

    /// Number of nullifiers.
    ///
    /// # Errors
    ///
    /// Failures of the host, and damage that shows.
    pub fn nullifier_count(&self) -> Result<u64, StoreError> {
        guarded(|| Ok(self.txn.open_table(NULLIFIERS)?.len()?))
    }

    /// What an object is, if it is there.
    ///
    /// # Errors
    ///
    /// [`StoreError::Corrupt`] if its entry is damaged; failures of the host.
    pub fn kind(&self, id: ContentId) -> Result<Option<ObjectKind>, StoreError> {
        Ok(self.entry(id)?.map(|entry| entry.kind))
    }

    /// The objects that an object refers to, as they were given with it.
    ///
    /// # Errors
    ///
    /// [`StoreError::Missing`] and those of [`kind`](Self::kind).
    pub fn references(&self, id: ContentId) -> Result<Vec<ContentId>, StoreError> {
        Ok(self.entry(id)?.ok_or(StoreError::Missing(id))?.references)
    }

    /// Whether an object was made to stay.
    ///
    /// # Errors
    ///
    /// Failures of the host.
    pub fn is_pinned(&self, id: ContentId) -> Result<bool, StoreError> {
        guarded(|| Ok(self.txn.open_table(PINS)?.get(id.as_bytes())?.is_some()))
    }

    /// The bytes of an object, as a stream. For objects of any size.
    ///
    /// # Errors
    ///
    /// [`StoreError::Missing`]; [`StoreError::HashMismatch`] if what is stored is not what the identifier says;
    /// [`StoreError::NoObjectStore`]; [`StoreError::Corrupt`]; failures of the host.
    pub fn open(&self, id: ContentId) -> Result<ObjectReader, StoreError> {
        let entry = self.entry(id)?.ok_or(StoreError::Missing(id))?;
        ObjectReader::new(id, entry, &self.txn, self.inner.bulk.as_ref())
    }

    /// The bytes of an object of at most `limit` bytes.
    ///
    /// # Errors
    ///
    /// [`StoreError::TooLarge`] and those of [`open`](Self::open).
    pub fn bytes(&self, id: ContentId, limit: u64) -> Result<Vec<u8>, StoreError> {
        let mut reader = self.open(id)?;
        let length = reader.length();
        if length > limit || usize::try_from(length).is_err() {
            return Err(StoreError::TooLarge { id, length });
        }
        let mut bytes = Vec::new();
        reader.read_to_end(&mut bytes).map_err(unwrapped)?;
        Ok(bytes)
    }

    /// An object.
    ///
    /// # Errors
    ///
    /// [`StoreError::WrongKind`] if it is of another kind; [`StoreError::Encoding`] if it is the
    /// encoding of no such value; those of [`open`](Self::open).
    pub fn get<T: Object>(&self, id: ContentId) -> Result<T, StoreError> {
        self.get_within(id, u64::MAX)
    }

    /// An object of at most `limit` bytes: for those that somebody else has named.
    ///
    /// # Errors
    ///
    /// [`StoreError::TooLarge`], and those of [`get`](Self::get).
    pub fn get_within<T: Object>(&self, id: ContentId, limit: u64) -> Result<T, StoreError> {
        match self.kind(id)?.ok_or(StoreError::Missing(id))? {
            found if found != T::KIND => Err(StoreError::WrongKind { id, expected: T::KIND, found }),
            _ => Ok(T::from_bytes(&self.bytes(id, limit)?)?),
        }
    }

    /// The objects that notes are about.
    pub(crate) fn notes(&self) -> Result<Vec<ContentId>, StoreError> {
        let notes = match self.txn.open_table(NOTES) {
            Err(TableError::TableDoesNotExist(_)) => return Ok(Vec::new()),
            table => table?,
        };
        notes.range::<&[u8; 32]>(..)?.map(|row| Ok(ContentId::from_bytes(*row?.1.value()))).collect()
    }

    pub(crate) fn entry(&self, id: ContentId) -> Result<Option<Entry>, StoreError> {
        guarded(|| {
            let objects = self.txn.open_table(OBJECTS)?;
            let row = objects.get(id.as_bytes())?;
            row.map(|row| Entry::from_row(id, row.value())).transpose()
        })
    }
}

/// What a table has under a key. Stores that were not written to since there is such a table do not have it.
fn named_in(
    txn: &ReadTransaction,
    table: TableDefinition<'_, &[u8; 32], &[u8; 32]>,
    key: ContentId,
) -> Result<Option<ContentId>, StoreError> {
    match txn.open_table(table) {
        Ok(table) => Ok(table.get(key.as_bytes())?.map(|id| ContentId::from_bytes(*id.value()))),
        Err(TableError::TableDoesNotExist(_)) => Ok(None),
        Err(error) => Err(error.into()),
    }
}

/// The number of commits so far, and nothing else.
pub(crate) fn commits(inner: &Inner) -> Result<u64, StoreError> {
    guarded(|| {
        let txn = redb::ReadableDatabase::begin_read(&inner.database)?;
        counter(&txn.open_table(META)?, META_COMMITS)
    })
}

fn read_roots(txn: &ReadTransaction) -> Result<Roots, StoreError> {
    let (meta, roots) = (txn.open_table(META)?, txn.open_table(ROOTS)?);
    let root = |name: &'static str| -> Result<Commitment, StoreError> {
        let row =
            roots.get(name)?.ok_or_else(|| StoreError::Corrupt(format!("the root of {name} is missing")))?;
        Ok(Commitment::from_bytes(*row.value().1))
    };
    Ok(Roots {
        state: root("state")?,
        nullifiers: root("nullifiers")?,
        epoch: counter(&meta, META_EPOCH)?,
        commits: counter(&meta, META_COMMITS)?,
    })
}

/// The error of the store that is behind an error of reading.
pub(crate) fn unwrapped(error: std::io::Error) -> StoreError {
    match error.downcast::<StoreError>() {
        Ok(error) => error,
        Err(error) => StoreError::Io(error),
    }
}

impl fmt::Debug for Snapshot {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_struct("Snapshot").field("roots", &self.roots).finish_non_exhaustive()
    }
}
