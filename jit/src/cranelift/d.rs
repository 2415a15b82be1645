//! TODO

use causality_machine::isa::format;
use causality_machine::isa::visit;

use super::{Emitted, Emitter};

impl visit::VisitD for Emitter<'_> {
    fn fld(&mut self, _: format::FLoad) -> Emitted {
        Emitted::Libcall
    }
    fn fsd(&mut self, _: format::FStore) -> Emitted {
        Emitted::Libcall
    }
    fn fmadd_d(&mut self, _: format::FR4) -> Emitted {
        Emitted::Libcall
    }
    fn fmsub_d(&mut self, _: format::FR4) -> Emitted {
        Emitted::Libcall
    }
    fn fnmsub_d(&mut self, _: format::FR4) -> Emitted {
        Emitted::Libcall
    }
    fn fnmadd_d(&mut self, _: format::FR4) -> Emitted {
        Emitted::Libcall
    }
    fn fadd_d(&mut self, _: format::FR) -> Emitted {
        Emitted::Libcall
    }
    fn fsub_d(&mut self, _: format::FR) -> Emitted {
        Emitted::Libcall
    }
    fn fmul_d(&mut self, _: format::FR) -> Emitted {
        Emitted::Libcall
    }
    fn fdiv_d(&mut self, _: format::FR) -> Emitted {
        Emitted::Libcall
    }
    fn fsqrt_d(&mut self, _: format::FUnary) -> Emitted {
        Emitted::Libcall
    }
    fn fsgnj_d(&mut self, _: format::FBinary) -> Emitted {
        Emitted::Libcall
    }
    fn fsgnjn_d(&mut self, _: format::FBinary) -> Emitted {
        Emitted::Libcall
    }
    fn fsgnjx_d(&mut self, _: format::FBinary) -> Emitted {
        Emitted::Libcall
    }
    fn fmin_d(&mut self, _: format::FBinary) -> Emitted {
        Emitted::Libcall
    }
    fn fmax_d(&mut self, _: format::FBinary) -> Emitted {
        Emitted::Libcall
    }
    fn fcvt_s_d(&mut self, _: format::FUnary) -> Emitted {
        Emitted::Libcall
    }
    fn fcvt_d_s(&mut self, _: format::FUnary) -> Emitted {
        Emitted::Libcall
    }
    fn fle_d(&mut self, _: format::FCompare) -> Emitted {
        Emitted::Libcall
    }
    fn flt_d(&mut self, _: format::FCompare) -> Emitted {
        Emitted::Libcall
    }
    fn feq_d(&mut self, _: format::FCompare) -> Emitted {
        Emitted::Libcall
    }
    fn fclass_d(&mut self, _: format::FMoveToX) -> Emitted {
        Emitted::Libcall
    }
    fn fcvt_w_d(&mut self, _: format::FToX) -> Emitted {
        Emitted::Libcall
    }
    fn fcvt_wu_d(&mut self, _: format::FToX) -> Emitted {
        Emitted::Libcall
    }
    fn fcvt_l_d(&mut self, _: format::FToX) -> Emitted {
        Emitted::Libcall
    }
    fn fcvt_lu_d(&mut self, _: format::FToX) -> Emitted {
        Emitted::Libcall
    }
    fn fmv_x_d(&mut self, _: format::FMoveToX) -> Emitted {
        Emitted::Libcall
    }
    fn fcvt_d_w(&mut self, _: format::XToF) -> Emitted {
        Emitted::Libcall
    }
    fn fcvt_d_wu(&mut self, _: format::XToF) -> Emitted {
        Emitted::Libcall
    }
    fn fcvt_d_l(&mut self, _: format::XToF) -> Emitted {
        Emitted::Libcall
    }
    fn fcvt_d_lu(&mut self, _: format::XToF) -> Emitted {
        Emitted::Libcall
    }
    fn fmv_d_x(&mut self, _: format::XMoveToF) -> Emitted {
        Emitted::Libcall
    }
}
