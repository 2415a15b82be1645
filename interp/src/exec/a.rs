//! A: load-reserved, store-conditional and atomic memory operations.
//!
//! There is one hart, so each is a plain read, modify, write. All must be naturally aligned; an `lr`
//! that is not traps as a load, everything else as a store (unprivileged manual, A).

use causality_isa::format::{Amo, Lr};
use causality_isa::visit::VisitA;
use causality_machine::memory::Perms;
use causality_machine::{Cause, Fault, Reservation};

use super::{Exec, Retire};
use crate::num::sext_w;

impl<const FULL: bool> Exec<'_, FULL> {
    fn aligned<const N: usize>(addr: u64, cause: Cause) -> Result<u64, Fault> {
        if addr.is_multiple_of(N as u64) { Ok(addr) } else { Err(Fault { cause, tval: addr }) }
    }

    fn lr<const N: usize>(&mut self, ops: Lr, extend: impl FnOnce([u8; N]) -> u64) -> Retire {
        let addr = Self::aligned::<N>(self.x(ops.rs1), Cause::LoadAddressMisaligned)?;
        let bytes = self.load_bytes::<N>(addr)?;
        self.hart.reservation = Reservation { addr, size: N as u64 };
        self.set_x(ops.rd, extend(bytes));
        Ok(())
    }

    /// Fails without a reservation of this very word, but traps first where a store would.
    fn sc<const N: usize>(&mut self, ops: Amo, narrow: impl FnOnce(u64) -> [u8; N]) -> Retire {
        let addr = Self::aligned::<N>(self.x(ops.rs1), Cause::StoreAddressMisaligned)?;
        self.memory.check(addr, N as u64, Perms::RW)?;
        let reserved = self.hart.reservation == Reservation { addr, size: N as u64 };
        if reserved {
            self.store_bytes(addr, narrow(self.x(ops.rs2)))?;
        }
        self.hart.reservation = Reservation::default();
        self.set_x(ops.rd, u64::from(!reserved));
        Ok(())
    }

    fn amo_w(&mut self, ops: Amo, f: impl FnOnce(u32, u32) -> u32) -> Retire {
        let addr = Self::aligned::<4>(self.x(ops.rs1), Cause::StoreAddressMisaligned)?;
        self.memory.check(addr, 4, Perms::RW)?;
        let old = u32::from_le_bytes(self.load_bytes(addr)?);
        self.store_bytes(addr, f(old, self.x(ops.rs2) as u32).to_le_bytes())?;
        self.set_x(ops.rd, sext_w(old));
        Ok(())
    }

    fn amo_d(&mut self, ops: Amo, f: impl FnOnce(u64, u64) -> u64) -> Retire {
        let addr = Self::aligned::<8>(self.x(ops.rs1), Cause::StoreAddressMisaligned)?;
        self.memory.check(addr, 8, Perms::RW)?;
        let old = u64::from_le_bytes(self.load_bytes(addr)?);
        self.store_bytes(addr, f(old, self.x(ops.rs2)).to_le_bytes())?;
        self.set_x(ops.rd, old);
        Ok(())
    }
}

impl<const FULL: bool> VisitA for Exec<'_, FULL> {
    fn lr_w(&mut self, ops: Lr) -> Retire {
        self.lr(ops, |v| sext_w(u32::from_le_bytes(v)))
    }

    fn sc_w(&mut self, ops: Amo) -> Retire {
        self.sc(ops, |v| (v as u32).to_le_bytes())
    }

    fn amoswap_w(&mut self, ops: Amo) -> Retire {
        self.amo_w(ops, |_, b| b)
    }

    fn amoadd_w(&mut self, ops: Amo) -> Retire {
        self.amo_w(ops, u32::wrapping_add)
    }

    fn amoxor_w(&mut self, ops: Amo) -> Retire {
        self.amo_w(ops, |a, b| a ^ b)
    }

    fn amoand_w(&mut self, ops: Amo) -> Retire {
        self.amo_w(ops, |a, b| a & b)
    }

    fn amoor_w(&mut self, ops: Amo) -> Retire {
        self.amo_w(ops, |a, b| a | b)
    }

    fn amomin_w(&mut self, ops: Amo) -> Retire {
        self.amo_w(ops, |a, b| (a as i32).min(b as i32) as u32)
    }

    fn amomax_w(&mut self, ops: Amo) -> Retire {
        self.amo_w(ops, |a, b| (a as i32).max(b as i32) as u32)
    }

    fn amominu_w(&mut self, ops: Amo) -> Retire {
        self.amo_w(ops, u32::min)
    }

    fn amomaxu_w(&mut self, ops: Amo) -> Retire {
        self.amo_w(ops, u32::max)
    }

    fn lr_d(&mut self, ops: Lr) -> Retire {
        self.lr(ops, u64::from_le_bytes)
    }

    fn sc_d(&mut self, ops: Amo) -> Retire {
        self.sc(ops, u64::to_le_bytes)
    }

    fn amoswap_d(&mut self, ops: Amo) -> Retire {
        self.amo_d(ops, |_, b| b)
    }

    fn amoadd_d(&mut self, ops: Amo) -> Retire {
        self.amo_d(ops, u64::wrapping_add)
    }

    fn amoxor_d(&mut self, ops: Amo) -> Retire {
        self.amo_d(ops, |a, b| a ^ b)
    }

    fn amoand_d(&mut self, ops: Amo) -> Retire {
        self.amo_d(ops, |a, b| a & b)
    }

    fn amoor_d(&mut self, ops: Amo) -> Retire {
        self.amo_d(ops, |a, b| a | b)
    }

    fn amomin_d(&mut self, ops: Amo) -> Retire {
        self.amo_d(ops, |a, b| (a as i64).min(b as i64) as u64)
    }

    fn amomax_d(&mut self, ops: Amo) -> Retire {
        self.amo_d(ops, |a, b| (a as i64).max(b as i64) as u64)
    }

    fn amominu_d(&mut self, ops: Amo) -> Retire {
        self.amo_d(ops, u64::min)
    }

    fn amomaxu_d(&mut self, ops: Amo) -> Retire {
        self.amo_d(ops, u64::max)
    }
}
