//! Memories that stand still: what others are made from, and go back to.
//!
//! A frozen memory is what a memory was at one moment. Making a memory from it copies nothing: pages are copied when they
//! are written. The program as it is loaded is one, which all instances of a module start from; so is a running
//! guest that is forked.

use std::collections::BTreeMap;
use std::io;
use std::ops::Range;
use std::sync::Arc;

use super::clean::Clean;
use super::space::TableNow;
use super::{Memory, PAGE_SIZE, Perms, Ranges, Segment, SegmentKind, Use};
use crate::Limits;
use crate::version::next_version;

/// A memory as it was at one moment. It never changes; share it with whatever thread.
pub struct Frozen {
    limits: Limits,
    clean: Arc<Clean>,
    segments: BTreeMap<u64, Segment>,
    mapped: u64,
    peak: u64,
    uses: BTreeMap<String, Use>,
    code: BTreeMap<u64, Box<[u8]>>,
    code_version: u64,
    map_version: u64,
}

/// Why a memory cannot be frozen.
#[derive(Debug, thiserror::Error)]
#[non_exhaustive]
pub enum FreezeError {
    /// It has resource registers, or had some: a copy could use a second time what can be used once.
    #[error("a guest that has had resource registers cannot be copied")]
    Registers,
    /// A function that was called has not returned: whoever waits for that waits for one.
    #[error("a call has not returned")]
    Called,
    /// The host has no memory for it.
    #[error("the host refused: {0}")]
    Host(#[from] io::Error),
}

impl std::fmt::Debug for Frozen {
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        f.debug_struct("Frozen").field("segments", &self.segments).field("mapped", &self.mapped).finish()
    }
}

impl Frozen {
    /// The limits of memories made from it.
    #[must_use]
    pub const fn limits(&self) -> &Limits {
        &self.limits
    }

    /// The version of the code in it, which memories made from it have until they [change](Memory::code_version) it.
    #[must_use]
    pub const fn code_version(&self) -> u64 {
        self.code_version
    }

    /// The version of permissions in it, which memories made from it have until they change them.
    #[must_use]
    pub(super) const fn map_version(&self) -> u64 {
        self.map_version
    }

    /// Bytes of host memory that pages take that are not all zero.
    #[must_use]
    pub fn bytes(&self) -> u64 {
        self.clean.filled.count(&(0..u64::MAX))
    }

    /// Whether the host shows the same where nobody has written or copied anything.
    pub(super) fn is_like(&self, other: &Frozen) -> bool {
        self.clean.pieces == other.clean.pieces
    }

    /// What an empty memory is.
    ///
    /// # Errors
    /// If the limits are [invalid](crate::InvalidLimits).
    pub fn empty(limits: Limits) -> io::Result<Arc<Self>> {
        let limits = Memory::checked(limits)?;
        Ok(Arc::new(Frozen {
            limits,
            clean: Arc::default(),
            segments: BTreeMap::new(),
            mapped: 0,
            peak: 0,
            uses: BTreeMap::new(),
            code: BTreeMap::new(),
            code_version: next_version(),
            map_version: next_version(),
        }))
    }
}

impl Memory {
    /// A memory that is what `frozen` was.
    ///
    /// # Errors
    /// If the host cannot reserve or map memory.
    pub fn thaw(frozen: &Arc<Frozen>) -> io::Result<Self> {
        let mut memory = Memory::new(frozen.limits.clone())?;
        memory.restore(frozen)?;
        Ok(memory)
    }

    /// Has the host allow, together, all that lies within and between segments but stacks, and up to `room` bytes behind them.
    /// So a program costs the host one mapping, and a heap that grows behind it none, nor a call.
    ///
    /// # Errors
    /// If the host refuses; the memory is as before.
    pub fn make_room(&mut self, room: u64) -> io::Result<()> {
        /// What may lie between two segments.
        const GAP: u64 = 16 << 20;
        let is_part = |segment: &&Segment| !segment.perms.is_none() && segment.kind != SegmentKind::Stack;
        let mut parts = self.segments.values().filter(is_part).map(|segment| segment.range.clone());
        let Some(mut whole) = parts.next() else { return Ok(()) };
        for part in parts.take_while(|part| part.start < u64::MAX - GAP) {
            if part.start - whole.end > GAP {
                break;
            }
            whole.end = part.end;
        }
        let next = self.segments.range(whole.end..).next();
        let limit = next.map_or(self.limits.address_space, |(&start, _)| start);
        self.space.open_ahead(whole.start..whole.end.saturating_add(room).min(limit))
    }

