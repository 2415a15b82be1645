//! The one mapping behind a guest's memory. This file is an island of `unsafe`: it owns the host
//! addresses, and everything outside speaks of guest addresses only.
//!
//! Layout in the host, low to high: what is skipped, the page table, the executor page, a band, guest addresses `0..size`, a band.
//!
//! Invariant: guest address `a < size` is host address `base + a`, inside a private mapping
//! that lives at least as long as the `Space`, with a band of inaccessible host pages on both sides so
//! that a checked base plus a 12-bit offset cannot leave it. What is `open` can be read and written; nothing else can, but what
//! the host has refused to close, or to open to its end.
//! Page table and executor page are readable and writable
//! for as long as the mapping lives, and the first eight bytes of the latter are accessed atomically only.
//!
//! Where nobody has written, a space shows what its `clean` says, and zeros where that is `torn`. What is not open has
//! never been written since it was last clean. None of this is known of a space that `is_broken`, which therefore opens nothing.

use std::io;
use std::iter::once;
use std::ops::Range;
use std::ptr::NonNull;
use std::sync::Arc;
use std::sync::atomic::{AtomicI64, Ordering};

use memmap2::{MmapOptions, MmapRaw};
use rustix::mm::{Advice, MapFlags, MprotectFlags, ProtFlags, madvise, mmap, mmap_anonymous, mprotect};

use super::clean::{Clean, Copied, Layout, Piece};
use super::residue::each_private;
use super::{Doorbell, PAGE_SIZE, Ranges, ResidentHart};
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

/// An address in the mapping.
struct Base(*mut u8);

// SAFETY: it is a number until `Space` uses it, and `Space` reads through it only behind `&self` and
// writes only behind `&mut self`, as if it owned the bytes.
unsafe impl Send for Base {}
// SAFETY: as above.
unsafe impl Sync for Base {}

/// A mapping as one memory has it: a later one has the same mapping in another way.
#[derive(Debug)]
pub(super) struct Held {
    map: MmapRaw,
    /// Bytes that are not used, before the page table.
    skipped: usize,
    /// Bytes of the page table.
    table: usize,
}

impl Held {
    /// Where the page table begins.
    fn table(&self) -> *mut u8 {
        self.map.as_mut_ptr().wrapping_add(self.skipped)
    }

    /// Where the executor page begins.
    fn page(&self) -> *mut u8 {
        self.table().wrapping_add(self.table)
    }

    /// The first eight bytes of the executor page.
    pub(super) fn floor(&self) -> &AtomicI64 {
        // SAFETY: the executor page lies behind the table, is readable, writable and aligned for as long as the
        // mapping lives; every access to these bytes is atomic, also in generated code.
        unsafe { AtomicI64::from_ptr(self.page().cast()) }
    }
}

/// Bytes that one page of the host's own page table is about.
const DIRECTORY: usize = 2 << 20;

/// Bytes at the end of the address space that share such a page with nothing before them: of a stack, which is there, little
/// is used, and to know what was, the host looks at all entries of a page (x86-64 and others with pages of 4 KiB).
const TOP: usize = 128 << 10;

/// Bytes of pages that a space keeps when it becomes clean: copying some is cheaper than having the host take them and
/// give new ones.
const KEPT: u64 = 512 << 10;

/// How many more open ranges than needed a clean space has at most.
const MOST_OPEN: usize = 16;

/// Bytes that a new file takes over from others, so that the number of pieces stays the same.
const TAKEN_OVER: u64 = 1 << 20;

/// What has become of the page table.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(super) enum TableNow {
    /// Nothing.
    AsItWas,
    /// It denies everything.
    Empty,
    /// It is what it was when the memory was frozen.
    Restored,
}

/// What tests have the host refuse.
#[cfg(test)]
#[derive(Clone, Copy, Debug)]
enum Refused {
    Nothing,
    /// Also changes for which it need not be asked.
    Everything,
    /// Each call after so many, which it may have done halfway.
    After(u32),
}

