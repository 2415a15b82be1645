//! RV64I: the base integer instruction set.

use causality_isa::format::{B, Bare, Fence, I, J, Jalr, Load, R, S, Shift, U};
use causality_isa::visit::VisitI;

use super::{Exec, Retire, Stop};
use crate::num::sext_w;

impl<const FULL: bool> Exec<'_, FULL> {
    #[inline(always)]
    fn load<const N: usize>(
        &mut self,
        Load { rd, rs1, imm }: Load,
        extend: impl FnOnce([u8; N]) -> u64,
    ) -> Retire {
        let bytes = self.load_bytes::<N>(self.address(rs1, imm))?;
        self.set_x(rd, extend(bytes));
        Ok(())
    }

    #[inline(always)]
    fn store<const N: usize>(
        &mut self,
        S { rs1, rs2, imm }: S,
        narrow: impl FnOnce(u64) -> [u8; N],
    ) -> Retire {
        let bytes = narrow(self.x(rs2));
        self.store_bytes(self.address(rs1, imm), bytes)
    }

    #[inline(always)]
    fn branch(&mut self, B { rs1, rs2, imm }: B, taken: impl FnOnce(u64, u64) -> bool) -> Retire {
        let target = self.pc.wrapping_add_signed(i64::from(imm));
        Err(Stop::Jump(if taken(self.x(rs1), self.x(rs2)) { target } else { self.next }))
    }
}

