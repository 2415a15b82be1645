//! Guests that write their own code, while it runs and while another thread translates it.

use causality_testkit::Assembler;
use causality_vm::isa::reg::X;
use causality_vm::isa::{Inst, format};
use causality_vm::{Exit, Instance, Limits};

use crate::arena::Attack;
use crate::guest::{self, add, addi, jalr, ret};

fn limits() -> Limits {
    Limits { allow_writable_code: true, ..guest::limits() }
}

fn attack(elf: &[u8]) -> Attack<'_, ()> {
    Attack { limits: limits(), ..Attack::new(elf) }
}

/// What the guest has in `a0` when it ends.
fn run(instance: &mut Instance<()>) -> u64 {
    assert!(matches!(instance.run().expect("the host answers"), Exit::Completed(_)));
    instance.x(X::A0)
}

fn fence_i(asm: &mut Assembler) {
    asm.word(0x0000_100f);
}

fn store_word(asm: &mut Assembler, rs2: X, rs1: X) {
    asm.inst(Inst::Sw(format::S { rs1, rs2, imm: 0 }));
}

/// `addi a0, a0, 0`.
fn addition() -> u64 {
    u64::from(Inst::Addi(format::I { rd: X::A0, rs1: X::A0, imm: 0 }).encode())
}

/// A function that adds to `a0` what is written into it: 1, 2, ... in turn. `fences` are what comes between.
fn rewriting(times: u64, mask: i32, fences: impl Fn(&mut Assembler)) -> Vec<u8> {
    guest::writable_elf(|asm| {
        let (function, over) = (asm.label(), asm.label());
        asm.li(X::A0, 0);
        asm.li(X::S2, addition());
        asm.address(X::S3, function);
        guest::repeat(asm, X::S1, times, |asm| {
            asm.inst(Inst::Andi(format::I { rd: X::T1, rs1: X::S1, imm: mask }));
            guest::shift_left(asm, X::T1, X::T1, 20);
            add(asm, X::T1, X::T1, X::S2);
            store_word(asm, X::T1, X::S3);
            fences(asm);
            // Hot between two changes.
            guest::repeat(asm, X::S4, 20, |asm| jalr(asm, X::RA, X::S3, 0));
        });
        asm.jump(X::ZERO, over);
        asm.bind(function);
        addi(asm, X::A0, X::A0, 1);
        ret(asm);
        asm.bind(over);
        guest::exit(asm);
    })
}

#[test]
fn a_function_that_is_rewritten_over_and_over_is_always_the_last_one() {
    const TIMES: u64 = 300;
    let expected: u64 = (1..=TIMES).map(|round| 20 * (round & 0x3f)).sum();
    assert_eq!(attack(&rewriting(TIMES, 0x3f, fence_i)).everywhere(run), expected);
}

#[test]
fn what_is_written_without_a_fence_is_seen_by_nobody() {
    assert_eq!(attack(&rewriting(3000, 0x3f, |_| ())).everywhere(run), 3000 * 20);
}

#[test]
fn fences_without_end_cost_time_and_nothing_else() {
    let elf = guest::writable_elf(|asm| {
        asm.li(X::A0, 0);
        guest::repeat(asm, X::S1, 500, |asm| {
            fence_i(asm);
            addi(asm, X::A0, X::A0, 1);
            fence_i(asm);
        });
        guest::exit(asm);
    });
    assert_eq!(attack(&elf).everywhere(run), 500);
}

/// The instruction that is executed next is replaced, and the one executed now.
#[test]
fn a_loop_that_rewrites_itself_does_what_it_says_now() {
    let elf = guest::writable_elf(|asm| {
        asm.li(X::A0, 0);
        asm.li(X::S2, addition());
        let changed = asm.label();
        asm.address(X::S3, changed);
        guest::repeat(asm, X::S1, 200, |asm| {
            asm.inst(Inst::Andi(format::I { rd: X::T1, rs1: X::S1, imm: 7 }));
            guest::shift_left(asm, X::T1, X::T1, 20);
            add(asm, X::T1, X::T1, X::S2);
            store_word(asm, X::T1, X::S3);
            fence_i(asm);
            asm.bind(changed);
            addi(asm, X::A0, X::A0, 1);
        });
        guest::exit(asm);
    });
    let expected: u64 = (1..=200_u64).map(|round| round & 7).sum();
    assert_eq!(attack(&elf).everywhere(run), expected);
}

/// Code is copied from place to place, each copy run and forgotten.
#[test]
fn code_that_moves_through_memory_is_executed_where_it_is_now() {
    let elf = guest::writable_elf(|asm| {
        let (function, space, over) = (asm.label(), asm.label(), asm.label());
        asm.li(X::A0, 0);
        asm.address(X::S2, function);
        asm.address(X::S3, space);
        guest::repeat(asm, X::S1, 150, |asm| {
            asm.inst(Inst::Ld(format::Load { rd: X::T1, rs1: X::S2, imm: 0 }));
            asm.inst(Inst::Sd(format::S { rs1: X::S3, rs2: X::T1, imm: 0 }));
            fence_i(asm);
            jalr(asm, X::RA, X::S3, 0);
            // Half of the time over the end of the last copy.
            addi(asm, X::S3, X::S3, 4);
        });
        asm.jump(X::ZERO, over);
        asm.bind(function);
        addi(asm, X::A0, X::A0, 1);
        ret(asm);
        asm.bind(space);
        (0..160).for_each(|_| asm.word(0));
        asm.bind(over);
        guest::exit(asm);
    });
    assert_eq!(attack(&elf).everywhere(run), 150);
}
