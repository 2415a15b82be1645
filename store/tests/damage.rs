//! A damaged file is an error or does not matter; it is never a panic, and never other contents.

use std::fs;

use causality_store::{
    Blob, Commit, Commitment, ContentId, Nullifier, ObjectKind, StateKey, Store, StoreError,
};

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
