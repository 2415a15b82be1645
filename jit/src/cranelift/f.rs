//! F: single-precision floating point.
//!
//! What rounds in a mode of its own is left to a libcall: the host's mode is the one in `frm`.

use causality_machine::isa::format::{
    FBinary, FCompare, FLoad, FMoveToX, FR, FR4, FStore, FToX, FUnary, Rm, XMoveToF, XToF,
};
use causality_machine::isa::visit::VisitF;
use cranelift_codegen::ir::condcodes::FloatCC;
use cranelift_codegen::ir::{InstBuilder, MemFlagsData, types};

use super::{Emitted, Emitter};
use crate::host;

impl VisitF for Emitter<'_> {
    fn flw(&mut self, ops: FLoad) -> Emitted {
        let value = self.load(types::F32, ops.rs1, ops.imm);
        self.set_float(ops.rd, value);
        Emitted::Done
    }

    fn fsw(&mut self, ops: FStore) -> Emitted {
        let value = if self.is_single(ops.rs2) {
            self.single_bits(ops.rs2)
        } else {
            self.low_bits(types::I32, ops.rs2)
        };
        self.store(value, ops.rs1, ops.imm);
        Emitted::Done
    }

    fn fmadd_s(&mut self, ops: FR4) -> Emitted {
        if ops.rm != Rm::Dyn || !host::has_fma() {
            return Emitted::Libcall;
        }
        self.fused(types::F32, ops, (false, false));
        Emitted::Done
    }

    fn fmsub_s(&mut self, ops: FR4) -> Emitted {
        if ops.rm != Rm::Dyn || !host::has_fma() {
            return Emitted::Libcall;
        }
        self.fused(types::F32, ops, (false, true));
        Emitted::Done
    }

    fn fnmsub_s(&mut self, ops: FR4) -> Emitted {
        if ops.rm != Rm::Dyn || !host::has_fma() {
            return Emitted::Libcall;
        }
        self.fused(types::F32, ops, (true, false));
        Emitted::Done
    }

    fn fnmadd_s(&mut self, ops: FR4) -> Emitted {
        if ops.rm != Rm::Dyn || !host::has_fma() {
            return Emitted::Libcall;
        }
        self.fused(types::F32, ops, (true, true));
        Emitted::Done
    }

    fn fadd_s(&mut self, ops: FR) -> Emitted {
        if ops.rm != Rm::Dyn {
            return Emitted::Libcall;
        }
        self.arithmetic(types::F32, ops.rd, &[ops.rs1, ops.rs2], |e, v| e.b.ins().fadd(v[0], v[1]));
        Emitted::Done
    }

    fn fsub_s(&mut self, ops: FR) -> Emitted {
        if ops.rm != Rm::Dyn {
            return Emitted::Libcall;
        }
        self.arithmetic(types::F32, ops.rd, &[ops.rs1, ops.rs2], |e, v| e.b.ins().fsub(v[0], v[1]));
        Emitted::Done
    }

    fn fmul_s(&mut self, ops: FR) -> Emitted {
        if ops.rm != Rm::Dyn {
            return Emitted::Libcall;
        }
        self.arithmetic(types::F32, ops.rd, &[ops.rs1, ops.rs2], |e, v| e.b.ins().fmul(v[0], v[1]));
        Emitted::Done
    }

    fn fdiv_s(&mut self, ops: FR) -> Emitted {
        if ops.rm != Rm::Dyn {
            return Emitted::Libcall;
        }
        self.arithmetic(types::F32, ops.rd, &[ops.rs1, ops.rs2], |e, v| e.b.ins().fdiv(v[0], v[1]));
        Emitted::Done
    }

    fn fsqrt_s(&mut self, ops: FUnary) -> Emitted {
        if ops.rm != Rm::Dyn {
            return Emitted::Libcall;
        }
        self.arithmetic(types::F32, ops.rd, &[ops.rs1], |e, v| e.b.ins().sqrt(v[0]));
        Emitted::Done
    }

    fn fsgnj_s(&mut self, ops: FBinary) -> Emitted {
        if ops.rs1 == ops.rs2 {
            self.copy(types::F32, ops.rd, ops.rs1);
        } else {
            self.inject(types::F32, ops, |e, a, b| e.b.ins().fcopysign(a, b));
        }
        Emitted::Done
    }

    fn fsgnjn_s(&mut self, ops: FBinary) -> Emitted {
        if ops.rs1 == ops.rs2 {
            self.inject(types::F32, ops, |e, a, _| e.b.ins().fneg(a));
        } else {
            self.inject(types::F32, ops, |e, a, b| {
                let sign = e.b.ins().fneg(b);
                e.b.ins().fcopysign(a, sign)
            });
        }
        Emitted::Done
    }

    fn fsgnjx_s(&mut self, ops: FBinary) -> Emitted {
        if ops.rs1 == ops.rs2 {
            self.inject(types::F32, ops, |e, a, _| e.b.ins().fabs(a));
        } else {
            self.inject(types::F32, ops, |e, a, b| e.xor_signs(a, b));
        }
        Emitted::Done
    }

    fn fmin_s(&mut self, ops: FBinary) -> Emitted {
        self.extreme(types::F32, ops, true, false);
        Emitted::Done
    }

    fn fmax_s(&mut self, ops: FBinary) -> Emitted {
        self.extreme(types::F32, ops, false, false);
        Emitted::Done
    }

    fn fle_s(&mut self, ops: FCompare) -> Emitted {
        self.compare_floats(types::F32, ops, FloatCC::LessThanOrEqual, true);
        Emitted::Done
    }

    fn flt_s(&mut self, ops: FCompare) -> Emitted {
        self.compare_floats(types::F32, ops, FloatCC::LessThan, true);
        Emitted::Done
    }

    fn feq_s(&mut self, ops: FCompare) -> Emitted {
        self.compare_floats(types::F32, ops, FloatCC::Equal, false);
        Emitted::Done
    }

    fn fclass_s(&mut self, ops: FMoveToX) -> Emitted {
        let value = self.bits(types::F32, ops.rs1);
        let bits = self.b.ins().bitcast(types::I32, MemFlagsData::new(), value);
        let class = self.classify(types::F32, bits);
        self.set_x(ops.rd, class);
        Emitted::Done
    }

    fn fcvt_w_s(&mut self, ops: FToX) -> Emitted {
        if ops.rm != Rm::Rtz {
            return Emitted::Libcall;
        }
        let value = self.operand(types::F32, ops.rs1);
        let value = self.signed_of(types::I32, value);
        self.set_w(ops.rd, value);
        Emitted::Done
    }

    fn fcvt_wu_s(&mut self, ops: FToX) -> Emitted {
        if ops.rm != Rm::Rtz {
            return Emitted::Libcall;
        }
        let value = self.operand(types::F32, ops.rs1);
        let value = self.unsigned_of(types::I32, value);
        self.set_w(ops.rd, value);
        Emitted::Done
    }

    fn fcvt_l_s(&mut self, ops: FToX) -> Emitted {
        if ops.rm != Rm::Rtz {
            return Emitted::Libcall;
        }
        let value = self.operand(types::F32, ops.rs1);
        let value = self.signed_of(types::I64, value);
        self.set_x(ops.rd, value);
        Emitted::Done
    }

    fn fcvt_lu_s(&mut self, ops: FToX) -> Emitted {
        if ops.rm != Rm::Rtz {
            return Emitted::Libcall;
        }
        let value = self.operand(types::F32, ops.rs1);
        let value = self.unsigned_of(types::I64, value);
        self.set_x(ops.rd, value);
        Emitted::Done
    }

    fn fmv_x_w(&mut self, ops: FMoveToX) -> Emitted {
        let bits = self.low_bits(types::I32, ops.rs1);
        self.set_w(ops.rd, bits);
        Emitted::Done
    }

    fn fcvt_s_w(&mut self, ops: XToF) -> Emitted {
        if ops.rm != Rm::Dyn {
            return Emitted::Libcall;
        }
        let value = self.w(ops.rs1);
        let value = self.float_of_integer(types::F32, value, true);
        self.set_float(ops.rd, value);
        Emitted::Done
    }

    fn fcvt_s_wu(&mut self, ops: XToF) -> Emitted {
        if ops.rm != Rm::Dyn {
            return Emitted::Libcall;
        }
        let value = self.w(ops.rs1);
        let value = self.float_of_integer(types::F32, value, false);
        self.set_float(ops.rd, value);
        Emitted::Done
    }

    fn fcvt_s_l(&mut self, ops: XToF) -> Emitted {
        if ops.rm != Rm::Dyn {
            return Emitted::Libcall;
        }
        let value = self.x(ops.rs1);
        let value = self.float_of_integer(types::F32, value, true);
        self.set_float(ops.rd, value);
        Emitted::Done
    }

    fn fcvt_s_lu(&mut self, ops: XToF) -> Emitted {
        if ops.rm != Rm::Dyn {
            return Emitted::Libcall;
        }
        let value = self.x(ops.rs1);
        let value = self.float_of_integer(types::F32, value, false);
        self.set_float(ops.rd, value);
        Emitted::Done
    }

    fn fmv_w_x(&mut self, ops: XMoveToF) -> Emitted {
        let bits = self.w(ops.rs1);
        let value = self.float_of_bits(bits);
        self.set_float(ops.rd, value);
        Emitted::Done
    }
}
