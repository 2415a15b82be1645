//! How a commit takes effect: everything in one transaction of the database.

use std::collections::{BTreeMap, BTreeSet};
use std::sync::Arc;

use redb::ReadableTable;

use crate::chunks::{CHUNK, ChunkHasher};
use crate::commit::NewObject;
use crate::database::{Inner, counter, next};
use crate::entry::{Body, Entry, INLINE};
use crate::tables::{
    CHUNKS, META, META_COLLECTING, META_COMMITS, META_EPOCH, META_UPLOAD, NOTES, NULLIFIER_NODES, NULLIFIERS,
    OBJECTS, PINS, RECORD_ROOTS, RECORDS, RESCUED, RESULTS, ROOTS, STATE, STATE_NODES, UPLOADS,
};
use crate::tree::{self, NullifierTree, StateTree, TreeView};
use crate::write::{Transaction, write};
use crate::{
    Commit, CommitError, Commitment, ContentId, Nullifier, ObjectKind, Roots, Staged, StateKey, StoreError,
};

/// Makes a commit take effect, or nothing of it.
pub(crate) fn commit(inner: &Arc<Inner>, commit: Commit) -> Result<Roots, CommitError> {
    let commit = stage_large(inner, commit)?;
    write(&inner.database, |txn| apply(inner, txn, &commit))
}

/// Uploads large objects if they do not go into the database, before it is locked.
fn stage_large(inner: &Arc<Inner>, mut commit: Commit) -> Result<Commit, StoreError> {
    if inner.bulk.is_none() {
        return Ok(commit);
    }
    for object in &mut commit.objects {
        if let NewObject::Bytes { kind, bytes, references, .. } = object
            && bytes.len() > INLINE
        {
            *object = NewObject::Staged(Staged::new(inner, *kind, bytes.as_slice(), references.clone())?);
        }
    }
    Ok(commit)
}

fn apply(inner: &Arc<Inner>, txn: &Transaction, commit: &Commit) -> Result<Roots, CommitError> {
    check_nullifiers(txn, &commit.nullifiers)?;
    check_epoch(txn, commit.epoch)?;
    check_state(txn, &commit.expected)?;
    let mut reached = BTreeSet::new();
    for object in &commit.objects {
        insert_object(inner, txn, object, &mut reached)?;
    }
    reached.extend(commit.nullifiers.iter().map(|(_, by)| *by));
    reached.extend(&commit.records);
    reached.extend(commit.pins.iter().filter(|(_, pinned)| **pinned).map(|(id, _)| *id));
    reached.extend(commit.results.iter().map(|(_, result)| *result));
    reached.extend(commit.notes.values().flatten());
    check_presence(txn, &reached)?;
    reached.extend(commit.changes.iter().flat_map(|(key, value)| ids_of(key, value.as_ref())));
    rescue(txn, &reached)?;
    append_records(txn, &commit.records)?;
    set_pins(txn, &commit.pins)?;
    set_notes(txn, &commit.results, &commit.notes)?;
    let changes = commit.changes.iter();
    let changes =
        changes.map(|(key, value)| (*key.as_bytes(), value.map(|value| *value.as_bytes()))).collect();
    let state = tree::update::<StateTree>(txn, &changes)?;
    let added = commit.nullifiers.iter();
    let added = added.map(|(nullifier, by)| (*nullifier.as_bytes(), Some(*by.as_bytes()))).collect();
    let nullifiers = tree::update::<NullifierTree>(txn, &added)?;
    if commit.advances {
        next(txn, META_EPOCH)?;
    }
    let epoch = counter(&txn.open_table(META)?, META_EPOCH)?;
    let commits = next(txn, META_COMMITS)? + 1;
    let (state, nullifiers) = (Commitment::from_bytes(state), Commitment::from_bytes(nullifiers));
    let roots = Roots { state, nullifiers, epoch, commits };
    note_roots(txn, &commit.records, roots)?;
    Ok(roots)
}