    /// What it is now. As long as nothing changes, asking again costs nothing.
    ///
    /// # Errors
    /// See [`FreezeError`].
    pub fn freeze(&mut self) -> Result<Arc<Frozen>, FreezeError> {
        if !self.registers.is_unused() {
            return Err(FreezeError::Registers);
        }
        if let Some(latest) = &self.latest
            && !self.space.is_changed()
            && latest.is_shape_of(self)
        {
            return Ok(Arc::clone(latest));
        }
        if let Some(origin) = &self.origin
            && !self.space.is_written()
            && !self.is_reshaped
        {
            return Ok(Arc::clone(origin));
        }
        self.widen();
        let clean = self.space.freeze(self.limits.address_space)?;
        let frozen = self.as_frozen(Arc::new(clean));
        self.latest = Some(Arc::clone(&frozen));
        Ok(frozen)
    }

    /// What it is now, with the bytes of `filled` and zeros elsewhere, which it is again from now on when it is restored or comes back to
    /// its pool. Who is made from that copies these bytes, and shares none: where memories are few and small that is quicker
    /// than making a file. The memory must have been [empty](Frozen::empty) and have been filled since; what was written elsewhere
    /// stays until it is restored.
    ///
    /// # Errors
    /// See [`FreezeError`]; if it was not empty, or `filled` is not all mapped.
    pub fn settle(
        &mut self,
        filled: impl IntoIterator<Item = Range<u64>>,
    ) -> Result<Arc<Frozen>, FreezeError> {
        if !self.registers.is_unused() {
            return Err(FreezeError::Registers);
        }
        let pages = |range: Range<u64>| {
            let end = range.end.checked_next_multiple_of(PAGE_SIZE).ok_or(io::ErrorKind::InvalidInput)?;
            Ok::<_, io::Error>(range.start & !(PAGE_SIZE - 1)..end)
        };
        let filled = filled.into_iter().map(pages).collect::<io::Result<Ranges>>()?;
        self.widen();
        let clean = self.space.settle(&filled, self.limits.address_space)?;
        let frozen = self.as_frozen(clean);
        (self.origin, self.latest, self.is_reshaped) = (Some(Arc::clone(&frozen)), None, false);
        Ok(frozen)
    }

    fn as_frozen(&self, clean: Arc<Clean>) -> Arc<Frozen> {
        Arc::new(Frozen {
            limits: self.limits.clone(),
            clean,
            segments: self.segments.clone(),
            mapped: self.mapped,
            peak: self.peak,
            uses: self.uses.clone(),
            code: self.code.clone(),
            code_version: self.code_version,
            map_version: self.map_version,
        })
    }

    /// Becomes what `frozen` was. The executor page is left alone or made zero.
    ///
    /// # Errors
    /// If the limits differ, or the host refuses; then nothing is accessible any more, and nothing can be mapped or frozen, until it
    /// is restored to this or another.
    pub fn restore(&mut self, frozen: &Arc<Frozen>) -> io::Result<()> {
        if self.limits != frozen.limits {
            return Err(io::ErrorKind::InvalidInput.into());
        }
        self.latest = None;
        self.registers.clear();
        let table = match self.space.restore(&frozen.clean) {
            Ok(table) => table,
            Err(error) => {
                self.lose(&(0..self.limits.address_space), io::ErrorKind::OutOfMemory.into());
                // Windows are gone too. What the page table has said meanwhile, and of which code, does not count.
                self.mapped = 0;
                (self.code_version, self.map_version) = (next_version(), next_version());
                return Err(error);
            }
        };
        let is_origin = self.origin.as_ref().is_some_and(|origin| Arc::ptr_eq(origin, frozen));
        if self.is_reshaped || table != TableNow::AsItWas || !is_origin {
            self.reshape(frozen, table);
            self.narrow.reshaped(is_origin);
            self.origin = Some(Arc::clone(frozen));
        }
        (self.mapped, self.peak) = (frozen.mapped, frozen.peak);
        Ok(())
    }

    /// Takes over everything but bytes, and the page table if it is not there.
    fn reshape(&mut self, frozen: &Frozen, table: TableNow) {
        let is_same = self.map_version == frozen.map_version;
        if table == TableNow::AsItWas && !is_same {
            for segment in self.segments.values() {
                Perms::NONE.write(self.space.table_mut(), Self::page_numbers(&segment.range));
            }
        }
        if table == TableNow::Empty || table == TableNow::AsItWas && !is_same {
            for segment in frozen.segments.values().filter(|segment| !segment.perms.is_none()) {
                segment.perms.write(self.space.table_mut(), Self::page_numbers(&segment.range));
            }
        }
        self.segments.clone_from(&frozen.segments);
        self.uses.clone_from(&frozen.uses);
        self.code.clone_from(&frozen.code);
        (self.code_version, self.map_version) = (frozen.code_version, frozen.map_version);
        self.is_reshaped = false;
    }

