//! D: double-precision floating point.

use causality_isa::format::{
    FBinary, FCompare, FLoad, FMoveToX, FR, FR4, FStore, FToX, FUnary, XMoveToF, XToF,
};
use causality_isa::visit::VisitD;

use super::{Exec, Retire};
use crate::hostfloat::Host;
use crate::num::sext_w;
use crate::softfloat::{self as sf, Extreme, F32, F64};

impl<const FULL: bool> VisitD for Exec<'_, FULL> {
    fn fld(&mut self, ops: FLoad) -> Retire {
        let bits = u64::from_le_bytes(self.load_bytes(self.address(ops.rs1, ops.imm))?);
        self.hart.f[ops.rd.index()] = bits;
        Ok(())
    }

    fn fsd(&mut self, ops: FStore) -> Retire {
        let bits = self.hart.f[ops.rs2.index()];
        self.store_bytes(self.address(ops.rs1, ops.imm), bits.to_le_bytes())
    }

    fn fmadd_d(&mut self, ops: FR4) -> Retire {
        self.fused::<F64>(ops, false, false)
    }

    fn fmsub_d(&mut self, ops: FR4) -> Retire {
        self.fused::<F64>(ops, false, true)
    }

    fn fnmsub_d(&mut self, ops: FR4) -> Retire {
        self.fused::<F64>(ops, true, false)
    }

    fn fnmadd_d(&mut self, ops: FR4) -> Retire {
        self.fused::<F64>(ops, true, true)
    }

    fn fadd_d(&mut self, ops: FR) -> Retire {
        self.arithmetic(ops, F64::add, F64::sum_is_exact, sf::add::<F64>)
    }

    fn fsub_d(&mut self, ops: FR) -> Retire {
        self.arithmetic(ops, F64::sub, F64::difference_is_exact, sf::sub::<F64>)
    }

    fn fmul_d(&mut self, ops: FR) -> Retire {
        self.arithmetic(ops, F64::mul, F64::product_is_exact, sf::mul::<F64>)
    }

    fn fdiv_d(&mut self, ops: FR) -> Retire {
        self.arithmetic(ops, F64::div, F64::quotient_is_exact, sf::div::<F64>)
    }

    fn fsqrt_d(&mut self, ops: FUnary) -> Retire {
        self.root::<F64>(ops)
    }

    fn fsgnj_d(&mut self, ops: FBinary) -> Retire {
        self.sign_inject::<F64>(ops, |_, b| b)
    }

    fn fsgnjn_d(&mut self, ops: FBinary) -> Retire {
        self.sign_inject::<F64>(ops, |_, b| !b)
    }

    fn fsgnjx_d(&mut self, ops: FBinary) -> Retire {
        self.sign_inject::<F64>(ops, |a, b| a ^ b)
    }

    fn fmin_d(&mut self, ops: FBinary) -> Retire {
        self.select::<F64>(ops, |a, b| sf::extreme_number(a, b, Extreme::Min))
    }

    fn fmax_d(&mut self, ops: FBinary) -> Retire {
        self.select::<F64>(ops, |a, b| sf::extreme_number(a, b, Extreme::Max))
    }

    fn fcvt_s_d(&mut self, ops: FUnary) -> Retire {
        let a: F64 = self.f(ops.rs1);
        let r = a.value() as f32;
        let is_exact = || Some(f64::from(r) == a.value());
        self.compute(ops.rd, ops.rm, r, is_exact, |rm| sf::convert::<F64, F32>(a, rm))
    }

    fn fcvt_d_s(&mut self, ops: FUnary) -> Retire {
        let a: F32 = self.f(ops.rs1);
        let r = f64::from(a.value());
        self.compute(ops.rd, ops.rm, r, || Some(true), |rm| sf::convert::<F32, F64>(a, rm))
    }

    fn fle_d(&mut self, ops: FCompare) -> Retire {
        self.compare::<F64>(ops, sf::le)
    }

    fn flt_d(&mut self, ops: FCompare) -> Retire {
        self.compare::<F64>(ops, sf::lt)
    }

    fn feq_d(&mut self, ops: FCompare) -> Retire {
        self.compare::<F64>(ops, sf::eq)
    }

    fn fclass_d(&mut self, ops: FMoveToX) -> Retire {
        self.classify::<F64>(ops)
    }

    fn fcvt_w_d(&mut self, ops: FToX) -> Retire {
        self.float_to_integer::<F64, i32>(ops, |v| v as i32, |v| v as f64, |v| v as u64)
    }

    fn fcvt_wu_d(&mut self, ops: FToX) -> Retire {
        self.float_to_integer::<F64, u32>(ops, |v| v as u32, |v| v as f64, sext_w)
    }

    fn fcvt_l_d(&mut self, ops: FToX) -> Retire {
        self.float_to_integer::<F64, i64>(ops, |v| v as i64, |v| v as f64, |v| v as u64)
    }

    fn fcvt_lu_d(&mut self, ops: FToX) -> Retire {
        self.float_to_integer::<F64, u64>(ops, |v| v as u64, |v| v as f64, |v| v)
    }

    fn fmv_x_d(&mut self, ops: FMoveToX) -> Retire {
        self.set_x(ops.rd, self.hart.f[ops.rs1.index()]);
        Ok(())
    }

    fn fcvt_d_w(&mut self, ops: XToF) -> Retire {
        self.integer_to_float::<F64, i32>(ops, |v| v as i32, |v| v as f64, |r| r as i128)
    }

    fn fcvt_d_wu(&mut self, ops: XToF) -> Retire {
        self.integer_to_float::<F64, u32>(ops, |v| v as u32, |v| v as f64, |r| r as i128)
    }

    fn fcvt_d_l(&mut self, ops: XToF) -> Retire {
        self.integer_to_float::<F64, i64>(ops, |v| v as i64, |v| v as f64, |r| r as i128)
    }

    fn fcvt_d_lu(&mut self, ops: XToF) -> Retire {
        self.integer_to_float::<F64, u64>(ops, |v| v, |v| v as f64, |r| r as i128)
    }

    fn fmv_d_x(&mut self, ops: XMoveToF) -> Retire {
        self.hart.f[ops.rd.index()] = self.x(ops.rs1);
        Ok(())
    }
}
