//! Loops that walk off the ends of everything: guards that are tested once for many rounds must not miss the last one.

use causality_testkit::{Assembler, Label};
use causality_vm::isa::reg::X;
use causality_vm::isa::{Inst, Opcode, format};
use causality_vm::{Exit, Instance};

use crate::addresses::edges;
use crate::arena::Attack;
use crate::guest::{self, TEXT, add, addi, ld, sd};

/// What the embedder puts into registers: where it begins (also in `sp`), how far it goes each time, how often.
const START: X = X::A0;
const STRIDE: X = X::A1;
const COUNT: X = X::A2;
/// `START + COUNT * STRIDE`.
const END: X = X::A3;

type Shape = fn(&mut Assembler, Label);

/// Bodies of loops, with how they go back.
const SHAPES: [(&str, Shape); 9] = [
    ("counted down", |asm, again| {
        ld(asm, X::T0, START, 0);
        sd(asm, X::T0, START, 8);
        add(asm, START, START, STRIDE);
        addi(asm, COUNT, COUNT, -1);
        guest::back_unless_zero(asm, COUNT, again);
    }),
    ("up to an end", |asm, again| {
        sd(asm, X::A4, START, -2048);
        ld(asm, X::T0, START, 2040);
        add(asm, START, START, STRIDE);
        asm.branch(Opcode::Bne, START, END, again);
    }),
    ("below an end", |asm, again| {
        sd(asm, START, START, 0);
        add(asm, START, START, STRIDE);
        asm.branch(Opcode::Bltu, START, END, again);
    }),
    ("not below an end, signed", |asm, again| {
        sd(asm, START, START, -8);
        addi(asm, START, START, -8);
        asm.branch(Opcode::Bge, START, END, again);
    }),
    ("by an index", |asm, again| {
        guest::shift_left(asm, X::T1, X::A5, 3);
        add(asm, X::T1, X::T1, START);
        sd(asm, X::A5, X::T1, 0);
        add(asm, X::A5, X::A5, STRIDE);
        asm.branch(Opcode::Bltu, X::A5, COUNT, again);
    }),
    ("by an index of 32 bits, signed", |asm, again| {
        asm.inst(Inst::Addw(format::R { rd: X::A5, rs1: X::A5, rs2: STRIDE }));
        add(asm, X::T1, X::A5, START);
        ld(asm, X::T0, X::T1, 0);
        sd(asm, X::T0, X::T1, 4);
        asm.branch(Opcode::Blt, X::A5, COUNT, again);
    }),
    ("by an index of 32 bits, unsigned", |asm, again| {
        guest::shift_left(asm, X::T1, X::A5, 32);
        guest::shift_right(asm, X::T1, X::T1, 29);
        add(asm, X::T1, X::T1, START);
        sd(asm, X::A5, X::T1, 0);
        add(asm, X::A5, X::A5, STRIDE);
        asm.branch(Opcode::Bne, X::A5, COUNT, again);
    }),
    ("by the stack pointer", |asm, again| {
        sd(asm, START, X::SP, 8);
        ld(asm, X::T0, X::SP, -16);
        add(asm, X::SP, X::SP, STRIDE);
        addi(asm, COUNT, COUNT, -1);
        guest::back_unless_zero(asm, COUNT, again);
    }),
    ("from one to another", |asm, again| {
        asm.inst(Inst::Lbu(format::Load { rd: X::T0, rs1: START, imm: 0 }));
        asm.inst(Inst::Sb(format::S { rs1: X::SP, rs2: X::T0, imm: -1 }));
        add(asm, START, START, STRIDE);
        addi(asm, X::SP, X::SP, -1);
        asm.branch(Opcode::Bne, START, END, again);
    }),
];

/// Instructions that each run may take.
const MOST: u64 = 4000;

fn walk(instance: &mut Instance<()>, start: u64, stride: i64, count: u64) -> (Exit, u64) {
    let end = start.wrapping_add((stride as u64).wrapping_mul(count));
    instance.set_pc(TEXT);
    for (register, value) in
        [(START, start), (X::SP, start), (STRIDE, stride as u64), (COUNT, count), (END, end), (X::A5, 0)]
    {
        instance.set_x(register, value);
    }
    let exit = instance.run_for(MOST).expect("the host answers");
    instance.revive();
    (exit, instance.retired())
}

#[test]
fn no_loop_walks_beyond_what_is_mapped() {
    for (name, shape) in SHAPES {
        let elf = guest::elf(|asm| {
            let again = asm.here();
            shape(asm, again);
            let end = asm.here();
            asm.jump(X::ZERO, end);
        });
        let ends = Attack::new(&elf).everywhere(|instance| {
            let mut ends = Vec::new();
            for edge in edges(instance) {
                for (stride, rounds) in [
                    (8_i64, 600),
                    (-8, 600),
                    (1, 40),
                    (-3, 40),
                    (4096, 9),
                    (-4096, 9),
                    (1 << 31, 3),
                    (i64::MIN, 2),
                ] {
                    let start = edge.wrapping_sub((stride as u64).wrapping_mul(rounds / 2));
                    for count in [1, rounds, 1 << 31, u64::MAX] {
                        ends.push(walk(instance, start, stride, count));
                    }
                }
            }
            ends
        });
        println!("{name}: {} walks in each tier", ends.len());
        let traps = ends.iter().filter(|(exit, _)| matches!(exit, Exit::Trap(_))).count();
        assert!(traps > 100 && traps < ends.len(), "{name}: {traps} traps of {}", ends.len());
    }
}