    /// What it was made from, or restored to.
    pub(super) fn origin(&self) -> Option<&Arc<Frozen>> {
        self.origin.as_ref()
    }

    /// Everything, for somebody else: nothing of what was done here can be seen there. `None` if that cannot be had.
    pub(super) fn recycle(&mut self) -> Option<Memory> {
        let origin = self.origin.take()?;
        let mut next = Memory {
            space: self.space.hand_on()?,
            segments: std::mem::take(&mut self.segments),
            limits: self.limits.clone(),
            mapped: self.mapped,
            peak: self.peak,
            uses: std::mem::take(&mut self.uses),
            code: std::mem::take(&mut self.code),
            code_version: self.code_version,
            map_version: self.map_version,
            registers: std::mem::take(&mut self.registers),
            is_reshaped: self.is_reshaped,
            narrow: std::mem::take(&mut self.narrow),
            latest: None,
            home: None,
            origin: Some(Arc::clone(&origin)),
        };
        next.restore(&origin).ok()?;
        next.space.clear_executor_page();
        Some(next)
    }
}

impl Frozen {
    /// Whether a memory has the same segments, permissions and code.
    fn is_shape_of(&self, memory: &Memory) -> bool {
        (self.code_version, self.map_version) == (memory.code_version, memory.map_version)
            && self.segments == memory.segments
    }
}

#[cfg(test)]
mod tests {
    use std::iter::once;

    use super::*;
    use crate::memory::Pool;
    use crate::memory::residue::tests::IS_SILENT;

    const CODE: u64 = 0x1_0000;
    const DATA: u64 = 0x4_0000;
    const FAR: u64 = 0x80_0000;

    fn limits() -> Limits {
        Limits { address_space: 32 << 20, registers: 40, register_bytes: 8192, ..Limits::default() }
    }

    /// A program of two segments with bytes, one of which has zeros too, and a stack.
    fn program() -> Arc<Frozen> {
        let mut memory = Memory::new(limits()).unwrap();
        fill(&mut memory);
        memory.freeze().unwrap()
    }

    /// The same, whose bytes are copied.
    fn copied() -> Arc<Frozen> {
        let mut memory = Memory::new(limits()).unwrap();
        settled(&mut memory)
    }

    fn settled(memory: &mut Memory) -> Arc<Frozen> {
        fill(memory);
        memory.settle([CODE..CODE + 64, DATA + 100..DATA + 6 * PAGE_SIZE]).unwrap()
    }

    fn fill(memory: &mut Memory) {
        for (start, perms, kind) in [
            (CODE, Perms::RX, SegmentKind::Text),
            (DATA, Perms::RW, SegmentKind::Data),
            (FAR, Perms::RW, SegmentKind::Stack),
        ] {
            memory.map(start..start + 16 * PAGE_SIZE, Perms::RW, kind, "part").unwrap();
            memory.protect(start..start + 16 * PAGE_SIZE, perms).unwrap();
        }
        memory.protect(CODE..CODE + PAGE_SIZE, Perms::RW).unwrap();
        memory.store(CODE, [0x13; 64]).unwrap();
        memory.protect(CODE..CODE + PAGE_SIZE, Perms::RX).unwrap();
        memory.store(DATA + 100, [1, 2, 3]).unwrap();
        memory.store(DATA + 5 * PAGE_SIZE, [4; 4096]).unwrap();
        memory.make_room(1 << 20).unwrap();
    }

    /// Everything that can be told of a memory.
    fn all_of(memory: &Memory) -> (Vec<Segment>, Vec<u8>, [u64; 4]) {
        let bytes = memory.segments().filter(|segment| segment.perms.contains(Perms::R));
        let bytes =
            bytes.flat_map(|segment| memory.slice(segment.range.start, segment.size()).unwrap().to_vec());
        let numbers = [memory.mapped, memory.peak, memory.code_version, memory.map_version];
        (memory.segments().cloned().collect(), bytes.collect(), numbers)
    }