impl<const FULL: bool> VisitI for Exec<'_, FULL> {
    fn lui(&mut self, U { rd, imm }: U) -> Retire {
        self.set_x(rd, i64::from(imm) as u64);
        Ok(())
    }

    fn auipc(&mut self, U { rd, imm }: U) -> Retire {
        self.set_x(rd, self.pc.wrapping_add_signed(i64::from(imm)));
        Ok(())
    }

    fn jal(&mut self, J { rd, imm }: J) -> Retire {
        self.set_x(rd, self.next);
        Err(Stop::Jump(self.pc.wrapping_add_signed(i64::from(imm))))
    }

    fn jalr(&mut self, Jalr { rd, rs1, imm }: Jalr) -> Retire {
        let target = self.address(rs1, imm) & !1;
        self.set_x(rd, self.next);
        Err(Stop::Jump(target))
    }

    fn beq(&mut self, ops: B) -> Retire {
        self.branch(ops, |a, b| a == b)
    }

    fn bne(&mut self, ops: B) -> Retire {
        self.branch(ops, |a, b| a != b)
    }

    fn blt(&mut self, ops: B) -> Retire {
        self.branch(ops, |a, b| (a as i64) < b as i64)
    }

    fn bge(&mut self, ops: B) -> Retire {
        self.branch(ops, |a, b| a as i64 >= b as i64)
    }

    fn bltu(&mut self, ops: B) -> Retire {
        self.branch(ops, |a, b| a < b)
    }

    fn bgeu(&mut self, ops: B) -> Retire {
        self.branch(ops, |a, b| a >= b)
    }

    fn lb(&mut self, ops: Load) -> Retire {
        self.load(ops, |v| i8::from_le_bytes(v) as u64)
    }

    fn lh(&mut self, ops: Load) -> Retire {
        self.load(ops, |v| i16::from_le_bytes(v) as u64)
    }

    fn lw(&mut self, ops: Load) -> Retire {
        self.load(ops, |v| i32::from_le_bytes(v) as u64)
    }

    fn ld(&mut self, ops: Load) -> Retire {
        self.load(ops, u64::from_le_bytes)
    }

    fn lbu(&mut self, ops: Load) -> Retire {
        self.load(ops, |v| u64::from(u8::from_le_bytes(v)))
    }

    fn lhu(&mut self, ops: Load) -> Retire {
        self.load(ops, |v| u64::from(u16::from_le_bytes(v)))
    }

    fn lwu(&mut self, ops: Load) -> Retire {
        self.load(ops, |v| u64::from(u32::from_le_bytes(v)))
    }

    fn sb(&mut self, ops: S) -> Retire {
        self.store(ops, |v| (v as u8).to_le_bytes())
    }

    fn sh(&mut self, ops: S) -> Retire {
        self.store(ops, |v| (v as u16).to_le_bytes())
    }

    fn sw(&mut self, ops: S) -> Retire {
        self.store(ops, |v| (v as u32).to_le_bytes())
    }

    fn sd(&mut self, ops: S) -> Retire {
        self.store(ops, u64::to_le_bytes)
    }

    fn addi(&mut self, ops: I) -> Retire {
        self.immediate(ops, u64::wrapping_add)
    }

    fn slti(&mut self, ops: I) -> Retire {
        self.immediate(ops, |a, b| u64::from((a as i64) < b as i64))
    }

    fn sltiu(&mut self, ops: I) -> Retire {
        self.immediate(ops, |a, b| u64::from(a < b))
    }

    fn xori(&mut self, ops: I) -> Retire {
        self.immediate(ops, |a, b| a ^ b)
    }

    fn ori(&mut self, ops: I) -> Retire {
        self.immediate(ops, |a, b| a | b)
    }

    fn andi(&mut self, ops: I) -> Retire {
        self.immediate(ops, |a, b| a & b)
    }

    fn slli(&mut self, ops: Shift) -> Retire {
        self.shift(ops, u64::wrapping_shl)
    }

    fn srli(&mut self, ops: Shift) -> Retire {
        self.shift(ops, u64::wrapping_shr)
    }

    fn srai(&mut self, ops: Shift) -> Retire {
        self.shift(ops, |a, n| (a as i64).wrapping_shr(n) as u64)
    }

    fn add(&mut self, ops: R) -> Retire {
        self.binary(ops, u64::wrapping_add)
    }

    fn sub(&mut self, ops: R) -> Retire {
        self.binary(ops, u64::wrapping_sub)
    }

    fn sll(&mut self, ops: R) -> Retire {
        self.binary(ops, |a, n| a.wrapping_shl(n as u32))
    }

    fn slt(&mut self, ops: R) -> Retire {
        self.binary(ops, |a, b| u64::from((a as i64) < b as i64))
    }

    fn sltu(&mut self, ops: R) -> Retire {
        self.binary(ops, |a, b| u64::from(a < b))
    }

    fn xor(&mut self, ops: R) -> Retire {
        self.binary(ops, |a, b| a ^ b)
    }

    fn srl(&mut self, ops: R) -> Retire {
        self.binary(ops, |a, n| a.wrapping_shr(n as u32))
    }

    fn sra(&mut self, ops: R) -> Retire {
        self.binary(ops, |a, n| (a as i64).wrapping_shr(n as u32) as u64)
    }

    fn or(&mut self, ops: R) -> Retire {
        self.binary(ops, |a, b| a | b)
    }

    fn and(&mut self, ops: R) -> Retire {
        self.binary(ops, |a, b| a & b)
    }

    fn addiw(&mut self, ops: I) -> Retire {
        self.immediate(ops, |a, b| sext_w(a.wrapping_add(b) as u32))
    }

    fn slliw(&mut self, ops: Shift) -> Retire {
        self.shift(ops, |a, n| sext_w((a as u32).wrapping_shl(n)))
    }

    fn srliw(&mut self, ops: Shift) -> Retire {
        self.shift(ops, |a, n| sext_w((a as u32).wrapping_shr(n)))
    }

    fn sraiw(&mut self, ops: Shift) -> Retire {
        self.shift(ops, |a, n| (a as i32).wrapping_shr(n) as u64)
    }

    fn addw(&mut self, ops: R) -> Retire {
        self.binary(ops, |a, b| sext_w(a.wrapping_add(b) as u32))
    }

    fn subw(&mut self, ops: R) -> Retire {
        self.binary(ops, |a, b| sext_w(a.wrapping_sub(b) as u32))
    }

    fn sllw(&mut self, ops: R) -> Retire {
        self.binary(ops, |a, n| sext_w((a as u32).wrapping_shl(n as u32)))
    }

    fn srlw(&mut self, ops: R) -> Retire {
        self.binary(ops, |a, n| sext_w((a as u32).wrapping_shr(n as u32)))
    }

    fn sraw(&mut self, ops: R) -> Retire {
        self.binary(ops, |a, n| (a as i32).wrapping_shr(n as u32) as u64)
    }

    fn fence(&mut self, _: Fence) -> Retire {
        // One hart, and the host is called in program order: every order is kept already.
        Ok(())
    }

    fn fence_tso(&mut self, _: Bare) -> Retire {
        Ok(())
    }

    fn ecall(&mut self, _: Bare) -> Retire {
        Err(Stop::Ecall)
    }

    fn ebreak(&mut self, _: Bare) -> Retire {
        Err(Stop::Ebreak)
    }
}
