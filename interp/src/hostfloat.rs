//! The host's arithmetic, where it cannot differ from the soft one.
//!
//! When rounding to nearest, ties to even, IEEE 754 leaves nothing open about an operation whose result
//! is a normal number above the smallest, or an exact zero: the host computes the same value, and the
//! only flag there can be is inexact. That one is known if it is raised already, or if the rounding error
//! can be computed without one of its own. Everything else (NaN, infinity, subnormal, other modes) is
//! left to `softfloat`. A test compares the two.
//!
//! The embedder's thread may have changed how its floating-point unit rounds or treats subnormals;
//! [`is_ieee`] finds out, and the host is then not asked at all.

use std::hint::black_box;

use crate::softfloat::{F32, F64, Format, NX};

/// A format the host computes in. Functions named `_is_exact` tell whether the result `r` was rounded,
/// or `None` when that takes more than they look at.
pub(crate) trait Host: Format {
    /// The host's type.
    type Value: Copy;
    fn value(self) -> Self::Value;
    fn of(value: Self::Value) -> Self;
    fn add(a: Self::Value, b: Self::Value) -> Self::Value;
    fn sub(a: Self::Value, b: Self::Value) -> Self::Value;
    fn mul(a: Self::Value, b: Self::Value) -> Self::Value;
    fn div(a: Self::Value, b: Self::Value) -> Self::Value;
    fn sqrt(a: Self::Value) -> Self::Value;
    fn mul_add(a: Self::Value, b: Self::Value, c: Self::Value) -> Self::Value;
    fn sum_is_exact(a: Self::Value, b: Self::Value, r: Self::Value) -> Option<bool>;
    fn difference_is_exact(a: Self::Value, b: Self::Value, r: Self::Value) -> Option<bool>;
    fn product_is_exact(a: Self::Value, b: Self::Value, r: Self::Value) -> Option<bool>;
    fn quotient_is_exact(a: Self::Value, b: Self::Value, r: Self::Value) -> Option<bool>;
    fn root_is_exact(a: Self::Value, r: Self::Value) -> Option<bool>;
}

macro_rules! host {
    ($($format:ident = $value:ident, errors are normal from $low:literal to $high:literal;)*) => { $(
        impl Host for $format {
            type Value = $value;
            fn value(self) -> $value {
                $value::from_bits(self.0)
            }
            fn of(value: $value) -> Self {
                $format(value.to_bits())
            }
            fn add(a: $value, b: $value) -> $value {
                a + b
            }
            fn sub(a: $value, b: $value) -> $value {
                a - b
            }
            fn mul(a: $value, b: $value) -> $value {
                a * b
            }
            fn div(a: $value, b: $value) -> $value {
                a / b
            }
            fn sqrt(a: $value) -> $value {
                a.sqrt()
            }
            fn mul_add(a: $value, b: $value, c: $value) -> $value {
                a.mul_add(b, c)
            }
            // Knuth's two-sum: without overflow, the error of a sum is a number of the format.
            fn sum_is_exact(a: $value, b: $value, r: $value) -> Option<bool> {
                let b_part = r - a;
                let error = (a - (r - b_part)) + (b - b_part);
                (a.abs() < $high && b.abs() < $high).then_some(error == 0.0)
            }
            fn difference_is_exact(a: $value, b: $value, r: $value) -> Option<bool> {
                Self::sum_is_exact(a, -b, r)
            }
            // The errors below are numbers of the format unless they are too small.
            fn product_is_exact(a: $value, b: $value, r: $value) -> Option<bool> {
                if a == 0.0 || b == 0.0 {
                    return Some(true);
                }
                ($low < r.abs() && r.abs() < $high).then(|| a.mul_add(b, -r) == 0.0)
            }
            fn quotient_is_exact(a: $value, b: $value, r: $value) -> Option<bool> {
                if a == 0.0 {
                    return Some(true);
                }
                let usual = $low < a.abs() && a.abs() < $high && $low < r.abs() && r.abs() < $high;
                usual.then(|| r.mul_add(b, -a) == 0.0)
            }
            fn root_is_exact(a: $value, r: $value) -> Option<bool> {
                if a == 0.0 {
                    return Some(true);
                }
                ($low < a).then(|| r.mul_add(r, -a) == 0.0)
            }
        }
    )* };
}

host! {
    F32 = f32, errors are normal from 1e-25 to 1e35;
    F64 = f64, errors are normal from 1e-250 to 1e300;
}

/// Whether the host computes as IEEE 754 has it by default: to nearest, with subnormals.
pub(crate) fn is_ieee() -> bool {
    let (one, sliver) = (black_box(1.0f64), black_box(f64::EPSILON / 8.0));
    let subnormal_operand = black_box(f64::from_bits(1)) * one;
    let subnormal_result = black_box(f64::MIN_POSITIVE) * black_box(0.5);
    subnormal_operand.to_bits() == 1
        && subnormal_result.to_bits() != 0
        && one + sliver == one
        && -one - sliver == -one
        && one + black_box(f64::EPSILON * 0.75) > one
}

