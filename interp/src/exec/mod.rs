//! What each instruction does: one file per extension, one method per table row.
//!
//! A method reads its operands, computes with a pure function and writes its result. It returns early
//! with a [`Stop`] before it has changed anything.

mod a;
mod d;
mod f;
mod float;
mod i;
mod m;
mod zb;
mod zfa;
mod zfhmin;
mod zi;

use causality_isa::format;
use causality_isa::reg::X;
use causality_isa::visit::Visitor;
use causality_machine::{Fault, Hart, Memory};

/// Why an instruction did not retire on its own.
#[derive(Clone, Copy, Debug)]
pub(crate) enum Stop {
    /// It traps.
    Fault(Fault),
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
pub(crate) struct Exec<'a> {
    pub(crate) hart: &'a mut Hart,
    pub(crate) memory: &'a mut Memory,
    /// Address of this instruction.
    pub(crate) pc: u64,
    /// Address of the one after the block; jumps write it.
    pub(crate) next: u64,
}

impl Visitor for Exec<'_> {
    type Output = Retire;
}

impl Exec<'_> {
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
