//! Zba, Zbb, Zbc, Zbs: bit manipulation.

use causality_machine::isa::format::{R, Shift, Unary};
use causality_machine::isa::reg::X;
use causality_machine::isa::visit::{VisitZba, VisitZbb, VisitZbc, VisitZbs};

use super::assembler::{
    Alu, Bit, Cond, Extend, Gpr, Mem, Prefix, RAX, RCX, Shift as Op, Unary as One, Width, Xmm,
};
use super::register::place;
use super::{Emitted, Emitter};

/// Last bytes of the opcodes that count bits.
const LEADING: u8 = 0xbd;
const TRAILING: u8 = 0xbc;
const ONE_BITS: u8 = 0xb8;

impl Emitter<'_> {
    /// `rd = (rs1 << n) + rs2`, with `rs1` in a register.
    fn shift_add(&mut self, rd: X, rs1: Gpr, n: u8, rs2: X) -> Emitted {
        let base = self.read(rs2, RCX);
        let dst = self.target(rd);
        self.a.lea(dst, Mem::indexed(base, rs1, n, 0));
        self.write(rd, dst);
        Emitted::Done
    }

    fn shift_add_double(&mut self, ops: R, n: u8) -> Emitted {
        if { ops.rd }.is_zero() {
            return Emitted::Done;
        }
        let index = self.read(ops.rs1, RAX);
        self.shift_add(ops.rd, index, n, ops.rs2)
    }

    /// `rd = (rs1[31:0] << n) + rs2`.
    fn shift_add_word(&mut self, ops: R, n: u8) -> Emitted {
        let R { rd, rs1, rs2 } = ops;
        if rd.is_zero() {
            return Emitted::Done;
        }
        if n == 0 && rs2.is_zero() {
            let dst = self.target(rd);
            self.load_word(dst, rs1);
            self.write(rd, dst);
            return Emitted::Done;
        }
        self.load_word(RAX, rs1);
        self.shift_add(rd, RAX, n, rs2)
    }

    /// `rd = rs1 op !rs2`.
    fn with_inverted(&mut self, op: Alu, ops: R) -> Emitted {
        let R { rd, rs1, rs2 } = ops;
        if rd.is_zero() {
            return Emitted::Done;
        }
        if op == Alu::And && self.host.bmi1 {
            let inverted = self.read(rs2, RCX);
            let dst = self.target(rd);
            self.a.and_not(dst, inverted, place(rs1));
            self.write(rd, dst);
            return Emitted::Done;
        }
        self.load(RAX, rs2);
        self.a.unary(One::Not, Width::Double, RAX);
        self.a.alu(op, Width::Double, RAX, place(rs1));
        self.write(rd, RAX);
        Emitted::Done
    }

    /// `rd` = a count of bits of `rs1`, if the host can.
    fn count(&mut self, ops: Unary, opcode: u8, width: Width, is_there: bool) -> Emitted {
        if !is_there {
            return Emitted::Libcall;
        }
        if !{ ops.rd }.is_zero() {
            let dst = self.target(ops.rd);
            self.a.count(opcode, width, dst, place(ops.rs1));
            self.write(ops.rd, dst);
        }
        Emitted::Done
    }

    /// `rd = rs1`, or `rs2` where that compares so with `rs1`.
    fn select(&mut self, ops: R, cond: Cond) -> Emitted {
        let R { rd, rs1, rs2 } = ops;
        if !rd.is_zero() {
            self.load(RAX, rs1);
            self.a.alu(Alu::Cmp, Width::Double, RAX, place(rs2));
            self.a.move_if(cond, RAX, place(rs2));
            self.write(rd, RAX);
        }
        Emitted::Done
    }

    fn extend(&mut self, ops: Unary, how: Extend) -> Emitted {
        if !{ ops.rd }.is_zero() {
            let dst = self.target(ops.rd);
            self.a.extend(how, dst, self.now(ops.rs1));
            self.write(ops.rd, dst);
        }
        Emitted::Done
    }

    fn rotate(&mut self, op: Op, width: Width, ops: R) -> Emitted {
        if !{ ops.rd }.is_zero() {
            let dst = self.shift_register(op, width, ops);
            self.write_width(ops.rd, dst, width);
        }
        Emitted::Done
    }

    fn rotate_by(&mut self, width: Width, ops: Shift) -> Emitted {
        let Shift { rd, rs1, shamt } = ops;
        if rd.is_zero() {
            return Emitted::Done;
        }
        let dst = self.target(rd);
        if self.host.bmi2 {
            self.a.rotate_x(width, dst, place(rs1), shamt);
        } else {
            self.a.mov(width, dst, place(rs1));
            if shamt != 0 {
                self.a.shift_imm(Op::Ror, width, dst, shamt);
            }
        }
        self.write_width(rd, dst, width);
        Emitted::Done
    }

    fn write_width(&mut self, rd: X, value: Gpr, width: Width) {
        match width {
            Width::Word => self.write_word(rd, value),
            Width::Double => self.write(rd, value),
        }
    }

    /// Which part of the carry-less product of `rs1` and `rs2` goes to `rd`: `part` makes it of the product in `xmm0`.
    fn carryless(&mut self, ops: R, part: impl FnOnce(&mut Self)) -> Emitted {
        let R { rd, rs1, rs2 } = ops;
        if !self.host.avx || !self.host.carryless {
            return Emitted::Libcall;
        }
        if !rd.is_zero() {
            let (a, b) = (self.read(rs1, RAX), self.read(rs2, RCX));
            self.a.vector_of(Width::Double, Xmm(0), a);
            self.a.vector_of(Width::Double, Xmm(1), b);
            self.a.carryless(Xmm(0), Xmm(0), Xmm(1));
            part(self);
            self.write(rd, RAX);
        }
        Emitted::Done
    }

    /// `rd = rs1` with the bit that `rs2` numbers changed.
    fn change_bit(&mut self, ops: R, op: Bit) -> Emitted {
        let R { rd, rs1, rs2 } = ops;
        if !rd.is_zero() {
            let number = self.read(rs2, RCX);
            self.load(RAX, rs1);
            self.a.bit(op, RAX, number);
            self.write(rd, RAX);
        }
        Emitted::Done
    }

    fn change_bit_by(&mut self, ops: Shift, op: Bit) -> Emitted {
        let Shift { rd, rs1, shamt } = ops;
        if !rd.is_zero() {
            let dst = self.target(rd);
            self.load(dst, rs1);
            self.a.bit_imm(op, dst, shamt);
            self.write(rd, dst);
        }
        Emitted::Done
    }
}

