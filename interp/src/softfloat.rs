//! IEEE 754 arithmetic with RISC-V's rules, on bits.
//!
//! Every function is pure: bits and a rounding mode in, bits and `fflags` out. Rounding and arithmetic
//! are `rustc_apfloat`'s. RISC-V's own rules are added here: every NaN result is the canonical one,
//! conversions saturate, underflow is detected after rounding (manual, F, "Floating-Point Control and
//! Status Register"). So is what that library lacks: square root, classes, number-preferring minimum.

use std::cmp::Ordering;

use rustc_apfloat::ieee::{Double, Half, Quad, Single};
use rustc_apfloat::{Float, FloatConvert, Round, Status, StatusAnd};

/// Invalid operation.
pub(crate) const NV: u32 = 1 << 4;
/// Division by zero.
pub(crate) const DZ: u32 = 1 << 3;
/// Overflow.
pub(crate) const OF: u32 = 1 << 2;
/// Underflow.
pub(crate) const UF: u32 = 1 << 1;
/// Inexact.
pub(crate) const NX: u32 = 1 << 0;

/// A value and the exception flags its computation raised.
pub(crate) type Flagged<T> = (T, u32);

/// A half-precision number as bits.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(crate) struct F16(pub(crate) u16);

/// A single-precision number as bits.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(crate) struct F32(pub(crate) u32);

/// A double-precision number as bits.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(crate) struct F64(pub(crate) u64);

/// An IEEE 754 binary interchange format.
pub(crate) trait Format: Copy + PartialEq {
    /// The type that computes in this format.
    type Soft: Float + FloatConvert<Quad>;
    /// Bits in all.
    const WIDTH: u32;
    /// Bits of the fraction field.
    const FRACTION: u32;
    /// A power of two that moves the smallest normal number well into the normal range.
    const SCALE: i32;

    fn from_bits(bits: u64) -> Self;
    fn bits(self) -> u64;

    const SIGN: u64 = 1 << (Self::WIDTH - 1);
    const INFINITY: u64 = (Self::SIGN - 1) & !((1 << Self::FRACTION) - 1);
    const QUIET: u64 = 1 << (Self::FRACTION - 1);
    const SMALLEST_NORMAL: u64 = 1 << Self::FRACTION;
    /// The quiet NaN that every invalid result is.
    const CANONICAL_NAN: u64 = Self::INFINITY | Self::QUIET;

    fn canonical_nan() -> Self {
        Self::from_bits(Self::CANONICAL_NAN)
    }
    fn magnitude(self) -> u64 {
        self.bits() & !Self::SIGN
    }
    fn is_negative(self) -> bool {
        self.bits() & Self::SIGN != 0
    }
    fn is_nan(self) -> bool {
        self.magnitude() > Self::INFINITY
    }
    fn is_signaling(self) -> bool {
        self.is_nan() && self.bits() & Self::QUIET == 0
    }
    fn is_infinite(self) -> bool {
        self.magnitude() == Self::INFINITY
    }
    fn is_zero(self) -> bool {
        self.magnitude() == 0
    }
    fn is_subnormal(self) -> bool {
        !self.is_zero() && self.magnitude() < Self::SMALLEST_NORMAL
    }
    fn neg(self) -> Self {
        Self::from_bits(self.bits() ^ Self::SIGN)
    }
    fn soft(self) -> Self::Soft {
        Self::Soft::from_bits(u128::from(self.bits()))
    }
    /// The same number where any sum and product of two has room, and any quotient a place to be cut off.
    fn wide(self) -> Quad {
        self.soft().convert(&mut false).value
    }
}

macro_rules! format {
    ($($name:ident($bits:ty): $soft:ty, fraction $fraction:literal, scale $scale:literal;)*) => { $(
        impl Format for $name {
            type Soft = $soft;
            const WIDTH: u32 = <$bits>::BITS;
            const FRACTION: u32 = $fraction;
            const SCALE: i32 = $scale;
            fn from_bits(bits: u64) -> Self {
                $name(bits as $bits)
            }
            fn bits(self) -> u64 {
                self.0.into()
            }
        }
    )* };
}

format! {
    F16(u16): Half, fraction 10, scale 20;
    F32(u32): Single, fraction 23, scale 64;
    F64(u64): Double, fraction 52, scale 64;
}

