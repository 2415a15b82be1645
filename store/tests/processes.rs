//! Several processes over one store, and processes that are killed while they write.
//!
//! Other processes are this test binary again, told by environment variables which part to play.

use std::env;
use std::fs;
use std::io::{Read, Write};
use std::path::Path;
use std::process::{Child, Command, Stdio};
use std::thread;
use std::time::Duration;

use causality_store::{
    Blob, Commit, CommitError, Commitment, ContentId, Nullifier, ObjectKind, Snapshot, StateKey, Store,
};

const ROLE: &str = "CAUSALITY_STORE_TEST_ROLE";
const DIRECTORY: &str = "CAUSALITY_STORE_TEST_DIRECTORY";
/// How often a writer is killed.
const KILLS: &str = "CAUSALITY_STORE_KILLS";

/// Plays the part that another test has given to this process; without one there is nothing to do.
#[test]
fn part_of_another_test() {
    let (Ok(role), Ok(directory)) = (env::var(ROLE), env::var(DIRECTORY)) else {
        return;
    };
    let store = Store::open(directory).unwrap();
    match role.as_str() {
        "writer" => write_for_ever(&store),
        "contender" => contend(&store),
        "opener" => drop(store.put(&Blob::from(&std::process::id().to_string())).unwrap()),
        other => panic!("no such part: {other}"),
    }
}

fn start(role: &str, directory: &Path) -> Child {
    Command::new(env::current_exe().unwrap())
        .args(["--exact", "part_of_another_test", "--nocapture", "--test-threads=1"])
        .env(ROLE, role)
        .env(DIRECTORY, directory)
        .stdin(Stdio::piped())
        .stdout(Stdio::piped())
        .stderr(Stdio::inherit())
        .spawn()
        .unwrap()
}

fn nullifier(number: u64) -> Nullifier {
    Nullifier::from_bytes(*ContentId::of(ObjectKind::Blob, &number.to_le_bytes()).as_bytes())
}

const COUNTER: StateKey = StateKey::from_bytes([0xcc; 32]);

fn count(number: u64) -> Option<Commitment> {
    let mut bytes = [0; 32];
    bytes[..8].copy_from_slice(&number.to_le_bytes());
    (number > 0).then_some(Commitment::from_bytes(bytes))
}

/// Several chunks, of which no two are alike.
fn large(number: u64) -> Vec<u8> {
    (0..700_000_u64).map(|at| (at / 1024 + number * 31 + at % 7) as u8).collect()
}

fn record(number: u64) -> Blob {
    Blob::from(&format!("record {number}"))
}

/// Commits one after the other, and says of each that it is done.
fn write_for_ever(store: &Store) {
    let mut number = store.snapshot().unwrap().records().unwrap().count() as u64;
    println!("start {number}");
    loop {
        let mut commit = Commit::new();
        let body = match number % 3 {
            0 => commit.bytes(ObjectKind::Journal, number.to_le_bytes().to_vec(), Vec::new()),
            1 => commit.bytes(ObjectKind::Journal, large(number), Vec::new()),
            _ => {
                let staged = store.stage(ObjectKind::Journal, large(number).as_slice(), Vec::new()).unwrap();
                commit.staged(staged)
            }
        };
        let bytes = record(number).as_slice().to_vec();
        let record = commit.bytes(ObjectKind::Blob, bytes, vec![body]);
        commit.record(record).consume(nullifier(number), record).expect(COUNTER, count(number));
        commit.set(COUNTER, count(number + 1).unwrap());
        store.commit(commit).unwrap();
        number += 1;
        println!("done {number}");
        if number.is_multiple_of(8) {
            // Collections are killed too. What staged bytes the dead left behind goes, what others need stays.
            let mut garbage = Commit::new();
            garbage.bytes(ObjectKind::Journal, large(number + 1_000_000), Vec::new());
            let roots = store.commit(garbage).unwrap();
            assert!(roots.commits >= number);
            store.collect(|_| ()).unwrap();
        }
    }
}

/// What there must be after `number` commits, and nothing of one more.
fn check(snapshot: &Snapshot, number: u64, since: u64) {
    assert_eq!(snapshot.state(COUNTER).unwrap(), count(number));
    assert_eq!(snapshot.nullifier_count().unwrap(), number);
    assert_eq!(snapshot.consumed_by(nullifier(number)).unwrap(), None);
    for at in since..number {
        let id = ContentId::of(ObjectKind::Blob, record(at).as_slice());
        assert_eq!(snapshot.consumed_by(nullifier(at)).unwrap(), Some(id), "{at} of {number}");
        assert_eq!(snapshot.get::<Blob>(id).unwrap(), record(at));
        let body = snapshot.references(id).unwrap()[0];
        let expected = if at % 3 == 0 { at.to_le_bytes().to_vec() } else { large(at) };
        assert_eq!(snapshot.bytes(body, u64::MAX).unwrap(), expected);
    }
}