    /// Writes everywhere, maps, unmaps, and makes `registers` registers.
    fn use_up(memory: &mut Memory, registers: u64) {
        memory.slice_mut(DATA, 16 * PAGE_SIZE).unwrap().fill(0xee);
        memory.store(FAR + 9 * PAGE_SIZE, [0xee; 100]).unwrap();
        memory.map(FAR / 2..FAR / 2 + PAGE_SIZE, Perms::RW, SegmentKind::Heap, "heap").unwrap();
        memory.store(FAR / 2, [0xee; 100]).unwrap();
        for slot in 0..registers {
            let window = memory.create_register(slot, 5000).unwrap();
            memory.slice_mut(window, 5000).unwrap().fill(0xee);
        }
        let _ = memory.executor_page();
    }

    fn both_ways(test: impl Fn()) {
        for is_silent in [false, true] {
            IS_SILENT.set(is_silent);
            test();
        }
        IS_SILENT.set(false);
    }

    fn from_both(test: impl Fn(Arc<Frozen>)) {
        both_ways(|| [program(), copied()].into_iter().for_each(&test));
    }

    #[test]
    fn what_was_used_up_is_restored_whatever_the_kernel_tells() {
        from_both(|frozen| {
            let mut memory = Memory::thaw(&frozen).unwrap();
            let fresh = all_of(&memory);
            assert_eq!(memory.load(DATA + 100), Ok([1, 2, 3]));
            for (registers, unmaps) in [(0, false), (3, false), (40, false), (0, true), (40, true)] {
                use_up(&mut memory, registers);
                if unmaps {
                    memory.unmap(DATA..DATA + 6 * PAGE_SIZE).unwrap();
                    memory.zero(CODE..CODE + PAGE_SIZE).unwrap();
                    memory.map(DATA..DATA + PAGE_SIZE, Perms::RW, SegmentKind::Data, "new").unwrap();
                    assert_eq!(memory.load(DATA + 100), Ok([0; 3]), "not what the program has there");
                }
                memory.restore(&frozen).unwrap();
                assert_eq!(all_of(&memory), fresh);
                assert!(memory.registers().is_unused());
                for slot in 0..40 {
                    let start = memory.registers().windows().address(slot);
                    memory.space.open(start..start + 8192).unwrap();
                    // SAFETY: the window was just opened.
                    assert!(unsafe { memory.space.slice(start, 8192) }.iter().all(|&byte| byte == 0));
                }
                memory.restore(&frozen).unwrap();
            }
        });
    }

    #[test]
    fn a_frozen_memory_is_all_there_is_whatever_the_kernel_tells() {
        from_both(|frozen| {
            let mut memory = Memory::thaw(&frozen).unwrap();
            use_up(&mut memory, 0);
            memory.unmap(DATA + 4 * PAGE_SIZE..DATA + 6 * PAGE_SIZE).unwrap();
            memory
                .map(DATA + 5 * PAGE_SIZE..DATA + 6 * PAGE_SIZE, Perms::R, SegmentKind::Data, "zero")
                .unwrap();
            let frozen = memory.freeze().unwrap();
            let copy = Memory::thaw(&frozen).unwrap();
            assert_eq!(all_of(&copy), all_of(&memory));
            assert!(Arc::ptr_eq(&frozen, &memory.freeze().unwrap()), "nothing has changed");
            memory.store(DATA, [9]).unwrap();
            let later = memory.freeze().unwrap();
            assert!(!Arc::ptr_eq(&frozen, &later));
            assert_eq!(Memory::thaw(&later).unwrap().load(DATA), Ok([9]));
            assert_eq!(copy.load(DATA), Ok([0xee]));
        });
    }

    #[test]
    fn memories_go_from_one_program_to_another_and_take_nothing_along() {
        both_ways(|| {
            let small = {
                let mut memory = Memory::new(limits()).unwrap();
                memory.map(CODE..CODE + PAGE_SIZE, Perms::RW, SegmentKind::Data, "small").unwrap();
                memory.store(CODE + 5, [5]).unwrap();
                memory.settle(once(CODE..CODE + 6)).unwrap()
            };
            let all = [program(), copied(), small, Frozen::empty(limits()).unwrap()];
            let fresh = all.each_ref().map(|frozen| all_of(&Memory::thaw(frozen).unwrap()));
            for (from, to) in (0..16).map(|pair| (pair / 4, pair % 4)) {
                let mut memory = Memory::thaw(&all[from]).unwrap();
                if from < 2 {
                    use_up(&mut memory, 3);
                }
                memory.restore(&all[to]).unwrap();
                assert_eq!(all_of(&memory), fresh[to], "from {from} to {to}");
                assert!(memory.registers().is_unused());
                for addr in (0..limits().address_space).step_by(PAGE_SIZE as usize) {
                    if memory.segment_at(addr).is_none() {
                        assert_eq!(memory.page_table()[(addr / PAGE_SIZE) as usize], Perms::NONE.bits());
                        memory.map(addr..addr + PAGE_SIZE, Perms::R, SegmentKind::Heap, "all").unwrap();
                        assert_eq!(memory.load(addr), Ok([0; PAGE_SIZE as usize]), "from {from} to {to}");
                    }
                }
            }
        });
    }

