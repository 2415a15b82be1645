//! Results that are found again, notes, and commits that are made one.

use causality_store::{
    Blob, Commit, CommitError, Commitment, ContentId, Nullifier, ObjectKind, StateKey, Store,
};

fn id(name: &str) -> ContentId {
    ContentId::of(ObjectKind::Blob, name.as_bytes())
}

fn key(number: u8) -> StateKey {
    StateKey::from_bytes([number; 32])
}

fn value(number: u8) -> Option<Commitment> {
    Some(Commitment::from_bytes([number; 32]))
}

#[test]
fn results_are_found_until_they_are_collected_and_no_root_has_them() {
    let store = Store::in_memory().unwrap();
    let before = store.snapshot().unwrap().roots();
    let mut commit = Commit::new();
    let (first, second) =
        (commit.object(&Blob::from("1")).unwrap(), commit.object(&Blob::from("2")).unwrap());
    commit.result(id("a"), first).result(id("b"), second).pin(second);
    let roots = store.commit(commit).unwrap();
    assert_eq!((roots.state, roots.nullifiers), (before.state, before.nullifiers));
    let snapshot = store.snapshot().unwrap();
    assert_eq!(snapshot.result(id("a")).unwrap(), Some(first));
    assert_eq!(snapshot.result(id("c")).unwrap(), None);
    store.collect(|_| ()).unwrap();
    let snapshot = store.snapshot().unwrap();
    assert_eq!(snapshot.result(id("a")).unwrap(), None, "it was garbage");
    assert_eq!(snapshot.result(id("b")).unwrap(), Some(second), "it was pinned");
}

#[test]
fn a_note_keeps_its_object_until_it_is_removed() {
    let store = Store::in_memory().unwrap();
    let mut commit = Commit::new();
    let object = commit.object(&Blob::from("to be found")).unwrap();
    commit.note(id("key"), object);
    store.commit(commit).unwrap();
    store.collect(|_| ()).unwrap();
    assert_eq!(store.snapshot().unwrap().note(id("key")).unwrap(), Some(object));
    assert_eq!(store.verify(|_| ()).unwrap().damage, []);
    let mut commit = Commit::new();
    commit.remove_note(id("key"));
    store.commit(commit).unwrap();
    store.collect(|_| ()).unwrap();
    assert_eq!(store.snapshot().unwrap().note(id("key")).unwrap(), None);
    assert!(!store.contains(object).unwrap());
}

#[test]
fn what_is_remembered_must_be_there() {
    let store = Store::in_memory().unwrap();
    let (mut result, mut note) = (Commit::new(), Commit::new());
    result.result(id("a"), id("b"));
    note.note(id("a"), id("b"));
    for commit in [result, note] {
        assert!(matches!(store.commit(commit), Err(CommitError::MissingReference(gone)) if gone == id("b")));
    }
}

/// A commit that demands what the first of these says and changes what the second says.
fn change(expected: &[(u8, Option<u8>)], changed: &[(u8, u8)]) -> Commit {
    let mut commit = Commit::new();
    for (at, found) in expected {
        commit.expect(key(*at), found.and_then(value));
    }
    for (at, to) in changed {
        commit.set(key(*at), Commitment::from_bytes([*to; 32]));
    }
    commit
}

#[test]
fn of_two_commits_that_are_made_one_the_other_comes_second() {
    // Both demand the same, and the second changes what the first has looked at: in that order there is nothing wrong.
    let store = Store::in_memory().unwrap();
    let mut both = change(&[(1, None)], &[(2, 2)]);
    both.append(change(&[(1, None)], &[(1, 1)])).unwrap();
    store.commit(both).unwrap();
    let snapshot = store.snapshot().unwrap();
    assert_eq!((snapshot.state(key(1)).unwrap(), snapshot.state(key(2)).unwrap()), (value(1), value(2)));
    // The other way round there is.
    let mut first = change(&[], &[(3, 1)]);
    assert!(first.append(change(&[(3, None)], &[])).is_err(), "demands what is changed");
    assert!(first.append(change(&[], &[(3, 2)])).is_err(), "changes what is changed");
    store.commit(first).unwrap();
    assert_eq!(store.snapshot().unwrap().state(key(3)).unwrap(), value(1), "nothing of it was added");
}

#[test]
fn nothing_is_consumed_twice_and_time_does_not_pass_within_a_commit() {
    let store = Store::in_memory().unwrap();
    let consume = |number: u8| {
        let mut commit = Commit::new();
        let record = commit.object(&Blob::from("record")).unwrap();
        commit.consume(Nullifier::from_bytes([number; 32]), record).record(record);
        commit
    };
    let mut both = consume(1);
    assert!(both.append(consume(1)).is_err());
    both.append(consume(2)).unwrap();
    let at = |epoch: u64| {
        let mut commit = Commit::new();
        commit.expect_epoch(epoch);
        commit
    };
    both.append(at(0)).unwrap();
    assert!(both.append(at(1)).is_err(), "another time");
    let mut advance = Commit::new();
    advance.advance_epoch();
    both.append(advance).unwrap();
    assert!(both.append(at(0)).is_err(), "it has passed");
    let mut advance = Commit::new();
    advance.advance_epoch();
    assert!(both.append(advance).is_err(), "it passes once");
    let roots = store.commit(both).unwrap();
    assert_eq!((roots.epoch, roots.commits), (1, 1));
    let snapshot = store.snapshot().unwrap();
    assert_eq!((snapshot.nullifier_count().unwrap(), snapshot.records().unwrap().count()), (2, 2));
}
