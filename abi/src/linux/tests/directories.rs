//! Listings, and what is told about files.

use std::fs;
use std::os::unix::fs::PermissionsExt;
use std::path::Path;

use super::*;

/// One entry: name, number, type.
type Listed = (String, u64, u8);

fn list(guest: &mut Guest, path: &str, size: u64) -> Result<Vec<Listed>, i64> {
    let fd = guest.open(path, DIRECTORY);
    assert!(fd >= 0, "{path}: {fd}");
    let mut listed = Vec::new();
    loop {
        let len = guest.call("getdents64", [fd as u64, DATA, size]);
        if len <= 0 {
            guest.call("close", [fd as u64]);
            return if len < 0 { Err(len) } else { Ok(listed) };
        }
        assert!(len as u64 <= size);
        let mut at = DATA;
        while at < DATA + len as u64 {
            let name = guest.machine.memory.c_str(at + 19, 256).unwrap().unwrap().to_vec();
            listed.push((String::from_utf8(name).unwrap(), guest.get(at), guest.get(at + 18)));
            at += u64::from(guest.get::<u16>(at + 16));
        }
    }
}

fn names(listed: &[Listed]) -> Vec<&str> {
    listed.iter().map(|l| l.0.as_str()).collect()
}

fn fill(path: &Path, order: &[&str]) {
    for name in order {
        fs::write(path.join(name), name).unwrap();
    }
    fs::create_dir(path.join("m")).unwrap();
}

#[test]
fn listings_are_sorted_whatever_the_buffer() {
    let directory = tempfile::tempdir().unwrap();
    fill(directory.path(), &["z", "b", "a-rather-long-name-that-takes-room", "c"]);
    let mut guest = Guest::in_directory(&directory, Access::ReadOnly);
    let all = list(&mut guest, "/work", 4096).unwrap();
    let expected = [".", "..", "a-rather-long-name-that-takes-room", "b", "c", "m", "z"];
    assert_eq!(names(&all), expected);
    assert_eq!(all.iter().map(|l| l.2).collect::<Vec<_>>(), [4, 4, 8, 8, 8, 4, 8]);
    for size in [56, 64, 100, 200] {
        assert_eq!(list(&mut guest, "/work", size).unwrap(), all, "{size}");
    }
    assert_eq!(list(&mut guest, "/work", 24), Err(INVAL), "the long name does not fit");
    assert_eq!(list(&mut guest, "/work", 8), Err(INVAL));
}

#[test]
fn rewinding_lists_anew() {
    let directory = tempfile::tempdir().unwrap();
    fill(directory.path(), &["a"]);
    let mut guest = Guest::in_directory(&directory, Access::ReadWrite);
    let fd = guest.open(".", DIRECTORY) as u64;
    let first = guest.call("getdents64", [fd, DATA, 4096]);
    assert!(guest.open("b", CREATE | WRITE) > 0);
    assert_eq!(guest.call("getdents64", [fd, DATA, 4096]), 0);
    assert_eq!(guest.call("lseek", [fd, 0, 0]), 0);
    assert_eq!(guest.call("getdents64", [fd, DATA, 4096]), first + 24);
    assert_eq!(guest.call("getdents64", [1, DATA, 4096]), NOTDIR);
    assert_eq!(guest.call("read", [fd, DATA, 1]), ISDIR);
    guest.call("lseek", [fd, 0, 0]);
    assert_eq!(guest.call("getdents64", [fd, 8, 4096]), FAULT);
    assert_eq!(guest.call("getdents64", [fd, DATA, 4096]), first + 24, "a bad buffer loses nothing");
}

#[test]
fn directories_above_the_given_ones_exist() {
    let directory = tempfile::tempdir().unwrap();
    let options = Options::new()
        .directory(directory.path(), "/x/y", Access::ReadOnly)
        .unwrap()
        .directory(directory.path(), "/x/a", Access::ReadOnly)
        .unwrap();
    let mut guest = Guest::with(options, limits());
    assert_eq!(names(&list(&mut guest, "/", 4096).unwrap()), [".", "..", "x"]);
    assert_eq!(names(&list(&mut guest, "/x", 4096).unwrap()), [".", "..", "a", "y"]);
    let path = guest.path("/x");
    assert_eq!(guest.call("chdir", [path]), 0);
    assert!(guest.open("y", DIRECTORY) > 0);
    assert_eq!(guest.open("new", CREATE | WRITE), NOENT);
    assert_eq!(guest.open("/other", 0), NOENT);
    let path = guest.path("/x");
    assert_eq!(guest.call("unlinkat", [CWD, path, 0x200]), ROFS);
    assert_eq!(guest.call("mkdirat", [CWD, path, 0]), EXIST);
}

