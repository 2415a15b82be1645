//! Program break and mappings.
//!
//! The heap that `brk` grows begins after the image. Mappings go to the lowest free address of an area
//! between heap and stack. Segments that the host handed over (guards, inputs, outputs, windows) are
//! not the guest's to unmap, replace or give other permissions.

use std::fs::File;
use std::ops::Range;
use std::sync::Arc;

use borsh::{BorshDeserialize, BorshSerialize};
use causality_machine::memory::{MapError, PAGE_SIZE, Perms, SegmentKind};
use causality_machine::{Cause, Flow, Memory, OnMemoryLimit};

use super::call::{Answer, Call, Stop};
use super::{Errno, files};

/// Name of the segment that `brk` grows.
const HEAP: &str = "heap";
/// Name of anonymous mappings.
const ANONYMOUS: &str = "mmap";
/// Name of mappings made from a file.
const SNAPSHOT: &str = "file mmap";
/// The lowest address a fixed mapping may have (Linux `vm.mmap_min_addr`).
const LOWEST_FIXED: u64 = 0x1_0000;
/// How much `mremap` has in flight at a time when it moves a mapping.
const MOVE: u64 = 1 << 20;

const PROT_READ: u64 = 1;
const PROT_WRITE: u64 = 2;
const PROT_EXEC: u64 = 4;
const MAP_SHARED: u64 = 1;
const MAP_PRIVATE: u64 = 2;
const MAP_SHARED_VALIDATE: u64 = 3;
const MAP_TYPE: u64 = 0xf;
const MAP_FIXED: u64 = 0x10;
const MAP_ANONYMOUS: u64 = 0x20;
const MAP_HUGETLB: u64 = 0x4_0000;
const MAP_FIXED_NOREPLACE: u64 = 0x10_0000;
const MREMAP_MAYMOVE: u64 = 1;
const MREMAP_FIXED: u64 = 2;

/// Where the guest's dynamic memory is.
#[derive(Clone, Debug, Default, PartialEq, Eq, BorshSerialize, BorshDeserialize)]
pub(super) struct Areas {
    /// The program break: where it began, and where it is, to the byte.
    pub(super) brk: Range<u64>,
    /// Where mappings go.
    pub(super) mappings: Range<u64>,
    /// Bytes mapped before the guest ran: image and stack.
    pub(super) initial: u64,
    /// The most bytes that were mapped beyond those.
    pub(super) peak: u64,
}

impl Areas {
    /// Whether they can be those of a process in this memory.
    pub(super) fn are_sound(&self, memory: &Memory) -> bool {
        let is_inside =
            |range: &Range<u64>| range.start <= range.end && range.end <= memory.limits().address_space;
        is_inside(&self.brk) && is_inside(&self.mappings)
    }

    /// Takes note of how much is mapped now.
    pub(super) fn note(&mut self, memory: &Memory) {
        self.peak = self.peak.max(memory.mapped().saturating_sub(self.initial));
    }
}

/// What a refused change of the address space means to the guest.
fn refused(memory: &Memory, error: MapError, addr: u64, size: u64) -> Stop {
    let traps = memory.limits().on_memory_limit == OnMemoryLimit::Trap;
    match error {
        MapError::MemoryLimit { .. } if traps => Stop::Flow(Flow::Trap(Cause::MemoryLimit, size)),
        MapError::SegmentLimit { .. } if traps => Stop::Flow(Flow::Trap(Cause::SegmentLimit, addr)),
        MapError::WritableCode => Errno::ACCES.into(),
        MapError::Misaligned => Errno::INVAL.into(),
        MapError::Overlap => Errno::EXIST.into(),
        MapError::Host(error) => Stop::Host(Box::new(error)),
        _ => Errno::NOMEM.into(),
    }
}

