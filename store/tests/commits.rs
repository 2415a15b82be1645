//! A commit takes effect as a whole or not at all, and says why not.

use std::io::{self, Cursor, Read};
use std::thread;

use causality_store::{
    Blob, Commit, CommitError, Commitment, ContentId, ContentRef, Nullifier, ObjectKind, StateKey, Store,
    StoreError, verify_nullifier, verify_state,
};

fn key(byte: u8) -> StateKey {
    StateKey::from_bytes([byte; 32])
}

fn value(byte: u8) -> Commitment {
    Commitment::from_bytes([byte; 32])
}

fn nullifier(byte: u8) -> Nullifier {
    Nullifier::from_bytes([byte; 32])
}

#[test]
fn everything_of_a_commit_is_there_afterwards() {
    let store = Store::in_memory().unwrap();
    let before = store.snapshot().unwrap();
    let mut commit = Commit::new();
    let record = commit.object(&Blob::from("record")).unwrap();
    commit.record(record);
    commit.expect(key(1), None).set(key(1), value(2)).consume(nullifier(3), record).advance_epoch();
    let roots = store.commit(commit).unwrap();
    let after = store.snapshot().unwrap();
    assert_eq!(after.roots(), roots);
    assert_eq!((roots.epoch, roots.commits), (1, 1));
    assert_eq!(after.state(key(1)).unwrap(), Some(value(2)));
    assert_eq!(after.consumed_by(nullifier(3)).unwrap(), Some(record));
    assert_eq!(after.records().unwrap().collect::<Result<Vec<_>, _>>().unwrap(), [record]);
    assert_eq!(after.states().unwrap().collect::<Result<Vec<_>, _>>().unwrap(), [(key(1), value(2))]);
    // A snapshot stays what it was.
    assert_eq!((before.epoch(), before.state(key(1)).unwrap()), (0, None));
    assert_eq!(before.kind(record).unwrap(), None);
}

#[test]
fn the_roots_after_a_record_stay_known() {
    let store = Store::in_memory().unwrap();
    let mut known = Vec::new();
    for number in 0..3 {
        let mut commit = Commit::new();
        let record = commit.object(&Blob::new(vec![number])).unwrap();
        commit.record(record).set(key(number), value(number));
        known.push((record, store.commit(commit).unwrap()));
    }
    let snapshot = store.snapshot().unwrap();
    for (record, roots) in known {
        assert_eq!(snapshot.roots_after(record).unwrap(), Some(roots));
    }
    let other = ContentId::of(ObjectKind::Record, b"other");
    assert_eq!(snapshot.roots_after(other).unwrap(), None);
}

/// Nothing of a refused commit shows, whatever else was in it.
#[test]
fn refused_commits_name_what_is_wrong_and_leave_nothing() {
    let store = Store::in_memory().unwrap();
    let mut first = Commit::new();
    let record = first.object(&Blob::from("first")).unwrap();
    first.record(record).set(key(1), value(1)).consume(nullifier(1), record);
    let roots = store.commit(first).unwrap();
    let absent = ContentId::of(ObjectKind::Blob, b"absent");
    let refused = |change: &dyn Fn(&mut Commit)| {
        let mut commit = Commit::new();
        let id = commit.object(&Blob::from("second")).unwrap();
        commit
            .record(id)
            .pin(id)
            .set(key(2), value(2))
            .remove(key(1))
            .consume(nullifier(2), id)
            .advance_epoch();
        change(&mut commit);
        let error = store.commit(commit).unwrap_err();
        let now = store.snapshot().unwrap();
        assert_eq!(now.roots(), roots);
        assert!(!store.contains(id).unwrap() && now.consumed_by(nullifier(2)).unwrap().is_none());
        assert_eq!(now.records().unwrap().count(), 1);
        error
    };
    let error = refused(&|commit| {
        commit.consume(nullifier(1), record);
    });
    assert!(
        matches!(error, CommitError::AlreadyConsumed { nullifier: n, by } if n == nullifier(1) && by == record)
    );
    let error = refused(&|commit| {
        commit.consume(nullifier(2), record);
    });
    assert!(matches!(error, CommitError::ConsumedTwice(n) if n == nullifier(2)));
    let error = refused(&|commit| {
        commit.expect(key(1), Some(value(9)));
    });
    assert!(matches!(error, CommitError::Changed { key: k, expected, found }
            if (k, expected, found) == (key(1), Some(value(9)), Some(value(1)))));
    let error = refused(&|commit| {
        commit.expect(key(1), None);
    });
    assert!(matches!(error, CommitError::Changed { found: Some(_), expected: None, .. }));
    let error = refused(&|commit| {
        commit.expect(key(3), Some(value(1)));
    });
    assert!(matches!(error, CommitError::Changed { found: None, .. }));
    let error = refused(&|commit| {
        commit.expect_epoch(1);
    });
    assert!(matches!(error, CommitError::EpochChanged { expected: 1, found: 0 }));
    for change in [
        &(|commit: &mut Commit| {
            commit.bytes(ObjectKind::Blob, b"refers".to_vec(), vec![absent]);
        }) as &dyn Fn(&mut Commit),
        &|commit| {
            commit.record(absent);
        },
        &|commit| {
            commit.pin(absent);
        },
        &|commit| {
            commit.consume(nullifier(4), absent);
        },
    ] {
        assert!(matches!(refused(change), CommitError::MissingReference(id) if id == absent));
    }
    let other = Store::in_memory().unwrap();
    let error = refused(&|commit| {
        let staged = other.stage(ObjectKind::Blob, io::repeat(7).take(100_000), Vec::new()).unwrap();
        commit.staged(staged);
    });
    assert!(matches!(error, CommitError::Foreign(_)));
}

