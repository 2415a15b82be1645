//! Memories in which, for the time being, nobody writes elsewhere than somebody did before.
//!
//! Who gets a memory that has been used mostly writes where it was written before. The page table of a *narrow* memory allows
//! writing to such pages alone, which are made clean in any case, so nobody has to ask the kernel what else was written. The first
//! write to another page makes the memory wide: then the page table says what segments do, and the kernel is asked at the end.
//!
//! Guards of generated code compare with one range before they ask the page table. So what is allowed is the first pages of what is
//! writable without a gap, or the last ones of a stack, up to the last that was written. Those between that were not are written once,
//! so that they are kept as well; if they are too many, the memory stays wide.
//!
//! Invariant: segments say what the memory allows. The page table says the same, but for pages that are not to be written yet: of
//! these it says that they can be read.

use std::ops::Range;

use super::{Memory, PAGE_SIZE, Perms, Ranges, Segment, SegmentKind};
use crate::version::next_version;

/// What the page table of a memory allows for now.
#[derive(Debug, Default)]
pub(super) struct Narrow {
    /// What may be written; `None` if the memory is wide.
    allowed: Option<Ranges>,
    /// The version of what was kept when that was found out. As long as it is the same, a memory that was made wide stays so: what
    /// it was made wide for comes again.
    kept: u64,
}

impl Narrow {
    /// The page table has been written anew, for the same program or another.
    pub(super) fn reshaped(&mut self, is_same: bool) {
        *self = Narrow { allowed: None, kept: if is_same { self.kept } else { 0 } };
    }
}

/// What is writable without a gap.
struct Run {
    range: Range<u64>,
    is_stack: bool,
}

impl Run {
    /// How much more than what was kept is kept from then on, so that there is no gap.
    const GAP: u64 = 4 * PAGE_SIZE;

    /// What of it may be written if only `kept` was, and little besides; `None` if that is not worth while.
    fn allowed(&self, kept: &Ranges) -> Option<Range<u64>> {
        let Range { start, end } = self.range;
        if self.is_stack && !Memory::is_far(start) {
            return Some(start..end);
        }
        let parts = || kept.within(&self.range);
        let Some(first) = parts().next() else { return Some(start..start) };
        let last = parts().last().unwrap_or(first.clone());
        let allowed = if self.is_stack { first.start..end } else { start..last.end };
        let size = parts().map(|part| part.end - part.start).sum::<u64>();
        (allowed.end - allowed.start <= 2 * size + Self::GAP).then_some(allowed)
    }
}

impl Memory {
    /// Whether generated code takes the start of a range at this address from where executors have put it, so that it may be another.
    #[must_use]
    pub const fn is_far(addr: u64) -> bool {
        addr > i32::MAX as u64
    }

    /// Makes it narrow, if that is likely to be of use. It has just been [restored](Memory::restore).
    pub(crate) fn narrow(&mut self) {
        /// Entries of the page table that are written.
        const MOST: u64 = 1 << 14;
        let is_as_before = self.narrow.kept == self.space.kept_version();
        if let Some(allowed) = &self.narrow.allowed
            && is_as_before
        {
            self.space.reach_only(allowed);
            return;
        }
        self.widen();
        if is_as_before || !self.code.is_empty() {
            return;
        }
        self.narrow.kept = self.space.kept_version();
        let runs = self.runs();
        let size: u64 = runs.iter().map(|run| run.range.end - run.range.start).sum();
        let allowed: Option<Ranges> = runs.iter().map(|run| run.allowed(self.space.kept())).collect();
        let Some(allowed) = allowed.filter(|_| size <= MOST * PAGE_SIZE) else { return };
        let far = |run: &&Run| !run.is_stack || Self::is_far(run.range.start);
        let parts = runs.iter().filter(far).flat_map(|run| allowed.within(&run.range));
        if !self.space.keep(parts.collect()) {
            return;
        }
        self.narrow.kept = self.space.kept_version();
        for closed in runs.iter().flat_map(|run| allowed.missing(&run.range)) {
            Perms::R.write(self.space.table_mut(), Self::page_numbers(&closed));
        }
        self.space.reach_only(&allowed);
        self.map_version = next_version();
        self.narrow.allowed = Some(allowed);
    }

    /// Makes the page table say what segments do.
    pub(super) fn widen(&mut self) {
        let Some(allowed) = self.narrow.allowed.take() else { return };
        let is_writable = |segment: &&Segment| segment.perms == Perms::RW;
        for segment in self.segments.values().filter(is_writable) {
            for closed in allowed.missing(&segment.range) {
                Perms::RW.write(self.space.table_mut(), Self::page_numbers(&closed));
            }
        }
        self.space.reach_all();
        let version = self.origin.as_ref().filter(|_| !self.is_reshaped).map(|origin| origin.map_version());
        self.map_version = version.unwrap_or_else(next_version);
    }

