//! A process that is saved and goes on with another folder: what it finds again, and what it is refused for.

use std::fs;
use std::path::Path;

use super::*;
use crate::{Access, FileProblem, ProcessState, RestoreError, SaveError};

/// Saves the process, encodes it, and has a new one become it that has a copy of the folder.
fn again(guest: &Guest, folder: &Path) -> (Guest, tempfile::TempDir) {
    let other = tempfile::tempdir().unwrap();
    // Files in another order, so that the host numbers them otherwise.
    let mut names: Vec<_> = fs::read_dir(folder).unwrap().map(|entry| entry.unwrap().path()).collect();
    names.sort();
    for path in names.iter().rev() {
        fs::copy(path, other.path().join(path.file_name().unwrap())).unwrap();
    }
    let bytes = borsh::to_vec(&guest.abi.save().unwrap()).unwrap();
    let state: ProcessState = borsh::from_slice(&bytes).unwrap();
    let mut resumed = Guest::in_directory(&other, Access::ReadWrite);
    resumed.abi.restore(&state, &resumed.machine.memory).unwrap();
    assert_eq!(resumed.abi.save().unwrap(), state, "what was restored is what was saved");
    (resumed, other)
}

/// `st_ino` of a path.
fn number(guest: &mut Guest, path: &str) -> u64 {
    let path = guest.path(path);
    assert_eq!(guest.call("newfstatat", [CWD, path, DATA, 0]), 0);
    guest.get(DATA + 8)
}

fn folder() -> (Guest, tempfile::TempDir) {
    let folder = tempfile::tempdir().unwrap();
    for (name, contents) in [("a", "first file"), ("b", "second file"), ("c", "third")] {
        fs::write(folder.path().join(name), contents).unwrap();
    }
    (Guest::in_directory(&folder, Access::ReadWrite), folder)
}

#[test]
fn descriptors_share_their_place_and_have_their_flags() {
    let (mut guest, folder) = folder();
    let file = guest.open("a", READ_WRITE | 0o2_000_000) as u64;
    let copy = guest.call("dup", [file]) as u64;
    guest.call("close", [0]);
    assert_eq!(guest.call("read", [copy, DATA, 6]), 6);
    let (mut guest, other) = again(&guest, folder.path());
    assert_eq!(guest.call("fcntl", [file, 1, 0]), 1, "close on exec");
    assert_eq!((guest.call("fcntl", [copy, 1, 0]), guest.call("read", [0, DATA, 1])), (0, BADF));
    assert_eq!(guest.call("read", [file, DATA, 64]), 4);
    assert_eq!(guest.bytes(DATA, 4), b"file");
    guest.put(DATA, b"!");
    assert_eq!(guest.call("write", [copy, DATA, 1]), 1);
    assert_eq!(fs::read(other.path().join("a")).unwrap(), b"first file!");
    assert_eq!(guest.open("b", 0), 0, "the lowest that is free");
}

#[test]
fn files_have_the_numbers_and_times_that_the_guest_knows() {
    let (mut guest, folder) = folder();
    let numbers = ["c", "a"].map(|name| number(&mut guest, name));
    let path = guest.path("a");
    guest.put_words(DATA, &[7, 0, 5, 0]);
    assert_eq!(guest.call("utimensat", [CWD, path, DATA, 0]), 0);
    let (mut guest, _other) = again(&guest, folder.path());
    assert_eq!(["c", "a"].map(|name| number(&mut guest, name)), numbers);
    assert_eq!(guest.get::<u64>(DATA + 88), 5, "the time it was given");
    assert!(!numbers.contains(&number(&mut guest, "b")), "one that was not met has a new one");
}

#[test]
fn an_open_file_is_found_under_the_name_it_was_given_since() {
    let (mut guest, folder) = folder();
    let file = guest.open("a", 0) as u64;
    let before = number(&mut guest, "a");
    let (from, to) = (guest.path("a"), guest.path_at(DATA + 0x2_1000, "moved"));
    assert_eq!(guest.call("renameat2", [CWD, from, CWD, to, 0]), 0);
    let (mut guest, _other) = again(&guest, folder.path());
    assert_eq!(number(&mut guest, "moved"), before);
    assert_eq!(guest.call("read", [file, DATA, 64]), 10);
}

#[test]
fn a_listing_goes_on_where_it_was() {
    let (mut guest, folder) = folder();
    let directory = guest.open(".", DIRECTORY) as u64;
    let mut whole = Vec::new();
    let one = |guest: &mut Guest, whole: &mut Vec<u8>| {
        let count = guest.call("getdents64", [directory, DATA, 24]);
        whole.extend(guest.bytes(DATA, count.max(0) as u64));
        count
    };
    for _ in 0..3 {
        assert_eq!(one(&mut guest, &mut whole), 24);
    }
    let (mut guest, _other) = again(&guest, folder.path());
    while one(&mut guest, &mut whole) > 0 {}
    let names: Vec<u8> = whole.chunks(24).map(|record| record[19]).collect();
    assert_eq!(names, b"..abc");
}

#[test]
fn an_open_file_without_a_name_cannot_be_saved() {
    let (mut guest, _folder) = folder();
    guest.open("a", 0);
    let path = guest.path("a");
    assert_eq!(guest.call("unlinkat", [CWD, path, 0]), 0);
    let gone = SaveError::File { path: "/work/a".to_owned(), problem: FileProblem::Gone };
    assert_eq!(guest.abi.save(), Err(gone));
    guest.call("close", [3]);
    guest.abi.save().unwrap();
}

#[test]
fn randomness_goes_on_where_it_was() {
    let (mut guest, folder) = folder();
    let (mut whole, _other) = again(&guest, folder.path());
    assert_eq!(whole.call("getrandom", [DATA, 100, 0]), 100);
    assert_eq!(guest.call("getrandom", [DATA, 37, 0]), 37);
    let (mut rest, _other) = again(&guest, folder.path());
    assert_eq!(rest.call("getrandom", [DATA, 63, 0]), 63);
    assert_eq!(rest.bytes(DATA, 63), whole.bytes(DATA + 37, 63));
}

#[test]
fn places_of_the_heap_outside_of_memory_are_refused() {
    let guest = Guest::new();
    let state = guest.abi.save().unwrap();
    let small = Guest::with(
        crate::Options::new(),
        causality_machine::Limits { address_space: 128 << 20, ..limits() },
    );
    let mut other = Guest::new();
    let refused = other.abi.restore(&state, &small.machine.memory);
    assert_eq!(refused, Err(RestoreError::Malformed("the place of the heap")));
}
