//! F: single-precision floating point.
//!
//! What rounds in a mode of its own is left to a libcall: the host's mode is the one in `frm`.

use causality_machine::isa::format::{
    FBinary, FCompare, FLoad, FMoveToX, FR, FR4, FStore, FToX, FUnary, Rm, XMoveToF, XToF,
};
use causality_machine::isa::visit::VisitF;

use super::assembler::{Cond, Extend, RAX, Width};
use super::float::{
    ADD, DIVIDE, FUSED, FUSED_LESS, FUSED_NEGATED, FUSED_NEGATED_LESS, Float, MULTIPLY, SUBTRACT, Sign,
};
use super::{Emitted, Emitter};

impl VisitF for Emitter<'_> {
    fn flw(&mut self, ops: FLoad) -> Emitted {
        self.load_f(Float::Single, ops.rd, ops.rs1, ops.imm)
    }

    fn fsw(&mut self, ops: FStore) -> Emitted {
        self.store_f(Float::Single, ops.rs2, ops.rs1, ops.imm)
    }

    fn fmadd_s(&mut self, ops: FR4) -> Emitted {
        self.fused(Float::Single, FUSED, ops)
    }

    fn fmsub_s(&mut self, ops: FR4) -> Emitted {
        self.fused(Float::Single, FUSED_LESS, ops)
    }

    fn fnmsub_s(&mut self, ops: FR4) -> Emitted {
        self.fused(Float::Single, FUSED_NEGATED, ops)
    }

    fn fnmadd_s(&mut self, ops: FR4) -> Emitted {
        self.fused(Float::Single, FUSED_NEGATED_LESS, ops)
    }

    fn fadd_s(&mut self, ops: FR) -> Emitted {
        self.arithmetic(Float::Single, ADD, ops)
    }

    fn fsub_s(&mut self, ops: FR) -> Emitted {
        self.arithmetic(Float::Single, SUBTRACT, ops)
    }

    fn fmul_s(&mut self, ops: FR) -> Emitted {
        self.arithmetic(Float::Single, MULTIPLY, ops)
    }

    fn fdiv_s(&mut self, ops: FR) -> Emitted {
        self.arithmetic(Float::Single, DIVIDE, ops)
    }

    fn fsqrt_s(&mut self, ops: FUnary) -> Emitted {
        self.root(Float::Single, ops)
    }

    fn fsgnj_s(&mut self, ops: FBinary) -> Emitted {
        self.inject(Float::Single, ops, Sign::Copy)
    }

    fn fsgnjn_s(&mut self, ops: FBinary) -> Emitted {
        self.inject(Float::Single, ops, Sign::Invert)
    }

    fn fsgnjx_s(&mut self, ops: FBinary) -> Emitted {
        self.inject(Float::Single, ops, Sign::Xor)
    }

    fn fmin_s(&mut self, ops: FBinary) -> Emitted {
        self.extreme(Float::Single, ops, true)
    }

    fn fmax_s(&mut self, ops: FBinary) -> Emitted {
        self.extreme(Float::Single, ops, false)
    }

    fn fle_s(&mut self, ops: FCompare) -> Emitted {
        self.compare_f(Float::Single, ops, Cond::AboveEqual, true)
    }

    fn flt_s(&mut self, ops: FCompare) -> Emitted {
        self.compare_f(Float::Single, ops, Cond::Above, true)
    }

    fn feq_s(&mut self, ops: FCompare) -> Emitted {
        self.compare_f(Float::Single, ops, Cond::Equal, false)
    }

    fn fclass_s(&mut self, _: FMoveToX) -> Emitted {
        Emitted::Libcall
    }

    fn fcvt_w_s(&mut self, ops: FToX) -> Emitted {
        if ops.rm != Rm::Rtz {
            return Emitted::Libcall;
        }
        self.signed_of(Float::Single, Width::Word, ops.rd, ops.rs1)
    }

    fn fcvt_wu_s(&mut self, _: FToX) -> Emitted {
        Emitted::Libcall
    }

    fn fcvt_l_s(&mut self, ops: FToX) -> Emitted {
        if ops.rm != Rm::Rtz {
            return Emitted::Libcall;
        }
        self.signed_of(Float::Single, Width::Double, ops.rd, ops.rs1)
    }

    fn fcvt_lu_s(&mut self, _: FToX) -> Emitted {
        Emitted::Libcall
    }

    fn fmv_x_w(&mut self, ops: FMoveToX) -> Emitted {
        if !self.host.avx {
            return Emitted::Libcall;
        }
        self.close_one(ops.rs1);
        self.bits_of(Width::Word, RAX, ops.rs1);
        self.write_word(ops.rd, RAX);
        Emitted::Done
    }

    fn fcvt_s_w(&mut self, ops: XToF) -> Emitted {
        if ops.rm != Rm::Dyn {
            return Emitted::Libcall;
        }
        self.float_of(Float::Single, ops.rd, ops.rs1, Extend::I32)
    }

    fn fcvt_s_wu(&mut self, ops: XToF) -> Emitted {
        if ops.rm != Rm::Dyn {
            return Emitted::Libcall;
        }
        self.float_of(Float::Single, ops.rd, ops.rs1, Extend::U32)
    }

    fn fcvt_s_l(&mut self, ops: XToF) -> Emitted {
        if ops.rm != Rm::Dyn {
            return Emitted::Libcall;
        }
        self.float_of(Float::Single, ops.rd, ops.rs1, Extend::U64)
    }

    fn fcvt_s_lu(&mut self, ops: XToF) -> Emitted {
        if ops.rm != Rm::Dyn {
            return Emitted::Libcall;
        }
        self.float_of_unsigned(Float::Single, ops.rd, ops.rs1)
    }

    fn fmv_w_x(&mut self, ops: XMoveToF) -> Emitted {
        if !self.host.avx {
            return Emitted::Libcall;
        }
        let word = self.read(ops.rs1, RAX);
        self.write_boxed(ops.rd, word);
        Emitted::Done
    }
}
