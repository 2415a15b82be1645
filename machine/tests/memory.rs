//! Every way an access or a mapping can go wrong has a defined outcome.

use causality_machine::memory::{MapError, PAGE_SIZE, Perms, SegmentKind};
use causality_machine::{Cause, Fault, InvalidLimits, Limits, Memory};

const BASE: u64 = 0x10000;

fn limits() -> Limits {
    Limits { address_space: 1 << 30, memory: 1 << 20, segments: 8, ..Limits::default() }
}

/// [`Memory::run_of`], page by page.
fn run_in_table(m: &Memory, addr: u64, perms: Perms) -> u64 {
    let first = addr / PAGE_SIZE;
    let pages = m.page_table().iter().skip(first as usize);
    let pages = pages.take_while(|&&bits| bits & perms.bits() == perms.bits()).count() as u64;
    ((first + pages) * PAGE_SIZE).saturating_sub(addr)
}

/// Whether the page table says of each page and the next one what it says of either.
fn pairs_are_those_of_pages(m: &Memory) -> bool {
    let table = m.page_table();
    let next = table.iter().skip(1).chain([&0]);
    table.iter().zip(next).all(|(&entry, &next)| {
        let is_pair = |pair: u8, bit: u8| (entry & pair != 0) == (entry & next & bit != 0);
        is_pair(Perms::READ_PAIR_BIT, Perms::READ_BIT) && is_pair(Perms::WRITE_PAIR_BIT, Perms::WRITE_BIT)
    })
}

/// text | rodata | data | hole | guard | stack, one or two pages each.
fn memory() -> Memory {
    let mut m = Memory::new(limits()).unwrap();
    let mut at = BASE;
    for (name, kind, perms, pages) in [
        ("text", SegmentKind::Text, Perms::RX, 1),
        ("rodata", SegmentKind::Rodata, Perms::R, 1),
        ("data", SegmentKind::Data, Perms::RW, 2),
    ] {
        m.map(at..at + pages * PAGE_SIZE, perms, kind, name).unwrap();
        at += pages * PAGE_SIZE;
    }
    at += PAGE_SIZE;
    m.map(at..at + PAGE_SIZE, Perms::NONE, SegmentKind::Guard, Memory::STACK_GUARD).unwrap();
    m.map(at + PAGE_SIZE..at + 2 * PAGE_SIZE, Perms::RW, SegmentKind::Stack, "stack").unwrap();
    m
}

const TEXT: u64 = BASE;
const RODATA: u64 = BASE + PAGE_SIZE;
const DATA: u64 = RODATA + PAGE_SIZE;
const HOLE: u64 = DATA + 2 * PAGE_SIZE;
const GUARD: u64 = HOLE + PAGE_SIZE;
const STACK: u64 = GUARD + PAGE_SIZE;
const END: u64 = STACK + PAGE_SIZE;

fn fault<T>(cause: Cause, tval: u64) -> Result<T, Fault> {
    Err(Fault { cause, tval })
}

#[test]
fn loads_and_stores_obey_segment_permissions() {
    let mut m = memory();
    assert_eq!(m.load::<8>(TEXT), Ok([0; 8]));
    assert_eq!(m.load::<8>(RODATA), Ok([0; 8]));
    assert_eq!(m.store(TEXT, [1]), fault(Cause::StoreAccessFault, TEXT));
    assert_eq!(m.store(RODATA, [1]), fault(Cause::StoreAccessFault, RODATA));
    assert_eq!(m.store(DATA, [7, 8]), Ok(()));
    assert_eq!(m.load::<2>(DATA), Ok([7, 8]));
    assert_eq!(m.fetch(DATA), fault(Cause::InstructionAccessFault, DATA));
    assert_eq!(m.fetch(TEXT), Ok(0));
}

#[test]
fn one_byte_past_the_end_faults_and_touches_nothing() {
    let mut m = memory();
    assert_eq!(m.load::<1>(HOLE), fault(Cause::LoadAccessFault, HOLE));
    assert_eq!(m.store(HOLE - 7, [9; 8]), fault(Cause::StoreAccessFault, HOLE - 7));
    assert_eq!(m.load::<7>(HOLE - 7), Ok([0; 7]));
    assert_eq!(m.store(END - 7, [9; 8]), fault(Cause::StoreAccessFault, END - 7));
    assert_eq!(m.load::<8>(END - 8), Ok([0; 8]));
    assert_eq!(m.load::<1>(TEXT - 1), fault(Cause::LoadAccessFault, TEXT - 1));
}

