//! What nobody should do with resource registers: two windows side by side, the stack in one, pointers into registers that
//! are gone, registers that come and go in loops, instructions whose result replaces their own operand.

use causality_isa::reg::X;
use causality_isa::{Inst, Opcode, format};

use super::Generator;
use crate::vm::{SLOT_BYTES, SLOTS};

/// Lengths of registers that are misused.
const LENGTHS: &[u64] = &[64, 8, 32, 256, 9, 520, 4096, SLOT_BYTES];

impl Generator<'_, '_> {
    /// Any of that.
    pub(super) fn misuse(&mut self, depth: usize) {
        self.budget = self.budget.saturating_sub(3);
        match self.source.below(8) {
            0 | 1 => self.neighbours(),
            2 => self.stack_in_a_window(depth),
            3 => self.floats_and_atomics(),
            4 => self.come_and_go(depth),
            5 => self.kept_pointer(depth),
            6 => self.results_in_operands(),
            _ => self.end_within_a_loop(),
        }
    }

    /// So many different registers, reserved while `body` is made.
    fn with_free<const N: usize>(&mut self, body: impl FnOnce(&mut Self, [X; N])) {
        let before = self.reserved;
        let names = [(); N].map(|()| {
            let name = self.free();
            self.reserved |= 1 << name.index();
            name
        });
        body(self, names);
        self.reserved = before;
    }

    /// `window` = where the new register in `slot` is; `slot` and `length` get their numbers.
    fn created(&mut self, [slot, length, window]: [X; 3], number: u64, bytes: u64) {
        self.asm.li(slot, number);
        if self.source.chance(30) {
            // Whatever is there is used first, if it can be.
            self.end(slot);
        }
        self.asm.li(length, bytes);
        self.test(Inst::XrrCreate(format::R { rd: window, rs1: slot, rs2: length }));
    }

    fn seal_it(&mut self, slot: X) {
        self.test(Inst::XrrSeal(format::Slot { rs1: slot }));
    }

    fn consume_it(&mut self, slot: X) {
        self.test(Inst::XrrConsume(format::Slot { rs1: slot }));
    }

    /// Consumes what is in `slot` if that is active, without a trap.
    fn end(&mut self, slot: X) {
        self.with_free(|g, [state, active]| {
            let over = g.asm.label();
            g.test(Inst::XrrState(format::Unary { rd: state, rs1: slot }));
            g.asm.li(active, 2);
            g.asm.branch(Opcode::Bne, state, active, over);
            g.consume_it(slot);
            g.asm.bind(over);
        });
    }

    fn any_access(&mut self, base: X, around: i32) {
        let opcode = self.a_load_or_store();
        let imm = around + self.source.below(25) as i32 - 12;
        self.access_at(opcode, base, imm.clamp(-2048, 2047));
    }

    /// An access that is allowed if any is.
    fn word_access(&mut self, base: X, writes: bool) {
        let opcode =
            if writes { Opcode::Sd } else { self.source.pick(&[Opcode::Ld, Opcode::Ld, Opcode::Lbu]) };
        self.access_at(opcode, base, 0);
    }

    /// Two full windows side by side: accesses in turn, while one ends, and across the border.
    fn neighbours(&mut self) {
        let number = self.source.below(SLOTS as usize - 1) as u64;
        let bytes = if self.source.chance(80) { SLOT_BYTES } else { SLOT_BYTES - 1 };
        self.with_free(|g, [one, other, length, low, high]| {
            g.created([one, length, low], number, bytes);
            g.created([other, length, high], number + 1, SLOT_BYTES);
            let is_sealed = [g.source.chance(70), g.source.chance(70)];
            for (slot, is_sealed) in [one, other].into_iter().zip(is_sealed) {
                if is_sealed {
                    g.seal_it(slot);
                }
            }
            for _ in 0..2 + g.source.below(5) {
                let (base, is_sealed) = g.source.pick(&[(low, is_sealed[0]), (high, is_sealed[1])]);
                let writes = !is_sealed && g.source.chance(50);
                g.word_access(base, writes);
            }
            if g.source.chance(60) {
                let slot = g.source.pick(&[one, other]);
                g.end(slot);
            }
            if g.source.chance(50) {
                let base = g.source.pick(&[low, high, high]);
                g.word_access(base, false);
            }
            if g.source.chance(30) {
                g.any_access(high, 0);
            }
        });
    }