/// A reservation of host address space.
pub(super) struct Space {
    /// Shared with nothing but a hart, and doorbells, which keep it alive while they ring. `None` if it was
    /// [handed on](Space::hand_on).
    held: Option<Arc<Held>>,
    /// Host address of guest address 0.
    base: Base,
    /// Where the page table begins.
    table: Base,
    size: u64,
    /// Whether the hart in the executor page has an owner.
    is_hart_taken: bool,
    /// Entries of the page table.
    pages: usize,
    open: Ranges,
    /// What of that is to be open since it was last clean; the rest is left over from before.
    asked: Ranges,
    /// What of that the page table may have allowed to be written since then: nobody has written to anything else.
    reached: Ranges,
    /// Pages that are this process' own for certain: they were when the kernel was asked last, and have not been given back.
    kept: Ranges,
    /// Changes whenever these do.
    kept_version: u64,
    clean: Arc<Clean>,
    torn: Ranges,
    /// Whether there may be bytes that are not clean.
    is_written: bool,
    /// Whether there may be since it was [frozen](Space::freeze).
    is_changed: bool,
    /// Whether somebody had the executor page.
    is_executed: bool,
    /// Whether the host refused to make it clean, so that nobody knows what is there, or open, until it does.
    is_broken: bool,
    #[cfg(test)]
    refused: Refused,
}

impl Space {
    /// Reserves `size` bytes, page aligned, all inaccessible, a zeroed executor page, and a zeroed table for so many pages.
    pub(super) fn reserve(size: u64, pages: usize) -> io::Result<Self> {
        let out_of_memory = || io::Error::from(io::ErrorKind::OutOfMemory);
        let table = pages.checked_next_multiple_of(EXECUTOR_PAGE_SIZE).ok_or_else(out_of_memory)?;
        let guest = usize::try_from(size).ok().and_then(|size| size.checked_add(2 * BAND));
        let accessible = table.checked_add(EXECUTOR_PAGE_SIZE).ok_or_else(out_of_memory)?;
        let used = guest.and_then(|guest| guest.checked_add(accessible)).ok_or_else(out_of_memory)?;
        let len = used.checked_add(DIRECTORY).ok_or_else(out_of_memory)?;
        let map = MmapRaw::from(MmapOptions::new().len(len).no_reserve_swap().map_anon()?);
        let end = map.as_ptr().addr().wrapping_add(table + GUEST_OFFSET + pages * PAGE_SIZE as usize);
        let skipped = TOP.wrapping_sub(end) % DIRECTORY;
        let guarded = skipped + accessible..len;
        for closed in [0..skipped, guarded].into_iter().filter(|range| !range.is_empty()) {
            let start = map.as_mut_ptr().wrapping_add(closed.start);
            // SAFETY: the range is part of the mapping just made, which nothing else refers to.
            unsafe { mprotect(start.cast(), closed.len(), MprotectFlags::empty())? };
        }
        let held = Held { map, skipped, table };
        Ok(Space {
            base: Base(held.page().wrapping_add(GUEST_OFFSET)),
            table: Base(held.table()),
            held: Some(Arc::new(held)),
            size,
            is_hart_taken: false,
            pages,
            open: Ranges::default(),
            asked: Ranges::default(),
            reached: Ranges::default(),
            kept: Ranges::default(),
            kept_version: 1,
            clean: Arc::default(),
            torn: Ranges::default(),
            is_written: false,
            is_changed: true,
            is_executed: false,
            is_broken: false,
            #[cfg(test)]
            refused: Refused::Nothing,
        })
    }

    /// The same mapping for another memory, which doorbells of this one do not reach. This one has nothing any more. `None`
    /// if somebody has the hart of this one, or rings its bell, or if it is [broken](Space::is_broken).
    pub(super) fn hand_on(&mut self) -> Option<Space> {
        if self.is_broken {
            return None;
        }
        // Either a bell has it and rings, or none finds it from here on. What the owner of the hart did has been done.
        let held = match Arc::try_unwrap(self.held.take()?) {
            Ok(held) => held,
            Err(held) => {
                self.held = Some(held);
                return None;
            }
        };
        Some(Space {
            held: Some(Arc::new(held)),
            base: Base(self.base.0),
            table: Base(self.table.0),
            size: std::mem::take(&mut self.size),
            is_hart_taken: false,
            pages: std::mem::take(&mut self.pages),
            open: std::mem::take(&mut self.open),
            asked: std::mem::take(&mut self.asked),
            reached: std::mem::take(&mut self.reached),
            kept: std::mem::take(&mut self.kept),
            kept_version: self.kept_version,
            clean: std::mem::take(&mut self.clean),
            torn: std::mem::take(&mut self.torn),
            is_written: self.is_written,
            is_changed: true,
            is_executed: self.is_executed,
            is_broken: false,
            #[cfg(test)]
            refused: self.refused,
        })
    }