/// First of all: who comes second is to hear so, whatever else has changed.
fn check_nullifiers(txn: &Transaction, added: &[(Nullifier, ContentId)]) -> Result<(), CommitError> {
    if added.is_empty() {
        return Ok(());
    }
    with_views(|| {
        let (roots, leaves, nodes) =
            (txn.open_table(ROOTS)?, txn.open_table(NULLIFIERS)?, txn.open_table(NULLIFIER_NODES)?);
        let view = TreeView::<NullifierTree, _, _>::new(&roots, &leaves, &nodes)?;
        let mut seen = BTreeSet::new();
        for (nullifier, _) in added {
            // What the table has is proved; what it has not is proved absent when it is added.
            if leaves.get(nullifier.as_bytes())?.is_some()
                && let (Some(by), _) = view.get(*nullifier.as_bytes())?
            {
                let by = ContentId::from_bytes(by);
                return Ok(Err(CommitError::AlreadyConsumed { nullifier: *nullifier, by }));
            }
            if !seen.insert(nullifier) {
                return Ok(Err(CommitError::ConsumedTwice(*nullifier)));
            }
        }
        Ok(Ok(()))
    })
}

fn check_epoch(txn: &Transaction, expected: Option<u64>) -> Result<(), CommitError> {
    let found = counter(&txn.open_table(META)?, META_EPOCH)?;
    match expected {
        Some(expected) if expected != found => Err(CommitError::EpochChanged { expected, found }),
        _ => Ok(()),
    }
}

fn check_state(txn: &Transaction, expected: &[(StateKey, Option<Commitment>)]) -> Result<(), CommitError> {
    if expected.is_empty() {
        return Ok(());
    }
    with_views(|| {
        let (roots, leaves, nodes) =
            (txn.open_table(ROOTS)?, txn.open_table(STATE)?, txn.open_table(STATE_NODES)?);
        let view = TreeView::<StateTree, _, _>::new(&roots, &leaves, &nodes)?;
        for (key, expected) in expected {
            let found = view.get(*key.as_bytes())?.0.map(Commitment::from_bytes);
            if found != *expected {
                return Ok(Err(CommitError::Changed { key: *key, expected: *expected, found }));
            }
        }
        Ok(Ok(()))
    })
}

/// Tells failures of the store from refusals.
fn with_views(
    check: impl FnOnce() -> Result<Result<(), CommitError>, StoreError>,
) -> Result<(), CommitError> {
    check()?
}

/// Puts an object into the table, and what it refers to into `reached`.
fn insert_object(
    inner: &Arc<Inner>,
    txn: &Transaction,
    object: &NewObject,
    reached: &mut BTreeSet<ContentId>,
) -> Result<(), CommitError> {
    let (id, references) = match object {
        NewObject::Bytes { id, references, .. } => (*id, references),
        NewObject::Staged(staged) => (staged.id, &staged.references),
    };
    if let NewObject::Staged(Staged { lease: Some(lease), .. }) = object
        && !Arc::ptr_eq(&lease.inner, inner)
    {
        return Err(CommitError::Foreign(id));
    }
    reached.extend(references);
    let mut objects = txn.open_table(OBJECTS)?;
    let present = objects.get(id.as_bytes()).map_err(StoreError::from)?;
    let present = present.map(|row| Entry::from_row(id, row.value())).transpose()?;
    let entry = match present {
        Some(mut entry) => {
            // It may be garbage so far, and have been put without its references.
            reached.insert(id);
            let all: BTreeSet<_> = entry.references.iter().chain(references).copied().collect();
            if all.len() == entry.references.len() {
                return Ok(());
            }
            entry.references = all.into_iter().collect();
            entry
        }
        None => new_entry(txn, object)?,
    };
    objects.insert(id.as_bytes(), entry.to_row(id)?.as_slice()).map_err(StoreError::from)?;
    Ok(())
}

fn new_entry(txn: &Transaction, object: &NewObject) -> Result<Entry, StoreError> {
    let (kind, length, references, body) = match object {
        NewObject::Bytes { kind, bytes, references, .. } => {
            (*kind, bytes.len() as u64, references, write_body(txn, *kind, bytes)?)
        }
        NewObject::Staged(staged) => {
            if let Some(lease) = &staged.lease
                && txn.open_table(UPLOADS)?.remove(lease.upload)?.is_none()
            {
                return Err(StoreError::Corrupt(format!("the bytes of {} are gone", staged.id)));
            }
            (staged.kind, staged.length, &staged.references, staged.body.clone())
        }
    };
    let references: BTreeSet<_> = references.iter().copied().collect();
    Ok(Entry { kind, length, references: references.into_iter().collect(), body })
}

