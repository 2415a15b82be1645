//! What the floating-point extensions share: places, NaN, boxes.
//!
//! Arithmetic is the host's: its control register holds the guest's rounding mode while code runs, and its sticky flags
//! are the guest's. Every operation is executed where it stands, so nothing else has to be seen to.
//!
//! A result that is NaN becomes the canonical one late: until its bits can be seen it is *open*. NaN goes through
//! arithmetic, so of open registers only those are compared that no other was computed from, two at a time, and if any
//! is NaN, all are made canonical out of line. Whatever leaves meanwhile makes them canonical first.
//!
//! A register whose low half is used in single precision must be known to hold a boxed value. What is not known is
//! compared, and if it is not boxed, the interpreter executes the instruction.

use causality_machine::isa::format::{FBinary, FCompare, FR, FR4, FUnary, Rm as Mode};
use causality_machine::isa::reg::{F, X};

use super::assembler::{Alu, Bit, Cond, Extend, Gpr, Prefix, RAX, RCX, Rm, Shift, Width, Xm, Xmm};
use super::register::{ONES, place, place_f};
use super::trap::Kind;
use super::{Emitted, Emitter};

/// The precision of an operation.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(super) enum Float {
    Single,
    Double,
}

impl Float {
    /// The prefix of scalar instructions.
    const fn scalar(self) -> Prefix {
        match self {
            Float::Single => Prefix::F3,
            Float::Double => Prefix::F2,
        }
    }

    /// The prefix of comparisons.
    const fn packed(self) -> Prefix {
        match self {
            Float::Single => Prefix::None,
            Float::Double => Prefix::P66,
        }
    }

    pub(super) const fn size(self) -> i64 {
        match self {
            Float::Single => 4,
            Float::Double => 8,
        }
    }

    /// The canonical NaN as a register holds it.
    pub(super) const fn nan(self) -> u64 {
        match self {
            Float::Single => 0xffff_ffff_7fc0_0000,
            Float::Double => 0x7ff8_0000_0000_0000,
        }
    }

    const fn sign_bit(self) -> u8 {
        match self {
            Float::Single => 31,
            Float::Double => 63,
        }
    }
}

/// Last bytes of opcodes.
pub(super) const ADD: u8 = 0x58;
pub(super) const MULTIPLY: u8 = 0x59;
pub(super) const SUBTRACT: u8 = 0x5c;
const MINIMUM: u8 = 0x5d;
pub(super) const DIVIDE: u8 = 0x5e;
const MAXIMUM: u8 = 0x5f;
pub(super) const PRECISION: u8 = 0x5a;
const ROOT: u8 = 0x51;
const AND: u8 = 0x54;
const AND_NOT: u8 = 0x55;
const OR: u8 = 0x56;
const XOR: u8 = 0x57;
const UNORDERED_COMPARE: u8 = 0x2e;
const COMPARE: u8 = 0x2f;
/// Fused multiplication and addition: `a * b + c` of the operands in this order; the others change signs.
pub(super) const FUSED: u8 = 0xa9;
pub(super) const FUSED_LESS: u8 = 0xab;
pub(super) const FUSED_NEGATED: u8 = 0xad;
pub(super) const FUSED_NEGATED_LESS: u8 = 0xaf;

/// Free for anything.
pub(super) const T0: Xmm = Xmm(0);
pub(super) const T1: Xmm = Xmm(1);
const T2: Xmm = Xmm(2);

/// The most registers that are open at a time.
const OPEN: u32 = 6;

/// Results whose NaN may not be the canonical one.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
pub(super) struct Open {
    /// Registers that hold one.
    registers: u32,
    /// Which of them in single precision.
    singles: u32,
}

impl Open {
    pub(super) const NONE: Open = Open { registers: 0, singles: 0 };

    pub(super) const fn is_empty(self) -> bool {
        self.registers == 0
    }
}

/// Takes the first register out of a set that is not empty.
fn take(set: &mut u32) -> F {
    let r = F::from_bits(set.trailing_zeros());
    *set &= *set - 1;
    r
}

/// What is known about results.
#[derive(Debug, Default)]
pub(super) struct Results {
    pub(super) open: Open,
    /// For each open register, those it was computed from and that hold the same still.
    sources: [u32; 32],
}

/// How the sign of a result comes about.
#[derive(Clone, Copy, PartialEq, Eq)]
pub(super) enum Sign {
    Copy,
    Invert,
    Xor,
}

