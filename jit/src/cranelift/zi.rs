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
use cranelift_codegen::ir::condcodes::IntCC;
use cranelift_codegen::ir::{InstBuilder, Value, types};

use super::{Emitted, Emitter};
use crate::context::field;

impl Emitter<'_> {
    /// Reads a CSR without writing it.
    fn read_csr(&mut self, rd: X, number: u16) -> Emitted {
        let value = match number {
            csr::CYCLE | csr::TIME | csr::INSTRET => self.retired(),
            csr::HPMCOUNTER3..=csr::HPMCOUNTER31 => Some(self.iconst(0)),
            _ => None,
        };
        let Some(value) = value else { return Emitted::Libcall };
        self.set_x(rd, value);
        Emitted::Done
    }

    /// Instructions retired before this one, if fuel is counted. One is a nanosecond, too.
    fn retired(&mut self) -> Option<Value> {
        let fuel = self.fuel_now()?;
        let fuel = self.true_fuel(fuel, self.pending);
        let granted = self.field(types::I64, field!(hart.granted));
        Some(self.b.ins().isub(granted, fuel))
    }

    /// `rd = rs1`, or zero if `rs2` compares so with zero.
    fn zero_if(&mut self, ops: R, condition: IntCC) -> Emitted {
        self.binary(ops, |e, a, b| {
            let is_zeroed = e.b.ins().icmp_imm_s(condition, b, 0);
            let zero = e.iconst(0);
            e.b.ins().select(is_zeroed, zero, a)
        })
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
        self.zero_if(ops, IntCC::Equal)
    }

    fn czero_nez(&mut self, ops: R) -> Emitted {
        self.zero_if(ops, IntCC::NotEqual)
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