    #[test]
    fn what_was_written_where_nothing_was_settled_is_gone_when_restored() {
        both_ways(|| {
            let mut memory = Memory::new(limits()).unwrap();
            fill(&mut memory);
            memory.store(FAR, [0xee]).unwrap();
            let frozen = memory.settle(once(CODE..CODE + 64)).unwrap();
            assert_eq!((memory.load(FAR), memory.load(DATA + 100)), (Ok([0xee]), Ok([1])));
            memory.restore(&frozen).unwrap();
            assert_eq!((memory.load(FAR), memory.load(DATA + 100)), (Ok([0]), Ok([0])));
            assert_eq!((memory.load(CODE), frozen.bytes()), (Ok([0x13; 64]), PAGE_SIZE));
        });
    }

    #[test]
    fn a_memory_is_settled_once_and_where_it_is_mapped() {
        let mut memory = Memory::new(limits()).unwrap();
        fill(&mut memory);
        for outside in [0..1, FAR - 1..FAR + 1, FAR..limits().address_space, 5..u64::MAX] {
            assert!(memory.settle(once(outside)).is_err());
        }
        let frozen = memory.settle(once(CODE..CODE + 64)).unwrap();
        assert!(memory.settle(once(CODE..CODE + 64)).is_err(), "it is not empty");
        assert!(Memory::thaw(&program()).unwrap().settle([]).is_err());
        memory.restore(&Frozen::empty(limits()).unwrap()).unwrap();
        memory.restore(&frozen).unwrap();
        assert_eq!(memory.load(CODE), Ok([0x13; 64]));
    }

    #[test]
    fn a_program_that_gave_up_bytes_of_its_own_is_frozen_without_them() {
        both_ways(|| {
            for program in [program(), copied()] {
                for mapped_again in [false, true] {
                    let mut memory = Memory::thaw(&program).unwrap();
                    let page = CODE..CODE + PAGE_SIZE;
                    memory.unmap(page.clone()).unwrap();
                    if mapped_again {
                        memory.map(page, Perms::RW, SegmentKind::Heap, "again").unwrap();
                    }
                    let copy = Memory::thaw(&memory.freeze().unwrap()).unwrap();
                    assert_eq!(all_of(&copy), all_of(&memory));
                    memory.restore(&program).unwrap();
                    assert_eq!(all_of(&memory), all_of(&Memory::thaw(&program).unwrap()));
                }
            }
        });
    }

    #[test]
    fn what_a_larger_program_left_open_is_closed_for_a_smaller_one() {
        let mut memory = Memory::thaw(&copied()).unwrap();
        use_up(&mut memory, 1);
        memory.restore(&Frozen::empty(limits()).unwrap()).unwrap();
        let page = DATA..DATA + PAGE_SIZE;
        memory.map(page.clone(), Perms::RW, SegmentKind::Data, "small").unwrap();
        memory.store(DATA, [1]).unwrap();
        memory.settle(once(page.clone())).unwrap();
        assert!(memory.space.is_open(&page));
        for closed in [CODE, DATA + PAGE_SIZE, FAR / 2, FAR, limits().address_space] {
            assert!(!memory.space.is_open(&(closed..closed + PAGE_SIZE)), "{closed:#x}");
        }
    }

    #[test]
    fn a_pool_has_one_memory_for_programs_that_are_copied() {
        let (pool, first) = (Arc::new(Pool::new(4)), copied());
        drop(pool.take(&first).unwrap());
        let mut memory = pool.take(&Frozen::empty(limits()).unwrap()).unwrap();
        assert_eq!((pool.len(), memory.segments().count()), (0, 0));
        let second = settled(&mut memory);
        drop(memory);
        let memory = pool.take(&second).unwrap();
        assert_eq!((pool.len(), memory.load(DATA + 100)), (0, Ok([1, 2, 3])));
        drop(memory);
        drop(pool.take(&program()).unwrap());
        assert_eq!(pool.len(), 2, "its bytes are in a file");
    }

