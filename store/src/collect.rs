//! Collection of what nothing refers to.
//!
//! Everything that is reachable stays: from keys and values of the state, records, nullifiers, pins and notes, along the
//! references that were given with each object. Results of computations are none of these: they can be had again. In two phases, while others go on committing:
//!
//! 1. **Mark.** After it was announced in the database that a collection is under way, a snapshot is followed from its
//!    roots. What it has and cannot be reached is a candidate. Everything that is younger than the snapshot stays.
//! 2. **Sweep.** Candidates are dropped a few at a time, each time in a transaction of its own. Since the
//!    announcement, commits have left the identifiers of what they refer to; whatever these lead to is
//!    no candidate any more. That is read in the transaction that drops, so no commit comes in between.
//!
//! Dying in the middle does no harm: what was dropped was garbage, and the next collection starts afresh.
//! If any object's entry is damaged there is no collection, because its references are unknown.

use std::collections::{BTreeSet, HashSet};
use std::fs::TryLockError;

use redb::{ReadableDatabase, ReadableTable, ReadableTableMetadata};

use crate::database::{Inner, NOBODY, guarded, lock_file};
use crate::entry::{Body, Entry};
use crate::tables::{
    CHUNKS, META, META_COLLECTING, NULLIFIERS, OBJECTS, PINS, RECORDS, RESCUED, RESULTS, STATE, UPLOADS,
};
use crate::transaction::ids_of;
use crate::write::Transaction;
use crate::{Collected, Commitment, ContentId, Progress, Snapshot, StateKey, Store, StoreError};

/// Objects that are dropped in one transaction, so that commits need not wait for long.
const BATCH: usize = 256;

impl Store {
    /// Drops the objects that nothing refers to: not the state, no record, no nullifier, no pin, and no object that
    /// one of these leads to. Others may go on using the store. Needs 32 bytes of memory and some for each object.
    ///
    /// # Errors
    ///
    /// [`StoreError::Collecting`] if another collection is under way; [`StoreError::Corrupt`] if it cannot be known what
    /// is garbage, and then nothing is dropped; failures of the host.
    pub fn collect(&self, progress: impl FnMut(Progress)) -> Result<Collected, StoreError> {
        self.collect_between(progress, || ())
    }

    /// As [`collect`](Self::collect), but only counts what it would drop.
    ///
    /// # Errors
    ///
    /// As of [`collect`](Self::collect).
    pub fn count_garbage(&self, mut progress: impl FnMut(Progress)) -> Result<Collected, StoreError> {
        let snapshot = self.snapshot()?;
        let (mut collected, candidates) = guarded(|| mark(&snapshot, &mut progress))?;
        for id in candidates {
            collected.dropped += 1;
            collected.bytes += snapshot.entry(id)?.map_or(0, |entry| entry.length);
        }
        collected.uploads = guarded(|| Ok(dead_uploads(&self.inner)?.len() as u64))?;
        Ok(collected)
    }

    /// `between` is called between the phases.
    pub(crate) fn collect_between(
        &self,
        mut progress: impl FnMut(Progress),
        between: impl FnOnce(),
    ) -> Result<Collected, StoreError> {
        let Ok(_mine) = self.inner.collecting.try_lock() else {
            return Err(StoreError::Collecting);
        };
        let lock = self.inner.directory.as_ref().map(|at| lock_file(&at.join("collect.lock"))).transpose()?;
        match lock.as_ref().map_or(Ok(()), std::fs::File::try_lock) {
            Ok(()) => {}
            Err(TryLockError::WouldBlock) => return Err(StoreError::Collecting),
            Err(TryLockError::Error(error)) => return Err(error.into()),
        }
        announce(&self.inner)?;
        let snapshot = self.snapshot()?;
        let (mut collected, candidates) = guarded(|| mark(&snapshot, &mut progress))?;
        drop(snapshot);
        between();
        sweep(&self.inner, candidates, &mut collected, &mut progress)?;
        end(&self.inner)?;
        collected.uploads = guarded(|| drop_uploads(&self.inner))?;
        Ok(collected)
    }
}

fn announce(inner: &Inner) -> Result<(), StoreError> {
    inner.write(|txn| {
        txn.open_table(META)?.insert(META_COLLECTING, 1)?;
        Ok(txn.open_table(RESCUED)?.retain(|_, ()| false)?)
    })
}

fn end(inner: &Inner) -> Result<(), StoreError> {
    inner.write(|txn| {
        txn.open_table(META)?.remove(META_COLLECTING)?;
        drop_results(txn)?;
        Ok(txn.open_table(RESCUED)?.retain(|_, ()| false)?)
    })
}