    /// Pushes and pops where a register is, sealed in the middle now and then.
    fn stack_in_a_window(&mut self, depth: usize) {
        let (number, bytes) = (self.source.below(SLOTS as usize) as u64, self.source.pick(LENGTHS));
        self.with_free(|g, [slot, length, window, kept]| {
            g.created([slot, length, window], number, bytes);
            g.test(Inst::Addi(format::I { rd: kept, rs1: X::SP, imm: 0 }));
            g.test(Inst::Add(format::R { rd: X::SP, rs1: window, rs2: length }));
            for _ in 0..1 + g.source.below(3) {
                g.asm.add(X::SP, -16);
                let value = g.any();
                g.test(Inst::Sd(format::S { rs1: X::SP, rs2: value, imm: 8 }));
                match g.source.below(8) {
                    0 => g.seal_it(slot),
                    1 => g.any_access(X::SP, 8),
                    2 if depth > 0 => g.statement(0),
                    _ => {}
                }
                let rd = g.free();
                g.test(Inst::Ld(format::Load { rd, rs1: X::SP, imm: 8 }));
                g.asm.add(X::SP, 16);
            }
            g.test(Inst::Addi(format::I { rd: X::SP, rs1: kept, imm: 0 }));
        });
    }

    /// Accesses of all kinds, with `lr` and `sc`, and read-modify-writes.
    fn floats_and_atomics(&mut self) {
        let (number, bytes) = (self.source.below(SLOTS as usize) as u64, self.source.pick(LENGTHS));
        self.with_free(|g, [slot, length, window, value]| {
            g.created([slot, length, window], number, bytes);
            for turn in 0..2 + g.source.below(6) {
                if turn == 3 {
                    g.seal_it(slot);
                }
                let amo = format::Amo { rd: value, rs1: window, rs2: length, aq: false, rl: false };
                let lr = format::Lr { rd: value, rs1: window, aq: false, rl: false };
                match g.source.below(8) {
                    0 => g.test(Inst::AmoaddD(amo)),
                    1 => g.test(Inst::AmoswapW(amo)),
                    2 => g.test(Inst::LrD(lr)),
                    3 => g.test(Inst::LrW(lr)),
                    4 => {
                        g.test(Inst::LrD(lr));
                        g.test(Inst::ScD(amo));
                    }
                    _ => {
                        let opcode = g.a_load_or_store();
                        g.access_at(opcode, window, 0);
                    }
                }
            }
            if g.source.chance(50) {
                g.end(slot);
            }
        });
    }

    /// A loop in which registers are built, read and used up, in one slot or in all of them.
    fn come_and_go(&mut self, depth: usize) {
        let trips = 1 + self.source.below(if depth == 0 { 200 } else { 12 }) as u64;
        let bytes = self.source.pick(LENGTHS);
        let moves = self.source.chance(50);
        let number = self.source.below(SLOTS as usize) as u64;
        self.with_free(|g, [slot, length, window, counter]| {
            g.asm.li(slot, number);
            g.asm.li(length, bytes);
            g.asm.li(counter, trips);
            let again = g.asm.here();
            g.end(slot);
            g.test(Inst::XrrCreate(format::R { rd: window, rs1: slot, rs2: length }));
            g.word_access(window, true);
            if g.source.chance(15) && depth > 0 {
                g.statement(0);
            }
            g.seal_it(slot);
            g.word_access(window, false);
            if g.source.chance(30) {
                g.test(Inst::XrrUpdate(format::R { rd: window, rs1: slot, rs2: length }));
                g.word_access(window, true);
                g.seal_it(slot);
            }
            g.consume_it(slot);
            if moves {
                g.asm.add(slot, 1);
                g.test(Inst::Andi(format::I { rd: slot, rs1: slot, imm: SLOTS as i32 - 1 }));
            }
            g.asm.add(counter, -1);
            g.asm.branch(Opcode::Bne, counter, X::ZERO, again);
            if g.source.chance(15) {
                g.word_access(window, false);
            }
        });
    }

