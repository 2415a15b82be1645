//! Guests that take all memory, all segments, and as many holes as they can make.

use causality_testkit::Assembler;
use causality_vm::isa::reg::X;
use causality_vm::isa::{Inst, Opcode, format};
use causality_vm::{Cause, Exit, Instance, Limits, OnMemoryLimit, Trap};

use crate::arena::Attack;
use crate::guest::{self, add, addi, sd};

const BRK: u64 = 214;
const MUNMAP: u64 = 215;
const MREMAP: u64 = 216;
const MMAP: u64 = 222;
const MPROTECT: u64 = 226;

const READ_WRITE: u64 = 3;
const PRIVATE_ANONYMOUS: u64 = 0x22;

/// Runs to the end, within the limits all the time.
fn within_limits(instance: &mut Instance<()>) -> (Exit, u64) {
    let limits = instance.memory().limits().clone();
    let exit = loop {
        let exit = instance.run_for(1009).expect("the host answers");
        assert!(instance.memory().mapped() <= limits.memory);
        assert!(instance.memory().segments().count() <= limits.segments);
        if !matches!(exit, Exit::Paused(_)) {
            break exit;
        }
    };
    (exit, instance.memory().mapped())
}

/// With both answers to a guest that wants too much.
fn both(elf: &[u8], check: impl Fn(OnMemoryLimit, Exit)) {
    for on_memory_limit in [OnMemoryLimit::Trap, OnMemoryLimit::Errno] {
        let limits = Limits { on_memory_limit, ..guest::limits() };
        let (exit, _) = Attack { limits, ..Attack::new(elf) }.everywhere(within_limits);
        check(on_memory_limit, exit);
    }
}

/// Fails unless it trapped, or was told and ended.
fn stopped_by(cause: Cause) -> impl Fn(OnMemoryLimit, Exit) {
    move |on_memory_limit, exit| match (on_memory_limit, exit) {
        (OnMemoryLimit::Trap, Exit::Trap(trap)) => assert_eq!(trap.cause, cause),
        (OnMemoryLimit::Errno, Exit::Completed(_)) => {}
        other => panic!("{other:?}"),
    }
}

/// `a0 = mmap(address, size, protection, fixed or not)`.
fn map(asm: &mut Assembler, size: u64, protection: u64) {
    for (register, value) in [
        (X::A0, 0),
        (X::A1, size),
        (X::A2, protection),
        (X::A3, PRIVATE_ANONYMOUS),
        (X::A4, u64::MAX),
        (X::A5, 0),
    ] {
        asm.li(register, value);
    }
    guest::call(asm, MMAP);
}

/// Over and over until a call says no.
fn until_refused(asm: &mut Assembler, body: impl FnOnce(&mut Assembler)) {
    let again = asm.here();
    body(asm);
    asm.branch(Opcode::Bge, X::A0, X::ZERO, again);
    guest::exit(asm);
}

#[test]
fn mappings_without_end_are_refused_at_the_limit() {
    for size in [1, 0x1000, 0x10_0000] {
        let elf = guest::elf(|asm| {
            until_refused(asm, |asm| {
                map(asm, size, READ_WRITE);
                // Touches it, if it is there.
                let over = asm.label();
                asm.branch(Opcode::Blt, X::A0, X::ZERO, over);
                sd(asm, X::A0, X::A0, 0);
                asm.bind(over);
            });
        });
        both(&elf, stopped_by(Cause::MemoryLimit));
    }
}

#[test]
fn a_break_that_grows_without_end_is_refused_at_the_limit() {
    let elf = guest::elf(|asm| {
        asm.li(X::A0, 0);
        guest::call(asm, BRK);
        asm.li(X::S2, 0x3000);
        let again = asm.here();
        add(asm, X::S1, X::A0, X::S2);
        addi(asm, X::A0, X::S1, 0);
        guest::call(asm, BRK);
        sd(asm, X::A0, X::A0, -8);
        asm.branch(Opcode::Beq, X::A0, X::S1, again);
        guest::exit(asm);
    });
    both(&elf, stopped_by(Cause::MemoryLimit));
}

