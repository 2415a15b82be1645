//! Zfa: additional floating-point instructions.
//!
//! Libcalls are the roundings to an integer, for which the host raises other flags, and the modular conversion.

use causality_machine::isa::format::{FBinary, FCompare, FToXRtz, FUnary, Fli};
use causality_machine::isa::visit::VisitZfa;

use super::assembler::Cond;
use super::float::Float;
use super::{Emitted, Emitter};
use crate::cranelift::immediate;

/// The bits of a boxed single-precision number.
fn single(value: f32) -> u64 {
    0xffff_ffff_0000_0000 | u64::from(value.to_bits())
}

impl VisitZfa for Emitter<'_> {
    fn fli_s(&mut self, ops: Fli) -> Emitted {
        let bits = match ops.imm {
            1 => single(f32::MIN_POSITIVE),
            31 => Float::Single.nan(),
            number => single(immediate(number) as f32),
        };
        self.write_float(Float::Single, ops.rd, bits)
    }

    fn fminm_s(&mut self, ops: FBinary) -> Emitted {
        self.extreme(Float::Single, ops, true)
    }

    fn fmaxm_s(&mut self, ops: FBinary) -> Emitted {
        self.extreme(Float::Single, ops, false)
    }

    fn fround_s(&mut self, _: FUnary) -> Emitted {
        Emitted::Libcall
    }

    fn froundnx_s(&mut self, _: FUnary) -> Emitted {
        Emitted::Libcall
    }

    fn fleq_s(&mut self, ops: FCompare) -> Emitted {
        self.compare_f(Float::Single, ops, Cond::AboveEqual, false)
    }

    fn fltq_s(&mut self, ops: FCompare) -> Emitted {
        self.compare_f(Float::Single, ops, Cond::Above, false)
    }

    fn fli_d(&mut self, ops: Fli) -> Emitted {
        let bits = match ops.imm {
            1 => f64::MIN_POSITIVE.to_bits(),
            31 => Float::Double.nan(),
            number => immediate(number).to_bits(),
        };
        self.write_float(Float::Double, ops.rd, bits)
    }

    fn fminm_d(&mut self, ops: FBinary) -> Emitted {
        self.extreme(Float::Double, ops, true)
    }

    fn fmaxm_d(&mut self, ops: FBinary) -> Emitted {
        self.extreme(Float::Double, ops, false)
    }

    fn fround_d(&mut self, _: FUnary) -> Emitted {
        Emitted::Libcall
    }

    fn froundnx_d(&mut self, _: FUnary) -> Emitted {
        Emitted::Libcall
    }

    fn fleq_d(&mut self, ops: FCompare) -> Emitted {
        self.compare_f(Float::Double, ops, Cond::AboveEqual, false)
    }

    fn fltq_d(&mut self, ops: FCompare) -> Emitted {
        self.compare_f(Float::Double, ops, Cond::Above, false)
    }

    fn fcvtmod_w_d(&mut self, _: FToXRtz) -> Emitted {
        Emitted::Libcall
    }
}
