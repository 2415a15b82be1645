//! F: single-precision floating point.

use causality_isa::format::{
    FBinary, FCompare, FLoad, FMoveToX, FR, FR4, FStore, FToX, FUnary, XMoveToF, XToF,
};
use causality_isa::visit::VisitF;

use super::{Exec, Retire};
use crate::hostfloat::Host;
use crate::num::sext_w;
use crate::softfloat::{self as sf, Extreme, F32};

impl<const FULL: bool> VisitF for Exec<'_, FULL> {
    fn flw(&mut self, ops: FLoad) -> Retire {
        let bits = u32::from_le_bytes(self.load_bytes(self.address(ops.rs1, ops.imm))?);
        self.hart.f[ops.rd.index()] = !0xffff_ffff | u64::from(bits);
        Ok(())
    }

    fn fsw(&mut self, ops: FStore) -> Retire {
        let bits = self.hart.f[ops.rs2.index()] as u32;
        self.store_bytes(self.address(ops.rs1, ops.imm), bits.to_le_bytes())
    }

    fn fmadd_s(&mut self, ops: FR4) -> Retire {
        self.fused::<F32>(ops, false, false)
    }

    fn fmsub_s(&mut self, ops: FR4) -> Retire {
        self.fused::<F32>(ops, false, true)
    }

    fn fnmsub_s(&mut self, ops: FR4) -> Retire {
        self.fused::<F32>(ops, true, false)
    }

    fn fnmadd_s(&mut self, ops: FR4) -> Retire {
        self.fused::<F32>(ops, true, true)
    }

    fn fadd_s(&mut self, ops: FR) -> Retire {
        self.arithmetic(ops, F32::add, F32::sum_is_exact, sf::add::<F32>)
    }

    fn fsub_s(&mut self, ops: FR) -> Retire {
        self.arithmetic(ops, F32::sub, F32::difference_is_exact, sf::sub::<F32>)
    }

    fn fmul_s(&mut self, ops: FR) -> Retire {
        self.arithmetic(ops, F32::mul, F32::product_is_exact, sf::mul::<F32>)
    }

    fn fdiv_s(&mut self, ops: FR) -> Retire {
        self.arithmetic(ops, F32::div, F32::quotient_is_exact, sf::div::<F32>)
    }

    fn fsqrt_s(&mut self, ops: FUnary) -> Retire {
        self.root::<F32>(ops)
    }

    fn fsgnj_s(&mut self, ops: FBinary) -> Retire {
        self.sign_inject::<F32>(ops, |_, b| b)
    }

    fn fsgnjn_s(&mut self, ops: FBinary) -> Retire {
        self.sign_inject::<F32>(ops, |_, b| !b)
    }

    fn fsgnjx_s(&mut self, ops: FBinary) -> Retire {
        self.sign_inject::<F32>(ops, |a, b| a ^ b)
    }

    fn fmin_s(&mut self, ops: FBinary) -> Retire {
        self.select::<F32>(ops, |a, b| sf::extreme_number(a, b, Extreme::Min))
    }

    fn fmax_s(&mut self, ops: FBinary) -> Retire {
        self.select::<F32>(ops, |a, b| sf::extreme_number(a, b, Extreme::Max))
    }

    fn fle_s(&mut self, ops: FCompare) -> Retire {
        self.compare::<F32>(ops, sf::le)
    }

    fn flt_s(&mut self, ops: FCompare) -> Retire {
        self.compare::<F32>(ops, sf::lt)
    }

    fn feq_s(&mut self, ops: FCompare) -> Retire {
        self.compare::<F32>(ops, sf::eq)
    }

    fn fclass_s(&mut self, ops: FMoveToX) -> Retire {
        self.classify::<F32>(ops)
    }

    fn fcvt_w_s(&mut self, ops: FToX) -> Retire {
        self.float_to_integer::<F32, i32>(ops, |v| v as i32, |v| v as f32, |v| v as u64)
    }

    fn fcvt_wu_s(&mut self, ops: FToX) -> Retire {
        self.float_to_integer::<F32, u32>(ops, |v| v as u32, |v| v as f32, sext_w)
    }

    fn fcvt_l_s(&mut self, ops: FToX) -> Retire {
        self.float_to_integer::<F32, i64>(ops, |v| v as i64, |v| v as f32, |v| v as u64)
    }

    fn fcvt_lu_s(&mut self, ops: FToX) -> Retire {
        self.float_to_integer::<F32, u64>(ops, |v| v as u64, |v| v as f32, |v| v)
    }

    fn fmv_x_w(&mut self, ops: FMoveToX) -> Retire {
        self.set_x(ops.rd, sext_w(self.hart.f[ops.rs1.index()] as u32));
        Ok(())
    }

    fn fcvt_s_w(&mut self, ops: XToF) -> Retire {
        self.integer_to_float::<F32, i32>(ops, |v| v as i32, |v| v as f32, |r| r as i128)
    }

    fn fcvt_s_wu(&mut self, ops: XToF) -> Retire {
        self.integer_to_float::<F32, u32>(ops, |v| v as u32, |v| v as f32, |r| r as i128)
    }

    fn fcvt_s_l(&mut self, ops: XToF) -> Retire {
        self.integer_to_float::<F32, i64>(ops, |v| v as i64, |v| v as f32, |r| r as i128)
    }

    fn fcvt_s_lu(&mut self, ops: XToF) -> Retire {
        self.integer_to_float::<F32, u64>(ops, |v| v, |v| v as f32, |r| r as i128)
    }

    fn fmv_w_x(&mut self, ops: XMoveToF) -> Retire {
        self.hart.f[ops.rd.index()] = !0xffff_ffff | self.x(ops.rs1);
        Ok(())
    }
}