/// All a guest can learn about two files and a directory.
fn told(directory: &Path) -> Vec<u8> {
    let options = Options::new().directory(directory, "/work", Access::ReadWrite).unwrap();
    let mut guest = Guest::with(options.cwd("/work"), limits());
    let mut told = Vec::new();
    for path in ["a", "m", "run", ".", "/", "/dev/null"] {
        let path = guest.path(path);
        assert_eq!(guest.call("newfstatat", [CWD, path, DATA, 0]), 0);
        told.extend(guest.bytes(DATA, 128));
        assert_eq!(guest.call("statx", [CWD, path, 0, 0xfff, DATA]), 0);
        told.extend(guest.bytes(DATA, 256));
        assert_eq!(guest.call("statfs", [path, DATA]), 0);
        told.extend(guest.bytes(DATA, 120));
    }
    for fd in 0..3 {
        assert_eq!(guest.call("fstat", [fd, DATA]), 0);
        told.extend(guest.bytes(DATA, 128));
    }
    for (name, node, kind) in list(&mut guest, "/work", 4096).unwrap() {
        told.extend(name.into_bytes());
        told.extend(node.to_le_bytes());
        told.push(kind);
    }
    told
}

#[test]
fn nothing_of_the_host_shows_in_what_is_told() {
    let make = |order: &[&str], modes: u32| {
        let directory = tempfile::tempdir().unwrap();
        fill(directory.path(), order);
        for (name, mode) in [("a", modes), ("run", modes | 0o100)] {
            fs::set_permissions(directory.path().join(name), fs::Permissions::from_mode(mode)).unwrap();
        }
        directory
    };
    let first = make(&["a", "run", "q"], 0o600);
    // Other numbers, other times, other bits for group and others.
    let second = make(&["q", "run", "a"], 0o664);
    assert_eq!(told(first.path()), told(second.path()));
}

fn stat(guest: &mut Guest, path: &str) -> [u64; 16] {
    let path = guest.path(path);
    assert_eq!(guest.call("newfstatat", [CWD, path, DATA + 0x1000, 0x100]), 0);
    guest.get(DATA + 0x1000)
}

#[test]
fn a_file_has_one_number_and_its_size_and_time() {
    let directory = tempfile::tempdir().unwrap();
    fill(directory.path(), &["a"]);
    fs::hard_link(directory.path().join("a"), directory.path().join("same")).unwrap();
    let mut guest = Guest::in_directory(&directory, Access::ReadWrite);
    let (a, same, m) = (stat(&mut guest, "a"), stat(&mut guest, "same"), stat(&mut guest, "m"));
    assert_eq!((a[0], a[1]), (same[0], same[1]));
    assert_ne!(a[1], m[1]);
    assert_eq!((a[2] as u32, m[2] as u32), (0o100_644, 0o040_755));
    assert_eq!((a[6], a[8], a[11]), (1, 1, 0));
    let fd = guest.open("a", WRITE) as u64;
    assert_eq!(guest.call("fstat", [fd, DATA]), 0);
    assert_eq!(guest.get::<[u64; 16]>(DATA), a);
    guest.call("write", [fd, DATA, 100]);
    let written = stat(&mut guest, "a");
    assert_eq!((written[6], written[11]), (100, 1_704_067_200));
    guest.put_words(DATA, &[0, 0, 77, 5]);
    let path = guest.path("a");
    assert_eq!(guest.call("utimensat", [CWD, path, DATA, 0]), 0);
    assert_eq!(stat(&mut guest, "a")[11..13], [77, 5]);
}

#[test]
fn a_number_is_not_used_again_when_the_host_does() {
    let directory = tempfile::tempdir().unwrap();
    let mut guest = Guest::in_directory(&directory, Access::ReadWrite);
    let mut seen = std::collections::BTreeSet::new();
    for _ in 0..20 {
        let fd = guest.open("f", CREATE | WRITE) as u64;
        assert!(seen.insert(stat(&mut guest, "f")[1]));
        let path = guest.path("f");
        assert_eq!(guest.call("unlinkat", [CWD, path, 0]), 0);
        assert_eq!(guest.call("fstat", [fd, DATA]), 0);
        let open = guest.get::<[u64; 16]>(DATA);
        assert_eq!((open[1], open[2] >> 32), (*seen.last().unwrap(), 0), "no name is left");
        guest.call("close", [fd]);
    }
}

#[test]
fn empty_paths_mean_the_descriptor() {
    let directory = tempfile::tempdir().unwrap();
    fill(directory.path(), &["a"]);
    let mut guest = Guest::in_directory(&directory, Access::ReadOnly);
    let fd = guest.open("a", 0) as u64;
    let empty = guest.path("");
    assert_eq!(guest.call("newfstatat", [fd, empty, DATA, 0x1000]), 0);
    assert_eq!(guest.get::<[u64; 16]>(DATA)[6], 1);
    assert_eq!(guest.call("statx", [fd, 0, 0x1000, 0, DATA]), 0);
    assert_eq!(guest.call("newfstatat", [CWD, empty, DATA, 0x1000]), 0);
    assert_eq!(guest.call("newfstatat", [fd, empty, DATA, 0]), NOENT);
    assert_eq!(guest.call("newfstatat", [fd, empty, DATA, 1]), INVAL);
    assert_eq!(guest.call("newfstatat", [99, empty, DATA, 0x1000]), BADF);
}