    #[test]
    fn what_is_as_it_was_made_is_not_frozen_again() {
        let frozen = program();
        let mut memory = Memory::thaw(&frozen).unwrap();
        assert!(Arc::ptr_eq(&frozen, &memory.freeze().unwrap()));
        memory.map(FAR / 2..FAR / 2 + PAGE_SIZE, Perms::RW, SegmentKind::Heap, "heap").unwrap();
        assert!(!Arc::ptr_eq(&frozen, &memory.freeze().unwrap()));
    }

    #[test]
    fn where_the_host_refuses_nothing_is_accessible_any_more() {
        let frozen = program();
        let mut memory = Memory::thaw(&frozen).unwrap();
        use_up(&mut memory, 1);
        memory.space.refuse(true);
        assert!(memory.restore(&frozen).is_err());
        assert!(memory.load::<1>(DATA).is_err());
        assert!(memory.load::<1>(CODE).is_err());
        assert!(memory.map(DATA..DATA + PAGE_SIZE, Perms::RW, SegmentKind::Data, "again").is_err());
    }

    /// Programs of either kind, one that shows the same files as the first with other bytes in a page, and nothing.
    fn programs() -> [Arc<Frozen>; 4] {
        let first = program();
        let mut memory = Memory::thaw(&first).unwrap();
        memory.store(DATA, [7]).unwrap();
        [memory.freeze().unwrap(), first, copied(), Frozen::empty(limits()).unwrap()]
    }

    /// Has `memory` used up, with bytes of the program given back, so that it is mapped anew, or left, so that it is swept.
    fn use_up_and(tears: bool, memory: &mut Memory) {
        if memory.segment_at(DATA).is_none() {
            fill(memory);
        }
        use_up(memory, 3);
        if tears {
            memory.zero(CODE..CODE + PAGE_SIZE).unwrap();
            memory.unmap(DATA + 4 * PAGE_SIZE..DATA + 6 * PAGE_SIZE).unwrap();
        }
    }

    /// Whether whatever is mapped where `use_up` wrote and nothing is mapped is zero.
    fn assert_nothing_is_left(memory: &mut Memory) {
        let parts = [CODE, DATA, FAR / 2, FAR].map(|start| start..start + 16 * PAGE_SIZE);
        for addr in parts.into_iter().flat_map(|part| part.step_by(PAGE_SIZE as usize)) {
            if memory.segment_at(addr).is_none() {
                memory.map(addr..addr + PAGE_SIZE, Perms::RW, SegmentKind::Heap, "fresh").unwrap();
                assert_eq!(memory.load(addr), Ok([0; PAGE_SIZE as usize]), "{addr:#x}");
                memory.store(addr, [1]).unwrap();
            }
        }
    }

    /// Nothing can be seen, or done but to restore it.
    fn assert_is_dead(memory: &mut Memory) {
        let page = DATA..DATA + PAGE_SIZE;
        assert_eq!((memory.mapped(), memory.segments().count()), (0, 1));
        assert!(memory.page_table().iter().all(|&entry| entry == 0));
        assert!(memory.inspect(&page, |_| ()).is_err() && memory.rewrite(&page, |_| ()).is_err());
        assert!(memory.unmap(0..limits().address_space).is_err() && memory.unmap(page.clone()).is_err());
        assert!(memory.protect(page.clone(), Perms::R).is_err() && memory.zero(page.clone()).is_err());
        assert!(memory.map(page, Perms::RW, SegmentKind::Heap, "fresh").is_err());
        assert!(memory.create_register(0, 5000).is_err() && memory.settle([]).is_err());
        assert!(memory.freeze().is_err());
    }

    /// From each program to each, whichever call the host refuses first: how often it refused.
    fn refused_restores(after: impl Fn(&mut Memory, &Arc<Frozen>)) -> usize {
        let (all, mut refused) = (programs(), 0);
        let pairs = all.iter().flat_map(|from| all.iter().map(move |to| (from, to)));
        for (from, to, tears) in pairs.flat_map(|(from, to)| [(from, to, false), (from, to, true)]) {
            for calls in 0.. {
                let mut memory = Memory::thaw(from).unwrap();
                use_up_and(tears, &mut memory);
                let versions = (memory.code_version(), memory.map_version());
                memory.space.refuse_after(calls);
                let restored = memory.restore(to);
                memory.space.refuse(false);
                if restored.is_ok() {
                    break;
                }
                refused += 1;
                assert!(memory.code_version() != versions.0 && memory.map_version() != versions.1);
                assert_is_dead(&mut memory);
                after(&mut memory, to);
            }
        }
        refused
    }

