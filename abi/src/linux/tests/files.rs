//! Descriptors, reading, writing, names.

use std::fs;
use std::io::{self, Write};

use super::*;

fn workspace() -> (tempfile::TempDir, Guest) {
    let directory = tempfile::tempdir().unwrap();
    let guest = Guest::in_directory(&directory, Access::ReadWrite);
    (directory, guest)
}

#[test]
fn output_goes_where_the_embedder_said() {
    let mut guest = Guest::new();
    guest.put(DATA, b"hello\n");
    assert_eq!(guest.call("write", [1, DATA, 6]), 6);
    assert_eq!(guest.call("write", [2, DATA, 5]), 5);
    assert_eq!(guest.output.text(), "hello\nhello");
    assert_eq!(guest.call("read", [1, DATA, 1]), BADF);
    assert_eq!(guest.call("write", [0, DATA, 1]), BADF);
    assert_eq!(guest.call("lseek", [1, 0, 0]), -29);
    assert_eq!(guest.call("ioctl", [1, 0x5401, DATA]), -25);
    assert_eq!(guest.abi.report().bytes_written, 11);
}

/// Gives one byte at a time, as a slow pipe would.
struct Slow(&'static [u8]);

impl Read for Slow {
    fn read(&mut self, buf: &mut [u8]) -> io::Result<usize> {
        let count = self.0.len().min(buf.len()).min(1);
        buf[..count].copy_from_slice(&self.0[..count]);
        self.0 = &self.0[count..];
        Ok(count)
    }
}

#[test]
fn how_the_host_cuts_its_input_does_not_show() {
    let mut guest = Guest::with_input(Slow(b"abcdefgh"));
    assert_eq!(guest.call("read", [0, DATA, 5]), 5);
    assert_eq!(guest.bytes(DATA, 5), b"abcde");
    assert_eq!(guest.call("read", [0, DATA, 5]), 3);
    assert_eq!(guest.call("read", [0, DATA, 5]), 0);
    assert_eq!(guest.abi.report().bytes_read, 8);
}

#[test]
fn typed_input_comes_by_line() {
    let input = &b"one\ntwo\n\nlast"[..];
    for options in [Options::new().typed_stdin(Slow(input)), Options::new().typed_stdin(input)] {
        let mut guest = Guest::with(options, limits());
        let reads: Vec<i64> = (0..6).map(|_| guest.call("read", [0, DATA, 5])).collect();
        assert_eq!(reads, [4, 4, 1, 4, 0, 0]);
    }
    let mut guest = Guest::with(Options::new().typed_stdin(Slow(b"abc\n")), limits());
    assert_eq!(guest.call("read", [0, DATA, 2]), 2);
    assert_eq!(guest.call("read", [0, DATA, 9]), 2);
}

/// A pipe whose reader has gone after some bytes.
struct Closed(usize);

impl Write for Closed {
    fn write(&mut self, buf: &[u8]) -> io::Result<usize> {
        if self.0 == 0 {
            return Err(io::ErrorKind::BrokenPipe.into());
        }
        let count = self.0.min(buf.len());
        self.0 -= count;
        Ok(count)
    }

    fn flush(&mut self) -> io::Result<()> {
        Ok(())
    }
}

#[test]
fn a_closed_pipe_is_an_errno() {
    let mut abi = Abi::new(Options::new().stdout(Closed(3)), crate::HostFunctions::new(), ());
    let mut machine = Machine::new(limits()).unwrap();
    machine.hart.add_fuel(100);
    abi.start(&image(), &mut machine).unwrap();
    let output = Capture::new(0);
    let mut guest = Guest { abi, machine, output };
    assert_eq!(guest.call("write", [1, DATA, 5]), 3);
    assert_eq!(guest.call("write", [1, DATA, 5]), PIPE);
}

#[test]
fn files_are_written_and_read_back() {
    let (directory, mut guest) = workspace();
    let fd = guest.open("a.txt", CREATE | EXCLUSIVE | READ_WRITE) as u64;
    assert_eq!(fd, 3);
    guest.put(DATA, b"0123456789");
    assert_eq!(guest.call("write", [fd, DATA, 10]), 10);
    assert_eq!(guest.call("lseek", [fd, 2, 0]), 2);
    assert_eq!(guest.call("read", [fd, DATA + 64, 3]), 3);
    assert_eq!(guest.bytes(DATA + 64, 3), b"234");
    assert_eq!(guest.call("lseek", [fd, -1i64 as u64, 1]), 4);
    assert_eq!(guest.call("lseek", [fd, -1i64 as u64, 2]), 9);
    assert_eq!(guest.call("lseek", [fd, -1i64 as u64, 0]), INVAL);
    assert_eq!(guest.call("lseek", [fd, 0, 9]), INVAL);
    assert_eq!(guest.call("pread64", [fd, DATA + 64, 100, 8]), 2);
    assert_eq!(guest.call("pwrite64", [fd, DATA, 2, 20]), 2);
    assert_eq!(guest.call("pread64", [fd, DATA, 1, -1i64 as u64]), INVAL);
    assert_eq!(guest.call("lseek", [fd, 0, 2]), 22);
    assert_eq!(fs::read(directory.path().join("a.txt")).unwrap().len(), 22);
    assert_eq!(guest.open("a.txt", CREATE | EXCLUSIVE | WRITE), EXIST);
    assert_eq!(guest.open("b.txt", 0), NOENT);
    assert_eq!(guest.open("a.txt", DIRECTORY), NOTDIR);
    assert_eq!(guest.open("a.txt/", 0), NOTDIR);
    assert_eq!(guest.open("a.txt/x", 0), NOTDIR);
    assert_eq!(guest.open(".", WRITE), ISDIR);
    assert_eq!(guest.open("", 0), NOENT);
}

#[test]
fn appending_and_truncating() {
    let (_directory, mut guest) = workspace();
    let fd = guest.open("log", CREATE | WRITE | APPEND) as u64;
    guest.put(DATA, b"ab");
    for _ in 0..2 {
        guest.call("lseek", [fd, 0, 0]);
        assert_eq!(guest.call("write", [fd, DATA, 2]), 2);
    }
    assert_eq!(guest.read_file("log").unwrap(), b"abab");
    assert_eq!(guest.call("ftruncate", [fd, 3]), 0);
    assert_eq!(guest.call("ftruncate", [fd, u64::MAX]), INVAL);
    assert_eq!(guest.call("ftruncate", [fd, 1 << 50]), -27);
    assert_eq!(guest.call("pwrite64", [fd, DATA, 1, 1 << 50]), 1, "appends wherever it is told to write");
    assert_eq!(guest.call("fallocate", [fd, 0, 0, 10]), 0);
    assert_eq!(guest.read_file("log").unwrap(), b"abaa\0\0\0\0\0\0");
    let path = guest.path("log");
    assert_eq!(guest.call("truncate", [path, 1]), 0);
    assert_eq!(guest.read_file("log").unwrap(), b"a");
    assert!(guest.open("log", WRITE | TRUNCATE) > 0);
    assert_eq!(guest.read_file("log").unwrap(), b"");
}

#[test]
fn a_buffer_that_ends_early_is_a_partial_transfer() {
    let (_directory, mut guest) = workspace();
    let fd = guest.open("f", CREATE | READ_WRITE) as u64;
    let end = DATA + DATA_SIZE;
    guest.put(end - 4, b"tail");
    assert_eq!(guest.call("write", [fd, end - 4, u64::MAX]), 4);
    assert_eq!(guest.call("write", [fd, end, 1]), FAULT);
    assert_eq!(guest.call("write", [fd, end, 0]), 0);
    guest.call("lseek", [fd, 0, 0]);
    assert_eq!(guest.call("read", [fd, end - 2, 100]), 2);
    assert_eq!(guest.bytes(end - 2, 2), b"ta");
    assert_eq!(guest.call("read", [fd, 0x1_0000, 1]), FAULT, "text is not writable");
}

#[test]
fn vectored_calls_go_on_until_a_part_is_cut_short() {
    let (_directory, mut guest) = workspace();
    let fd = guest.open("v", CREATE | READ_WRITE) as u64;
    let end = DATA + DATA_SIZE;
    guest.put(DATA + 256, b"onetwothree");
    guest.put_words(DATA, &[DATA + 256, 3, 0, 0, DATA + 259, 3, DATA + 262, 5]);
    assert_eq!(guest.call("writev", [fd, DATA, 4]), 11);
    assert_eq!(guest.read_file("v").unwrap(), b"onetwothree");
    guest.put_words(DATA, &[DATA + 512, 2, end - 3, 100, DATA + 600, 10]);
    assert_eq!(guest.call("preadv", [fd, DATA, 3, 0]), 5);
    assert_eq!((guest.bytes(DATA + 512, 2), guest.bytes(end - 3, 3)), (b"on".to_vec(), b"etw".to_vec()));
    guest.put_words(DATA, &[DATA + 512, 4, 8, 100]);
    guest.call("lseek", [fd, 0, 0]);
    assert_eq!(guest.call("readv", [fd, DATA, 2]), 4);
    guest.put_words(DATA, &[8, 100]);
    assert_eq!(guest.call("readv", [fd, DATA, 1]), FAULT);
    guest.put_words(DATA, &[DATA, u64::MAX]);
    assert_eq!(guest.call("readv", [fd, DATA, 1]), INVAL);
    assert_eq!(guest.call("readv", [fd, DATA, 1025]), INVAL);
    assert_eq!(guest.call("readv", [fd, end - 8, 1]), FAULT);
    assert_eq!(guest.call("readv", [fd, DATA, 0]), 0);
    assert_eq!(guest.call("pwritev", [fd, DATA, 0, 5]), 0);
}

#[test]
fn descriptors_share_or_do_not() {
    let (_directory, mut guest) = workspace();
    let fd = guest.open("f", CREATE | READ_WRITE) as u64;
    guest.put(DATA, b"xyz");
    guest.call("write", [fd, DATA, 3]);
    let copy = guest.call("dup", [fd]) as u64;
    assert_eq!(guest.call("lseek", [copy, 0, 1]), 3);
    assert_eq!(guest.call("close", [fd]), 0);
    assert_eq!(guest.call("read", [fd, DATA, 1]), BADF);
    assert_eq!(guest.call("pread64", [copy, DATA, 3, 0]), 3);
    assert_eq!(guest.call("dup3", [copy, 9, 0]), 9);
    assert_eq!(guest.call("dup3", [copy, copy, 0]), INVAL);
    assert_eq!(guest.call("dup3", [copy, 256, 0]), BADF);
    assert_eq!(guest.call("fcntl", [copy, 0, 20]), 20);
    assert_eq!(guest.call("fcntl", [copy, 1030, 20]), 21);
    assert_eq!(guest.call("fcntl", [21, 1, 0]), 1);
    assert_eq!(guest.call("fcntl", [20, 1, 0]), 0);
    assert_eq!(guest.call("fcntl", [copy, 3, 0]), 2);
    assert_eq!(guest.call("close_range", [9, 255, 0]), 0);
    assert_eq!(guest.call("close", [20]), BADF);
    let mut opened = 0;
    while guest.call("dup", [1]) >= 0 {
        opened += 1;
    }
    assert_eq!((opened, guest.call("dup", [1])), (252, -24));
}

#[test]
fn locks_succeed_and_conflict_with_nothing() {
    let (_directory, mut guest) = workspace();
    let fd = guest.open("f", CREATE | READ_WRITE) as u64;
    guest.put_words(DATA, &[1, 0, 0, 0]);
    assert_eq!(guest.call("fcntl", [fd, 6, DATA]), 0);
    assert_eq!(guest.call("fcntl", [fd, 5, DATA]), 0);
    assert_eq!(guest.get::<u16>(DATA), 2);
    assert_eq!(guest.call("flock", [fd, 2]), 0);
    assert_eq!(guest.call("fcntl", [fd, 6, 8]), FAULT);
}

#[test]
fn names_are_made_moved_and_removed() {
    let (directory, mut guest) = workspace();
    let path = guest.path("sub");
    assert_eq!(guest.call("mkdirat", [CWD, path, 0o700]), 0);
    assert_eq!(guest.call("mkdirat", [CWD, path, 0o700]), EXIST);
    let sub = guest.open("sub", DIRECTORY) as u64;
    let path = guest.path("inner");
    let fd = guest.call("openat", [sub, path, CREATE | WRITE, 0o755]) as u64;
    assert!(directory.path().join("sub/inner").exists());
    let other = guest.path_at(DATA + 0x3_0000, "/work/moved");
    assert_eq!(guest.call("renameat2", [sub, path, CWD, other, 0]), 0);
    assert_eq!(guest.call("renameat2", [sub, path, CWD, other, 0]), NOENT);
    assert_eq!(guest.call("renameat2", [CWD, other, CWD, other, 1]), EXIST);
    assert_eq!(guest.call("renameat2", [CWD, other, CWD, other, 2]), INVAL);
    assert_eq!(guest.call("faccessat", [CWD, other, 7]), 0);
    assert_eq!(guest.call("fchmod", [fd, 0o600]), 0);
    assert_eq!(guest.call("faccessat2", [CWD, other, 1, 0]), ACCES);
    assert_eq!(guest.call("fchmodat", [CWD, other, 0o700]), 0);
    assert_eq!(guest.call("faccessat2", [CWD, other, 1, 0x200]), 0);
    let path = guest.path("sub");
    assert_eq!(guest.call("unlinkat", [CWD, path, 0]), ISDIR);
    assert_eq!(guest.call("unlinkat", [CWD, path, 0x200]), 0);
    assert_eq!(guest.call("unlinkat", [CWD, path, 0x200]), NOENT);
    assert_eq!(guest.call("unlinkat", [CWD, other, 0x200]), NOTDIR);
    assert_eq!(guest.call("unlinkat", [CWD, other, 0]), 0);
    let path = guest.path("/work");
    assert_eq!(guest.call("unlinkat", [CWD, path, 0x200]), -16);
    for name in ["symlinkat", "linkat"] {
        assert_eq!(guest.flow(name, [path, CWD, path, CWD, 0]), Flow::Continue);
        assert_eq!(guest.machine.hart.x[10] as i64, PERM);
    }
}

#[test]
fn a_read_only_directory_stays_as_it_is() {
    let directory = tempfile::tempdir().unwrap();
    fs::write(directory.path().join("f"), "kept").unwrap();
    fs::create_dir(directory.path().join("d")).unwrap();
    let mut guest = Guest::in_directory(&directory, Access::ReadOnly);
    assert_eq!(guest.read_file("f").unwrap(), b"kept");
    assert_eq!(guest.open("f", WRITE), ROFS);
    assert_eq!(guest.open("f", TRUNCATE), ROFS);
    assert_eq!(guest.open("f", READ_WRITE | APPEND), ROFS);
    assert_eq!(guest.open("new", CREATE | WRITE), ROFS);
    assert_eq!(guest.open("new", CREATE), ROFS);
    assert!(guest.open("f", CREATE) > 0);
    let fd = guest.open("f", 0) as u64;
    let file = guest.path("f");
    let new = guest.path_at(DATA + 0x3_0000, "new");
    let made = guest.path_at(DATA + 0x3_1000, "d");
    for (name, args) in [
        ("mkdirat", [CWD, new, 0, 0, 0]),
        ("unlinkat", [CWD, file, 0, 0, 0]),
        ("unlinkat", [CWD, made, 0x200, 0, 0]),
        ("renameat2", [CWD, file, CWD, new, 0]),
        ("truncate", [file, 0, 0, 0, 0]),
        ("fchmod", [fd, 0o777, 0, 0, 0]),
        ("fchmodat", [CWD, file, 0o777, 0, 0]),
        ("utimensat", [CWD, file, 0, 0, 0]),
        ("utimensat", [fd, 0, 0, 0, 0]),
        ("faccessat", [CWD, file, 2, 0, 0]),
    ] {
        assert_eq!(guest.call(name, args), ROFS, "{name}");
    }
    assert_eq!(guest.call("ftruncate", [fd, 0]), INVAL);
    assert_eq!(guest.call("write", [fd, DATA, 1]), BADF);
    assert_eq!(fs::read(directory.path().join("f")).unwrap(), b"kept");
    assert_eq!(fs::read_dir(directory.path()).unwrap().count(), 2);
}

#[test]
fn devices_are_made_up() {
    let mut guest = Guest::new();
    let null = guest.open("/dev/null", READ_WRITE) as u64;
    assert_eq!(guest.call("write", [null, DATA, 100]), 100);
    assert_eq!(guest.call("read", [null, DATA, 100]), 0);
    let zero = guest.open("/dev/zero", 0) as u64;
    assert_eq!(guest.call("read", [zero, DATA, 16]), 16);
    assert_eq!(guest.bytes(DATA, 16), [0; 16]);
    let random = guest.open("/dev/urandom", 0) as u64;
    assert_eq!(guest.call("read", [random, DATA, 16]), 16);
    assert_ne!(guest.bytes(DATA, 16), [0; 16]);
    let full = guest.open("/dev/full", WRITE) as u64;
    assert_eq!(guest.call("write", [full, DATA, 1]), -28);
    let out = guest.open("/dev/stdout", WRITE) as u64;
    guest.put(DATA, b"via name");
    assert_eq!(guest.call("write", [out, DATA, 8]), 8);
    assert_eq!(guest.output.text(), "via name");
    for path in ["/dev/sda", "/dev/mem", "/proc/self/maps", "/proc/cpuinfo", "/dev/fd/77", "/proc/self/fd/9"]
    {
        assert_eq!(guest.open(path, 0), NOENT, "{path}");
    }
}

#[test]
fn the_program_knows_its_own_path() {
    let mut guest = Guest::with(Options::new().arg("bin/me").cwd("/work"), limits());
    let path = guest.path("/proc/self/exe");
    assert_eq!(guest.call("readlinkat", [CWD, path, DATA, 100]), 12);
    assert_eq!(guest.bytes(DATA, 12), b"/work/bin/me");
    assert_eq!(guest.call("readlinkat", [CWD, path, DATA, 3]), 3);
    assert_eq!(guest.call("readlinkat", [CWD, path, DATA, 0]), INVAL);
    assert_eq!(guest.call("getcwd", [DATA, 100]), 6);
    assert_eq!(guest.bytes(DATA, 6), b"/work\0");
    assert_eq!(guest.call("getcwd", [DATA, 5]), -34);
}

#[test]
fn two_directories_are_two_file_systems() {
    let (first, second) = (tempfile::tempdir().unwrap(), tempfile::tempdir().unwrap());
    fs::write(first.path().join("f"), "1").unwrap();
    let options = Options::new()
        .directory(first.path(), "/a", Access::ReadWrite)
        .unwrap()
        .directory(second.path(), "/a/inner", Access::ReadWrite)
        .unwrap();
    let mut guest = Guest::with(options, limits());
    let from = guest.path("/a/f");
    let to = guest.path_at(DATA + 0x3_0000, "/a/inner/f");
    assert_eq!(guest.call("renameat2", [CWD, from, CWD, to, 0]), -18);
    assert!(guest.open("/a/inner/new", CREATE | WRITE) > 0);
    assert!(second.path().join("new").exists());
    assert_eq!(guest.open("/a/inner/../f", 0), 4);
}

#[test]
fn one_call_moves_at_most_16_mib_and_64_kib_of_a_device() {
    const FILE: u64 = 16 << 20;
    const DEVICE: u64 = 64 << 10;
    let mut guest = Guest::with_input(std::io::repeat(7));
    let addr = guest.call("mmap", [0, FILE + 4096, 3, 0x22, u64::MAX, 0]) as u64;
    assert_eq!(guest.call("read", [0, addr, u64::MAX]) as u64, FILE);
    assert_eq!(guest.bytes(addr + FILE - 1, 2), [7, 0]);
    assert_eq!(guest.call("write", [1, addr, u64::MAX]) as u64, FILE);
    let parts: Vec<u64> = (0..1024).flat_map(|_| [addr, FILE / 2]).collect();
    guest.put_words(DATA, &parts);
    assert_eq!(guest.call("readv", [0, DATA, 1024]) as u64, FILE, "all parts together");
    let small: Vec<u64> = (0..1024).flat_map(|_| [addr, 4096]).collect();
    guest.put_words(DATA, &small);
    for path in ["/dev/zero", "/dev/urandom", "/dev/null"] {
        let fd = guest.open(path, READ_WRITE) as u64;
        assert_eq!(guest.call("write", [fd, addr, u64::MAX]) as u64, DEVICE, "{path}");
        assert_eq!(guest.call("writev", [fd, DATA, 1024]) as u64, DEVICE, "{path}");
        let read = if path == "/dev/null" { 0 } else { DEVICE };
        assert_eq!(guest.call("read", [fd, addr, u64::MAX]) as u64, read, "{path}");
        assert_eq!(guest.call("pread64", [fd, addr, u64::MAX, 0]) as u64, read, "{path}");
        assert_eq!(guest.call("readv", [fd, DATA, 1024]) as u64, read, "{path}");
    }
}
