//! Zba, Zbb, Zbc, Zbs: bit manipulation.

use causality_machine::isa::format::{R, Shift, Unary};
use causality_machine::isa::reg::X;
use causality_machine::isa::visit::{VisitZba, VisitZbb, VisitZbc, VisitZbs};
use cranelift_codegen::ir::{InstBuilder, Value, types};

use super::{Emitted, Emitter};

impl Emitter<'_> {
    /// `rd = f(rs1)`.
    fn unary_x(&mut self, ops: Unary, f: impl FnOnce(&mut Self, Value) -> Value) -> Emitted {
        let a = self.x(ops.rs1);
        let value = f(self, a);
        self.set_x(ops.rd, value);
        Emitted::Done
    }

    /// `rd = f(rs1[31:0])`.
    fn unary_w(&mut self, ops: Unary, f: impl FnOnce(&mut Self, Value) -> Value) -> Emitted {
        let a = self.w(ops.rs1);
        let value = f(self, a);
        self.set_w(ops.rd, value);
        Emitted::Done
    }

    /// The low 32 bits, zero-extended.
    fn uw(&mut self, r: X) -> Value {
        let word = self.w(r);
        self.b.ins().uextend(types::I64, word)
    }

    /// `rd = (rs1 << n) + rs2`.
    fn shift_add(&mut self, ops: R, n: i64) -> Emitted {
        let a = self.x(ops.rs1);
        let shifted = self.shift_left(a, n);
        self.sum(ops, shifted)
    }

    /// `rd = (rs1[31:0] << n) + rs2`.
    fn shift_add_uw(&mut self, ops: R, n: i64) -> Emitted {
        let a = self.uw(ops.rs1);
        let shifted = self.shift_left(a, n);
        self.sum(ops, shifted)
    }

    /// A mask of the single bit that the low six bits of `n` name.
    fn bit(&mut self, n: Value) -> Value {
        let one = self.iconst(1);
        self.b.ins().ishl(one, n)
    }

    /// All ones in each byte that is not zero.
    fn or_combine(&mut self, a: Value) -> Value {
        // The top bit of each byte becomes whether the byte has a bit: adding 0x7f carries into it from any
        // below.
        const LOW: i64 = 0x7f7f_7f7f_7f7f_7f7f;
        let low = self.b.ins().band_imm_u(a, LOW);
        let carried = self.b.ins().iadd_imm_u(low, LOW);
        let either = self.b.ins().bor(carried, a);
        let top = self.b.ins().band_imm_u(either, !LOW);
        // For each byte, the bit above it less its lowest bit.
        let above = self.b.ins().ishl_imm_u(top, 1);
        let lowest = self.b.ins().ushr_imm_u(top, 7);
        self.b.ins().isub(above, lowest)
    }

    /// Low half of the carry-less product.
    ///
    /// Neither the host's carry-less multiplication nor a loop: ordinary products of every fourth bit. Each
    /// sum of bits is at most 15 and so fits into the hole above it, except at the top, where it is 16 and
    /// the carry is lost.
    fn carryless_low(&mut self, a: Value, b: Value) -> Value {
        let masks: [i64; 4] = std::array::from_fn(|i| 0x1111_1111_1111_1111 << i);
        let a = masks.map(|mask| self.b.ins().band_imm_u(a, mask));
        let b = masks.map(|mask| self.b.ins().band_imm_u(b, mask));
        let quarters: [Value; 4] = std::array::from_fn(|n| {
            let [p, q, r, s] = std::array::from_fn(|i| self.b.ins().imul(a[i], b[(n + 4 - i) % 4]));
            let (pq, rs) = (self.b.ins().bxor(p, q), self.b.ins().bxor(r, s));
            let sum = self.b.ins().bxor(pq, rs);
            self.b.ins().band_imm_u(sum, masks[n])
        });
        let [p, q, r, s] = quarters;
        let (pq, rs) = (self.b.ins().bor(p, q), self.b.ins().bor(r, s));
        self.b.ins().bor(pq, rs)
    }

    /// Bits 126 to 63 of the carry-less product: without carries, the mirror image of the low half of the
    /// product of the mirror images.
    fn carryless_reversed(&mut self, a: Value, b: Value) -> Value {
        let (a, b) = (self.b.ins().bitrev(a), self.b.ins().bitrev(b));
        let product = self.carryless_low(a, b);
        self.b.ins().bitrev(product)
    }
}

