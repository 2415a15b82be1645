//! Expected results, worked out from the manual's text, of what no oracle at hand knows: Zicond and Zfa.
//!
//! Everything is plain integer arithmetic on the bits of a number, and shares nothing with the executors.

use causality_isa::Opcode;

use crate::operands::source_format;

/// Invalid operation.
const NV: u64 = 16;
/// Inexact.
const NX: u64 = 1;

/// A register's new content and the flags raised.
pub type Outcome = (u64, u64);

/// Whether there is a model of an opcode.
#[must_use]
pub fn knows(opcode: Opcode) -> bool {
    use causality_isa::Extension::{Zfa, Zicond};
    matches!(opcode.extension(), Zfa | Zicond)
}

/// What `opcode` makes of its sources.
///
/// `immediate` is the `rs1` field of `fli`; `rm` the rounding mode in force, 0 to 4. `None` if there is no model.
#[must_use]
pub fn expect(opcode: Opcode, [a, b, _]: [u64; 3], immediate: u32, rm: u32) -> Option<Outcome> {
    use Opcode as O;
    let format = Binary::of(opcode);
    let (fa, fb) = (format.unboxed(a), format.unboxed(b));
    Some(match opcode {
        // Zicond: "moves zero to rd if the condition rs2 is equal to zero, otherwise moves rs1".
        O::CzeroEqz => (if b == 0 { 0 } else { a }, 0),
        O::CzeroNez => (if b == 0 { a } else { 0 }, 0),
        O::FliS | O::FliD => (format.boxed(format.constant(immediate)), 0),
        O::FminmS | O::FminmD => format.extreme(fa, fb, false),
        O::FmaxmS | O::FmaxmD => format.extreme(fa, fb, true),
        O::FroundS | O::FroundD => format.round(fa, rm, false),
        O::FroundnxS | O::FroundnxD => format.round(fa, rm, true),
        O::FleqS | O::FleqD => format.quiet_compare(fa, fb, true),
        O::FltqS | O::FltqD => format.quiet_compare(fa, fb, false),
        O::FcvtmodWD => modular(a),
        _ => return None,
    })
}

/// A binary format by its sizes.
#[derive(Clone, Copy)]
struct Binary {
    width: u32,
    fraction: u32,
}

impl Binary {
    fn of(opcode: Opcode) -> Self {
        match source_format(opcode) {
            crate::corners::Format::D => Binary { width: 64, fraction: 52 },
            _ => Binary { width: 32, fraction: 23 },
        }
    }

    const fn sign(self) -> u64 {
        1 << (self.width - 1)
    }

    const fn infinity(self) -> u64 {
        self.sign() - (1 << self.fraction)
    }

    const fn canonical_nan(self) -> u64 {
        self.infinity() | 1 << (self.fraction - 1)
    }

    const fn bias(self) -> i64 {
        (1 << (self.width - self.fraction - 2)) - 1
    }

    /// D, "NaN Boxing of Narrower Values": anything else is the canonical NaN.
    const fn unboxed(self, register: u64) -> u64 {
        if self.width == 64 {
            register
        } else if register >> 32 == 0xffff_ffff {
            register & 0xffff_ffff
        } else {
            self.canonical_nan()
        }
    }

    const fn boxed(self, bits: u64) -> u64 {
        if self.width == 64 { bits } else { bits | 0xffff_ffff << 32 }
    }

    const fn is_nan(self, bits: u64) -> bool {
        bits & !self.sign() > self.infinity()
    }

    const fn is_signaling(self, bits: u64) -> bool {
        self.is_nan(bits) && bits & 1 << (self.fraction - 1) == 0
    }

    const fn invalid_if_signaling(self, a: u64, b: u64) -> u64 {
        if self.is_signaling(a) || self.is_signaling(b) { NV } else { 0 }
    }

    /// Order as integers, -0 below +0.
    const fn key(self, bits: u64) -> i128 {
        let magnitude = (bits & !self.sign()) as i128;
        if bits & self.sign() == 0 { magnitude } else { -magnitude - 1 }
    }

    /// Zfa, "Minimum and Maximum Instructions": "if either input is NaN, the result is the canonical NaN"; otherwise
    /// as `fmin` and `fmax`, for which -0 is less than +0.
    fn extreme(self, a: u64, b: u64, max: bool) -> Outcome {
        let flags = self.invalid_if_signaling(a, b);
        let value = if self.is_nan(a) || self.is_nan(b) {
            self.canonical_nan()
        } else if (self.key(a) > self.key(b)) == max {
            a
        } else {
            b
        };
        (self.boxed(value), flags)
    }

    /// Zfa, "Comparison Instructions": quiet; false if unordered; -0 equals +0.
    fn quiet_compare(self, a: u64, b: u64, or_equal: bool) -> Outcome {
        let flags = self.invalid_if_signaling(a, b);
        let unordered = self.is_nan(a) || self.is_nan(b);
        let equal = a == b || (a | b) & !self.sign() == 0;
        let less = !equal && self.key(a) < self.key(b);
        (u64::from(!unordered && (less || or_equal && equal)), flags)
    }

