//! The one mapping behind a guest's memory. This file is an island of `unsafe`: it owns the host
//! addresses, and everything outside speaks of guest addresses only.
//!
//! Layout in the host, low to high: the executor page, a band, guest addresses `0..size`, a band.
//!
//! Invariant: guest address `a < size` is host address `base + a`, inside a private anonymous mapping
//! that lives at least as long as the `Space`, with a band of inaccessible host pages on both sides so
//! that a checked base plus a 12-bit offset cannot leave it. The executor page is readable and writable
//! for as long as the mapping lives, and its first eight bytes are accessed atomically only.

use std::io;
use std::ops::Range;
use std::ptr::NonNull;
use std::sync::Arc;
use std::sync::atomic::AtomicI64;

use memmap2::{MmapOptions, MmapRaw};
use rustix::mm::{Advice, MprotectFlags, madvise, mprotect};

use super::{Doorbell, Perms, ResidentHart};
use crate::Hart;

/// Inaccessible bytes on both sides of guest memory.
const BAND: usize = 64 << 10;

/// Bytes of the [executor page](super::Memory::executor_page).
pub const EXECUTOR_PAGE_SIZE: usize = 4096;

/// Host bytes from the start of the [executor page](super::Memory::executor_page) to guest address 0.
pub const GUEST_OFFSET: usize = EXECUTOR_PAGE_SIZE + BAND;

/// Host bytes from the start of the [executor page](super::Memory::executor_page) to the hart.
pub const HART_OFFSET: usize = size_of::<AtomicI64>();

const _: () = assert!(HART_OFFSET.is_multiple_of(align_of::<Hart>()));
const _: () = assert!(HART_OFFSET + size_of::<Hart>() <= EXECUTOR_PAGE_SIZE);

/// Host address of guest address 0.
struct Base(*mut u8);

// SAFETY: it is a number until `Space` uses it, and `Space` reads through it only behind `&self` and
// writes only behind `&mut self`, as if it owned the bytes.
unsafe impl Send for Base {}
// SAFETY: as above.
unsafe impl Sync for Base {}

/// The floor in the executor page of a mapping that [`Space::reserve`] made.
#[inline]
pub(super) fn floor_of(map: &MmapRaw) -> &AtomicI64 {
    // SAFETY: `map` starts with the executor page, which is readable, writable and aligned for as long
    // as the mapping lives; every access to these bytes is atomic, also in generated code.
    unsafe { AtomicI64::from_ptr(map.as_mut_ptr().cast()) }
}

/// A reservation of host address space.
pub(super) struct Space {
    /// Shared with nothing but doorbells, which keep it alive while they ring.
    map: Arc<MmapRaw>,
    base: Base,
    size: u64,
    /// Whether the hart in the executor page has an owner.
    is_hart_taken: bool,
    /// Makes the host refuse everything.
    #[cfg(test)]
    refuses: bool,
}

impl Space {
    /// Reserves `size` bytes, page aligned, all inaccessible, and a zeroed executor page.
    pub(super) fn reserve(size: u64) -> io::Result<Self> {
        let out_of_memory = || io::Error::from(io::ErrorKind::OutOfMemory);
        let guest = usize::try_from(size).ok().and_then(|size| size.checked_add(2 * BAND));
        let len = guest.and_then(|guest| guest.checked_add(EXECUTOR_PAGE_SIZE)).ok_or_else(out_of_memory)?;
        let map = MmapRaw::from(MmapOptions::new().len(len).no_reserve_swap().map_anon()?);
        let guarded = map.as_mut_ptr().wrapping_add(EXECUTOR_PAGE_SIZE);
        // SAFETY: the range is the mapping just made, which nothing else refers to, but for its first page.
        unsafe { mprotect(guarded.cast(), len - EXECUTOR_PAGE_SIZE, MprotectFlags::empty())? };
        Ok(Space {
            base: Base(map.as_mut_ptr().wrapping_add(GUEST_OFFSET)),
            map: Arc::new(map),
            size,
            is_hart_taken: false,
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
        self.base.0.wrapping_add(addr as usize)
    }

    /// The executor page.
    #[inline]
    pub(super) fn executor_page(&mut self) -> NonNull<u8> {
        NonNull::new(self.map.as_mut_ptr()).expect("no mapping is at address 0")
    }

    /// The hart in the executor page, for whoever asks first.
    pub(super) fn take_hart(&mut self) -> Option<ResidentHart> {
        let place = self.executor_page().map_addr(|page| page.saturating_add(HART_OFFSET)).cast();
        let is_free = !std::mem::replace(&mut self.is_hart_taken, true);
        // SAFETY: the executor page is readable and writable as long as the mapping lives, the place is aligned and in
        // it, and nobody was given it before.
        is_free.then(|| unsafe { ResidentHart::new(&self.map, place) })
    }

    /// The first eight bytes of the executor page.
    #[inline]
    pub(super) fn floor(&self) -> &AtomicI64 {
        floor_of(&self.map)
    }

    /// What stores to the floor from any thread.
    pub(super) fn doorbell(&self) -> Doorbell {
        Doorbell::new(&self.map)
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
