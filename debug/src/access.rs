//! Which memory an instruction is about to access.

use std::ops::Range;

use causality_vm::isa::format::Operand;
use causality_vm::isa::{Inst, decode};
use causality_vm::{Hart, Memory};

/// An access of the instruction at `hart.pc`, which has not been executed.
#[derive(Clone, Debug, PartialEq, Eq)]
pub(crate) struct Access {
    pub(crate) range: Range<u64>,
    pub(crate) reads: bool,
    pub(crate) writes: bool,
}

impl Access {
    /// `None` for an instruction that accesses no memory, or none that can be fetched. `sc` counts as a store
    /// whether it succeeds or not.
    pub(crate) fn of(hart: &Hart, memory: &Memory) -> Option<Self> {
        let word = memory.fetch(hart.pc).ok()?;
        if !may_access(word) {
            return None;
        }
        let inst = decode(word)?.inst;
        // The base opcode map of the manual: the major opcode says what is accessed, funct3 how many bytes.
        let full = inst.encode();
        let (reads, writes) = match full & 0x7f {
            0x03 | 0x07 => (true, false),
            0x23 | 0x27 => (false, true),
            0x2f => {
                (!matches!(inst, Inst::ScW(_) | Inst::ScD(_)), !matches!(inst, Inst::LrW(_) | Inst::LrD(_)))
            }
            0x0f if matches!(inst, Inst::CboZero(_)) => (false, true),
            _ => return None,
        };
        let Some(Operand::X(base)) = inst.operand("rs1") else { return None };
        let base = hart.x[base.index()];
        if matches!(inst, Inst::CboZero(_)) {
            let block = base & !(BLOCK - 1);
            return Some(Access { range: block..block.saturating_add(BLOCK), reads, writes });
        }
        let offset = match inst.operand("imm") {
            Some(Operand::Int(imm)) => i64::from(imm),
            _ => 0,
        };
        let addr = base.wrapping_add_signed(offset);
        let size = 1_u64 << (full >> 12 & 3);
        Some(Access { range: addr..addr.saturating_add(size), reads, writes })
    }
}

/// Bytes that `cbo.zero` clears.
const BLOCK: u64 = 64;

/// Whether an instruction of this word may access memory; most do not, and need no decoding.
fn may_access(word: u32) -> bool {
    match word & 3 {
        3 => matches!(word & 0x7f, 0x03 | 0x07 | 0x23 | 0x27 | 0x2f | 0x0f),
        // Compressed loads and stores are all in quadrants 0 and 2.
        1 => false,
        _ => true,
    }
}