impl VisitZba for Emitter<'_> {
    fn add_uw(&mut self, ops: R) -> Emitted {
        self.shift_add_word(ops, 0)
    }

    fn sh1add(&mut self, ops: R) -> Emitted {
        self.shift_add_double(ops, 1)
    }

    fn sh2add(&mut self, ops: R) -> Emitted {
        self.shift_add_double(ops, 2)
    }

    fn sh3add(&mut self, ops: R) -> Emitted {
        self.shift_add_double(ops, 3)
    }

    fn sh1add_uw(&mut self, ops: R) -> Emitted {
        self.shift_add_word(ops, 1)
    }

    fn sh2add_uw(&mut self, ops: R) -> Emitted {
        self.shift_add_word(ops, 2)
    }

    fn sh3add_uw(&mut self, ops: R) -> Emitted {
        self.shift_add_word(ops, 3)
    }

    fn slli_uw(&mut self, ops: Shift) -> Emitted {
        let Shift { rd, rs1, shamt } = ops;
        if !rd.is_zero() {
            let dst = self.target(rd);
            self.load_word(dst, rs1);
            if shamt != 0 {
                self.a.shift_imm(Op::Shl, Width::Double, dst, shamt);
            }
            self.write(rd, dst);
        }
        Emitted::Done
    }
}

