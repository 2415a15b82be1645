//! What GDB asks about the process and its files. Nothing of the host can be read but the executable.

use std::collections::BTreeMap;
use std::os::unix::ffi::OsStrExt;
use std::path::Path;
use std::sync::Arc;

use gdbstub::common::Pid;
use gdbstub::target::TargetResult;
use gdbstub::target::ext::auxv::Auxv;
use gdbstub::target::ext::exec_file::ExecFile;
use gdbstub::target::ext::host_io::{
    FsKind, HostIo, HostIoClose, HostIoCloseOps, HostIoErrno, HostIoError, HostIoFstat, HostIoFstatOps,
    HostIoOpen, HostIoOpenFlags, HostIoOpenMode, HostIoOpenOps, HostIoPread, HostIoPreadOps, HostIoReadlink,
    HostIoReadlinkOps, HostIoResult, HostIoSetfs, HostIoSetfsOps, HostIoStat,
};
use gdbstub::target::ext::section_offsets::{Offsets, SectionOffsets};

use super::Guest;
use crate::Error;

/// The most files GDB has open at once.
const MOST: usize = 64;

/// The files that GDB has open, by descriptor.
#[derive(Debug, Default)]
pub(super) struct OpenFiles {
    open: BTreeMap<u32, Arc<[u8]>>,
    next: u32,
}

/// Copies what there is at `offset`, and says how much.
fn copy(from: &[u8], offset: u64, length: usize, to: &mut [u8]) -> usize {
    let rest = usize::try_from(offset).ok().and_then(|offset| from.get(offset..)).unwrap_or_default();
    let count = rest.len().min(length).min(to.len());
    to[..count].copy_from_slice(&rest[..count]);
    count
}

impl<T: Clone> ExecFile for Guest<T> {
    fn get_exec_file(
        &self,
        _: Option<Pid>,
        offset: u64,
        length: usize,
        buffer: &mut [u8],
    ) -> TargetResult<usize, Self> {
        Ok(copy(self.debugger.process.path().as_os_str().as_bytes(), offset, length, buffer))
    }
}

impl<T: Clone> Auxv for Guest<T> {
    fn get_auxv(&self, offset: u64, length: usize, buffer: &mut [u8]) -> TargetResult<usize, Self> {
        Ok(copy(self.debugger.process.auxiliary(), offset, length, buffer))
    }
}

impl<T: Clone> SectionOffsets for Guest<T> {
    fn get_section_offsets(&mut self) -> Result<Offsets<u64>, Error> {
        let base = self.instance().module().program().base();
        Ok(Offsets::Sections { text: base, data: base, bss: Some(base) })
    }
}

impl<T: Clone> HostIo for Guest<T> {
    fn support_open(&mut self) -> Option<HostIoOpenOps<'_, Self>> {
        Some(self)
    }

    fn support_close(&mut self) -> Option<HostIoCloseOps<'_, Self>> {
        Some(self)
    }

    fn support_pread(&mut self) -> Option<HostIoPreadOps<'_, Self>> {
        Some(self)
    }

    fn support_fstat(&mut self) -> Option<HostIoFstatOps<'_, Self>> {
        Some(self)
    }

    fn support_readlink(&mut self) -> Option<HostIoReadlinkOps<'_, Self>> {
        Some(self)
    }

    fn support_setfs(&mut self) -> Option<HostIoSetfsOps<'_, Self>> {
        Some(self)
    }
}

impl<T: Clone> HostIoOpen for Guest<T> {
    fn open(&mut self, path: &[u8], flags: HostIoOpenFlags, _: HostIoOpenMode) -> HostIoResult<u32, Self> {
        let changes = HostIoOpenFlags::O_WRONLY | HostIoOpenFlags::O_RDWR | HostIoOpenFlags::O_CREAT;
        if flags.intersects(changes) {
            return Err(HostIoError::Errno(HostIoErrno::EROFS));
        }
        let path = Path::new(std::ffi::OsStr::from_bytes(path));
        let file = self.debugger.process.file(path, self.instance().memory());
        let file = file.ok_or(HostIoError::Errno(HostIoErrno::ENOENT))?;
        let files = &mut self.files;
        if files.open.len() >= MOST {
            return Err(HostIoError::Errno(HostIoErrno::EMFILE));
        }
        while files.open.contains_key(&files.next) {
            files.next = (files.next + 1) % (2 * MOST as u32);
        }
        files.open.insert(files.next, file);
        Ok(files.next)
    }
}

impl<T: Clone> Guest<T> {
    fn file(&self, fd: u32) -> Result<&[u8], HostIoError<Error>> {
        self.files.open.get(&fd).map(|file| &**file).ok_or(HostIoError::Errno(HostIoErrno::EBADF))
    }
}

impl<T: Clone> HostIoClose for Guest<T> {
    fn close(&mut self, fd: u32) -> HostIoResult<(), Self> {
        self.file(fd)?;
        self.files.open.remove(&fd);
        Ok(())
    }
}

impl<T: Clone> HostIoPread for Guest<T> {
    fn pread(&mut self, fd: u32, count: usize, offset: u64, buffer: &mut [u8]) -> HostIoResult<usize, Self> {
        Ok(copy(self.file(fd)?, offset, count, buffer))
    }
}

impl<T: Clone> HostIoFstat for Guest<T> {
    fn fstat(&mut self, fd: u32) -> HostIoResult<HostIoStat, Self> {
        let size = self.file(fd)?.len() as u64;
        Ok(HostIoStat {
            st_dev: 0,
            st_ino: 0,
            st_mode: HostIoOpenMode::S_IFREG | HostIoOpenMode::S_IRUSR,
            st_nlink: 1,
            st_uid: 0,
            st_gid: 0,
            st_rdev: 0,
            st_size: size,
            st_blksize: 4096,
            st_blocks: size.div_ceil(512),
            st_atime: 0,
            st_mtime: 0,
            st_ctime: 0,
        })
    }
}

impl<T: Clone> HostIoReadlink for Guest<T> {
    fn readlink(&mut self, path: &[u8], buffer: &mut [u8]) -> HostIoResult<usize, Self> {
        let path = Path::new(std::ffi::OsStr::from_bytes(path));
        let target = self.debugger.process.link(path).ok_or(HostIoError::Errno(HostIoErrno::ENOENT))?;
        Ok(copy(target.as_os_str().as_bytes(), 0, usize::MAX, buffer))
    }
}

impl<T: Clone> HostIoSetfs for Guest<T> {
    fn setfs(&mut self, _: FsKind) -> HostIoResult<(), Self> {
        Ok(())
    }
}
