//! Calls that work on names: making, removing, renaming and asking for them.

use cap_std::fs::{Dir, Permissions, PermissionsExt};
use std::path::Path;

use super::nodes::Kind;
use super::paths::{Located, Place};
use super::{AT_EMPTY_PATH, AT_FDCWD, AT_SYMLINK_NOFOLLOW, Files, Object};
use crate::Access;
use crate::linux::Errno;
use crate::linux::call::{Answer, Call, Stop};
use crate::linux::process::USER;
use crate::linux::time::Timespec;

impl Files {
    /// The host directory and path of what a call wants to change.
    ///
    /// # Errors
    /// `EROFS` where the guest may only read.
    fn changeable<'a>(&self, at: &'a Located) -> Result<(&Dir, &'a Path), Errno> {
        match self.host(&at.place) {
            Some((dir, path, Access::ReadWrite)) => Ok((dir, path)),
            _ => Err(Errno::ROFS),
        }
    }

    /// The same for a name in a directory, which a preopened directory itself is not.
    fn changeable_name<'a>(&self, at: &'a Located) -> Result<(&Dir, &'a Path), Errno> {
        let (dir, path) = self.changeable(at)?;
        if path == Path::new(".") { Err(Errno::BUSY) } else { Ok((dir, path)) }
    }

    fn exists(&mut self, at: &Located) -> bool {
        self.attributes_at(at, false).is_ok()
    }
}

/// mkdirat(2).
pub(in crate::linux) fn mkdirat(call: &mut Call<'_>, directory: i32, path: u64, _mode: u32) -> Answer {
    let at = call.locate(directory, path)?;
    let files = &mut call.linux.files;
    if files.exists(&at) {
        return Err(Errno::EXIST.into());
    }
    let (dir, path) = files.changeable(&at)?;
    files.outside.ask(|| dir.create_dir(path))?;
    Ok(0)
}

/// unlinkat(2).
pub(in crate::linux) fn unlinkat(call: &mut Call<'_>, directory: i32, path: u64, flags: i32) -> Answer {
    const REMOVEDIR: i32 = 0x200;
    if flags & !REMOVEDIR != 0 {
        return Err(Errno::INVAL.into());
    }
    let at = call.locate(directory, path)?;
    let files = &mut call.linux.files;
    if !matches!(at.place, Place::Host { .. }) {
        return Err(Errno::ROFS.into());
    }
    let named = Located { is_directory: false, ..at.clone() };
    let metadata = files.metadata(&named, false)?;
    let (dir, path) = files.changeable_name(&at)?;
    if flags & REMOVEDIR != 0 {
        files.outside.ask(|| dir.remove_dir(path))?;
    } else if at.is_directory || metadata.is_dir() {
        return Err(if metadata.is_dir() { Errno::ISDIR } else { Errno::NOTDIR }.into());
    } else {
        files.outside.ask(|| dir.remove_file(path))?;
    }
    files.nodes.forget(&metadata);
    Ok(0)
}

/// renameat2(2).
pub(in crate::linux) fn renameat2(
    call: &mut Call<'_>,
    old_directory: i32,
    old: u64,
    new_directory: i32,
    new: u64,
    flags: u32,
) -> Answer {
    const NOREPLACE: u32 = 1;
    if flags & !NOREPLACE != 0 {
        return Err(Errno::INVAL.into());
    }
    let old = call.locate(old_directory, old)?;
    let new = call.locate(new_directory, new)?;
    let files = &mut call.linux.files;
    if !files.exists(&old) {
        return Err(Errno::NOENT.into());
    }
    let replaced = files.metadata(&new, false).ok();
    if flags & NOREPLACE != 0 && replaced.is_some() {
        return Err(Errno::EXIST.into());
    }
    let same_directory = match (&old.place, &new.place) {
        (Place::Host { preopen: old, .. }, Place::Host { preopen: new, .. }) => old == new,
        _ => return Err(Errno::ROFS.into()),
    };
    let (dir, from) = files.changeable_name(&old)?;
    let (_, to) = files.changeable_name(&new)?;
    if !same_directory {
        return Err(Errno::XDEV.into());
    }
    files.outside.ask(|| dir.rename(from, dir, to))?;
    files.renamed(&old.path, &new.path);
    // Renaming one name of a file to another of the same file does nothing.
    if let Some(metadata) = replaced
        && old.path != new.path
        && files.metadata(&old, false).is_err()
    {
        files.nodes.forget(&metadata);
    }
    Ok(0)
}

