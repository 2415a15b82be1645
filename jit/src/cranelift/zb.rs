//! TODO

use causality_machine::isa::format;
use causality_machine::isa::visit;

use super::{Emitted, Emitter};

impl visit::VisitZba for Emitter<'_> {
    fn add_uw(&mut self, _: format::R) -> Emitted {
        Emitted::Libcall
    }
    fn sh1add(&mut self, _: format::R) -> Emitted {
        Emitted::Libcall
    }
    fn sh2add(&mut self, _: format::R) -> Emitted {
        Emitted::Libcall
    }
    fn sh3add(&mut self, _: format::R) -> Emitted {
        Emitted::Libcall
    }
    fn sh1add_uw(&mut self, _: format::R) -> Emitted {
        Emitted::Libcall
    }
    fn sh2add_uw(&mut self, _: format::R) -> Emitted {
        Emitted::Libcall
    }
    fn sh3add_uw(&mut self, _: format::R) -> Emitted {
        Emitted::Libcall
    }
    fn slli_uw(&mut self, _: format::Shift) -> Emitted {
        Emitted::Libcall
    }
}

impl visit::VisitZbb for Emitter<'_> {
    fn andn(&mut self, _: format::R) -> Emitted {
        Emitted::Libcall
    }
    fn orn(&mut self, _: format::R) -> Emitted {
        Emitted::Libcall
    }
    fn xnor(&mut self, _: format::R) -> Emitted {
        Emitted::Libcall
    }
    fn clz(&mut self, _: format::Unary) -> Emitted {
        Emitted::Libcall
    }
    fn ctz(&mut self, _: format::Unary) -> Emitted {
        Emitted::Libcall
    }
    fn cpop(&mut self, _: format::Unary) -> Emitted {
        Emitted::Libcall
    }
    fn clzw(&mut self, _: format::Unary) -> Emitted {
        Emitted::Libcall
    }
    fn ctzw(&mut self, _: format::Unary) -> Emitted {
        Emitted::Libcall
    }
    fn cpopw(&mut self, _: format::Unary) -> Emitted {
        Emitted::Libcall
    }
    fn max(&mut self, _: format::R) -> Emitted {
        Emitted::Libcall
    }
    fn maxu(&mut self, _: format::R) -> Emitted {
        Emitted::Libcall
    }
    fn min(&mut self, _: format::R) -> Emitted {
        Emitted::Libcall
    }
    fn minu(&mut self, _: format::R) -> Emitted {
        Emitted::Libcall
    }
    fn sext_b(&mut self, _: format::Unary) -> Emitted {
        Emitted::Libcall
    }
    fn sext_h(&mut self, _: format::Unary) -> Emitted {
        Emitted::Libcall
    }
    fn zext_h(&mut self, _: format::Unary) -> Emitted {
        Emitted::Libcall
    }
    fn rol(&mut self, _: format::R) -> Emitted {
        Emitted::Libcall
    }
    fn rolw(&mut self, _: format::R) -> Emitted {
        Emitted::Libcall
    }
    fn ror(&mut self, _: format::R) -> Emitted {
        Emitted::Libcall
    }
    fn rorw(&mut self, _: format::R) -> Emitted {
        Emitted::Libcall
    }
    fn rori(&mut self, _: format::Shift) -> Emitted {
        Emitted::Libcall
    }
    fn roriw(&mut self, _: format::Shift) -> Emitted {
        Emitted::Libcall
    }
    fn orc_b(&mut self, _: format::Unary) -> Emitted {
        Emitted::Libcall
    }
    fn rev8(&mut self, _: format::Unary) -> Emitted {
        Emitted::Libcall
    }
}

impl visit::VisitZbc for Emitter<'_> {
    fn clmul(&mut self, _: format::R) -> Emitted {
        Emitted::Libcall
    }
    fn clmulr(&mut self, _: format::R) -> Emitted {
        Emitted::Libcall
    }
    fn clmulh(&mut self, _: format::R) -> Emitted {
        Emitted::Libcall
    }
}

impl visit::VisitZbs for Emitter<'_> {
    fn bclr(&mut self, _: format::R) -> Emitted {
        Emitted::Libcall
    }
    fn bclri(&mut self, _: format::Shift) -> Emitted {
        Emitted::Libcall
    }
    fn bext(&mut self, _: format::R) -> Emitted {
        Emitted::Libcall
    }
    fn bexti(&mut self, _: format::Shift) -> Emitted {
        Emitted::Libcall
    }
    fn binv(&mut self, _: format::R) -> Emitted {
        Emitted::Libcall
    }
    fn binvi(&mut self, _: format::Shift) -> Emitted {
        Emitted::Libcall
    }
    fn bset(&mut self, _: format::R) -> Emitted {
        Emitted::Libcall
    }
    fn bseti(&mut self, _: format::Shift) -> Emitted {
        Emitted::Libcall
    }
}
