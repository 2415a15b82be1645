//! TODO

use causality_machine::isa::format;
use causality_machine::isa::visit;

use super::{Emitted, Emitter};

impl visit::VisitF for Emitter<'_> {
    fn flw(&mut self, _: format::FLoad) -> Emitted {
        Emitted::Libcall
    }
    fn fsw(&mut self, _: format::FStore) -> Emitted {
        Emitted::Libcall
    }
    fn fmadd_s(&mut self, _: format::FR4) -> Emitted {
        Emitted::Libcall
    }
    fn fmsub_s(&mut self, _: format::FR4) -> Emitted {
        Emitted::Libcall
    }
    fn fnmsub_s(&mut self, _: format::FR4) -> Emitted {
        Emitted::Libcall
    }
    fn fnmadd_s(&mut self, _: format::FR4) -> Emitted {
        Emitted::Libcall
    }
    fn fadd_s(&mut self, _: format::FR) -> Emitted {
        Emitted::Libcall
    }
    fn fsub_s(&mut self, _: format::FR) -> Emitted {
        Emitted::Libcall
    }
    fn fmul_s(&mut self, _: format::FR) -> Emitted {
        Emitted::Libcall
    }
    fn fdiv_s(&mut self, _: format::FR) -> Emitted {
        Emitted::Libcall
    }
    fn fsqrt_s(&mut self, _: format::FUnary) -> Emitted {
        Emitted::Libcall
    }
    fn fsgnj_s(&mut self, _: format::FBinary) -> Emitted {
        Emitted::Libcall
    }
    fn fsgnjn_s(&mut self, _: format::FBinary) -> Emitted {
        Emitted::Libcall
    }
    fn fsgnjx_s(&mut self, _: format::FBinary) -> Emitted {
        Emitted::Libcall
    }
    fn fmin_s(&mut self, _: format::FBinary) -> Emitted {
        Emitted::Libcall
    }
    fn fmax_s(&mut self, _: format::FBinary) -> Emitted {
        Emitted::Libcall
    }
    fn fcvt_w_s(&mut self, _: format::FToX) -> Emitted {
        Emitted::Libcall
    }
    fn fcvt_wu_s(&mut self, _: format::FToX) -> Emitted {
        Emitted::Libcall
    }
    fn fcvt_l_s(&mut self, _: format::FToX) -> Emitted {
        Emitted::Libcall
    }
    fn fcvt_lu_s(&mut self, _: format::FToX) -> Emitted {
        Emitted::Libcall
    }
    fn fmv_x_w(&mut self, _: format::FMoveToX) -> Emitted {
        Emitted::Libcall
    }
    fn fle_s(&mut self, _: format::FCompare) -> Emitted {
        Emitted::Libcall
    }
    fn flt_s(&mut self, _: format::FCompare) -> Emitted {
        Emitted::Libcall
    }
    fn feq_s(&mut self, _: format::FCompare) -> Emitted {
        Emitted::Libcall
    }
    fn fclass_s(&mut self, _: format::FMoveToX) -> Emitted {
        Emitted::Libcall
    }
    fn fcvt_s_w(&mut self, _: format::XToF) -> Emitted {
        Emitted::Libcall
    }
    fn fcvt_s_wu(&mut self, _: format::XToF) -> Emitted {
        Emitted::Libcall
    }
    fn fcvt_s_l(&mut self, _: format::XToF) -> Emitted {
        Emitted::Libcall
    }
    fn fcvt_s_lu(&mut self, _: format::XToF) -> Emitted {
        Emitted::Libcall
    }
    fn fmv_w_x(&mut self, _: format::XMoveToF) -> Emitted {
        Emitted::Libcall
    }
}