/// The pages of `len` bytes at a page-aligned `addr`.
fn pages(addr: u64, len: u64) -> Result<Range<u64>, Errno> {
    if !addr.is_multiple_of(PAGE_SIZE) {
        return Err(Errno::INVAL);
    }
    let size = len.checked_next_multiple_of(PAGE_SIZE).ok_or(Errno::NOMEM)?;
    Ok(addr..addr.checked_add(size).ok_or(Errno::NOMEM)?)
}

fn perms(prot: u64) -> Result<Perms, Errno> {
    if prot & !(PROT_READ | PROT_WRITE | PROT_EXEC) != 0 {
        return Err(Errno::INVAL);
    }
    let has = |bit| prot & bit != 0;
    Ok(Perms::new(has(PROT_READ), has(PROT_WRITE), has(PROT_EXEC)))
}

/// Whether nothing in `range` belongs to the host.
fn is_guests(memory: &Memory, range: &Range<u64>) -> bool {
    use SegmentKind::{Data, Heap, Rodata, Stack, Text};
    memory
        .segments()
        .filter(|s| s.range.start < range.end && range.start < s.range.end)
        .all(|s| matches!(s.kind, Text | Rodata | Data | Heap | Stack))
}

fn is_free(memory: &Memory, range: &Range<u64>) -> bool {
    range.end <= memory.limits().address_space
        && memory.segments().all(|s| s.range.end <= range.start || range.end <= s.range.start)
}

/// brk(2): sets the program break, or tells it if that cannot be done.
pub(super) fn brk(call: &mut Call<'_>, addr: u64) -> Answer {
    let Range { start, end } = call.linux.areas.brk;
    if addr < start {
        return Ok(end);
    }
    let (Some(old), Some(new)) =
        (end.checked_next_multiple_of(PAGE_SIZE), addr.checked_next_multiple_of(PAGE_SIZE))
    else {
        return Ok(end);
    };
    let done = match new.cmp(&old) {
        std::cmp::Ordering::Greater => call.memory.map(old..new, Perms::RW, SegmentKind::Heap, HEAP),
        std::cmp::Ordering::Less if !is_guests(call.memory, &(new..old)) => return Ok(end),
        std::cmp::Ordering::Less => call.memory.unmap(new..old),
        std::cmp::Ordering::Equal => Ok(()),
    };
    match done.map_err(|error| refused(call.memory, error, old, new.saturating_sub(old))) {
        Ok(()) => call.linux.areas.brk.end = addr,
        Err(Stop::Errno(_)) => return Ok(end),
        Err(stop) => return Err(stop),
    }
    Ok(addr)
}

/// mmap(2).
pub(super) fn mmap(
    call: &mut Call<'_>,
    addr: u64,
    len: u64,
    prot: u64,
    flags: u64,
    fd: i32,
    offset: u64,
) -> Answer {
    if len == 0 || !offset.is_multiple_of(PAGE_SIZE) || flags & MAP_HUGETLB != 0 {
        return Err(Errno::INVAL.into());
    }
    let file = source(call, flags, fd)?;
    let perms = perms(prot)?;
    call.memory.check_perms(perms).map_err(|e| refused(call.memory, e, addr, len))?;
    let range = place(call, addr, len, flags)?;
    let size = range.end - range.start;
    let name = if file.is_some() { SNAPSHOT } else { ANONYMOUS };
    // A file's bytes are copied in before the final permissions hold.
    let first = if file.is_some() { Perms::RW } else { perms };
    if !is_free(call.memory, &range) {
        let growth = if first.is_none() { 0 } else { size };
        check_room(call.memory, &range, growth, 1).map_err(|e| refused(call.memory, e, range.start, size))?;
        call.memory.unmap(range.clone()).map_err(|e| refused(call.memory, e, range.start, size))?;
    }
    call.memory
        .map(range.clone(), first, SegmentKind::Heap, name)
        .map_err(|e| refused(call.memory, e, range.start, size))?;
    if let Some(file) = file {
        let filled = fill(call, &file, &range, offset).and_then(|()| {
            call.memory.protect(range.clone(), perms).map_err(|e| refused(call.memory, e, range.start, size))
        });
        if let Err(stop) = filled {
            // Whole segments are unmapped, or the host has failed and the guest is told of the first.
            let _ = call.memory.unmap(range);
            return Err(stop);
        }
    }
    Ok(range.start)
}

