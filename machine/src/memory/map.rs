//! Changing what is mapped: segments, the page table and host protection move together.

use std::io;
use std::ops::Range;
use std::sync::Arc;

use super::{Memory, PAGE_SHIFT, PAGE_SIZE, Perms, Segment, SegmentKind};
use crate::version::next_version;

/// Why a change of the address space was refused. Nothing has changed then, except after
/// [`MapError::Host`].
#[derive(Debug, thiserror::Error)]
#[non_exhaustive]
pub enum MapError {
    /// Not whole pages.
    #[error("the range is not page aligned")]
    Misaligned,
    /// Beyond the address space.
    #[error("the range is empty or leaves the guest address space")]
    OutsideAddressSpace,
    /// Something is there already.
    #[error("the range overlaps another segment")]
    Overlap,
    /// Nothing is there.
    #[error("part of the range is not mapped")]
    NotMapped,
    /// More memory than allowed.
    #[error("the memory limit of {limit} bytes is reached")]
    MemoryLimit {
        /// The limit in bytes.
        limit: u64,
    },
    /// More segments than allowed.
    #[error("the limit of {limit} segments is reached")]
    SegmentLimit {
        /// The limit.
        limit: usize,
    },
    /// Writable and executable at once.
    #[error("a segment may not be writable and executable at once")]
    WritableCode,
    /// The host refused, perhaps halfway. The range is inaccessible from now on, and stays so until the memory is
    /// [restored](Memory::restore) or the machine reset.
    #[error("the host refused: {0}")]
    Host(#[from] io::Error),
}

impl Memory {
    /// Name of the guard range below the stack; touching it is a `StackOverflow`.
    pub const STACK_GUARD: &'static str = "stack guard";

    /// Name of a range that a failing host left in an unknown state.
    pub const LOST: &'static str = "lost";

    /// Checks that segments may have `perms` at all.
    ///
    /// # Errors
    /// [`MapError::WritableCode`].
    pub fn check_perms(&self, perms: Perms) -> Result<(), MapError> {
        if perms == Perms::RWX && !self.limits.allow_writable_code {
            return Err(MapError::WritableCode);
        }
        Ok(())
    }

    /// Maps zeroed pages.
    ///
    /// # Errors
    /// See [`MapError`].
    pub fn map(
        &mut self,
        range: Range<u64>,
        perms: Perms,
        kind: SegmentKind,
        name: &str,
    ) -> Result<(), MapError> {
        self.check_range(&range)?;
        self.check_perms(perms)?;
        if self.overlapping(&range).next().is_some() {
            return Err(MapError::Overlap);
        }
        let segment = Segment { name: name.to_owned(), range: range.clone(), perms, kind };
        self.check_growth(if segment.holds_bytes() { segment.size() } else { 0 })?;
        let before = self.segments.range(..range.start).next_back();
        if before.is_none_or(|(_, s)| !s.is_continued_by(&segment)) {
            self.check_segments(1)?;
        }
        self.widen();
        self.open_on_host(&range, perms)?;
        self.set_pages(&range, perms);
        self.insert(segment);
        Ok(())
    }

    /// Unmaps whatever is mapped in `range`. The bytes are gone.
    ///
    /// # Errors
    /// See [`MapError`]; splitting a segment may reach the segment limit.
    pub fn unmap(&mut self, range: Range<u64>) -> Result<(), MapError> {
        self.check_range(&range)?;
        self.check_not_lost(&range)?;
        self.give_up(range)
    }

    /// The same where some of it may be lost, which it is no more if the host agrees.
    fn give_up(&mut self, range: Range<u64>) -> Result<(), MapError> {
        self.check_split(&range)?;
        self.widen();
        self.space.close(range.clone()).map_err(|error| self.lose(&range, error))?;
        for segment in self.cut(&range) {
            self.uncount(&segment);
        }
        self.set_pages(&range, Perms::NONE);
        Ok(())
    }

