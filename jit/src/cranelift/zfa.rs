//! TODO

use causality_machine::isa::format;
use causality_machine::isa::visit;

use super::{Emitted, Emitter};

impl visit::VisitZfa for Emitter<'_> {
    fn fli_s(&mut self, _: format::Fli) -> Emitted {
        Emitted::Libcall
    }
    fn fminm_s(&mut self, _: format::FBinary) -> Emitted {
        Emitted::Libcall
    }
    fn fmaxm_s(&mut self, _: format::FBinary) -> Emitted {
        Emitted::Libcall
    }
    fn fround_s(&mut self, _: format::FUnary) -> Emitted {
        Emitted::Libcall
    }
    fn froundnx_s(&mut self, _: format::FUnary) -> Emitted {
        Emitted::Libcall
    }
    fn fleq_s(&mut self, _: format::FCompare) -> Emitted {
        Emitted::Libcall
    }
    fn fltq_s(&mut self, _: format::FCompare) -> Emitted {
        Emitted::Libcall
    }
    fn fli_d(&mut self, _: format::Fli) -> Emitted {
        Emitted::Libcall
    }
    fn fminm_d(&mut self, _: format::FBinary) -> Emitted {
        Emitted::Libcall
    }
    fn fmaxm_d(&mut self, _: format::FBinary) -> Emitted {
        Emitted::Libcall
    }
    fn fround_d(&mut self, _: format::FUnary) -> Emitted {
        Emitted::Libcall
    }
    fn froundnx_d(&mut self, _: format::FUnary) -> Emitted {
        Emitted::Libcall
    }
    fn fcvtmod_w_d(&mut self, _: format::FToXRtz) -> Emitted {
        Emitted::Libcall
    }
    fn fleq_d(&mut self, _: format::FCompare) -> Emitted {
        Emitted::Libcall
    }
    fn fltq_d(&mut self, _: format::FCompare) -> Emitted {
        Emitted::Libcall
    }
}
