//! What each instruction does: one file per extension, one method per table row.
//!
//! A method reads its operands, computes with a pure function and writes its result. If it returns a
//! [`Stop`] other than a jump, it has changed nothing.

mod a;
mod d;
mod f;
mod float;
mod i;
mod m;
mod xrr;
mod zb;
mod zfa;
mod zfhmin;
mod zi;

use causality_isa::format;
use causality_isa::reg::X;
use causality_isa::visit::Visitor;
use causality_machine::{Fault, Hart, Memory};

/// What an instruction does other than retire and let the next one follow.
#[derive(Clone, Copy, Debug)]
pub(crate) enum Stop {
    /// It retires, and control goes to this address.
    Jump(u64),
    /// It traps.
    Fault(Fault),
    /// It has to be executed in full.
    Slow,
    /// It is no valid instruction in this state (reserved rounding mode, CSR that does not exist).
    Illegal,
    /// It asks the host.
    Ecall,
    /// It is `ebreak`.
    Ebreak,
}

impl From<Fault> for Stop {
    #[inline(always)]
    fn from(fault: Fault) -> Self {
        Stop::Fault(fault)
    }
}

pub(crate) type Retire = Result<(), Stop>;

/// One instruction's view of the machine.
///
/// If not `FULL`, loads and stores do only what is usual, an access that is allowed and lies in one
/// page, and are [`Stop::Slow`] otherwise.
pub(crate) struct Exec<'a, const FULL: bool> {
    pub(crate) hart: &'a mut Hart,
    pub(crate) memory: &'a mut Memory,
    /// Address of this instruction.
    pub(crate) pc: u64,
    /// Address of the instruction behind it.
    pub(crate) next: u64,
}

impl<const FULL: bool> Visitor for Exec<'_, FULL> {
    type Output = Retire;
}

impl<const FULL: bool> Exec<'_, FULL> {
    #[inline(always)]
    fn x(&self, r: X) -> u64 {
        self.hart.x[r.index()]
    }

    #[inline(always)]
    fn set_x(&mut self, rd: X, value: u64) {
        self.hart.x[rd.index()] = value;
        self.hart.x[0] = 0;
    }

    /// `x[rs1] + imm`: the effective address of loads and stores.
    #[inline(always)]
    fn address(&self, rs1: X, imm: i32) -> u64 {
        self.x(rs1).wrapping_add_signed(i64::from(imm))
    }

    #[inline(always)]
    fn load_bytes<const N: usize>(&self, addr: u64) -> Result<[u8; N], Stop> {
        if FULL {
            return Ok(self.memory.load(addr)?);
        }
        let bytes = self.memory.load_in_page(addr).or_else(|| self.memory.load_in_window(addr));
        bytes.ok_or(Stop::Slow)
    }

    #[inline(always)]
    fn store_bytes<const N: usize>(&mut self, addr: u64, bytes: [u8; N]) -> Retire {
        if FULL {
            Ok(self.memory.store(addr, bytes)?)
        } else {
            let stored = self.memory.store_in_page(addr, bytes);
            stored.or_else(|| self.memory.store_in_window(addr, bytes)).ok_or(Stop::Slow)
        }
    }

    /// `rd = f(rs1, rs2)`.
    #[inline(always)]
    fn binary(&mut self, format::R { rd, rs1, rs2 }: format::R, f: impl FnOnce(u64, u64) -> u64) -> Retire {
        self.set_x(rd, f(self.x(rs1), self.x(rs2)));
        Ok(())
    }

    /// `rd = f(rs1)`.
    #[inline(always)]
    fn unary(&mut self, format::Unary { rd, rs1 }: format::Unary, f: impl FnOnce(u64) -> u64) -> Retire {
        self.set_x(rd, f(self.x(rs1)));
        Ok(())
    }

    /// `rd = f(rs1, imm)`, the immediate sign-extended.
    #[inline(always)]
    fn immediate(
        &mut self,
        format::I { rd, rs1, imm }: format::I,
        f: impl FnOnce(u64, u64) -> u64,
    ) -> Retire {
        self.set_x(rd, f(self.x(rs1), i64::from(imm) as u64));
        Ok(())
    }

    /// `rd = f(rs1, shamt)`.
    #[inline(always)]
    fn shift(&mut self, ops: format::Shift, f: impl FnOnce(u64, u32) -> u64) -> Retire {
        let format::Shift { rd, rs1, shamt } = ops;
        self.set_x(rd, f(self.x(rs1), u32::from(shamt)));
        Ok(())
    }
}
