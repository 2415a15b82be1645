//! Reading and writing: bytes go straight between host files and guest memory.

use std::fs::File;
use std::io::{self, Write};
use std::os::unix::fs::FileExt;

use bytemuck::{Pod, Zeroable};
use causality_machine::memory::Perms;

use super::{Description, Device, Files, MAX_SIZE, O_APPEND, Object};
use crate::linux::Errno;
use crate::linux::call::{Answer, Call, MAX_TRANSFER, Stop, accessible};
use crate::linux::outside::Outside;
use crate::linux::random::Random;

/// The most bytes one call moves to or from a device, which never ends by itself.
const MAX_DEVICE_TRANSFER: u64 = 64 << 10;

/// The most parts one vectored call has (Linux `IOV_MAX`).
const MAX_PARTS: u64 = 1024;

/// `struct iovec`.
#[derive(Clone, Copy, Debug, Pod, Zeroable)]
#[repr(C)]
struct Part {
    addr: u64,
    len: u64,
}

/// Fills `bytes` from `offset` on as far as the file has any, and says how many.
pub(in crate::linux) fn read_fully(file: &File, bytes: &mut [u8], offset: u64) -> io::Result<usize> {
    let mut done = 0;
    while done < bytes.len() {
        match file.read_at(&mut bytes[done..], offset + done as u64) {
            Ok(0) => break,
            Ok(count) => done += count,
            Err(error) if error.kind() == io::ErrorKind::Interrupted => {}
            Err(_) if done > 0 => break,
            Err(error) => return Err(error),
        }
    }
    Ok(done)
}

/// Writes all of `bytes` unless the host refuses, and says how many.
fn write_fully(mut write: impl FnMut(&[u8], u64) -> io::Result<usize>, bytes: &[u8]) -> io::Result<usize> {
    let mut done = 0;
    while done < bytes.len() {
        match write(&bytes[done..], done as u64) {
            Ok(0) => break,
            Ok(count) => done += count.min(bytes.len() - done),
            Err(error) if error.kind() == io::ErrorKind::Interrupted => {}
            Err(_) if done > 0 => break,
            Err(error) => return Err(error),
        }
    }
    Ok(done)
}

fn write_stream(stream: &mut dyn Write, bytes: &[u8]) -> io::Result<usize> {
    let done = write_fully(|rest, _| stream.write(rest), bytes)?;
    stream.flush()?;
    Ok(done)
}

impl Description {
    /// Reads at `offset`.
    fn read(
        &self,
        bytes: &mut [u8],
        offset: u64,
        outside: &Outside,
        random: &mut Random,
    ) -> Result<usize, Errno> {
        match &self.object {
            Object::Stdin => outside.stdin(bytes),
            Object::Stdout | Object::Stderr => Err(Errno::BADF),
            Object::Device(Device::Null) => Ok(0),
            Object::Device(Device::Zero | Device::Full) => {
                bytes.fill(0);
                Ok(bytes.len())
            }
            Object::Device(Device::Random) => {
                random.fill(bytes);
                Ok(bytes.len())
            }
            Object::File(file) => outside.fill(bytes, |bytes| read_fully(&file.file, bytes, offset)),
            Object::Directory(_) => Err(Errno::ISDIR),
        }
    }

    /// Writes at `offset`.
    fn write(&self, bytes: &[u8], offset: u64, outside: &Outside) -> Result<usize, Errno> {
        match &self.object {
            Object::Stdout => outside.stdout(|stream| write_stream(stream, bytes)),
            Object::Stderr => outside.stderr(|stream| write_stream(stream, bytes)),
            Object::Device(Device::Full) if !bytes.is_empty() => Err(Errno::NOSPC),
            Object::Device(_) => Ok(bytes.len()),
            Object::File(_) if offset >= MAX_SIZE && !bytes.is_empty() => Err(Errno::FBIG),
            Object::File(file) => {
                let room = usize::try_from(MAX_SIZE - offset.min(MAX_SIZE)).unwrap_or(usize::MAX);
                let bytes = &bytes[..bytes.len().min(room)];
                outside.count(|| write_fully(|rest, done| file.file.write_at(rest, offset + done), bytes))
            }
            Object::Stdin | Object::Directory(_) => Err(Errno::BADF),
        }
    }

    /// The most bytes one call moves.
    fn max_transfer(&self) -> u64 {
        if matches!(self.object, Object::Device(_)) { MAX_DEVICE_TRANSFER } else { MAX_TRANSFER }
    }

