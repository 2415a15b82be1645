//! M: integer multiplication and division.

use causality_isa::format::R;
use causality_isa::visit::VisitM;

use super::{Exec, Retire};
use crate::num::{self, sext_w};

impl<const FULL: bool> VisitM for Exec<'_, FULL> {
    fn mul(&mut self, ops: R) -> Retire {
        self.binary(ops, u64::wrapping_mul)
    }

    fn mulh(&mut self, ops: R) -> Retire {
        self.binary(ops, num::mulh)
    }

    fn mulhsu(&mut self, ops: R) -> Retire {
        self.binary(ops, num::mulhsu)
    }

    fn mulhu(&mut self, ops: R) -> Retire {
        self.binary(ops, num::mulhu)
    }

    fn div(&mut self, ops: R) -> Retire {
        self.binary(ops, num::div)
    }

    fn divu(&mut self, ops: R) -> Retire {
        self.binary(ops, num::divu)
    }

    fn rem(&mut self, ops: R) -> Retire {
        self.binary(ops, num::rem)
    }

    fn remu(&mut self, ops: R) -> Retire {
        self.binary(ops, num::remu)
    }

    fn mulw(&mut self, ops: R) -> Retire {
        self.binary(ops, |a, b| sext_w(a.wrapping_mul(b) as u32))
    }

    fn divw(&mut self, ops: R) -> Retire {
        self.binary(ops, num::divw)
    }

    fn divuw(&mut self, ops: R) -> Retire {
        self.binary(ops, num::divuw)
    }

    fn remw(&mut self, ops: R) -> Retire {
        self.binary(ops, num::remw)
    }

    fn remuw(&mut self, ops: R) -> Retire {
        self.binary(ops, num::remuw)
    }
}