#[test]
fn an_access_may_span_segments_that_both_allow_it() {
    let mut m = memory();
    assert_eq!(m.load::<8>(DATA - 4), Ok([0; 8]));
    assert_eq!(m.store(DATA - 4, [1; 8]), fault(Cause::StoreAccessFault, DATA - 4));
    assert_eq!(m.load::<4>(DATA), Ok([0; 4]));
    m.protect(RODATA..DATA, Perms::RW).unwrap();
    assert_eq!(m.store(DATA - 4, [1; 8]), Ok(()));
}

#[test]
fn accesses_that_wrap_the_address_space_fault() {
    let mut m = memory();
    // Behind the address space, there are windows of resource registers.
    let windows = 256 << 20;
    for addr in [u64::MAX, u64::MAX - 3, u64::MAX - 7, 1 << 63, (1 << 30) + windows, (1 << 30) - 1, 0] {
        assert_eq!(m.load::<8>(addr), fault(Cause::LoadAccessFault, addr));
        assert_eq!(m.store(addr, [0; 8]), fault(Cause::StoreAccessFault, addr));
        assert_eq!(m.fetch(addr & !1), fault(Cause::InstructionAccessFault, addr & !1));
    }
    assert!(m.slice(u64::MAX, 2).is_err());
    assert!(m.slice(DATA, u64::MAX).is_err());
    assert!(m.slice(u64::MAX, 0).unwrap().is_empty());
}

#[test]
fn the_guard_below_the_stack_is_a_stack_overflow() {
    let mut m = memory();
    assert_eq!(m.store(STACK - 8, [0; 8]), fault(Cause::StackOverflow, STACK - 8));
    assert_eq!(m.store(STACK - 4, [0; 8]), fault(Cause::StackOverflow, STACK - 4));
    assert_eq!(m.load::<1>(GUARD), fault(Cause::StackOverflow, GUARD));
    assert_eq!(m.load::<1>(GUARD - 1), fault(Cause::LoadAccessFault, GUARD - 1));
}

#[test]
fn an_instruction_may_span_pages_and_faults_at_the_missing_half() {
    let mut m = memory();
    let last = RODATA - 2;
    m.protect(TEXT..RODATA, Perms::RW).unwrap();
    m.store(last, [0x13, 0x05]).unwrap();
    m.protect(TEXT..RODATA, Perms::RX).unwrap();
    assert_eq!(m.fetch(last), fault(Cause::InstructionAccessFault, RODATA));
    m.protect(RODATA..DATA, Perms::RX).unwrap();
    assert_eq!(m.fetch(last), Ok(0x0513));
    assert_eq!(m.fetch(last + 1), fault(Cause::InstructionAddressMisaligned, last + 1));
}

#[test]
fn writable_code_needs_leave_and_shows_stores_at_fence_i() {
    let mut m = memory();
    assert!(matches!(m.protect(DATA..HOLE, Perms::RWX), Err(MapError::WritableCode)));
    let mut m = Memory::new(Limits { allow_writable_code: true, ..limits() }).unwrap();
    m.map(BASE..BASE + PAGE_SIZE, Perms::RWX, SegmentKind::Text, "jit").unwrap();
    let version = m.code_version();
    m.store(BASE, [0x13, 0, 0, 0]).unwrap();
    assert_eq!(m.fetch(BASE), Ok(0), "a store is not seen before fence.i");
    assert_eq!(m.code_version(), version);
    m.sync_code();
    assert_eq!(m.fetch(BASE), Ok(0x13));
    assert_ne!(m.code_version(), version);
}

#[test]
fn reprotecting_makes_new_code_visible() {
    let mut m = memory();
    let version = m.code_version();
    m.store(DATA, [0x13, 0, 0, 0]).unwrap();
    m.protect(DATA..DATA + PAGE_SIZE, Perms::RX).unwrap();
    assert_eq!(m.fetch(DATA), Ok(0x13));
    assert_ne!(m.code_version(), version);
}