    fn is_seekable(&self) -> bool {
        !matches!(self.object, Object::Stdin | Object::Stdout | Object::Stderr)
    }

    /// Where a write goes that says no place: the end if appending.
    fn write_offset(&self, outside: &Outside) -> Result<u64, Errno> {
        match &self.object {
            Object::File(file) if self.flags & O_APPEND != 0 => size(&file.file, outside),
            _ => Ok(self.offset),
        }
    }
}

/// The size of an open file.
pub(super) fn size(file: &File, outside: &Outside) -> Result<u64, Errno> {
    outside.ask(|| Ok(file.metadata()?.len()))
}

/// A place given by the guest, for files that have places.
fn position(description: &Description, offset: i64) -> Result<u64, Errno> {
    let offset = u64::try_from(offset).map_err(|_| Errno::INVAL)?;
    if description.is_seekable() { Ok(offset) } else { Err(Errno::SPIPE) }
}

impl Call<'_> {
    /// Reads into one range of guest memory, at `at` or the descriptor's own place.
    fn read_part(&mut self, fd: i32, part: Part, at: Option<u64>) -> Result<u64, Errno> {
        let len = accessible(self.memory, part.addr, self.most(fd, part.len)?, Perms::RW)?;
        let bytes = self.memory.slice_mut(part.addr, len).map_err(|_| Errno::FAULT)?;
        let (files, random) = (&mut self.linux.files, &mut self.linux.random);
        let slot = files.slot(fd)?;
        let description = files.open.get_mut(slot.description).ok_or(Errno::BADF)?;
        let offset = at.unwrap_or(description.offset);
        let done = description.read(bytes, offset, &files.outside, random)? as u64;
        match description.object {
            Object::File(_) if at.is_none() => description.offset += done,
            Object::Stdin => files.input_read = files.input_read.saturating_add(done),
            _ => {}
        }
        files.bytes_read = files.bytes_read.saturating_add(done);
        Ok(done)
    }

    /// Writes one range of guest memory, at `at` or the descriptor's own place.
    fn write_part(&mut self, fd: i32, part: Part, at: Option<u64>) -> Result<u64, Errno> {
        let len = accessible(self.memory, part.addr, self.most(fd, part.len)?, Perms::R)?;
        let now = self.realtime();
        let bytes = self.memory.slice(part.addr, len).map_err(|_| Errno::FAULT)?;
        let files = &mut self.linux.files;
        let slot = files.slot(fd)?;
        let description = files.open.get_mut(slot.description).ok_or(Errno::BADF)?;
        let own = description.write_offset(&files.outside)?;
        let appends = description.flags & O_APPEND != 0;
        let offset = if appends { own } else { at.unwrap_or(own) };
        let done = description.write(bytes, offset, &files.outside)? as u64;
        if let Object::File(file) = &description.object {
            files.nodes.touch(file.node, now);
            if at.is_none() {
                description.offset = offset + done;
            }
        }
        files.bytes_written = files.bytes_written.saturating_add(done);
        Ok(done)
    }

    /// Moves the parts at `parts` one after the other until one is cut short.
    fn vectored(
        &mut self,
        fd: i32,
        parts: u64,
        count: u64,
        mut one: impl FnMut(&mut Self, Part, u64) -> Result<u64, Errno>,
    ) -> Answer {
        if count > MAX_PARTS {
            return Err(Errno::INVAL.into());
        }
        let mut loaded = Vec::with_capacity(count as usize);
        let mut total: u64 = 0;
        for index in 0..count {
            let part: Part = self.load(parts.checked_add(index * 16).ok_or(Errno::FAULT)?)?;
            total = total.checked_add(part.len).filter(|&t| t <= i64::MAX as u64).ok_or(Errno::INVAL)?;
            loaded.push(part);
        }
        let most = self.most(fd, u64::MAX)?;
        let mut done = 0;
        for part in loaded {
            let part = Part { len: part.len.min(most - done), ..part };
            match one(self, part, done) {
                Ok(count) => {
                    done += count;
                    if count < part.len || done == most {
                        break;
                    }
                }
                Err(_) if done > 0 => break,
                Err(error) => return Err(error.into()),
            }
        }
        Ok(done)
    }

    /// How many of `len` bytes one call moves at most.
    fn most(&self, fd: i32, len: u64) -> Result<u64, Errno> {
        Ok(self.linux.files.get(fd)?.max_transfer().min(len))
    }

    fn readable(&self, fd: i32) -> Result<&Description, Errno> {
        Some(self.linux.files.get(fd)?).filter(|d| d.is_readable()).ok_or(Errno::BADF)
    }

    fn writable(&self, fd: i32) -> Result<&Description, Errno> {
        Some(self.linux.files.get(fd)?).filter(|d| d.is_writable()).ok_or(Errno::BADF)
    }
}

