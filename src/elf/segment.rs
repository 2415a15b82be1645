//! One `PT_LOAD`, checked on its own.

use core::fmt;

use causality_machine::Limits;
use causality_machine::memory::{PAGE_SIZE, Perms, SegmentKind};
use object::LittleEndian as LE;
use object::elf::ProgramHeader64;

use super::LoadError;
use super::header::check_end;

const PF_X: u32 = 1;
const PF_W: u32 = 2;
const PF_R: u32 = 4;

/// A `PT_LOAD` that occupies memory: at its final address, inside the address space, with its bytes.
pub(super) struct Load<'a> {
    index: usize,
    pub(super) perms: Perms,
    pub(super) addr: u64,
    pub(super) size: u64,
    /// Where its bytes lie in the file.
    pub(super) offset: u64,
    pub(super) data: &'a [u8],
}

impl<'a> Load<'a> {
    /// Checks the program header with this index; addresses are shifted by `base`.
    pub(super) fn parse(
        file: &'a [u8],
        (index, header): (usize, &ProgramHeader64<LE>),
        base: u64,
        limits: &Limits,
    ) -> Result<Self, LoadError> {
        let flags = header.p_flags.get(LE).0;
        let mut load = Load {
            index,
            perms: Perms::new(flags & PF_R != 0, flags & PF_W != 0, flags & PF_X != 0),
            addr: header.p_vaddr.get(LE).wrapping_add(base),
            size: header.p_memsz.get(LE),
            offset: header.p_offset.get(LE),
            data: &[],
        };
        let filled = header.p_filesz.get(LE);
        load.check_align(header.p_align.get(LE))?;
        if filled > load.size {
            return Err(LoadError::Sizes { segment: load.to_string(), file: filled, memory: load.size });
        }
        // The address as stated, so that one which wraps around with the base is seen.
        load.check_addresses(header.p_vaddr.get(LE), base, limits.address_space)?;
        check_end(file, &load.to_string(), load.offset, filled)?;
        load.data = &file[load.offset as usize..(load.offset + filled) as usize];
        Ok(load)
    }

    fn check_align(&self, align: u64) -> Result<(), LoadError> {
        if align != 0 && !align.is_power_of_two() {
            return Err(LoadError::Alignment { segment: self.to_string(), align });
        }
        Ok(())
    }

    fn check_addresses(&self, addr: u64, base: u64, limit: u64) -> Result<(), LoadError> {
        let end = addr.checked_add(base).and_then(|start| start.checked_add(self.size));
        match end.and_then(|end| end.checked_next_multiple_of(PAGE_SIZE)) {
            Some(end) if end <= limit => Ok(()),
            _ => Err(LoadError::OutsideAddressSpace { segment: self.to_string(), limit }),
        }
    }

    /// First address after it.
    pub(super) fn end(&self) -> u64 {
        self.addr + self.size
    }

    /// Address of its first page.
    pub(super) fn first_page(&self) -> u64 {
        self.addr & !(PAGE_SIZE - 1)
    }

    /// Address of its last page; it occupies at least one byte.
    pub(super) fn last_page(&self) -> u64 {
        (self.end() - 1) & !(PAGE_SIZE - 1)
    }

    /// Where the file's bytes from `offset` lie in memory, if they are part of this segment.
    pub(super) fn addr_of_offset(&self, offset: u64) -> Option<u64> {
        let inside = offset.checked_sub(self.offset)?;
        (inside < self.data.len() as u64).then(|| self.addr + inside)
    }
}

impl fmt::Display for Load<'_> {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        let end = self.addr.saturating_add(self.size);
        write!(f, "PT_LOAD {} ({}, {:#x}..{end:#x})", self.index, self.perms, self.addr)
    }
}

/// What memory with these permissions is for.
pub(super) fn kind_of(perms: Perms) -> SegmentKind {
    if perms.is_executable() {
        SegmentKind::Text
    } else if perms.is_writable() {
        SegmentKind::Data
    } else {
        SegmentKind::Rodata
    }
}