impl VisitZba for Emitter<'_> {
    fn add_uw(&mut self, ops: R) -> Emitted {
        let a = self.uw(ops.rs1);
        self.sum(ops, a)
    }

    fn sh1add(&mut self, ops: R) -> Emitted {
        self.shift_add(ops, 1)
    }

    fn sh2add(&mut self, ops: R) -> Emitted {
        self.shift_add(ops, 2)
    }

    fn sh3add(&mut self, ops: R) -> Emitted {
        self.shift_add(ops, 3)
    }

    fn sh1add_uw(&mut self, ops: R) -> Emitted {
        self.shift_add_uw(ops, 1)
    }

    fn sh2add_uw(&mut self, ops: R) -> Emitted {
        self.shift_add_uw(ops, 2)
    }

    fn sh3add_uw(&mut self, ops: R) -> Emitted {
        self.shift_add_uw(ops, 3)
    }

    fn slli_uw(&mut self, ops: Shift) -> Emitted {
        let a = self.uw(ops.rs1);
        let value = self.b.ins().ishl_imm_u(a, i64::from(ops.shamt));
        self.set_x(ops.rd, value);
        Emitted::Done
    }
}

impl VisitZbb for Emitter<'_> {
    fn andn(&mut self, ops: R) -> Emitted {
        self.bitwise(ops, |e, a, b| e.b.ins().band_not(a, b))
    }

    fn orn(&mut self, ops: R) -> Emitted {
        self.bitwise(ops, |e, a, b| e.b.ins().bor_not(a, b))
    }

    fn xnor(&mut self, ops: R) -> Emitted {
        self.bitwise(ops, |e, a, b| e.b.ins().bxor_not(a, b))
    }

    fn clz(&mut self, ops: Unary) -> Emitted {
        self.unary_x(ops, |e, a| e.b.ins().clz(a))
    }

    fn ctz(&mut self, ops: Unary) -> Emitted {
        self.unary_x(ops, |e, a| e.b.ins().ctz(a))
    }

    fn cpop(&mut self, ops: Unary) -> Emitted {
        self.unary_x(ops, |e, a| e.b.ins().popcnt(a))
    }

    fn clzw(&mut self, ops: Unary) -> Emitted {
        self.unary_w(ops, |e, a| e.b.ins().clz(a))
    }

    fn ctzw(&mut self, ops: Unary) -> Emitted {
        self.unary_w(ops, |e, a| e.b.ins().ctz(a))
    }

    fn cpopw(&mut self, ops: Unary) -> Emitted {
        self.unary_w(ops, |e, a| e.b.ins().popcnt(a))
    }

    fn max(&mut self, ops: R) -> Emitted {
        self.bitwise(ops, |e, a, b| e.b.ins().smax(a, b))
    }

    fn maxu(&mut self, ops: R) -> Emitted {
        self.bitwise(ops, |e, a, b| e.b.ins().umax(a, b))
    }

    fn min(&mut self, ops: R) -> Emitted {
        self.bitwise(ops, |e, a, b| e.b.ins().smin(a, b))
    }

    fn minu(&mut self, ops: R) -> Emitted {
        self.bitwise(ops, |e, a, b| e.b.ins().umin(a, b))
    }

    fn sext_b(&mut self, ops: Unary) -> Emitted {
        self.unary_x(ops, |e, a| {
            let byte = e.b.ins().ireduce(types::I8, a);
            e.b.ins().sextend(types::I64, byte)
        })
    }

    fn sext_h(&mut self, ops: Unary) -> Emitted {
        self.unary_x(ops, |e, a| {
            let half = e.b.ins().ireduce(types::I16, a);
            e.b.ins().sextend(types::I64, half)
        })
    }

    fn zext_h(&mut self, ops: Unary) -> Emitted {
        self.unary_x(ops, |e, a| {
            let half = e.b.ins().ireduce(types::I16, a);
            e.b.ins().uextend(types::I64, half)
        })
    }

    fn rol(&mut self, ops: R) -> Emitted {
        self.binary(ops, |e, a, n| e.b.ins().rotl(a, n))
    }

    fn rolw(&mut self, ops: R) -> Emitted {
        self.binary_w(ops, |e, a, n| e.b.ins().rotl(a, n))
    }

    fn ror(&mut self, ops: R) -> Emitted {
        self.binary(ops, |e, a, n| e.b.ins().rotr(a, n))
    }

    fn rorw(&mut self, ops: R) -> Emitted {
        self.binary_w(ops, |e, a, n| e.b.ins().rotr(a, n))
    }

    fn rori(&mut self, ops: Shift) -> Emitted {
        self.shift(ops, |e, a, n| e.b.ins().rotr_imm_u(a, n))
    }

    fn roriw(&mut self, ops: Shift) -> Emitted {
        self.shift_w(ops, |e, a, n| e.b.ins().rotr_imm_u(a, n))
    }

    fn orc_b(&mut self, ops: Unary) -> Emitted {
        self.unary_x(ops, Self::or_combine)
    }

    fn rev8(&mut self, ops: Unary) -> Emitted {
        self.unary_x(ops, |e, a| e.b.ins().bswap(a))
    }
}

