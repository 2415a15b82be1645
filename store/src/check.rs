//! Looking at everything there is.

use std::collections::BTreeMap;
use std::io;

use redb::ReadableTableMetadata;
use serde::Serialize;

use crate::database::guarded;
use crate::tables::{NULLIFIERS, OBJECTS, PINS, RECORD_ROOTS, RECORDS, ROOTS};
use crate::tree::{NullifierTree, StateTree, TreeKind, TreeView};
use crate::{ContentId, Damage, Progress, Roots, Snapshot, Store, StoreError};

/// What [`Store::verify`] looked at, and what is wrong with it.
#[derive(Clone, Debug, Default, PartialEq, Eq, Serialize)]
#[non_exhaustive]
pub struct Checked {
    /// Number of objects.
    pub objects: u64,
    /// Their bytes, all of which were hashed.
    pub bytes: u64,
    /// Number of keys of the state, each of which was proved.
    pub states: u64,
    /// Number of nullifiers, each of which was proved.
    pub nullifiers: u64,
    /// What is wrong; empty if nothing is.
    pub damage: Vec<Damage>,
}

impl Store {
    /// Checks all objects against their identifiers, that what they refer to is there, and both trees against their
    /// roots, leaf by leaf; and the list of records against the roots that were noted with them. What is wrong is
    /// collected; it goes on.
    ///
    /// # Errors
    ///
    /// Failures of the host; damage that leaves nothing to look at.
    pub fn verify(&self, mut progress: impl FnMut(Progress)) -> Result<Checked, StoreError> {
        let snapshot = self.snapshot()?;
        let mut checked = Checked::default();
        let objects = guarded(|| check_objects(&snapshot, &mut checked, &mut progress));
        note(&mut checked, None, objects)?;
        let state = guarded(|| check_tree::<StateTree>(&snapshot, "state", &mut checked, &mut progress));
        checked.states = note(&mut checked, None, state)?.unwrap_or(0);
        let nullifiers =
            guarded(|| check_tree::<NullifierTree>(&snapshot, "nullifiers", &mut checked, &mut progress));
        checked.nullifiers = note(&mut checked, None, nullifiers)?.unwrap_or(0);
        let roots = guarded(|| check_roots(&snapshot, &mut checked));
        note(&mut checked, None, roots)?;
        let records = guarded(|| check_records(&snapshot, &mut checked));
        note(&mut checked, None, records)?;
        Ok(checked)
    }

    /// Checks one object against its identifier; gives its length.
    ///
    /// # Errors
    ///
    /// Those of [`Snapshot::open`]: [`StoreError::HashMismatch`] if it is not what the identifier says.
    pub fn verify_object(&self, id: ContentId) -> Result<u64, StoreError> {
        check_object(&self.snapshot()?, id)
    }
}

/// Notes what is wrong, and gives failures of the host back.
fn note<T>(
    checked: &mut Checked,
    object: Option<ContentId>,
    result: Result<T, StoreError>,
) -> Result<Option<T>, StoreError> {
    match result {
        Ok(value) => Ok(Some(value)),
        Err(StoreError::Io(error)) => Err(StoreError::Io(error)),
        Err(error) => {
            checked.damage.push(Damage { object, what: error.to_string() });
            Ok(None)
        }
    }
}

fn check_objects(
    snapshot: &Snapshot,
    checked: &mut Checked,
    progress: &mut impl FnMut(Progress),
) -> Result<(), StoreError> {
    let objects = snapshot.transaction().open_table(OBJECTS)?;
    let total = objects.len()?;
    for row in objects.range::<&[u8; 32]>(..)? {
        let id = ContentId::from_bytes(*row?.0.value());
        let length = guarded(|| check_object(snapshot, id));
        checked.bytes += note(checked, Some(id), length)?.unwrap_or(0);
        checked.objects += 1;
        progress(Progress { step: "verify objects", done: checked.objects, total });
    }
    Ok(())
}

fn check_object(snapshot: &Snapshot, id: ContentId) -> Result<u64, StoreError> {
    let length = io::copy(&mut snapshot.open(id)?, &mut io::sink()).map_err(crate::snapshot::unwrapped)?;
    for reference in snapshot.references(id)? {
        if snapshot.kind(reference)?.is_none() {
            return Err(StoreError::Corrupt(format!("{id} refers to {reference}, which is missing")));
        }
    }
    Ok(length)
}

