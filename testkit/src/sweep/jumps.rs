//! Branches and jumps: taken and not, and over all distances.

use causality_isa::format;
use causality_isa::reg::X;
use causality_isa::{CInst, Extension, Inst, Opcode, decode};

use super::Sweep;
use crate::asm::Assembler;
use crate::corners::INTEGERS;
use crate::operands::Slot;
use crate::program::{DATA_END, WINDOW};

impl Sweep {
    /// Conditional branches: all pairs of values, and all distances that are powers of two.
    pub(super) fn branches(&mut self, opcode: Opcode) {
        for &a in INTEGERS {
            for &b in INTEGERS {
                self.room();
                let rs1 = self.register(Slot::X, a);
                let rs2 =
                    if a == b && !self.probe.is_multiple_of(3) { rs1 } else { self.register(Slot::X, b) };
                let (rs1, rs2) = (X::from_bits(rs1), X::from_bits(rs2));
                let marker = self.any_x();
                let imm = if self.probe.is_multiple_of(2) { 6 } else { 8 };
                self.asm.word(opcode.fill(format::B { rs1, rs2, imm }.encode()));
                // The distance is odd in words if the marker is a short instruction.
                if imm == 6 {
                    self.asm.half(step(marker));
                } else {
                    self.asm.add(marker, 1);
                }
                self.count(opcode.extension());
            }
        }
        for imm in distances(12) {
            for (a, b) in [(1, 1), (1, 2), (2, 1), (u64::MAX, 1)] {
                self.flush();
                let (rs1, rs2) = (self.x(a), self.x(b));
                let word = opcode.fill(format::B { rs1, rs2, imm }.encode());
                self.far_jump(imm, |asm| asm.word(word));
                self.count(opcode.extension());
                self.flush();
            }
        }
    }

    /// `jal` over all distances that are powers of two.
    pub(super) fn jumps(&mut self, opcode: Opcode) {
        for imm in distances(self.effort.choose(14, 20)) {
            self.flush();
            let rd = if self.probe.is_multiple_of(3) { X::ZERO } else { self.any_x() };
            self.far_jump(imm, |asm| asm.inst(Inst::Jal(format::J { rd, imm })));
            self.count(opcode.extension());
            self.flush();
        }
    }

    /// A jump of `imm` bytes, made by `jump`, into a row of instructions that count where it arrived.
    pub(super) fn far_jump(&mut self, imm: i32, jump: impl FnOnce(&mut Assembler)) {
        const ROW: usize = 8;
        let (marker, scratch) = (self.any_x(), self.any_x());
        let row = |asm: &mut Assembler| (0..ROW).for_each(|_| asm.half(step(marker)));
        let asm = &mut self.asm;
        if imm > 0 {
            let end = asm.label();
            let from = asm.len();
            jump(asm);
            if imm as usize > 64 {
                row(asm);
                asm.jump(X::ZERO, end);
                while asm.len() < from + imm as usize - 8 {
                    asm.half(step(marker));
                }
            }
            while asm.len() < from + imm as usize + 2 * ROW {
                asm.half(step(marker));
            }
            asm.bind(end);
        } else {
            let (over, end) = (asm.label(), asm.label());
            asm.address(scratch, over);
            asm.inst(Inst::Jalr(format::Jalr { rd: X::ZERO, rs1: scratch, imm: 0 }));
            let to = asm.len();
            row(asm);
            asm.jump(X::ZERO, end);
            while asm.len() < to + (-imm) as usize {
                asm.half(step(marker));
            }
            asm.bind(over);
            jump(asm);
            asm.half(step(marker));
            asm.bind(end);
        }
    }

    /// `jalr` to even and odd addresses, with all sorts of immediates, to nowhere, and linking to its own base.
    pub(super) fn indirect_jumps(&mut self) {
        for imm in [0, 1, 2, 3, -1, -2, 4, 7, 8, 100, 2046, 2047, -2047, -2048] {
            for target in 0..6 {
                self.room();
                let (rs1, marker) = (self.any_x(), self.any_x());
                let rd = match self.probe % 4 {
                    0 => X::ZERO,
                    1 => rs1,
                    _ => self.any_x(),
                };
                let row = self.asm.label();
                self.asm.address(rs1, row);
                self.asm.add(rs1, target - imm);
                self.asm.inst(Inst::Jalr(format::Jalr { rd, rs1, imm }));
                self.asm.bind(row);
                (0..4).for_each(|_| self.asm.half(step(marker)));
                self.count(Extension::I);
            }
        }
        for nowhere in [0, 2, DATA_END, WINDOW, 0x5000_0000] {
            self.flush();
            let (rd, rs1) = (self.any_x(), self.x(nowhere));
            self.asm.inst(Inst::Jalr(format::Jalr { rd, rs1, imm: 0 }));
            self.count(Extension::I);
            self.flush();
        }
    }

    /// 16-bit jumps and branches, all their distances, taken and not.
    pub fn compressed_jumps(&mut self, step: usize) {
        for half in (0..0xffff_u16).step_by(step).filter(|half| half & 3 != 3) {
            let Some(decoded) = decode(u32::from(half)) else { continue };
            match decoded.inst {
                Inst::Jal(ops) if is_clear(ops.imm) => {
                    self.flush();
                    self.far_jump(ops.imm, |asm| asm.half(half));
                    self.count(Extension::C);
                }
                Inst::Beq(ops) | Inst::Bne(ops) if ops.rs1 != self.anchor && is_clear(ops.imm) => {
                    for value in [0, 1 << 63] {
                        self.flush();
                        self.used_x |= 1 << ops.rs1.index();
                        self.start.x[ops.rs1.index()] = value;
                        self.far_jump(ops.imm, |asm| asm.half(half));
                        self.count(Extension::C);
                    }
                }
                Inst::Jalr(format::Jalr { rs1, .. }) if rs1 != self.anchor => {
                    self.flush();
                    self.used_x |= 1 << rs1.index();
                    if rs1 != X::RA && self.anchor != X::RA {
                        self.used_x |= 1 << X::RA.index();
                    }
                    let marker = self.any_x();
                    let row = self.asm.label();
                    self.asm.address(rs1, row);
                    self.asm.add(rs1, i32::from(half >> 7 & 7));
                    self.asm.half(half);
                    self.asm.bind(row);
                    (0..6).for_each(|_| self.asm.half(self::step(marker)));
                    self.count(Extension::C);
                }
                _ => {}
            }
        }
        self.flush();
    }
}

/// `c.addi x, 1`: two bytes that show that control came by.
fn step(x: X) -> u16 {
    CInst::decode16(0x0005 | (x.index() as u16) << 7).map_or(0, CInst::encode)
}

/// Whether a jump of this distance leaves the jump itself and the one before it.
const fn is_clear(imm: i32) -> bool {
    imm > 2 || imm < -4
}

/// Distances a jump can have: even, not within the jump itself, both ways, up to `bits` bits.
fn distances(bits: usize) -> Vec<i32> {
    let powers = (3..bits).map(|bit| 1 << bit);
    let mut all = vec![4, 6, 10, 14, (1 << bits) - 2, -10, -(1 << bits)];
    powers.for_each(|power| all.extend_from_slice(&[power, power + 2, -power]));
    all
}
