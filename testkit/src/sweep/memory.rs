//! Loads, stores and atomics at every alignment, and where nothing may be read or written.

use causality_isa::Opcode;
use causality_isa::format;
use causality_isa::reg::X;

use super::Sweep;
use crate::corners::INTEGERS;
use crate::operands::{Operands, RD, RS1, RS2, Slot};
use crate::program::{DATA_END, WINDOW, WINDOW_SIZE};

/// Addresses at which nothing can be loaded or stored. None may be within what a host process has mapped.
const BAD: &[u64] = &[
    0,
    8,
    DATA_END - 1,
    DATA_END - 3,
    DATA_END - 7,
    DATA_END,
    DATA_END + 0xff8,
    0x5000_0000,
    0x1_5000_0000,
    1 << 63,
    u64::MAX,
    u64::MAX - 6,
];
/// Readable but not writable: a program's own code.
const READ_ONLY: u64 = crate::program::CODE;

impl Sweep {
    /// Loads and stores at every alignment, within a page and across two, and where nothing is.
    pub(super) fn accesses(&mut self, opcode: Opcode, size: u32, stores: bool) {
        let half = WINDOW_SIZE as u64 / 2;
        let places = (0..9).chain(half - 8..half + 1).chain([WINDOW_SIZE as u64 - u64::from(size)]);
        for place in places {
            for imm in [0, 1, -1, 16, -7, 2047, -2048, 1364] {
                self.room();
                self.access(opcode, (WINDOW + place).wrapping_sub(imm as u64), imm);
            }
        }
        let read_only: &[u64] = if stores { &[READ_ONLY] } else { &[] };
        for &address in BAD.iter().chain(read_only) {
            // A narrow access below the end of the data is allowed.
            for imm in [0, -4, 2047] {
                self.flush();
                self.access(opcode, address.wrapping_sub(imm as u64), imm);
                self.flush();
            }
        }
    }

    /// One load or store with this base and immediate.
    pub(super) fn access(&mut self, opcode: Opcode, base: u64, imm: i32) {
        let operands = Operands::of(opcode);
        let rs1 = self.x(base).index() as u32;
        let value = self.junk.bits();
        let rs2 = self.register(operands.rs2, value);
        let rd = match self.probe % 8 {
            3 if operands.rd == Slot::X => rs1,
            5 if operands.rd == Slot::X => 0,
            _ => self.register(operands.rd, value),
        };
        let imm = if operands.rd == Slot::None {
            format::S { rs1: X::ZERO, rs2: X::ZERO, imm }.encode()
        } else {
            format::Load { rd: X::ZERO, rs1: X::ZERO, imm }.encode()
        };
        self.asm.word(opcode.fill(rd << RD | rs1 << RS1 | rs2 << RS2 | imm));
        self.count(opcode.extension());
    }

    /// Atomic operations on all pairs of memory and register, misaligned, and where nothing is.
    pub(super) fn atomics(&mut self, opcode: Opcode, size: u32) {
        let is = |start| opcode.mnemonic().starts_with(start);
        if is("lr.") || is("sc.") {
            self.reservations(opcode);
        } else {
            for &memory in INTEGERS {
                for &register in INTEGERS {
                    self.room();
                    let half = if size == 4 && self.probe.is_multiple_of(2) { 4 } else { 0 };
                    let at = self.slot(memory.rotate_left(8 * half)) + u64::from(half);
                    self.atomic(opcode, at, register);
                }
            }
        }
        if is("sc.") {
            // QEMU fails an `sc` without a reservation before it looks at the address, where the manual (A,
            // "Load-Reserved/Store-Conditional Instructions") says that a misaligned one traps.
            return self.reserved_text(opcode);
        }
        for at in (1..8).filter(|at| at % u64::from(size) != 0) {
            self.flush();
            self.atomic(opcode, WINDOW + at, 5);
            self.flush();
        }
        // Where an access is both misaligned and not allowed, either may be reported.
        let read_only: &[u64] = if is("lr.") { &[] } else { &[READ_ONLY] };
        let bad = BAD.iter().filter(|&at| at % 8 == 0).chain(read_only);
        for &at in bad {
            self.flush();
            self.atomic(opcode, at, 5);
            self.flush();
        }
    }

    /// `sc` to reserved memory that is not writable.
    pub(super) fn reserved_text(&mut self, sc: Opcode) {
        self.flush();
        self.atomic(if sc == Opcode::ScD { Opcode::LrD } else { Opcode::LrW }, READ_ONLY, 0);
        self.atomic(sc, READ_ONLY, 5);
        self.flush();
    }

    pub(super) fn atomic(&mut self, opcode: Opcode, at: u64, value: u64) {
        let operands = Operands::of(opcode);
        let rs1 = self.x(at).index() as u32;
        let rs2 = self.register(operands.rs2, value);
        let junk = self.junk.bits();
        let rd = match self.probe % 8 {
            3 => rs1,
            5 if operands.rs2 == Slot::X => rs2,
            7 => 0,
            _ => self.register(Slot::X, junk | 1),
        };
        let order = (self.probe as u32 / 8 % 4) << 25;
        self.asm.word(opcode.fill(rd << RD | rs1 << RS1 | rs2 << RS2 | order));
        self.count(opcode.extension());
    }

    /// `lr` and `sc`: alone, in pairs, of the same and of another address, and twice.
    pub(super) fn reservations(&mut self, opcode: Opcode) {
        let double = matches!(opcode, Opcode::LrD | Opcode::ScD);
        let (lr, sc) = if double { (Opcode::LrD, Opcode::ScD) } else { (Opcode::LrW, Opcode::ScW) };
        for &memory in INTEGERS {
            for sequence in 0..5 {
                self.flush();
                let (here, there) = (self.slot(memory), self.slot(!memory));
                match sequence {
                    0 => self.atomic(sc, here, 1),
                    1 => {
                        self.atomic(lr, here, 0);
                        self.atomic(sc, here, 2);
                        self.atomic(sc, here, 3);
                    }
                    2 => {
                        self.atomic(lr, here, 0);
                        self.atomic(sc, there, 4);
                        self.atomic(sc, here, 5);
                    }
                    3 => {
                        self.atomic(lr, here, 0);
                        self.atomic(lr, there, 0);
                        self.atomic(sc, here, 6);
                        self.atomic(sc, there, 7);
                    }
                    _ => {
                        self.atomic(lr, here, 0);
                        self.atomic(lr, there, 0);
                        self.atomic(sc, there, 8);
                    }
                }
                self.flush();
            }
        }
    }
}