/// Forgets which results there were, of those that are gone.
fn drop_results(txn: &Transaction) -> Result<(), StoreError> {
    let objects = txn.open_table(OBJECTS)?;
    let mut gone = Vec::new();
    let mut results = txn.open_table(RESULTS)?;
    for row in results.range::<&[u8; 32]>(..)? {
        let (of, result) = row?;
        if objects.get(result.value())?.is_none() {
            gone.push(*of.value());
        }
    }
    for of in gone {
        results.remove(&of)?;
    }
    Ok(())
}

/// The objects of a snapshot that cannot be reached.
fn mark(
    snapshot: &Snapshot,
    progress: &mut impl FnMut(Progress),
) -> Result<(Collected, HashSet<ContentId>), StoreError> {
    let objects = snapshot.transaction().open_table(OBJECTS)?;
    let total = objects.len()?;
    let mut reached = HashSet::new();
    let mut waiting = roots(snapshot)?;
    while let Some(id) = waiting.pop() {
        let Some(row) = objects.get(id.as_bytes())? else {
            continue;
        };
        if reached.insert(id) {
            let references = Entry::from_row(id, row.value())?.references;
            waiting.extend(references.into_iter().filter(|id| !reached.contains(id)));
            progress(Progress { step: "mark", done: reached.len() as u64, total });
        }
    }
    let mut candidates = HashSet::new();
    for row in objects.range::<&[u8; 32]>(..)? {
        let id = ContentId::from_bytes(*row?.0.value());
        if !reached.contains(&id) {
            candidates.insert(id);
        }
    }
    Ok((Collected { kept: reached.len() as u64, ..Collected::default() }, candidates))
}

/// What is reachable to begin with. Some of it may not be objects.
fn roots(snapshot: &Snapshot) -> Result<Vec<ContentId>, StoreError> {
    let txn = snapshot.transaction();
    let mut roots = Vec::new();
    for row in txn.open_table(PINS)?.range::<&[u8; 32]>(..)? {
        roots.push(ContentId::from_bytes(*row?.0.value()));
    }
    roots.extend(snapshot.notes()?);
    for row in txn.open_table(RECORDS)?.range::<u64>(..)? {
        roots.push(ContentId::from_bytes(*row?.1.value()));
    }
    for row in txn.open_table(NULLIFIERS)?.range::<&[u8; 32]>(..)? {
        roots.push(ContentId::from_bytes(*row?.1.value()));
    }
    for row in txn.open_table(STATE)?.range::<&[u8; 32]>(..)? {
        let (key, value) = row?;
        let (key, value) = (StateKey::from_bytes(*key.value()), Commitment::from_bytes(*value.value()));
        roots.extend(ids_of(&key, Some(&value)));
    }
    Ok(roots)
}

fn sweep(
    inner: &Inner,
    mut candidates: HashSet<ContentId>,
    collected: &mut Collected,
    progress: &mut impl FnMut(Progress),
) -> Result<(), StoreError> {
    let total = candidates.len() as u64;
    // In the order of the table, so that each transaction touches few pages.
    let order: BTreeSet<ContentId> = candidates.iter().copied().collect();
    let mut order = order.into_iter().peekable();
    while order.peek().is_some() {
        inner.write(|txn| {
            collected.rescued += rescue(txn, &mut candidates)?;
            for id in order.by_ref().take(BATCH) {
                if candidates.remove(&id) {
                    collected.bytes += drop_object(txn, id)?;
                    collected.dropped += 1;
                }
            }
            Ok(())
        })?;
        progress(Progress { step: "sweep", done: total - order.len() as u64, total });
    }
    collected.kept += collected.rescued;
    Ok(())
}

/// Takes what commits have come to refer to, and all that leads to, from the candidates.
fn rescue(txn: &Transaction, candidates: &mut HashSet<ContentId>) -> Result<u64, StoreError> {
    let mut waiting = Vec::new();
    txn.open_table(RESCUED)?.retain(|id, ()| {
        waiting.push(ContentId::from_bytes(*id));
        false
    })?;
    let objects = txn.open_table(OBJECTS)?;
    let mut count = 0;
    while let Some(id) = waiting.pop() {
        if candidates.remove(&id) {
            count += 1;
            let row = objects.get(id.as_bytes())?;
            let row =
                row.ok_or_else(|| StoreError::Corrupt(format!("{id} is missing though it is garbage")))?;
            waiting.extend(Entry::from_row(id, row.value())?.references);
        }
    }
    Ok(count)
}

