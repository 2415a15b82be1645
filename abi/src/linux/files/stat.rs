//! What a guest is told about files.

use bytemuck::{Pod, Zeroable};
use cap_std::fs::Metadata;

use super::nodes::Attributes;
use super::paths::{Located, Place};
use super::{AT_EMPTY_PATH, AT_FDCWD, AT_SYMLINK_NOFOLLOW, Files, Object, OpenDirectory};
use crate::linux::Errno;
use crate::linux::call::{Answer, Call, Stop};
use crate::linux::time::Timespec;

/// `struct stat` of `asm-generic/stat.h`.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Pod, Zeroable)]
#[repr(C)]
struct Stat {
    dev: u64,
    ino: u64,
    mode: u32,
    nlink: u32,
    uid: u32,
    gid: u32,
    rdev: u64,
    pad1: u64,
    size: u64,
    blksize: u32,
    pad2: u32,
    blocks: u64,
    atime: Timespec,
    mtime: Timespec,
    ctime: Timespec,
    unused: u64,
}

impl From<Attributes> for Stat {
    fn from(a: Attributes) -> Self {
        let time = Timespec::of(a.modified);
        Stat {
            dev: u64::from(Attributes::DEVICE),
            ino: a.node,
            mode: a.mode(),
            nlink: a.links,
            uid: Attributes::OWNER,
            gid: Attributes::OWNER,
            rdev: u64::from(a.device.0) << 8 | u64::from(a.device.1),
            size: a.size,
            blksize: Attributes::BLOCK,
            blocks: a.blocks(),
            atime: time,
            mtime: time,
            ctime: time,
            ..Stat::zeroed()
        }
    }
}

/// `struct statx_timestamp`.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Pod, Zeroable)]
#[repr(C)]
struct Stamp {
    seconds: i64,
    nanoseconds: u32,
    pad: u32,
}

/// `struct statx` of `linux/stat.h`, the part that has meaning and the rest.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Pod, Zeroable)]
#[repr(C)]
struct Statx {
    mask: u32,
    blksize: u32,
    attributes: u64,
    nlink: u32,
    uid: u32,
    gid: u32,
    mode: u16,
    pad: u16,
    ino: u64,
    size: u64,
    blocks: u64,
    attributes_mask: u64,
    times: [Stamp; 4],
    rdev: [u32; 2],
    dev: [u32; 2],
    rest: [u64; 14],
}

impl From<Attributes> for Statx {
    fn from(a: Attributes) -> Self {
        /// `STATX_BASIC_STATS`.
        const BASIC: u32 = 0x7ff;
        let Timespec { seconds, nanoseconds } = Timespec::of(a.modified);
        let stamp = Stamp { seconds, nanoseconds: nanoseconds as u32, pad: 0 };
        Statx {
            mask: BASIC,
            blksize: Attributes::BLOCK,
            nlink: a.links,
            uid: Attributes::OWNER,
            gid: Attributes::OWNER,
            mode: a.mode() as u16,
            ino: a.node,
            size: a.size,
            blocks: a.blocks(),
            // Access, birth (not known), change, modification.
            times: [stamp, Stamp::zeroed(), stamp, stamp],
            rdev: [a.device.0, a.device.1],
            dev: [0, Attributes::DEVICE],
            ..Statx::zeroed()
        }
    }
}

impl Files {
    /// What is known about the file at a path.
    pub(super) fn attributes_at(&mut self, at: &Located, follow: bool) -> Result<Attributes, Stop> {
        let attributes = match &at.place {
            Place::Host { .. } => {
                let metadata = self.metadata(at, follow)?;
                self.nodes.attributes(&metadata, &at.path, follow || at.is_directory)
            }
            Place::Synthetic => self.nodes.synthetic(&at.path),
            Place::Device(device) => Attributes::device(*device),
            Place::Descriptor(fd) => return self.attributes(*fd).map_err(|_| Errno::NOENT.into()),
            Place::Executable if follow => return Err(Errno::NOENT.into()),
            Place::Executable => Attributes::link(self.executable.len() as u64),
        };
        if at.is_directory && !attributes.is_directory() {
            return Err(Errno::NOTDIR.into());
        }
        Ok(attributes)
    }

    /// What the host says about a path.
    pub(super) fn metadata(&self, at: &Located, follow: bool) -> Result<Metadata, Stop> {
        let (dir, path, _) = self.host(&at.place).ok_or(Errno::NOENT)?;
        // A trailing slash asks for what a link leads to.
        let follow = follow || at.is_directory;
        Ok(self.outside.ask(|| if follow { dir.metadata(path) } else { dir.symlink_metadata(path) })?)
    }