/// The file a mapping is made from; none for an anonymous one.
fn source(call: &Call<'_>, flags: u64, fd: i32) -> Result<Option<Arc<File>>, Stop> {
    match flags & MAP_TYPE {
        MAP_SHARED | MAP_PRIVATE | MAP_SHARED_VALIDATE => {}
        _ => return Err(Errno::INVAL.into()),
    }
    if flags & MAP_ANONYMOUS != 0 {
        return Ok(None);
    }
    // A snapshot is not shared with anyone: rather no mapping than one that lies.
    let shared = flags & MAP_TYPE != MAP_PRIVATE;
    let file = files::mappable(call, fd)?;
    if shared {
        return Err(Errno::NODEV.into());
    }
    Ok(Some(file))
}

/// Where a mapping goes. What is not free there is the guest's, and replaced by a fixed mapping.
fn place(call: &Call<'_>, addr: u64, len: u64, flags: u64) -> Result<Range<u64>, Stop> {
    if flags & (MAP_FIXED | MAP_FIXED_NOREPLACE) == 0 {
        return Ok(choose(call, addr, len)?);
    }
    let range = pages(addr, len)?;
    if range.end > call.memory.limits().address_space {
        return Err(Errno::NOMEM.into());
    }
    if range.start < LOWEST_FIXED || !is_guests(call.memory, &range) {
        return Err(Errno::PERM.into());
    }
    if flags & MAP_FIXED_NOREPLACE != 0 && !is_free(call.memory, &range) {
        return Err(Errno::EXIST.into());
    }
    Ok(range)
}

/// The hint if there is room, otherwise the lowest free range of the mapping area, otherwise one
/// between heap and mapping area.
fn choose(call: &Call<'_>, hint: u64, len: u64) -> Result<Range<u64>, Errno> {
    let size = pages(0, len)?.end;
    let hinted = hint & !(PAGE_SIZE - 1);
    if hinted >= LOWEST_FIXED
        && let Ok(range) = pages(hinted, size)
        && is_free(call.memory, &range)
    {
        return Ok(range);
    }
    let areas = &call.linux.areas;
    let heap_end = areas.brk.end.next_multiple_of(PAGE_SIZE);
    let start = call
        .memory
        .find_free(size, areas.mappings.clone())
        .or_else(|| call.memory.find_free(size, heap_end..areas.mappings.end))
        .ok_or(Errno::NOMEM)?;
    pages(start, size)
}

/// Copies a file's bytes from `offset` into `range`, as far as it has any.
fn fill(call: &mut Call<'_>, file: &File, range: &Range<u64>, offset: u64) -> Result<(), Stop> {
    let bytes = call.memory.slice_mut(range.start, range.end - range.start)?;
    call.linux.files.outside.fill(bytes, |bytes| files::read_fully(file, bytes, offset))?;
    Ok(())
}

/// munmap(2).
pub(super) fn munmap(call: &mut Call<'_>, addr: u64, len: u64) -> Answer {
    let range = pages(addr, len).map_err(|_| Errno::INVAL)?;
    if range.is_empty() || range.end > call.memory.limits().address_space || !is_guests(call.memory, &range) {
        return Err(Errno::INVAL.into());
    }
    call.memory.unmap(range).map_err(|e| refused(call.memory, e, addr, len))?;
    Ok(0)
}

