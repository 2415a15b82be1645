//! Zfa: additional floating-point instructions.
//!
//! Libcalls are the roundings to an integer, for which the host raises other flags, and the modular conversion.

use causality_machine::isa::format::{FBinary, FCompare, FToXRtz, FUnary, Fli};
use causality_machine::isa::visit::VisitZfa;
use cranelift_codegen::ir::condcodes::FloatCC;
use cranelift_codegen::ir::immediates::Ieee64;
use cranelift_codegen::ir::{InstBuilder, Type, types};

use super::{Emitted, Emitter};

/// The number that `fli` loads, but for two: the smallest normal number of the format and the canonical NaN (manual,
/// Zfa, table of immediates).
pub(crate) fn immediate(number: u8) -> f64 {
    let power = |exponent: i32| 2_f64.powi(exponent);
    let quarters = |first: f64, index: u8| first * (1.0 + f64::from(index) / 4.0);
    match number {
        0 => -1.0,
        2 | 3 => power(i32::from(number) - 18),
        4 | 5 => power(i32::from(number) - 12),
        6 | 7 => power(i32::from(number) - 10),
        8..=11 => quarters(0.25, number - 8),
        12..=15 => quarters(0.5, number - 12),
        16..=19 => quarters(1.0, number - 16),
        20..=22 => quarters(2.0, number - 20),
        23..=25 => power(i32::from(number) - 21),
        26 | 27 => power(i32::from(number) - 19),
        28 | 29 => power(i32::from(number) - 13),
        _ => f64::INFINITY,
    }
}

impl Emitter<'_> {
    fn load_constant(&mut self, ty: Type, ops: Fli) -> Emitted {
        let value = match ops.imm {
            1 if ty == types::F32 => self.float(ty, f64::from(f32::MIN_POSITIVE)),
            1 => self.b.ins().f64const(Ieee64::with_float(f64::MIN_POSITIVE)),
            31 => self.canonical_nan(ty),
            number => self.float(ty, immediate(number)),
        };
        self.set_float(ops.rd, value);
        Emitted::Done
    }
}

impl VisitZfa for Emitter<'_> {
    fn fli_s(&mut self, ops: Fli) -> Emitted {
        self.load_constant(types::F32, ops)
    }

    fn fminm_s(&mut self, ops: FBinary) -> Emitted {
        self.extreme(types::F32, ops, true, true);
        Emitted::Done
    }

    fn fmaxm_s(&mut self, ops: FBinary) -> Emitted {
        self.extreme(types::F32, ops, false, true);
        Emitted::Done
    }

    fn fround_s(&mut self, _: FUnary) -> Emitted {
        Emitted::Libcall
    }

    fn froundnx_s(&mut self, _: FUnary) -> Emitted {
        Emitted::Libcall
    }

    fn fleq_s(&mut self, ops: FCompare) -> Emitted {
        self.compare_floats(types::F32, ops, FloatCC::LessThanOrEqual, false);
        Emitted::Done
    }

    fn fltq_s(&mut self, ops: FCompare) -> Emitted {
        self.compare_floats(types::F32, ops, FloatCC::LessThan, false);
        Emitted::Done
    }

    fn fli_d(&mut self, ops: Fli) -> Emitted {
        self.load_constant(types::F64, ops)
    }

    fn fminm_d(&mut self, ops: FBinary) -> Emitted {
        self.extreme(types::F64, ops, true, true);
        Emitted::Done
    }

    fn fmaxm_d(&mut self, ops: FBinary) -> Emitted {
        self.extreme(types::F64, ops, false, true);
        Emitted::Done
    }

    fn fround_d(&mut self, _: FUnary) -> Emitted {
        Emitted::Libcall
    }

    fn froundnx_d(&mut self, _: FUnary) -> Emitted {
        Emitted::Libcall
    }

    fn fleq_d(&mut self, ops: FCompare) -> Emitted {
        self.compare_floats(types::F64, ops, FloatCC::LessThanOrEqual, false);
        Emitted::Done
    }

    fn fltq_d(&mut self, ops: FCompare) -> Emitted {
        self.compare_floats(types::F64, ops, FloatCC::LessThan, false);
        Emitted::Done
    }

    fn fcvtmod_w_d(&mut self, _: FToXRtz) -> Emitted {
        Emitted::Libcall
    }
}
