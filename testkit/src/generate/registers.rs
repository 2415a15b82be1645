//! Programs that build, read, consume and update resource registers, mostly in an order that makes sense.

use causality_isa::reg::X;
use causality_isa::{Inst, Opcode, format};

use super::Generator;
use crate::vm::wild::{LOAD, LOCK};
use crate::vm::{SLOT_BYTES, SLOTS, WINDOWS};

/// Lengths at which something may change.
const LENGTHS: &[u64] =
    &[32, 8, 16, 64, 40, 33, 7, 1, 0, 9, 100, 511, 512, 520, 4088, 4095, 4096, 4097, 8191, SLOT_BYTES];

/// Lengths that no register can have.
const TOO_LONG: &[u64] = &[SLOT_BYTES + 1, 1 << 32, (1 << 32) + 8, 1 << 63, u64::MAX];

/// Host registers that the sequence works with.
#[derive(Clone, Copy)]
struct Names {
    slot: X,
    window: X,
    length: X,
    other: X,
}

impl Generator<'_, '_> {
    /// A sequence of operations on the register in one slot, and accesses to its window.
    pub(super) fn registers(&mut self, depth: usize) {
        if self.source.chance(35) {
            return self.misuse(depth);
        }
        self.budget = self.budget.saturating_sub(3);
        let mut names = [X::ZERO; 4];
        let reserved = self.reserved;
        for name in &mut names {
            *name = self.free();
            self.reserved |= 1 << name.index();
        }
        let [slot, window, length, other] = names;
        let names = Names { slot, window, length, other };
        let number = self.slot_number();
        let bytes = self.source.pick(LENGTHS);
        self.asm.li(slot, number);
        self.asm.li(length, bytes);
        if self.source.chance(8) {
            // Whatever is there.
            self.asm.li(window, WINDOWS.wrapping_add(number.wrapping_mul(SLOT_BYTES)));
        } else if self.source.chance(15) {
            self.call_for(names, LOAD);
            self.inst(Inst::XrrWindow(format::Unary { rd: window, rs1: slot }));
            self.inst(Inst::XrrLen(format::Unary { rd: length, rs1: slot }));
        } else {
            self.inst(Inst::XrrCreate(format::R { rd: window, rs1: slot, rs2: length }));
        }
        let stages = [Self::build, Self::seal, Self::use_it, Self::finish];
        for stage in stages {
            if !self.source.chance(6) {
                stage(self, names, bytes);
            }
            if self.source.chance(12) {
                self.any_operation(names, bytes);
            }
            if self.source.chance(15) && depth > 0 {
                self.statement(depth - 1);
            }
        }
        self.reserved = reserved;
    }

    fn slot_number(&mut self) -> u64 {
        match self.source.below(40) {
            0 => u64::from(SLOTS),
            1 => self.source.pick(&[u64::MAX, 1 << 32, 1 << 58, (1 << 58) + 1]),
            _ => self.source.below(SLOTS as usize) as u64,
        }
    }

    fn inst(&mut self, inst: Inst) {
        self.test(inst);
    }

    /// Stores, and words written by the instruction for that.
    fn build(&mut self, names: Names, bytes: u64) {
        for _ in 0..self.source.below(4) {
            self.access_window(names, bytes, true);
        }
        if self.source.chance(50) {
            self.word(names, bytes, true);
        }
    }

    fn seal(&mut self, names: Names, _: u64) {
        self.inst(Inst::XrrSeal(format::Slot { rs1: names.slot }));
    }

    /// Loads, words, a loop over the window, questions.
    fn use_it(&mut self, names: Names, bytes: u64) {
        for _ in 0..1 + self.source.below(4) {
            match self.source.below(6) {
                0 | 1 => self.access_window(names, bytes, false),
                2 => self.word(names, bytes, false),
                3 => self.ask(names),
                4 => self.walk_window(names, bytes),
                _ => self.statement(0),
            }
        }
    }

    fn finish(&mut self, names: Names, bytes: u64) {
        let Names { slot, window, length, .. } = names;
        if self.source.chance(30) {
            let longer = if self.source.chance(60) { bytes } else { self.source.pick(LENGTHS) };
            self.asm.li(length, longer);
            self.inst(Inst::XrrUpdate(format::R { rd: window, rs1: slot, rs2: length }));
            self.build(names, longer);
            self.seal(names, longer);
        }
        self.inst(Inst::XrrConsume(format::Slot { rs1: slot }));
        if self.source.chance(10) {
            self.access_window(names, bytes, false);
        }
    }

    fn ask(&mut self, Names { slot, other, .. }: Names) {
        let ops = format::Unary { rd: other, rs1: slot };
        let inst = match self.source.below(3) {
            0 => Inst::XrrState(ops),
            1 => Inst::XrrLen(ops),
            _ => Inst::XrrWindow(ops),
        };
        self.inst(inst);
    }