    /// The mapping.
    #[inline]
    fn held(&self) -> &Arc<Held> {
        self.held.as_ref().expect("whoever has handed it on is gone")
    }

    /// Host address of guest address `addr`.
    #[inline(always)]
    fn host(&self, addr: u64) -> *mut u8 {
        debug_assert!(addr <= self.size);
        // In bounds of the mapping for every addr <= size, which callers guarantee; computed with
        // wrapping arithmetic so that a mistake cannot be undefined behaviour here.
        self.base.0.wrapping_add(addr as usize)
    }

    /// Guest address of a host address within the reservation.
    fn guest(&self, host: u64) -> u64 {
        host - self.base.0 as u64
    }

    /// The page table.
    #[inline(always)]
    pub(super) fn table(&self) -> &[u8] {
        // SAFETY: the mapping starts with the table, which is always readable; nothing writes it while `&self` lives.
        unsafe { std::slice::from_raw_parts(self.table.0, self.pages) }
    }

    /// The page table, to change.
    pub(super) fn table_mut(&mut self) -> &mut [u8] {
        // SAFETY: the mapping starts with the table, which is always writable; `&mut self` excludes other references.
        unsafe { std::slice::from_raw_parts_mut(self.table.0, self.pages) }
    }

    /// The executor page.
    #[inline]
    pub(super) fn executor_page(&mut self) -> NonNull<u8> {
        (self.is_written, self.is_changed, self.is_executed) = (true, true, true);
        self.executor_page_again()
    }

    /// The same for whoever has asked for it since this was cleaned, frozen or restored.
    #[inline]
    pub(super) fn executor_page_again(&self) -> NonNull<u8> {
        debug_assert!(self.is_written && self.is_changed && self.is_executed, "somebody has asked for it");
        let page = self.base.0.wrapping_sub(GUEST_OFFSET);
        NonNull::new(page).expect("no mapping is at address 0")
    }

    /// Makes the executor page zero again.
    pub(super) fn clear_executor_page(&mut self) {
        if std::mem::take(&mut self.is_executed) {
            self.floor().store(0, Ordering::SeqCst);
            let rest = self.held().page().wrapping_add(size_of::<AtomicI64>());
            // SAFETY: the rest of the executor page, which is writable and nobody's while `&mut self` lives.
            unsafe { rest.write_bytes(0, EXECUTOR_PAGE_SIZE - size_of::<AtomicI64>()) };
        }
    }

    /// The hart in the executor page, for whoever asks first.
    pub(super) fn take_hart(&mut self) -> Option<ResidentHart> {
        if std::mem::replace(&mut self.is_hart_taken, true) {
            return None;
        }
        self.is_executed = true;
        let page = self.held().page();
        let place = NonNull::new(page.wrapping_add(HART_OFFSET).cast())?;
        // SAFETY: the executor page is readable and writable as long as the mapping lives, the place is aligned and in
        // it. Nobody was given it before in this tenancy, and there is no next one while its `Held` lives.
        Some(unsafe { ResidentHart::new(self.held(), place) })
    }

    /// Whether a hart is the one in the executor page.
    #[inline]
    pub(super) fn has(&self, hart: &ResidentHart) -> bool {
        hart.is_in(self.held())
    }

    /// The first eight bytes of the executor page.
    #[inline]
    pub(super) fn floor(&self) -> &AtomicI64 {
        self.held().floor()
    }

    /// What stores to the floor from any thread.
    pub(super) fn doorbell(&self) -> Doorbell {
        Doorbell::new(self.held())
    }

    #[cfg(test)]
    pub(super) fn refuse(&mut self, refuses: bool) {
        self.refused = if refuses { Refused::Everything } else { Refused::Nothing };
    }

    /// Has the host do what it is asked so many times, and refuse from then on.
    #[cfg(test)]
    pub(super) fn refuse_after(&mut self, calls: u32) {
        self.refused = Refused::After(calls);
    }