/// Drops an object, gives its length.
fn drop_object(txn: &Transaction, id: ContentId) -> Result<u64, StoreError> {
    let entry = match txn.open_table(OBJECTS)?.remove(id.as_bytes())? {
        Some(row) => Entry::from_row(id, row.value())?,
        None => return Ok(0),
    };
    match entry.body {
        Body::Inline(_) => {}
        Body::Chunks { upload, .. } => drop_chunks(txn, upload)?,
        Body::External { upload, .. } => drop(txn.open_table(UPLOADS)?.insert(upload, NOBODY)?),
    }
    Ok(entry.length)
}

fn drop_chunks(txn: &Transaction, upload: u64) -> Result<(), StoreError> {
    txn.open_table(CHUNKS)?.retain_in((upload, 0)..=(upload, u64::MAX), |_, _| false)?;
    Ok(())
}

/// Uploads of which nobody can make an object any more.
fn dead_uploads(inner: &Inner) -> Result<Vec<u64>, StoreError> {
    let mut dead = Vec::new();
    for row in inner.database.begin_read()?.open_table(UPLOADS)?.range::<u64>(..)? {
        let (upload, owner) = row?;
        if !inner.is_alive(upload.value(), owner.value())? {
            dead.push(upload.value());
        }
    }
    Ok(dead)
}

/// Drops them. They are marked first, in the database, where it shows if one was committed in the last moment; only
/// what stays marked is dropped elsewhere.
fn drop_uploads(inner: &Inner) -> Result<u64, StoreError> {
    let dead = dead_uploads(inner)?;
    if dead.is_empty() {
        return Ok(0);
    }
    let marked = mark_uploads(inner, &dead)?;
    for upload in &marked {
        if let Some(bulk) = &inner.bulk {
            bulk.delete(*upload)?;
        }
        inner.write(|txn| {
            drop_chunks(txn, *upload)?;
            txn.open_table(UPLOADS)?.remove(*upload)?;
            Ok(())
        })?;
    }
    Ok(marked.len() as u64)
}

fn mark_uploads(inner: &Inner, dead: &[u64]) -> Result<Vec<u64>, StoreError> {
    inner.write(|txn| {
        let mut uploads = txn.open_table(UPLOADS)?;
        let mut marked = Vec::new();
        for upload in dead {
            if uploads.get(upload)?.is_some() {
                uploads.insert(upload, NOBODY)?;
                marked.push(*upload);
            }
        }
        Ok(marked)
    })
}

#[cfg(test)]
mod tests {
    use std::collections::BTreeMap;
    use std::io::{self, Read};

    use proptest::prelude::*;

    use super::*;
    use crate::{Blob, Commit, CommitError, Nullifier, ObjectKind};

    /// Commits an object that refers to others.
    fn put(store: &Store, name: &str, references: &[ContentId]) -> ContentId {
        let mut commit = Commit::new();
        let id = commit.bytes(ObjectKind::Blob, name.as_bytes().to_vec(), references.to_vec());
        store.commit(commit).unwrap();
        id
    }

    fn commit(store: &Store, fill: impl FnOnce(&mut Commit)) -> Result<crate::Roots, CommitError> {
        let mut commit = Commit::new();
        fill(&mut commit);
        store.commit(commit)
    }

    fn chunks(store: &Store) -> u64 {
        store.snapshot().unwrap().transaction().open_table(CHUNKS).unwrap().len().unwrap()
    }