    /// Changes the permissions of mapped pages; the bytes stay.
    ///
    /// # Errors
    /// See [`MapError`].
    pub fn protect(&mut self, range: Range<u64>, perms: Perms) -> Result<(), MapError> {
        self.check_range(&range)?;
        self.check_perms(perms)?;
        let mut covered = range.start;
        let mut growth = 0;
        for segment in self.overlapping(&range) {
            if segment.range.start > covered {
                break;
            }
            let end = segment.range.end.min(range.end);
            growth += if segment.holds_bytes() { 0 } else { end - covered };
            covered = end;
        }
        if covered != range.end {
            return Err(MapError::NotMapped);
        }
        self.check_not_lost(&range)?;
        self.check_growth(if perms.is_none() { 0 } else { growth })?;
        self.check_split(&range)?;
        self.widen();
        self.open_on_host(&range, perms)?;
        let parts = self.cut(&range);
        for part in &parts {
            self.uncount(part);
        }
        self.set_pages(&range, perms);
        for part in parts {
            self.insert(Segment { perms, ..part });
        }
        Ok(())
    }

    /// Makes the pages of `range` zero again. They stay mapped.
    ///
    /// # Errors
    /// See [`MapError`].
    pub fn zero(&mut self, range: Range<u64>) -> Result<(), MapError> {
        self.check_range(&range)?;
        self.space.discard(range.clone()).map_err(|error| self.lose(&range, error))?;
        self.changed_code(&range);
        Ok(())
    }

    /// Unmaps everything. The executor page is left alone.
    pub(crate) fn clear(&mut self) {
        if self.space.is_broken() && self.space.restore(&Arc::default()).is_ok() {
            // All of it was lost. It is empty now, and so is the page table.
            self.segments.clear();
        }
        let mapped: Vec<_> = self.segments.values().map(|s| s.range.clone()).collect();
        for range in mapped {
            // Whole segments: nothing is split, so only the host can refuse, and then the range is lost.
            let _ = self.give_up(range);
        }
        self.clear_windows();
        self.peak = 0;
        self.uses.clear();
    }

    /// A free range of `size` bytes within `area`, at the lowest address.
    #[must_use]
    pub fn find_free(&self, size: u64, area: Range<u64>) -> Option<u64> {
        let mut candidate = match self.segment_at(area.start) {
            Some(segment) => segment.range.end,
            None => area.start,
        };
        for segment in self.segments.range(candidate..area.end.max(candidate)).map(|(_, s)| s) {
            if segment.range.start - candidate >= size {
                break;
            }
            candidate = segment.range.end;
        }
        (candidate.checked_add(size)? <= area.end).then_some(candidate)
    }

    /// Has the host allow what the table is about to. It allows all or nothing, so that a change between permissions costs
    /// nothing.
    pub(super) fn open_on_host(&mut self, range: &Range<u64>, perms: Perms) -> Result<(), MapError> {
        if perms.is_none() {
            return Ok(());
        }
        self.space.open(range.clone()).map_err(|error| self.lose(range, error))
    }

    /// Gives up a range of which nobody knows what the host allows there now, or what bytes are there:
    /// the page table denies it, and nothing else can be mapped there. Nobody else gets such a memory.
    #[cold]
    pub(super) fn lose(&mut self, range: &Range<u64>, error: io::Error) -> MapError {
        self.widen();
        self.origin = None;
        for segment in self.cut(range) {
            self.uncount(&segment);
        }
        self.set_pages(range, Perms::NONE);
        let (name, kind) = (Self::LOST.to_owned(), SegmentKind::Guard);
        self.insert(Segment { name, range: range.clone(), perms: Perms::NONE, kind });
        MapError::Host(error)
    }