fn flags(status: Status) -> u32 {
    [
        (Status::INVALID_OP, NV),
        (Status::DIV_BY_ZERO, DZ),
        (Status::OVERFLOW, OF),
        (Status::UNDERFLOW, UF),
        (Status::INEXACT, NX),
    ]
    .into_iter()
    .filter(|&(bit, _)| status.contains(bit))
    .fold(0, |flags, (_, flag)| flags | flag)
}

/// NV if an operand is a signaling NaN.
fn signaling<F: Format>(operands: &[F]) -> u32 {
    if operands.iter().any(|o| o.is_signaling()) { NV } else { 0 }
}

/// Turns a result of the library into ours.
///
/// The library calls a result tiny when it is subnormal; RISC-V, when it would be below the smallest
/// normal number if rounded with an unbounded exponent. They differ only where the result was rounded
/// up to the smallest normal number. There, `scaled` computes the same with all magnitudes
/// `2^SCALE` times larger, which rounds as an unbounded exponent would. `truncated` is as for [`overflow`].
fn finish<F: Format>(
    result: StatusAnd<F::Soft>,
    scaled: impl FnOnce() -> F::Soft,
    truncated: impl FnOnce() -> Quad,
) -> Flagged<F> {
    let value = F::from_bits(result.value.to_bits() as u64);
    if value.is_nan() {
        return (F::canonical_nan(), flags(result.status));
    }
    let mut flags = flags(result.status) | overflow(result, truncated);
    if flags & NX != 0 && value.magnitude() == F::SMALLEST_NORMAL {
        let threshold = F::from_bits(F::SMALLEST_NORMAL).soft().scalbn(F::SCALE);
        if scaled().abs() < threshold {
            flags |= UF;
        }
    }
    (value, flags)
}

/// OF where the library forgets it: when an overflowing result is rounded to the largest number.
///
/// A result that is merely rounded down to that number has not overflowed. The exact result has if it is
/// not below the next power of two, and then neither is `truncated`, the same result computed in a wider
/// format and rounded toward zero.
fn overflow<S: Float + FloatConvert<Quad>>(result: StatusAnd<S>, truncated: impl FnOnce() -> Quad) -> u32 {
    if result.status != Status::INEXACT || result.value.abs() != S::largest() {
        return 0;
    }
    let largest = S::largest().convert(&mut false).value;
    let limit = Quad::from_u128(1).value.scalbn(largest.ilogb() + 1);
    if truncated().abs() >= limit { OF } else { 0 }
}

/// For operations whose tiny results are always exact.
fn finish_never_tiny<F: Format>(result: StatusAnd<F::Soft>, truncated: impl FnOnce() -> Quad) -> Flagged<F> {
    let value = F::from_bits(result.value.to_bits() as u64);
    (
        if value.is_nan() { F::canonical_nan() } else { value },
        flags(result.status) | overflow(result, truncated),
    )
}

/// The result of an operation with a NaN among its operands.
fn nan<F: Format>(operands: &[F]) -> Option<Flagged<F>> {
    operands.iter().any(|o| o.is_nan()).then(|| (F::canonical_nan(), signaling(operands)))
}

pub(crate) fn add<F: Format>(a: F, b: F, rm: Round) -> Flagged<F> {
    nan(&[a, b]).unwrap_or_else(|| {
        finish_never_tiny(a.soft().add_r(b.soft(), rm), || a.wide().add_r(b.wide(), Round::TowardZero).value)
    })
}

pub(crate) fn sub<F: Format>(a: F, b: F, rm: Round) -> Flagged<F> {
    nan(&[a, b]).unwrap_or_else(|| {
        finish_never_tiny(a.soft().sub_r(b.soft(), rm), || a.wide().sub_r(b.wide(), Round::TowardZero).value)
    })
}

pub(crate) fn mul<F: Format>(a: F, b: F, rm: Round) -> Flagged<F> {
    nan(&[a, b]).unwrap_or_else(|| {
        finish(
            a.soft().mul_r(b.soft(), rm),
            || a.soft().scalbn(F::SCALE).mul_r(b.soft(), rm).value,
            || a.wide().mul_r(b.wide(), Round::TowardZero).value,
        )
    })
}

pub(crate) fn div<F: Format>(a: F, b: F, rm: Round) -> Flagged<F> {
    nan(&[a, b]).unwrap_or_else(|| {
        finish(
            a.soft().div_r(b.soft(), rm),
            || a.soft().scalbn(F::SCALE).div_r(b.soft(), rm).value,
            || a.wide().div_r(b.wide(), Round::TowardZero).value,
        )
    })
}

