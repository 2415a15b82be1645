//! M: integer multiplication and division, which never trap.

use causality_machine::isa::format::R;
use causality_machine::isa::visit::VisitM;
use cranelift_codegen::ir::condcodes::IntCC;
use cranelift_codegen::ir::{InstBuilder, Type, Value, types};

use super::{Emitted, Emitter};

#[derive(Clone, Copy, PartialEq, Eq)]
enum Part {
    Quotient,
    Remainder,
}

impl Emitter<'_> {
    /// Unsigned; by zero the quotient is all ones and the remainder the dividend.
    fn divide_unsigned(&mut self, ty: Type, a: Value, b: Value, part: Part) -> Value {
        let by_zero = self.b.ins().icmp_imm_s(IntCC::Equal, b, 0);
        let special = match part {
            Part::Quotient => self.b.ins().iconst(ty, mask(ty)),
            Part::Remainder => a,
        };
        self.unless(ty, by_zero, special, |e| match part {
            Part::Quotient => e.b.ins().udiv(a, b),
            Part::Remainder => e.b.ins().urem(a, b),
        })
    }

    /// Signed; by zero the quotient is -1 and the remainder the dividend. By -1 the quotient is the negation and the
    /// remainder zero, which covers the overflow that the host would trap at.
    fn divide_signed(&mut self, ty: Type, a: Value, b: Value, part: Part) -> Value {
        // One test for 0 and -1, both rare.
        let plus_one = self.b.ins().iadd_imm_s(b, 1);
        let is_special = self.b.ins().icmp_imm_s(IntCC::UnsignedLessThanOrEqual, plus_one, 1);
        let (rare, usual, done) = (self.b.create_block(), self.b.create_block(), self.b.create_block());
        self.b.set_cold_block(rare);
        let result = self.b.append_block_param(done, ty);
        self.b.ins().brif(is_special, rare, &[], usual, &[]);
        self.b.seal_block(rare);
        self.b.seal_block(usual);
        self.b.switch_to_block(rare);
        let by_zero = self.b.ins().icmp_imm_s(IntCC::Equal, b, 0);
        let (zero, minus) = match part {
            Part::Quotient => (self.b.ins().iconst(ty, mask(ty)), self.b.ins().ineg(a)),
            Part::Remainder => (a, self.b.ins().iconst(ty, 0)),
        };
        let special = self.b.ins().select(by_zero, zero, minus);
        self.b.ins().jump(done, &[special.into()]);
        self.b.switch_to_block(usual);
        let value = match part {
            Part::Quotient => self.b.ins().sdiv(a, b),
            Part::Remainder => self.b.ins().srem(a, b),
        };
        self.b.ins().jump(done, &[value.into()]);
        self.b.seal_block(done);
        self.b.switch_to_block(done);
        result
    }

    /// `special` if `condition` holds, which is rare, else what `usual` gives.
    fn unless(
        &mut self,
        ty: Type,
        condition: Value,
        special: Value,
        usual: impl FnOnce(&mut Self) -> Value,
    ) -> Value {
        let (go_on, done) = (self.b.create_block(), self.b.create_block());
        let result = self.b.append_block_param(done, ty);
        self.b.ins().brif(condition, done, &[special.into()], go_on, &[]);
        self.b.seal_block(go_on);
        self.b.switch_to_block(go_on);
        let value = usual(self);
        self.b.ins().jump(done, &[value.into()]);
        self.b.seal_block(done);
        self.b.switch_to_block(done);
        result
    }
}

/// All ones of a type, as `iconst` takes them.
fn mask(ty: Type) -> i64 {
    if ty == types::I64 { -1 } else { (1 << ty.bits()) - 1 }
}

impl VisitM for Emitter<'_> {
    fn mul(&mut self, ops: R) -> Emitted {
        self.binary(ops, |e, a, b| e.b.ins().imul(a, b))
    }

    fn mulh(&mut self, ops: R) -> Emitted {
        self.binary(ops, |e, a, b| e.b.ins().smulhi(a, b))
    }

    fn mulhsu(&mut self, ops: R) -> Emitted {
        // As unsigned, less `b` in the upper half where `a` is negative.
        self.binary(ops, |e, a, b| {
            let high = e.b.ins().umulhi(a, b);
            let sign = e.b.ins().sshr_imm_u(a, 63);
            let less = e.b.ins().band(sign, b);
            e.b.ins().isub(high, less)
        })
    }

    fn mulhu(&mut self, ops: R) -> Emitted {
        self.binary(ops, |e, a, b| e.b.ins().umulhi(a, b))
    }

    fn div(&mut self, ops: R) -> Emitted {
        self.binary(ops, |e, a, b| e.divide_signed(types::I64, a, b, Part::Quotient))
    }

    fn divu(&mut self, ops: R) -> Emitted {
        self.binary(ops, |e, a, b| e.divide_unsigned(types::I64, a, b, Part::Quotient))
    }

    fn rem(&mut self, ops: R) -> Emitted {
        self.binary(ops, |e, a, b| e.divide_signed(types::I64, a, b, Part::Remainder))
    }

    fn remu(&mut self, ops: R) -> Emitted {
        self.binary(ops, |e, a, b| e.divide_unsigned(types::I64, a, b, Part::Remainder))
    }

    fn mulw(&mut self, ops: R) -> Emitted {
        self.binary_w(ops, |e, a, b| e.b.ins().imul(a, b))
    }

    fn divw(&mut self, ops: R) -> Emitted {
        self.binary_w(ops, |e, a, b| e.divide_signed(types::I32, a, b, Part::Quotient))
    }

    fn divuw(&mut self, ops: R) -> Emitted {
        self.binary_w(ops, |e, a, b| e.divide_unsigned(types::I32, a, b, Part::Quotient))
    }

    fn remw(&mut self, ops: R) -> Emitted {
        self.binary_w(ops, |e, a, b| e.divide_signed(types::I32, a, b, Part::Remainder))
    }

    fn remuw(&mut self, ops: R) -> Emitted {
        self.binary_w(ops, |e, a, b| e.divide_unsigned(types::I32, a, b, Part::Remainder))
    }
}
