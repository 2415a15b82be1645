//! TODO

use causality_machine::isa::format;
use causality_machine::isa::visit;

use super::{Emitted, Emitter};

impl visit::VisitZicsr for Emitter<'_> {
    fn csrrw(&mut self, _: format::Csr) -> Emitted {
        Emitted::Libcall
    }
    fn csrrs(&mut self, _: format::Csr) -> Emitted {
        Emitted::Libcall
    }
    fn csrrc(&mut self, _: format::Csr) -> Emitted {
        Emitted::Libcall
    }
    fn csrrwi(&mut self, _: format::CsrImm) -> Emitted {
        Emitted::Libcall
    }
    fn csrrsi(&mut self, _: format::CsrImm) -> Emitted {
        Emitted::Libcall
    }
    fn csrrci(&mut self, _: format::CsrImm) -> Emitted {
        Emitted::Libcall
    }
}

impl visit::VisitZifencei for Emitter<'_> {
    fn fence_i(&mut self, _: format::FenceI) -> Emitted {
        Emitted::Libcall
    }
}

impl visit::VisitZihintpause for Emitter<'_> {
    fn pause(&mut self, _: format::Bare) -> Emitted {
        Emitted::Libcall
    }
}

impl visit::VisitZicbom for Emitter<'_> {
    fn cbo_inval(&mut self, _: format::Cbo) -> Emitted {
        Emitted::Libcall
    }
    fn cbo_clean(&mut self, _: format::Cbo) -> Emitted {
        Emitted::Libcall
    }
    fn cbo_flush(&mut self, _: format::Cbo) -> Emitted {
        Emitted::Libcall
    }
}

impl visit::VisitZicbop for Emitter<'_> {
    fn prefetch_i(&mut self, _: format::Prefetch) -> Emitted {
        Emitted::Libcall
    }
    fn prefetch_r(&mut self, _: format::Prefetch) -> Emitted {
        Emitted::Libcall
    }
    fn prefetch_w(&mut self, _: format::Prefetch) -> Emitted {
        Emitted::Libcall
    }
}

impl visit::VisitZicboz for Emitter<'_> {
    fn cbo_zero(&mut self, _: format::Cbo) -> Emitted {
        Emitted::Libcall
    }
}

impl visit::VisitZicond for Emitter<'_> {
    fn czero_eqz(&mut self, _: format::R) -> Emitted {
        Emitted::Libcall
    }
    fn czero_nez(&mut self, _: format::R) -> Emitted {
        Emitted::Libcall
    }
}
