//! A guest must not get out of the directories it was given.

use std::fs;
use std::os::unix::ffi::OsStrExt;
use std::os::unix::fs::symlink;
use std::path::PathBuf;

use super::*;

/// A directory given to a guest, beside a secret that was not.
struct Jail {
    root: tempfile::TempDir,
    guest: Guest,
}

impl Jail {
    fn new() -> Self {
        let root = tempfile::tempdir().unwrap();
        fs::create_dir_all(root.path().join("inside/sub")).unwrap();
        fs::write(root.path().join("secret"), "secret").unwrap();
        fs::write(root.path().join("inside/plain"), "plain").unwrap();
        let options =
            Options::new().directory(root.path().join("inside"), "/work", Access::ReadWrite).unwrap();
        let guest = Guest::with(options.cwd("/work/sub"), limits());
        Jail { root, guest }
    }

    fn inside(&self, name: &str) -> PathBuf {
        self.root.path().join("inside").join(name)
    }

    /// No call on this path reaches anything, and nothing outside has changed.
    fn refuses(&mut self, path: impl AsRef<[u8]>) {
        let shown = String::from_utf8_lossy(path.as_ref()).into_owned();
        for flags in [0, WRITE, READ_WRITE | CREATE, CREATE | WRITE | TRUNCATE] {
            let fd = self.guest.open(&path, flags);
            assert!(fd < 0, "opened `{shown}` with {flags:o}");
        }
        let addr = self.guest.path(&path);
        let other = self.guest.path_at(DATA + 0x3_0000, "/work/plain");
        for (name, args) in [
            ("newfstatat", [CWD, addr, DATA, 0, 0]),
            ("statx", [CWD, addr, 0, 0, DATA]),
            ("faccessat", [CWD, addr, 0, 0, 0]),
            ("truncate", [addr, 0, 0, 0, 0]),
            ("chdir", [addr, 0, 0, 0, 0]),
            ("fchmodat", [CWD, addr, 0o777, 0, 0]),
        ] {
            assert!(self.guest.call(name, args) < 0, "{name} `{shown}`");
        }
        assert!(self.guest.call("renameat2", [CWD, addr, CWD, other, 1]) < 0, "{shown}");
        self.check();
    }

    fn check(&self) {
        assert_eq!(fs::read(self.root.path().join("secret")).unwrap(), b"secret");
        assert_eq!(fs::read_dir(self.root.path()).unwrap().count(), 2);
    }
}

#[test]
fn chains_of_dots_end_at_the_guests_root() {
    let mut jail = Jail::new();
    for path in [
        "../../secret",
        "../../../../../../../../etc/passwd",
        "/../secret",
        "/work/../../secret",
        "/work/sub/../../secret",
        "..//..//.//secret",
    ] {
        jail.refuses(path);
    }
    let up = jail.guest.open("../../..", DIRECTORY) as u64;
    let path = jail.guest.path("secret");
    assert_eq!(jail.guest.call("openat", [up, path, 0, 0]), NOENT);
    assert_eq!(jail.guest.read_file("../../../work/plain").unwrap(), b"plain");
}

#[test]
fn a_directory_descriptor_is_no_way_up() {
    let mut jail = Jail::new();
    let fd = jail.guest.open("/work", DIRECTORY) as u64;
    for path in ["../secret", "sub/../../secret", "/secret"] {
        let path = jail.guest.path(path);
        assert_eq!(jail.guest.call("openat", [fd, path, 0, 0]), NOENT);
    }
    let file = jail.guest.open("/work/plain", 0) as u64;
    let path = jail.guest.path("../secret");
    assert_eq!(jail.guest.call("openat", [file, path, 0, 0]), NOTDIR);
}

#[test]
fn absolute_links_are_not_followed() {
    let mut jail = Jail::new();
    symlink(jail.root.path().join("secret"), jail.inside("link")).unwrap();
    symlink(jail.root.path(), jail.inside("up")).unwrap();
    symlink("/etc", jail.inside("etc")).unwrap();
    jail.refuses("/work/link");
    jail.refuses("/work/up/secret");
    jail.refuses("/work/etc/passwd");
}

#[test]
fn relative_links_out_are_not_followed() {
    let mut jail = Jail::new();
    symlink("../secret", jail.inside("link")).unwrap();
    symlink("..", jail.inside("up")).unwrap();
    symlink("sub/../../secret", jail.inside("round")).unwrap();
    symlink("plain", jail.inside("fine")).unwrap();
    jail.refuses("/work/link");
    jail.refuses("/work/up/secret");
    jail.refuses("/work/round");
    assert_eq!(jail.guest.read_file("/work/fine").unwrap(), b"plain");
    assert_eq!(jail.guest.open("/work/fine", NOFOLLOW), LOOP);
}

