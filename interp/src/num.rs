//! Integer operations as pure functions of values, named as the manual names them.

/// High 64 bits of the signed product.
pub(crate) const fn mulh(a: u64, b: u64) -> u64 {
    ((a as i64 as i128 * b as i64 as i128) >> 64) as u64
}

/// High 64 bits of the product of a signed and an unsigned number.
pub(crate) const fn mulhsu(a: u64, b: u64) -> u64 {
    ((a as i64 as i128 * b as i128) >> 64) as u64
}

/// High 64 bits of the unsigned product.
pub(crate) const fn mulhu(a: u64, b: u64) -> u64 {
    ((a as u128 * b as u128) >> 64) as u64
}

/// Signed quotient; all ones for a zero divisor, the dividend on overflow (manual, M, "Division").
pub(crate) const fn div(a: u64, b: u64) -> u64 {
    if b == 0 { u64::MAX } else { (a as i64).wrapping_div(b as i64) as u64 }
}

/// Unsigned quotient; all ones for a zero divisor.
pub(crate) const fn divu(a: u64, b: u64) -> u64 {
    match a.checked_div(b) {
        Some(quotient) => quotient,
        None => u64::MAX,
    }
}

/// Signed remainder; the dividend for a zero divisor, zero on overflow.
pub(crate) const fn rem(a: u64, b: u64) -> u64 {
    if b == 0 { a } else { (a as i64).wrapping_rem(b as i64) as u64 }
}

/// Unsigned remainder; the dividend for a zero divisor.
pub(crate) const fn remu(a: u64, b: u64) -> u64 {
    if b == 0 { a } else { a % b }
}

/// [`div`] on 32-bit words.
pub(crate) const fn divw(a: u64, b: u64) -> u64 {
    let (a, b) = (a as i32, b as i32);
    sext_w(if b == 0 { u32::MAX } else { a.wrapping_div(b) as u32 })
}

/// [`divu`] on 32-bit words.
pub(crate) const fn divuw(a: u64, b: u64) -> u64 {
    let (a, b) = (a as u32, b as u32);
    match a.checked_div(b) {
        Some(quotient) => sext_w(quotient),
        None => u64::MAX,
    }
}

/// [`rem`] on 32-bit words.
pub(crate) const fn remw(a: u64, b: u64) -> u64 {
    let (a, b) = (a as i32, b as i32);
    sext_w(if b == 0 { a as u32 } else { a.wrapping_rem(b) as u32 })
}

/// [`remu`] on 32-bit words.
pub(crate) const fn remuw(a: u64, b: u64) -> u64 {
    let (a, b) = (a as u32, b as u32);
    sext_w(if b == 0 { a } else { a % b })
}

/// A 32-bit result as all word instructions write it.
#[inline(always)]
pub(crate) const fn sext_w(value: u32) -> u64 {
    value as i32 as i64 as u64
}

/// The 128-bit carry-less product (manual, Zbc).
const fn carryless_product(a: u64, b: u64) -> u128 {
    let mut product = 0;
    let mut i = 0;
    while i < 64 {
        if b >> i & 1 != 0 {
            product ^= (a as u128) << i;
        }
        i += 1;
    }
    product
}

/// Low half of the carry-less product.
pub(crate) const fn clmul(a: u64, b: u64) -> u64 {
    carryless_product(a, b) as u64
}

/// High half of the carry-less product.
pub(crate) const fn clmulh(a: u64, b: u64) -> u64 {
    (carryless_product(a, b) >> 64) as u64
}

/// Bits 126 to 63 of the carry-less product.
pub(crate) const fn clmulr(a: u64, b: u64) -> u64 {
    (carryless_product(a, b) >> 63) as u64
}

/// Each byte all ones if any of its bits is set (manual, Zbb, `orc.b`).
pub(crate) const fn orc_b(a: u64) -> u64 {
    const LOW: u64 = 0x0101_0101_0101_0101;
    // The low bit of each byte becomes the OR of all its bits.
    let a = a | ((a >> 4) & (LOW * 0x0f));
    let a = a | ((a >> 2) & (LOW * 0x03));
    let a = a | ((a >> 1) & LOW);
    (a & LOW) * 0xff
}

#[cfg(test)]
mod tests {
    use super::*;

    const MIN: u64 = i64::MIN as u64;
    const ALL: u64 = u64::MAX;

    #[test]
    fn div_by_zero_returns_all_ones() {
        assert_eq!([div(7, 0), divu(7, 0), divw(7, 0), divuw(7, 0)], [ALL; 4]);
    }

    #[test]
    fn rem_by_zero_returns_the_dividend() {
        assert_eq!([rem(7, 0), remu(7, 0), remw(7, 0), remuw(7, 0)], [7; 4]);
        assert_eq!(remuw(0x8000_0000, 0), 0xffff_ffff_8000_0000);
    }

    #[test]
    fn signed_overflow_returns_the_dividend_and_no_remainder() {
        assert_eq!((div(MIN, ALL), rem(MIN, ALL)), (MIN, 0));
        assert_eq!((divw(0x8000_0000, ALL), remw(0x8000_0000, ALL)), (0xffff_ffff_8000_0000, 0));
    }

    #[test]
    fn division_rounds_toward_zero() {
        assert_eq!((div(-7i64 as u64, 2), rem(-7i64 as u64, 2)), (-3i64 as u64, ALL));
    }

    #[test]
    fn high_products_differ_in_signedness() {
        assert_eq!(mulh(ALL, ALL), 0);
        assert_eq!(mulhu(ALL, ALL), ALL - 1);
        assert_eq!(mulhsu(ALL, ALL), ALL);
        assert_eq!(mulhsu(MIN, 2), ALL);
    }

    #[test]
    fn carryless_halves_overlap_in_clmulr() {
        assert_eq!(clmul(3, 3), 5);
        assert_eq!((clmul(MIN, 2), clmulh(MIN, 2), clmulr(MIN, 2)), (0, 1, 2));
        assert_eq!(clmulh(ALL, ALL), 0x5555_5555_5555_5555);
    }

    #[test]
    fn orc_b_fills_each_nonzero_byte() {
        assert_eq!(orc_b(0x0100_8000_1000_0240), 0xff00_ff00_ff00_ffff);
        for bit in 0..64 {
            assert_eq!(orc_b(1 << bit), 0xff << (bit & !7));
        }
    }
}
