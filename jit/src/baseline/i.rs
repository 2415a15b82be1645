//! RV64I: the base integer instruction set.

use causality_machine::isa::Inst;
use causality_machine::isa::format::{B, Bare, Fence, I, J, Jalr, Load, R, S, Shift, U};
use causality_machine::isa::reg::X;
use causality_machine::isa::visit::VisitI;

use super::assembler::{Alu, Cond, Extend, Mem, RAX, RCX, Rm, Shift as Op, Unary, Width};
use super::register::{pinned, place};
use super::{Emitted, Emitter};

impl Emitter<'_> {
    /// `rd = rs1 op rs2`.
    pub(super) fn alu(&mut self, op: Alu, ops: R) -> Emitted {
        let R { rd, rs1, rs2 } = ops;
        if rd.is_zero() {
            return Emitted::Done;
        }
        if let (Rm::Mem(home), Some(other)) = (self.now(rd), pinned(rs2))
            && rd == rs1
        {
            self.a.alu_mem(op, Width::Double, home, other);
            self.changes(rd);
            return Emitted::Done;
        }
        let dst = self.operate(op, Width::Double, rd, rs1, rs2);
        self.write(rd, dst);
        Emitted::Done
    }

    /// `rd = sext((rs1 op rs2)[31:0])`.
    fn alu_w(&mut self, op: Alu, ops: R) -> Emitted {
        let R { rd, rs1, rs2 } = ops;
        if rd.is_zero() {
            return Emitted::Done;
        }
        let dst = self.operate(op, Width::Word, rd, rs1, rs2);
        self.write_word(rd, dst);
        Emitted::Done
    }

    /// Computes `rs1 op rs2` for `rd`.
    fn operate(&mut self, op: Alu, width: Width, rd: X, rs1: X, rs2: X) -> super::assembler::Gpr {
        let mut dst = self.target(rd);
        let one = self.now(rs1);
        // A difference is computed where its second operand must not be.
        let other = if op == Alu::Sub && dst == RAX { place(rs2) } else { self.now(rs2) };
        if one == Rm::Reg(dst) {
            self.a.alu(op, width, dst, other);
            return dst;
        }
        if other == Rm::Reg(dst) {
            if op != Alu::Sub {
                self.a.alu(op, width, dst, one);
                return dst;
            }
            if rs1.is_zero() {
                self.a.unary(Unary::Neg, width, dst);
                return dst;
            }
            dst = RAX;
        } else if let (Alu::Add, Rm::Reg(one), Rm::Reg(other)) = (op, one, other) {
            match width {
                Width::Double => self.a.lea(dst, Mem::indexed(one, other, 0, 0)),
                Width::Word => self.a.lea_word(dst, Mem::indexed(one, other, 0, 0)),
            }
            return dst;
        }
        self.a.mov(width, dst, one);
        self.a.alu(op, width, dst, other);
        dst
    }

    /// `rd = rs1 op imm`.
    fn alu_imm(&mut self, op: Alu, ops: I) -> Emitted {
        let I { rd, rs1, imm } = ops;
        if rd.is_zero() {
            return Emitted::Done;
        }
        if let Rm::Mem(home) = self.now(rd)
            && rd == rs1
        {
            self.a.alu_imm(op, Width::Double, home, imm);
            self.changes(rd);
            return Emitted::Done;
        }
        let dst = self.target(rd);
        self.load(dst, rs1);
        self.a.alu_imm(op, Width::Double, dst, imm);
        self.write(rd, dst);
        Emitted::Done
    }

    /// `rd = rs1 op shamt`.
    fn shift_by(&mut self, op: Op, ops: Shift) -> Emitted {
        let Shift { rd, rs1, shamt } = ops;
        if rd.is_zero() {
            return Emitted::Done;
        }
        if let Rm::Mem(home) = self.now(rd)
            && rd == rs1
        {
            if shamt != 0 {
                self.a.shift_imm(op, Width::Double, home, shamt);
            }
            self.changes(rd);
            return Emitted::Done;
        }
        let dst = self.target(rd);
        self.load(dst, rs1);
        if shamt != 0 {
            self.a.shift_imm(op, Width::Double, dst, shamt);
        }
        self.write(rd, dst);
        Emitted::Done
    }

    /// `dst = rs1 op rs2`, as the host shifts: by the low bits.
    pub(super) fn shift_register(&mut self, op: Op, width: Width, ops: R) -> super::assembler::Gpr {
        let R { rd, rs1, rs2 } = ops;
        let is_rotation = matches!(op, Op::Rol | Op::Ror);
        if self.host.bmi2 && !is_rotation {
            let count = self.read(rs2, RCX);
            let dst = self.target(rd);
            self.a.shift_x(op, width, dst, self.now(rs1), count);
            return dst;
        }
        self.load(RCX, rs2);
        self.load(RAX, rs1);
        self.a.shift_cl(op, width, RAX);
        RAX
    }

    fn shift(&mut self, op: Op, ops: R) -> Emitted {
        if !{ ops.rd }.is_zero() {
            let dst = self.shift_register(op, Width::Double, ops);
            self.write(ops.rd, dst);
        }
        Emitted::Done
    }

    fn shift_w(&mut self, op: Op, ops: R) -> Emitted {
        if !{ ops.rd }.is_zero() {
            let dst = self.shift_register(op, Width::Word, ops);
            self.write_word(ops.rd, dst);
        }
        Emitted::Done
    }

    /// `rd` = whether the flags say so.
    pub(super) fn write_condition(&mut self, rd: X, cond: Cond) {
        self.a.set(cond, RAX);
        let dst = self.target(rd);
        self.a.extend(Extend::U8, dst, RAX);
        self.write(rd, dst);
    }

    fn set_if(&mut self, ops: R, cond: Cond) -> Emitted {
        if !{ ops.rd }.is_zero() {
            self.compare(ops.rs1, ops.rs2);
            self.write_condition(ops.rd, cond);
        }
        Emitted::Done
    }

    fn set_if_imm(&mut self, ops: I, cond: Cond) -> Emitted {
        if !{ ops.rd }.is_zero() {
            self.a.alu_imm(Alu::Cmp, Width::Double, self.now(ops.rs1), ops.imm);
            self.write_condition(ops.rd, cond);
        }
        Emitted::Done
    }

    /// `rd = rs1`.
    fn copy(&mut self, rd: X, rs1: X) -> Emitted {
        if rs1.is_zero() {
            self.write_constant(rd, 0);
        } else if !rd.is_zero() && rd != rs1 {
            let value = self.read(rs1, self.target(rd));
            self.write(rd, value);
            self.facts.guards.copy(rd, rs1, 0);
            self.facts.constants[rd.index()] = self.facts.constants[rs1.index()];
        }
        Emitted::Done
    }

    /// `rd` = a constant, unless the next instruction makes another one of it.
    fn constant(&mut self, rd: X, value: u64) -> Emitted {
        if let Some(next) = self.next_alone()
            && let Inst::Addi(ops) | Inst::Addiw(ops) = next.inst
            && (ops.rd, ops.rs1) == (rd, rd)
            && !rd.is_zero()
        {
            self.fused = Some(value);
        } else {
            self.write_constant(rd, value);
        }
        Emitted::Done
    }

    fn load_extended(&mut self, ops: Load, how: Extend) -> Emitted {
        self.load_from(how, ops.rd, ops.rs1, ops.imm);
        Emitted::Done
    }

    fn store_low(&mut self, ops: S, size: i64) -> Emitted {
        self.store_to(size, ops.rs2, ops.rs1, ops.imm);
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
        self.jump_and_link(ops)
    }

    fn jalr(&mut self, ops: Jalr) -> Emitted {
        self.jump_register(ops)
    }

    fn beq(&mut self, ops: B) -> Emitted {
        self.branch(ops, Cond::Equal)
    }

    fn bne(&mut self, ops: B) -> Emitted {
        self.branch(ops, Cond::NotEqual)
    }

    fn blt(&mut self, ops: B) -> Emitted {
        self.branch(ops, Cond::Less)
    }

    fn bge(&mut self, ops: B) -> Emitted {
        self.branch(ops, Cond::GreaterEqual)
    }

    fn bltu(&mut self, ops: B) -> Emitted {
        self.branch(ops, Cond::Below)
    }

    fn bgeu(&mut self, ops: B) -> Emitted {
        self.branch(ops, Cond::AboveEqual)
    }

    fn lb(&mut self, ops: Load) -> Emitted {
        self.load_extended(ops, Extend::I8)
    }

    fn lh(&mut self, ops: Load) -> Emitted {
        self.load_extended(ops, Extend::I16)
    }

    fn lw(&mut self, ops: Load) -> Emitted {
        self.load_extended(ops, Extend::I32)
    }

    fn ld(&mut self, ops: Load) -> Emitted {
        self.load_extended(ops, Extend::U64)
    }

    fn lbu(&mut self, ops: Load) -> Emitted {
        self.load_extended(ops, Extend::U8)
    }

    fn lhu(&mut self, ops: Load) -> Emitted {
        self.load_extended(ops, Extend::U16)
    }

    fn lwu(&mut self, ops: Load) -> Emitted {
        self.load_extended(ops, Extend::U32)
    }

    fn sb(&mut self, ops: S) -> Emitted {
        self.store_low(ops, 1)
    }

    fn sh(&mut self, ops: S) -> Emitted {
        self.store_low(ops, 2)
    }

    fn sw(&mut self, ops: S) -> Emitted {
        self.store_low(ops, 4)
    }

    fn sd(&mut self, ops: S) -> Emitted {
        self.store_low(ops, 8)
    }

    fn addi(&mut self, ops: I) -> Emitted {
        let I { rd, rs1, imm } = ops;
        let fused = self.fused.take();
        if rs1.is_zero() || fused.is_some() {
            self.write_constant(rd, fused.unwrap_or(0).wrapping_add_signed(i64::from(imm)));
            return Emitted::Done;
        }
        if imm == 0 {
            return self.copy(rd, rs1);
        }
        if rd.is_zero() {
            return Emitted::Done;
        }
        let known = self.facts.constants[rs1.index()].map(|value| value.wrapping_add_signed(i64::from(imm)));
        if rd == rs1 {
            self.advance(rd, imm);
            self.facts.guards.shift(rd, i64::from(imm));
        } else {
            let dst = self.target(rd);
            match self.now(rs1) {
                Rm::Reg(base) => self.a.lea(dst, Mem::at(base, imm)),
                Rm::Mem(home) => {
                    self.a.mov(Width::Double, dst, home);
                    self.a.alu_imm(Alu::Add, Width::Double, dst, imm);
                }
            }
            self.write(rd, dst);
            self.facts.guards.copy(rd, rs1, i64::from(imm));
        }
        self.facts.constants[rd.index()] = known;
        Emitted::Done
    }

    fn slti(&mut self, ops: I) -> Emitted {
        self.set_if_imm(ops, Cond::Less)
    }

    fn sltiu(&mut self, ops: I) -> Emitted {
        self.set_if_imm(ops, Cond::Below)
    }

    fn xori(&mut self, ops: I) -> Emitted {
        self.alu_imm(Alu::Xor, ops)
    }

    fn ori(&mut self, ops: I) -> Emitted {
        self.alu_imm(Alu::Or, ops)
    }

    fn andi(&mut self, ops: I) -> Emitted {
        let I { rd, rs1, imm } = ops;
        // One instruction instead of two.
        if imm == 255 && !rd.is_zero() && rd != rs1 {
            let dst = self.target(rd);
            self.a.extend(Extend::U8, dst, self.now(rs1));
            self.write(rd, dst);
            return Emitted::Done;
        }
        self.alu_imm(Alu::And, ops)
    }

    fn slli(&mut self, ops: Shift) -> Emitted {
        self.shift_by(Op::Shl, ops)
    }

    fn srli(&mut self, ops: Shift) -> Emitted {
        self.shift_by(Op::Shr, ops)
    }

    fn srai(&mut self, ops: Shift) -> Emitted {
        self.shift_by(Op::Sar, ops)
    }

    fn add(&mut self, ops: R) -> Emitted {
        let R { rd, rs1, rs2 } = ops;
        match (rs1.is_zero(), rs2.is_zero()) {
            (true, _) => self.copy(rd, rs2),
            (_, true) => self.copy(rd, rs1),
            _ => self.alu(Alu::Add, ops),
        }
    }

    fn sub(&mut self, ops: R) -> Emitted {
        self.alu(Alu::Sub, ops)
    }

    fn sll(&mut self, ops: R) -> Emitted {
        self.shift(Op::Shl, ops)
    }

    fn slt(&mut self, ops: R) -> Emitted {
        self.set_if(ops, Cond::Less)
    }

    fn sltu(&mut self, ops: R) -> Emitted {
        self.set_if(ops, Cond::Below)
    }

    fn xor(&mut self, ops: R) -> Emitted {
        self.alu(Alu::Xor, ops)
    }

    fn srl(&mut self, ops: R) -> Emitted {
        self.shift(Op::Shr, ops)
    }

    fn sra(&mut self, ops: R) -> Emitted {
        self.shift(Op::Sar, ops)
    }

    fn or(&mut self, ops: R) -> Emitted {
        self.alu(Alu::Or, ops)
    }

    fn and(&mut self, ops: R) -> Emitted {
        self.alu(Alu::And, ops)
    }

    fn addiw(&mut self, ops: I) -> Emitted {
        let I { rd, rs1, imm } = ops;
        if let Some(value) = self.fused.take() {
            self.write_constant(rd, i64::from((value as i32).wrapping_add(imm)) as u64);
            return Emitted::Done;
        }
        if rd.is_zero() {
            return Emitted::Done;
        }
        if rs1.is_zero() {
            self.write_constant(rd, i64::from(imm) as u64);
            return Emitted::Done;
        }
        let dst = self.target(rd);
        if imm == 0 {
            self.a.extend(Extend::I32, dst, self.now(rs1));
            self.write(rd, dst);
            return Emitted::Done;
        }
        match self.now(rs1) {
            Rm::Reg(base) if base != dst => self.a.lea_word(dst, Mem::at(base, imm)),
            Rm::Reg(_) => self.a.alu_imm(Alu::Add, Width::Word, dst, imm),
            Rm::Mem(home) => {
                self.a.mov(Width::Word, dst, home);
                self.a.alu_imm(Alu::Add, Width::Word, dst, imm);
            }
        }
        self.write_word(rd, dst);
        Emitted::Done
    }

    fn slliw(&mut self, ops: Shift) -> Emitted {
        let Shift { rd, rs1, shamt } = ops;
        if !rd.is_zero() {
            let dst = self.target(rd);
            self.load_word(dst, rs1);
            if shamt != 0 {
                self.a.shift_imm(Op::Shl, Width::Word, dst, shamt);
            }
            self.write_word(rd, dst);
        }
        Emitted::Done
    }

    fn srliw(&mut self, ops: Shift) -> Emitted {
        let Shift { rd, rs1, shamt } = ops;
        if rd.is_zero() {
            return Emitted::Done;
        }
        let dst = self.target(rd);
        self.load_word(dst, rs1);
        if shamt == 0 {
            self.write_word(rd, dst);
        } else {
            // The sign is zero, and the host clears the upper half.
            self.a.shift_imm(Op::Shr, Width::Word, dst, shamt);
            self.write(rd, dst);
        }
        Emitted::Done
    }

    fn sraiw(&mut self, ops: Shift) -> Emitted {
        let Shift { rd, rs1, shamt } = ops;
        if !rd.is_zero() {
            let dst = self.target(rd);
            self.a.extend(Extend::I32, dst, self.now(rs1));
            if shamt != 0 {
                self.a.shift_imm(Op::Sar, Width::Double, dst, shamt);
            }
            self.write(rd, dst);
        }
        Emitted::Done
    }

    fn addw(&mut self, ops: R) -> Emitted {
        self.alu_w(Alu::Add, ops)
    }

    fn subw(&mut self, ops: R) -> Emitted {
        self.alu_w(Alu::Sub, ops)
    }

    fn sllw(&mut self, ops: R) -> Emitted {
        self.shift_w(Op::Shl, ops)
    }

    fn srlw(&mut self, ops: R) -> Emitted {
        self.shift_w(Op::Shr, ops)
    }

    fn sraw(&mut self, ops: R) -> Emitted {
        self.shift_w(Op::Sar, ops)
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