    /// What is known about the file of a descriptor.
    pub(super) fn attributes(&mut self, fd: i32) -> Result<Attributes, Stop> {
        let directory = match &self.get(fd)?.object {
            Object::Stdin => return Ok(Attributes::stream(0)),
            Object::Stdout => return Ok(Attributes::stream(1)),
            Object::Stderr => return Ok(Attributes::stream(2)),
            Object::Device(device) => return Ok(Attributes::device(*device)),
            Object::File(file) => {
                let metadata = self.outside.ask(|| Metadata::from_file(&file.file))?;
                return Ok(self.nodes.attributes_as(&metadata, file.node));
            }
            Object::Directory(directory) => directory.describe(),
        };
        self.attributes_of(&directory)
    }

    pub(super) fn attributes_of(&mut self, directory: &OpenDirectory) -> Result<Attributes, Stop> {
        let at = Located { place: directory.place.clone(), path: directory.path.clone(), is_directory: true };
        self.attributes_at(&at, true)
    }
}

impl OpenDirectory {
    /// The same directory without its listing.
    pub(super) fn describe(&self) -> OpenDirectory {
        OpenDirectory { place: self.place.clone(), path: self.path.clone(), listing: None }
    }
}

impl Call<'_> {
    /// What is known about a path, or with `AT_EMPTY_PATH` and none about a descriptor.
    fn attributes(&mut self, directory: i32, path: u64, flags: i32) -> Result<Attributes, Stop> {
        /// `AT_NO_AUTOMOUNT`, `AT_STATX_FORCE_SYNC`, `AT_STATX_DONT_SYNC`.
        const NO_EFFECT: i32 = 0x800 | 0x2000 | 0x4000;
        if flags & !(AT_SYMLINK_NOFOLLOW | AT_EMPTY_PATH | NO_EFFECT) != 0 {
            return Err(Errno::INVAL.into());
        }
        // Newer kernels take a null pointer for the empty path; so do we.
        let empty = flags & AT_EMPTY_PATH != 0 && (path == 0 || self.load::<u8>(path)? == 0);
        if !empty {
            let at = self.locate(directory, path)?;
            return self.linux.files.attributes_at(&at, flags & AT_SYMLINK_NOFOLLOW == 0);
        }
        if directory == AT_FDCWD {
            let at = self.linux.files.locate(AT_FDCWD, b".")?;
            return self.linux.files.attributes_at(&at, true);
        }
        self.linux.files.attributes(directory)
    }
}

/// fstat(2).
pub(in crate::linux) fn fstat(call: &mut Call<'_>, fd: i32, buffer: u64) -> Answer {
    let attributes = call.linux.files.attributes(fd)?;
    call.store(buffer, Stat::from(attributes))?;
    Ok(0)
}

/// newfstatat(2).
pub(in crate::linux) fn newfstatat(
    call: &mut Call<'_>,
    directory: i32,
    path: u64,
    buffer: u64,
    flags: i32,
) -> Answer {
    let attributes = call.attributes(directory, path, flags)?;
    call.store(buffer, Stat::from(attributes))?;
    Ok(0)
}

/// statx(2).
pub(in crate::linux) fn statx(
    call: &mut Call<'_>,
    directory: i32,
    path: u64,
    flags: i32,
    _mask: u32,
    buffer: u64,
) -> Answer {
    let attributes = call.attributes(directory, path, flags)?;
    call.store(buffer, Statx::from(attributes))?;
    Ok(0)
}

/// `struct statfs`: a file system of fixed size that never fills.
fn store_statfs(call: &mut Call<'_>, buffer: u64) -> Answer {
    const TMPFS: u64 = 0x0102_1994;
    const BLOCKS: u64 = 1 << 28;
    let block = u64::from(Attributes::BLOCK);
    let mut words = [0u64; 15];
    words[..7].copy_from_slice(&[TMPFS, block, BLOCKS, BLOCKS, BLOCKS, BLOCKS, BLOCKS]);
    words[8] = 255;
    words[9] = block;
    call.store(buffer, words)?;
    Ok(0)
}

/// statfs(2).
pub(in crate::linux) fn statfs(call: &mut Call<'_>, path: u64, buffer: u64) -> Answer {
    let at = call.locate(AT_FDCWD, path)?;
    call.linux.files.attributes_at(&at, true)?;
    store_statfs(call, buffer)
}

/// fstatfs(2).
pub(in crate::linux) fn fstatfs(call: &mut Call<'_>, fd: i32, buffer: u64) -> Answer {
    call.linux.files.get(fd)?;
    store_statfs(call, buffer)
}

const _: () = assert!(size_of::<Stat>() == 128 && size_of::<Statx>() == 256);
