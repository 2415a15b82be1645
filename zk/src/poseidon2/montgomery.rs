//! Field elements in Montgomery form, `x 2^32 mod p`, one in each lane of a vector of the host.

use pulp::Simd;

use super::hash::PRIME;

/// The inverse of the prime modulo 2^32.
const INVERSE: u32 = 0x8100_0001;

const _: () = assert!(PRIME.wrapping_mul(INVERSE) == 1);

/// The Montgomery form of a number.
pub(super) const fn enter(number: u32) -> u32 {
    (((number as u64) << 32) % PRIME as u64) as u32
}

/// The number below the prime with this Montgomery form.
pub(super) const fn leave(form: u32) -> u32 {
    let multiple = form.wrapping_mul(INVERSE) as u64 * PRIME as u64;
    let high = (multiple >> 32) as u32;
    if high == 0 { 0 } else { PRIME - high }
}

/// Arithmetic in every lane; operands and results are below the prime.
#[derive(Clone, Copy)]
pub(super) struct Field<S: Simd> {
    simd: S,
    prime: S::u32s,
    inverse: S::u32s,
}

// All of it must become part of the function that the host's features are enabled for.
impl<S: Simd> Field<S> {
    #[inline(always)]
    pub(super) fn new(simd: S) -> Self {
        Field { simd, prime: simd.splat_u32s(PRIME), inverse: simd.splat_u32s(INVERSE) }
    }

    #[inline(always)]
    pub(super) fn splat(self, form: u32) -> S::u32s {
        self.simd.splat_u32s(form)
    }

    /// Of a sum and the sum less the prime, the one below the prime is the smaller unsigned number.
    #[inline(always)]
    pub(super) fn add(self, a: S::u32s, b: S::u32s) -> S::u32s {
        let sum = self.simd.add_u32s(a, b);
        self.simd.min_u32s(sum, self.simd.sub_u32s(sum, self.prime))
    }

    #[inline(always)]
    pub(super) fn sub(self, a: S::u32s, b: S::u32s) -> S::u32s {
        let difference = self.simd.sub_u32s(a, b);
        self.simd.min_u32s(difference, self.simd.add_u32s(difference, self.prime))
    }

    #[inline(always)]
    pub(super) fn double(self, a: S::u32s) -> S::u32s {
        self.add(a, a)
    }

    /// The product has the low half of a multiple of the prime; what is left is the difference of the
    /// high halves.
    #[inline(always)]
    pub(super) fn mul(self, a: S::u32s, b: S::u32s) -> S::u32s {
        let (low, high) = self.simd.widening_mul_u32s(a, b);
        let factor = self.simd.mul_u32s(low, self.inverse);
        let (_, multiple) = self.simd.widening_mul_u32s(factor, self.prime);
        self.sub(high, multiple)
    }

    #[inline(always)]
    pub(super) fn cube(self, a: S::u32s) -> S::u32s {
        self.mul(self.mul(a, a), a)
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn numbers_come_back_from_montgomery_form() {
        for number in [0, 1, 2, 0xff_ffff, 0x100_0000, PRIME - 1] {
            assert_eq!(leave(enter(number)), number);
        }
    }
}
