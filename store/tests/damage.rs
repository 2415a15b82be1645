//! A damaged file is an error or does not matter; it is never a panic, and never other contents.

use std::fs;
use std::path::Path;

use causality_store::{
    Blob, Commit, Commitment, ContentId, Nullifier, ObjectKind, StateKey, Store, StoreError,
};
use redb::ReadableTable;

const OBJECTS: u64 = 40;

fn contents(number: u64) -> Vec<u8> {
    let length = if number.is_multiple_of(8) { 300_000 } else { 700 };
    (0..length).map(|at| (at * (number + 3) % 251) as u8).collect()
}

fn hash(number: u64) -> [u8; 32] {
    *ContentId::of(ObjectKind::Blob, &number.to_le_bytes()).as_bytes()
}

fn fill(store: &Store) {
    for number in 0..OBJECTS {
        let mut commit = Commit::new();
        let id = commit.bytes(ObjectKind::Blob, contents(number), Vec::new());
        commit.record(id).consume(Nullifier::from_bytes(hash(number)), id);
        commit.set(StateKey::from_bytes(hash(number)), Commitment::from(id));
        store.commit(commit).unwrap();
    }
}

/// The database panics on some damage, which the store makes an error of; only panics of this file are worth printing.
fn quiet() {
    std::panic::set_hook(Box::new(|panic| {
        if panic.location().is_some_and(|location| location.file().ends_with("damage.rs")) {
            eprintln!("{panic}");
        }
    }));
}

/// Reads everything; gives the number of errors. Wrong contents panic.
fn read_all(store: &Store) -> Result<u64, StoreError> {
    let mut errors = 0;
    let snapshot = store.snapshot()?;
    for number in 0..OBJECTS {
        let id = ContentId::of(ObjectKind::Blob, &contents(number));
        match snapshot.get::<Blob>(id) {
            Ok(blob) => assert_eq!(blob.as_slice(), contents(number)),
            Err(_) => errors += 1,
        }
        // What the tree says is proved against the root, so it is right or it is an error, unless it is the root
        // that changed: then everything is an error.
        match snapshot.state(StateKey::from_bytes(hash(number))) {
            Ok(value) => assert_eq!(value, Some(Commitment::from(id))),
            Err(_) => errors += 1,
        }
        match snapshot.consumed_by(Nullifier::from_bytes(hash(number))) {
            Ok(by) => assert_eq!(by, Some(id)),
            Err(_) => errors += 1,
        }
    }
    Ok(errors)
}

#[test]
fn flipped_bytes_never_pass_for_contents() {
    quiet();
    let directory = tempfile::tempdir().unwrap();
    let file = directory.path().join("store.redb");
    fill(&Store::open(directory.path()).unwrap());
    let good = fs::read(&file).unwrap();
    assert_eq!(read_all(&Store::open(directory.path()).unwrap()).unwrap(), 0);
    let mut random = 88_172_645_463_325_252_u64;
    let (mut refused, mut noticed) = (0, 0);
    for round in 0..150 {
        let mut bad = good.clone();
        for _ in 0..1 + round % 40 {
            random ^= random << 13;
            random ^= random >> 7;
            random ^= random << 17;
            // Now and then in the header, where it hurts most.
            let length = if round % 5 == 0 { 4096 } else { bad.len() };
            bad[(random >> 16) as usize % length] ^= 1 << (random % 8);
        }
        fs::write(&file, &bad).unwrap();
        match Store::open(directory.path()).and_then(|store| {
            let errors = read_all(&store)?;
            // These go everywhere; all they must do is come back.
            let _ = store.verify(|_| ());
            let _ = store.stats();
            let _ = store.put(&Blob::from("more"));
            let _ = store.collect(|_| ());
            Ok(errors)
        }) {
            Err(_) => refused += 1,
            Ok(0) => {}
            Ok(_) => noticed += 1,
        }
    }
    eprintln!("of 150 damaged files, {refused} were refused and {noticed} had objects or leaves that were");
    assert!(refused > 0 && noticed > 10);
}