    /// Whether the page table may say less than segments do.
    #[inline(always)]
    pub(super) fn is_narrow(&self) -> bool {
        self.narrow.allowed.is_some()
    }

    /// For executors: what may be written from `addr` on without a gap, as the page table has it at this
    /// [version](Memory::map_version). It may begin later than `addr` if that is [far](Memory::is_far), and what precedes is
    /// not allowed yet.
    #[must_use]
    pub fn writable_from(&self, addr: u64) -> Range<u64> {
        let run = addr..addr + self.run_of(addr, Perms::RW);
        let Some(allowed) = &self.narrow.allowed else { return run };
        let part = allowed.within(&run).next();
        part.filter(|part| part.start == addr || Self::is_far(addr)).unwrap_or(addr..addr)
    }

    /// What is writable, ascending. Stacks are by themselves.
    fn runs(&self) -> Vec<Run> {
        let mut runs: Vec<Run> = Vec::new();
        for segment in self.segments.values().filter(|segment| segment.perms == Perms::RW) {
            let is_stack = segment.kind == SegmentKind::Stack;
            match runs.last_mut() {
                Some(last) if last.range.end == segment.range.start && !last.is_stack && !is_stack => {
                    last.range.end = segment.range.end;
                }
                _ => runs.push(Run { range: segment.range.clone(), is_stack }),
            }
        }
        runs
    }
}

#[cfg(test)]
mod tests {
    use std::sync::Arc;

    use super::*;
    use crate::Limits;
    use crate::memory::{Frozen, Pool};

    const DATA: u64 = 0x4_0000;
    const STACK: u64 = 3 << 30;
    const PAGES: u64 = 16;
    const LEN: u64 = PAGES * PAGE_SIZE;

    fn program() -> Arc<Frozen> {
        let mut memory = Memory::new(Limits::default()).unwrap();
        memory.map(DATA..DATA + LEN, Perms::RW, SegmentKind::Data, "data").unwrap();
        memory.map(STACK..STACK + LEN, Perms::RW, SegmentKind::Stack, "stack").unwrap();
        memory.store(DATA + 100, [1, 2, 3]).unwrap();
        memory.freeze().unwrap()
    }

    /// Whether the kernel tells what was written: otherwise no memory is ever narrow.
    fn is_told() -> bool {
        let (pool, frozen) = (Arc::new(Pool::new(1)), program());
        write(&mut pool.take(&frozen).unwrap(), 1);
        pool.take(&frozen).unwrap().is_narrow()
    }

    /// Writes to the first pages of data and the last of the stack.
    fn write(memory: &mut Memory, pages: u64) {
        for page in 0..pages {
            memory.store(DATA + page * PAGE_SIZE, [0xee; 8]).unwrap();
            memory.store(STACK + LEN - (page + 1) * PAGE_SIZE, [0xee; 8]).unwrap();
        }
    }

    fn is_fresh(memory: &Memory) -> bool {
        let data = memory.slice(DATA, LEN).unwrap();
        let is_data = data[100..103] == [1, 2, 3] && data.iter().filter(|&&byte| byte != 0).count() == 3;
        is_data && memory.slice(STACK, LEN).unwrap().iter().all(|&byte| byte == 0)
    }

    /// What the page table says, and how often a page and the next allow something both.
    fn table(memory: &Memory) -> Vec<u8> {
        let pages = |start: u64| Memory::page_numbers(&(start - PAGE_SIZE..start + LEN + PAGE_SIZE));
        [DATA, STACK].into_iter().flat_map(|start| memory.page_table()[pages(start)].to_vec()).collect()
    }

    #[test]
    fn what_was_written_before_may_be_written_and_the_rest_makes_the_memory_wide() {
        if !is_told() {
            return;
        }
        let (pool, frozen) = (Arc::new(Pool::new(1)), program());
        let mut memory = pool.take(&frozen).unwrap();
        let wide = table(&memory);
        write(&mut memory, 3);
        drop(memory);
        for pages in [3, 2, 4, 4, 7, 1] {
            let mut memory = pool.take(&frozen).unwrap();
            assert!(memory.is_narrow() && is_fresh(&memory));
            let (data, stack) = (memory.writable_from(DATA), memory.writable_from(STACK));
            assert_eq!((data.start, stack.end), (DATA, STACK + LEN));
            assert_eq!(data.end - data.start, stack.end - stack.start);
            let written = (data.end - data.start) / PAGE_SIZE;
            write(&mut memory, pages);
            assert_eq!(memory.is_narrow(), pages <= written);
            if !memory.is_narrow() {
                assert_eq!(table(&memory), wide);
                assert_eq!(memory.map_version(), frozen.map_version());
            }
        }
    }