/// `a * b + c` with one rounding. Invalid for infinity times zero even when `c` is a quiet NaN.
pub(crate) fn mul_add<F: Format>(a: F, b: F, c: F, rm: Round) -> Flagged<F> {
    if a.is_infinite() && b.is_zero() || a.is_zero() && b.is_infinite() {
        return (F::canonical_nan(), NV);
    }
    nan(&[a, b, c]).unwrap_or_else(|| {
        let scaled = || {
            let (a, c) = (a.soft().scalbn(F::SCALE), c.soft().scalbn(F::SCALE));
            a.mul_add_r(b.soft(), c, rm).value
        };
        let truncated = || a.wide().mul_add_r(b.wide(), c.wide(), Round::TowardZero).value;
        finish(a.soft().mul_add_r(b.soft(), c.soft(), rm), scaled, truncated)
    })
}

/// Square root, by the integer square root of a significand with enough bits to round from.
pub(crate) fn sqrt<F: Format>(a: F, rm: Round) -> Flagged<F> {
    if let Some(result) = nan(&[a]) {
        return result;
    }
    if a.is_zero() || (a.is_infinite() && !a.is_negative()) {
        return (a, 0);
    }
    if a.is_negative() {
        return (F::canonical_nan(), NV);
    }
    // a = significand * 2^exponent with an even exponent; the root of the widened significand has at
    // least two bits more than the format, and a last bit that says whether anything is left over.
    let fraction = a.bits() & (F::SMALLEST_NORMAL - 1);
    let biased = (a.bits() >> F::FRACTION) as i32;
    let bias = (1 << (F::WIDTH - F::FRACTION - 2)) - 1;
    let exponent = biased.max(1) - bias - F::FRACTION as i32;
    let significand = if biased == 0 { fraction } else { fraction | F::SMALLEST_NORMAL };
    let odd = exponent & 1;
    let shift = significand.leading_zeros() & !1;
    let radicand = u128::from(significand << shift) << (60 + odd);
    let root = radicand.isqrt();
    let sticky = u128::from(root * root != radicand);
    let rounded = F::Soft::from_u128_r(root << 1 | sticky, rm);
    let value = rounded.value.scalbn((exponent - odd - shift as i32 - 60) / 2 - 1);
    (F::from_bits(value.to_bits() as u64), flags(rounded.status))
}

/// Orders two numbers; `None` if either is a NaN.
fn compare<F: Format>(a: F, b: F) -> Option<Ordering> {
    if a.is_nan() || b.is_nan() {
        return None;
    }
    let key = |v: F| {
        if v.is_negative() { -(v.magnitude() as i64) } else { v.magnitude() as i64 }
    };
    Some(key(a).cmp(&key(b)))
}

/// Quiet equality: invalid only for signaling NaNs.
pub(crate) fn eq<F: Format>(a: F, b: F) -> Flagged<bool> {
    (compare(a, b) == Some(Ordering::Equal), signaling(&[a, b]))
}

/// Signaling comparison: invalid for any NaN.
pub(crate) fn lt<F: Format>(a: F, b: F) -> Flagged<bool> {
    compare(a, b).map_or((false, NV), |order| (order.is_lt(), 0))
}

/// Signaling comparison: invalid for any NaN.
pub(crate) fn le<F: Format>(a: F, b: F) -> Flagged<bool> {
    compare(a, b).map_or((false, NV), |order| (order.is_le(), 0))
}

/// Quiet comparison (Zfa).
pub(crate) fn lt_quiet<F: Format>(a: F, b: F) -> Flagged<bool> {
    (compare(a, b).is_some_and(Ordering::is_lt), signaling(&[a, b]))
}

/// Quiet comparison (Zfa).
pub(crate) fn le_quiet<F: Format>(a: F, b: F) -> Flagged<bool> {
    (compare(a, b).is_some_and(Ordering::is_le), signaling(&[a, b]))
}

/// Which of two numbers `fmin`, `fmax` and their Zfa variants return.
#[derive(Clone, Copy, PartialEq, Eq)]
pub(crate) enum Extreme {
    Min,
    Max,
}

