//! TODO

use causality_machine::isa::format;
use causality_machine::isa::visit;

use super::{Emitted, Emitter};

impl visit::VisitZfhmin for Emitter<'_> {
    fn flh(&mut self, _: format::FLoad) -> Emitted {
        Emitted::Libcall
    }
    fn fsh(&mut self, _: format::FStore) -> Emitted {
        Emitted::Libcall
    }
    fn fcvt_s_h(&mut self, _: format::FUnary) -> Emitted {
        Emitted::Libcall
    }
    fn fcvt_h_s(&mut self, _: format::FUnary) -> Emitted {
        Emitted::Libcall
    }
    fn fcvt_d_h(&mut self, _: format::FUnary) -> Emitted {
        Emitted::Libcall
    }
    fn fcvt_h_d(&mut self, _: format::FUnary) -> Emitted {
        Emitted::Libcall
    }
    fn fmv_x_h(&mut self, _: format::FMoveToX) -> Emitted {
        Emitted::Libcall
    }
    fn fmv_h_x(&mut self, _: format::XMoveToF) -> Emitted {
        Emitted::Libcall
    }
}