/// readlinkat(2).
pub(in crate::linux) fn readlinkat(
    call: &mut Call<'_>,
    directory: i32,
    path: u64,
    buffer: u64,
    size: i32,
) -> Answer {
    let size = usize::try_from(size).ok().filter(|&s| s > 0).ok_or(Errno::INVAL)?;
    let at = call.locate(directory, path)?;
    let files = &mut call.linux.files;
    let target = match &at.place {
        Place::Executable => files.executable.clone(),
        Place::Host { .. } => {
            if Kind::of(&files.metadata(&at, false)?) != Some(Kind::Symlink) {
                return Err(Errno::INVAL.into());
            }
            let (dir, path, _) = files.host(&at.place).ok_or(Errno::NOENT)?;
            files.outside.ask(|| Ok(dir.read_link_contents(path)?.into_os_string().into_encoded_bytes()))?
        }
        _ => return Err(Errno::INVAL.into()),
    };
    let target = &target[..target.len().min(size)];
    call.store_bytes(buffer, target)?;
    Ok(target.len() as u64)
}

/// faccessat(2).
pub(in crate::linux) fn faccessat(call: &mut Call<'_>, directory: i32, path: u64, mode: u32) -> Answer {
    faccessat2(call, directory, path, mode, 0)
}

/// faccessat2(2).
pub(in crate::linux) fn faccessat2(
    call: &mut Call<'_>,
    directory: i32,
    path: u64,
    mode: u32,
    flags: i32,
) -> Answer {
    const EXECUTE: u32 = 1;
    const WRITE: u32 = 2;
    const EACCESS: i32 = 0x200;
    if mode & !7 != 0 || flags & !(EACCESS | AT_SYMLINK_NOFOLLOW | AT_EMPTY_PATH) != 0 {
        return Err(Errno::INVAL.into());
    }
    let at = call.locate(directory, path)?;
    let files = &mut call.linux.files;
    let attributes = files.attributes_at(&at, flags & AT_SYMLINK_NOFOLLOW == 0)?;
    let fixed = matches!(at.place, Place::Host { .. } | Place::Synthetic);
    if mode & WRITE != 0 && fixed {
        files.changeable(&at)?;
    }
    if mode & EXECUTE != 0 && !attributes.is_executable() {
        return Err(Errno::ACCES.into());
    }
    Ok(0)
}

/// What the host keeps of permission bits: whether the owner may execute.
fn permissions(mode: u32) -> Permissions {
    Permissions::from_mode(if mode & 0o100 != 0 { 0o755 } else { 0o644 })
}

/// fchmodat(2).
pub(in crate::linux) fn fchmodat(call: &mut Call<'_>, directory: i32, path: u64, mode: u32) -> Answer {
    let at = call.locate(directory, path)?;
    let files = &mut call.linux.files;
    let attributes = files.attributes_at(&at, true)?;
    let (dir, path) = files.changeable(&at)?;
    if !attributes.is_directory() {
        files.outside.ask(|| dir.set_permissions(path, permissions(mode)))?;
    }
    Ok(0)
}