    fn check_range(&self, range: &Range<u64>) -> Result<(), MapError> {
        if !range.start.is_multiple_of(PAGE_SIZE) || !range.end.is_multiple_of(PAGE_SIZE) {
            return Err(MapError::Misaligned);
        }
        if range.start >= range.end || range.end > self.limits.address_space {
            return Err(MapError::OutsideAddressSpace);
        }
        Ok(())
    }

    /// Nothing of `range` is lost, so that what the host allows there is known.
    pub(super) fn check_not_lost(&self, range: &Range<u64>) -> Result<(), MapError> {
        if self.overlapping(range).any(Segment::is_lost) {
            return Err(MapError::Host(io::Error::other("it refused an earlier change of that range")));
        }
        Ok(())
    }

    pub(super) fn check_growth(&self, size: u64) -> Result<(), MapError> {
        let limit = self.limits.memory;
        if self.mapped.checked_add(size).is_none_or(|total| total > limit) {
            return Err(MapError::MemoryLimit { limit });
        }
        Ok(())
    }

    fn check_segments(&self, more: usize) -> Result<(), MapError> {
        let limit = self.limits.segments;
        if self.segments.len() + more > limit {
            return Err(MapError::SegmentLimit { limit });
        }
        Ok(())
    }

    /// Cutting `range` out adds at most one segment per end that lies inside one.
    fn check_split(&self, range: &Range<u64>) -> Result<(), MapError> {
        let inside = |addr| self.segment_at(addr).is_some_and(|s| s.range.start != addr);
        self.check_segments(usize::from(inside(range.start)) + usize::from(inside(range.end)))
    }

    fn overlapping(&self, range: &Range<u64>) -> impl Iterator<Item = &Segment> {
        let first = self.segment_at(range.start).map_or(range.start, |s| s.range.start);
        self.segments.range(first..range.end).map(|(_, s)| s)
    }

    /// Takes what lies in `range` out of the segments and returns it, ascending.
    fn cut(&mut self, range: &Range<u64>) -> Vec<Segment> {
        let touched: Vec<Segment> = self.overlapping(range).cloned().collect();
        let mut parts = Vec::with_capacity(touched.len());
        for segment in touched {
            self.segments.remove(&segment.range.start);
            let (start, end) = (segment.range.start.max(range.start), segment.range.end.min(range.end));
            for rest in [segment.range.start..start, end..segment.range.end] {
                if !rest.is_empty() {
                    self.segments.insert(rest.start, segment.part(rest));
                }
            }
            parts.push(segment.part(start..end));
        }
        parts
    }

    /// Adds a segment and merges it with equal neighbours.
    fn insert(&mut self, mut segment: Segment) {
        if segment.holds_bytes() {
            self.mapped += segment.size();
            self.peak = self.peak.max(self.mapped);
            let name = self.uses.entry(segment.name.clone()).or_default();
            name.now += segment.size();
            name.peak = name.peak.max(name.now);
        }
        if let Some((_, before)) = self.segments.range(..segment.range.start).next_back()
            && before.is_continued_by(&segment)
        {
            segment.range.start = before.range.start;
        }
        if let Some(after) = self.segments.get(&segment.range.end)
            && segment.is_continued_by(after)
        {
            let end = after.range.end;
            self.segments.remove(&segment.range.end);
            segment.range.end = end;
        }
        self.segments.insert(segment.range.start, segment);
    }

    fn uncount(&mut self, segment: &Segment) {
        if segment.holds_bytes() {
            self.mapped -= segment.size();
            if let Some(name) = self.uses.get_mut(&segment.name) {
                name.now -= segment.size();
            }
        }
    }

    pub(super) const fn page_numbers(range: &Range<u64>) -> Range<usize> {
        (range.start >> PAGE_SHIFT) as usize..(range.end >> PAGE_SHIFT) as usize
    }