impl VisitZbc for Emitter<'_> {
    fn clmul(&mut self, ops: R) -> Emitted {
        self.binary(ops, Self::carryless_low)
    }

    fn clmulr(&mut self, ops: R) -> Emitted {
        self.binary(ops, Self::carryless_reversed)
    }

    fn clmulh(&mut self, ops: R) -> Emitted {
        self.binary(ops, |e, a, b| {
            let product = e.carryless_reversed(a, b);
            e.b.ins().ushr_imm_u(product, 1)
        })
    }
}

impl VisitZbs for Emitter<'_> {
    fn bclr(&mut self, ops: R) -> Emitted {
        self.binary(ops, |e, a, n| {
            let bit = e.bit(n);
            e.b.ins().band_not(a, bit)
        })
    }

    fn bclri(&mut self, ops: Shift) -> Emitted {
        self.shift(ops, |e, a, n| e.b.ins().band_imm_u(a, !(1 << n)))
    }

    fn bext(&mut self, ops: R) -> Emitted {
        self.binary(ops, |e, a, n| {
            let shifted = e.b.ins().ushr(a, n);
            e.b.ins().band_imm_u(shifted, 1)
        })
    }

    fn bexti(&mut self, ops: Shift) -> Emitted {
        self.shift(ops, |e, a, n| {
            let shifted = e.b.ins().ushr_imm_u(a, n);
            e.b.ins().band_imm_u(shifted, 1)
        })
    }

    fn binv(&mut self, ops: R) -> Emitted {
        self.binary(ops, |e, a, n| {
            let bit = e.bit(n);
            e.b.ins().bxor(a, bit)
        })
    }

    fn binvi(&mut self, ops: Shift) -> Emitted {
        self.shift(ops, |e, a, n| e.b.ins().bxor_imm_u(a, 1 << n))
    }

    fn bset(&mut self, ops: R) -> Emitted {
        self.binary(ops, |e, a, n| {
            let bit = e.bit(n);
            e.b.ins().bor(a, bit)
        })
    }

    fn bseti(&mut self, ops: Shift) -> Emitted {
        self.shift(ops, |e, a, n| e.b.ins().bor_imm_u(a, 1 << n))
    }
}
