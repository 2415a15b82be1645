//! Zba, Zbb, Zbc, Zbs: bit manipulation.

use causality_isa::format::{R, Shift, Unary};
use causality_isa::visit::{VisitZba, VisitZbb, VisitZbc, VisitZbs};

use super::{Exec, Retire};
use crate::num::{self, sext_w};

/// The low 32 bits, zero-extended.
const fn uw(value: u64) -> u64 {
    value as u32 as u64
}

/// A mask of the single bit that the low six bits of `n` name.
const fn bit(n: u64) -> u64 {
    1 << (n & 63)
}

impl<const FULL: bool> VisitZba for Exec<'_, FULL> {
    fn add_uw(&mut self, ops: R) -> Retire {
        self.binary(ops, |a, b| uw(a).wrapping_add(b))
    }

    fn sh1add(&mut self, ops: R) -> Retire {
        self.binary(ops, |a, b| (a << 1).wrapping_add(b))
    }

    fn sh2add(&mut self, ops: R) -> Retire {
        self.binary(ops, |a, b| (a << 2).wrapping_add(b))
    }

    fn sh3add(&mut self, ops: R) -> Retire {
        self.binary(ops, |a, b| (a << 3).wrapping_add(b))
    }

    fn sh1add_uw(&mut self, ops: R) -> Retire {
        self.binary(ops, |a, b| (uw(a) << 1).wrapping_add(b))
    }

    fn sh2add_uw(&mut self, ops: R) -> Retire {
        self.binary(ops, |a, b| (uw(a) << 2).wrapping_add(b))
    }

    fn sh3add_uw(&mut self, ops: R) -> Retire {
        self.binary(ops, |a, b| (uw(a) << 3).wrapping_add(b))
    }

    fn slli_uw(&mut self, ops: Shift) -> Retire {
        self.shift(ops, |a, n| uw(a) << n)
    }
}

impl<const FULL: bool> VisitZbb for Exec<'_, FULL> {
    fn andn(&mut self, ops: R) -> Retire {
        self.binary(ops, |a, b| a & !b)
    }

    fn orn(&mut self, ops: R) -> Retire {
        self.binary(ops, |a, b| a | !b)
    }

    fn xnor(&mut self, ops: R) -> Retire {
        self.binary(ops, |a, b| !(a ^ b))
    }

    fn clz(&mut self, ops: Unary) -> Retire {
        self.unary(ops, |a| u64::from(a.leading_zeros()))
    }

    fn ctz(&mut self, ops: Unary) -> Retire {
        self.unary(ops, |a| u64::from(a.trailing_zeros()))
    }

    fn cpop(&mut self, ops: Unary) -> Retire {
        self.unary(ops, |a| u64::from(a.count_ones()))
    }

    fn clzw(&mut self, ops: Unary) -> Retire {
        self.unary(ops, |a| u64::from((a as u32).leading_zeros()))
    }

    fn ctzw(&mut self, ops: Unary) -> Retire {
        self.unary(ops, |a| u64::from((a as u32).trailing_zeros()))
    }

    fn cpopw(&mut self, ops: Unary) -> Retire {
        self.unary(ops, |a| u64::from((a as u32).count_ones()))
    }

    fn max(&mut self, ops: R) -> Retire {
        self.binary(ops, |a, b| (a as i64).max(b as i64) as u64)
    }

    fn maxu(&mut self, ops: R) -> Retire {
        self.binary(ops, u64::max)
    }

    fn min(&mut self, ops: R) -> Retire {
        self.binary(ops, |a, b| (a as i64).min(b as i64) as u64)
    }

    fn minu(&mut self, ops: R) -> Retire {
        self.binary(ops, u64::min)
    }

    fn sext_b(&mut self, ops: Unary) -> Retire {
        self.unary(ops, |a| a as i8 as u64)
    }

    fn sext_h(&mut self, ops: Unary) -> Retire {
        self.unary(ops, |a| a as i16 as u64)
    }

    fn zext_h(&mut self, ops: Unary) -> Retire {
        self.unary(ops, |a| a & 0xffff)
    }

    fn rol(&mut self, ops: R) -> Retire {
        self.binary(ops, |a, n| a.rotate_left(n as u32 & 63))
    }

    fn rolw(&mut self, ops: R) -> Retire {
        self.binary(ops, |a, n| sext_w((a as u32).rotate_left(n as u32 & 31)))
    }

    fn ror(&mut self, ops: R) -> Retire {
        self.binary(ops, |a, n| a.rotate_right(n as u32 & 63))
    }

    fn rorw(&mut self, ops: R) -> Retire {
        self.binary(ops, |a, n| sext_w((a as u32).rotate_right(n as u32 & 31)))
    }

    fn rori(&mut self, ops: Shift) -> Retire {
        self.shift(ops, u64::rotate_right)
    }

    fn roriw(&mut self, ops: Shift) -> Retire {
        self.shift(ops, |a, n| sext_w((a as u32).rotate_right(n)))
    }

    fn orc_b(&mut self, ops: Unary) -> Retire {
        self.unary(ops, num::orc_b)
    }

    fn rev8(&mut self, ops: Unary) -> Retire {
        self.unary(ops, u64::swap_bytes)
    }
}

impl<const FULL: bool> VisitZbc for Exec<'_, FULL> {
    fn clmul(&mut self, ops: R) -> Retire {
        self.binary(ops, num::clmul)
    }

    fn clmulr(&mut self, ops: R) -> Retire {
        self.binary(ops, num::clmulr)
    }

    fn clmulh(&mut self, ops: R) -> Retire {
        self.binary(ops, num::clmulh)
    }
}

impl<const FULL: bool> VisitZbs for Exec<'_, FULL> {
    fn bclr(&mut self, ops: R) -> Retire {
        self.binary(ops, |a, n| a & !bit(n))
    }

    fn bclri(&mut self, ops: Shift) -> Retire {
        self.shift(ops, |a, n| a & !bit(u64::from(n)))
    }

    fn bext(&mut self, ops: R) -> Retire {
        self.binary(ops, |a, n| a >> (n & 63) & 1)
    }

    fn bexti(&mut self, ops: Shift) -> Retire {
        self.shift(ops, |a, n| a >> (n & 63) & 1)
    }

    fn binv(&mut self, ops: R) -> Retire {
        self.binary(ops, |a, n| a ^ bit(n))
    }

    fn binvi(&mut self, ops: Shift) -> Retire {
        self.shift(ops, |a, n| a ^ bit(u64::from(n)))
    }

    fn bset(&mut self, ops: R) -> Retire {
        self.binary(ops, |a, n| a | bit(n))
    }

    fn bseti(&mut self, ops: Shift) -> Retire {
        self.shift(ops, |a, n| a | bit(u64::from(n)))
    }
}
