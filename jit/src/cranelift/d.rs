//! D: double-precision floating point.
//!
//! What rounds in a mode of its own is left to a libcall: the host's mode is the one in `frm`.

use causality_machine::isa::format::{
    FBinary, FCompare, FLoad, FMoveToX, FR, FR4, FStore, FToX, FUnary, Rm, XMoveToF, XToF,
};
use causality_machine::isa::visit::VisitD;
use cranelift_codegen::ir::condcodes::FloatCC;
use cranelift_codegen::ir::{InstBuilder, MemFlagsData, types};

use super::{Emitted, Emitter};
use crate::host;

impl VisitD for Emitter<'_> {
    fn fld(&mut self, ops: FLoad) -> Emitted {
        let value = self.load(types::F64, ops.rs1, ops.imm);
        self.set_float(ops.rd, value);
        Emitted::Done
    }

    fn fsd(&mut self, ops: FStore) -> Emitted {
        let value = self.double_bits(ops.rs2);
        self.store(value, ops.rs1, ops.imm);
        Emitted::Done
    }

    fn fmadd_d(&mut self, ops: FR4) -> Emitted {
        if ops.rm != Rm::Dyn || !host::has_fma() {
            return Emitted::Libcall;
        }
        self.fused(types::F64, ops, (false, false));
        Emitted::Done
    }

    fn fmsub_d(&mut self, ops: FR4) -> Emitted {
        if ops.rm != Rm::Dyn || !host::has_fma() {
            return Emitted::Libcall;
        }
        self.fused(types::F64, ops, (false, true));
        Emitted::Done
    }

    fn fnmsub_d(&mut self, ops: FR4) -> Emitted {
        if ops.rm != Rm::Dyn || !host::has_fma() {
            return Emitted::Libcall;
        }
        self.fused(types::F64, ops, (true, false));
        Emitted::Done
    }

    fn fnmadd_d(&mut self, ops: FR4) -> Emitted {
        if ops.rm != Rm::Dyn || !host::has_fma() {
            return Emitted::Libcall;
        }
        self.fused(types::F64, ops, (true, true));
        Emitted::Done
    }

    fn fadd_d(&mut self, ops: FR) -> Emitted {
        if ops.rm != Rm::Dyn {
            return Emitted::Libcall;
        }
        self.arithmetic(types::F64, ops.rd, &[ops.rs1, ops.rs2], |e, v| e.b.ins().fadd(v[0], v[1]));
        Emitted::Done
    }

    fn fsub_d(&mut self, ops: FR) -> Emitted {
        if ops.rm != Rm::Dyn {
            return Emitted::Libcall;
        }
        self.arithmetic(types::F64, ops.rd, &[ops.rs1, ops.rs2], |e, v| e.b.ins().fsub(v[0], v[1]));
        Emitted::Done
    }

    fn fmul_d(&mut self, ops: FR) -> Emitted {
        if ops.rm != Rm::Dyn {
            return Emitted::Libcall;
        }
        self.arithmetic(types::F64, ops.rd, &[ops.rs1, ops.rs2], |e, v| e.b.ins().fmul(v[0], v[1]));
        Emitted::Done
    }

    fn fdiv_d(&mut self, ops: FR) -> Emitted {
        if ops.rm != Rm::Dyn {
            return Emitted::Libcall;
        }
        self.arithmetic(types::F64, ops.rd, &[ops.rs1, ops.rs2], |e, v| e.b.ins().fdiv(v[0], v[1]));
        Emitted::Done
    }

    fn fsqrt_d(&mut self, ops: FUnary) -> Emitted {
        if ops.rm != Rm::Dyn {
            return Emitted::Libcall;
        }
        self.arithmetic(types::F64, ops.rd, &[ops.rs1], |e, v| e.b.ins().sqrt(v[0]));
        Emitted::Done
    }

    fn fsgnj_d(&mut self, ops: FBinary) -> Emitted {
        if ops.rs1 == ops.rs2 {
            self.copy(types::F64, ops.rd, ops.rs1);
        } else {
            self.inject(types::F64, ops, |e, a, b| e.b.ins().fcopysign(a, b));
        }
        Emitted::Done
    }

    fn fsgnjn_d(&mut self, ops: FBinary) -> Emitted {
        if ops.rs1 == ops.rs2 {
            self.inject(types::F64, ops, |e, a, _| e.b.ins().fneg(a));
        } else {
            self.inject(types::F64, ops, |e, a, b| {
                let sign = e.b.ins().fneg(b);
                e.b.ins().fcopysign(a, sign)
            });
        }
        Emitted::Done
    }

    fn fsgnjx_d(&mut self, ops: FBinary) -> Emitted {
        if ops.rs1 == ops.rs2 {
            self.inject(types::F64, ops, |e, a, _| e.b.ins().fabs(a));
        } else {
            self.inject(types::F64, ops, |e, a, b| e.xor_signs(a, b));
        }
        Emitted::Done
    }

    fn fmin_d(&mut self, ops: FBinary) -> Emitted {
        self.extreme(types::F64, ops, true, false);
        Emitted::Done
    }

    fn fmax_d(&mut self, ops: FBinary) -> Emitted {
        self.extreme(types::F64, ops, false, false);
        Emitted::Done
    }

    fn fcvt_s_d(&mut self, ops: FUnary) -> Emitted {
        if ops.rm != Rm::Dyn {
            return Emitted::Libcall;
        }
        self.arithmetic(types::F64, ops.rd, &[ops.rs1], |e, v| e.b.ins().fdemote(types::F32, v[0]));
        Emitted::Done
    }

    fn fcvt_d_s(&mut self, ops: FUnary) -> Emitted {
        self.arithmetic(types::F32, ops.rd, &[ops.rs1], |e, v| e.b.ins().fpromote(types::F64, v[0]));
        Emitted::Done
    }

    fn fle_d(&mut self, ops: FCompare) -> Emitted {
        self.compare_floats(types::F64, ops, FloatCC::LessThanOrEqual, true);
        Emitted::Done
    }

    fn flt_d(&mut self, ops: FCompare) -> Emitted {
        self.compare_floats(types::F64, ops, FloatCC::LessThan, true);
        Emitted::Done
    }

    fn feq_d(&mut self, ops: FCompare) -> Emitted {
        self.compare_floats(types::F64, ops, FloatCC::Equal, false);
        Emitted::Done
    }

    fn fclass_d(&mut self, ops: FMoveToX) -> Emitted {
        let value = self.bits(types::F64, ops.rs1);
        let bits = self.b.ins().bitcast(types::I64, MemFlagsData::new(), value);
        let class = self.classify(types::F64, bits);
        self.set_x(ops.rd, class);
        Emitted::Done
    }

    fn fcvt_w_d(&mut self, ops: FToX) -> Emitted {
        if ops.rm != Rm::Rtz {
            return Emitted::Libcall;
        }
        let value = self.operand(types::F64, ops.rs1);
        let value = self.signed_of(types::I32, value);
        self.set_w(ops.rd, value);
        Emitted::Done
    }

    fn fcvt_wu_d(&mut self, ops: FToX) -> Emitted {
        if ops.rm != Rm::Rtz {
            return Emitted::Libcall;
        }
        let value = self.operand(types::F64, ops.rs1);
        let value = self.unsigned_of(types::I32, value);
        self.set_w(ops.rd, value);
        Emitted::Done
    }

    fn fcvt_l_d(&mut self, ops: FToX) -> Emitted {
        if ops.rm != Rm::Rtz {
            return Emitted::Libcall;
        }
        let value = self.operand(types::F64, ops.rs1);
        let value = self.signed_of(types::I64, value);
        self.set_x(ops.rd, value);
        Emitted::Done
    }

    fn fcvt_lu_d(&mut self, ops: FToX) -> Emitted {
        if ops.rm != Rm::Rtz {
            return Emitted::Libcall;
        }
        let value = self.operand(types::F64, ops.rs1);
        let value = self.unsigned_of(types::I64, value);
        self.set_x(ops.rd, value);
        Emitted::Done
    }

    fn fmv_x_d(&mut self, ops: FMoveToX) -> Emitted {
        let bits = self.low_bits(types::I64, ops.rs1);
        self.set_x(ops.rd, bits);
        Emitted::Done
    }

    fn fcvt_d_w(&mut self, ops: XToF) -> Emitted {
        let value = self.w(ops.rs1);
        let value = self.float_of_integer(types::F64, value, true);
        self.set_float(ops.rd, value);
        Emitted::Done
    }

    fn fcvt_d_wu(&mut self, ops: XToF) -> Emitted {
        let value = self.w(ops.rs1);
        let value = self.float_of_integer(types::F64, value, false);
        self.set_float(ops.rd, value);
        Emitted::Done
    }

    fn fcvt_d_l(&mut self, ops: XToF) -> Emitted {
        if ops.rm != Rm::Dyn {
            return Emitted::Libcall;
        }
        let value = self.x(ops.rs1);
        let value = self.float_of_integer(types::F64, value, true);
        self.set_float(ops.rd, value);
        Emitted::Done
    }

    fn fcvt_d_lu(&mut self, ops: XToF) -> Emitted {
        if ops.rm != Rm::Dyn {
            return Emitted::Libcall;
        }
        let value = self.x(ops.rs1);
        let value = self.float_of_integer(types::F64, value, false);
        self.set_float(ops.rd, value);
        Emitted::Done
    }

    fn fmv_d_x(&mut self, ops: XMoveToF) -> Emitted {
        let bits = self.x(ops.rs1);
        let value = self.float_of_bits(bits);
        self.set_float(ops.rd, value);
        Emitted::Done
    }
}
