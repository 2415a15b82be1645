//! Numbers of a store.

use std::collections::BTreeMap;

use redb::ReadableTableMetadata;
use serde::Serialize;

use crate::database::guarded;
use crate::entry::Entry;
use crate::tables::{OBJECTS, PINS, RECORDS, STATE, UPLOADS};
use crate::{ContentId, Roots, Store, StoreError};

/// What there is in a store.
#[derive(Clone, Debug, PartialEq, Eq, Serialize)]
#[non_exhaustive]
pub struct Stats {
    /// Roots, time, number of commits.
    #[serde(flatten)]
    pub roots: Roots,
    /// Number of objects and of their bytes, by the name of their kind.
    pub objects: BTreeMap<&'static str, (u64, u64)>,
    /// Number of keys that have a value.
    pub states: u64,
    /// Number of nullifiers.
    pub nullifiers: u64,
    /// Number of records.
    pub records: u64,
    /// Number of pins.
    pub pins: u64,
    /// Number of uploads that are no objects, or not yet.
    pub uploads: u64,
    /// Size of the database's file; 0 in memory.
    pub file_bytes: u64,
}

impl Store {
    /// Counts what there is.
    ///
    /// # Errors
    ///
    /// [`StoreError::Corrupt`]; failures of the host.
    pub fn stats(&self) -> Result<Stats, StoreError> {
        let snapshot = self.snapshot()?;
        let txn = snapshot.transaction();
        let file = self.inner.directory.as_ref().map(|directory| directory.join("store.redb"));
        let file_bytes = file.map(std::fs::metadata).transpose()?.map_or(0, |file| file.len());
        guarded(|| {
            let mut objects: BTreeMap<&'static str, (u64, u64)> = BTreeMap::new();
            for row in txn.open_table(OBJECTS)?.range::<&[u8; 32]>(..)? {
                let (id, row) = row?;
                let entry = Entry::from_row(ContentId::from_bytes(*id.value()), row.value())?;
                let (count, bytes) = objects.entry(entry.kind.name()).or_default();
                (*count, *bytes) = (*count + 1, bytes.saturating_add(entry.length));
            }
            Ok(Stats {
                roots: snapshot.roots(),
                objects,
                states: txn.open_table(STATE)?.len()?,
                nullifiers: snapshot.nullifier_count()?,
                records: txn.open_table(RECORDS)?.len()?,
                pins: txn.open_table(PINS)?.len()?,
                uploads: txn.open_table(UPLOADS)?.len()?,
                file_bytes,
            })
        })
    }
}
