//! The small `Zi*` extensions: CSRs, counters, fences, hints, conditional zero and cache blocks.
//!
//! Native are what programs do often, reading counters and `Zicond`, and what does nothing. The rest are
//! libcalls: writes to `fcsr` change how everything after rounds, `fence.i` may replace the code that runs,
//! and cache blocks are rare.

use causality_machine::isa::csr;
use causality_machine::isa::format::{Bare, Cbo, Csr, CsrImm, FenceI, Prefetch, R};
use causality_machine::isa::reg::X;
use causality_machine::isa::visit::{
    VisitZicbom, VisitZicbop, VisitZicboz, VisitZicond, VisitZicsr, VisitZifencei, VisitZihintpause,
};

use super::assembler::{Cond, RAX, RCX, Width};
use super::{Emitted, Emitter};

impl Emitter<'_> {
    /// Reads a CSR without writing it.
    fn read_csr(&mut self, rd: X, number: u16) -> Emitted {
        match number {
            csr::CYCLE | csr::TIME | csr::INSTRET if self.tunables.fuel => {
                self.retired(RAX);
                self.write(rd, RAX);
            }
            csr::HPMCOUNTER3..=csr::HPMCOUNTER31 => self.write_constant(rd, 0),
            _ => return Emitted::Libcall,
        }
        Emitted::Done
    }

    /// `rd = rs1`, or zero if `rs2` compares so with zero.
    fn zero_if(&mut self, ops: R, cond: Cond) -> Emitted {
        let R { rd, rs1, rs2 } = ops;
        if !rd.is_zero() {
            let tested = self.read(rs2, RCX);
            self.a.test(Width::Double, tested, tested);
            self.load(RAX, rs1);
            self.a.constant(RCX, 0);
            self.a.move_if(cond, RAX, RCX);
            self.write(rd, RAX);
        }
        Emitted::Done
    }
}

impl VisitZicsr for Emitter<'_> {
    fn csrrw(&mut self, _: Csr) -> Emitted {
        Emitted::Libcall
    }

    fn csrrs(&mut self, Csr { rd, rs1, csr }: Csr) -> Emitted {
        if rs1.is_zero() { self.read_csr(rd, csr) } else { Emitted::Libcall }
    }

    fn csrrc(&mut self, Csr { rd, rs1, csr }: Csr) -> Emitted {
        if rs1.is_zero() { self.read_csr(rd, csr) } else { Emitted::Libcall }
    }

    fn csrrwi(&mut self, _: CsrImm) -> Emitted {
        Emitted::Libcall
    }

    fn csrrsi(&mut self, CsrImm { rd, uimm, csr }: CsrImm) -> Emitted {
        if uimm == 0 { self.read_csr(rd, csr) } else { Emitted::Libcall }
    }

    fn csrrci(&mut self, CsrImm { rd, uimm, csr }: CsrImm) -> Emitted {
        if uimm == 0 { self.read_csr(rd, csr) } else { Emitted::Libcall }
    }
}

impl VisitZifencei for Emitter<'_> {
    fn fence_i(&mut self, _: FenceI) -> Emitted {
        Emitted::Libcall
    }
}

impl VisitZihintpause for Emitter<'_> {
    fn pause(&mut self, _: Bare) -> Emitted {
        Emitted::Done
    }
}

impl VisitZicond for Emitter<'_> {
    fn czero_eqz(&mut self, ops: R) -> Emitted {
        self.zero_if(ops, Cond::Equal)
    }

    fn czero_nez(&mut self, ops: R) -> Emitted {
        self.zero_if(ops, Cond::NotEqual)
    }
}

impl VisitZicbom for Emitter<'_> {
    fn cbo_inval(&mut self, _: Cbo) -> Emitted {
        Emitted::Libcall
    }

    fn cbo_clean(&mut self, _: Cbo) -> Emitted {
        Emitted::Libcall
    }

    fn cbo_flush(&mut self, _: Cbo) -> Emitted {
        Emitted::Libcall
    }
}

impl VisitZicboz for Emitter<'_> {
    fn cbo_zero(&mut self, _: Cbo) -> Emitted {
        Emitted::Libcall
    }
}

impl VisitZicbop for Emitter<'_> {
    fn prefetch_i(&mut self, _: Prefetch) -> Emitted {
        Emitted::Done
    }

    fn prefetch_r(&mut self, _: Prefetch) -> Emitted {
        Emitted::Done
    }

    fn prefetch_w(&mut self, _: Prefetch) -> Emitted {
        Emitted::Done
    }
}