    #[cfg(test)]
    pub(super) fn is_open(&self, range: &Range<u64>) -> bool {
        self.open.contains(range)
    }

    /// What tests put in the way of every change.
    fn may_change(&self) -> io::Result<()> {
        #[cfg(test)]
        if matches!(self.refused, Refused::Everything) {
            return Err(io::ErrorKind::OutOfMemory.into());
        }
        Ok(())
    }

    /// What tests put in the way of every call of the host.
    fn may_ask(&mut self) -> io::Result<()> {
        #[cfg(test)]
        match &mut self.refused {
            Refused::Nothing => {}
            Refused::Everything | Refused::After(0) => return Err(io::ErrorKind::OutOfMemory.into()),
            Refused::After(calls) => *calls -= 1,
        }
        Ok(())
    }

    /// Whether the host refused to [restore](Space::restore) it, and has not done so since.
    pub(super) fn is_broken(&self) -> bool {
        self.is_broken
    }

    fn check_whole(&self) -> io::Result<()> {
        if self.is_broken { Err(io::ErrorKind::OutOfMemory.into()) } else { Ok(()) }
    }

    fn len_of(&self, range: &Range<u64>) -> usize {
        assert!(range.start <= range.end && range.end <= self.size, "range outside the reservation");
        (range.end - range.start) as usize
    }

    /// Whether bytes may have changed since it was last [clean](Space::restore).
    pub(super) fn is_written(&self) -> bool {
        self.is_written
    }

    /// Whether bytes may have changed since it was last [frozen](Space::freeze).
    pub(super) fn is_changed(&self) -> bool {
        self.is_changed
    }

    #[inline(always)]
    fn touch(&mut self) {
        (self.is_written, self.is_changed) = (true, true);
    }

    /// Has the host allow reading and writing in `range`, as the page table is about to. Execution is never allowed: guest
    /// code is not host code.
    pub(super) fn open(&mut self, range: Range<u64>) -> io::Result<()> {
        self.open_ahead(range.clone())?;
        self.reached.insert(range);
        Ok(())
    }

    /// The same where the page table allows nothing yet.
    pub(super) fn open_ahead(&mut self, range: Range<u64>) -> io::Result<()> {
        self.check_whole()?;
        self.let_in(&range)?;
        if !self.asked.contains(&range) {
            self.asked.insert(range);
        }
        Ok(())
    }

    fn let_in(&mut self, range: &Range<u64>) -> io::Result<()> {
        self.len_of(range);
        self.may_change()?;
        if self.open.contains(range) {
            return Ok(());
        }
        for gap in self.open.missing(range) {
            self.allow(&gap, MprotectFlags::READ | MprotectFlags::WRITE)?;
            self.open.insert(gap);
        }
        Ok(())
    }

    /// Has the host allow nothing in `range`, but where files are mapped or bytes were copied, and gives its pages back: they are
    /// zero when they are open again.
    pub(super) fn close(&mut self, range: Range<u64>) -> io::Result<()> {
        self.discard(range.clone())?;
        let pieces = self.clean.pieces_in(&range).map(|piece| piece.range.clone());
        // What is torn there is looked at, as long as it is.
        let kept: Ranges = pieces.chain(self.clean.copies_in(&range).map(|(part, _)| part)).collect();
        for part in kept.missing(&range) {
            let open: Vec<_> = self.open.within(&part).collect();
            for part in open {
                self.shut(&part)?;
            }
        }
        Ok(())
    }

    /// Has the host allow nothing in `range`, which is clean. If it refuses, it may have done so for a part, so nothing of it is
    /// taken for open.
    fn shut(&mut self, range: &Range<u64>) -> io::Result<()> {
        self.open.remove(range);
        self.asked.remove(range);
        self.allow(range, MprotectFlags::empty())
    }

    fn allow(&mut self, range: &Range<u64>, flags: MprotectFlags) -> io::Result<()> {
        let len = self.len_of(range);
        let answer = self.may_ask();
        #[cfg(test)]
        let len = if answer.is_ok() { len } else { PAGE_SIZE as usize };
        // SAFETY: `len_of` checked that the range lies in our mapping; `&mut self` means that no
        // reference into it is alive.
        unsafe { mprotect(self.host(range.start).cast(), len, flags)? };
        answer
    }