#[test]
fn creating_through_a_dangling_link_creates_nothing_outside() {
    let mut jail = Jail::new();
    symlink("../created", jail.inside("dangling")).unwrap();
    symlink(jail.root.path().join("created"), jail.inside("absolute")).unwrap();
    jail.refuses("/work/dangling");
    jail.refuses("/work/absolute");
    assert_eq!(jail.guest.open("/work/dangling", CREATE | EXCLUSIVE | WRITE), EXIST);
    jail.check();
}

#[test]
fn a_parent_swapped_for_a_link_is_no_way_out() {
    let mut jail = Jail::new();
    fs::write(jail.inside("sub/secret"), "mine").unwrap();
    let fd = jail.guest.open("/work/sub", DIRECTORY) as u64;
    fs::rename(jail.inside("sub"), jail.inside("old")).unwrap();
    symlink("..", jail.inside("sub")).unwrap();
    let path = jail.guest.path("secret");
    assert!(jail.guest.call("openat", [fd, path, 0, 0]) < 0);
    jail.refuses("secret");
    jail.refuses("/work/sub/secret");
}

#[test]
fn magic_links_lead_nowhere() {
    let mut jail = Jail::new();
    for path in
        ["/proc/self/root/etc/passwd", "/proc/self/cwd/Cargo.toml", "/proc/1/root", "/proc/self/fd/../root"]
    {
        jail.refuses(path);
    }
    symlink("/proc/self/root", jail.inside("root")).unwrap();
    jail.refuses("/work/root/etc/passwd");
}

#[test]
fn a_link_is_removed_not_what_it_leads_to() {
    let mut jail = Jail::new();
    symlink("../secret", jail.inside("link")).unwrap();
    let path = jail.guest.path("/work/link");
    let length = jail.guest.call("readlinkat", [CWD, path, DATA, 100]);
    assert_eq!(jail.guest.bytes(DATA, length as u64), b"../secret");
    assert_eq!(jail.guest.call("unlinkat", [CWD, path, 0]), 0);
    jail.check();
    assert!(!jail.inside("link").exists());
}

#[test]
fn special_files_are_not_opened() {
    let mut jail = Jail::new();
    let fifo = jail.inside("fifo");
    let made = std::process::Command::new("mkfifo").arg(&fifo).status();
    assert!(made.is_ok_and(|status| status.success()));
    assert_eq!(jail.guest.open("/work/fifo", 0), ACCES, "and does not wait for a writer");
    assert_eq!(jail.guest.open("/work/fifo", WRITE), ACCES);
    let path = jail.guest.path("/work/fifo");
    assert!(jail.guest.call("truncate", [path, 0]) < 0);
}

#[test]
fn long_and_odd_names_are_names_or_errors() {
    let mut jail = Jail::new();
    let long = vec![b'x'; 256];
    assert_eq!(jail.guest.open(&long, CREATE | WRITE), NAMETOOLONG);
    let deep = b"a/".repeat(2000);
    assert_eq!(jail.guest.open(&deep, 0), NOENT);
    let longer = b"a/".repeat(3000);
    assert_eq!(jail.guest.open(&longer, 0), NAMETOOLONG);
    let odd = b"\xff\xfe\n*";
    assert!(jail.guest.open(odd, CREATE | WRITE) > 0);
    assert!(jail.inside("sub").join(std::ffi::OsStr::from_bytes(odd)).exists());
    assert!(jail.guest.open(b"before\0after", CREATE | WRITE) > 0);
    assert!(jail.inside("sub/before").exists(), "a path ends at its zero");
}

#[test]
fn given_paths_must_be_plain() {
    let directory = tempfile::tempdir().unwrap();
    for guest in ["work", "", "/a/../b", "/./a", "/dev", "/dev/x", "/proc", "/a\0b"] {
        assert!(Options::new().directory(directory.path(), guest, Access::ReadOnly).is_err(), "{guest}");
    }
    let once = Options::new().directory(directory.path(), "/a/", Access::ReadOnly).unwrap();
    assert!(once.directory(directory.path(), "//a", Access::ReadOnly).is_err());
    assert!(Options::new().directory("/does/not/exist", "/a", Access::ReadOnly).is_err());
}
