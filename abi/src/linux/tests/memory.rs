//! brk, mmap, mprotect, mremap, munmap, madvise.

use causality_machine::memory::{PAGE_SIZE, Perms};
use causality_machine::{Cause, Flow, Limits, OnMemoryLimit};

use super::*;

const PRIVATE: u64 = 0x22;
const FIXED: u64 = 0x32;
const NOREPLACE: u64 = 0x10_0022;
const RW: u64 = 3;

fn map(guest: &mut Guest, len: u64) -> u64 {
    let addr = guest.call("mmap", [0, len, RW, PRIVATE, u64::MAX, 0]);
    assert!(addr > 0, "{addr}");
    addr as u64
}

#[test]
fn the_break_grows_by_bytes_and_maps_by_pages() {
    let mut guest = Guest::new();
    let start = guest.call("brk", [0]) as u64;
    assert_eq!(start, DATA + DATA_SIZE);
    assert_eq!(guest.call("brk", [start + 10]) as u64, start + 10);
    assert_eq!(guest.call("brk", [0]) as u64, start + 10);
    guest.put(start, &[7; 4096]);
    assert_eq!(guest.machine.memory.perms_at(start + PAGE_SIZE), Perms::NONE);
    assert_eq!(guest.abi.report().peak_heap, PAGE_SIZE);
}

#[test]
fn memory_given_back_by_the_break_is_zero_when_it_comes_again() {
    let mut guest = Guest::new();
    let start = guest.call("brk", [0]) as u64;
    guest.call("brk", [start + 8192]);
    guest.put(start + 4096, &[0xff; 4096]);
    assert_eq!(guest.call("brk", [start + 1]) as u64, start + 1);
    assert_eq!(guest.machine.memory.perms_at(start + 4096), Perms::NONE);
    guest.call("brk", [start + 8192]);
    assert_eq!(guest.bytes(start + 4096, 4096), vec![0; 4096]);
}

#[test]
fn a_break_that_cannot_be_stays() {
    let mut guest = Guest::new();
    let start = guest.call("brk", [0]);
    assert_eq!(guest.call("brk", [1]), start);
    assert_eq!(guest.call("brk", [u64::MAX]), start);
    assert_eq!(guest.call("brk", [255 << 20]), start, "the stack guard is in the way");
}

#[test]
fn the_memory_limit_traps_or_is_an_errno() {
    let mut guest = Guest::new();
    let size = 64 << 20;
    assert_eq!(guest.flow("mmap", [0, size, RW, PRIVATE, u64::MAX, 0]), Flow::Trap(Cause::MemoryLimit, size));
    let start = guest.call("brk", [0]) as u64;
    assert_eq!(guest.flow("brk", [start + size]), Flow::Trap(Cause::MemoryLimit, size));
    assert_eq!(guest.call("mmap", [0, size, 0, PRIVATE, u64::MAX, 0]) % 4096, 0, "PROT_NONE is free");

    let mut guest = Guest::with(Options::new(), Limits { on_memory_limit: OnMemoryLimit::Errno, ..limits() });
    assert_eq!(guest.call("mmap", [0, size, RW, PRIVATE, u64::MAX, 0]), NOMEM);
    assert_eq!(guest.call("brk", [start + size]) as u64, start);
}

#[test]
fn opening_up_reserved_pages_counts() {
    let mut guest = Guest::new();
    let size = 64 << 20;
    let addr = guest.call("mmap", [0, size, 0, PRIVATE, u64::MAX, 0]) as u64;
    assert_eq!(guest.call("mprotect", [addr, 4096, RW]), 0);
    assert_eq!(guest.flow("mprotect", [addr, size, RW]), Flow::Trap(Cause::MemoryLimit, size));
}

#[test]
fn pages_that_were_accessible_count_until_they_are_unmapped() {
    let mut guest = Guest::new();
    let size = 8 << 20;
    let before = guest.machine.memory.mapped();
    let addr = guest.call("mmap", [0, size, 0, PRIVATE, u64::MAX, 0]) as u64;
    for page in [0, 3, 4] {
        assert_eq!(guest.call("mprotect", [addr + page * 4096, 4096, RW]), 0);
    }
    guest.put(addr, b"kept");
    assert_eq!(guest.machine.memory.mapped(), before + 3 * 4096);
    assert_eq!(guest.call("mprotect", [addr, size, 0]), 0);
    assert_eq!(guest.machine.memory.mapped(), before + 3 * 4096);
    let moved = guest.call("mremap", [addr, 4096, 8192, 1, 0]) as u64;
    assert_eq!(guest.machine.memory.mapped(), before + 4 * 4096);
    assert_eq!(guest.call("mprotect", [moved, 4096, 1]), 0);
    assert_eq!(guest.bytes(moved, 4), b"kept");
    assert_eq!(guest.call("munmap", [addr + 4096, size - 4096]), 0);
    assert_eq!(guest.call("munmap", [moved, 8192]), 0);
    assert_eq!(guest.machine.memory.mapped(), before);
}