    /// Gives the pages of `range` back to the host; they are zero when next touched.
    pub(super) fn discard(&mut self, range: Range<u64>) -> io::Result<()> {
        self.len_of(&range);
        self.check_whole()?;
        self.may_change()?;
        if self.open.within(&range).next().is_none() {
            return Ok(());
        }
        self.touch();
        self.forget(&range)?;
        let filled: Vec<_> = self.clean.filled.within(&range).collect();
        for part in filled {
            self.tear(part)?;
        }
        Ok(())
    }

    /// Gives the pages of `range` back to the host: there the space is clean but for what is copied, or torn.
    fn forget(&mut self, range: &Range<u64>) -> io::Result<()> {
        let len = self.len_of(range);
        // Before the host is asked, which may give some of them back and then refuse.
        if self.kept.within(range).next().is_some() {
            self.kept.remove(range);
            self.kept_version += 1;
        }
        self.may_ask()?;
        // SAFETY: the range lies in our mapping, and no reference into it is alive; the pages of a private mapping are
        // zero, or the file's, after this advice, and both are bytes.
        unsafe { madvise(self.host(range.start).cast(), len, Advice::LinuxDontNeed)? };
        Ok(())
    }

    /// The same where nothing is torn, all clean.
    fn renew(&mut self, range: &Range<u64>) -> io::Result<()> {
        self.forget(range)?;
        let clean = Arc::clone(&self.clean);
        clean.copies_in(range).for_each(|(part, bytes)| self.put(&part, bytes));
        Ok(())
    }

    /// Writes where it is open.
    fn put(&mut self, range: &Range<u64>, bytes: &[u8]) {
        // SAFETY: the range is open, and nothing else refers to it.
        unsafe { self.slice_mut(range.start, (range.end - range.start) as usize) }.copy_from_slice(bytes);
    }

    /// Puts zeros of its own in the place of a file's bytes; zeros are there already where some were copied.
    fn tear(&mut self, range: Range<u64>) -> io::Result<()> {
        if !self.clean.copies.is_empty() {
            self.torn.insert(range);
            return Ok(());
        }
        let len = self.len_of(&range);
        let flags = MapFlags::PRIVATE | MapFlags::FIXED | MapFlags::NORESERVE;
        let addr = self.host(range.start).cast();
        self.may_ask()?;
        // SAFETY: the range lies in our mapping, which it replaces, and no reference into it is alive.
        unsafe { mmap_anonymous(addr, len, ProtFlags::READ | ProtFlags::WRITE, flags)? };
        self.torn.insert(range);
        Ok(())
    }

    /// Makes it clean by `clean`. Says what has become of the page table; if anything, the executor page is zero if it has no hart.
    ///
    /// If the host refuses, it may have done so halfway: then it is [broken](Space::is_broken) until this succeeds, by mapping
    /// everything anew.
    pub(super) fn restore(&mut self, clean: &Arc<Clean>) -> io::Result<TableNow> {
        let was_broken = std::mem::replace(&mut self.is_broken, true);
        let table = self.become_clean(clean, was_broken)?;
        self.is_broken = false;
        Ok(table)
    }

    fn become_clean(&mut self, clean: &Arc<Clean>, was_broken: bool) -> io::Result<TableNow> {
        self.may_change()?;
        let is_same = Arc::ptr_eq(clean, &self.clean) || clean.pieces == self.clean.pieces;
        let is_known = !was_broken && self.torn.len() == 0;
        let is_there = is_same && is_known && self.open.len() <= clean.open.len() + MOST_OPEN;
        let table = if is_there {
            self.sweep()?;
            TableNow::AsItWas
        } else {
            self.remap(clean)?
        };
        for range in clean.open.iter() {
            self.let_in(range)?;
        }
        if !Arc::ptr_eq(clean, &self.clean) || !is_there {
            self.copy(clean, is_there);
            self.clean = Arc::clone(clean);
        }
        self.asked.clone_from(&clean.open);
        self.reached.clone_from(&clean.reached);
        (self.is_written, self.is_changed) = (false, true);
        Ok(table)
    }

