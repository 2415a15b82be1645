//! Opening, closing and duplicating descriptors.

use std::sync::Arc;

use cap_fs_ext::{FollowSymlinks, OpenOptionsFollowExt, OpenOptionsSyncExt};
use cap_std::fs::{Metadata, OpenOptions, OpenOptionsExt};

use super::nodes::Kind;
use super::paths::{Located, Place};
use super::{
    Files, MAX_FILES, O_ACCMODE, O_CLOEXEC, O_CREAT, O_DIRECTORY, O_EXCL, O_NOFOLLOW, O_PATH, O_TMPFILE,
    O_TRUNC, Object, OpenDirectory, OpenFile, Slot,
};
use crate::Access;
use crate::linux::Errno;
use crate::linux::call::{Answer, Call, Stop};

/// openat(2).
pub(in crate::linux) fn openat(
    call: &mut Call<'_>,
    directory: i32,
    path: u64,
    flags: i32,
    mode: u32,
) -> Answer {
    let at = call.locate(directory, path)?;
    if flags & O_TMPFILE != 0 {
        return Err(Errno::OPNOTSUPP.into());
    }
    if flags & O_ACCMODE == 3 {
        return Err(Errno::INVAL.into());
    }
    let now = call.realtime();
    let files = &mut call.linux.files;
    files.free(0)?;
    let object = files.open(at, flags, mode, now)?;
    Ok(files.insert(object, flags)? as u64)
}

/// What an open call asks for, apart from the path.
struct Wish {
    write: bool,
    create: bool,
    exclusive: bool,
    truncate: bool,
    directory: bool,
    follow: bool,
}

impl Wish {
    fn of(flags: i32, at: &Located) -> Self {
        let create = flags & O_CREAT != 0;
        let exclusive = create && flags & O_EXCL != 0;
        Wish {
            write: flags & O_ACCMODE != 0 && flags & O_PATH == 0,
            create,
            exclusive,
            truncate: flags & O_TRUNC != 0 && flags & O_PATH == 0,
            directory: flags & O_DIRECTORY != 0 || at.is_directory,
            follow: flags & O_NOFOLLOW == 0 && !exclusive,
        }
    }
}

impl Files {
    fn open(&mut self, at: Located, flags: i32, mode: u32, now: u64) -> Result<Object, Stop> {
        let wish = Wish::of(flags, &at);
        match at.place {
            Place::Host { .. } => self.open_host(at, &wish, mode, now),
            Place::Synthetic if wish.exclusive => Err(Errno::EXIST.into()),
            Place::Synthetic if wish.write || wish.create => Err(Errno::ISDIR.into()),
            Place::Synthetic => Ok(directory(at)),
            _ if wish.directory => Err(Errno::NOTDIR.into()),
            _ if wish.exclusive => Err(Errno::EXIST.into()),
            Place::Device(device) => Ok(Object::Device(device)),
            Place::Descriptor(fd) => self.open_again(fd),
            // The program is not among the guest's files.
            Place::Executable => Err(Errno::NOENT.into()),
        }
    }

    /// Another description of a standard stream or device; files are opened by their own names.
    fn open_again(&self, fd: i32) -> Result<Object, Stop> {
        match self.get(fd).map_err(|_| Errno::NOENT)?.object {
            Object::Stdin => Ok(Object::Stdin),
            Object::Stdout => Ok(Object::Stdout),
            Object::Stderr => Ok(Object::Stderr),
            Object::Device(device) => Ok(Object::Device(device)),
            _ => Err(Errno::ACCES.into()),
        }
    }

    fn open_host(&mut self, at: Located, wish: &Wish, mode: u32, now: u64) -> Result<Object, Stop> {
        let (dir, path, access) = self.host(&at.place).ok_or(Errno::NOENT)?;
        let look = || if wish.follow { dir.metadata(path) } else { dir.symlink_metadata(path) };
        let found = match self.outside.ask(look) {
            Ok(metadata) => Some(metadata),
            Err(Errno::NOENT) if wish.create => None,
            Err(error) => return Err(error.into()),
        };
        if let Some(metadata) = &found
            && check(metadata, wish)? == Kind::Directory
        {
            return Ok(directory(at));
        }
        if found.is_none() && wish.directory {
            return Err(Errno::ISDIR.into());
        }
        let changes = wish.write || wish.truncate || found.is_none();
        if changes && access == Access::ReadOnly {
            return Err(Errno::ROFS.into());
        }
        let options = options(wish, found.is_none(), mode);
        let file = self.outside.ask(|| Ok(Arc::new(dir.open_with(path, &options)?.into_std())))?;
        let metadata = self.outside.ask(|| Metadata::from_file(&file))?;
        // Whoever on the host replaced the file since the check is not obeyed.
        if Kind::of(&metadata) != Some(Kind::Regular) {
            return Err(Errno::ACCES.into());
        }
        let node = self.nodes.of(&metadata, &at.path, wish.follow);
        if wish.truncate || found.is_none() {
            self.nodes.touch(node, now);
        }
        let writable = access == Access::ReadWrite;
        Ok(Object::File(OpenFile { file, path: at.path, node, writable }))
    }
}