/// Proves each leaf of the table against the root, and that the tree has no more.
fn check_tree<H: TreeKind>(
    snapshot: &Snapshot,
    name: &'static str,
    checked: &mut Checked,
    progress: &mut impl FnMut(Progress),
) -> Result<u64, StoreError> {
    let txn = snapshot.transaction();
    let (roots, leaves, nodes) =
        (txn.open_table(ROOTS)?, txn.open_table(H::LEAVES)?, txn.open_table(H::NODES)?);
    let view = TreeView::<H, _, _>::new(&roots, &leaves, &nodes)?;
    let total = leaves.len()?;
    let mut count = 0;
    for row in leaves.range::<&[u8; 32]>(..)? {
        let key = *row?.0.value();
        let proved = guarded(|| view.get(key));
        note(checked, None, proved)?;
        count += 1;
        progress(Progress {
            step: if name == "state" { "verify state" } else { "verify nullifiers" },
            done: count,
            total,
        });
    }
    if view.leaf_count()? != count {
        let what = format!("the tree of {name} has {} leaves and its table {count}", view.leaf_count()?);
        checked.damage.push(Damage { object: None, what });
    }
    Ok(count)
}

/// What must stay is there.
fn check_roots(snapshot: &Snapshot, checked: &mut Checked) -> Result<(), StoreError> {
    let txn = snapshot.transaction();
    let mut ids = Vec::new();
    for row in txn.open_table(PINS)?.range::<&[u8; 32]>(..)? {
        ids.push(("a pin", *row?.0.value()));
    }
    for row in txn.open_table(RECORDS)?.range::<u64>(..)? {
        ids.push(("the list of records", *row?.1.value()));
    }
    for row in txn.open_table(NULLIFIERS)?.range::<&[u8; 32]>(..)? {
        ids.push(("a nullifier", *row?.1.value()));
    }
    ids.extend(snapshot.notes()?.iter().map(|id| ("a note", *id.as_bytes())));
    let objects = txn.open_table(OBJECTS)?;
    for (what, id) in ids {
        if objects.get(&id)?.is_none() {
            let id = ContentId::from_bytes(id);
            checked
                .damage
                .push(Damage { object: Some(id), what: format!("{what} names {id}, which is missing") });
        }
    }
    Ok(())
}

/// The list of records and the roots noted with them, by which it is told whether a run took effect, are of the same records
/// and in the same order.
fn check_records(snapshot: &Snapshot, checked: &mut Checked) -> Result<(), StoreError> {
    let txn = snapshot.transaction();
    let (records, noted) = (txn.open_table(RECORDS)?, txn.open_table(RECORD_ROOTS)?);
    // A record that was added again has the roots of the last time.
    let mut last = BTreeMap::new();
    for row in records.range::<u64>(..)? {
        let (number, id) = row?;
        last.insert(*id.value(), number.value());
    }
    let mut before: Option<Roots> = None;
    for row in records.range::<u64>(..)? {
        let (number, id) = row?;
        let id = *id.value();
        if last.get(&id) != Some(&number.value()) {
            continue;
        }
        let Some(roots) = noted.get(&id)?.map(|roots| Roots::from_bytes(&roots.value())) else {
            damage(checked, id, |id| {
                format!("{id} is in the list of records, and no roots are noted with it")
            });
            continue;
        };
        if before.is_some_and(|before| !can_follow(before, roots)) {
            damage(checked, id, |id| {
                format!("the roots noted with {id} are older than those of a record before")
            });
        }
        if !can_follow(roots, snapshot.roots()) {
            damage(checked, id, |id| format!("the roots noted with {id} are none that this store has had"));
        }
        before = Some(roots);
    }
    for row in noted.range::<&[u8; 32]>(..)? {
        let id = *row?.0.value();
        if !last.contains_key(&id) {
            damage(checked, id, |id| {
                format!("roots are noted with {id}, which is not in the list of records")
            });
        }
    }
    Ok(())
}

/// Whether the store can have had these roots and then those: by another commit, or by the same.
fn can_follow(before: Roots, after: Roots) -> bool {
    before == after || before.commits < after.commits && before.epoch <= after.epoch
}

fn damage(checked: &mut Checked, id: [u8; 32], what: impl FnOnce(ContentId) -> String) {
    let id = ContentId::from_bytes(id);
    checked.damage.push(Damage { object: Some(id), what: what(id) });
}