/// `minimumNumber` or `maximumNumber`: a NaN loses against a number; -0 is less than +0.
pub(crate) fn extreme_number<F: Format>(a: F, b: F, which: Extreme) -> Flagged<F> {
    let value = match (a.is_nan(), b.is_nan()) {
        (true, true) => F::canonical_nan(),
        (true, false) => b,
        (false, true) => a,
        (false, false) => extreme_of_numbers(a, b, which),
    };
    (value, signaling(&[a, b]))
}

/// `minimum` or `maximum` (Zfa): any NaN makes the result the canonical NaN.
pub(crate) fn extreme_or_nan<F: Format>(a: F, b: F, which: Extreme) -> Flagged<F> {
    nan(&[a, b]).unwrap_or_else(|| (extreme_of_numbers(a, b, which), 0))
}

fn extreme_of_numbers<F: Format>(a: F, b: F, which: Extreme) -> F {
    // Zeros compare equal, so their signs decide.
    let a_less = if a.is_zero() && b.is_zero() { a.is_negative() } else { lt_quiet(a, b).0 };
    if a_less == (which == Extreme::Min) { a } else { b }
}

/// The ten classes of `fclass`, as a one-hot mask (manual, F, table of the format of `fclass`).
pub(crate) fn classify<F: Format>(a: F) -> u64 {
    if a.is_nan() {
        return if a.is_signaling() { 1 << 8 } else { 1 << 9 };
    }
    let from_zero = match a {
        _ if a.is_zero() => 0,
        _ if a.is_subnormal() => 1,
        _ if a.is_infinite() => 3,
        _ => 2,
    };
    1 << if a.is_negative() { 3 - from_zero } else { 4 + from_zero }
}

/// Integer types that floats convert to and from.
pub(crate) trait Integer: Copy {
    /// The value, unless it is one that a host conversion makes of NaN or of what is out of range.
    fn inside(self) -> Option<Self>;
    fn to_float<F: Format>(self, rm: Round) -> Flagged<F>;
    /// Saturating; NaN gives the largest value (manual, F, table of conversion ranges).
    fn from_float<F: Format>(a: F, rm: Round) -> Flagged<Self>;
}

macro_rules! integer {
    ($($int:ident: $wide:ident, $from:ident, $to:ident;)*) => { $(
        impl Integer for $int {
            fn inside(self) -> Option<Self> {
                (self != 0 && self != $int::MIN && self != $int::MAX).then_some(self)
            }
            fn to_float<F: Format>(self, rm: Round) -> Flagged<F> {
                finish_never_tiny(F::Soft::$from($wide::from(self), rm), || Quad::$from($wide::from(self), Round::TowardZero).value)
            }
            fn from_float<F: Format>(a: F, rm: Round) -> Flagged<Self> {
                if a.is_nan() {
                    return ($int::MAX, NV);
                }
                let result = a.soft().$to($int::BITS as usize, rm, &mut false);
                (result.value as $int, flags(result.status))
            }
        }
    )* };
}

integer! {
    i32: i128, from_i128_r, to_i128_r;
    u32: u128, from_u128_r, to_u128_r;
    i64: i128, from_i128_r, to_i128_r;
    u64: u128, from_u128_r, to_u128_r;
}

/// From one format to another.
pub(crate) fn convert<A: Format, B: Format>(a: A, rm: Round) -> Flagged<B>
where
    A::Soft: FloatConvert<B::Soft>,
{
    if a.is_nan() {
        return (B::canonical_nan(), signaling(&[a]));
    }
    let to = |a: A::Soft| a.convert_r(rm, &mut false);
    finish(to(a.soft()), || to(a.soft().scalbn(B::SCALE)).value, || a.wide())
}

/// `fround` (Zfa): to an integer in the same format; never inexact.
pub(crate) fn round<F: Format>(a: F, rm: Round) -> Flagged<F> {
    nan(&[a]).unwrap_or_else(|| (F::from_bits(a.soft().round_to_integral(rm).value.to_bits() as u64), 0))
}

/// `froundnx` (Zfa): as [`round`], inexact when the value changed.
pub(crate) fn round_inexact<F: Format>(a: F, rm: Round) -> Flagged<F> {
    let (value, flags) = round(a, rm);
    let changed = !a.is_nan() && value != a;
    (value, if changed { flags | NX } else { flags })
}