fn directory(at: Located) -> Object {
    Object::Directory(OpenDirectory { place: at.place, path: at.path, listing: None })
}

/// Whether what is there can be opened as wished.
fn check(metadata: &Metadata, wish: &Wish) -> Result<Kind, Errno> {
    if wish.exclusive {
        return Err(Errno::EXIST);
    }
    match Kind::of(metadata) {
        Some(Kind::Directory) if wish.write || wish.create || wish.truncate => Err(Errno::ISDIR),
        Some(Kind::Directory) => Ok(Kind::Directory),
        Some(_) if wish.directory => Err(Errno::NOTDIR),
        Some(Kind::Regular) => Ok(Kind::Regular),
        Some(_) => Err(Errno::LOOP),
        None => Err(Errno::ACCES),
    }
}

/// How the host opens a regular file. Without blocking, should it be a FIFO after all.
fn options(wish: &Wish, create: bool, mode: u32) -> OpenOptions {
    let mut options = OpenOptions::new();
    options
        .read(true)
        .write(wish.write || wish.truncate || create)
        .create(create && !wish.exclusive)
        .create_new(wish.exclusive)
        .truncate(wish.truncate)
        .nonblock(true)
        .mode(if mode & 0o100 != 0 { 0o755 } else { 0o644 });
    options.follow(if wish.follow { FollowSymlinks::Yes } else { FollowSymlinks::No });
    options
}

/// close(2).
pub(in crate::linux) fn close(call: &mut Call<'_>, fd: i32) -> Answer {
    call.linux.files.remove(fd)?;
    Ok(0)
}

/// close_range(2).
pub(in crate::linux) fn close_range(call: &mut Call<'_>, first: u32, last: u32, flags: u32) -> Answer {
    const CLOEXEC: u32 = 4;
    if first > last || flags & !(CLOEXEC | 2) != 0 {
        return Err(Errno::INVAL.into());
    }
    let files = &mut call.linux.files;
    let end = files.slots.len().min((last as usize).saturating_add(1));
    for fd in first as usize..end {
        let fd = fd as i32;
        if flags & CLOEXEC == 0 {
            // Those that are not open need no closing.
            let _ = files.remove(fd);
        } else if let Ok(slot) = files.slot_mut(fd) {
            slot.close_on_exec = true;
        }
    }
    Ok(0)
}

/// dup(2).
pub(in crate::linux) fn dup(call: &mut Call<'_>, fd: i32) -> Answer {
    call.linux.files.duplicate(fd, 0, false)
}

/// dup3(2).
pub(in crate::linux) fn dup3(call: &mut Call<'_>, old: i32, new: i32, flags: i32) -> Answer {
    if old == new || flags & !O_CLOEXEC != 0 {
        return Err(Errno::INVAL.into());
    }
    let files = &mut call.linux.files;
    let slot = files.slot(old)?;
    let place = usize::try_from(new).ok().filter(|&fd| fd < MAX_FILES).ok_or(Errno::BADF)?;
    if files.slot(new).is_ok() {
        files.remove(new)?;
    }
    files.set(place, Slot { close_on_exec: flags & O_CLOEXEC != 0, ..slot });
    Ok(place as u64)
}

impl Files {
    /// A new descriptor, at least `lowest`, for what `fd` refers to.
    pub(super) fn duplicate(&mut self, fd: i32, lowest: i32, close_on_exec: bool) -> Answer {
        let slot = self.slot(fd)?;
        let lowest = usize::try_from(lowest).ok().filter(|&fd| fd < MAX_FILES).ok_or(Errno::INVAL)?;
        let new = self.free(lowest)?;
        self.set(new, Slot { close_on_exec, ..slot });
        Ok(new as u64)
    }
}
