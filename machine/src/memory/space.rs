//! The one mapping behind a guest's memory. This file is an island of `unsafe`: it owns the host
//! addresses, and everything outside speaks of guest addresses only.
//!
//! Invariant: guest address `a < size` is host address `base + a`, inside a private anonymous mapping
//! that lives as long as the `Space`, with a band of inaccessible host pages on both sides so that a
//! checked base plus a 12-bit offset cannot leave it.

use std::io;
use std::ops::Range;

use memmap2::{MmapOptions, MmapRaw};
use rustix::mm::{Advice, MprotectFlags, madvise, mprotect};

use super::Perms;

/// Inaccessible bytes on both sides of guest memory.
const BAND: usize = 64 << 10;

/// A reservation of host address space.
pub(super) struct Space {
    map: MmapRaw,
    size: u64,
    /// Makes the host refuse everything.
    #[cfg(test)]
    refuses: bool,
}

impl Space {
    /// Reserves `size` bytes, page aligned, all inaccessible.
    pub(super) fn reserve(size: u64) -> io::Result<Self> {
        let out_of_memory = || io::Error::from(io::ErrorKind::OutOfMemory);
        let len =
            usize::try_from(size).ok().and_then(|s| s.checked_add(2 * BAND)).ok_or_else(out_of_memory)?;
        let map = MmapRaw::from(MmapOptions::new().len(len).no_reserve_swap().map_anon()?);
        // SAFETY: the range is exactly the mapping just made, which nothing else refers to.
        unsafe { mprotect(map.as_mut_ptr().cast(), len, MprotectFlags::empty())? };
        Ok(Space {
            map,
            size,
            #[cfg(test)]
            refuses: false,
        })
    }

    /// Host address of guest address `addr`.
    #[inline(always)]
    fn host(&self, addr: u64) -> *mut u8 {
        debug_assert!(addr <= self.size);
        // In bounds of the mapping for every addr <= size, which callers guarantee; computed with
        // wrapping arithmetic so that a mistake cannot be undefined behaviour here.
        self.map.as_mut_ptr().wrapping_add(BAND).wrapping_add(addr as usize)
    }

    #[cfg(test)]
    pub(super) fn refuse(&mut self, refuses: bool) {
        self.refuses = refuses;
    }

    /// What tests put in the way of every change.
    fn may_change(&self) -> io::Result<()> {
        #[cfg(test)]
        if self.refuses {
            return Err(io::ErrorKind::OutOfMemory.into());
        }
        Ok(())
    }

    fn len_of(&self, range: &Range<u64>) -> usize {
        assert!(range.start <= range.end && range.end <= self.size, "range outside the reservation");
        (range.end - range.start) as usize
    }

    /// Gives the pages of `range` the host protection that mirrors `perms`. Execution is never
    /// allowed: guest code is not host code.
    pub(super) fn protect(&mut self, range: Range<u64>, perms: Perms) -> io::Result<()> {
        let len = self.len_of(&range);
        self.may_change()?;
        let mut flags = MprotectFlags::empty();
        flags.set(MprotectFlags::READ, perms.is_readable());
        flags.set(MprotectFlags::WRITE, perms.is_writable());
        // SAFETY: `len_of` checked that the range lies in our mapping; `&mut self` means that no
        // reference into it is alive.
        unsafe { mprotect(self.host(range.start).cast(), len, flags)? };
        Ok(())
    }

    /// Gives the pages of `range` back to the host; they are zero when next touched.
    pub(super) fn discard(&mut self, range: Range<u64>) -> io::Result<()> {
        let len = self.len_of(&range);
        self.may_change()?;
        if len == 0 {
            return Ok(());
        }
        // SAFETY: as in `protect`; a private anonymous page reads as zero after this advice.
        unsafe { madvise(self.host(range.start).cast(), len, Advice::LinuxDontNeed)? };
        Ok(())
    }

    /// Reads `N` bytes at `addr`.
    ///
    /// # Safety
    /// `addr..addr + N` lies in the address space and its host pages are readable.
    #[inline(always)]
    pub(super) unsafe fn read<const N: usize>(&self, addr: u64) -> [u8; N] {
        // SAFETY: by contract the bytes are mapped and readable; `[u8; N]` has alignment 1, and
        // nothing writes them while `&self` lives.
        unsafe { self.host(addr).cast::<[u8; N]>().read() }
    }

    /// Writes `N` bytes at `addr`.
    ///
    /// # Safety
    /// `addr..addr + N` lies in the address space and its host pages are writable.
    #[inline(always)]
    pub(super) unsafe fn write<const N: usize>(&mut self, addr: u64, bytes: [u8; N]) {
        // SAFETY: by contract the bytes are mapped and writable; alignment 1; `&mut self` excludes
        // other references.
        unsafe { self.host(addr).cast::<[u8; N]>().write(bytes) };
    }

    /// Bytes of `addr..addr + len`.
    ///
    /// # Safety
    /// As [`Space::read`], for `len` bytes.
    pub(super) unsafe fn slice(&self, addr: u64, len: usize) -> &[u8] {
        // SAFETY: by contract mapped and readable for `len` bytes; not written while `&self` lives.
        unsafe { std::slice::from_raw_parts(self.host(addr), len) }
    }

    /// Bytes of `addr..addr + len`, to change.
    ///
    /// # Safety
    /// As [`Space::write`], for `len` bytes.
    pub(super) unsafe fn slice_mut(&mut self, addr: u64, len: usize) -> &mut [u8] {
        // SAFETY: by contract mapped and writable for `len` bytes; `&mut self` excludes others.
        unsafe { std::slice::from_raw_parts_mut(self.host(addr), len) }
    }
}