    /// An offset near the start, or near the end.
    fn offset(&mut self, bytes: u64, size: u64) -> u64 {
        let last = bytes.saturating_sub(size);
        match self.source.below(30) {
            0 => last + 1,
            1 => self.source.pick(&[bytes, bytes + 1, u64::MAX, u64::MAX - 7, 1 << 32, 1 << 63]),
            2..12 => last,
            _ => self.source.below(last.min(64) as usize + 1) as u64,
        }
    }

    fn word(&mut self, Names { slot, other, .. }: Names, bytes: u64, writes: bool) {
        if bytes < 8 && !self.source.chance(5) {
            return;
        }
        let offset = self.offset(bytes, 8);
        self.asm.li(other, offset);
        let value = self.any();
        if writes {
            self.inst(Inst::XrrWrite(format::Write { rs1: slot, rs2: other, rs3: value }));
        } else {
            self.inst(Inst::XrrRead(format::R { rd: other, rs1: slot, rs2: other }));
        }
    }

    /// A load or store near the start or the end of the window.
    fn access_window(&mut self, Names { window, .. }: Names, bytes: u64, writes: bool) {
        let sizes: &[u64] = if bytes >= 8 { &[1, 2, 4, 8] } else { &[1] };
        let size = self.source.pick(sizes);
        if bytes == 0 && !self.source.chance(5) {
            return;
        }
        let offset = self.offset(bytes, size);
        let opcode = match (size, writes) {
            (1, false) => Opcode::Lbu,
            (2, false) => Opcode::Lh,
            (4, false) => Opcode::Lw,
            (_, false) => Opcode::Ld,
            (1, true) => Opcode::Sb,
            (2, true) => Opcode::Sh,
            (4, true) => Opcode::Sw,
            (_, true) => Opcode::Sd,
        };
        match i32::try_from(offset) {
            Ok(imm) if imm < 2048 => self.access_at(opcode, window, imm),
            _ => {
                let base = self.free();
                self.asm.li(base, offset);
                self.inst(Inst::Add(format::R { rd: base, rs1: base, rs2: window }));
                self.access_at(opcode, base, 0);
            }
        }
    }

    /// A loop over the window, a little too far now and then.
    fn walk_window(&mut self, Names { window, other, .. }: Names, bytes: u64) {
        let stride = self.source.pick(&[1, 4, 8, 16]);
        let beyond = u64::from(self.source.chance(6));
        let trips = (bytes / stride + beyond).min(600);
        if trips == 0 {
            return;
        }
        let pointer = self.free();
        self.inst(Inst::Addi(format::I { rd: pointer, rs1: window, imm: 0 }));
        self.asm.li(other, trips);
        let again = self.asm.here();
        self.reserving(&[pointer], |g| {
            let opcode = match stride {
                1 => Opcode::Lbu,
                4 => Opcode::Lwu,
                _ => Opcode::Ld,
            };
            g.access_at(opcode, pointer, 0);
        });
        self.asm.add(pointer, stride as i32);
        self.asm.add(other, -1);
        self.asm.branch(Opcode::Bne, other, X::ZERO, again);
        self.tested += 3;
    }

    /// A call of the host about the slot.
    fn call_for(&mut self, Names { slot, .. }: Names, number: u64) {
        if slot != X::A0 && self.is_free(X::A0) {
            self.inst(Inst::Addi(format::I { rd: X::A0, rs1: slot, imm: 0 }));
        } else if slot != X::A0 {
            return;
        }
        if self.is_free(X::A7) {
            self.asm.li(X::A7, number);
            self.test(Inst::Ecall(format::Bare {}));
        }
    }

    /// Anything, whether it makes sense or not.
    fn any_operation(&mut self, names: Names, bytes: u64) {
        let Names { slot, window, length, other } = names;
        match self.source.below(16) {
            0 => self.seal(names, bytes),
            1 => self.inst(Inst::XrrConsume(format::Slot { rs1: slot })),
            2 => self.inst(Inst::XrrUpdate(format::R { rd: window, rs1: slot, rs2: length })),
            3 => self.inst(Inst::XrrCreate(format::R { rd: window, rs1: slot, rs2: length })),
            4 => self.access_window(names, bytes, true),
            5 => self.access_window(names, bytes, false),
            6 => {
                let length = self.source.pick(TOO_LONG);
                self.asm.li(other, length);
                self.inst(Inst::XrrUpdate(format::R { rd: slot, rs1: slot, rs2: other }));
            }
            7 => self.inst(Inst::AmoaddD(format::Amo {
                rd: other,
                rs1: window,
                rs2: length,
                aq: false,
                rl: false,
            })),
            8 => {
                let number = self.slot_number();
                self.asm.li(slot, number);
            }
            9 => self.word(names, bytes, true),
            _ => {
                let number = LOCK + self.source.below((LOAD - LOCK + 1) as usize) as u64;
                self.call_for(names, number);
                self.ask(names);
            }
        }
    }
}