    #[test]
    fn a_memory_that_could_not_be_restored_is_dead_until_it_is() {
        both_ways(|| {
            let refused = refused_restores(|memory, frozen| {
                memory.space.refuse_after(0);
                assert!(memory.restore(frozen).is_err());
                assert_is_dead(memory);
                memory.space.refuse(false);
                memory.restore(frozen).unwrap();
                assert_eq!(all_of(memory), all_of(&Memory::thaw(frozen).unwrap()));
                assert_nothing_is_left(memory);
                memory.restore(frozen).unwrap();
                assert_eq!(all_of(memory), all_of(&Memory::thaw(frozen).unwrap()));
            });
            assert!(refused > 50, "{refused}");
        });
    }

    #[test]
    fn a_memory_that_could_not_be_restored_is_cleared_or_stays_dead() {
        both_ways(|| {
            refused_restores(|memory, _| {
                memory.space.refuse(true);
                memory.clear();
                assert_is_dead(memory);
                memory.space.refuse(false);
                memory.clear();
                assert_eq!((memory.segments().count(), memory.mapped()), (0, 0));
                assert_nothing_is_left(memory);
                assert!(memory.freeze().is_ok());
            });
        });
    }

    #[test]
    fn a_memory_that_could_not_be_restored_is_pooled_only_when_it_is() {
        both_ways(|| {
            let pool = Arc::new(Pool::new(1));
            refused_restores(|memory, frozen| {
                let mut dead = std::mem::replace(memory, Memory::new(limits()).unwrap());
                assert!(dead.recycle().is_none() && dead.space.hand_on().is_none());
                dead.restore(frozen).unwrap();
                dead.home = Some(Arc::clone(&pool));
                drop(dead);
                assert_eq!(pool.len(), 1);
                let mut next = pool.take(frozen).unwrap();
                assert_eq!(all_of(&next).1, all_of(&Memory::thaw(frozen).unwrap()).1);
                assert_nothing_is_left(&mut next);
                next.home = None;
            });
        });
    }

    #[test]
    fn a_machine_that_could_not_be_restored_and_was_reset_shows_nothing_old() {
        both_ways(|| {
            let (from, to) = (program(), copied());
            for calls in 0.. {
                let mut machine = crate::Machine::with_memory(Memory::thaw(&from).unwrap()).unwrap();
                use_up(&mut machine.memory, 1);
                machine.memory.space.refuse_after(calls);
                let restored = machine.restart_as(&to);
                machine.memory.space.refuse(false);
                if restored.is_ok() {
                    assert!(calls > 1);
                    break;
                }
                assert_is_dead(&mut machine.memory);
                machine.reset().unwrap();
                assert_eq!(machine.memory.segments().count(), 0);
                assert_nothing_is_left(&mut machine.memory);
                machine.restart_as(&from).unwrap();
                assert_eq!(all_of(&machine.memory).1, all_of(&Memory::thaw(&from).unwrap()).1);
            }
        });
    }

    #[test]
    fn a_memory_that_could_not_be_frozen_or_settled_is_as_it_was_and_can_be_the_next_time() {
        both_ways(|| {
            let mut memory = Memory::thaw(&program()).unwrap();
            use_up(&mut memory, 0);
            let before = all_of(&memory);
            memory.space.refuse_after(0);
            assert!(memory.freeze().is_err());
            assert_eq!(all_of(&memory), before);
            memory.space.refuse(false);
            assert_eq!(all_of(&Memory::thaw(&memory.freeze().unwrap()).unwrap()), before);

            for calls in 0.. {
                let mut memory = Memory::thaw(&copied()).unwrap();
                use_up(&mut memory, 1);
                memory.restore(&Frozen::empty(limits()).unwrap()).unwrap();
                let page = DATA..DATA + PAGE_SIZE;
                memory.map(page.clone(), Perms::RW, SegmentKind::Data, "small").unwrap();
                memory.store(DATA, [1]).unwrap();
                let before = all_of(&memory);
                memory.space.refuse_after(calls);
                let settled = memory.settle(once(page.clone()));
                memory.space.refuse(false);
                if settled.is_ok() {
                    assert!(calls > 2);
                    break;
                }
                assert_eq!(all_of(&memory), before);
                // What was closed halfway is not taken for open.
                assert_nothing_is_left(&mut memory);
                let frozen = memory.settle(once(page)).unwrap();
                assert_eq!(Memory::thaw(&frozen).unwrap().load(DATA), Ok([1]));
            }
        });
    }