#[test]
fn files_that_are_no_store_are_refused() {
    let directory = tempfile::tempdir().unwrap();
    let file = directory.path().join("store.redb");
    fill(&Store::open(directory.path()).unwrap());
    let good = fs::read(&file).unwrap();
    for bad in [&b"no database"[..], &[0; 100_000], &good[..1000], &good[..good.len() / 2]] {
        fs::write(&file, bad).unwrap();
        let result = Store::open(directory.path()).and_then(|store| read_all(&store));
        assert!(!matches!(result, Ok(0)), "{result:?}");
        let error = result.err();
        assert!(
            error.is_none() || matches!(error, Some(StoreError::Corrupt(_) | StoreError::Io(_))),
            "{error:?}"
        );
    }
}

const RECORDS: redb::TableDefinition<u64, &[u8; 32]> = redb::TableDefinition::new("records");
const RECORD_ROOTS: redb::TableDefinition<&[u8; 32], [u8; 80]> = redb::TableDefinition::new("record_roots");

type Records<'t> = redb::Table<'t, u64, &'static [u8; 32]>;
type RecordRoots<'t> = redb::Table<'t, &'static [u8; 32], [u8; 80]>;

/// Changes the file of a store as only somebody can who goes around it.
fn tamper(file: &Path, change: &dyn Fn(&mut Records<'_>, &mut RecordRoots<'_>)) {
    let mut builder = redb::Builder::new();
    let database = builder.set_concurrency_mode(redb::ConcurrencyMode::MultiWriter).open(file).unwrap();
    let transaction = database.begin_write().unwrap();
    {
        let mut records = transaction.open_table(RECORDS).unwrap();
        let mut roots = transaction.open_table(RECORD_ROOTS).unwrap();
        change(&mut records, &mut roots);
    }
    transaction.commit().unwrap();
}

#[test]
fn the_list_of_records_and_the_roots_noted_with_them_have_to_agree() {
    let directory = tempfile::tempdir().unwrap();
    let file = directory.path().join("store.redb");
    fill(&Store::open(directory.path()).unwrap());
    let good = fs::read(&file).unwrap();
    let record = |number: u64| *ContentId::of(ObjectKind::Blob, &contents(number)).as_bytes();
    let damage = |what: &str, change: &dyn Fn(&mut Records<'_>, &mut RecordRoots<'_>)| {
        fs::write(&file, &good).unwrap();
        tamper(&file, change);
        let damage = Store::open(directory.path()).unwrap().verify(|_| ()).unwrap().damage;
        let is_told = damage.iter().any(|damage| damage.what.contains(what));
        assert_eq!(is_told, !what.is_empty(), "{what}: {damage:?}");
        assert_eq!(damage.is_empty(), what.is_empty(), "{damage:?}");
    };
    let of = |roots: &RecordRoots<'_>, number| roots.get(&record(number)).unwrap().unwrap().value();
    damage("", &|_, _| ());
    damage("no roots are noted with it", &|_, roots| drop(roots.remove(&record(3)).unwrap()));
    damage("which is not in the list of records", &|records, _| drop(records.remove(OBJECTS - 1).unwrap()));
    damage("which is not in the list of records", &|_, roots| {
        // What would make a record pass for that of a run that took effect.
        let last = of(roots, OBJECTS - 1);
        roots.insert(&hash(1), last).unwrap();
    });
    damage("older than those of a record before", &|_, roots| {
        let (first, second) = (of(roots, 4), of(roots, 5));
        roots.insert(&record(4), second).unwrap();
        roots.insert(&record(5), first).unwrap();
    });
    damage("none that this store has had", &|_, roots| {
        let mut last = of(roots, OBJECTS - 1);
        last[0] ^= 1;
        roots.insert(&record(OBJECTS - 1), last).unwrap();
    });
}

#[test]
fn records_of_one_commit_and_records_that_come_again_are_no_damage() {
    let store = Store::in_memory().unwrap();
    let commit = |numbers: &[u64]| {
        let mut commit = Commit::new();
        for number in numbers {
            let id = commit.bytes(ObjectKind::Blob, contents(*number), Vec::new());
            commit.record(id);
        }
        store.commit(commit).unwrap();
        store.advance_epoch().unwrap();
    };
    commit(&[1, 2, 3]);
    commit(&[4]);
    commit(&[2, 5, 5]);
    assert_eq!(store.verify(|_| ()).unwrap().damage, []);
}