#[test]
fn the_segment_limit_traps() {
    let mut guest = Guest::with(Options::new(), Limits { segments: 12, ..limits() });
    let addr = map(&mut guest, 64 * 4096);
    let mut flow = Flow::Continue;
    for page in 0..10 {
        flow = guest.flow("mprotect", [addr + page * 8192, 4096, 1]);
        if flow != Flow::Continue {
            break;
        }
    }
    assert!(matches!(flow, Flow::Trap(Cause::SegmentLimit, _)), "{flow:?}");
}

#[test]
fn mappings_take_the_lowest_free_address_and_come_zeroed() {
    let mut guest = Guest::new();
    let first = map(&mut guest, 4096);
    let second = map(&mut guest, 4096);
    assert_eq!(second, first + 4096);
    guest.put(first, &[1; 4096]);
    assert_eq!(guest.call("munmap", [first, 4096]), 0);
    assert_eq!(map(&mut guest, 4096), first);
    assert_eq!(guest.bytes(first, 4096), vec![0; 4096]);
}

#[test]
fn a_hint_is_taken_when_free() {
    let mut guest = Guest::new();
    let hint = 100 << 20;
    assert_eq!(guest.call("mmap", [hint + 5, 4096, RW, PRIVATE, u64::MAX, 0]) as u64, hint);
    assert_ne!(guest.call("mmap", [hint, 4096, RW, PRIVATE, u64::MAX, 0]) as u64, hint);
}

#[test]
fn fixed_mappings_replace_unless_told_not_to() {
    let mut guest = Guest::new();
    let addr = map(&mut guest, 3 * 4096);
    guest.put(addr, &[9; 3 * 4096]);
    assert_eq!(guest.call("mmap", [addr + 4096, 4096, RW, NOREPLACE, u64::MAX, 0]), EXIST);
    assert_eq!(guest.call("mmap", [addr + 4096, 4096, 1, FIXED, u64::MAX, 0]) as u64, addr + 4096);
    assert_eq!(guest.bytes(addr + 4095, 3), [9, 0, 0]);
    assert_eq!(guest.machine.memory.perms_at(addr + 4096), Perms::R);
    assert_eq!(guest.call("mmap", [0, 4096, RW, FIXED, u64::MAX, 0]), PERM);
    assert_eq!(guest.call("mmap", [addr + 1, 4096, RW, FIXED, u64::MAX, 0]), INVAL);
}

#[test]
fn a_fixed_mapping_beyond_a_limit_loses_nothing() {
    let errno = Limits { on_memory_limit: OnMemoryLimit::Errno, segments: 8, ..limits() };
    let mut guest = Guest::with(Options::new(), errno);
    let addr = map(&mut guest, 3 * 4096);
    guest.put(addr, &[9; 3 * 4096]);
    let other = guest.call("mmap", [64 << 20, 4096, RW, PRIVATE, u64::MAX, 0]) as u64;
    let size = 40 << 20;
    assert_eq!(guest.call("mmap", [addr, size, RW, FIXED, u64::MAX, 0]), NOMEM);
    assert_eq!(guest.call("mremap", [other, 4096, size, 3, addr]), NOMEM);
    // Other permissions in the middle make three segments of one.
    assert_eq!(guest.machine.memory.segments().count(), 7);
    assert_eq!(guest.call("mmap", [addr + 4096, 4096, 1, FIXED, u64::MAX, 0]), NOMEM);
    assert_eq!(guest.call("mremap", [other, 4096, 4096, 3, addr + 4096]), NOMEM);
    assert_eq!(guest.bytes(addr, 3 * 4096), vec![9; 3 * 4096]);
    assert_eq!(guest.bytes(other, 4096), vec![0; 4096]);
    assert_eq!(guest.machine.memory.segments().count(), 7);
}