    #[test]
    fn what_anything_leads_to_stays_and_the_rest_goes() {
        let directory = tempfile::tempdir().unwrap();
        for store in [Store::in_memory().unwrap(), Store::open(directory.path()).unwrap()] {
            let leaves: Vec<_> = (0..6).map(|at| put(&store, &format!("leaf {at}"), &[])).collect();
            let inner: Vec<_> = (0..6).map(|at| put(&store, &format!("inner {at}"), &[leaves[at]])).collect();
            let tops: Vec<_> = (0..6).map(|at| put(&store, &format!("top {at}"), &[inner[at]])).collect();
            let nullifier = Nullifier::from_bytes([9; 32]);
            let large = store.stage(ObjectKind::Blob, io::repeat(3).take(600_000), vec![]).unwrap();
            commit(&store, |commit| {
                commit.staged(large);
            })
            .unwrap();
            commit(&store, |commit| {
                commit.pin(tops[0]).record(tops[1]).consume(nullifier, tops[2]);
                commit.set(StateKey::from(tops[3]), Commitment::from_bytes([1; 32]));
                commit.set(StateKey::from_bytes([2; 32]), Commitment::from(tops[4]));
            })
            .unwrap();
            let before = store.snapshot().unwrap();
            let counted = store.count_garbage(|_| ()).unwrap();
            assert_eq!((counted.kept, counted.dropped, chunks(&store)), (15, 4, 3));
            let collected = store.collect(|_| ()).unwrap();
            assert_eq!(collected, counted);
            for at in 0..6 {
                for id in [tops[at], inner[at], leaves[at]] {
                    assert_eq!(store.contains(id).unwrap(), at < 5, "{at}");
                }
            }
            assert_eq!(chunks(&store), 0);
            // What was, is still there for whoever looks at what was.
            assert_eq!(before.get::<Blob>(tops[5]).unwrap(), Blob::from("top 5"));
            // What keeps an object goes, and so does the object; nullifiers and records never do.
            commit(&store, |commit| {
                commit.unpin(tops[0]).remove(StateKey::from(tops[3]));
                commit.set(StateKey::from_bytes([2; 32]), Commitment::from_bytes([0; 32]));
            })
            .unwrap();
            assert_eq!(store.collect(|_| ()).unwrap().dropped, 9);
            assert_eq!(store.snapshot().unwrap().consumed_by(nullifier).unwrap(), Some(tops[2]));
            assert!(store.contains(leaves[1]).unwrap() && store.contains(leaves[2]).unwrap());
            let again = commit(&store, |commit| {
                commit.consume(nullifier, tops[1]);
            })
            .unwrap_err();
            assert!(matches!(again, CommitError::AlreadyConsumed { by, .. } if by == tops[2]));
            assert_eq!(store.verify(|_| ()).unwrap().damage, []);
        }
    }

    /// Each way in which a commit can come to need what a collection was about to drop.
    #[test]
    fn what_a_commit_needs_between_the_phases_stays_with_all_that_it_leads_to() {
        let ways: [fn(&mut Commit, ContentId); 7] = [
            |commit, id| {
                commit.pin(id);
            },
            |commit, id| {
                commit.record(id);
            },
            |commit, id| {
                commit.consume(Nullifier::from_bytes([1; 32]), id);
            },
            |commit, id| {
                commit.set(StateKey::from(id), Commitment::from_bytes([1; 32]));
            },
            |commit, id| {
                commit.set(StateKey::from_bytes([1; 32]), Commitment::from(id));
            },
            |commit, id| {
                let new = commit.bytes(ObjectKind::Blob, b"new".to_vec(), vec![id]);
                commit.pin(new);
            },
            |commit, id| {
                // Put again, by somebody who does not know what it refers to.
                assert_eq!(commit.bytes(ObjectKind::Blob, b"top".to_vec(), vec![]), id);
            },
        ];
        for way in ways {
            let store = Store::in_memory().unwrap();
            let leaf = put(&store, "leaf", &[]);
            let inner = put(&store, "inner", &[leaf]);
            let top = put(&store, "top", &[inner]);
            let other = put(&store, "other", &[leaf]);
            let between = || {
                commit(&store, |commit| way(commit, top)).unwrap();
            };
            let collected = store.collect_between(|_| (), between).unwrap();
            assert_eq!((collected.dropped, collected.rescued), (1, 3));
            assert!([leaf, inner, top].iter().all(|id| store.contains(*id).unwrap()));
            assert!(!store.contains(other).unwrap());
            assert_eq!(store.verify(|_| ()).unwrap().damage, []);
        }
    }

    #[test]
    fn a_commit_that_comes_too_late_is_refused() {
        let store = Store::in_memory().unwrap();
        let gone = put(&store, "gone", &[]);
        store.collect(|_| ()).unwrap();
        let error = commit(&store, |commit| {
            commit.pin(gone);
        })
        .unwrap_err();
        assert!(matches!(error, CommitError::MissingReference(id) if id == gone));
    }

    #[test]
    fn staged_bytes_stay_as_long_as_somebody_may_commit_them() {
        let directory = tempfile::tempdir().unwrap();
        let (one, two) = (Store::open(directory.path()).unwrap(), Store::open(directory.path()).unwrap());
        let stage = |byte| one.stage(ObjectKind::Blob, io::repeat(byte).take(700_000), vec![]).unwrap();
        let (dropped, kept) = (stage(1), stage(2));
        assert_eq!(two.collect(|_| ()).unwrap().uploads, 0);
        drop(dropped);
        // Another handle sees that its owner is alive, and no more than that.
        assert_eq!(two.collect(|_| ()).unwrap().uploads, 0);
        assert_eq!(one.collect(|_| ()).unwrap().uploads, 1);
        let id = kept.id();
        commit(&one, |commit| {
            commit.staged(kept);
            commit.pin(id);
        })
        .unwrap();
        let _lost = one.stage(ObjectKind::Blob, io::repeat(3).take(700_000), vec![]).unwrap();
        drop((_lost, one));
        assert_eq!(two.collect(|_| ()).unwrap().uploads, 1);
        assert_eq!((two.stats().unwrap().uploads, chunks(&two)), (0, 3));
        assert_eq!(two.verify_object(id).unwrap(), 700_000);
    }