/// fchmod(2).
pub(in crate::linux) fn fchmod(call: &mut Call<'_>, fd: i32, mode: u32) -> Answer {
    match &call.linux.files.get(fd)?.object {
        Object::File(file) if !file.writable => return Err(Errno::ROFS.into()),
        Object::File(file) => {
            let change = || file.file.set_permissions(permissions(mode).into_std(&file.file)?);
            call.linux.files.outside.ask(change)?;
        }
        _ => {}
    }
    Ok(0)
}

/// Everything belongs to the one user there is.
fn check_owner(user: u32, group: u32) -> Result<(), Errno> {
    let own = |id| id == USER || id == u32::MAX;
    if own(user) && own(group) { Ok(()) } else { Err(Errno::PERM) }
}

/// fchown(2).
pub(in crate::linux) fn fchown(call: &mut Call<'_>, fd: i32, user: u32, group: u32) -> Answer {
    call.linux.files.get(fd)?;
    check_owner(user, group)?;
    Ok(0)
}

/// fchownat(2).
pub(in crate::linux) fn fchownat(
    call: &mut Call<'_>,
    directory: i32,
    path: u64,
    user: u32,
    group: u32,
    _flags: i32,
) -> Answer {
    let at = call.locate(directory, path)?;
    call.linux.files.attributes_at(&at, false)?;
    check_owner(user, group)?;
    Ok(0)
}

/// utimensat(2): files keep the modification time they are given for the rest of the run.
pub(in crate::linux) fn utimensat(
    call: &mut Call<'_>,
    directory: i32,
    path: u64,
    times: u64,
    flags: i32,
) -> Answer {
    let Some(time) = modification_time(call, times)? else {
        return Ok(0);
    };
    let files = &mut call.linux.files;
    let node = if path == 0 {
        match &files.get(directory)?.object {
            Object::File(file) if !file.writable => return Err(Errno::ROFS.into()),
            _ => files.attributes(directory)?.node,
        }
    } else {
        let at = call.locate(directory, path)?;
        let files = &mut call.linux.files;
        let node = files.attributes_at(&at, flags & AT_SYMLINK_NOFOLLOW == 0)?.node;
        files.changeable(&at)?;
        node
    };
    call.linux.files.nodes.touch(node, time);
    Ok(0)
}

/// The second of the two times at `times`; now, if null; none, if it is to stay.
fn modification_time(call: &Call<'_>, times: u64) -> Result<Option<u64>, Stop> {
    const NOW: i64 = 0x3fff_ffff;
    const OMIT: i64 = 0x3fff_fffe;
    if times == 0 {
        return Ok(Some(call.realtime()));
    }
    let [_, time]: [Timespec; 2] = call.load(times)?;
    match time.nanoseconds {
        NOW => Ok(Some(call.realtime())),
        OMIT => Ok(None),
        _ => Ok(Some(time.duration()?)),
    }
}

/// chdir(2).
pub(in crate::linux) fn chdir(call: &mut Call<'_>, path: u64) -> Answer {
    let at = call.locate(AT_FDCWD, path)?;
    let files = &mut call.linux.files;
    if !files.attributes_at(&at, true)?.is_directory() {
        return Err(Errno::NOTDIR.into());
    }
    files.cwd = at.path;
    Ok(0)
}

/// fchdir(2).
pub(in crate::linux) fn fchdir(call: &mut Call<'_>, fd: i32) -> Answer {
    let files = &mut call.linux.files;
    let path = match &files.get(fd)?.object {
        Object::Directory(directory) => directory.path.clone(),
        _ => return Err(Errno::NOTDIR.into()),
    };
    files.cwd = path;
    Ok(0)
}

/// getcwd(2): the length with the zero byte.
pub(in crate::linux) fn getcwd(call: &mut Call<'_>, buffer: u64, size: u64) -> Answer {
    let mut path = call.linux.files.cwd.clone();
    path.push(0);
    if (path.len() as u64) > size {
        return Err(Errno::RANGE.into());
    }
    call.store_bytes(buffer, &path)?;
    Ok(path.len() as u64)
}