    /// Puts there what `clean` copies, and if so wanted zeros where others had been copied.
    fn copy(&mut self, clean: &Clean, clears: bool) {
        if clears {
            let before = Arc::clone(&self.clean);
            for copy in &before.copies {
                // SAFETY: what is copied to is open, and nothing else refers to it.
                unsafe { self.slice_mut(copy.start, copy.bytes.len()) }.fill(0);
            }
        }
        clean.copies.iter().for_each(|copy| self.put(&copy.range(), &copy.bytes));
    }

    /// Makes what was written clean again. What was opened stays open.
    fn sweep(&mut self) -> io::Result<()> {
        if !self.is_written {
            return Ok(());
        }
        let mut left = KEPT;
        let Ok(written) = self.private_within(0..self.size) else {
            let open: Vec<_> = self.open.iter().cloned().collect();
            return open.iter().try_for_each(|range| self.renew(range));
        };
        for range in written.iter() {
            let kept = range.start..range.end.min(range.start + left);
            left -= kept.end - kept.start;
            if kept.end < range.end {
                self.renew(&(kept.end..range.end))?;
            }
            self.rewrite(&kept);
            if !self.kept.contains(&kept) {
                self.kept.insert(kept);
                self.kept_version += 1;
            }
        }
        Ok(())
    }

    /// Pages that are this process' own, whatever the kernel says of others.
    pub(super) fn kept(&self) -> &Ranges {
        &self.kept
    }

    /// A number that changes whenever these do.
    pub(super) fn kept_version(&self) -> u64 {
        self.kept_version
    }

    /// The space is clean: from now on keeps the pages of `wanted`, which are open, if that is not too much.
    pub(super) fn keep(&mut self, wanted: Ranges) -> bool {
        if wanted.count(&(0..self.size)) > KEPT {
            return false;
        }
        let before = (self.is_written, self.is_changed);
        for missing in wanted.iter().flat_map(|range| self.kept.missing(range)).collect::<Vec<_>>() {
            self.rewrite(&missing);
            self.kept.insert(missing);
            self.kept_version += 1;
        }
        // Bytes are what they were.
        (self.is_written, self.is_changed) = before;
        true
    }

    /// The space is clean, and until further notice nobody writes elsewhere.
    pub(super) fn reach_only(&mut self, allowed: &Ranges) {
        self.reached.clone_from(allowed);
    }

    /// From now on writing is allowed wherever it is when the space is clean.
    pub(super) fn reach_all(&mut self) {
        let clean = Arc::clone(&self.clean);
        clean.reached.iter().for_each(|range| self.reached.insert(range.clone()));
    }

    /// Pages of this process' own within `range` where somebody may have written, if the kernel tells. It is not asked for those at
    /// either end that are known: it looks at every page that it has a page table for, and every two megabytes.
    fn private_within(&self, range: Range<u64>) -> io::Result<Ranges> {
        /// What lies between two ranges that are asked for together.
        const GAP: u64 = 1 << 20;
        let mut found = Ranges::default();
        let has_files = !self.clean.pieces.is_empty();
        for reached in self.reached.within(&range) {
            self.kept.within(&reached).for_each(|kept| found.insert(kept));
        }
        let unknown = self.reached.within(&range).map(|reached| self.kept.trimmed(&reached));
        let mut ranges = unknown.filter(|range| !range.is_empty()).peekable();
        while let Some(mut asked) = ranges.next() {
            while let Some(next) = ranges.next_if(|next| next.start - asked.end < GAP) {
                asked.end = next.end;
            }
            let asked = self.host(asked.start) as u64..self.host(asked.end) as u64;
            each_private(asked, has_files, |part| {
                found.insert(self.guest(part.start)..self.guest(part.end))
            })?;
        }
        Ok(found)
    }

    /// Writes what is clean over pages that were written, hence are open.
    fn rewrite(&mut self, range: &Range<u64>) {
        let clean = Arc::clone(&self.clean);
        clean.each(range, |part, bytes| {
            // SAFETY: the pages were written, so they are open, and nothing else refers to them.
            let written = unsafe { self.slice_mut(part.start, (part.end - part.start) as usize) };
            match bytes {
                Some(bytes) => written.copy_from_slice(bytes),
                None => written.fill(0),
            }
        });
    }

