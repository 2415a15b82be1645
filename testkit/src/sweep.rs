//! Every row of the instruction table, applied to corner operands.
//!
//! A sweep packs as many independent applications, here called probes, into a program as there are registers: each
//! has operands and a destination of its own, and one that involves floating point is followed by a read of
//! `fflags`. Probes that trap stand alone. Registers that no probe uses hold junk, which must come out unchanged.

use std::collections::BTreeMap;

use causality_isa::format::{self, Operand};
use causality_isa::reg::{F, X};
use causality_isa::{CInst, Decoded, Extension, Inst, Opcode, csr, decode};

use crate::asm::Assembler;
use crate::corners::{self, CONVERTED_INTEGERS, INTEGERS};
use crate::operands::{Class, Operands, RD, RM, RS1, RS2, RS3, Slot, class, source_format};
use crate::program::{DATA_END, Program, State, WINDOW, WINDOW_SIZE};
use crate::qemu;
use crate::source::Source;

/// How many combinations to try.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Effort {
    /// A sample, for every day.
    Quick,
    /// All pairs of corner values in all rounding modes.
    Full,
}

impl Effort {
    /// Full if the environment variable `CAUSALITY_FULL` is 1.
    #[must_use]
    pub fn from_env() -> Self {
        if std::env::var_os("CAUSALITY_FULL").is_some_and(|v| v == "1") {
            Effort::Full
        } else {
            Effort::Quick
        }
    }

    /// One of two numbers.
    #[must_use]
    pub const fn choose(self, quick: usize, full: usize) -> usize {
        match self {
            Effort::Quick => quick,
            Effort::Full => full,
        }
    }
}

/// Where a probe leaves its result.
#[derive(Clone, Copy, Debug)]
pub struct Placed {
    /// Index of the program.
    pub program: usize,
    /// The destination register.
    pub rd: usize,
    /// The integer register that holds `fflags` after the instruction.
    pub flags: Option<X>,
}

/// The operands of a probe.
#[derive(Clone, Copy, Debug, Default)]
pub struct Values {
    /// What the source registers hold.
    pub sources: [u64; 3],
    /// Bits of the immediate, in place.
    pub immediate: u32,
    /// The rounding mode field.
    pub rm: u32,
    /// What `frm` is set to before, if anything.
    pub frm: Option<u8>,
    /// What `fflags` holds before.
    pub flags: u8,
}

