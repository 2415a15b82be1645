//! Files: descriptors, and what they refer to.
//!
//! Everything a guest can reach lies in a directory the embedder opened for it, or is a device made up
//! here. `paths` says where a path leads, `nodes` what the guest may know about what is there; the other
//! modules hold the calls.

mod control;
mod descriptions;
mod directory;
mod input;
mod met;
mod names;
mod nodes;
mod open;
mod paths;
mod poll;
mod saved;
mod stat;
mod transfer;

use std::fs::File;
use std::io::Write;
use std::sync::Arc;

use borsh::{BorshDeserialize, BorshSerialize};

pub(super) use control::*;
pub(super) use directory::getdents64;
pub(crate) use input::Input;
pub(super) use names::*;
pub(super) use open::{close, close_range, dup, dup3, openat};
pub(super) use poll::{ppoll, pselect6};
pub use saved::FileProblem;
pub(super) use saved::SavedFiles;
pub(super) use stat::{fstat, fstatfs, newfstatat, statfs, statx};
pub(super) use transfer::*;

use super::Errno;
use super::call::{Call, Stop};
use super::outside::Outside;
use crate::options::Preopen;
use descriptions::Descriptions;
use directory::Entry;
use nodes::Nodes;
use paths::Place;

/// How many descriptors a process may have.
pub(super) const MAX_FILES: usize = 256;
/// How large a file may become. Fixed, so that it does not depend on the host's file system.
const MAX_SIZE: u64 = 1 << 40;

const O_ACCMODE: i32 = 3;
const O_WRONLY: i32 = 1;
const O_CREAT: i32 = 0o100;
const O_EXCL: i32 = 0o200;
const O_TRUNC: i32 = 0o1000;
const O_APPEND: i32 = 0o2000;
const O_NONBLOCK: i32 = 0o4000;
const O_DIRECTORY: i32 = 0o200_000;
const O_NOFOLLOW: i32 = 0o400_000;
const O_CLOEXEC: i32 = 0o2_000_000;
const O_PATH: i32 = 0o10_000_000;
/// The bit that tells `O_TMPFILE` from `O_DIRECTORY`.
const O_TMPFILE: i32 = 0o20_000_000;

/// "Relative to the working directory".
const AT_FDCWD: i32 = -100;
const AT_SYMLINK_NOFOLLOW: i32 = 0x100;
const AT_EMPTY_PATH: i32 = 0x1000;

/// A device that exists only here.
#[derive(Clone, Copy, Debug, PartialEq, Eq, BorshSerialize, BorshDeserialize)]
enum Device {
    Null,
    Zero,
    Full,
    Random,
}

/// What a description refers to.
#[derive(Clone, Debug)]
enum Object {
    Stdin,
    Stdout,
    Stderr,
    Device(Device),
    File(OpenFile),
    Directory(OpenDirectory),
}

/// A regular file of the host.
#[derive(Clone, Debug)]
struct OpenFile {
    file: Arc<File>,
    /// The path it was opened by, as the guest has renamed it since.
    path: Vec<u8>,
    /// Its number, which it keeps when it is unlinked.
    node: u64,
    /// Whether it lies in a directory the guest may change.
    writable: bool,
}

/// A directory, known by its path.
#[derive(Clone, Debug)]
struct OpenDirectory {
    place: Place,
    /// Absolute and normal.
    path: Vec<u8>,
    /// What `getdents64` tells, as it was when reading began.
    listing: Option<Vec<Entry>>,
}

/// An open file description: what duplicated descriptors share.
#[derive(Clone, Debug)]
struct Description {
    object: Object,
    /// Access mode and status flags as `fcntl` tells them.
    flags: i32,
    offset: u64,
}

impl Description {
    fn is_readable(&self) -> bool {
        self.flags & O_PATH == 0 && self.flags & O_ACCMODE != O_WRONLY
    }

    fn is_writable(&self) -> bool {
        self.flags & O_PATH == 0 && self.flags & O_ACCMODE != 0
    }
}

/// One descriptor.
#[derive(Clone, Copy, Debug)]
struct Slot {
    description: u64,
    close_on_exec: bool,
}

/// What the embedder gave for the three standard descriptors.
pub(super) struct Streams {
    pub(super) stdin: Input,
    pub(super) stdout: Box<dyn Write + Send>,
    pub(super) stderr: Box<dyn Write + Send>,
}

impl std::fmt::Debug for Streams {
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        f.write_str("Streams")
    }
}

/// All file state of the process.
#[derive(Clone, Debug)]
pub(super) struct Files {
    preopens: Vec<Preopen>,
    pub(super) outside: Outside,
    slots: Vec<Option<Slot>>,
    open: Descriptions,
    next: u64,
    nodes: Nodes,
    /// Absolute and normal.
    cwd: Vec<u8>,
    /// What `/proc/self/exe` links to.
    executable: Vec<u8>,
    /// Bytes of standard input that were read, in earlier runs too.
    input_read: u64,
    /// Bytes that reads delivered.
    pub(super) bytes_read: u64,
    /// Bytes that writes took.
    pub(super) bytes_written: u64,
}