#[test]
fn what_was_consumed_is_reported_before_what_has_changed() {
    let store = Store::in_memory().unwrap();
    let take = || {
        let mut commit = Commit::new();
        let record = commit.object(&Blob::from("record")).unwrap();
        commit.expect(key(1), None).set(key(1), value(1)).consume(nullifier(1), record);
        store.commit(commit)
    };
    take().unwrap();
    assert!(matches!(take(), Err(CommitError::AlreadyConsumed { .. })));
}

#[test]
fn roots_are_threaded_and_proofs_hold_against_them() {
    let store = Store::in_memory().unwrap();
    let mut roots = vec![store.snapshot().unwrap().roots()];
    for byte in 0..50_u8 {
        let mut commit = Commit::new();
        let record = commit.object(&Blob::from(&[byte])).unwrap();
        commit.set(key(byte), value(byte)).consume(nullifier(byte), record);
        if byte >= 10 {
            commit.remove(key(byte - 10));
        }
        roots.push(store.commit(commit).unwrap());
    }
    let states: std::collections::BTreeSet<_> = roots.iter().map(|roots| *roots.state.as_bytes()).collect();
    assert_eq!(states.len(), roots.len(), "each commit has another root");
    let (now, last) = (store.snapshot().unwrap(), roots[50]);
    for byte in 0..60 {
        let (found, proof) = now.prove_state(key(byte)).unwrap();
        assert_eq!(found, (40..50).contains(&byte).then(|| value(byte)));
        verify_state(last.state, key(byte), found, &proof).unwrap();
        verify_state(roots[49].state, key(byte), found, &proof).unwrap_err();
        let (by, proof) = now.prove_nullifier(nullifier(byte)).unwrap();
        assert_eq!(by.is_some(), byte < 50);
        verify_nullifier(last.nullifiers, nullifier(byte), by, &proof).unwrap();
        verify_nullifier(last.state, nullifier(byte), by, &proof).unwrap_err();
    }
    // The same contents have the same root, whatever came before.
    let mut commit = Commit::new();
    (40..50).for_each(|byte| {
        commit.remove(key(byte));
    });
    assert_eq!(store.commit(commit).unwrap().state, roots[0].state);
}

#[test]
fn objects_come_back_as_what_they_are_and_as_nothing_else() {
    let store = Store::in_memory().unwrap();
    let blob = Blob::from("contents");
    let id = store.put(&blob).unwrap();
    assert_eq!(ContentRef::<Blob>::new(id).resolve(&store).unwrap(), blob);
    assert_eq!(ContentRef::to(&blob).unwrap().id(), id);
    let program = store.put_stream(ObjectKind::Program, &b"contents"[..]).unwrap();
    assert_ne!(program, id);
    let error = store.get::<Blob>(program).unwrap_err();
    assert!(matches!(
        error,
        StoreError::WrongKind { found: ObjectKind::Program, expected: ObjectKind::Blob, .. }
    ));
    let absent = ContentId::of(ObjectKind::Blob, b"absent");
    assert!(matches!(store.get::<Blob>(absent), Err(StoreError::Missing(id)) if id == absent));
    let snapshot = store.snapshot().unwrap();
    assert!(matches!(snapshot.bytes(id, 7), Err(StoreError::TooLarge { length: 8, .. })));
    assert_eq!(snapshot.bytes(id, 8).unwrap(), b"contents");
}

#[test]
fn objects_of_all_sizes_are_streamed_in_and_out() {
    let directory = tempfile::tempdir().unwrap();
    for store in [Store::in_memory().unwrap(), Store::open(directory.path()).unwrap()] {
        let edges = [0, 1, 1024, 16 << 10, 256 << 10, 512 << 10, 1 << 20, 9 << 20];
        for length in edges.iter().flat_map(|edge| [edge - 1, *edge, edge + 1]).filter(|length| *length >= 0)
        {
            let bytes: Vec<u8> = (0..length).map(|at: i64| (at * at % 253) as u8).collect();
            // A reader that gives little at a time.
            let slow = Trickle(Cursor::new(bytes.clone()));
            let id = store.put_stream(ObjectKind::Blob, slow).unwrap();
            assert_eq!(id, ContentId::of(ObjectKind::Blob, &bytes));
            assert_eq!(store.get::<Blob>(id).unwrap().as_slice(), bytes);
            let mut whole = Commit::new();
            assert_eq!(
                whole.bytes(ObjectKind::Journal, bytes.clone(), vec![id]),
                ContentId::of(ObjectKind::Journal, &bytes)
            );
            store.commit(whole).unwrap();
            let journal = ContentId::of(ObjectKind::Journal, &bytes);
            assert_eq!(store.snapshot().unwrap().bytes(journal, u64::MAX).unwrap(), bytes);
            assert_eq!(store.snapshot().unwrap().references(journal).unwrap(), [id]);
        }
    }
}