impl VisitZbb for Emitter<'_> {
    fn andn(&mut self, ops: R) -> Emitted {
        self.with_inverted(Alu::And, ops)
    }

    fn orn(&mut self, ops: R) -> Emitted {
        self.with_inverted(Alu::Or, ops)
    }

    fn xnor(&mut self, ops: R) -> Emitted {
        self.with_inverted(Alu::Xor, ops)
    }

    fn clz(&mut self, ops: Unary) -> Emitted {
        self.count(ops, LEADING, Width::Double, self.host.lzcnt)
    }

    fn ctz(&mut self, ops: Unary) -> Emitted {
        self.count(ops, TRAILING, Width::Double, self.host.bmi1)
    }

    fn cpop(&mut self, ops: Unary) -> Emitted {
        self.count(ops, ONE_BITS, Width::Double, self.host.popcnt)
    }

    fn clzw(&mut self, ops: Unary) -> Emitted {
        self.count(ops, LEADING, Width::Word, self.host.lzcnt)
    }

    fn ctzw(&mut self, ops: Unary) -> Emitted {
        self.count(ops, TRAILING, Width::Word, self.host.bmi1)
    }

    fn cpopw(&mut self, ops: Unary) -> Emitted {
        self.count(ops, ONE_BITS, Width::Word, self.host.popcnt)
    }

    fn max(&mut self, ops: R) -> Emitted {
        self.select(ops, Cond::Less)
    }

    fn maxu(&mut self, ops: R) -> Emitted {
        self.select(ops, Cond::Below)
    }

    fn min(&mut self, ops: R) -> Emitted {
        self.select(ops, Cond::Greater)
    }

    fn minu(&mut self, ops: R) -> Emitted {
        self.select(ops, Cond::Above)
    }

    fn sext_b(&mut self, ops: Unary) -> Emitted {
        self.extend(ops, Extend::I8)
    }

    fn sext_h(&mut self, ops: Unary) -> Emitted {
        self.extend(ops, Extend::I16)
    }

    fn zext_h(&mut self, ops: Unary) -> Emitted {
        self.extend(ops, Extend::U16)
    }

    fn rol(&mut self, ops: R) -> Emitted {
        self.rotate(Op::Rol, Width::Double, ops)
    }

    fn rolw(&mut self, ops: R) -> Emitted {
        self.rotate(Op::Rol, Width::Word, ops)
    }

    fn ror(&mut self, ops: R) -> Emitted {
        self.rotate(Op::Ror, Width::Double, ops)
    }

    fn rorw(&mut self, ops: R) -> Emitted {
        self.rotate(Op::Ror, Width::Word, ops)
    }

    fn rori(&mut self, ops: Shift) -> Emitted {
        self.rotate_by(Width::Double, ops)
    }

    fn roriw(&mut self, ops: Shift) -> Emitted {
        self.rotate_by(Width::Word, ops)
    }

    fn orc_b(&mut self, ops: Unary) -> Emitted {
        if !self.host.avx {
            return Emitted::Libcall;
        }
        let Unary { rd, rs1 } = ops;
        if !rd.is_zero() {
            let value = self.read(rs1, RAX);
            self.a.vector_of(Width::Double, Xmm(0), value);
            self.a.vector(Prefix::P66, 0xef, Xmm(1), Xmm(1), Xmm(1));
            // All ones in each byte that is zero; then the other way round.
            self.a.vector(Prefix::P66, 0x74, Xmm(0), Xmm(0), Xmm(1));
            self.a.vector_ones(Xmm(1));
            self.a.vector(Prefix::P66, 0xef, Xmm(0), Xmm(0), Xmm(1));
            let dst = self.target(rd);
            self.a.of_vector(Width::Double, dst, Xmm(0));
            self.write(rd, dst);
        }
        Emitted::Done
    }

    fn rev8(&mut self, ops: Unary) -> Emitted {
        if !{ ops.rd }.is_zero() {
            let dst = self.target(ops.rd);
            self.load(dst, ops.rs1);
            self.a.swap_bytes(dst);
            self.write(ops.rd, dst);
        }
        Emitted::Done
    }
}

impl VisitZbc for Emitter<'_> {
    fn clmul(&mut self, ops: R) -> Emitted {
        self.carryless(ops, |e| e.a.of_vector(Width::Double, RAX, Xmm(0)))
    }

    fn clmulr(&mut self, ops: R) -> Emitted {
        // Bits 126 to 63.
        self.carryless(ops, |e| {
            e.a.upper_half(RAX, Xmm(0));
            e.a.of_vector(Width::Double, RCX, Xmm(0));
            // The carry is bit 63.
            e.a.alu(Alu::Add, Width::Double, RCX, RCX);
            e.a.alu(Alu::Adc, Width::Double, RAX, RAX);
        })
    }

    fn clmulh(&mut self, ops: R) -> Emitted {
        self.carryless(ops, |e| e.a.upper_half(RAX, Xmm(0)))
    }
}

impl VisitZbs for Emitter<'_> {
    fn bclr(&mut self, ops: R) -> Emitted {
        self.change_bit(ops, Bit::Reset)
    }

    fn bclri(&mut self, ops: Shift) -> Emitted {
        self.change_bit_by(ops, Bit::Reset)
    }

    fn bext(&mut self, ops: R) -> Emitted {
        let R { rd, rs1, rs2 } = ops;
        if !rd.is_zero() {
            let number = self.read(rs2, RCX);
            let value = self.read(rs1, RAX);
            self.a.bit(Bit::Test, value, number);
            self.write_condition(rd, Cond::Below);
        }
        Emitted::Done
    }

    fn bexti(&mut self, ops: Shift) -> Emitted {
        let Shift { rd, rs1, shamt } = ops;
        if !rd.is_zero() {
            let value = self.read(rs1, RAX);
            self.a.bit_imm(Bit::Test, value, shamt);
            self.write_condition(rd, Cond::Below);
        }
        Emitted::Done
    }

    fn binv(&mut self, ops: R) -> Emitted {
        self.change_bit(ops, Bit::Complement)
    }

    fn binvi(&mut self, ops: Shift) -> Emitted {
        self.change_bit_by(ops, Bit::Complement)
    }

    fn bset(&mut self, ops: R) -> Emitted {
        self.change_bit(ops, Bit::Set)
    }

    fn bseti(&mut self, ops: Shift) -> Emitted {
        self.change_bit_by(ops, Bit::Set)
    }
}
