//! Two processes, one store on disk: each register is consumed by exactly one of them.

mod world;

use std::process::{Command, Stdio};

use causality_resource::{RunError, Transition};
use causality_store::{ContentId, Store};
use world::*;

const REGISTERS: u64 = 100;
const DIRECTORY: &str = "CAUSALITY_TEST_CONTENDED_STORE";

/// What each process does: consumes all it can, and says what it got.
fn consume_all(directory: &str) {
    let manager = in_store(Store::open(directory).expect("the store is there"));
    let mut ids: Vec<ContentId> =
        manager.registers().expect("readable").into_iter().map(|(id, ..)| id).collect();
    ids.sort();
    for id in ids {
        match manager.transition(who(ALICE), &[everything(ALICE)], id, Transition::Consume) {
            Ok(_) => println!("got {id}"),
            Err(RunError::AlreadyConsumed { register, .. }) => assert_eq!(register, id),
            Err(other) => panic!("{other}"),
        }
    }
}

#[test]
fn of_two_processes_exactly_one_consumes_each_register() {
    if let Ok(directory) = std::env::var(DIRECTORY) {
        return consume_all(&directory);
    }
    let directory = tempfile::tempdir().expect("a directory");
    let manager = in_store(Store::open(directory.path()).expect("a new store"));
    let ids = issue(&manager, (0..REGISTERS).map(|nonce| coin(ALICE, 1, nonce)));
    let own = std::env::current_exe().expect("it runs");
    let children = [0, 1].map(|_| {
        Command::new(&own)
            .args(["--exact", "of_two_processes_exactly_one_consumes_each_register", "--nocapture"])
            .env(DIRECTORY, directory.path())
            .stdout(Stdio::piped())
            .spawn()
            .expect("it starts")
    });
    let mut got = Vec::new();
    for child in children {
        let output = child.wait_with_output().expect("it ends");
        assert!(output.status.success());
        let text = String::from_utf8(output.stdout).expect("text");
        got.extend(text.lines().filter_map(|line| line.split_once("got ")?.1.parse::<ContentId>().ok()));
    }
    got.sort();
    let mut expected = ids;
    expected.sort();
    assert_eq!(got, expected);
    let count = manager.store().snapshot().expect("works").nullifier_count().expect("works");
    assert_eq!(count, REGISTERS);
}