struct Trickle(Cursor<Vec<u8>>);

impl Read for Trickle {
    fn read(&mut self, buffer: &mut [u8]) -> io::Result<usize> {
        let count = buffer.len().min(4093);
        self.0.read(&mut buffer[..count])
    }
}

#[test]
fn a_failing_reader_leaves_nothing() {
    let store = Store::in_memory().unwrap();
    let failing = io::repeat(1).take(1 << 20).chain(Failing);
    let error = store.put_stream(ObjectKind::Blob, failing).unwrap_err();
    assert!(matches!(error, CommitError::Store(StoreError::Io(_))), "{error}");
    assert_eq!(store.snapshot().unwrap().roots().commits, 0);
}

struct Failing;

impl Read for Failing {
    fn read(&mut self, _: &mut [u8]) -> io::Result<usize> {
        Err(io::Error::other("broken"))
    }
}

#[test]
fn a_store_is_what_it_was_when_it_is_opened_again() {
    let directory = tempfile::tempdir().unwrap();
    let missing = Store::open_existing(directory.path().join("none"));
    assert!(matches!(missing, Err(StoreError::NoStore(_))));
    let open = || Store::open(directory.path()).unwrap();
    let mut commit = Commit::new();
    let record = commit.object(&Blob::from("record")).unwrap();
    commit.record(record).set(key(1), value(1)).consume(nullifier(1), record).advance_epoch();
    let roots = open().commit(commit).unwrap();
    let store = Store::open_existing(directory.path()).unwrap();
    assert_eq!(store.snapshot().unwrap().roots(), roots);
    let mut again = Commit::new();
    again.consume(nullifier(1), record);
    assert!(matches!(store.commit(again), Err(CommitError::AlreadyConsumed { by, .. }) if by == record));
}

/// Thousands of pairs of commits that consume the same.
#[test]
fn of_two_commits_that_consume_the_same_exactly_one_takes_effect() {
    const PAIRS: u64 = 3000;
    let store = Store::in_memory().unwrap();
    let barrier = std::sync::Barrier::new(2);
    let side = |name: &'static str| {
        let (store, barrier) = (store.clone(), &barrier);
        move || {
            let mut won = Vec::new();
            for round in 0..PAIRS {
                let nullifier = Nullifier::from_bytes(*blake3(round).as_bytes());
                let mut commit = Commit::new();
                let record = commit.object(&Blob::from(&format!("{name} {round}"))).unwrap();
                commit.record(record).consume(nullifier, record);
                barrier.wait();
                match store.commit(commit) {
                    Ok(_) => won.push((round, record)),
                    Err(CommitError::AlreadyConsumed { nullifier: named, by }) => {
                        assert!(named == nullifier && by != record);
                    }
                    Err(error) => panic!("{error}"),
                }
            }
            won
        }
    };
    let (mine, theirs) = thread::scope(|scope| {
        let (one, two) = (scope.spawn(side("one")), scope.spawn(side("two")));
        (one.join().unwrap(), two.join().unwrap())
    });
    assert_eq!((mine.len() + theirs.len()) as u64, PAIRS);
    let snapshot = store.snapshot().unwrap();
    assert_eq!(snapshot.nullifier_count().unwrap(), PAIRS);
    for (round, record) in mine.into_iter().chain(theirs) {
        let nullifier = Nullifier::from_bytes(*blake3(round).as_bytes());
        assert_eq!(snapshot.consumed_by(nullifier).unwrap(), Some(record));
    }
    assert_eq!(snapshot.records().unwrap().count() as u64, PAIRS);
}

fn blake3(number: u64) -> ContentId {
    ContentId::of(ObjectKind::Blob, &number.to_le_bytes())
}

#[test]
fn commits_are_counted_by_whoever_makes_them() {
    let directory = tempfile::tempdir().unwrap();
    let (one, other) = (Store::open(directory.path()).unwrap(), Store::open(directory.path()).unwrap());
    let before = one.commits().unwrap();
    assert_eq!(before, one.snapshot().unwrap().roots().commits);
    other.advance_epoch().unwrap();
    assert_eq!(one.commits().unwrap(), before + 1);
    other.put(&Blob::new(b"something".to_vec())).unwrap();
    assert_eq!(one.commits().unwrap(), before + 2);
}