/// mprotect(2).
pub(super) fn mprotect(call: &mut Call<'_>, addr: u64, len: u64, prot: u64) -> Answer {
    let range = pages(addr, len)?;
    let perms = perms(prot)?;
    if range.is_empty() {
        return Ok(0);
    }
    if !is_guests(call.memory, &range) {
        return Err(Errno::ACCES.into());
    }
    call.memory.protect(range, perms).map_err(|e| refused(call.memory, e, addr, len))?;
    Ok(0)
}

/// madvise(2): only `MADV_DONTNEED` has an effect that a guest can see.
pub(super) fn madvise(call: &mut Call<'_>, addr: u64, len: u64, advice: i32) -> Answer {
    const NORMAL_TO_WILLNEED: std::ops::RangeInclusive<i32> = 0..=3;
    const DONTNEED: i32 = 4;
    const FREE: i32 = 8;
    /// MERGEABLE, UNMERGEABLE, HUGEPAGE, NOHUGEPAGE, DONTDUMP, DODUMP, WIPEONFORK, KEEPONFORK, COLD.
    const HINTS: std::ops::RangeInclusive<i32> = 12..=20;
    let range = pages(addr, len).map_err(|_| Errno::INVAL)?;
    let known = NORMAL_TO_WILLNEED.contains(&advice) || HINTS.contains(&advice);
    if !known && ![DONTNEED, FREE].contains(&advice) {
        return Err(Errno::INVAL.into());
    }
    if advice == DONTNEED && !range.is_empty() {
        forget(call.memory, range)?;
    }
    Ok(0)
}

/// Makes anonymous pages zero again. All others would have to get their file's bytes back.
fn forget(memory: &mut Memory, range: Range<u64>) -> Result<(), Stop> {
    let mut covered = range.start;
    while covered < range.end {
        let segment = memory.segment_at(covered).ok_or(Errno::NOMEM)?;
        let anonymous =
            matches!(segment.kind, SegmentKind::Heap | SegmentKind::Stack) && segment.name != SNAPSHOT;
        // Code that is not writable must not change behind the executors' back.
        if !anonymous || segment.perms == Perms::RX {
            return Err(Errno::INVAL.into());
        }
        covered = segment.range.end;
    }
    let (start, size) = (range.start, range.end - range.start);
    memory.zero(range).map_err(|e| refused(memory, e, start, size))
}

/// mremap(2).
pub(super) fn mremap(
    call: &mut Call<'_>,
    addr: u64,
    old_len: u64,
    new_len: u64,
    flags: u64,
    target: u64,
) -> Answer {
    if flags & !(MREMAP_MAYMOVE | MREMAP_FIXED) != 0
        || (flags & MREMAP_FIXED != 0 && flags & MREMAP_MAYMOVE == 0)
        || old_len == 0
        || new_len == 0
    {
        return Err(Errno::INVAL.into());
    }
    let old = pages(addr, old_len).map_err(|_| Errno::INVAL)?;
    let size = pages(0, new_len)?.end;
    let segment = call.memory.segment_at(addr).ok_or(Errno::FAULT)?;
    if segment.range.end < old.end || !is_guests(call.memory, &old) {
        return Err(Errno::FAULT.into());
    }
    if flags & MREMAP_FIXED != 0 {
        let new = pages(target, size)?;
        if new.start < old.end && old.start < new.end {
            return Err(Errno::INVAL.into());
        }
        let new = place(call, new.start, size, MAP_FIXED)?;
        return relocate(call.memory, &old, new);
    }
    resize(call, &old, size, flags & MREMAP_MAYMOVE != 0)
}

fn resize(call: &mut Call<'_>, old: &Range<u64>, size: u64, may_move: bool) -> Answer {
    let end = old.start.checked_add(size).ok_or(Errno::NOMEM)?;
    if end < old.end {
        call.memory.unmap(end..old.end).map_err(|e| refused(call.memory, e, old.start, size))?;
        return Ok(old.start);
    }
    if end == old.end {
        return Ok(old.start);
    }
    if is_free(call.memory, &(old.end..end)) {
        grow(call.memory, old.end..end)?;
        return Ok(old.start);
    }
    if !may_move {
        return Err(Errno::NOMEM.into());
    }
    let new = choose(call, 0, size)?;
    relocate(call.memory, old, new)
}