/// read(2).
pub(in crate::linux) fn read(call: &mut Call<'_>, fd: i32, addr: u64, len: u64) -> Answer {
    call.readable(fd)?;
    Ok(call.read_part(fd, Part { addr, len }, None)?)
}

/// write(2).
pub(in crate::linux) fn write(call: &mut Call<'_>, fd: i32, addr: u64, len: u64) -> Answer {
    call.writable(fd)?;
    Ok(call.write_part(fd, Part { addr, len }, None)?)
}

/// readv(2).
pub(in crate::linux) fn readv(call: &mut Call<'_>, fd: i32, parts: u64, count: u64) -> Answer {
    call.readable(fd)?;
    call.vectored(fd, parts, count, |call, part, _| call.read_part(fd, part, None))
}

/// writev(2).
pub(in crate::linux) fn writev(call: &mut Call<'_>, fd: i32, parts: u64, count: u64) -> Answer {
    call.writable(fd)?;
    call.vectored(fd, parts, count, |call, part, _| call.write_part(fd, part, None))
}

/// pread64(2).
pub(in crate::linux) fn pread64(call: &mut Call<'_>, fd: i32, addr: u64, len: u64, offset: i64) -> Answer {
    let at = position(call.readable(fd)?, offset)?;
    Ok(call.read_part(fd, Part { addr, len }, Some(at))?)
}

/// pwrite64(2).
pub(in crate::linux) fn pwrite64(call: &mut Call<'_>, fd: i32, addr: u64, len: u64, offset: i64) -> Answer {
    let at = position(call.writable(fd)?, offset)?;
    Ok(call.write_part(fd, Part { addr, len }, Some(at))?)
}

/// preadv(2).
pub(in crate::linux) fn preadv(call: &mut Call<'_>, fd: i32, parts: u64, count: u64, offset: i64) -> Answer {
    let at = position(call.readable(fd)?, offset)?;
    call.vectored(fd, parts, count, |call, part, done| {
        call.read_part(fd, part, Some(at.saturating_add(done)))
    })
}

/// pwritev(2).
pub(in crate::linux) fn pwritev(call: &mut Call<'_>, fd: i32, parts: u64, count: u64, offset: i64) -> Answer {
    let at = position(call.writable(fd)?, offset)?;
    call.vectored(fd, parts, count, |call, part, done| {
        call.write_part(fd, part, Some(at.saturating_add(done)))
    })
}

/// lseek(2). Files have no holes as far as guests can see.
pub(in crate::linux) fn lseek(call: &mut Call<'_>, fd: i32, offset: i64, whence: i32) -> Answer {
    let files = &mut call.linux.files;
    let slot = files.slot(fd)?;
    let description = files.open.get_mut(slot.description).ok_or(Errno::BADF)?;
    if !description.is_seekable() {
        return Err(Errno::SPIPE.into());
    }
    if matches!(description.object, Object::Device(_)) {
        return Ok(0);
    }
    let new = target(description, &files.outside, offset, whence)?;
    description.offset = new;
    if let (Object::Directory(directory), 0) = (&mut description.object, new) {
        directory.listing = None;
    }
    Ok(new)
}

fn target(description: &Description, outside: &Outside, offset: i64, whence: i32) -> Result<u64, Stop> {
    const DATA: i32 = 3;
    const HOLE: i32 = 4;
    let size = match &description.object {
        Object::File(file) => size(&file.file, outside)?,
        _ => 0,
    };
    let from = match whence {
        0 => 0,
        1 => description.offset,
        2 => size,
        DATA | HOLE => {
            let inside = u64::try_from(offset).ok().filter(|&o| o < size).ok_or(Errno::NXIO)?;
            return Ok(if whence == DATA { inside } else { size });
        }
        _ => return Err(Errno::INVAL.into()),
    };
    let new = i64::try_from(from).ok().and_then(|from| from.checked_add(offset));
    Ok(new.and_then(|n| u64::try_from(n).ok()).ok_or(Errno::INVAL)?)
}

impl Files {
    /// Whether a descriptor is open at all.
    pub(super) fn is_open(&self, fd: i32) -> bool {
        self.slot(fd).is_ok()
    }
}