    #[test]
    fn nothing_shows_that_a_memory_is_narrow_but_the_page_table() {
        let (pool, frozen) = (Arc::new(Pool::new(1)), program());
        write(&mut pool.take(&frozen).unwrap(), 2);
        let mut memory = pool.take(&frozen).unwrap();
        let last = DATA + LEN - 8;
        assert_eq!((memory.perms_at(last), memory.perms_at(STACK)), (Perms::RW, Perms::RW));
        assert_eq!(memory.check(DATA + 8, LEN - 8, Perms::RW), Ok(()));
        assert!(memory.check(DATA + 8, LEN, Perms::RW).is_err());
        assert_eq!(memory.run_of(DATA, Perms::RW), LEN);
        assert!(memory.slice_mut(DATA, LEN + 1).is_err());
        assert_eq!(memory.is_narrow(), is_told(), "what is refused makes nothing wide");
        memory.slice_mut(DATA + PAGE_SIZE, PAGE_SIZE + 1).unwrap()[4096] = 0xee;
        assert!(!memory.is_narrow());
        drop(memory);
        assert!(is_fresh(&pool.take(&frozen).unwrap()));
    }

    #[test]
    fn a_write_across_the_end_of_what_is_allowed_makes_the_memory_wide() {
        let (pool, frozen) = (Arc::new(Pool::new(1)), program());
        write(&mut pool.take(&frozen).unwrap(), 2);
        let mut memory = pool.take(&frozen).unwrap();
        memory.store(DATA + 2 * PAGE_SIZE - 4, [0xee; 8]).unwrap();
        assert!(!memory.is_narrow());
        drop(memory);
        assert!(is_fresh(&pool.take(&frozen).unwrap()));
    }

    #[test]
    fn changes_of_what_is_mapped_begin_with_a_wide_memory() {
        type Change = fn(&mut Memory);
        let end = DATA + LEN;
        let changes: [Change; 5] = [
            |memory| memory.protect(DATA + 8 * PAGE_SIZE..DATA + LEN, Perms::R).unwrap(),
            |memory| memory.unmap(DATA + 8 * PAGE_SIZE..DATA + LEN).unwrap(),
            |memory| {
                memory
                    .map(DATA + LEN..DATA + 2 * LEN, Perms::RW, SegmentKind::Heap, "heap")
                    .expect("there is room");
            },
            |memory| {
                memory.store(DATA, [0xee; 8]).unwrap();
                memory.freeze().unwrap();
            },
            |memory| memory.clear(),
        ];
        for change in changes {
            let (pool, frozen) = (Arc::new(Pool::new(1)), program());
            write(&mut pool.take(&frozen).unwrap(), 2);
            let mut memory = pool.take(&frozen).unwrap();
            change(&mut memory);
            assert!(!memory.is_narrow());
            let mut other = Memory::thaw(&frozen).unwrap();
            change(&mut other);
            assert_eq!(table(&memory), table(&other));
            if memory.perms_at(end).is_writable() {
                memory.store(end, [0xee; 8]).unwrap();
            }
            drop(memory);
            assert!(is_fresh(&pool.take(&frozen).unwrap()));
        }
    }

    #[test]
    fn a_memory_in_which_each_guest_maps_some_stays_wide_after_the_first_time() {
        let (pool, frozen) = (Arc::new(Pool::new(1)), program());
        let heap = DATA + LEN..DATA + 2 * LEN;
        let narrow = [0; 5].map(|_| {
            let mut memory = pool.take(&frozen).unwrap();
            assert!(is_fresh(&memory) && memory.segment_at(heap.start).is_none());
            let is_narrow = memory.is_narrow();
            memory.map(heap.clone(), Perms::RW, SegmentKind::Heap, "heap").unwrap();
            assert_eq!(memory.load(heap.start), Ok([0; 8]));
            memory.store(heap.start, [0xee; 8]).unwrap();
            write(&mut memory, 2);
            is_narrow
        });
        assert_eq!(narrow, [false, is_told(), false, false, false]);
    }

    #[test]
    fn permissions_that_were_changed_have_another_version_than_those_of_the_program() {
        let (pool, frozen) = (Arc::new(Pool::new(1)), program());
        write(&mut pool.take(&frozen).unwrap(), 2);
        let mut memory = pool.take(&frozen).unwrap();
        memory.protect(DATA + 8 * PAGE_SIZE..DATA + LEN, Perms::R).unwrap();
        assert_ne!(memory.map_version(), frozen.map_version());
        let again = memory.freeze().unwrap();
        assert!(Memory::thaw(&again).unwrap().store(DATA + LEN - 8, [1]).is_err());
    }