#[test]
fn a_fixed_mapping_may_use_what_it_replaces() {
    let errno = Limits { on_memory_limit: OnMemoryLimit::Errno, ..limits() };
    let mut guest = Guest::with(Options::new(), errno);
    let room = guest.machine.memory.limits().memory - guest.machine.memory.mapped();
    let addr = map(&mut guest, room - 4096);
    let other = map(&mut guest, 4096);
    guest.put(other, b"kept");
    assert_eq!(guest.call("mmap", [addr, room - 4096, RW, FIXED, u64::MAX, 0]) as u64, addr);
    assert_eq!(guest.call("mremap", [other, 4096, 8192, 3, addr]) as u64, addr);
    assert_eq!(guest.bytes(addr, 4), b"kept");
    assert_eq!(guest.machine.memory.perms_at(other), Perms::NONE);
}

#[test]
fn what_the_host_mapped_cannot_be_changed() {
    let mut guest = Guest::new();
    let guard = guest.machine.memory.segments().find(|s| s.name == "stack guard").unwrap().range.clone();
    let len = guard.end - guard.start;
    assert_eq!(guest.call("munmap", [guard.start, len]), INVAL);
    assert_eq!(guest.call("mprotect", [guard.start, len, RW]), ACCES);
    assert_eq!(guest.call("mmap", [guard.start, len, RW, FIXED, u64::MAX, 0]), PERM);
    assert_eq!(guest.call("mremap", [guard.start, len, 4096, 0, 0]), FAULT);
    assert_eq!(guest.call("madvise", [guard.start, len, 4]), INVAL);
}

#[test]
fn writable_code_is_refused_unless_allowed() {
    let mut guest = Guest::new();
    assert_eq!(guest.call("mmap", [0, 4096, 7, PRIVATE, u64::MAX, 0]), ACCES);
    let addr = map(&mut guest, 4096);
    assert_eq!(guest.call("mprotect", [addr, 4096, 6]), ACCES);
    assert_eq!(guest.call("mprotect", [addr, 4096, 5]), 0);

    let mut guest = Guest::with(Options::new(), Limits { allow_writable_code: true, ..limits() });
    assert!(guest.call("mmap", [0, 4096, 7, PRIVATE, u64::MAX, 0]) > 0);
}

#[test]
fn mprotect_needs_mapped_whole_pages() {
    let mut guest = Guest::new();
    let addr = map(&mut guest, 4096);
    assert_eq!(guest.call("mprotect", [addr + 1, 10, 1]), INVAL);
    assert_eq!(guest.call("mprotect", [addr, 8192, 1]), NOMEM);
    assert_eq!(guest.call("mprotect", [addr, 0, 1]), 0);
    assert_eq!(guest.call("mprotect", [addr, 1, 1]), 0);
    assert_eq!(guest.machine.memory.perms_at(addr), Perms::R);
}

#[test]
fn mremap_grows_in_place_and_shrinks() {
    let mut guest = Guest::new();
    let addr = map(&mut guest, 4096);
    guest.put(addr, b"kept");
    assert_eq!(guest.call("mremap", [addr, 4096, 3 * 4096, 0, 0]) as u64, addr);
    assert_eq!(guest.bytes(addr, 4), b"kept");
    guest.put(addr + 2 * 4096, b"new");
    assert_eq!(guest.call("mremap", [addr, 3 * 4096, 4096, 0, 0]) as u64, addr);
    assert_eq!(guest.machine.memory.perms_at(addr + 4096), Perms::NONE);
}

#[test]
fn mremap_moves_when_it_may_and_keeps_bytes_and_permissions() {
    let mut guest = Guest::new();
    let size = 3 << 20;
    let addr = map(&mut guest, size);
    let behind = map(&mut guest, 4096);
    assert_eq!(behind, addr + size);
    let pattern: Vec<u8> = (0..size).map(|i| (i / 4096) as u8 ^ i as u8).collect();
    guest.put(addr, &pattern);
    assert_eq!(guest.call("mprotect", [addr, size, 1]), 0);
    assert_eq!(guest.call("mremap", [addr, size, size + 4096, 0, 0]), NOMEM);
    let mapped = guest.machine.memory.mapped();
    let moved = guest.call("mremap", [addr, size, size + 4096, 1, 0]) as u64;
    assert_ne!(moved, addr);
    assert_eq!(guest.bytes(moved, size), pattern);
    assert_eq!(guest.bytes(moved + size, 4096), vec![0; 4096]);
    assert_eq!(guest.machine.memory.perms_at(moved + size), Perms::R);
    assert_eq!(guest.machine.memory.perms_at(addr), Perms::NONE);
    assert_eq!(guest.machine.memory.mapped(), mapped + 4096);
}