/// `fcvtmod.w.d` (Zfa): toward zero, modulo 2^32; NaN and infinity give 0. Invalid when the
/// truncated value does not fit 32 signed bits, else inexact when bits were lost.
pub(crate) fn to_i32_modular(a: F64) -> Flagged<u32> {
    if a.is_nan() || a.is_infinite() {
        return (0, NV);
    }
    let significand = a.magnitude() & (F64::SMALLEST_NORMAL - 1) | F64::SMALLEST_NORMAL;
    let exponent = (a.magnitude() >> F64::FRACTION) as i32 - 1075;
    let magnitude = match exponent {
        32.. => 0,
        0..32 => significand << exponent,
        -52..0 => significand >> -exponent,
        _ => 0,
    };
    let lost = match exponent {
        0.. => false,
        -52..0 => magnitude << -exponent != significand,
        _ => !a.is_zero(),
    };
    // Whether the truncated value is outside i32; from 2^32 on, exponents alone say so.
    let limit = (1u64 << 31) - u64::from(!a.is_negative());
    let outside = exponent >= -20 || magnitude > limit;
    let low = magnitude as u32;
    let value = if a.is_negative() { low.wrapping_neg() } else { low };
    (
        value,
        if outside {
            NV
        } else if lost {
            NX
        } else {
            0
        },
    )
}

#[cfg(test)]
mod tests {
    use super::*;

    const RNE: Round = Round::NearestTiesToEven;
    const ALL_ROUNDS: [Round; 5] =
        [RNE, Round::TowardZero, Round::TowardNegative, Round::TowardPositive, Round::NearestTiesToAway];

    fn s(x: f32) -> F32 {
        F32(x.to_bits())
    }

    fn modular(x: f64) -> (i32, u32) {
        let (value, flags) = to_i32_modular(F64(x.to_bits()));
        (value as i32, flags)
    }

    #[test]
    fn modular_conversion_wraps_and_flags() {
        assert_eq!(modular(1.0), (1, 0));
        assert_eq!(modular(-1.75), (-1, NX));
        assert_eq!(modular(0.3), (0, NX));
        assert_eq!(modular(-0.0), (0, 0));
        assert_eq!(modular(5e-324), (0, NX));
        assert_eq!(modular(2147483647.0), (i32::MAX, 0));
        assert_eq!(modular(2147483647.5), (i32::MAX, NX));
        assert_eq!(modular(2147483648.0), (i32::MIN, NV));
        assert_eq!(modular(-2147483648.0), (i32::MIN, 0));
        assert_eq!(modular(-2147483648.9), (i32::MIN, NX));
        assert_eq!(modular(-2147483649.0), (i32::MAX, NV));
        assert_eq!(modular(4294967297.0), (1, NV));
        assert_eq!(modular(4294967297.5), (1, NV));
        assert_eq!(modular(3.0 * 2f64.powi(31)), (i32::MIN, NV));
        assert_eq!(modular(2f64.powi(84)), (0, NV));
        assert_eq!(modular(f64::INFINITY), (0, NV));
        assert_eq!(modular(f64::NAN), (0, NV));
    }

    #[test]
    fn minimum_number_prefers_numbers_and_negative_zero() {
        let min = |a, b| extreme_number(a, b, Extreme::Min);
        assert_eq!(min(s(0.0), s(-0.0)), (s(-0.0), 0));
        assert_eq!(min(s(1.0), s(f32::NAN)), (s(1.0), 0));
        assert_eq!(min(F32(0x7f80_0001), s(2.0)), (s(2.0), NV));
        assert_eq!(min(F32(0x7f80_0001), F32(0x7f80_0001)), (F32::canonical_nan(), NV));
    }

    #[test]
    fn classes_are_one_hot_and_complete() {
        let bits = [
            0xff80_0000u32,
            0xbf80_0000,
            0x8000_0001,
            0x8000_0000,
            0,
            1,
            0x3f80_0000,
            0x7f80_0000,
            0x7f80_0001,
            0x7fc0_0000,
        ];
        assert_eq!(bits.map(|b| classify(F32(b)).trailing_zeros()), [0, 1, 2, 3, 4, 5, 6, 7, 8, 9]);
    }