fn write_body(txn: &Transaction, kind: ObjectKind, bytes: &[u8]) -> Result<Body, StoreError> {
    if bytes.len() <= INLINE {
        return Ok(Body::Inline(bytes.to_vec()));
    }
    let upload = next(txn, META_UPLOAD)?;
    let hasher = ChunkHasher::new(kind);
    let mut chunks = txn.open_table(CHUNKS)?;
    let mut hashes = Vec::new();
    for (number, chunk) in (0..).zip(bytes.chunks(CHUNK)) {
        hashes.push(hasher.chunk(number, chunk));
        chunks.insert((upload, number), chunk)?;
    }
    if hashes.len() == 1 {
        hashes.clear();
    }
    Ok(Body::Chunks { upload, hashes })
}

/// Everything that the commit refers to is there: what is committed can be followed to its end.
fn check_presence(txn: &Transaction, reached: &BTreeSet<ContentId>) -> Result<(), CommitError> {
    let objects = txn.open_table(OBJECTS)?;
    for id in reached {
        if objects.get(id.as_bytes()).map_err(StoreError::from)?.is_none() {
            return Err(CommitError::MissingReference(*id));
        }
    }
    Ok(())
}

/// The objects that a key of the state and its value may name.
pub(crate) fn ids_of(key: &StateKey, value: Option<&Commitment>) -> impl Iterator<Item = ContentId> {
    value.into_iter().flat_map(|value| [*key.as_bytes(), *value.as_bytes()]).map(ContentId::from_bytes)
}

/// Tells a collection that is under way what it may have found unreachable and is not any more.
fn rescue(txn: &Transaction, reached: &BTreeSet<ContentId>) -> Result<(), StoreError> {
    if counter(&txn.open_table(META)?, META_COLLECTING)? == 0 {
        return Ok(());
    }
    let mut rescued = txn.open_table(RESCUED)?;
    for id in reached {
        rescued.insert(id.as_bytes(), ())?;
    }
    Ok(())
}

fn append_records(txn: &Transaction, records: &[ContentId]) -> Result<(), StoreError> {
    let mut table = txn.open_table(RECORDS)?;
    let last = table.last()?.map(|(number, _)| number.value());
    let first = last.map_or(Some(0), |last| last.checked_add(1));
    let first = first.ok_or_else(|| StoreError::Corrupt("too many records".to_owned()))?;
    for (number, id) in (first..).zip(records) {
        table.insert(number, id.as_bytes())?;
    }
    Ok(())
}

fn note_roots(txn: &Transaction, records: &[ContentId], roots: Roots) -> Result<(), StoreError> {
    let mut table = txn.open_table(RECORD_ROOTS)?;
    for record in records {
        table.insert(record.as_bytes(), roots.to_bytes())?;
    }
    Ok(())
}

fn set_notes(
    txn: &Transaction,
    results: &[(ContentId, ContentId)],
    notes: &BTreeMap<ContentId, Option<ContentId>>,
) -> Result<(), StoreError> {
    let mut table = txn.open_table(RESULTS)?;
    for (of, result) in results {
        table.insert(of.as_bytes(), result.as_bytes())?;
    }
    drop(table);
    let mut table = txn.open_table(NOTES)?;
    for (key, object) in notes {
        match object {
            Some(object) => drop(table.insert(key.as_bytes(), object.as_bytes())?),
            None => drop(table.remove(key.as_bytes())?),
        }
    }
    Ok(())
}

fn set_pins(txn: &Transaction, pins: &BTreeMap<ContentId, bool>) -> Result<(), StoreError> {
    let mut table = txn.open_table(PINS)?;
    for (id, is_pinned) in pins {
        match is_pinned {
            true => drop(table.insert(id.as_bytes(), ())?),
            false => drop(table.remove(id.as_bytes())?),
        }
    }
    Ok(())
}