    /// Maps everything anew, but copies nothing.
    fn remap(&mut self, clean: &Clean) -> io::Result<TableNow> {
        let flags = MapFlags::PRIVATE | MapFlags::FIXED | MapFlags::NORESERVE;
        let all = 0..self.size;
        let len = self.len_of(&all);
        self.may_ask()?;
        // SAFETY: replaces what lies between the bands of our mapping; no reference into it is alive.
        unsafe { mmap_anonymous(self.host(0).cast(), len, ProtFlags::empty(), flags)? };
        (self.open, self.torn, self.asked) = (Ranges::default(), Ranges::default(), Ranges::default());
        self.kept = Ranges::default();
        self.kept_version += 1;
        for piece in &clean.pieces {
            let len = self.len_of(&piece.range);
            let (addr, file) = (self.host(piece.range.start).cast(), &piece.file.file);
            self.may_ask()?;
            // SAFETY: as above, for a part of it; the file is sealed, and what is written here is not written to it.
            unsafe { mmap(addr, len, ProtFlags::READ | ProtFlags::WRITE, flags, file, piece.offset)? };
            self.open.insert(piece.range.clone());
        }
        // A machine that has its hart there keeps it, and everything else in the executor page.
        let page = if self.is_hart_taken { 0 } else { EXECUTOR_PAGE_SIZE };
        let (start, len) = (self.table.0.cast(), self.held().table + page);
        let allowed = ProtFlags::READ | ProtFlags::WRITE;
        self.may_ask()?;
        let now = if let Some(table) = &clean.table {
            // SAFETY: as above, for the table and the executor page, whose floor is a whole word of either page at any time,
            // and whose hart nobody has.
            unsafe { mmap(start, len, allowed, flags, &table.file.file, table.offset)? };
            TableNow::Restored
        } else {
            // SAFETY: as above.
            unsafe { mmap_anonymous(start, len, allowed, flags)? };
            TableNow::Empty
        };
        self.is_executed &= self.is_hart_taken;
        Ok(now)
    }

    /// Takes the bytes of `filled` for clean from now on, and zeros elsewhere: copies those pages that are not zero. Whatever was left
    /// open from before and is not wanted is closed. Nothing may have been copied or mapped from a file before.
    pub(super) fn settle(&mut self, filled: &Ranges, end: u64) -> io::Result<Arc<Clean>> {
        self.check_whole()?;
        let is_bare = self.clean.pieces.is_empty() && self.clean.copies.is_empty() && self.torn.len() == 0;
        if !is_bare || !filled.iter().all(|range| range.end <= end && self.asked.contains(range)) {
            return Err(io::ErrorKind::InvalidInput.into());
        }
        let left_over: Vec<_> = self.open.iter().flat_map(|open| self.asked.missing(open)).collect();
        for range in left_over {
            self.forget(&range)?;
            self.shut(&range)?;
        }
        let filled = self.not_zero(filled);
        let copied = |range: &Range<u64>| {
            // SAFETY: what was asked for is open.
            let bytes = unsafe { self.slice(range.start, (range.end - range.start) as usize) };
            Copied { start: range.start, bytes: bytes.into() }
        };
        let within = |ranges: &Ranges| ranges.within(&(0..end)).collect();
        let (open, reached) = (within(&self.asked), within(&self.reached));
        let copies = filled.iter().map(copied).collect();
        self.clean = Arc::new(Clean { copies, filled, open, reached, ..Clean::default() });
        Ok(Arc::clone(&self.clean))
    }