#[test]
fn mremap_moves_even_when_both_copies_would_not_fit() {
    let mut guest = Guest::new();
    let size = 20 << 20;
    let addr = map(&mut guest, size);
    map(&mut guest, 4096);
    guest.put(addr + size - 4, b"last");
    let moved = guest.call("mremap", [addr, size, size + 4096, 1, 0]) as u64;
    assert_eq!(guest.bytes(moved + size - 4, 4), b"last");
    let limit = guest.machine.memory.limits().memory;
    assert!(guest.machine.memory.peak() <= limit);
}

#[test]
fn mremap_to_a_fixed_place_replaces_what_is_there() {
    let mut guest = Guest::new();
    let addr = map(&mut guest, 8192);
    let target = map(&mut guest, 4096);
    guest.put(addr, b"moved");
    assert_eq!(guest.call("mremap", [addr, 8192, 4096, 3, target]) as u64, target);
    assert_eq!(guest.bytes(target, 5), b"moved");
    assert_eq!(guest.machine.memory.perms_at(addr), Perms::NONE);
    assert_eq!(guest.call("mremap", [target, 4096, 4096, 3, target]), INVAL);
    assert_eq!(guest.call("mremap", [target, 4096, 8192, 2, 0]), INVAL);
    assert_eq!(guest.call("mremap", [addr, 4096, 8192, 1, 0]), FAULT);
}

#[test]
fn dontneed_zeroes_anonymous_pages_only() {
    let mut guest = Guest::new();
    let addr = map(&mut guest, 8192);
    guest.put(addr, &[1; 8192]);
    assert_eq!(guest.call("madvise", [addr, 4096, 4]), 0);
    assert_eq!(guest.bytes(addr + 4095, 2), [0, 1]);
    assert_eq!(guest.call("madvise", [addr + 4096, 4096, 8]), 0);
    assert_eq!(guest.bytes(addr + 4096, 1), [1]);
    assert_eq!(guest.call("madvise", [DATA, 4096, 4]), INVAL);
    assert_eq!(guest.call("madvise", [addr + 8192, 4096, 4]), NOMEM);
    assert_eq!(guest.call("mprotect", [addr, 4096, 5]), 0);
    assert_eq!(guest.call("madvise", [addr, 4096, 4]), INVAL, "code must not change");
}

#[test]
fn a_file_is_mapped_as_a_private_snapshot() {
    let directory = tempfile::tempdir().unwrap();
    let contents: Vec<u8> = (0..9000u32).map(|i| i as u8).collect();
    std::fs::write(directory.path().join("f"), &contents).unwrap();
    let mut guest = Guest::in_directory(&directory, Access::ReadOnly);
    let fd = guest.open("f", 0) as u64;
    let addr = guest.call("mmap", [0, 12288, 1, 2, fd, 4096]) as u64;
    assert_eq!(guest.bytes(addr, 9000 - 4096), contents[4096..]);
    assert_eq!(guest.bytes(addr + 4904, 3), [0; 3]);
    assert_eq!(guest.machine.memory.perms_at(addr), Perms::R);
    let addr = guest.call("mmap", [0, 4096, RW, 2, fd, 0]) as u64;
    guest.put(addr, b"private");
    assert_eq!(guest.read_file("f").unwrap()[..7], contents[..7]);
    assert_eq!(guest.call("mmap", [0, 4096, 1, 1, fd, 0]), NODEV);
    assert_eq!(guest.call("mmap", [0, 4096, 1, 2, 0, 0]), NODEV);
    assert_eq!(guest.call("mmap", [0, 4096, 1, 2, 77, 0]), BADF);
    assert_eq!(guest.call("mmap", [0, 4096, 1, 2, fd, 100]), INVAL);
}

#[test]
fn odd_arguments_are_errors() {
    let mut guest = Guest::new();
    assert_eq!(guest.call("mmap", [0, 0, RW, PRIVATE, u64::MAX, 0]), INVAL);
    assert_eq!(guest.call("mmap", [0, u64::MAX, RW, PRIVATE, u64::MAX, 0]), NOMEM);
    assert_eq!(guest.call("mmap", [0, 1 << 40, 0, PRIVATE, u64::MAX, 0]), NOMEM);
    assert_eq!(guest.call("mmap", [0, 4096, 8, PRIVATE, u64::MAX, 0]), INVAL);
    assert_eq!(guest.call("mmap", [0, 4096, RW, 0x20, u64::MAX, 0]), INVAL);
    assert_eq!(guest.call("munmap", [1, 4096]), INVAL);
    assert_eq!(guest.call("munmap", [4096, u64::MAX]), INVAL);
    assert_eq!(guest.call("munmap", [4096, 0]), INVAL);
}
