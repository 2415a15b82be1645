//! Every row of the instruction table, applied to corner operands.
//!
//! A sweep packs as many independent applications, here called probes, into a program as there are registers: each
//! has operands and a destination of its own, and one that involves floating point is followed by a read of
//! `fflags`. Probes that trap stand alone. Registers that no probe uses hold junk, which must come out unchanged.

mod cases;
mod jumps;
mod memory;

pub use cases::value_cases;

use std::collections::BTreeMap;
use std::ffi::OsString;

use causality_isa::format::{self, Operand};
use causality_isa::reg::{F, X};
use causality_isa::{CInst, Decoded, Extension, Inst, Opcode, csr, decode};

use crate::asm::Assembler;
use crate::corners::INTEGERS;
use crate::operands::{Class, Operands, RD, RM, RS1, RS2, RS3, Slot, class};
use crate::program::{Program, State, WINDOW, WINDOW_SIZE};
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
        Effort::full_if(|value| value == "1")
    }

    /// The same for corner operands, of which all are also tried if it is `corners`.
    #[must_use]
    pub fn of_corners() -> Self {
        Effort::full_if(|value| value == "1" || value == "corners")
    }

    fn full_if(wanted: impl FnOnce(OsString) -> bool) -> Self {
        if std::env::var_os("CAUSALITY_FULL").is_some_and(wanted) { Effort::Full } else { Effort::Quick }
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
            Class::Block | Class::Register => {}
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
}