    /// What is below `end`, to restore this and other spaces to. Asking again while it does not [change](Space::is_changed) gives another
    /// of the same.
    pub(super) fn freeze(&mut self, end: u64) -> io::Result<Clean> {
        self.check_whole()?;
        self.may_ask()?;
        let dirty = self.dirty(end);
        let (mut layout, mut replaced) = (Layout::default(), Ranges::default());
        let mut filled = self.clean.filled.clone();
        let mut contents = Vec::new();
        for open in self.open.within(&(0..end)) {
            let Some(first) = dirty.within(&open).next() else { continue };
            let last = dirty.within(&open).last().unwrap_or(first.clone());
            let is_small = self.clean.filled.count(&open) <= TAKEN_OVER;
            let whole = if is_small { open } else { first.start..last.end };
            let mut pages: Ranges = self.clean.filled.within(&whole).collect();
            dirty.within(&whole).for_each(|range| pages.insert(range));
            filled.remove(&whole);
            for range in self.not_zero(&pages).iter() {
                // SAFETY: the range is open.
                let bytes = unsafe { self.slice(range.start, (range.end - range.start) as usize) };
                contents.push((range.clone(), bytes));
                filled.insert(range.clone());
            }
            replaced.insert(whole.clone());
            layout.add(whole);
        }
        let rest = |piece: &Piece| {
            let parts = replaced.missing(&piece.range);
            parts.into_iter().filter_map(|part| piece.part(&part)).collect::<Vec<_>>()
        };
        let mut pieces: Vec<_> = self.clean.pieces.iter().flat_map(rest).collect();
        let (new, table) = layout.make(&contents, self.table(), &self.reached)?;
        pieces.extend(new);
        pieces.sort_by_key(|piece| piece.range.start);
        let open = self.open.within(&(0..end)).collect();
        self.is_changed = false;
        let reached = self.reached.within(&(0..end)).collect();
        Ok(Clean { copies: Vec::new(), pieces, filled, open, reached, table: Some(table) })
    }

    /// Pages below `end` that are not clean, or only because they were copied.
    fn dirty(&self, end: u64) -> Ranges {
        let mut candidates = self.torn.clone();
        if self.is_written {
            let private = self.private_within(0..end);
            let open = || self.open.within(&(0..end)).collect();
            let private = private.unwrap_or_else(|_| open());
            private.iter().for_each(|range| candidates.insert(range.clone()));
        }
        let copies = self.clean.copies.iter().map(Copied::range).filter(|range| range.end <= end);
        let dirty = candidates.iter().flat_map(pages_of).filter(|page| !self.is_clean(page));
        dirty.chain(copies).collect()
    }

    fn is_clean(&self, page: &Range<u64>) -> bool {
        let mut is_same = true;
        self.clean.each(page, |part, bytes| {
            // SAFETY: only pages that are open are asked for.
            let found = unsafe { self.slice(part.start, (part.end - part.start) as usize) };
            is_same &= bytes.map_or_else(|| is_zero(found), |bytes| bytes == found);
        });
        is_same
    }

    /// The lowest page within `range`, all of which is open, that holds anything but zeros there.
    pub(super) fn lowest_used(&self, range: &Range<u64>) -> Option<u64> {
        let pages = range.start & !(PAGE_SIZE - 1)..range.end.next_multiple_of(PAGE_SIZE);
        let mut candidates: Ranges = self.clean.filled.within(&pages).collect();
        if self.is_written {
            let private = self.private_within(pages.clone()).unwrap_or_else(|_| once(pages).collect());
            private.iter().for_each(|range| candidates.insert(range.clone()));
        }
        let is_used = |page: &Range<u64>| {
            let (start, end) = (page.start.max(range.start), page.end.min(range.end));
            // SAFETY: the range is open.
            !is_zero(unsafe { self.slice(start, (end - start) as usize) })
        };
        candidates.iter().flat_map(pages_of).find(is_used).map(|page| page.start)
    }

    /// Those of `pages`, which are open, that are not all zero.
    fn not_zero(&self, pages: &Ranges) -> Ranges {
        // SAFETY: the pages are open.
        let is_not = |page: &Range<u64>| !is_zero(unsafe { self.slice(page.start, PAGE_SIZE as usize) });
        pages.iter().flat_map(pages_of).filter(is_not).collect()
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
        self.touch();
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
        self.touch();
        // SAFETY: by contract mapped and writable for `len` bytes; `&mut self` excludes others.
        unsafe { std::slice::from_raw_parts_mut(self.host(addr), len) }
    }
}

fn pages_of(range: &Range<u64>) -> impl Iterator<Item = Range<u64>> + use<> {
    range.clone().step_by(PAGE_SIZE as usize).map(|page| page..page + PAGE_SIZE)
}

fn is_zero(bytes: &[u8]) -> bool {
    let (words, rest) = bytes.as_chunks::<16>();
    words.iter().all(|&word| u128::from_ne_bytes(word) == 0) && rest.iter().all(|&byte| byte == 0)
}