    /// A pointer into a register that is gone, or that another has taken the place of, longer or shorter.
    fn kept_pointer(&mut self, depth: usize) {
        let number = self.source.below(SLOTS as usize) as u64;
        let (before, after) = (self.source.pick(LENGTHS), self.source.pick(LENGTHS));
        self.with_free(|g, [slot, length, window, kept]| {
            g.created([slot, length, window], number, before);
            g.test(Inst::Add(format::R { rd: kept, rs1: window, rs2: length }));
            g.access_at(Opcode::Sd, kept, -8);
            g.seal_it(slot);
            g.access_at(Opcode::Ld, kept, -8);
            if g.source.chance(30) && depth > 0 {
                g.statement(0);
            }
            g.asm.li(length, after);
            if g.source.chance(50) {
                g.consume_it(slot);
                g.test(Inst::XrrCreate(format::R { rd: window, rs1: slot, rs2: length }));
            } else {
                g.test(Inst::XrrUpdate(format::R { rd: window, rs1: slot, rs2: length }));
            }
            let writes = g.source.chance(40);
            g.access_at(if writes { Opcode::Sd } else { Opcode::Ld }, kept, -8);
            g.word_access(window, false);
        });
    }

    /// `rd` is one of the sources.
    fn results_in_operands(&mut self) {
        let number = self.source.below(SLOTS as usize) as u64;
        self.with_free(|g, [slot, length, window]| {
            g.created([slot, length, window], number, 64);
            g.seal_it(slot);
            let other = g.source.pick(&[slot, length]);
            let ops = format::R { rd: g.source.pick(&[slot, length]), rs1: slot, rs2: other };
            match g.source.below(4) {
                0 => {
                    g.consume_it(slot);
                    g.test(Inst::XrrCreate(ops));
                    g.any_access(ops.rd, 12);
                }
                1 => g.test(Inst::XrrRead(format::R { rs2: X::ZERO, ..ops })),
                2 => g.test(Inst::XrrWindow(format::Unary { rd: slot, rs1: slot })),
                _ => {
                    g.test(Inst::XrrUpdate(ops));
                    g.any_access(ops.rd, 12);
                }
            }
        });
    }

    /// A loop that reads a register, or writes it, until it is something else in one of the trips.
    fn end_within_a_loop(&mut self) {
        let number = self.source.below(SLOTS as usize) as u64;
        let bytes = self.source.pick(LENGTHS).max(64);
        self.with_free(|g, [slot, length, pointer, counter, when]| {
            g.created([slot, length, pointer], number, bytes);
            let writes = g.source.chance(40);
            if !writes {
                g.seal_it(slot);
            }
            let trips = (bytes / 8).min(300);
            let end = g.source.below(trips as usize + 1) as u64;
            g.asm.li(counter, trips);
            g.asm.li(when, end);
            let again = g.asm.here();
            let over = g.asm.label();
            g.word_access(pointer, writes);
            g.asm.add(pointer, 8);
            g.asm.add(counter, -1);
            g.asm.branch(Opcode::Bne, counter, when, over);
            match g.source.below(3) {
                _ if writes => g.seal_it(slot),
                0 => g.test(Inst::XrrUpdate(format::R { rd: X::ZERO, rs1: slot, rs2: length })),
                1 => g.test(Inst::XrrUpdate(format::R { rd: X::ZERO, rs1: slot, rs2: counter })),
                _ => g.consume_it(slot),
            }
            g.asm.bind(over);
            g.asm.branch(Opcode::Bne, counter, X::ZERO, again);
        });
    }
}
