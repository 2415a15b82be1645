//! RV64I: the base integer instruction set.

use causality_machine::isa::format::{B, Bare, Fence, I, J, Jalr, Load, R, S, Shift, U};
use causality_machine::isa::visit::VisitI;
use cranelift_codegen::ir::condcodes::IntCC;
use cranelift_codegen::ir::{InstBuilder, Type, Value, types};

use super::register::Held;
use super::{Emitted, Emitter};

impl Emitter<'_> {
    /// `rd = f(rs1, rs2)`.
    pub(super) fn binary(&mut self, ops: R, f: impl FnOnce(&mut Self, Value, Value) -> Value) -> Emitted {
        let (a, b) = (self.x(ops.rs1), self.x(ops.rs2));
        let value = f(self, a, b);
        self.set_x(ops.rd, value);
        Emitted::Done
    }

    /// `rd = f(rs1, rs2)`, where `f` does to words what it does to their sign extensions.
    pub(super) fn bitwise(&mut self, ops: R, f: impl FnOnce(&mut Self, Value, Value) -> Value) -> Emitted {
        let (a, b, as_words, is_extended) = self.alike(ops.rs1, ops.rs2);
        let value = f(self, a, b);
        if as_words {
            self.set_w(ops.rd, value);
        } else {
            if is_extended {
                self.is_extended(value);
            }
            self.set_x(ops.rd, value);
        }
        Emitted::Done
    }

    /// `rd = f(rs1, imm)`, where `f` does to words what it does to their sign extensions.
    fn bitwise_immediate(&mut self, ops: I, f: impl FnOnce(&mut Self, Value, i64) -> Value) -> Emitted {
        let imm = i64::from(ops.imm);
        match self.held(ops.rs1) {
            Held::Word(word) => {
                let value = f(self, word, imm);
                self.set_w(ops.rd, value);
            }
            _ => {
                let a = self.x(ops.rs1);
                let value = f(self, a, imm);
                self.set_x(ops.rd, value);
            }
        }
        Emitted::Done
    }

    /// `rd = sext(f(rs1[31:0], rs2[31:0]))`.
    pub(super) fn binary_w(&mut self, ops: R, f: impl FnOnce(&mut Self, Value, Value) -> Value) -> Emitted {
        let (a, b) = (self.w(ops.rs1), self.w(ops.rs2));
        let value = f(self, a, b);
        self.set_w(ops.rd, value);
        Emitted::Done
    }

    /// `rd = f(rs1, imm)`.
    fn immediate(&mut self, ops: I, f: impl FnOnce(&mut Self, Value, i64) -> Value) -> Emitted {
        let a = self.x(ops.rs1);
        let value = f(self, a, i64::from(ops.imm));
        self.set_x(ops.rd, value);
        Emitted::Done
    }

    /// `rd = f(rs1, shamt)`.
    pub(super) fn shift(&mut self, ops: Shift, f: impl FnOnce(&mut Self, Value, i64) -> Value) -> Emitted {
        let a = self.x(ops.rs1);
        let value = f(self, a, i64::from(ops.shamt));
        self.set_x(ops.rd, value);
        Emitted::Done
    }

    pub(super) fn shift_left(&mut self, value: Value, n: i64) -> Value {
        let shifted = self.b.ins().ishl_imm_u(value, n);
        self.derive_shift(shifted, value, n as u8);
        shifted
    }

    /// The sum of two registers, one of which was shifted or extended first.
    pub(super) fn sum(&mut self, ops: R, first: Value) -> Emitted {
        let sum = match self.constant_of(ops.rs2) {
            Some(constant) => self.offset(first, constant as i64),
            None => {
                let second = self.x(ops.rs2);
                self.b.ins().iadd(second, first)
            }
        };
        self.set_x(ops.rd, sum);
        Emitted::Done
    }

    /// `rd = sext(f(rs1[31:0], shamt))`.
    pub(super) fn shift_w(&mut self, ops: Shift, f: impl FnOnce(&mut Self, Value, i64) -> Value) -> Emitted {
        let a = self.w(ops.rs1);
        let value = f(self, a, i64::from(ops.shamt));
        self.set_w(ops.rd, value);
        Emitted::Done
    }

    /// 1 if the comparison holds, else 0.
    pub(super) fn compare(&mut self, condition: IntCC, a: Value, b: Value) -> Value {
        let holds = self.b.ins().icmp(condition, a, b);
        self.b.ins().uextend(types::I64, holds)
    }

    fn branch_if(&mut self, ops: B, condition: IntCC) -> Emitted {
        // Sign extension keeps both orders.
        let (a, b, ..) = self.alike(ops.rs1, ops.rs2);
        self.condition = Some(self.b.ins().icmp(condition, a, b));
        Emitted::Done
    }

    fn load_signed(&mut self, ops: Load, ty: Type) -> Emitted {
        let value = self.load_extended(ty, ops, true);
        self.is_extended(value);
        self.set_x(ops.rd, value);
        Emitted::Done
    }

    fn load_unsigned(&mut self, ops: Load, ty: Type) -> Emitted {
        let value = self.load_extended(ty, ops, false);
        if ty != types::I32 {
            self.is_extended(value);
        }
        self.set_x(ops.rd, value);
        Emitted::Done
    }

    fn store_low(&mut self, ops: S, ty: Type) -> Emitted {
        let word = self.w(ops.rs2);
        let value = if ty == types::I32 { word } else { self.b.ins().ireduce(ty, word) };
        self.store(value, ops.rs1, ops.imm);
        Emitted::Done
    }

    /// `rd` = a constant.
    fn constant(&mut self, rd: causality_machine::isa::reg::X, constant: u64) -> Emitted {
        self.set(rd, Held::Constant(constant));
        Emitted::Done
    }
}

