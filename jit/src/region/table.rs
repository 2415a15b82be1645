//! Guessing where a jump through a table leads.
//!
//! What compilers make of `switch`: an entry is loaded from a constant table at a scaled index, a constant is added to
//! it if the table holds differences, and the sum is jumped to. Nothing depends on the guess being right, because
//! the translated jump compares its target with what was guessed.

use std::collections::BTreeMap;

use causality_machine::isa::Inst;
use causality_machine::isa::reg::X;

use super::discover::Place;
use super::{At, RegSet, Source, Table, To, definitions};

/// The most entries a table is believed to have.
const ENTRIES: u64 = 512;

/// How many instructions in front of a jump are looked at.
const BEHIND: usize = 24;

/// How far a target may be from its jump.
const REACH: u64 = 1 << 16;

/// The code of a frame.
pub(super) struct Code<'a> {
    pub(super) source: &'a dyn Source,
    pub(super) frame: usize,
    pub(super) insts: &'a BTreeMap<Place, Option<At>>,
}

impl Code<'_> {
    /// The table that the jump at `pc` uses.
    pub(super) fn find(&self, pc: u64) -> Option<Table> {
        let Inst::Jalr(jump) = self.at(pc)?.inst else { return None };
        if jump.imm != 0 {
            return None;
        }
        let before = self.before(pc);
        let (at, rest) = definition(&before, jump.rs1)?;
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
        let limit = self.limit(&before).unwrap_or(ENTRIES).min(ENTRIES);
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

    fn at(&self, pc: u64) -> Option<At> {
        self.insts.get(&(self.frame, pc)).copied().flatten()
    }

    /// What stands in front of `pc`, the closest first.
    fn before(&self, pc: u64) -> Vec<At> {
        let range = self.insts.range((self.frame, 0)..(self.frame, pc));
        range.rev().filter_map(|(_, at)| *at).take(BEHIND).collect()
    }

    /// The constant in `r` where `before` ends, or the only one it is ever given.
    fn constant(&self, before: &[At], r: X) -> Option<u64> {
        if let Some((at, rest)) = definition(before, r) {
            return self.value(&at, rest);
        }
        let mut found = None;
        for ((_, pc), at) in self.insts.range((self.frame, 0)..(self.frame + 1, 0)) {
            let Some(at) = at else { continue };
            if definitions(at.inst) == RegSet::x(r)
                && let Some(value) = self.value(at, &self.before(*pc))
            {
                if found.is_some_and(|other| other != value) {
                    return None;
                }
                found = Some(value);
            }
        }
        found
    }

    /// What `at` computes, if that is constant.
    fn value(&self, at: &At, before: &[At]) -> Option<u64> {
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
    fn limit(&self, before: &[At]) -> Option<u64> {
        for (i, at) in before.iter().enumerate() {
            let Inst::Bltu(ops) = at.inst else { continue };
            let (from, rest) = definition(&before[i + 1..], ops.rs1)?;
            return self.value(&from, rest)?.checked_add(1);
        }
        None
    }
}

/// The instruction that last wrote `r`, and what stands in front of it.
fn definition(before: &[At], r: X) -> Option<(At, &[At])> {
    let i = before.iter().position(|at| definitions(at.inst) == RegSet::x(r))?;
    Some((before[i], &before[i + 1..]))
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