/// The result and flags of a host operation that rounded to nearest even, if they are beyond doubt.
/// `fcsr` is what was raised before.
#[inline(always)]
pub(crate) fn settle<F: Host>(
    fcsr: u32,
    value: F::Value,
    is_exact: impl FnOnce() -> Option<bool>,
) -> Option<(F, u32)> {
    let result = F::of(value);
    let magnitude = result.magnitude();
    let normal = F::SMALLEST_NORMAL < magnitude && magnitude < F::INFINITY;
    if normal && fcsr & NX != 0 {
        return Some((result, 0));
    }
    match is_exact()? {
        true if normal || result.is_zero() => Some((result, 0)),
        false if normal => Some((result, NX)),
        _ => None,
    }
}

#[cfg(test)]
mod tests {
    use rustc_apfloat::Round;

    use super::*;
    use crate::softfloat as sf;

    const RNE: Round = Round::NearestTiesToEven;

    /// Numbers of which most are ordinary, and many are near a limit of the format.
    fn operand(seed: &mut u64) -> u64 {
        *seed = seed.wrapping_mul(0xd134_2543_de82_ef95).wrapping_add(0x2545_f491_4f6c_dd1d);
        let bits = *seed ^ (*seed >> 29);
        match bits >> 60 {
            0..8 => (bits & 0x800f_ffff_ffff_ffff) | (0x3f0 + (bits >> 53 & 0x1f)) << 52,
            8 => bits & 0x801f_ffff_ffff_ffff,
            9 => bits | 0x7fe0_0000_0000_0000,
            10 => bits & 0xffff_0000_0000_0000,
            _ => bits,
        }
    }

    fn agree<F: Host>(host: F::Value, exact: Option<bool>, soft: sf::Flagged<F>) -> bool {
        [0, NX].into_iter().all(|raised| {
            settle::<F>(raised, host, || exact)
                .is_none_or(|(result, flags)| result == soft.0 && raised | flags == raised | soft.1)
        })
    }

    fn compare_all<F: Host + std::fmt::Debug>(a: F, b: F, c: F) {
        let (x, y, z) = (a.value(), b.value(), c.value());
        let r = F::add(x, y);
        assert!(agree(r, F::sum_is_exact(x, y, r), sf::add(a, b, RNE)), "{a:?} + {b:?}");
        let r = F::sub(x, y);
        assert!(agree(r, F::difference_is_exact(x, y, r), sf::sub(a, b, RNE)), "{a:?} - {b:?}");
        let r = F::mul(x, y);
        assert!(agree(r, F::product_is_exact(x, y, r), sf::mul(a, b, RNE)), "{a:?} * {b:?}");
        let r = F::div(x, y);
        assert!(agree(r, F::quotient_is_exact(x, y, r), sf::div(a, b, RNE)), "{a:?} / {b:?}");
        let r = F::sqrt(x);
        assert!(agree(r, F::root_is_exact(x, r), sf::sqrt(a, RNE)), "sqrt {a:?}");
        assert!(agree(F::mul_add(x, y, z), None, sf::mul_add(a, b, c, RNE)), "{a:?} * {b:?} + {c:?}");
    }

    #[test]
    fn the_host_never_differs_where_it_serves() {
        let mut seed = 1;
        for _ in 0..100_000 {
            let [a, b, c] = [(); 3].map(|()| operand(&mut seed));
            compare_all(F64(a), F64(b), F64(c));
            // Few significant bits, so that results are often exact.
            let short = |v: u64| F64(v & 0xffff_fff0_0000_0000);
            compare_all(short(a), short(b), short(c));
            // The same shapes in single precision: sign and upper bits of the exponent kept.
            let single = |v: u64| F32((v >> 32 & 0xc000_0000) as u32 | (v >> 29 & 0x3fff_ffff) as u32);
            compare_all(single(a), single(b), single(c));
            let short = |v: u64| F32(single(v).0 & 0xffff_f000);
            compare_all(short(a), short(b), short(c));
        }
    }

    #[test]
    fn a_fresh_thread_computes_as_ieee_754_has_it() {
        assert!(is_ieee());
    }

    #[test]
    fn only_exact_zeros_and_normal_numbers_are_settled() {
        let settled =
            |raised, value: f64, exact| settle::<F64>(raised, value, || exact).map(|(_, flags)| flags);
        assert_eq!(settled(NX, 1.5, None), Some(0));
        assert_eq!(settled(0, 1.5, None), None);
        assert_eq!(settled(0, 1.5, Some(false)), Some(NX));
        assert_eq!(settled(0, -0.0, Some(true)), Some(0));
        for doubtful in [0.0, f64::MIN_POSITIVE, 5e-324, f64::INFINITY, f64::NAN] {
            assert_eq!(settled(NX, doubtful, Some(false)), None);
        }
    }
}