    /// Takes a new code version if a page of `range` is executable. Writable code changes only at the
    /// next `fence.i`, but a new version too many does no harm.
    pub(super) fn changed_code(&mut self, range: &Range<u64>) {
        // Not one by one: there may be thousands.
        let any = self.space.table()[Self::page_numbers(range)].iter().fold(0, |any, page| any | page);
        if Perms::of_entry(any).is_executable() {
            self.code_version = next_version();
            self.is_reshaped = true;
        }
    }

    /// Writes the page table, and keeps the copies of writable code and both versions with it.
    fn set_pages(&mut self, range: &Range<u64>, perms: Perms) {
        self.changed_code(range);
        let pages = Self::page_numbers(range);
        let table = self.space.table_mut();
        let other = |all, &entry: &u8| all | (Perms::of_entry(entry).bits() ^ perms.bits());
        if table[pages.clone()].iter().fold(0, other) != 0 {
            self.map_version = next_version();
            perms.write(table, pages);
        }
        self.is_reshaped = true;
        if perms.is_executable() {
            self.changed_code(range);
        }
        self.code.retain(|addr, _| !range.contains(addr));
        if perms == Perms::RWX {
            for addr in range.clone().step_by(PAGE_SIZE as usize) {
                // SAFETY: the page was just made readable, in the table and on the host.
                let bytes = unsafe { self.space.slice(addr, PAGE_SIZE as usize) };
                self.code.insert(addr, bytes.into());
            }
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::{Cause, Fault, Limits};

    const PAGE: Range<u64> = 0x1_0000..0x1_1000;

    fn memory() -> Memory {
        let mut memory = Memory::new(Limits::default()).unwrap();
        memory.map(PAGE, Perms::RW, SegmentKind::Data, "data").unwrap();
        memory.store(PAGE.start, [1]).unwrap();
        memory
    }

    fn is_lost(memory: &Memory) -> bool {
        let fault = Err(Fault { cause: Cause::LoadAccessFault, tval: PAGE.start });
        let segment = memory.segment_at(PAGE.start).unwrap();
        memory.load::<1>(PAGE.start) == fault && segment.name == Memory::LOST && memory.mapped() == 0
    }

    /// A host that refuses must never leave a page table that allows more than the host does.
    #[test]
    fn what_the_host_refuses_to_change_is_lost() {
        type Change = fn(&mut Memory) -> Result<(), MapError>;
        let changes: [Change; 4] = [
            |memory| memory.protect(PAGE, Perms::R),
            |memory| memory.protect(PAGE, Perms::RX),
            |memory| memory.unmap(PAGE),
            |memory| memory.zero(PAGE),
        ];
        for change in changes {
            let mut memory = memory();
            memory.space.refuse(true);
            assert!(matches!(change(&mut memory), Err(MapError::Host(_))));
            assert!(is_lost(&memory));
            memory.space.refuse(false);
            let again = memory.map(PAGE, Perms::RW, SegmentKind::Data, "data");
            assert!(matches!(again, Err(MapError::Overlap)), "the old bytes must not come back");
            for change in [changes[0], changes[2]] {
                assert!(matches!(change(&mut memory), Err(MapError::Host(_))));
            }
            assert!(memory.inspect(&PAGE, |_| ()).is_err() && memory.rewrite(&PAGE, |_| ()).is_err());
            assert!(is_lost(&memory));
            memory.clear();
            memory.map(PAGE, Perms::RW, SegmentKind::Data, "data").unwrap();
            assert_eq!(memory.load(PAGE.start), Ok([0]), "nothing of it is left");
        }
    }

    #[test]
    fn resetting_with_a_host_that_refuses_shows_no_old_bytes() {
        let mut memory = memory();
        memory.space.refuse(true);
        memory.clear();
        assert!(is_lost(&memory));
    }

    #[test]
    fn mapping_where_the_host_refuses_maps_nothing() {
        let mut memory = Memory::new(Limits::default()).unwrap();
        memory.space.refuse(true);
        assert!(memory.map(PAGE, Perms::RW, SegmentKind::Data, "data").is_err());
        assert!(is_lost(&memory));
    }
}