/// Maps `range` like the page before it.
fn grow(memory: &mut Memory, range: Range<u64>) -> Result<(), Stop> {
    let like = memory.segment_at(range.start - 1).ok_or(Errno::FAULT)?.clone();
    memory
        .map(range.clone(), like.perms, like.kind, &like.name)
        .map_err(|e| refused(memory, e, range.start, range.end - range.start))
}

/// Moves the pages of `old`, which lie in one segment, to `new`, which may be larger or smaller; what is
/// there is unmapped. Piece by piece, so that the guest never has more mapped than before and after.
fn relocate(memory: &mut Memory, old: &Range<u64>, new: Range<u64>) -> Answer {
    let segment = memory.segment_at(old.start).ok_or(Errno::FAULT)?.clone();
    let (old_size, size) = (old.end - old.start, new.end - new.start);
    let fail = |memory: &Memory, e| refused(memory, e, new.start, size);
    let readable = !segment.perms.is_none();
    let growth = if readable { size.saturating_sub(old_size) } else { 0 };
    check_room(memory, &new, growth, 2).map_err(|e| fail(memory, e))?;
    if !is_free(memory, &new) {
        memory.unmap(new.clone()).map_err(|e| fail(memory, e))?;
    }
    let mut done = 0;
    while done < old_size {
        let piece = MOVE.min(old_size - done);
        let from = old.start + done..old.start + done + piece;
        let bytes = if readable { memory.slice(from.start, piece)?.to_vec() } else { Vec::new() };
        memory.unmap(from).map_err(|e| fail(memory, e))?;
        let room = piece.min(size.saturating_sub(done));
        if room > 0 {
            let to = new.start + done..new.start + done + room;
            let perms = if readable { Perms::RW } else { Perms::NONE };
            memory.map(to.clone(), perms, segment.kind, &segment.name).map_err(|e| fail(memory, e))?;
            if readable {
                memory.slice_mut(to.start, room)?.copy_from_slice(&bytes[..room as usize]);
            }
        }
        done += piece;
    }
    if size > old_size {
        grow(memory, new.start + old_size..new.end)?;
    }
    memory.protect(new.clone(), segment.perms).map_err(|e| fail(memory, e))?;
    Ok(new.start)
}

/// Checks before anything changes that it can be done to the end: once `replaced` is unmapped, `growth`
/// more bytes and `more` segments must be within the limits.
fn check_room(memory: &Memory, replaced: &Range<u64>, growth: u64, more: usize) -> Result<(), MapError> {
    let (mut mapped, mut segments) = (memory.mapped(), memory.segments().count());
    for segment in memory.segments() {
        let Range { start, end } = segment.range;
        let freed = end.min(replaced.end).saturating_sub(start.max(replaced.start));
        if freed > 0 {
            mapped -= if segment.perms.is_none() { 0 } else { freed };
            segments += usize::from(start < replaced.start) + usize::from(replaced.end < end);
            segments -= 1;
        }
    }
    let limits = memory.limits();
    if mapped.saturating_add(growth) > limits.memory {
        return Err(MapError::MemoryLimit { limit: limits.memory });
    }
    if segments + more > limits.segments {
        return Err(MapError::SegmentLimit { limit: limits.segments });
    }
    Ok(())
}

/// msync(2): there is nothing to write back.
pub(super) fn msync(call: &mut Call<'_>, addr: u64, len: u64, _flags: i32) -> Answer {
    let range = pages(addr, len)?;
    if !range.is_empty() && is_free(call.memory, &range) {
        return Err(Errno::NOMEM.into());
    }
    Ok(0)
}