    #[test]
    fn square_roots_equal_the_hosts_when_rounding_to_nearest() {
        let mut seed = 0x9e37_79b9_7f4a_7c15u64;
        for _ in 0..20_000 {
            seed = seed.wrapping_mul(0xd134_2543_de82_ef95).wrapping_add(1);
            let bits = seed >> 1;
            let host = f64::from_bits(bits).sqrt();
            let (ours, _) = sqrt(F64(bits), RNE);
            assert!(host.is_nan() && ours.is_nan() || host.to_bits() == ours.0, "{bits:#x}");
            let bits = (seed >> 33) as u32;
            let host = f32::from_bits(bits).sqrt();
            let (ours, _) = sqrt(F32(bits), RNE);
            assert!(host.is_nan() && ours.is_nan() || host.to_bits() == ours.0, "{bits:#x}");
        }
    }

    #[test]
    fn exact_square_roots_raise_nothing_in_any_mode() {
        for rm in ALL_ROUNDS {
            assert_eq!(sqrt(s(6.25), rm), (s(2.5), 0));
            assert_eq!(sqrt(F32(2), rm), (s(2f32.powi(-74)), 0));
            assert_eq!(sqrt(s(-0.0), rm), (s(-0.0), 0));
            assert_eq!(sqrt(s(-1.0), rm), (F32::canonical_nan(), NV));
            assert_eq!(sqrt(s(2.0), rm).1, NX);
        }
    }

    /// The largest value that rounds up to the smallest normal number is tiny if it would not reach
    /// that number with an unbounded exponent.
    #[test]
    fn tininess_is_detected_after_rounding() {
        let smallest = f32::MIN_POSITIVE;
        // (1 - 2^-24) * 2^-126 is exact with an unbounded exponent: tiny, though rounded up.
        assert_eq!(mul(s(1.0 - 2f32.powi(-24)), s(smallest), RNE), (s(smallest), UF | NX));
        // (1 + 2^-23) * (1 - 2^-23) * 2^-126 = (1 - 2^-46) * 2^-126 rounds to 2^-126 in 24 bits.
        assert_eq!(
            mul(s((1.0 + 2f32.powi(-23)) * smallest), s(1.0 - 2f32.powi(-23)), RNE),
            (s(smallest), NX)
        );
        assert_eq!(
            convert::<F64, F32>(F64((2f64.powi(-126) * (1.0 - 2f64.powi(-24))).to_bits()), RNE),
            (s(smallest), UF | NX)
        );
        assert_eq!(
            convert::<F64, F32>(F64((2f64.powi(-126) * (1.0 - 2f64.powi(-40))).to_bits()), RNE),
            (s(smallest), NX)
        );
    }

    #[test]
    fn overflow_is_raised_when_rounded_to_the_largest_number() {
        let (max, down) = (s(f32::MAX), Round::TowardNegative);
        assert_eq!(mul(max, s(2.0), Round::TowardZero), (max, OF | NX));
        assert_eq!(div(max, s(0.5), down), (max, OF | NX));
        assert_eq!(add(max, max, down), (max, OF | NX));
        assert_eq!(sub(max.neg(), max, Round::TowardPositive), (max.neg(), OF | NX));
        assert_eq!(mul_add(max, s(1.5), max, Round::TowardZero), (max, OF | NX));
        assert_eq!(convert::<F64, F32>(F64(f64::MAX.to_bits()), Round::TowardZero), (max, OF | NX));
        // Cut off, but below 2^128.
        assert_eq!(add(max, s(1.0), Round::TowardZero), (max, NX));
        assert_eq!(mul_add(s(2f32.powi(64)), s(2f32.powi(64)), s(-1.0), down), (max, NX));
        assert_eq!(convert::<F64, F32>(F64((f64::from(f32::MAX) * 1.00000001).to_bits()), down), (max, NX));
    }

    #[test]
    fn conversions_saturate() {
        assert_eq!(i32::from_float(s(f32::NAN), RNE), (i32::MAX, NV));
        assert_eq!(u64::from_float(s(-1.0), RNE), (0, NV));
        assert_eq!(u32::from_float(s(-0.25), RNE), (0, NX));
        assert_eq!(u32::from_float(s(-0.25), Round::TowardNegative), (0, NV));
        assert_eq!(i64::from_float(s(f32::INFINITY), RNE), (i64::MAX, NV));
        assert_eq!(i64::from_float(s(f32::NEG_INFINITY), RNE), (i64::MIN, NV));
        assert_eq!(i32::from_float(s(2.5), Round::NearestTiesToAway), (3, NX));
    }
}