    /// The host closes the first page and refuses to close the second.
    #[test]
    fn what_was_closed_halfway_is_not_taken_for_open() {
        let (pool, frozen) = (Arc::new(Pool::new(4)), program());
        let heap = FAR / 2..FAR / 2 + 2 * PAGE_SIZE;
        for is_pooled in [false, true] {
            let mut memory = pool.take(&frozen).unwrap();
            memory.map(heap.clone(), Perms::RW, SegmentKind::Heap, "heap").unwrap();
            memory.slice_mut(heap.start, 2 * PAGE_SIZE).unwrap().fill(0xee);
            memory.space.refuse_after(1);
            assert!(memory.unmap(heap.clone()).is_err());
            memory.space.refuse(false);
            assert!(!memory.space.is_open(&heap));
            let mut next = if is_pooled {
                drop(memory);
                assert_eq!(pool.len(), 0, "nobody gets what has lost anything");
                pool.take(&frozen).unwrap()
            } else {
                memory.restore(&frozen).unwrap();
                memory
            };
            next.map(heap.clone(), Perms::RW, SegmentKind::Heap, "heap").unwrap();
            let bytes = next.slice_mut(heap.start, 2 * PAGE_SIZE).unwrap();
            assert!(bytes.iter().all(|&byte| byte == 0));
            bytes.fill(1);
            next.home = None;
        }
    }

    #[test]
    fn what_the_host_does_not_clean_does_not_go_into_a_pool() {
        let (pool, frozen) = (Arc::new(Pool::new(4)), program());
        for (refuses, kept) in [(true, 0), (false, 1)] {
            let mut memory = pool.take(&frozen).unwrap();
            use_up(&mut memory, 1);
            memory.space.refuse(refuses);
            drop(memory);
            assert_eq!(pool.len(), kept);
        }
    }

    #[test]
    fn doorbells_of_a_memory_that_is_gone_do_not_ring_in_the_next() {
        let (pool, frozen) = (Arc::new(Pool::new(1)), program());
        let memory = pool.take(&frozen).unwrap();
        let bell = memory.doorbell();
        drop(memory);
        let mut next = pool.take(&frozen).unwrap();
        next.set_floor(5);
        bell.ring();
        assert_eq!(next.floor(), 5);
        next.doorbell().ring();
        assert_eq!(next.floor(), i64::MAX);
    }

    /// Also while the memory is on its way into the pool.
    #[test]
    fn doorbells_of_a_memory_that_is_being_dropped_do_not_ring_in_the_next() {
        let frozen = program();
        let mut memory = Memory::thaw(&frozen).unwrap();
        let bell = memory.doorbell();
        memory.set_floor(3);
        let mut next = memory.recycle().expect("nobody has the hart");
        bell.ring();
        assert_eq!(next.floor(), 3);
        next.set_floor(5);
        bell.ring();
        assert_eq!(next.floor(), 5);
        drop(memory);
        next.doorbell().ring();
        assert_eq!(next.floor(), i64::MAX);
    }

    #[test]
    fn a_memory_whose_hart_somebody_has_does_not_become_another() {
        let pool = Arc::new(Pool::new(1));
        let mut memory = pool.take(&program()).unwrap();
        let hart = memory.take_hart().unwrap();
        drop(memory);
        assert_eq!((pool.len(), hart.pc), (0, 0));
    }

    #[test]
    fn code_that_was_put_there_is_gone_after_restoring() {
        let limits = Limits { allow_writable_code: true, ..limits() };
        let mut memory = Memory::new(limits).unwrap();
        memory.map(CODE..CODE + PAGE_SIZE, Perms::RWX, SegmentKind::Text, "code").unwrap();
        let frozen = memory.freeze().unwrap();
        let mut memory = Memory::thaw(&frozen).unwrap();
        memory.set_code_copies(|_| Some(&[0x13; PAGE_SIZE as usize]));
        assert_eq!(memory.fetch(CODE), Ok(0x1313_1313));
        assert!(!Arc::ptr_eq(&frozen, &memory.freeze().unwrap()));
        memory.restore(&frozen).unwrap();
        assert_eq!((memory.fetch(CODE), memory.code_version()), (Ok(0), frozen.code_version()));
    }

    #[test]
    fn a_machine_whose_memory_is_restored_keeps_its_hart() {
        let (one, other) = (program(), {
            let mut memory = Memory::thaw(&program()).unwrap();
            memory.store(DATA, [7]).unwrap();
            memory.freeze().unwrap()
        });
        let mut machine = crate::Machine::with_memory(Memory::thaw(&one).unwrap()).unwrap();
        machine.hart.x[5] = 55;
        for frozen in [&other, &one, &other] {
            machine.memory.restore(frozen).unwrap();
            assert_eq!(machine.hart.x[5], 55);
        }
    }
}