impl Files {
    pub(super) fn new(preopens: Vec<Preopen>, streams: Streams) -> Self {
        Files {
            preopens,
            outside: Outside::new(streams),
            slots: Vec::new(),
            open: Descriptions::default(),
            next: 0,
            nodes: Nodes::default(),
            cwd: Vec::new(),
            executable: Vec::new(),
            input_read: 0,
            bytes_read: 0,
            bytes_written: 0,
        }
    }

    /// Closes everything and opens the three standard descriptors anew.
    pub(super) fn reset(&mut self, cwd: &[u8], executable: &[u8]) {
        self.slots.clear();
        self.open.clear();
        self.next = 0;
        self.nodes = Nodes::default();
        self.cwd = paths::normal(b"/", cwd);
        self.executable = paths::normal(&self.cwd, executable);
        self.bytes_read = 0;
        self.bytes_written = 0;
        for (object, flags) in [(Object::Stdin, 0), (Object::Stdout, O_WRONLY), (Object::Stderr, O_WRONLY)] {
            // Three of them always fit.
            let _ = self.insert(object, flags);
        }
    }

    /// Gives an object the lowest free descriptor.
    fn insert(&mut self, object: Object, flags: i32) -> Result<i32, Errno> {
        let fd = self.free(0)?;
        let description = self.next;
        self.next += 1;
        self.open.add(
            description,
            Description { object, flags: flags & !(O_CREAT | O_EXCL | O_TRUNC | O_CLOEXEC), offset: 0 },
        );
        self.set(fd, Slot { description, close_on_exec: flags & O_CLOEXEC != 0 });
        Ok(fd as i32)
    }

    /// The lowest free descriptor from `lowest` on.
    fn free(&self, lowest: usize) -> Result<usize, Errno> {
        (lowest..MAX_FILES).find(|&fd| self.slots.get(fd).is_none_or(Option::is_none)).ok_or(Errno::MFILE)
    }

    fn set(&mut self, fd: usize, slot: Slot) {
        if self.slots.len() <= fd {
            self.slots.resize(fd + 1, None);
        }
        self.slots[fd] = Some(slot);
    }

    fn slot(&self, fd: i32) -> Result<Slot, Errno> {
        let slot = usize::try_from(fd).ok().and_then(|fd| self.slots.get(fd));
        slot.copied().flatten().ok_or(Errno::BADF)
    }

    fn slot_mut(&mut self, fd: i32) -> Result<&mut Slot, Errno> {
        let slot = usize::try_from(fd).ok().and_then(|fd| self.slots.get_mut(fd));
        slot.and_then(Option::as_mut).ok_or(Errno::BADF)
    }

    fn get(&self, fd: i32) -> Result<&Description, Errno> {
        self.open.get(self.slot(fd)?.description).ok_or(Errno::BADF)
    }

    fn get_mut(&mut self, fd: i32) -> Result<&mut Description, Errno> {
        let slot = self.slot(fd)?;
        self.open.get_mut(slot.description).ok_or(Errno::BADF)
    }

    /// The regular file a descriptor refers to.
    fn file(&self, fd: i32) -> Result<(&Description, &OpenFile), Errno> {
        let description = self.get(fd)?;
        match &description.object {
            Object::File(file) => Ok((description, file)),
            Object::Directory(_) => Err(Errno::ISDIR),
            _ => Err(Errno::INVAL),
        }
    }

    fn remove(&mut self, fd: i32) -> Result<(), Errno> {
        let description = self.slot(fd)?.description;
        self.slots[fd as usize] = None;
        if !self.slots.iter().flatten().any(|s| s.description == description) {
            self.open.remove(description);
        }
        Ok(())
    }
}

/// The file a private mapping can be made from.
pub(super) fn mappable(call: &Call<'_>, fd: i32) -> Result<Arc<File>, Errno> {
    let (description, file) = call.linux.files.file(fd).map_err(|error| match error {
        Errno::BADF => Errno::BADF,
        _ => Errno::NODEV,
    })?;
    if !description.is_readable() {
        return Err(Errno::ACCES);
    }
    Ok(Arc::clone(&file.file))
}

impl Call<'_> {
    /// Where `path` leads, seen from `directory`.
    fn locate(&self, directory: i32, path: u64) -> Result<paths::Located, Stop> {
        let path = self.path(path)?;
        Ok(self.linux.files.locate(directory, &path)?)
    }
}

impl Files {
    /// What `/proc/self/exe` links to.
    pub(super) fn executable(&self) -> &[u8] {
        &self.executable
    }
}