#[test]
fn a_stack_is_as_deep_as_its_lowest_page_in_use() {
    let mut m = memory();
    assert_eq!(m.depth(DATA..HOLE), Ok(0));
    m.store(DATA + PAGE_SIZE + 5, [1]).unwrap();
    assert_eq!(m.depth(DATA..HOLE), Ok(PAGE_SIZE));
    m.store(DATA + 5, [1]).unwrap();
    assert_eq!(m.depth(DATA..HOLE), Ok(2 * PAGE_SIZE));
    assert_eq!(m.depth(DATA + 5..HOLE - 5), Ok(2 * PAGE_SIZE - 10));
    assert_eq!(m.depth(DATA + 6..HOLE), Ok(PAGE_SIZE), "what lies before it does not count");
    assert_eq!(m.depth(DATA + 6..DATA + 6), Ok(0));
    assert_eq!(m.depth(DATA..HOLE + PAGE_SIZE), fault(Cause::LoadAccessFault, DATA));
    // So it is where nothing was written since, as it comes with an image.
    let image = m.freeze().unwrap();
    let mut other = Memory::thaw(&image).unwrap();
    for _ in 0..2 {
        assert_eq!(other.depth(DATA..HOLE), Ok(2 * PAGE_SIZE));
        other.store(DATA + 5, [0]).unwrap();
        assert_eq!(other.depth(DATA..HOLE), Ok(PAGE_SIZE));
        other.restore(&image).unwrap();
    }
}

#[test]
fn peaks_are_kept_by_name_and_survive_unmapping() {
    let mut m = memory();
    assert_eq!(m.peak_of("data"), 2 * PAGE_SIZE);
    m.unmap(DATA..HOLE).unwrap();
    m.map(DATA..DATA + PAGE_SIZE, Perms::RW, SegmentKind::Data, "data").unwrap();
    assert_eq!(m.peak_of("data"), 2 * PAGE_SIZE);
    assert_eq!(m.peak_of(Memory::STACK_GUARD), 0);
}

#[test]
fn zeroed_code_is_seen_as_changed() {
    let mut m = memory();
    let version = m.code_version();
    m.zero(TEXT..RODATA).unwrap();
    assert_ne!(m.code_version(), version);
    let version = m.code_version();
    m.zero(DATA..HOLE).unwrap();
    assert_eq!(m.code_version(), version);
}

#[test]
fn unmapped_memory_is_zero_when_mapped_again() {
    let mut m = memory();
    m.store(DATA, [0xaa; 16]).unwrap();
    m.unmap(DATA..HOLE).unwrap();
    assert_eq!(m.load::<1>(DATA), fault(Cause::LoadAccessFault, DATA));
    m.map(DATA..HOLE, Perms::RW, SegmentKind::Heap, "heap").unwrap();
    assert_eq!(m.load::<16>(DATA), Ok([0; 16]));
}

#[test]
fn limits_refuse_and_change_nothing() {
    let mut m = memory();
    let before: Vec<_> = m.segments().cloned().collect();
    let far = 1 << 24;
    assert!(matches!(
        m.map(far..far + (1 << 20), Perms::RW, SegmentKind::Heap, "big"),
        Err(MapError::MemoryLimit { limit: 0x100000 })
    ));
    assert!(matches!(m.map(1..2, Perms::R, SegmentKind::Heap, "odd"), Err(MapError::Misaligned)));
    assert!(matches!(
        m.map(far..far, Perms::R, SegmentKind::Heap, "nil"),
        Err(MapError::OutsideAddressSpace)
    ));
    assert!(matches!(
        m.map((1 << 30) - PAGE_SIZE..(1 << 30) + PAGE_SIZE, Perms::R, SegmentKind::Heap, "top"),
        Err(MapError::OutsideAddressSpace)
    ));
    assert!(matches!(m.map(DATA..HOLE, Perms::R, SegmentKind::Heap, "dup"), Err(MapError::Overlap)));
    assert!(matches!(m.protect(DATA..HOLE + PAGE_SIZE, Perms::R), Err(MapError::NotMapped)));
    assert_eq!(before, m.segments().cloned().collect::<Vec<_>>());
    for i in 0..3 {
        let at = far + i * 2 * PAGE_SIZE;
        m.map(at..at + PAGE_SIZE, Perms::RW, SegmentKind::Heap, "bit").unwrap();
    }
    let at = far + 6 * PAGE_SIZE;
    assert!(matches!(
        m.map(at..at + PAGE_SIZE, Perms::RW, SegmentKind::Heap, "bit"),
        Err(MapError::SegmentLimit { limit: 8 })
    ));
    assert!(matches!(m.protect(DATA..DATA + PAGE_SIZE, Perms::R), Err(MapError::SegmentLimit { .. })));
}

