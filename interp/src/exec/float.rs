//! What F, D, Zfa and Zfhmin share: NaN-boxing, rounding modes and flags.

use causality_isa::Rm;
use causality_isa::format::{FBinary, FCompare, FMoveToX, FR, FR4, FToX, FUnary, XToF};
use causality_isa::reg::F;
use rustc_apfloat::Round;

use super::{Exec, Retire, Stop};
use crate::hostfloat::{Host, settle};
use crate::softfloat::{self, Flagged, Format, Integer, NX};

/// Ones above a narrow value: how it lies in a 64-bit register (manual, D, "NaN Boxing").
const fn box_mask<T: Format>() -> u64 {
    // In two steps, because the widest format leaves nothing above.
    !0 << (T::WIDTH - 1) << 1
}

/// The field `frm` of `fcsr`.
const FRM: u32 = 7 << 5;

impl<const FULL: bool> Exec<'_, FULL> {
    /// The value in a register; the canonical NaN if it is not properly boxed.
    pub(super) fn f<T: Format>(&self, r: F) -> T {
        let bits = self.hart.f[r.index()];
        if bits & box_mask::<T>() == box_mask::<T>() { T::from_bits(bits) } else { T::canonical_nan() }
    }

    pub(super) fn set_f<T: Format>(&mut self, rd: F, value: T) {
        self.hart.f[rd.index()] = value.bits() | box_mask::<T>();
    }

    /// Writes a result and adds the flags it raised to `fflags`.
    pub(super) fn put_f<T: Format>(&mut self, rd: F, (value, flags): Flagged<T>) -> Retire {
        self.set_f(rd, value);
        self.hart.fcsr |= flags;
        Ok(())
    }

    pub(super) fn put_x(&mut self, rd: causality_isa::reg::X, (value, flags): Flagged<u64>) -> Retire {
        self.set_x(rd, value);
        self.hart.fcsr |= flags;
        Ok(())
    }

    /// The rounding mode of an instruction; a reserved value in `frm` makes it illegal.
    pub(super) fn rounding(&self, rm: Rm) -> Result<Round, Stop> {
        let mode = if rm == Rm::Dyn { self.hart.fcsr >> 5 & 7 } else { rm as u32 };
        Ok(match mode {
            0 => Round::NearestTiesToEven,
            1 => Round::TowardZero,
            2 => Round::TowardNegative,
            3 => Round::TowardPositive,
            4 => Round::NearestTiesToAway,
            _ => return Err(Stop::Illegal),
        })
    }

    /// Writes what the host computed if that is beyond doubt, or else, in full, what the soft operation
    /// gives.
    #[inline(always)]
    pub(super) fn compute<T: Host>(
        &mut self,
        rd: F,
        rm: Rm,
        value: T::Value,
        is_exact: impl FnOnce() -> Option<bool>,
        soft: impl FnOnce(Round) -> Flagged<T>,
    ) -> Retire {
        let to_nearest = rm == Rm::Rne || rm == Rm::Dyn && self.hart.fcsr & FRM == 0;
        if !FULL
            && to_nearest
            && let Some(settled) = settle::<T>(self.hart.fcsr, value, is_exact)
        {
            return self.put_f(rd, settled);
        }
        if FULL { self.put_f(rd, soft(self.rounding(rm)?)) } else { Err(Stop::Slow) }
    }

    /// `rd = op(rs1, rs2)`, rounding: by the host, with a test of whether it rounded, or softly.
    #[inline(always)]
    pub(super) fn arithmetic<T: Host>(
        &mut self,
        ops: FR,
        host: impl FnOnce(T::Value, T::Value) -> T::Value,
        is_exact: impl FnOnce(T::Value, T::Value, T::Value) -> Option<bool>,
        soft: impl FnOnce(T, T, Round) -> Flagged<T>,
    ) -> Retire {
        let (a, b): (T, T) = (self.f(ops.rs1), self.f(ops.rs2));
        let (x, y) = (a.value(), b.value());
        let r = host(x, y);
        self.compute(ops.rd, ops.rm, r, || is_exact(x, y, r), |rm| soft(a, b, rm))
    }

    /// `rd = sqrt(rs1)`.
    #[inline(always)]
    pub(super) fn root<T: Host>(&mut self, ops: FUnary) -> Retire {
        let a: T = self.f(ops.rs1);
        let r = T::sqrt(a.value());
        let is_exact = || T::root_is_exact(a.value(), r);
        self.compute(ops.rd, ops.rm, r, is_exact, |rm| softfloat::sqrt(a, rm))
    }

    /// `rd = ±(rs1 * rs2) ± rs3`, with one rounding.
    #[inline(always)]
    pub(super) fn fused<T: Host>(&mut self, ops: FR4, negate_product: bool, negate_addend: bool) -> Retire {
        let (a, b, c): (T, T, T) = (self.f(ops.rs1), self.f(ops.rs2), self.f(ops.rs3));
        let a = if negate_product { a.neg() } else { a };
        let c = if negate_addend { c.neg() } else { c };
        let r = T::mul_add(a.value(), b.value(), c.value());
        self.compute(ops.rd, ops.rm, r, || None, |rm| softfloat::mul_add(a, b, c, rm))
    }

    /// `rd = op(rs1)`, rounding; from one format to the same or another.
    pub(super) fn convert<A: Format, B: Format>(
        &mut self,
        ops: FUnary,
        op: impl FnOnce(A, Round) -> Flagged<B>,
    ) -> Retire {
        let rm = self.rounding(ops.rm)?;
        self.put_f(ops.rd, op(self.f(ops.rs1), rm))
    }

    /// `rd = op(rs1, rs2)`, no rounding.
    pub(super) fn select<T: Format>(&mut self, ops: FBinary, op: impl FnOnce(T, T) -> Flagged<T>) -> Retire {
        self.put_f(ops.rd, op(self.f(ops.rs1), self.f(ops.rs2)))
    }

    /// `rd` = magnitude of `rs1` with a sign made of both signs.
    pub(super) fn sign_inject<T: Format>(
        &mut self,
        ops: FBinary,
        sign: impl FnOnce(u64, u64) -> u64,
    ) -> Retire {
        let (a, b): (T, T) = (self.f(ops.rs1), self.f(ops.rs2));
        let (a, b) = (a.bits(), b.bits());
        self.set_f(ops.rd, T::from_bits((a & !T::SIGN) | (sign(a, b) & T::SIGN)));
        Ok(())
    }

    /// `rd = op(rs1, rs2)` as 0 or 1.
    pub(super) fn compare<T: Format>(
        &mut self,
        ops: FCompare,
        op: impl FnOnce(T, T) -> Flagged<bool>,
    ) -> Retire {
        let (value, flags) = op(self.f(ops.rs1), self.f(ops.rs2));
        self.put_x(ops.rd, (u64::from(value), flags))
    }

    /// Float to integer; `host` and `back` are the host's conversions, `extend` widens 32-bit results.
    #[inline(always)]
    pub(super) fn float_to_integer<T: Host<Value: PartialEq>, I: Integer>(
        &mut self,
        ops: FToX,
        host: impl FnOnce(T::Value) -> I,
        back: impl FnOnce(I) -> T::Value,
        extend: impl FnOnce(I) -> u64,
    ) -> Retire {
        let a: T = self.f(ops.rs1);
        // The host truncates.
        if !FULL
            && ops.rm == Rm::Rtz
            && let Some(value) = host(a.value()).inside()
        {
            let flags = if back(value) == a.value() { 0 } else { NX };
            return self.put_x(ops.rd, (extend(value), flags));
        }
        if !FULL {
            return Err(Stop::Slow);
        }
        let (value, flags) = I::from_float::<T>(a, self.rounding(ops.rm)?);
        self.put_x(ops.rd, (extend(value), flags))
    }

    /// Integer to float; `narrow` takes the operand from the register, `host` and `back` are the host's
    /// conversions, the latter wide enough not to saturate.
    #[inline(always)]
    pub(super) fn integer_to_float<T: Host, I: Integer + Into<i128>>(
        &mut self,
        ops: XToF,
        narrow: impl FnOnce(u64) -> I,
        host: impl FnOnce(I) -> T::Value,
        back: impl FnOnce(T::Value) -> i128,
    ) -> Retire {
        let a = narrow(self.x(ops.rs1));
        let r = host(a);
        self.compute::<T>(ops.rd, ops.rm, r, || Some(back(r) == a.into()), |rm| a.to_float(rm))
    }

    pub(super) fn classify<T: Format>(&mut self, ops: FMoveToX) -> Retire {
        let class = softfloat::classify::<T>(self.f(ops.rs1));
        self.set_x(ops.rd, class);
        Ok(())
    }
}