/// No two neighbours with the same permissions.
#[test]
fn segments_without_end_are_refused_at_the_limit() {
    let elf = guest::elf(|asm| {
        until_refused(asm, |asm| {
            map(asm, 0x1000, 1);
            map(asm, 0x1000, READ_WRITE);
        });
    });
    both(&elf, stopped_by(Cause::SegmentLimit));
}

/// Every other page of a mapping is unmapped, then protected, then mapped again.
#[test]
fn holes_without_end_are_refused_at_the_limit() {
    for (number, third) in [(MUNMAP, 0), (MPROTECT, 1), (MPROTECT, 0)] {
        let elf = guest::elf(|asm| {
            map(asm, 0x20_0000, READ_WRITE);
            addi(asm, X::S1, X::A0, 0);
            asm.li(X::S2, 0x2000);
            until_refused(asm, |asm| {
                addi(asm, X::A0, X::S1, 0);
                asm.li(X::A1, 0x1000);
                asm.li(X::A2, third);
                guest::call(asm, number);
                add(asm, X::S1, X::S1, X::S2);
            });
        });
        both(&elf, stopped_by(Cause::SegmentLimit));
    }
}

/// Maps, writes to every page, and makes it inaccessible, as often as it may.
pub(crate) fn hoarding() -> Vec<u8> {
    const SIZE: u64 = 0x1_0000;
    guest::elf(|asm| {
        until_refused(asm, |asm| {
            let over = asm.label();
            map(asm, SIZE, READ_WRITE);
            asm.branch(Opcode::Blt, X::A0, X::ZERO, over);
            asm.li(X::S2, 0x1000);
            addi(asm, X::S3, X::A0, 0);
            guest::repeat(asm, X::S1, SIZE / 0x1000, |asm| {
                sd(asm, X::A0, X::S3, 0);
                add(asm, X::S3, X::S3, X::S2);
            });
            asm.li(X::A1, SIZE);
            asm.li(X::A2, 0);
            guest::call(asm, MPROTECT);
            asm.bind(over);
        });
    })
}

/// Memory that nobody may access still holds what was written to it.
#[test]
fn memory_that_is_made_inaccessible_counts_as_long_as_it_holds_bytes() {
    both(&hoarding(), stopped_by(Cause::MemoryLimit));
}

/// What holds no bytes may be reserved, and counts when it becomes accessible.
#[test]
fn reservations_are_free_until_they_can_be_accessed() {
    let elf = guest::elf(|asm| {
        map(asm, 32 << 20, 0);
        addi(asm, X::S1, X::A0, 0);
        asm.li(X::A1, 32 << 20);
        asm.li(X::A2, READ_WRITE);
        guest::call(asm, MPROTECT);
        guest::exit(asm);
    });
    both(&elf, stopped_by(Cause::MemoryLimit));
}

/// Grown, moved, and cut by turns.
#[test]
fn mappings_that_move_about_stay_within_the_limit() {
    let elf = guest::elf(|asm| {
        map(asm, 0x4000, READ_WRITE);
        addi(asm, X::S1, X::A0, 0);
        asm.li(X::S2, 0x4000);
        asm.li(X::S4, 0x3000);
        until_refused(asm, |asm| {
            add(asm, X::S3, X::S2, X::S4);
            for (register, from) in [(X::A0, X::S1), (X::A1, X::S2), (X::A2, X::S3)] {
                addi(asm, register, from, 0);
            }
            asm.li(X::A3, 1);
            guest::call(asm, MREMAP);
            addi(asm, X::S1, X::A0, 0);
            addi(asm, X::S2, X::S3, 0);
            addi(asm, X::S5, X::A0, 0);
            // In the way of the next time.
            map(asm, 0x1000, READ_WRITE);
            asm.inst(Inst::Or(format::R { rd: X::A0, rs1: X::A0, rs2: X::S5 }));
        });
    });
    both(&elf, |on_memory_limit, exit| match (on_memory_limit, exit) {
        (OnMemoryLimit::Trap, Exit::Trap(Trap { cause, .. })) => {
            assert!(matches!(cause, Cause::MemoryLimit | Cause::SegmentLimit), "{cause:?}");
        }
        (OnMemoryLimit::Errno, Exit::Completed(_)) => {}
        other => panic!("{other:?}"),
    });
}