#[test]
fn neighbours_with_one_name_merge_and_split_again() {
    let mut m = Memory::new(limits()).unwrap();
    let page = |n: u64| BASE + n * PAGE_SIZE..BASE + (n + 1) * PAGE_SIZE;
    for n in [0, 2, 1] {
        m.map(page(n), Perms::RW, SegmentKind::Heap, "heap").unwrap();
    }
    assert_eq!(m.segments().count(), 1);
    assert_eq!(m.mapped(), 3 * PAGE_SIZE);
    m.protect(page(1), Perms::R).unwrap();
    assert_eq!(m.segments().count(), 3);
    m.protect(page(1), Perms::RW).unwrap();
    assert_eq!(m.segments().count(), 1);
    m.unmap(page(1)).unwrap();
    assert_eq!((m.segments().count(), m.mapped(), m.peak()), (2, 2 * PAGE_SIZE, 3 * PAGE_SIZE));
    assert_eq!(m.find_free(PAGE_SIZE, BASE..1 << 20), Some(page(1).start));
    assert_eq!(m.find_free(2 * PAGE_SIZE, BASE..1 << 20), Some(page(3).start));
    assert_eq!(m.find_free(PAGE_SIZE, BASE..page(1).start), None);
}

#[test]
fn the_usual_loads_and_stores_lie_in_one_range_each() {
    let m = memory();
    assert_eq!(m.hull(Perms::R), TEXT..END);
    assert_eq!(m.hull(Perms::RW), DATA..END);
    assert_eq!(m.hull(Perms::RX), TEXT..RODATA);
}

#[test]
fn strings_end_at_zero_or_fault_where_memory_ends() {
    let mut m = memory();
    m.store(HOLE - 3, *b"abc").unwrap();
    assert_eq!(m.c_str(HOLE - 3, 3), Ok(None));
    assert!(matches!(m.c_str(HOLE - 3, 4), Err(Fault { cause: Cause::LoadAccessFault, .. })));
    m.store(HOLE - 1, [0]).unwrap();
    assert_eq!(m.c_str(HOLE - 3, 100), Ok(Some(&b"ab"[..])));
}

#[test]
fn a_run_crosses_segments_and_ends_where_the_permission_does() {
    let m = memory();
    assert_eq!(m.run_of(TEXT, Perms::R), HOLE - TEXT);
    assert_eq!(m.run_of(TEXT + 5, Perms::R), HOLE - TEXT - 5);
    assert_eq!(m.run_of(TEXT, Perms::RX), PAGE_SIZE);
    assert_eq!(m.run_of(TEXT, Perms::RW), 0);
    assert_eq!(m.run_of(DATA + PAGE_SIZE, Perms::RW), PAGE_SIZE);
    assert_eq!(m.run_of(HOLE - 1, Perms::RW), 1);
    assert_eq!(m.run_of(HOLE, Perms::R), 0);
    assert_eq!(m.run_of(GUARD, Perms::R), 0);
    assert_eq!(m.run_of(END, Perms::R), 0);
    assert_eq!(m.run_of(HOLE, Perms::NONE), (1 << 30) - HOLE);
    assert_eq!(m.run_of(1 << 30, Perms::NONE), 0);
    assert_eq!(m.run_of(u64::MAX, Perms::R), 0);
    for addr in (0..END + 2 * PAGE_SIZE).step_by(777) {
        for perms in [Perms::NONE, Perms::R, Perms::RW, Perms::RX] {
            assert_eq!(m.run_of(addr, perms), run_in_table(&m, addr, perms), "{perms} at {addr:#x}");
        }
    }
}

#[test]
fn a_run_may_end_with_the_address_space() {
    let mut m = memory();
    let end = 1 << 30;
    m.map(end - PAGE_SIZE..end, Perms::RW, SegmentKind::Data, "last").unwrap();
    assert_eq!(m.run_of(end - 3, Perms::R), 3);
}

#[test]
fn the_map_version_is_unique_and_changes_with_permissions_only() {
    let mut m = memory();
    let version = m.map_version();
    m.store(DATA, [1]).unwrap();
    m.zero(DATA..HOLE).unwrap();
    m.protect(DATA..HOLE, Perms::RW).unwrap();
    assert_eq!(m.map_version(), version);
    m.protect(DATA..DATA + PAGE_SIZE, Perms::R).unwrap();
    assert_ne!(m.map_version(), version);
    assert_ne!(m.map_version(), memory().map_version());
}