    /// Zfa, "Round-to-Integer Instructions": zeros keep their sign, infinities stay, NaNs become canonical; a
    /// result of zero has the sign of the input. Only `froundnx` raises inexact.
    fn round(self, bits: u64, rm: u32, exact: bool) -> Outcome {
        if self.is_nan(bits) {
            return (self.boxed(self.canonical_nan()), self.invalid_if_signaling(bits, bits));
        }
        let (sign, magnitude) = (bits & self.sign(), bits & !self.sign());
        let exponent = (magnitude >> self.fraction) as i64 - self.bias();
        if exponent >= i64::from(self.fraction) {
            return (self.boxed(bits), 0);
        }
        let one = (self.bias() as u64) << self.fraction;
        // Bits behind the binary point; below a half, the whole of it and some more.
        let (truncated, rest) = if exponent < 0 {
            let rest = match exponent {
                -1 if magnitude == one - (1 << self.fraction) => Rest::Half,
                -1 => Rest::More,
                _ if magnitude == 0 => Rest::None,
                _ => Rest::Less,
            };
            (0, rest)
        } else {
            let places = i64::from(self.fraction) - exponent;
            let mask = (1u64 << places) - 1;
            let half = 1u64 << (places - 1);
            let rest = match (magnitude & mask).cmp(&half) {
                _ if magnitude & mask == 0 => Rest::None,
                std::cmp::Ordering::Less => Rest::Less,
                std::cmp::Ordering::Equal => Rest::Half,
                std::cmp::Ordering::Greater => Rest::More,
            };
            (magnitude & !mask, rest)
        };
        // Adding a unit in the last place before the point carries into the exponent where it has to.
        let unit = if exponent < 0 { one } else { 1 << (i64::from(self.fraction) - exponent) };
        // At exponent 0 the unit is the implicit bit, and the number 1 is odd.
        let odd = exponent == 0 || exponent > 0 && truncated & unit != 0;
        let up = match rm {
            0 => rest == Rest::More || rest == Rest::Half && odd,
            1 => false,
            2 => sign != 0 && rest != Rest::None,
            3 => sign == 0 && rest != Rest::None,
            _ => rest == Rest::More || rest == Rest::Half,
        };
        let value = truncated + if up { unit } else { 0 };
        (self.boxed(sign | value), if exact && rest != Rest::None { NX } else { 0 })
    }

    /// Zfa, table "Immediate values": the bits of the single-precision constant, and how doubles differ.
    fn constant(self, number: u32) -> u64 {
        const SINGLES: [u64; 32] = [
            0xbf80_0000,
            0x0080_0000,
            0x3780_0000,
            0x3800_0000,
            0x3b80_0000,
            0x3c00_0000,
            0x3d80_0000,
            0x3e00_0000,
            0x3e80_0000,
            0x3ea0_0000,
            0x3ec0_0000,
            0x3ee0_0000,
            0x3f00_0000,
            0x3f20_0000,
            0x3f40_0000,
            0x3f60_0000,
            0x3f80_0000,
            0x3fa0_0000,
            0x3fc0_0000,
            0x3fe0_0000,
            0x4000_0000,
            0x4020_0000,
            0x4040_0000,
            0x4080_0000,
            0x4100_0000,
            0x4180_0000,
            0x4300_0000,
            0x4380_0000,
            0x4700_0000,
            0x4780_0000,
            0x7f80_0000,
            0x7fc0_0000,
        ];
        let single = SINGLES[number as usize % 32];
        match number {
            _ if self.width == 32 => single,
            1 => 0x0010_0000_0000_0000,
            30 | 31 => (single & 0x007f_ffff) << 29 | 0x7ff << 52,
            _ => {
                (single & 0x8000_0000) << 32
                    | ((single >> 23 & 0xff) + 896) << 52
                    | (single & 0x007f_ffff) << 29
            }
        }
    }
}

/// What lies behind the binary point, compared to a half.
#[derive(Clone, Copy, PartialEq, Eq)]
enum Rest {
    None,
    Less,
    Half,
    More,
}

/// Zfa, "Modular Convert-to-Integer Instruction": truncated, the low 32 bits sign-extended; infinities and NaNs
/// give 0; flags as `fcvt.w.d` would raise them, so invalid if the truncated value does not fit 32 bits.
fn modular(bits: u64) -> Outcome {
    let exponent = (bits >> 52 & 0x7ff) as i32 - 1075;
    let negative = bits >> 63 != 0;
    if exponent == 0x7ff - 1075 {
        return (0, NV);
    }
    let implicit = u64::from(exponent != -1075) << 52;
    let significand = u128::from(bits & ((1 << 52) - 1) | implicit);
    let (integer, rest) = match exponent {
        // Every bit of the integer is a multiple of 2^32, and far outside.
        32.. => (0, false),
        0..32 => (significand << exponent, false),
        -53..0 => (significand >> -exponent, significand & ((1 << -exponent) - 1) != 0),
        _ => (0, significand != 0),
    };
    let low = if negative { (integer as u32).wrapping_neg() } else { integer as u32 };
    let limit = (1 << 31) - u128::from(!negative);
    let fits = exponent < 32 && integer <= limit;
    let flags = match (fits, rest) {
        (false, _) => NV,
        (true, true) => NX,
        (true, false) => 0,
    };
    (low as i32 as i64 as u64, flags)
}