    #[test]
    fn two_collections_at_once_are_refused() {
        let directory = tempfile::tempdir().unwrap();
        let (one, two) = (Store::open(directory.path()).unwrap(), Store::open(directory.path()).unwrap());
        let again = one.clone();
        let between = || {
            assert!(matches!(two.collect(|_| ()), Err(StoreError::Collecting)));
            assert!(matches!(again.collect(|_| ()), Err(StoreError::Collecting)));
        };
        one.collect_between(|_| (), between).unwrap();
        two.collect(|_| ()).unwrap();
    }

    /// Committing and collecting at the same time, for a while.
    #[test]
    fn commits_during_collections_lose_nothing() {
        let directory = tempfile::tempdir().unwrap();
        let store = Store::open(directory.path()).unwrap();
        let is_over = std::sync::atomic::AtomicBool::new(false);
        let dropped = std::thread::scope(|scope| {
            let collector = scope.spawn(|| {
                let store = Store::open(directory.path()).unwrap();
                let mut dropped = 0;
                while !is_over.load(std::sync::atomic::Ordering::Relaxed) {
                    dropped += store.collect(|_| ()).unwrap().dropped;
                }
                dropped
            });
            let mut refused = 0;
            for round in 0..400_u32 {
                // Garbage, which a later commit may come to need after all.
                let bottom = put(&store, &format!("bottom {}", round / 3), &[]);
                let mut garbage = Commit::new();
                let name = format!("garbage {}", round / 3).into_bytes();
                let id = garbage.bytes(ObjectKind::Blob, name, vec![bottom]);
                let result = store.commit(garbage).and_then(|_| {
                    commit(&store, |commit| match round % 5 {
                        0 => {
                            commit.pin(id);
                        }
                        1 => {
                            commit.record(id);
                        }
                        2 => {
                            commit.set(StateKey::from_bytes([1; 32]), Commitment::from(id));
                        }
                        _ => {}
                    })
                });
                match result {
                    Ok(_) => {}
                    Err(CommitError::MissingReference(_)) => refused += 1,
                    Err(error) => panic!("{error}"),
                }
            }
            is_over.store(true, std::sync::atomic::Ordering::Relaxed);
            (collector.join().unwrap(), refused)
        });
        assert!(dropped.0 > 0, "nothing was collected");
        assert_eq!(store.verify(|_| ()).unwrap().damage, []);
        for record in store.snapshot().unwrap().records().unwrap() {
            store.verify_object(record.unwrap()).unwrap();
        }
    }

    proptest! {
        #![proptest_config(ProptestConfig::with_cases(64))]

        /// Against a model: any graph, any roots, and any commit between the phases.
        #[test]
        fn exactly_what_can_be_reached_stays(
            edges in proptest::collection::vec(proptest::collection::vec(0_usize..40, 0..3), 1..40),
            pinned in proptest::collection::btree_set(0_usize..40, 0..4),
            late in proptest::collection::btree_set(0_usize..40, 0..3),
        ) {
            let store = Store::in_memory().unwrap();
            let mut ids: Vec<ContentId> = Vec::new();
            let mut graph = BTreeMap::new();
            for (at, targets) in edges.iter().enumerate() {
                let targets: Vec<_> = targets.iter().filter(|to| **to < at).map(|to| ids[*to]).collect();
                ids.push(put(&store, &format!("node {at}"), &targets));
                graph.insert(ids[at], targets);
            }
            let pin = |set: &BTreeSet<usize>| {
                commit(&store, |commit| for at in set.iter().filter(|at| **at < ids.len()) {
                    commit.pin(ids[*at]);
                }).unwrap();
            };
            pin(&pinned);
            store.collect_between(|_| (), || pin(&late)).unwrap();
            let mut waiting: Vec<_> = pinned.union(&late).filter_map(|at| ids.get(*at)).copied().collect();
            let mut reached = BTreeSet::new();
            while let Some(id) = waiting.pop() {
                if reached.insert(id) {
                    waiting.extend(&graph[&id]);
                }
            }
            for id in &ids {
                prop_assert_eq!(store.contains(*id).unwrap(), reached.contains(id));
            }
        }
    }
}
