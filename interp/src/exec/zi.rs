//! The small `Zi*` extensions: CSRs, counters, fences, hints, conditional zero and cache blocks.

use causality_isa::csr;
use causality_isa::format::{Bare, Cbo, Csr, CsrImm, FenceI, Prefetch, R};
use causality_isa::reg::X;
use causality_isa::visit::{
    VisitZicbom, VisitZicbop, VisitZicboz, VisitZicond, VisitZicsr, VisitZifencei, VisitZihintpause,
};
use causality_machine::memory::Perms;
use causality_machine::{Cause, Fault};

use super::{Exec, Retire, Stop};

/// Bytes in a cache block, as profile RVA22U64 (Zic64b) has it.
const CACHE_BLOCK: u64 = 64;

impl<const FULL: bool> Exec<'_, FULL> {
    /// Reads a CSR. Counters count retired instructions, which only a full execution knows.
    fn read_csr(&self, number: u16) -> Result<u64, Stop> {
        let fcsr = u64::from(self.hart.fcsr);
        Ok(match number {
            csr::FFLAGS => fcsr & 0x1f,
            csr::FRM => fcsr >> 5 & 7,
            csr::FCSR => fcsr & 0xff,
            csr::CYCLE | csr::INSTRET | csr::TIME if !FULL => return Err(Stop::Slow),
            csr::CYCLE | csr::INSTRET => self.hart.instret(),
            csr::TIME => self.hart.time(),
            csr::HPMCOUNTER3..=csr::HPMCOUNTER31 => 0,
            _ => return Err(Stop::Illegal),
        })
    }

    /// Writes a CSR; the counters are read-only, and writing one is illegal.
    fn write_csr(&mut self, number: u16, value: u64) -> Retire {
        let fcsr = self.hart.fcsr;
        self.hart.fcsr = match number {
            csr::FFLAGS => fcsr & !0x1f | value as u32 & 0x1f,
            csr::FRM => fcsr & !0xe0 | (value as u32 & 7) << 5,
            csr::FCSR => value as u32 & 0xff,
            _ => return Err(Stop::Illegal),
        };
        Ok(())
    }

    /// `rd` = the CSR, the CSR = `new(old)`, if there is something to write.
    fn swap_csr(&mut self, rd: X, number: u16, new: Option<impl FnOnce(u64) -> u64>) -> Retire {
        let old = self.read_csr(number)?;
        if let Some(new) = new {
            self.write_csr(number, new(old))?;
        }
        self.set_x(rd, old);
        Ok(())
    }
}

impl<const FULL: bool> VisitZicsr for Exec<'_, FULL> {
    fn csrrw(&mut self, Csr { rd, rs1, csr }: Csr) -> Retire {
        let value = self.x(rs1);
        self.swap_csr(rd, csr, Some(|_| value))
    }

    fn csrrs(&mut self, Csr { rd, rs1, csr }: Csr) -> Retire {
        let mask = self.x(rs1);
        self.swap_csr(rd, csr, (rs1 != X::ZERO).then_some(|old| old | mask))
    }

    fn csrrc(&mut self, Csr { rd, rs1, csr }: Csr) -> Retire {
        let mask = self.x(rs1);
        self.swap_csr(rd, csr, (rs1 != X::ZERO).then_some(|old| old & !mask))
    }

    fn csrrwi(&mut self, CsrImm { rd, uimm, csr }: CsrImm) -> Retire {
        self.swap_csr(rd, csr, Some(|_| u64::from(uimm)))
    }

    fn csrrsi(&mut self, CsrImm { rd, uimm, csr }: CsrImm) -> Retire {
        self.swap_csr(rd, csr, (uimm != 0).then_some(|old| old | u64::from(uimm)))
    }

    fn csrrci(&mut self, CsrImm { rd, uimm, csr }: CsrImm) -> Retire {
        self.swap_csr(rd, csr, (uimm != 0).then_some(|old| old & !u64::from(uimm)))
    }
}

impl<const FULL: bool> VisitZifencei for Exec<'_, FULL> {
    fn fence_i(&mut self, _: FenceI) -> Retire {
        // Decoded blocks go out of date, so they must not be running.
        if !FULL {
            return Err(Stop::Slow);
        }
        self.memory.sync_code();
        Ok(())
    }
}

impl<const FULL: bool> VisitZihintpause for Exec<'_, FULL> {
    fn pause(&mut self, _: Bare) -> Retire {
        Ok(())
    }
}

impl<const FULL: bool> VisitZicond for Exec<'_, FULL> {
    fn czero_eqz(&mut self, ops: R) -> Retire {
        self.binary(ops, |a, b| if b == 0 { 0 } else { a })
    }

    fn czero_nez(&mut self, ops: R) -> Retire {
        self.binary(ops, |a, b| if b != 0 { 0 } else { a })
    }
}

impl<const FULL: bool> Exec<'_, FULL> {
    /// Cache management has nothing to manage, but needs a block the guest may access (Zicbom, "the
    /// instruction raises a store fault if neither a load nor a store is permitted").
    fn manage_block(&self, ops: Cbo) -> Retire {
        let addr = self.x(ops.rs1);
        if !self.memory.perms_at(addr).is_readable() {
            let fault = self.memory.check(addr, 1, Perms::RW).err();
            return Err(Stop::Fault(fault.unwrap_or(Fault { cause: Cause::StoreAccessFault, tval: addr })));
        }
        Ok(())
    }
}

impl<const FULL: bool> VisitZicbom for Exec<'_, FULL> {
    fn cbo_inval(&mut self, ops: Cbo) -> Retire {
        self.manage_block(ops)
    }

    fn cbo_clean(&mut self, ops: Cbo) -> Retire {
        self.manage_block(ops)
    }

    fn cbo_flush(&mut self, ops: Cbo) -> Retire {
        self.manage_block(ops)
    }
}

impl<const FULL: bool> VisitZicboz for Exec<'_, FULL> {
    /// The whole aligned block, which never spans pages; `tval` is the address in the register.
    fn cbo_zero(&mut self, ops: Cbo) -> Retire {
        let addr = self.x(ops.rs1);
        self.memory.check(addr, 1, Perms::RW)?;
        Ok(self.memory.store(addr & !(CACHE_BLOCK - 1), [0; CACHE_BLOCK as usize])?)
    }
}

impl<const FULL: bool> VisitZicbop for Exec<'_, FULL> {
    fn prefetch_i(&mut self, _: Prefetch) -> Retire {
        Ok(())
    }

    fn prefetch_r(&mut self, _: Prefetch) -> Retire {
        Ok(())
    }

    fn prefetch_w(&mut self, _: Prefetch) -> Retire {
        Ok(())
    }
}