/// Whoever looks, the process that died or one that had the store open all the time, sees whole commits only.
#[test]
fn a_killed_writer_leaves_whole_commits_only() {
    let kills: u64 = env::var(KILLS).ok().and_then(|kills| kills.parse().ok()).unwrap_or(200);
    let directory = tempfile::tempdir().unwrap();
    let mut random = 0x9e37_79b9_7f4a_7c15_u64;
    let mut beside = None;
    let (mut before, mut half_done, mut progress) = (0, 0, 0);
    for round in 0..kills {
        let mut writer = start("writer", directory.path());
        random ^= random << 13;
        random ^= random >> 7;
        random ^= random << 17;
        thread::sleep(Duration::from_micros(random % 90_000));
        writer.kill().unwrap();
        writer.wait().unwrap();
        let mut output = String::new();
        writer.stdout.take().unwrap().read_to_string(&mut output).unwrap();
        // What the last one had all but done may show when the next one looks.
        // The first line begins with what the test harness says.
        let number = |line: &str| {
            line.strip_prefix("done ").or_else(|| Some(line.split_once("start ")?.1))?.parse().ok()
        };
        let acknowledged: u64 = output.lines().rev().find_map(number).unwrap_or(before);
        // In every other stretch of rounds there is a handle that was open while the writer died.
        if round % 20 < 10 {
            beside = None;
        } else if beside.is_none() {
            beside = Some(Store::open(directory.path()).unwrap());
        }
        let store = beside.clone().unwrap_or_else(|| Store::open(directory.path()).unwrap());
        let snapshot = store.snapshot().unwrap();
        let found = snapshot.records().unwrap().count() as u64;
        assert!(
            found == acknowledged || found == acknowledged + 1,
            "round {round}: {found} after {acknowledged} were acknowledged, {before} seen before: {output:?}"
        );
        check(&snapshot, found, before.saturating_sub(2));
        half_done += u64::from(found > acknowledged);
        progress += u64::from(found > before);
        before = found;
    }
    beside = None;
    drop(beside);
    let store = Store::open(directory.path()).unwrap();
    let left = store.stats().unwrap().uploads;
    let collected = store.collect(|_| ()).unwrap();
    assert_eq!((collected.uploads, store.stats().unwrap().uploads), (left, 0));
    let snapshot = store.snapshot().unwrap();
    let number = snapshot.records().unwrap().count() as u64;
    assert!(number == before || number == before + 1, "{number} after {before} were seen");
    check(&snapshot, number, 0);
    assert_eq!(store.verify(|_| ()).unwrap().damage, []);
    eprintln!("{left} uploads of dead writers were left at the end");
    eprintln!(
        "{kills} kills, {before} commits, {progress} rounds with commits, {half_done} kills after the commit and before the word"
    );
    assert!(
        kills < 20 || progress > kills / 4,
        "writers were killed before they wrote: {progress} of {kills}"
    );
}

const PAIRS: u64 = 150;

/// Commits for each number that it is given on standard input, and says who has won.
fn contend(store: &Store) {
    println!("ready");
    for line in std::io::stdin().lines() {
        let number: u64 = line.unwrap().parse().unwrap();
        println!("{} {number}", if take(store, number, "child") { "won" } else { "lost" });
    }
}

fn take(store: &Store, number: u64, name: &str) -> bool {
    let mut commit = Commit::new();
    let record = commit.object(&Blob::from(&format!("{name} {number}"))).unwrap();
    commit.record(record).consume(nullifier(number), record);
    match store.commit(commit) {
        Ok(_) => true,
        Err(CommitError::AlreadyConsumed { nullifier: named, by }) => {
            assert!(named == nullifier(number) && by != record);
            false
        }
        Err(error) => panic!("{error}"),
    }
}

#[test]
fn of_two_processes_that_consume_the_same_exactly_one_commits() {
    let directory = tempfile::tempdir().unwrap();
    let store = Store::open(directory.path()).unwrap();
    let mut child = start("contender", directory.path());
    let (mut input, output) = (child.stdin.take().unwrap(), child.stdout.take().unwrap());
    let mut lines = std::io::BufRead::lines(std::io::BufReader::new(output)).map(Result::unwrap);
    assert!(lines.any(|line| line.ends_with("ready")));
    let (mut mine, mut theirs) = (0, 0);
    for number in 0..PAIRS {
        writeln!(input, "{number}").unwrap();
        // Neither side is always first.
        thread::sleep(Duration::from_micros(number % 2 * 500));
        let won = take(&store, number, "parent");
        let answer = lines.next().unwrap();
        assert_eq!(answer, format!("{} {number}", if won { "lost" } else { "won" }));
        mine += u64::from(won);
        theirs += u64::from(!won);
    }
    drop(input);
    assert!(child.wait().unwrap().success());
    eprintln!("{mine} to {theirs}");
    assert!(mine > 0 && theirs > 0, "there was no contention: {mine} to {theirs}");
    assert_eq!(store.snapshot().unwrap().records().unwrap().count() as u64, PAIRS);
    assert_eq!(store.snapshot().unwrap().nullifier_count().unwrap(), PAIRS);
}

#[test]
fn processes_that_open_a_new_store_at_the_same_time_share_it() {
    for _ in 0..5 {
        let directory = tempfile::tempdir().unwrap();
        let children: Vec<_> = (0..4).map(|_| start("opener", directory.path())).collect();
        for mut child in children {
            assert!(child.wait().unwrap().success());
        }
        let store = Store::open_existing(directory.path()).unwrap();
        assert_eq!(store.snapshot().unwrap().roots().commits, 4);
        assert!(fs::metadata(directory.path().join("store.redb")).unwrap().len() > 0);
    }
}