/// A thousand random changes, with the page table, the segments and host protection compared after each.
#[test]
fn random_changes_keep_table_segments_and_host_in_step() {
    let mut m = Memory::new(Limits { memory: 64 * PAGE_SIZE, segments: 16, ..limits() }).unwrap();
    let mut model = [Perms::NONE; 64];
    let mut mapped = [false; 64];
    let mut seed = 0x2545_f491_4f6c_dd1du64;
    let mut next = |n: u64| {
        seed ^= seed << 13;
        seed ^= seed >> 7;
        seed ^= seed << 17;
        seed % n
    };
    for _ in 0..4000 {
        let (a, b) = (next(64) as usize, 1 + next(8) as usize);
        let pages = a..(a + b).min(64);
        let range = BASE + pages.start as u64 * PAGE_SIZE..BASE + pages.end as u64 * PAGE_SIZE;
        let perms = [Perms::NONE, Perms::R, Perms::RW, Perms::RX][next(4) as usize];
        let (before, version) = (model, m.map_version());
        let done = match next(3) {
            0 => m.map(range, perms, SegmentKind::Heap, "heap").map(|()| (perms, true)),
            1 => m.unmap(range).map(|()| (Perms::NONE, false)),
            _ => m.protect(range, perms).map(|()| (perms, true)),
        };
        if let Ok((perms, is_mapped)) = done {
            model[pages.clone()].fill(perms);
            mapped[pages.clone()].fill(is_mapped);
        }
        for (n, (&perms, &is_mapped)) in model.iter().zip(&mapped).enumerate() {
            let addr = BASE + n as u64 * PAGE_SIZE;
            assert_eq!(m.perms_at(addr), perms);
            assert_eq!(m.segment_at(addr).map(|s| s.perms), is_mapped.then_some(perms));
            assert_eq!(m.load::<1>(addr).is_ok(), perms.is_readable());
            assert_eq!(m.store(addr, [0]).is_ok(), perms.is_writable());
        }
        // Inaccessible pages may hold bytes too.
        assert_eq!(m.mapped(), mapped.iter().filter(|&&is_mapped| is_mapped).count() as u64 * PAGE_SIZE);
        assert!(m.segments().count() <= 16);
        assert_eq!(m.map_version() != version, model != before);
        if next(16) == 0 {
            assert!(pairs_are_those_of_pages(&m), "{pages:?} of {model:?}");
        }
        for perms in [Perms::NONE, Perms::R, Perms::RW, Perms::RX, Perms::RWX] {
            let addr = BASE + next(64 * PAGE_SIZE);
            assert_eq!(m.run_of(addr, perms), run_in_table(&m, addr, perms));
        }
    }
}

#[test]
fn the_table_says_what_two_adjacent_pages_allow_up_to_the_last_page_and_when_it_is_restored() {
    let end = limits().address_space;
    let mut m = memory();
    m.map(end - 2 * PAGE_SIZE..end, Perms::RW, SegmentKind::Heap, "last").unwrap();
    assert!(pairs_are_those_of_pages(&m));
    let one = m.freeze().unwrap();
    m.unmap(end - PAGE_SIZE..end).unwrap();
    m.protect(DATA..DATA + PAGE_SIZE, Perms::R).unwrap();
    assert!(pairs_are_those_of_pages(&m));
    let other = m.freeze().unwrap();
    for frozen in [&one, &other, &one, &other] {
        m.restore(frozen).unwrap();
        assert!(pairs_are_those_of_pages(&m));
    }
    for frozen in [&one, &other] {
        assert!(pairs_are_those_of_pages(&Memory::thaw(frozen).unwrap()));
    }
}

#[test]
fn limits_that_no_machine_can_have_are_refused() {
    let refused = |limits: Limits| {
        let error = Memory::new(limits).unwrap_err();
        assert_eq!(error.kind(), std::io::ErrorKind::InvalidInput);
        *error.get_ref().unwrap().downcast_ref::<InvalidLimits>().unwrap()
    };
    let most = Limits { registers: 1, register_bytes: 1 << 30, ..limits() };
    assert_eq!(Memory::new(most.clone()).unwrap().registers().windows().stride(), 1 << 30);
    let too_long = Limits { register_bytes: (1 << 30) + 1, ..most };
    assert_eq!(refused(too_long), InvalidLimits::RegisterBytes((1 << 30) + 1));
    assert_eq!(
        refused(Limits { register_bytes: u64::MAX, ..limits() }),
        InvalidLimits::RegisterBytes(u64::MAX)
    );
    let many = Limits { registers: 1 << 16, register_bytes: 1, ..limits() };
    assert_eq!(Memory::new(many.clone()).unwrap().registers().slots().len(), 1 << 16);
    assert_eq!(refused(Limits { registers: (1 << 16) + 1, ..many }), InvalidLimits::Registers((1 << 16) + 1));
}