    #[test]
    fn bytes_that_were_rewritten_elsewhere_are_found() {
        let (pool, frozen) = (Arc::new(Pool::new(1)), program());
        write(&mut pool.take(&frozen).unwrap(), 2);
        for page in [1, 9] {
            let mut memory = pool.take(&frozen).unwrap();
            let page = DATA + page * PAGE_SIZE;
            memory.rewrite(&(page..page + PAGE_SIZE), |bytes| bytes.fill(0xee)).unwrap();
            drop(memory);
            assert!(is_fresh(&pool.take(&frozen).unwrap()));
        }
    }

    #[test]
    fn pages_that_were_given_back_and_written_again_are_found() {
        let (pool, frozen) = (Arc::new(Pool::new(1)), program());
        write(&mut pool.take(&frozen).unwrap(), 4);
        let mut memory = pool.take(&frozen).unwrap();
        memory.zero(DATA + PAGE_SIZE..DATA + 3 * PAGE_SIZE).unwrap();
        write(&mut memory, 4);
        drop(memory);
        assert!(is_fresh(&pool.take(&frozen).unwrap()));
    }

    /// What a tenant finds that writes to these pages of data and of the stack, counted from its end, after another that did.
    fn is_narrow_after(pages: &[u64]) -> bool {
        let (pool, frozen) = (Arc::new(Pool::new(1)), program());
        let mut is_narrow = false;
        for _ in 0..3 {
            let mut memory = pool.take(&frozen).unwrap();
            assert!(is_fresh(&memory));
            is_narrow = memory.is_narrow();
            for page in pages {
                memory.store(DATA + page * PAGE_SIZE, [0xee; 8]).unwrap();
                memory.store(STACK + (PAGES - 1 - page) * PAGE_SIZE, [0xee; 8]).unwrap();
            }
            assert_eq!(memory.is_narrow(), is_narrow);
        }
        assert!(is_fresh(&pool.take(&frozen).unwrap()));
        is_narrow
    }

    #[test]
    fn small_gaps_between_what_was_written_are_kept_too() {
        for pages in [&[0, 5][..], &[2], &[1, 2, 3, 9], &[0, 1, 2, 3, 4, 9, 15]] {
            assert_eq!(is_narrow_after(pages), is_told(), "{pages:?}");
        }
    }

    #[test]
    fn a_memory_that_was_written_far_apart_stays_wide() {
        for pages in [&[0, 15][..], &[9], &[1, 2, 14]] {
            assert!(!is_narrow_after(pages), "{pages:?}");
        }
    }

    #[test]
    fn what_is_more_than_is_kept_is_found() {
        const MORE: u64 = 2 << 20;
        let mut memory = Memory::new(Limits::default()).unwrap();
        memory.map(DATA..DATA + MORE, Perms::RW, SegmentKind::Data, "data").unwrap();
        let (pool, frozen) = (Arc::new(Pool::new(1)), memory.freeze().unwrap());
        for _ in 0..4 {
            let mut memory = pool.take(&frozen).unwrap();
            assert!(memory.slice(DATA, MORE).unwrap().iter().all(|&byte| byte == 0));
            memory.slice_mut(DATA, MORE).unwrap().fill(0xee);
            assert!(!memory.is_narrow());
        }
    }

    #[test]
    fn a_stack_that_code_knows_the_start_of_stays_wide() {
        let mut memory = Memory::new(Limits { address_space: 1 << 30, ..Limits::default() }).unwrap();
        memory.map(DATA..DATA + LEN, Perms::RW, SegmentKind::Stack, "stack").unwrap();
        let (pool, frozen) = (Arc::new(Pool::new(1)), memory.freeze().unwrap());
        for page in [PAGES - 1, PAGES - 2, 1] {
            let mut memory = pool.take(&frozen).unwrap();
            assert_eq!(memory.writable_from(DATA), DATA..DATA + LEN);
            assert!(memory.slice(DATA, LEN).unwrap().iter().all(|&byte| byte == 0));
            memory.store(DATA + page * PAGE_SIZE, [0xee; 8]).unwrap();
        }
    }

    #[test]
    fn a_program_after_another_finds_its_page_table_as_it_should_be() {
        let (pool, frozen) = (Arc::new(Pool::new(1)), program());
        write(&mut pool.take(&frozen).unwrap(), 2);
        let mut memory = pool.take(&frozen).unwrap();
        let empty = Frozen::empty(Limits::default()).unwrap();
        memory.restore(&empty).unwrap();
        assert!(!memory.is_narrow() && table(&memory).iter().all(|&entry| entry == 0));
        memory.restore(&frozen).unwrap();
        assert!(is_fresh(&memory));
        assert_eq!(table(&memory), table(&Memory::thaw(&frozen).unwrap()));
    }
}