/// Builds programs of probes.
#[derive(Debug)]
pub struct Sweep {
    anchor: X,
    effort: Effort,
    programs: Vec<Program>,
    /// Probes by extension.
    counts: BTreeMap<Extension, usize>,
    asm: Assembler,
    start: State,
    used_x: u32,
    used_f: u32,
    used_slots: u32,
    tested: usize,
    probe: usize,
    junk: Source<'static>,
}

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
    /// Nothing yet.
    #[must_use]
    pub fn new(anchor: X, effort: Effort) -> Self {
        let mut sweep = Sweep {
            anchor,
            effort,
            programs: Vec::new(),
            counts: BTreeMap::new(),
            asm: Assembler::new(),
            start: State::default(),
            used_x: 0,
            used_f: 0,
            used_slots: 0,
            tested: 0,
            probe: 0,
            junk: Source::Seed(0x5eed),
        };
        sweep.clear();
        sweep
    }

    /// The programs, and how many probes there are of each extension.
    #[must_use]
    pub fn finish(mut self) -> (Vec<Program>, BTreeMap<Extension, usize>) {
        self.flush();
        (self.programs, self.counts)
    }

    /// How many probes there are.
    #[must_use]
    pub fn len(&self) -> usize {
        self.counts.values().sum()
    }

    /// Whether there are none.
    #[must_use]
    pub fn is_empty(&self) -> bool {
        self.counts.is_empty()
    }

    /// All probes of one opcode that QEMU can judge.
    pub fn opcode(&mut self, opcode: Opcode) {
        match class(opcode) {
            Class::Value => self.values(opcode),
            Class::Load(size) => self.accesses(opcode, size, false),
            Class::Store(size) => self.accesses(opcode, size, true),
            Class::Atomic(size) => self.atomics(opcode, size),
            Class::Branch => self.branches(opcode),
            Class::Jal => self.jumps(opcode),
            Class::Jalr => self.indirect_jumps(),
            Class::Csr => self.csrs(opcode),
            Class::System => self.system(opcode),
            // Without an oracle; tested with expected values.
            Class::Block => {}
        }
    }

    // Packing.

    /// An empty program with junk in everything.
    fn clear(&mut self) {
        self.asm = Assembler::new();
        self.tested = 0;
        self.used_x = 1 | 1 << self.anchor.index();
        self.used_f = 0;
        self.used_slots = 0;
        for i in 1..32 {
            self.start.x[i] = self.junk.pick(INTEGERS) ^ self.junk.bits() >> 3;
            self.start.f[i] = self.junk.bits();
        }
        self.start.f[0] = self.junk.bits();
        self.start.fcsr = self.junk.bits() & 0xff;
        self.start.window.chunks_mut(8).for_each(|chunk| {
            chunk.copy_from_slice(&self.junk.bits().to_le_bytes());
        });
    }

    /// Ends the current program.
    pub fn flush(&mut self) {
        if !self.asm.is_empty() {
            self.programs.push(Program {
                start: self.start.clone(),
                code: std::mem::take(&mut self.asm).finish(),
                tested: self.tested,
            });
            self.clear();
        }
    }

    /// Ends the current program unless it has room for another probe.
    fn room(&mut self) {
        if self.used_x.count_ones() > 26 || self.used_f.count_ones() > 28 || self.used_slots.count_ones() > 28
        {
            self.flush();
        }
    }

    fn count(&mut self, extension: Extension) {
        *self.counts.entry(extension).or_default() += 1;
        self.tested += 1;
        self.probe += 1;
    }

    /// A free integer register, holding `value`.
    fn x(&mut self, value: u64) -> X {
        let free = (0..32).map(|i| (i + self.probe) % 32).find(|i| self.used_x >> i & 1 == 0);
        let x = X::from_bits(free.unwrap_or(0) as u32);
        self.used_x |= 1 << x.index();
        self.start.x[x.index()] = value;
        x
    }

    /// A free integer register, holding junk.
    fn any_x(&mut self) -> X {
        let junk = self.junk.bits();
        self.x(junk)
    }

    fn f(&mut self, value: u64) -> F {
        let free = (0..32).map(|i| (i + self.probe) % 32).find(|i| self.used_f >> i & 1 == 0);
        let f = F::from_bits(free.unwrap_or(0) as u32);
        self.used_f |= 1 << f.index();
        self.start.f[f.index()] = value;
        f
    }

    /// A free doubleword of the window, holding `value`: its address.
    fn slot(&mut self, value: u64) -> u64 {
        let free = (0..32).find(|i| self.used_slots >> i & 1 == 0).unwrap_or(0);
        self.used_slots |= 1 << free;
        self.start.window[8 * free..8 * free + 8].copy_from_slice(&value.to_le_bytes());
        WINDOW + 8 * free as u64
    }

    /// A register of the kind `slot` asks for, holding `value`.
    fn register(&mut self, slot: Slot, value: u64) -> u32 {
        match slot {
            Slot::None => 0,
            Slot::X if value == 0 && self.probe.is_multiple_of(2) => 0,
            Slot::X => self.x(value).index() as u32,
            Slot::F => self.f(value).index() as u32,
        }
    }

    // Probes.

    /// One probe of an instruction that computes.
    pub fn value(&mut self, opcode: Opcode, operands: &Operands, values: &Values) -> Placed {
        self.room();
        let [a, b, c] = values.sources;
        let n = self.probe;
        let rs1 = self.register(operands.rs1, a);
        let same = operands.rs2 == operands.rs1 && a == b && !n.is_multiple_of(3);
        let rs2 = if same { rs1 } else { self.register(operands.rs2, b) };
        let rs3 = self.register(operands.rs3, c);
        let junk = self.junk.bits() | 1;
        let rd = match n % 16 {
            3 if operands.rd == operands.rs1 => rs1,
            5 if operands.rd == operands.rs2 => rs2,
            7 if operands.rd == operands.rs3 => rs3,
            9 if operands.rd == Slot::X => 0,
            _ => self.register(operands.rd, junk),
        };
        let registers = rd << RD | rs1 << RS1 | rs2 << RS2 | rs3 << RS3;
        let rm = if operands.rm { values.rm << RM } else { 0 };
        if let Some(frm) = values.frm {
            self.csr_write(csr::FRM, frm);
        }
        let flags = operands.is_float().then(|| {
            self.csr_write(csr::FFLAGS, values.flags);
            self.any_x()
        });
        self.asm.word(opcode.fill(registers | rm | values.immediate));
        if let Some(rd) = flags {
            self.csr_read(rd, csr::FFLAGS);
        }
        self.count(opcode.extension());
        Placed { program: self.programs.len(), rd: rd as usize, flags }
    }

    fn csr_write(&mut self, csr: u16, uimm: u8) {
        self.asm.inst(Inst::Csrrwi(format::CsrImm { rd: X::ZERO, uimm, csr }));
    }

    fn csr_read(&mut self, rd: X, csr: u16) {
        self.asm.inst(Inst::Csrrs(format::Csr { rd, rs1: X::ZERO, csr }));
    }

    /// All probes of an instruction that computes.
    fn values(&mut self, opcode: Opcode) {
        let operands = Operands::of(opcode);
        for values in value_cases(opcode, &operands, self.effort) {
            let word = opcode.fill(values.immediate | 1 << RD);
            // Some immediates make it another instruction.
            let oracle_errs = qemu::errs(opcode, values.sources);
            if !oracle_errs && decode(word | values.rm << RM).is_some_and(|d| d.inst.opcode() == opcode) {
                self.value(opcode, &operands, &values);
            }
        }
        if operands.rm {
            self.reserved_rounding(opcode, &operands);
        }
    }

    /// Reserved rounding modes, in the instruction and in `frm`.
    fn reserved_rounding(&mut self, opcode: Opcode, operands: &Operands) {
        for (rm, frm) in [(5, None), (6, None), (7, Some(5)), (7, Some(6)), (7, Some(7)), (4, Some(7))] {
            self.flush();
            let values = Values { rm, frm, sources: [1; 3], ..Values::default() };
            self.value(opcode, operands, &values);
            self.flush();
        }
    }

    /// Loads and stores at every alignment, within a page and across two, and where nothing is.
    fn accesses(&mut self, opcode: Opcode, size: u32, stores: bool) {
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
    fn access(&mut self, opcode: Opcode, base: u64, imm: i32) {
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
    fn atomics(&mut self, opcode: Opcode, size: u32) {
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
    fn reserved_text(&mut self, sc: Opcode) {
        self.flush();
        self.atomic(if sc == Opcode::ScD { Opcode::LrD } else { Opcode::LrW }, READ_ONLY, 0);
        self.atomic(sc, READ_ONLY, 5);
        self.flush();
    }

    fn atomic(&mut self, opcode: Opcode, at: u64, value: u64) {
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
    fn reservations(&mut self, opcode: Opcode) {
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

    /// Conditional branches: all pairs of values, and all distances that are powers of two.
    fn branches(&mut self, opcode: Opcode) {
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
    fn jumps(&mut self, opcode: Opcode) {
        for imm in distances(self.effort.choose(14, 20)) {
            self.flush();
            let rd = if self.probe.is_multiple_of(3) { X::ZERO } else { self.any_x() };
            self.far_jump(imm, |asm| asm.inst(Inst::Jal(format::J { rd, imm })));
            self.count(opcode.extension());
            self.flush();
        }
    }

    /// A jump of `imm` bytes, made by `jump`, into a row of instructions that count where it arrived.
    fn far_jump(&mut self, imm: i32, jump: impl FnOnce(&mut Assembler)) {
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
    fn indirect_jumps(&mut self) {
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

    /// The floating-point CSRs with all sorts of values.
    fn csrs(&mut self, opcode: Opcode) {
        let operands = Operands::of(opcode);
        let sources: Vec<u64> = match operands.rs1 {
            Slot::X => (0..=0xff).chain(INTEGERS.iter().copied()).collect(),
            _ => (0..32).collect(),
        };
        for number in [csr::FFLAGS, csr::FRM, csr::FCSR] {
            for &source in &sources {
                self.room();
                let before = self.x(source.rotate_left(3) ^ 0x5a);
                self.asm.inst(Inst::Csrrw(format::Csr { rd: X::ZERO, rs1: before, csr: csr::FCSR }));
                let rs1 = match operands.rs1 {
                    Slot::X => self.register(Slot::X, source),
                    _ => source as u32,
                };
                let rd = match self.probe % 5 {
                    0 => 0,
                    1 if operands.rs1 == Slot::X => rs1,
                    _ => self.any_x().index() as u32,
                };
                self.asm.word(opcode.fill(u32::from(number) << 20 | rs1 << RS1 | rd << RD));
                let after = self.any_x();
                self.csr_read(after, csr::FCSR);
                self.count(opcode.extension());
            }
        }
    }

    /// Reading and writing each of the 4096 CSRs, the result discarded: which exist, and which are read-only.
    ///
    /// Not `hpmcounter3` and on, which a user program may read if the execution environment lets it (Zihpm): it
    /// does here, and does not in QEMU.
    pub fn all_csrs(&mut self) {
        for csr in (0..4096).filter(|number| !(csr::HPMCOUNTER3..=csr::HPMCOUNTER31).contains(number)) {
            self.flush();
            self.csr_read(X::ZERO, csr);
            self.count(Extension::Zicsr);
            self.flush();
            self.asm.inst(Inst::Csrrw(format::Csr { rd: X::ZERO, rs1: X::ZERO, csr }));
            self.count(Extension::Zicsr);
            self.flush();
        }
    }

    /// `ebreak`, and an `ecall` that no system knows.
    fn system(&mut self, opcode: Opcode) {
        self.flush();
        self.start.x[X::A7.index()] = 0x7fff;
        self.asm.word(opcode.fill(0));
        self.count(opcode.extension());
        self.flush();
    }

    /// A word on its own, whatever it is.
    pub fn solo(&mut self, extension: Extension, word: u32) {
        self.flush();
        if word & 3 == 3 {
            self.asm.word(word);
        } else {
            self.asm.half(word as u16);
        }
        self.count(extension);
        self.flush();
    }

    /// All 16-bit instructions that `wanted` accepts, or every `step`th of them; with `expand`, in the 32-bit
    /// form. Those whose registers include the anchor, and jumps, are left out.
    pub fn compressed(&mut self, step: usize, expand: bool, wanted: impl Fn(CInst) -> bool) {
        // An order in which neighbours differ in everything, so that they fit into one program.
        let halves = (0..0x1_0000_u32).step_by(step).map(|i| i.wrapping_mul(40503) as u16);
        for half in halves.filter(|half| half & 3 != 3) {
            let Some(decoded) = decode(u32::from(half)) else { continue };
            let Some(compressed) = decoded.compressed else { continue };
            if wanted(compressed) {
                self.fixed(decoded, half, expand);
            }
        }
    }

    /// One probe of an instruction whose registers are given.
    fn fixed(&mut self, decoded: Decoded, half: u16, expand: bool) {
        let (mut x, mut f) = (0_u32, 0_u32);
        for name in ["rd", "rs1", "rs2"] {
            match decoded.inst.operand(name) {
                Some(Operand::X(reg)) if !reg.is_zero() => x |= 1 << reg.index(),
                Some(Operand::F(reg)) => f |= 1 << reg.index(),
                _ => {}
            }
        }
        if x >> self.anchor.index() & 1 != 0 {
            return;
        }
        if x & self.used_x != 0 || f & self.used_f != 0 {
            self.flush();
        }
        if !self.prepare(decoded.inst, x, f) {
            return;
        }
        self.used_x |= x;
        self.used_f |= f;
        if expand {
            self.asm.inst(decoded.inst);
        } else {
            self.asm.half(half);
        }
        self.count(decoded.compressed.map_or(Extension::I, |c| c.opcode().extension()));
        self.room();
    }

    /// Gives these registers values that suit the instruction; false if it is one that jumps or ends a program.
    fn prepare(&mut self, inst: Inst, x: u32, f: u32) -> bool {
        for i in (0..32).filter(|i| x >> i & 1 != 0) {
            self.start.x[i] = self.junk.pick(INTEGERS);
        }
        for i in (0..32).filter(|i| f >> i & 1 != 0) {
            self.start.f[i] = self.junk.bits();
        }
        match class(inst.opcode()) {
            Class::Value => true,
            Class::Load(size) | Class::Store(size) => {
                let (Some(Operand::X(base)), Some(Operand::Int(imm))) =
                    (inst.operand("rs1"), inst.operand("imm"))
                else {
                    return false;
                };
                let place = self.junk.below(WINDOW_SIZE - size as usize + 1) as u64;
                self.start.x[base.index()] = (WINDOW + place).wrapping_add_signed(-i64::from(imm));
                true
            }
            _ => false,
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

/// Immediates: none, all, each bit alone and absent, patterns.
fn immediates(mask: u32, junk: &mut Source<'_>) -> Vec<u32> {
    if mask.count_ones() <= 6 {
        return subsets(mask);
    }
    let bits = (0..32).map(|bit| 1 << bit).filter(|bit| mask & bit != 0);
    let mut all = vec![0, mask];
    bits.for_each(|bit| all.extend_from_slice(&[bit, mask & !bit]));
    all.extend([0x5555_5555, 0xaaaa_aaaa].map(|pattern| pattern & mask));
    all.extend((0..4).map(|_| junk.bits() as u32 & mask));
    all.sort_unstable();
    all.dedup();
    all
}

/// All values of a narrow field.
fn subsets(mask: u32) -> Vec<u32> {
    let next = |&subset: &u32| Some(subset.wrapping_sub(mask) & mask).filter(|&subset| subset != 0);
    std::iter::successors(Some(0), next).collect()
}

/// The operands an instruction that computes is tried with.
#[must_use]
pub fn value_cases(opcode: Opcode, operands: &Operands, effort: Effort) -> Vec<Values> {
    let mut junk = Source::Seed(opcode as u64);
    let pools = [operands.rs1, operands.rs2, operands.rs3].map(|slot| pool(opcode, operands, slot));
    let mut sources = Vec::new();
    if operands.rs3 == Slot::None {
        for &a in &pools[0] {
            sources.extend(pools[1].iter().map(|&b| [a, b, 0]));
        }
    } else {
        sources.extend((0..effort.choose(600, 6000)).map(|_| [0, 1, 2].map(|i| junk.pick(&pools[i]))));
        // A product and an addend that cancel, or nearly.
        sources.extend(pools[0].iter().map(|&a| [a, pools[0][2], a ^ (a & 1)]));
    }
    let modes = modes(operands, effort);
    let mut cases = Vec::new();
    for immediate in immediates(operands.immediate, &mut junk) {
        for &sources in &sources {
            for &(rm, frm) in modes(cases.len()) {
                // Executors take other ways where a flag is raised already, inexact above all.
                let flags = [0, 1, 0, 1, 0, 1, 0, 1, 31, 0, 16, 1, 4][cases.len() % 13];
                cases.push(Values { sources, immediate, rm, frm, flags });
            }
        }
    }
    cases
}

/// A rounding mode field and what to write to `frm` before.
type Mode = (u32, Option<u8>);

/// The rounding modes to try the nth operands in.
fn modes(operands: &Operands, effort: Effort) -> impl Fn(usize) -> &'static [Mode] + use<> {
    const MODES: [Mode; 10] = [
        (0, None),
        (7, Some(2)),
        (4, None),
        (7, Some(0)),
        (1, None),
        (7, Some(4)),
        (3, None),
        (7, Some(1)),
        (2, None),
        (7, Some(3)),
    ];
    let rounds = operands.rm;
    move |n| match (rounds, effort) {
        (false, _) => &MODES[..1],
        (true, Effort::Full) => &MODES,
        (true, Effort::Quick) => &MODES[n / 2 % 5 * 2..][..2],
    }
}

/// The values for one source operand.
fn pool(opcode: Opcode, operands: &Operands, slot: Slot) -> Vec<u64> {
    match slot {
        Slot::None => vec![0],
        Slot::X if operands.rd == Slot::F => [INTEGERS, CONVERTED_INTEGERS].concat(),
        Slot::X => INTEGERS.to_vec(),
        Slot::F if operands.rs2 == Slot::None => corners::converted_floats(source_format(opcode)),
        Slot::F => corners::floats(source_format(opcode)),
    }
}
