//! The host's arithmetic, where it cannot differ from the soft one.
//!
//! When the rounding mode is to nearest, ties to even, and inexact is already raised, IEEE 754 leaves
//! nothing open about an operation whose result is a normal number above the smallest: its value is
//! determined, and the only flag it can raise is the one that is set. Everything else (NaN, infinity,
//! zero, subnormal, other modes, a first inexact result) is left to `softfloat`. A test compares the two.

use rustc_apfloat::Round;

use crate::softfloat::{F32, F64, Format, NX};

/// A format the host computes in.
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

    /// The result of a host operation, if it is one that says it all.
    fn settled(value: Self::Value) -> Option<Self> {
        let result = Self::of(value);
        let magnitude = result.magnitude();
        (Self::SMALLEST_NORMAL < magnitude && magnitude < Self::INFINITY).then_some(result)
    }
}

macro_rules! host {
    ($($format:ident = $value:ident;)*) => { $(
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
        }
    )* };
}

host! {
    F32 = f32;
    F64 = f64;
}

/// Whether the host may be asked at all: the rounding mode, and `fcsr` before the operation.
pub(crate) fn may_serve(rm: Round, fcsr: u32) -> bool {
    rm == Round::NearestTiesToEven && fcsr & NX != 0
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::softfloat as sf;

    const RNE: Round = Round::NearestTiesToEven;

    /// Numbers of which most are ordinary, and many are near a limit of the format.
    fn operand(seed: &mut u64) -> u64 {
        *seed = seed
            .wrapping_mul(0xd134_2543_de82_ef95)
            .wrapping_add(0x2545_f491_4f6c_dd1d);
        let bits = *seed ^ (*seed >> 29);
        match bits >> 60 {
            0..8 => (bits & 0x800f_ffff_ffff_ffff) | (0x3f0 + (bits >> 53 & 0x1f)) << 52,
            8 => bits & 0x801f_ffff_ffff_ffff,
            9 => bits | 0x7fe0_0000_0000_0000,
            10 => bits & 0xffff_0000_0000_0000,
            _ => bits,
        }
    }

    fn agree<F: Host + std::fmt::Debug>(host: F::Value, soft: sf::Flagged<F>) -> bool {
        F::settled(host).is_none_or(|result| result == soft.0 && soft.1 & !NX == 0)
    }

    fn compare_all<F: Host + std::fmt::Debug>(a: F, b: F, c: F) {
        let (x, y, z) = (a.value(), b.value(), c.value());
        assert!(agree(F::add(x, y), sf::add(a, b, RNE)), "{a:?} + {b:?}");
        assert!(agree(F::sub(x, y), sf::sub(a, b, RNE)), "{a:?} - {b:?}");
        assert!(agree(F::mul(x, y), sf::mul(a, b, RNE)), "{a:?} * {b:?}");
        assert!(agree(F::div(x, y), sf::div(a, b, RNE)), "{a:?} / {b:?}");
        assert!(agree(F::sqrt(x), sf::sqrt(a, RNE)), "sqrt {a:?}");
        assert!(
            agree(F::mul_add(x, y, z), sf::mul_add(a, b, c, RNE)),
            "{a:?} * {b:?} + {c:?}"
        );
    }

    #[test]
    fn the_host_never_differs_where_it_serves() {
        let mut seed = 1;
        for _ in 0..100_000 {
            let [a, b, c] = [(); 3].map(|()| operand(&mut seed));
            compare_all(F64(a), F64(b), F64(c));
            // The same shapes in single precision: sign and upper bits of the exponent kept.
            let single = |v: u64| F32((v >> 32 & 0xc000_0000) as u32 | (v >> 29 & 0x3fff_ffff) as u32);
            compare_all(single(a), single(b), single(c));
        }
    }

    #[test]
    fn the_host_serves_only_when_nothing_but_inexact_can_happen() {
        assert!(may_serve(RNE, NX));
        assert!(!may_serve(RNE, 0));
        assert!(!may_serve(Round::TowardZero, NX));
        for unsettled in [0.0, f64::MIN_POSITIVE, 5e-324, f64::INFINITY, f64::NAN] {
            assert_eq!(F64::settled(unsettled), None);
        }
        assert_eq!(F64::settled(-1.5), Some(F64((-1.5f64).to_bits())));
    }
}
