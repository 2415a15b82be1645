//! Guessing where a jump through a table leads.
//!
//! What compilers make of `switch`: an entry is loaded from a constant table at a scaled index, a constant is added to
//! it if the table holds differences, and the sum is jumped to. Nothing depends on the guess being right, because
//! the translated jump compares its target with what was guessed.

use causality_machine::isa::Inst;
use causality_machine::isa::reg::X;

use super::{At, RegSet, Source, Table, To, definitions};

/// The most entries a table is believed to have.
const ENTRIES: u64 = 512;

/// How many instructions in front of a jump are looked at.
const BEHIND: usize = 24;

/// How far a target may be from its jump.
const REACH: u64 = 1 << 16;

/// An instruction of some code.
pub(crate) trait Placed {
    /// What it is, and where.
    fn at(&self) -> At;

    /// Whether all it writes is this integer register.
    fn defines(&self, r: X) -> bool;
}

impl Placed for At {
    fn at(&self) -> At {
        *self
    }

    fn defines(&self, r: X) -> bool {
        definitions(self.inst) == RegSet::x(r)
    }
}

/// The code around a jump.
pub(crate) struct Code<'a, P> {
    pub(crate) source: &'a dyn Source,
    /// By address.
    pub(crate) insts: &'a [P],
}

impl<P: Placed> Code<'_, P> {
    /// The table that the jump at `pc` uses.
    pub(crate) fn find(&self, pc: u64) -> Option<Table> {
        let jump = self.index(pc);
        let Inst::Jalr(ops) = self.insts.get(jump).map(P::at).filter(|at| at.pc == pc)?.inst else {
            return None;
        };
        if ops.imm != 0 {
            return None;
        }
        let before = self.before(jump);
        let (at, rest) = definition(before, ops.rs1)?;
        // Either the entry is the target, or it is added to something constant.
        let (load, rest, base) = match at.inst {
            Inst::Add(ops) => {
                let is_load = |r| definition(rest, r).filter(|(at, _)| entry(at.inst).is_some());
                let (load, other) = match is_load(ops.rs1) {
                    Some(load) => (load, ops.rs2),
                    None => (is_load(ops.rs2)?, ops.rs1),
                };
                (load.0, load.1, self.constant(rest, other)?)
            }
            _ => (at, rest, 0),
        };
        let (address, imm, size, is_signed) = entry(load.inst)?;
        let (sum, rest) = definition(rest, address)?;
        let start = match sum.inst {
            Inst::Add(ops) => self.constant(rest, ops.rs1).or_else(|| self.constant(rest, ops.rs2)),
            Inst::Sh2add(ops) | Inst::Sh3add(ops) => self.constant(rest, ops.rs2),
            _ => None,
        }?;
        let start = start.wrapping_add_signed(i64::from(imm));
        let limit = self.limit(before).unwrap_or(ENTRIES).min(ENTRIES);
        let mut targets = Vec::new();
        for index in 0..limit {
            let Some(entry) = self.source.data(start.wrapping_add(index * size as u64), size) else { break };
            let entry = if is_signed { i64::from(entry as u32 as i32) as u64 } else { entry };
            let target = base.wrapping_add(entry);
            let is_near = target.abs_diff(pc) < REACH && target & 1 == 0;
            if !is_near || self.source.fetch(target).is_none() {
                break;
            }
            targets.push((target, To::Out(target)));
        }
        let scale = size.trailing_zeros() as u8;
        (!targets.is_empty()).then_some(Table { load: load.pc, start, scale, targets })
    }

    /// The number of the instruction at `pc`, if there is one.
    fn index(&self, pc: u64) -> usize {
        self.insts.partition_point(|inst| inst.at().pc < pc)
    }

    /// What stands in front of an instruction.
    fn before(&self, index: usize) -> &[P] {
        &self.insts[index.saturating_sub(BEHIND)..index]
    }

    /// The constant in `r` where `before` ends, or the only one it is ever given.
    fn constant(&self, before: &[P], r: X) -> Option<u64> {
        if let Some((at, rest)) = definition(before, r) {
            return self.value(&at, rest);
        }
        let mut found = None;
        for (index, inst) in self.insts.iter().enumerate().filter(|(_, inst)| inst.defines(r)) {
            let is_first_half = self.insts.get(index + 1).is_some_and(|next| adds_to(next.at().inst, r));
            if let Some(value) = self.value(&inst.at(), self.before(index)).filter(|_| !is_first_half) {
                if found.is_some_and(|other| other != value) {
                    return None;
                }
                found = Some(value);
            }
        }
        found
    }

    /// What `at` computes, if that is constant.
    fn value(&self, at: &At, before: &[P]) -> Option<u64> {
        match at.inst {
            Inst::Lui(ops) => Some(i64::from(ops.imm) as u64),
            Inst::Auipc(ops) => Some(at.pc.wrapping_add_signed(i64::from(ops.imm))),
            Inst::Addi(ops) if ops.rs1.is_zero() => Some(i64::from(ops.imm) as u64),
            Inst::Addi(ops) => {
                let (from, rest) = definition(before, ops.rs1)?;
                Some(self.value(&from, rest)?.wrapping_add_signed(i64::from(ops.imm)))
            }
            _ => None,
        }
    }

    /// How many entries a comparison in front of the jump allows.
    fn limit(&self, before: &[P]) -> Option<u64> {
        for (i, inst) in before.iter().enumerate().rev() {
            let (Inst::Bltu(ops) | Inst::Bgeu(ops)) = inst.at().inst else { continue };
            let (from, rest) = definition(&before[..i], ops.rs1)?;
            return self.value(&from, rest)?.checked_add(1);
        }
        None
    }
}

/// The instruction that last wrote `r`, and what stands in front of it.
fn definition<P: Placed>(before: &[P], r: X) -> Option<(At, &[P])> {
    let i = before.iter().rposition(|inst| inst.defines(r))?;
    Some((before[i].at(), &before[..i]))
}

/// Whether `inst` adds a constant to `r`.
fn adds_to(inst: Inst, r: X) -> bool {
    matches!(inst, Inst::Addi(ops) if ops.rd == r && ops.rs1 == r)
}

/// How a load reads an entry: address, offset, size, whether it is sign-extended.
fn entry(inst: Inst) -> Option<(X, i32, usize, bool)> {
    match inst {
        Inst::Lw(ops) => Some((ops.rs1, ops.imm, 4, true)),
        Inst::Lwu(ops) => Some((ops.rs1, ops.imm, 4, false)),
        Inst::Ld(ops) => Some((ops.rs1, ops.imm, 8, false)),
        _ => None,
    }
}