impl Emitter<'_> {
    /// Makes sure that a register holds a boxed value, if it is used in single precision.
    fn unbox(&mut self, float: Float, r: F) {
        if float == Float::Double || self.facts.boxed >> r.index() & 1 != 0 {
            return;
        }
        self.close_one(r);
        match place_f(r) {
            Xm::Mem(home) => self.a.alu_imm(Alu::Cmp, Width::Word, home.plus(4), -1),
            Xm::Reg(reg) => {
                self.a.second_word(RAX, reg);
                self.a.alu_imm(Alu::Cmp, Width::Word, RAX, -1);
            }
        }
        self.leave_if(Cond::NotEqual);
        self.facts.boxed |= 1 << r.index();
    }

    /// A vector register that holds `f[r]`: its own, or `scratch`, loaded. All 64 bits, as it is the operand that the
    /// upper bits of a result come from.
    pub(super) fn read_f(&mut self, r: F, scratch: Xmm) -> Xmm {
        match place_f(r) {
            Xm::Reg(reg) => reg,
            Xm::Mem(home) => {
                self.a.vector_load(8, scratch, home);
                scratch
            }
        }
    }

    /// The register to compute `f[rd]` in, for [`Emitter::write_f`].
    pub(super) fn target_f(&self, rd: F) -> Xmm {
        match place_f(rd) {
            Xm::Reg(reg) => reg,
            Xm::Mem(_) => T0,
        }
    }

    /// `f[rd] = value`, of which all 64 bits are right.
    pub(super) fn write_f(&mut self, float: Float, rd: F, value: Xmm) {
        match place_f(rd) {
            Xm::Reg(reg) => self.a.vector_copy(reg, value),
            Xm::Mem(home) => self.a.vector_store(8, home, value),
        }
        self.is_written(float, rd);
    }

    fn is_written(&mut self, float: Float, rd: F) {
        let bit = 1 << rd.index();
        if !self.results.open.is_empty() {
            self.results.open.registers &= !bit;
            self.results.sources.iter_mut().for_each(|sources| *sources &= !bit);
        }
        self.facts.boxed =
            if float == Float::Single { self.facts.boxed | bit } else { self.facts.boxed & !bit };
    }

    /// `f[rd]` = a result of arithmetic with these operands, which is NaN if one of them is.
    fn write_open(&mut self, float: Float, rd: F, value: Xmm, operands: &[F]) {
        let bit = 1 << rd.index();
        let mut sources = 0;
        for r in operands {
            if self.results.open.registers >> r.index() & 1 != 0 {
                sources |= 1 << r.index() | self.results.sources[r.index()];
            }
        }
        self.write_f(float, rd, value);
        let Results { open, sources: all } = &mut self.results;
        open.registers |= bit;
        open.singles = if float == Float::Single { open.singles | bit } else { open.singles & !bit };
        all[rd.index()] = sources & !bit;
        if self.results.open.registers.count_ones() >= OPEN {
            self.close();
        }
    }

    /// Makes what is open canonical.
    pub(super) fn close(&mut self) {
        let open = std::mem::take(&mut self.results.open);
        if open.is_empty() {
            return;
        }
        let is_open = |r: &F| open.registers >> r.index() & 1 != 0;
        let covered =
            F::ALL.iter().filter(|r| is_open(r)).fold(0, |all, r| all | self.results.sources[r.index()]);
        let back = self.a.label();
        let cold = self.cold(Kind::Nan(open, back));
        for float in [Float::Single, Float::Double] {
            let singles = if float == Float::Single { open.singles } else { !open.singles };
            let mut roots = open.registers & !covered & singles;
            while roots != 0 {
                let first = take(&mut roots);
                let second = if roots == 0 { first } else { take(&mut roots) };
                let a = self.read_f(first, T0);
                let b = if first == second { Xm::Reg(a) } else { place_f(second) };
                self.a.vector(float.packed(), UNORDERED_COMPARE, a, Xmm(0), b);
                self.a.jump_if(Cond::Parity, cold);
            }
        }
        self.a.bind(back);
    }

    /// Makes what is open canonical if that includes `r`, whose bits are about to be seen.
    pub(super) fn close_one(&mut self, r: F) {
        if self.results.open.registers >> r.index() & 1 != 0 {
            self.close();
        }
    }

    /// Makes each open register canonical that is NaN.
    pub(super) fn emit_canonical(&mut self, open: Open) {
        let mut rest = open.registers;
        while rest != 0 {
            let r = take(&mut rest);
            let is_single = open.singles >> r.index() & 1 != 0;
            let float = if is_single { Float::Single } else { Float::Double };
            let value = self.read_f(r, T0);
            self.a.vector(float.packed(), UNORDERED_COMPARE, value, Xmm(0), value);
            let is_number = self.a.skip_if(Cond::NotParity);
            self.a.constant(RAX, float.nan());
            match place_f(r) {
                Xm::Reg(reg) => self.a.vector_of(Width::Double, reg, RAX),
                Xm::Mem(home) => self.a.store(8, home, RAX),
            }
            self.a.arrive(is_number);
        }
    }

    /// `rd = rs1 op rs2`.
    pub(super) fn arithmetic(&mut self, float: Float, opcode: u8, ops: FR) -> Emitted {
        let FR { rd, rs1, rs2, rm } = ops;
        if rm != Mode::Dyn || !self.host.avx {
            return Emitted::Libcall;
        }
        self.unbox(float, rs1);
        self.unbox(float, rs2);
        let a = self.read_f(rs1, T1);
        let dst = self.target_f(rd);
        self.a.vector(float.scalar(), opcode, dst, a, place_f(rs2));
        self.write_open(float, rd, dst, &[rs1, rs2]);
        Emitted::Done
    }

    /// `rd = sqrt(rs1)`.
    pub(super) fn root(&mut self, float: Float, ops: FUnary) -> Emitted {
        self.convert(float, float, ROOT, ops, true)
    }

    /// `rd = rs1` in another precision, or its root. `rounds`: whether the result depends on the mode.
    pub(super) fn convert(
        &mut self,
        from: Float,
        to: Float,
        opcode: u8,
        ops: FUnary,
        rounds: bool,
    ) -> Emitted {
        let FUnary { rd, rs1, rm } = ops;
        if rounds && rm != Mode::Dyn || !self.host.avx {
            return Emitted::Libcall;
        }
        self.unbox(from, rs1);
        let dst = self.target_f(rd);
        // The upper half comes from all ones; of a double nothing is left of it.
        self.a.vector(from.scalar(), opcode, dst, ONES, place_f(rs1));
        self.write_open(to, rd, dst, &[rs1]);
        Emitted::Done
    }

    /// `rd = ±(rs1 * rs2) ± rs3`.
    pub(super) fn fused(&mut self, float: Float, opcode: u8, ops: FR4) -> Emitted {
        let FR4 { rd, rs1, rs2, rs3, rm } = ops;
        if rm != Mode::Dyn || !self.host.avx || !self.host.fma {
            return Emitted::Libcall;
        }
        for r in [rs1, rs2, rs3] {
            self.unbox(float, r);
        }
        self.close();
        // In a free register, so that the operands are still there if it has to be done again.
        let a = self.read_f(rs1, T0);
        self.a.vector_copy(T0, a);
        let b = self.read_f(rs2, T1);
        self.a.vector_38(Prefix::P66, float == Float::Double, opcode, T0, b, place_f(rs3));
        self.a.vector(float.packed(), UNORDERED_COMPARE, T0, Xmm(0), T0);
        // The host does not raise invalid for infinity times zero plus a quiet NaN.
        let back = self.a.label();
        let cold = self.cold(Kind::Libcall(back));
        self.a.jump_if(Cond::Parity, cold);
        self.write_f(float, rd, T0);
        self.a.bind(back);
        Emitted::Done
    }

    /// `rd` = whether the comparison holds. Signaling ones raise invalid for every NaN, others for signaling NaN.
    pub(super) fn compare_f(
        &mut self,
        float: Float,
        ops: FCompare,
        cond: Cond,
        is_signaling: bool,
    ) -> Emitted {
        if !self.host.avx {
            return Emitted::Libcall;
        }
        let FCompare { rd, rs1, rs2 } = ops;
        self.unbox(float, rs1);
        self.unbox(float, rs2);
        // Less is greater the other way round, which is false for NaN.
        let (one, other) = if cond == Cond::Equal { (rs1, rs2) } else { (rs2, rs1) };
        let a = self.read_f(one, T0);
        let opcode = if is_signaling { COMPARE } else { UNORDERED_COMPARE };
        self.a.vector(float.packed(), opcode, a, Xmm(0), place_f(other));
        if cond != Cond::Equal {
            self.write_condition(rd, cond);
            return Emitted::Done;
        }
        self.a.set(Cond::NotParity, RCX);
        self.a.set(Cond::Equal, RAX);
        self.a.alu(Alu::And, Width::Word, RAX, RCX);
        self.a.extend(Extend::U8, RAX, RAX);
        self.write(rd, RAX);
        Emitted::Done
    }

    /// `fmin`, `fmax`, `fminm`, `fmaxm`, which differ for NaN only.
    pub(super) fn extreme(&mut self, float: Float, ops: FBinary, is_min: bool) -> Emitted {
        if !self.host.avx {
            return Emitted::Libcall;
        }
        let FBinary { rd, rs1, rs2 } = ops;
        self.unbox(float, rs1);
        self.unbox(float, rs2);
        self.close();
        let (a, b) = (self.read_f(rs1, T0), self.read_f(rs2, T1));
        self.a.vector(float.packed(), UNORDERED_COMPARE, a, Xmm(0), b);
        let back = self.a.label();
        let cold = self.cold(Kind::Libcall(back));
        self.a.jump_if(Cond::Parity, cold);
        let differ = self.a.skip_if(Cond::NotEqual);
        // Zeros differ in their signs only.
        self.a.vector(Prefix::P66, if is_min { OR } else { AND }, T2, a, b);
        let done = self.a.skip();
        self.a.arrive(differ);
        self.a.vector(float.scalar(), if is_min { MINIMUM } else { MAXIMUM }, T2, a, b);
        self.a.arrive(done);
        self.write_f(float, rd, T2);
        self.a.bind(back);
        Emitted::Done
    }

    /// `rd` = `rs1` with a sign made of both.
    pub(super) fn inject(&mut self, float: Float, ops: FBinary, sign: Sign) -> Emitted {
        if !self.host.avx {
            return Emitted::Libcall;
        }
        let FBinary { rd, rs1, rs2 } = ops;
        self.unbox(float, rs1);
        self.unbox(float, rs2);
        self.close_one(rs1);
        self.close_one(rs2);
        let a = self.read_f(rs1, T1);
        let dst = self.target_f(rd);
        if rs1 == rs2 && sign == Sign::Copy {
            self.write_f(float, rd, a);
            return Emitted::Done;
        }
        // The sign alone.
        self.a.vector_shift(true, T2, ONES, 63);
        if float == Float::Single {
            self.a.vector_shift(false, T2, T2, 63 - float.sign_bit());
        }
        if rs1 == rs2 {
            let opcode = if sign == Sign::Invert { (XOR, a, T2) } else { (AND_NOT, T2, a) };
            self.a.vector(Prefix::P66, opcode.0, dst, opcode.1, opcode.2);
        } else {
            let b = self.read_f(rs2, T0);
            match sign {
                Sign::Invert => self.a.vector(Prefix::P66, AND_NOT, T0, b, T2),
                Sign::Copy | Sign::Xor => self.a.vector(Prefix::P66, AND, T0, T2, b),
            }
            if sign == Sign::Xor {
                self.a.vector(Prefix::P66, XOR, dst, a, T0);
            } else {
                self.a.vector(Prefix::P66, AND_NOT, T2, T2, a);
                self.a.vector(Prefix::P66, OR, dst, T2, T0);
            }
        }
        self.write_f(float, rd, dst);
        Emitted::Done
    }

    /// `rd` = what is at `x[base] + imm`.
    pub(super) fn load_f(&mut self, float: Float, rd: F, base: X, imm: i32) -> Emitted {
        if !self.host.avx {
            return Emitted::Libcall;
        }
        let (mem, scratch) = self.address(base, imm, float.size(), false);
        match (float, place_f(rd)) {
            (Float::Double, Xm::Reg(reg)) => self.a.vector_load(8, reg, mem),
            (Float::Single, Xm::Reg(reg)) => self.a.insert_word(reg, ONES, mem),
            (Float::Double, Xm::Mem(home)) => {
                self.a.mov(Width::Double, scratch, mem);
                self.a.store(8, home, scratch);
            }
            (Float::Single, Xm::Mem(home)) => {
                self.a.mov(Width::Word, scratch, mem);
                self.a.store(4, home, scratch);
                self.a.store_imm(4, home.plus(4), -1);
            }
        }
        self.is_written(float, rd);
        Emitted::Done
    }

    /// The low half, or all, of `f[rs2]` goes to `x[base] + imm`.
    pub(super) fn store_f(&mut self, float: Float, rs2: F, base: X, imm: i32) -> Emitted {
        if !self.host.avx {
            return Emitted::Libcall;
        }
        self.close_one(rs2);
        let (mem, scratch) = self.address(base, imm, float.size(), true);
        match place_f(rs2) {
            Xm::Reg(reg) => self.a.vector_store(float.size(), mem, reg),
            Xm::Mem(home) => {
                self.a.mov(Width::Double, scratch, home);
                self.a.store(float.size(), mem, scratch);
            }
        }
        Emitted::Done
    }

    /// `dst` = the low bits of `f[r]`, which is not open.
    pub(super) fn bits_of(&mut self, width: Width, dst: Gpr, r: F) {
        match place_f(r) {
            Xm::Reg(reg) => self.a.of_vector(width, dst, reg),
            Xm::Mem(home) => self.a.mov(width, dst, home),
        }
    }

    /// `f[rd]` = 64 bits.
    pub(super) fn write_bits(&mut self, float: Float, rd: F, bits: Gpr) {
        match place_f(rd) {
            Xm::Reg(reg) => self.a.vector_of(Width::Double, reg, bits),
            Xm::Mem(home) => self.a.store(8, home, bits),
        }
        self.is_written(float, rd);
    }

    /// `f[rd]` = the low word of a register, boxed.
    pub(super) fn write_boxed(&mut self, rd: F, word: Gpr) {
        match place_f(rd) {
            Xm::Reg(reg) => self.a.insert_word(reg, ONES, word),
            Xm::Mem(home) => {
                self.a.store(4, home, word);
                self.a.store_imm(4, home.plus(4), -1);
            }
        }
        self.is_written(Float::Single, rd);
    }

    /// `rd` = `x[rs1]` as a float, rounded if need be. Words are extended.
    pub(super) fn float_of(&mut self, float: Float, rd: F, rs1: X, from: Extend) -> Emitted {
        if !self.host.avx {
            return Emitted::Libcall;
        }
        let width = if from == Extend::I32 { Width::Word } else { Width::Double };
        let source = match (from, place(rs1)) {
            (Extend::U32, source) => {
                self.a.extend(Extend::U32, RAX, source);
                RAX
            }
            (_, Rm::Reg(reg)) => reg,
            (_, Rm::Mem(home)) => {
                self.a.mov(Width::Double, RAX, home);
                RAX
            }
        };
        let dst = self.target_f(rd);
        self.a.float_of(float.scalar(), width, dst, ONES, source);
        self.write_f(float, rd, dst);
        Emitted::Done
    }

    /// `rd` = `x[rs1]`, unsigned, as a float.
    pub(super) fn float_of_unsigned(&mut self, float: Float, rd: F, rs1: X) -> Emitted {
        if !self.host.avx {
            return Emitted::Libcall;
        }
        self.load(RAX, rs1);
        self.a.test(Width::Double, RAX, RAX);
        let large = self.a.skip_if(Cond::Sign);
        self.a.float_of(float.scalar(), Width::Double, T0, ONES, RAX);
        let done = self.a.skip();
        self.a.arrive(large);
        // Half of it, its last bit standing for what is lost, rounds as the whole does.
        self.a.copy(RCX, RAX);
        self.a.shift_imm(Shift::Shr, Width::Double, RAX, 1);
        self.a.alu_imm(Alu::And, Width::Word, RCX, 1);
        self.a.alu(Alu::Or, Width::Double, RAX, RCX);
        self.a.float_of(float.scalar(), Width::Double, T0, ONES, RAX);
        self.a.vector(float.scalar(), ADD, T0, T0, T0);
        self.a.arrive(done);
        self.write_f(float, rd, T0);
        Emitted::Done
    }

    /// `rd` = `f[rs1]` as a signed integer, truncated; saturating, NaN the largest.
    pub(super) fn signed_of(&mut self, float: Float, width: Width, rd: X, rs1: F) -> Emitted {
        if !self.host.avx {
            return Emitted::Libcall;
        }
        self.unbox(float, rs1);
        let source = self.read_f(rs1, T0);
        self.a.truncate(float.scalar(), width, RAX, source);
        // What does not fit becomes the smallest.
        self.a.alu_imm(Alu::Cmp, width, RAX, 1);
        let fits = self.a.skip_if(Cond::NoOverflow);
        // It stays the smallest if it is negative, and no NaN.
        self.a.vector(float.packed(), UNORDERED_COMPARE, source, Xmm(0), source);
        let is_nan = self.a.skip_if(Cond::Parity);
        self.bits_of(Width::Double, RCX, rs1);
        self.a.bit_imm(Bit::Test, RCX, float.sign_bit());
        let is_negative = self.a.skip_if(Cond::Below);
        self.a.arrive(is_nan);
        self.a.alu_imm(Alu::Sub, width, RAX, 1);
        self.a.arrive(is_negative);
        self.a.arrive(fits);
        match width {
            Width::Word => self.write_word(rd, RAX),
            Width::Double => self.write(rd, RAX),
        }
        Emitted::Done
    }

    /// `f[rd]` = a constant.
    pub(super) fn write_float(&mut self, float: Float, rd: F, bits: u64) -> Emitted {
        if !self.host.avx {
            return Emitted::Libcall;
        }
        self.a.constant(RAX, bits);
        self.write_bits(float, rd, RAX);
        Emitted::Done
    }
}
