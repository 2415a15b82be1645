//! D: double-precision floating point.
//!
//! What rounds in a mode of its own is left to a libcall: the host's mode is the one in `frm`.

use causality_machine::isa::format::{
    FBinary, FCompare, FLoad, FMoveToX, FR, FR4, FStore, FToX, FUnary, Rm, XMoveToF, XToF,
};
use causality_machine::isa::visit::VisitD;

use super::assembler::{Cond, Extend, RAX, Width};
use super::float::{
    ADD, DIVIDE, FUSED, FUSED_LESS, FUSED_NEGATED, FUSED_NEGATED_LESS, Float, MULTIPLY, PRECISION, SUBTRACT,
    Sign,
};
use super::{Emitted, Emitter};

impl VisitD for Emitter<'_> {
    fn fld(&mut self, ops: FLoad) -> Emitted {
        self.load_f(Float::Double, ops.rd, ops.rs1, ops.imm)
    }

    fn fsd(&mut self, ops: FStore) -> Emitted {
        self.store_f(Float::Double, ops.rs2, ops.rs1, ops.imm)
    }

    fn fmadd_d(&mut self, ops: FR4) -> Emitted {
        self.fused(Float::Double, FUSED, ops)
    }

    fn fmsub_d(&mut self, ops: FR4) -> Emitted {
        self.fused(Float::Double, FUSED_LESS, ops)
    }

    fn fnmsub_d(&mut self, ops: FR4) -> Emitted {
        self.fused(Float::Double, FUSED_NEGATED, ops)
    }

    fn fnmadd_d(&mut self, ops: FR4) -> Emitted {
        self.fused(Float::Double, FUSED_NEGATED_LESS, ops)
    }

    fn fadd_d(&mut self, ops: FR) -> Emitted {
        self.arithmetic(Float::Double, ADD, ops)
    }

    fn fsub_d(&mut self, ops: FR) -> Emitted {
        self.arithmetic(Float::Double, SUBTRACT, ops)
    }

    fn fmul_d(&mut self, ops: FR) -> Emitted {
        self.arithmetic(Float::Double, MULTIPLY, ops)
    }

    fn fdiv_d(&mut self, ops: FR) -> Emitted {
        self.arithmetic(Float::Double, DIVIDE, ops)
    }

    fn fsqrt_d(&mut self, ops: FUnary) -> Emitted {
        self.root(Float::Double, ops)
    }

    fn fsgnj_d(&mut self, ops: FBinary) -> Emitted {
        self.inject(Float::Double, ops, Sign::Copy)
    }

    fn fsgnjn_d(&mut self, ops: FBinary) -> Emitted {
        self.inject(Float::Double, ops, Sign::Invert)
    }

    fn fsgnjx_d(&mut self, ops: FBinary) -> Emitted {
        self.inject(Float::Double, ops, Sign::Xor)
    }

    fn fmin_d(&mut self, ops: FBinary) -> Emitted {
        self.extreme(Float::Double, ops, true)
    }

    fn fmax_d(&mut self, ops: FBinary) -> Emitted {
        self.extreme(Float::Double, ops, false)
    }

    fn fcvt_s_d(&mut self, ops: FUnary) -> Emitted {
        self.convert(Float::Double, Float::Single, PRECISION, ops, true)
    }

    fn fcvt_d_s(&mut self, ops: FUnary) -> Emitted {
        self.convert(Float::Single, Float::Double, PRECISION, ops, false)
    }

    fn fle_d(&mut self, ops: FCompare) -> Emitted {
        self.compare_f(Float::Double, ops, Cond::AboveEqual, true)
    }

    fn flt_d(&mut self, ops: FCompare) -> Emitted {
        self.compare_f(Float::Double, ops, Cond::Above, true)
    }

    fn feq_d(&mut self, ops: FCompare) -> Emitted {
        self.compare_f(Float::Double, ops, Cond::Equal, false)
    }

    fn fclass_d(&mut self, _: FMoveToX) -> Emitted {
        Emitted::Libcall
    }

    fn fcvt_w_d(&mut self, ops: FToX) -> Emitted {
        if ops.rm != Rm::Rtz {
            return Emitted::Libcall;
        }
        self.signed_of(Float::Double, Width::Word, ops.rd, ops.rs1)
    }

    fn fcvt_wu_d(&mut self, _: FToX) -> Emitted {
        Emitted::Libcall
    }

    fn fcvt_l_d(&mut self, ops: FToX) -> Emitted {
        if ops.rm != Rm::Rtz {
            return Emitted::Libcall;
        }
        self.signed_of(Float::Double, Width::Double, ops.rd, ops.rs1)
    }

    fn fcvt_lu_d(&mut self, _: FToX) -> Emitted {
        Emitted::Libcall
    }

    fn fmv_x_d(&mut self, ops: FMoveToX) -> Emitted {
        let dst = self.target(ops.rd);
        if !self.host.avx {
            return Emitted::Libcall;
        }
        self.close_one(ops.rs1);
        self.bits_of(Width::Double, dst, ops.rs1);
        self.write(ops.rd, dst);
        Emitted::Done
    }

    fn fcvt_d_w(&mut self, ops: XToF) -> Emitted {
        self.float_of(Float::Double, ops.rd, ops.rs1, Extend::I32)
    }

    fn fcvt_d_wu(&mut self, ops: XToF) -> Emitted {
        self.float_of(Float::Double, ops.rd, ops.rs1, Extend::U32)
    }

    fn fcvt_d_l(&mut self, ops: XToF) -> Emitted {
        if ops.rm != Rm::Dyn {
            return Emitted::Libcall;
        }
        self.float_of(Float::Double, ops.rd, ops.rs1, Extend::U64)
    }

    fn fcvt_d_lu(&mut self, ops: XToF) -> Emitted {
        if ops.rm != Rm::Dyn {
            return Emitted::Libcall;
        }
        self.float_of_unsigned(Float::Double, ops.rd, ops.rs1)
    }

    fn fmv_d_x(&mut self, ops: XMoveToF) -> Emitted {
        if !self.host.avx {
            return Emitted::Libcall;
        }
        let bits = self.read(ops.rs1, RAX);
        self.write_bits(Float::Double, ops.rd, bits);
        Emitted::Done
    }
}
