//! M: integer multiplication and division, which never trap.
//!
//! The host's long multiplication and its division use `rdx`, which is a guest register's and saved meanwhile.

use causality_machine::isa::format::R;
use causality_machine::isa::visit::VisitM;

use super::assembler::{Alu, Cond, Mem, RAX, RCX, RDX, Shift, Unary, Width};
use super::register::{VM, place};
use super::{Emitted, Emitter};
use crate::context::field;

#[derive(Clone, Copy, PartialEq, Eq)]
enum Part {
    Quotient,
    Remainder,
}

/// Where `rdx` is kept.
const SAVED: Mem = Mem::at(VM, field!(scratch));

impl Emitter<'_> {
    pub(super) fn save_rdx(&mut self) {
        self.a.store(8, SAVED, RDX);
    }

    pub(super) fn restore_rdx(&mut self) {
        self.a.mov(Width::Double, RDX, SAVED);
    }

    /// The upper half of the product of two doublewords.
    fn upper_product(&mut self, ops: R, op: Unary) -> Emitted {
        let R { rd, rs1, rs2 } = ops;
        if rd.is_zero() {
            return Emitted::Done;
        }
        self.save_rdx();
        self.load(RAX, rs1);
        self.a.unary(op, Width::Double, place(rs2));
        self.a.copy(RCX, RDX);
        self.restore_rdx();
        self.write(rd, RCX);
        Emitted::Done
    }

    /// By zero the quotient is all ones and the remainder the dividend. By -1, if signed, the quotient is the negation
    /// and the remainder zero, which covers the overflow that the host would trap at.
    fn divide(&mut self, width: Width, is_signed: bool, part: Part, ops: R) -> Emitted {
        let R { rd, rs1, rs2 } = ops;
        if rd.is_zero() {
            return Emitted::Done;
        }
        self.a.mov(width, RCX, place(rs2));
        if is_signed {
            // One test for 0 and -1, both rare.
            match width {
                Width::Double => self.a.lea(RAX, Mem::at(RCX, 1)),
                Width::Word => self.a.lea_word(RAX, Mem::at(RCX, 1)),
            }
            self.a.alu_imm(Alu::Cmp, width, RAX, 1);
        } else {
            self.a.test(width, RCX, RCX);
        }
        let special = self.a.skip_if(if is_signed { Cond::BelowEqual } else { Cond::Equal });
        self.save_rdx();
        self.a.mov(width, RAX, place(rs1));
        if is_signed {
            self.a.widen_rax(width);
            self.a.unary(Unary::Idiv, width, RCX);
        } else {
            self.a.zero(RDX);
            self.a.unary(Unary::Div, width, RCX);
        }
        self.a.copy(RCX, if part == Part::Quotient { RAX } else { RDX });
        self.restore_rdx();
        let done = self.a.skip();
        self.a.arrive(special);
        if is_signed {
            self.a.test(width, RCX, RCX);
            let by_zero = self.a.skip_if(Cond::Equal);
            match part {
                Part::Quotient => {
                    self.a.mov(width, RCX, place(rs1));
                    self.a.unary(Unary::Neg, width, RCX);
                }
                Part::Remainder => self.a.zero(RCX),
            }
            let by_minus_one = self.a.skip();
            self.a.arrive(by_zero);
            self.by_zero(width, part, rs1);
            self.a.arrive(by_minus_one);
        } else {
            self.by_zero(width, part, rs1);
        }
        self.a.arrive(done);
        match width {
            Width::Double => self.write(rd, RCX),
            Width::Word => self.write_word(rd, RCX),
        }
        Emitted::Done
    }

    fn by_zero(&mut self, width: Width, part: Part, rs1: causality_machine::isa::reg::X) {
        match part {
            Part::Quotient => self.a.constant(RCX, u64::MAX),
            Part::Remainder => self.a.mov(width, RCX, place(rs1)),
        }
    }
}

impl VisitM for Emitter<'_> {
    fn mul(&mut self, ops: R) -> Emitted {
        let R { rd, rs1, rs2 } = ops;
        if rd.is_zero() {
            return Emitted::Done;
        }
        let dst = self.target(rd);
        if self.now(rs2) == dst.into() {
            self.a.multiply(Width::Double, dst, self.now(rs1));
        } else {
            self.load(dst, rs1);
            self.a.multiply(Width::Double, dst, self.now(rs2));
        }
        self.write(rd, dst);
        Emitted::Done
    }

    fn mulh(&mut self, ops: R) -> Emitted {
        self.upper_product(ops, Unary::Imul)
    }

    fn mulhsu(&mut self, ops: R) -> Emitted {
        let R { rd, rs1, rs2 } = ops;
        if rd.is_zero() {
            return Emitted::Done;
        }
        // As unsigned, less `rs2` in the upper half where `rs1` is negative.
        self.load(RCX, rs1);
        self.a.shift_imm(Shift::Sar, Width::Double, RCX, 63);
        self.a.alu(Alu::And, Width::Double, RCX, place(rs2));
        self.save_rdx();
        self.load(RAX, rs1);
        self.a.unary(Unary::Mul, Width::Double, place(rs2));
        self.a.alu(Alu::Sub, Width::Double, RDX, RCX);
        self.a.copy(RCX, RDX);
        self.restore_rdx();
        self.write(rd, RCX);
        Emitted::Done
    }

    fn mulhu(&mut self, ops: R) -> Emitted {
        self.upper_product(ops, Unary::Mul)
    }

    fn div(&mut self, ops: R) -> Emitted {
        self.divide(Width::Double, true, Part::Quotient, ops)
    }

    fn divu(&mut self, ops: R) -> Emitted {
        self.divide(Width::Double, false, Part::Quotient, ops)
    }

    fn rem(&mut self, ops: R) -> Emitted {
        self.divide(Width::Double, true, Part::Remainder, ops)
    }

    fn remu(&mut self, ops: R) -> Emitted {
        self.divide(Width::Double, false, Part::Remainder, ops)
    }

    fn mulw(&mut self, ops: R) -> Emitted {
        let R { rd, rs1, rs2 } = ops;
        if rd.is_zero() {
            return Emitted::Done;
        }
        let dst = self.target(rd);
        if self.now(rs2) == dst.into() {
            self.a.multiply(Width::Word, dst, self.now(rs1));
        } else {
            self.load(dst, rs1);
            self.a.multiply(Width::Word, dst, self.now(rs2));
        }
        self.write_word(rd, dst);
        Emitted::Done
    }

    fn divw(&mut self, ops: R) -> Emitted {
        self.divide(Width::Word, true, Part::Quotient, ops)
    }

    fn divuw(&mut self, ops: R) -> Emitted {
        self.divide(Width::Word, false, Part::Quotient, ops)
    }

    fn remw(&mut self, ops: R) -> Emitted {
        self.divide(Width::Word, true, Part::Remainder, ops)
    }

    fn remuw(&mut self, ops: R) -> Emitted {
        self.divide(Width::Word, false, Part::Remainder, ops)
    }
}