impl VisitI for Emitter<'_> {
    fn lui(&mut self, ops: U) -> Emitted {
        self.constant(ops.rd, i64::from(ops.imm) as u64)
    }

    fn auipc(&mut self, ops: U) -> Emitted {
        self.constant(ops.rd, self.at.pc.wrapping_add_signed(i64::from(ops.imm)))
    }

    fn jal(&mut self, ops: J) -> Emitted {
        let target = self.at.pc.wrapping_add_signed(i64::from(ops.imm));
        self.target = Some(self.iconst(target));
        self.constant(ops.rd, self.at.next())
    }

    fn jalr(&mut self, ops: Jalr) -> Emitted {
        let base = self.x(ops.rs1);
        let target = self.offset(base, i64::from(ops.imm));
        self.target = Some(self.b.ins().band_imm_s(target, -2));
        self.constant(ops.rd, self.at.next())
    }

    fn beq(&mut self, ops: B) -> Emitted {
        self.branch_if(ops, IntCC::Equal)
    }

    fn bne(&mut self, ops: B) -> Emitted {
        self.branch_if(ops, IntCC::NotEqual)
    }

    fn blt(&mut self, ops: B) -> Emitted {
        self.branch_if(ops, IntCC::SignedLessThan)
    }

    fn bge(&mut self, ops: B) -> Emitted {
        self.branch_if(ops, IntCC::SignedGreaterThanOrEqual)
    }

    fn bltu(&mut self, ops: B) -> Emitted {
        self.branch_if(ops, IntCC::UnsignedLessThan)
    }

    fn bgeu(&mut self, ops: B) -> Emitted {
        self.branch_if(ops, IntCC::UnsignedGreaterThanOrEqual)
    }

    fn lb(&mut self, ops: Load) -> Emitted {
        self.load_signed(ops, types::I8)
    }

    fn lh(&mut self, ops: Load) -> Emitted {
        self.load_signed(ops, types::I16)
    }

    fn lw(&mut self, ops: Load) -> Emitted {
        self.load_signed(ops, types::I32)
    }

    fn ld(&mut self, ops: Load) -> Emitted {
        let value = self.load(types::I64, ops.rs1, ops.imm);
        self.set_x(ops.rd, value);
        Emitted::Done
    }

    fn lbu(&mut self, ops: Load) -> Emitted {
        self.load_unsigned(ops, types::I8)
    }

    fn lhu(&mut self, ops: Load) -> Emitted {
        self.load_unsigned(ops, types::I16)
    }

    fn lwu(&mut self, ops: Load) -> Emitted {
        self.load_unsigned(ops, types::I32)
    }

    fn sb(&mut self, ops: S) -> Emitted {
        self.store_low(ops, types::I8)
    }

    fn sh(&mut self, ops: S) -> Emitted {
        self.store_low(ops, types::I16)
    }

    fn sw(&mut self, ops: S) -> Emitted {
        self.store_low(ops, types::I32)
    }

    fn sd(&mut self, ops: S) -> Emitted {
        let value = self.x(ops.rs2);
        self.store(value, ops.rs1, ops.imm);
        Emitted::Done
    }

    fn addi(&mut self, ops: I) -> Emitted {
        if ops.imm == 0 {
            let held = self.held(ops.rs1);
            self.set(ops.rd, held);
            return Emitted::Done;
        }
        let a = self.x(ops.rs1);
        let imm = i64::from(ops.imm);
        let sum = if ops.rd == ops.rs1 { self.advance(a, imm) } else { self.offset(a, imm) };
        self.set_x(ops.rd, sum);
        Emitted::Done
    }

    fn slti(&mut self, ops: I) -> Emitted {
        self.immediate(ops, |e, a, imm| {
            let holds = e.b.ins().icmp_imm_s(IntCC::SignedLessThan, a, imm);
            e.b.ins().uextend(types::I64, holds)
        })
    }

    fn sltiu(&mut self, ops: I) -> Emitted {
        self.immediate(ops, |e, a, imm| {
            let holds = e.b.ins().icmp_imm_s(IntCC::UnsignedLessThan, a, imm);
            e.b.ins().uextend(types::I64, holds)
        })
    }

    fn xori(&mut self, ops: I) -> Emitted {
        self.bitwise_immediate(ops, |e, a, imm| e.b.ins().bxor_imm_s(a, imm))
    }

    fn ori(&mut self, ops: I) -> Emitted {
        self.bitwise_immediate(ops, |e, a, imm| e.b.ins().bor_imm_s(a, imm))
    }

    fn andi(&mut self, ops: I) -> Emitted {
        self.bitwise_immediate(ops, |e, a, imm| e.b.ins().band_imm_s(a, imm))
    }

    fn slli(&mut self, ops: Shift) -> Emitted {
        self.shift(ops, |e, a, n| e.shift_left(a, n))
    }

    fn srli(&mut self, ops: Shift) -> Emitted {
        self.shift(ops, |e, a, n| e.b.ins().ushr_imm_u(a, n))
    }

    fn srai(&mut self, ops: Shift) -> Emitted {
        self.shift(ops, |e, a, n| e.b.ins().sshr_imm_u(a, n))
    }

    fn add(&mut self, ops: R) -> Emitted {
        if ops.rs1.is_zero() || ops.rs2.is_zero() {
            let held = self.held(if ops.rs1.is_zero() { ops.rs2 } else { ops.rs1 });
            self.set(ops.rd, held);
            return Emitted::Done;
        }
        // A constant comes second.
        let (rs1, rs2) =
            if self.constant_of(ops.rs1).is_some() { (ops.rs2, ops.rs1) } else { (ops.rs1, ops.rs2) };
        let a = self.x(rs1);
        self.sum(R { rs1, rs2, ..ops }, a)
    }

    fn sub(&mut self, ops: R) -> Emitted {
        self.binary(ops, |e, a, b| e.b.ins().isub(a, b))
    }

    fn sll(&mut self, ops: R) -> Emitted {
        self.binary(ops, |e, a, n| e.b.ins().ishl(a, n))
    }

    fn slt(&mut self, ops: R) -> Emitted {
        self.binary(ops, |e, a, b| e.compare(IntCC::SignedLessThan, a, b))
    }

    fn sltu(&mut self, ops: R) -> Emitted {
        self.binary(ops, |e, a, b| e.compare(IntCC::UnsignedLessThan, a, b))
    }

    fn xor(&mut self, ops: R) -> Emitted {
        self.bitwise(ops, |e, a, b| e.b.ins().bxor(a, b))
    }

    fn srl(&mut self, ops: R) -> Emitted {
        self.binary(ops, |e, a, n| e.b.ins().ushr(a, n))
    }

    fn sra(&mut self, ops: R) -> Emitted {
        self.binary(ops, |e, a, n| e.b.ins().sshr(a, n))
    }

    fn or(&mut self, ops: R) -> Emitted {
        self.bitwise(ops, |e, a, b| e.b.ins().bor(a, b))
    }

    fn and(&mut self, ops: R) -> Emitted {
        self.bitwise(ops, |e, a, b| e.b.ins().band(a, b))
    }

    fn addiw(&mut self, ops: I) -> Emitted {
        let a = self.w(ops.rs1);
        let sum = if ops.imm == 0 { a } else { self.b.ins().iadd_imm_s(a, i64::from(ops.imm)) };
        self.set_w(ops.rd, sum);
        Emitted::Done
    }

    fn slliw(&mut self, ops: Shift) -> Emitted {
        self.shift_w(ops, |e, a, n| e.b.ins().ishl_imm_u(a, n))
    }

    fn srliw(&mut self, ops: Shift) -> Emitted {
        self.shift_w(ops, |e, a, n| e.b.ins().ushr_imm_u(a, n))
    }

    fn sraiw(&mut self, ops: Shift) -> Emitted {
        self.shift_w(ops, |e, a, n| e.b.ins().sshr_imm_u(a, n))
    }

    fn addw(&mut self, ops: R) -> Emitted {
        self.binary_w(ops, |e, a, b| e.b.ins().iadd(a, b))
    }

    fn subw(&mut self, ops: R) -> Emitted {
        self.binary_w(ops, |e, a, b| e.b.ins().isub(a, b))
    }

    fn sllw(&mut self, ops: R) -> Emitted {
        self.binary_w(ops, |e, a, n| e.b.ins().ishl(a, n))
    }

    fn srlw(&mut self, ops: R) -> Emitted {
        self.binary_w(ops, |e, a, n| e.b.ins().ushr(a, n))
    }

    fn sraw(&mut self, ops: R) -> Emitted {
        self.binary_w(ops, |e, a, n| e.b.ins().sshr(a, n))
    }

    fn fence(&mut self, _: Fence) -> Emitted {
        // One hart, and the host is called in program order: every order is kept already.
        Emitted::Done
    }

    fn fence_tso(&mut self, _: Bare) -> Emitted {
        Emitted::Done
    }

    fn ecall(&mut self, _: Bare) -> Emitted {
        Emitted::Libcall
    }

    fn ebreak(&mut self, _: Bare) -> Emitted {
        Emitted::Libcall
    }
}
