//! Zfa: additional floating-point instructions, for single and double precision.

use causality_isa::format::{FBinary, FCompare, FToXRtz, FUnary, Fli};
use causality_isa::visit::VisitZfa;

use rustc_apfloat::Round;

use super::{Exec, Retire};
use crate::num::sext_w;
use crate::softfloat::{self as sf, Extreme, F32, F64, Format};

/// The constants of `fli` that are the same number in every format (manual, Zfa, table of
/// immediates); entry 1 is the format's smallest normal number, and entry 31 the canonical NaN.
const CONSTANTS: [f32; 31] = {
    const fn power(exponent: i32) -> f32 {
        f32::from_bits(((127 + exponent) as u32) << 23)
    }
    [
        -1.0,
        f32::MIN_POSITIVE,
        power(-16),
        power(-15),
        power(-8),
        power(-7),
        0.0625,
        0.125,
        0.25,
        0.3125,
        0.375,
        0.4375,
        0.5,
        0.625,
        0.75,
        0.875,
        1.0,
        1.25,
        1.5,
        1.75,
        2.0,
        2.5,
        3.0,
        4.0,
        8.0,
        16.0,
        128.0,
        256.0,
        power(15),
        power(16),
        f32::INFINITY,
    ]
};

/// A constant in single precision, or `None` for the canonical NaN.
fn constant(number: u8) -> Option<F32> {
    CONSTANTS.get(usize::from(number)).map(|c| F32(c.to_bits()))
}

impl<const FULL: bool> VisitZfa for Exec<'_, FULL> {
    fn fli_s(&mut self, Fli { rd, imm }: Fli) -> Retire {
        self.set_f(rd, constant(imm).unwrap_or(F32::canonical_nan()));
        Ok(())
    }

    fn fminm_s(&mut self, ops: FBinary) -> Retire {
        self.select::<F32>(ops, |a, b| sf::extreme_or_nan(a, b, Extreme::Min))
    }

    fn fmaxm_s(&mut self, ops: FBinary) -> Retire {
        self.select::<F32>(ops, |a, b| sf::extreme_or_nan(a, b, Extreme::Max))
    }

    fn fround_s(&mut self, ops: FUnary) -> Retire {
        self.convert::<F32, F32>(ops, sf::round)
    }

    fn froundnx_s(&mut self, ops: FUnary) -> Retire {
        self.convert::<F32, F32>(ops, sf::round_inexact)
    }

    fn fleq_s(&mut self, ops: FCompare) -> Retire {
        self.compare::<F32>(ops, sf::le_quiet)
    }

    fn fltq_s(&mut self, ops: FCompare) -> Retire {
        self.compare::<F32>(ops, sf::lt_quiet)
    }

    fn fli_d(&mut self, Fli { rd, imm }: Fli) -> Retire {
        let value = match (imm, constant(imm)) {
            (1, _) => F64(f64::MIN_POSITIVE.to_bits()),
            (_, Some(single)) => sf::convert(single, Round::NearestTiesToEven).0,
            (_, None) => F64::canonical_nan(),
        };
        self.set_f(rd, value);
        Ok(())
    }

    fn fminm_d(&mut self, ops: FBinary) -> Retire {
        self.select::<F64>(ops, |a, b| sf::extreme_or_nan(a, b, Extreme::Min))
    }

    fn fmaxm_d(&mut self, ops: FBinary) -> Retire {
        self.select::<F64>(ops, |a, b| sf::extreme_or_nan(a, b, Extreme::Max))
    }

    fn fround_d(&mut self, ops: FUnary) -> Retire {
        self.convert::<F64, F64>(ops, sf::round)
    }

    fn froundnx_d(&mut self, ops: FUnary) -> Retire {
        self.convert::<F64, F64>(ops, sf::round_inexact)
    }

    fn fcvtmod_w_d(&mut self, ops: FToXRtz) -> Retire {
        let (value, flags) = sf::to_i32_modular(self.f(ops.rs1));
        self.put_x(ops.rd, (sext_w(value), flags))
    }

    fn fleq_d(&mut self, ops: FCompare) -> Retire {
        self.compare::<F64>(ops, sf::le_quiet)
    }

    fn fltq_d(&mut self, ops: FCompare) -> Retire {
        self.compare::<F64>(ops, sf::lt_quiet)
    }
}
