//! Calls that work on open files other than by reading and writing.

use bytemuck::{Pod, Zeroable};

use super::transfer::size;
use super::{AT_FDCWD, MAX_SIZE, O_APPEND, O_NONBLOCK, OpenFile};
use crate::Access;
use crate::linux::Errno;
use crate::linux::call::{Answer, Call, Stop};

/// `struct flock`.
#[derive(Clone, Copy, Debug, Pod, Zeroable)]
#[repr(C)]
struct Lock {
    kind: i16,
    whence: i16,
    pad1: u32,
    start: i64,
    len: i64,
    pid: i32,
    pad2: u32,
}

/// fcntl(2).
pub(in crate::linux) fn fcntl(call: &mut Call<'_>, fd: i32, command: i32, argument: u64) -> Answer {
    const DUPFD: i32 = 0;
    const GETFD: i32 = 1;
    const SETFD: i32 = 2;
    const GETFL: i32 = 3;
    const SETFL: i32 = 4;
    const GETLK: i32 = 5;
    const SETLK: i32 = 6;
    const SETLKW: i32 = 7;
    const OFD_GETLK: i32 = 36;
    const OFD_SETLK: i32 = 37;
    const OFD_SETLKW: i32 = 38;
    const DUPFD_CLOEXEC: i32 = 1030;
    let files = &mut call.linux.files;
    match command {
        DUPFD | DUPFD_CLOEXEC => files.duplicate(fd, argument as i32, command == DUPFD_CLOEXEC),
        GETFD => Ok(u64::from(files.slot(fd)?.close_on_exec)),
        SETFD => {
            files.slot_mut(fd)?.close_on_exec = argument & 1 != 0;
            Ok(0)
        }
        GETFL => Ok(files.get(fd)?.flags as u64),
        SETFL => {
            const CHANGEABLE: i32 = O_APPEND | O_NONBLOCK;
            let description = files.get_mut(fd)?;
            description.flags = description.flags & !CHANGEABLE | argument as i32 & CHANGEABLE;
            Ok(0)
        }
        GETLK | OFD_GETLK => {
            files.get(fd)?;
            unlocked(call, argument)
        }
        // There is nobody to lock out.
        SETLK | SETLKW | OFD_SETLK | OFD_SETLKW => {
            files.get(fd)?;
            call.load::<Lock>(argument)?;
            Ok(0)
        }
        _ => {
            files.get(fd)?;
            Err(Errno::INVAL.into())
        }
    }
}

/// Nobody holds a lock that would conflict.
fn unlocked(call: &mut Call<'_>, addr: u64) -> Answer {
    const UNLOCKED: i16 = 2;
    let lock: Lock = call.load(addr)?;
    call.store(addr, Lock { kind: UNLOCKED, ..lock })?;
    Ok(0)
}

/// flock(2): there is nobody to lock out.
pub(in crate::linux) fn flock(call: &mut Call<'_>, fd: i32, _operation: i32) -> Answer {
    call.linux.files.get(fd)?;
    Ok(0)
}

/// ioctl(2): nothing is a terminal.
pub(in crate::linux) fn ioctl(call: &mut Call<'_>, fd: i32, _request: u64, _argument: u64) -> Answer {
    call.linux.files.get(fd)?;
    Err(Errno::NOTTY.into())
}

impl Call<'_> {
    /// The file of a descriptor through which it may be changed.
    fn changeable_file(&self, fd: i32) -> Result<&OpenFile, Errno> {
        let (description, file) = self.linux.files.file(fd).map_err(|error| match error {
            Errno::BADF => Errno::BADF,
            _ => Errno::INVAL,
        })?;
        if description.is_writable() { Ok(file) } else { Err(Errno::INVAL) }
    }

    fn resize(&mut self, fd: i32, size: u64) -> Result<(), Stop> {
        let file = self.changeable_file(fd)?;
        self.linux.files.outside.ask(|| file.file.set_len(size))?;
        let (node, now) = (file.node, self.realtime());
        self.linux.files.nodes.touch(node, now);
        Ok(())
    }
}

/// A size that a file may have.
fn acceptable(size: i64) -> Result<u64, Errno> {
    let size = u64::try_from(size).map_err(|_| Errno::INVAL)?;
    if size > MAX_SIZE { Err(Errno::FBIG) } else { Ok(size) }
}

/// ftruncate(2).
pub(in crate::linux) fn ftruncate(call: &mut Call<'_>, fd: i32, size: i64) -> Answer {
    let size = acceptable(size)?;
    call.resize(fd, size)?;
    Ok(0)
}

/// truncate(2).
pub(in crate::linux) fn truncate(call: &mut Call<'_>, path: u64, size: i64) -> Answer {
    let size = acceptable(size)?;
    let at = call.locate(AT_FDCWD, path)?;
    let now = call.realtime();
    let files = &mut call.linux.files;
    let attributes = files.attributes_at(&at, true)?;
    if attributes.is_directory() {
        return Err(Errno::ISDIR.into());
    }
    match files.host(&at.place) {
        Some((dir, path, Access::ReadWrite)) => {
            let mut options = cap_std::fs::OpenOptions::new();
            cap_fs_ext::OpenOptionsSyncExt::nonblock(options.write(true), true);
            files.outside.ask(|| dir.open_with(path, &options)?.set_len(size))?;
        }
        Some(_) => return Err(Errno::ROFS.into()),
        None => return Err(Errno::INVAL.into()),
    }
    files.nodes.touch(attributes.node, now);
    Ok(0)
}

/// fallocate(2): files grow; nothing is reserved.
pub(in crate::linux) fn fallocate(call: &mut Call<'_>, fd: i32, mode: i32, offset: i64, len: i64) -> Answer {
    const KEEP_SIZE: i32 = 1;
    let (Ok(offset), Ok(len)) = (u64::try_from(offset), u64::try_from(len)) else {
        return Err(Errno::INVAL.into());
    };
    if len == 0 {
        return Err(Errno::INVAL.into());
    }
    let file = call.changeable_file(fd).map_err(|_| Errno::BADF)?;
    let end = offset.checked_add(len).filter(|&end| end <= MAX_SIZE).ok_or(Errno::FBIG)?;
    match mode {
        0 if size(&file.file, &call.linux.files.outside)? < end => call.resize(fd, end)?,
        0 | KEEP_SIZE => {}
        _ => return Err(Errno::OPNOTSUPP.into()),
    }
    Ok(0)
}

/// fsync(2) and fdatasync(2): passed on to the host.
pub(in crate::linux) fn fsync(call: &mut Call<'_>, fd: i32) -> Answer {
    match call.linux.files.file(fd) {
        Ok((description, file)) if description.is_writable() => {
            call.linux.files.outside.ask(|| file.file.sync_data())?;
        }
        Ok(_) | Err(Errno::ISDIR) => {}
        Err(error) => return Err(error.into()),
    }
    Ok(0)
}

/// Calls that give advice about an open file, or ask for what happens anyway.
pub(in crate::linux) fn advise(call: &mut Call<'_>, fd: i32) -> Answer {
    call.linux.files.get(fd)?;
    Ok(0)
}
