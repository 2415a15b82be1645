//! TODO

use causality_machine::isa::format;
use causality_machine::isa::visit;

use super::{Emitted, Emitter};

impl visit::VisitA for Emitter<'_> {
    fn lr_w(&mut self, _: format::Lr) -> Emitted {
        Emitted::Libcall
    }
    fn sc_w(&mut self, _: format::Amo) -> Emitted {
        Emitted::Libcall
    }
    fn amoswap_w(&mut self, _: format::Amo) -> Emitted {
        Emitted::Libcall
    }
    fn amoadd_w(&mut self, _: format::Amo) -> Emitted {
        Emitted::Libcall
    }
    fn amoxor_w(&mut self, _: format::Amo) -> Emitted {
        Emitted::Libcall
    }
    fn amoand_w(&mut self, _: format::Amo) -> Emitted {
        Emitted::Libcall
    }
    fn amoor_w(&mut self, _: format::Amo) -> Emitted {
        Emitted::Libcall
    }
    fn amomin_w(&mut self, _: format::Amo) -> Emitted {
        Emitted::Libcall
    }
    fn amomax_w(&mut self, _: format::Amo) -> Emitted {
        Emitted::Libcall
    }
    fn amominu_w(&mut self, _: format::Amo) -> Emitted {
        Emitted::Libcall
    }
    fn amomaxu_w(&mut self, _: format::Amo) -> Emitted {
        Emitted::Libcall
    }
    fn lr_d(&mut self, _: format::Lr) -> Emitted {
        Emitted::Libcall
    }
    fn sc_d(&mut self, _: format::Amo) -> Emitted {
        Emitted::Libcall
    }
    fn amoswap_d(&mut self, _: format::Amo) -> Emitted {
        Emitted::Libcall
    }
    fn amoadd_d(&mut self, _: format::Amo) -> Emitted {
        Emitted::Libcall
    }
    fn amoxor_d(&mut self, _: format::Amo) -> Emitted {
        Emitted::Libcall
    }
    fn amoand_d(&mut self, _: format::Amo) -> Emitted {
        Emitted::Libcall
    }
    fn amoor_d(&mut self, _: format::Amo) -> Emitted {
        Emitted::Libcall
    }
    fn amomin_d(&mut self, _: format::Amo) -> Emitted {
        Emitted::Libcall
    }
    fn amomax_d(&mut self, _: format::Amo) -> Emitted {
        Emitted::Libcall
    }
    fn amominu_d(&mut self, _: format::Amo) -> Emitted {
        Emitted::Libcall
    }
    fn amomaxu_d(&mut self, _: format::Amo) -> Emitted {
        Emitted::Libcall
    }
}
