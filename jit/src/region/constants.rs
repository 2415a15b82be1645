//! Which integer registers hold constants, as far as the code alone tells.

use causality_machine::isa::Inst;
use causality_machine::isa::reg::X;

use super::{At, RegSet, Region, definitions};

/// What `at` gives its destination, if that is a constant; `x` tells the constants among its sources.
pub(crate) fn fold(at: &At, x: impl Fn(X) -> Option<u64>) -> Option<u64> {
    let imm = |imm: i32| i64::from(imm) as u64;
    let word = |value: u64| i64::from(value as i32) as u64;
    Some(match at.inst {
        Inst::Lui(ops) => imm(ops.imm),
        Inst::Auipc(ops) => at.pc.wrapping_add(imm(ops.imm)),
        Inst::Jal(_) | Inst::Jalr(_) => at.next(),
        Inst::Addi(ops) => x(ops.rs1)?.wrapping_add(imm(ops.imm)),
        Inst::Addiw(ops) => word(x(ops.rs1)?.wrapping_add(imm(ops.imm))),
        Inst::Slli(ops) => x(ops.rs1)? << ops.shamt,
        Inst::Srli(ops) => x(ops.rs1)? >> ops.shamt,
        Inst::Add(ops) => x(ops.rs1)?.wrapping_add(x(ops.rs2)?),
        _ => return None,
    })
}

#[derive(Clone, Copy, PartialEq, Eq)]
enum Known {
    /// No way here has been seen yet.
    Unreached,
    Constant(u64),
    Varies,
}

impl Known {
    const fn constant(self) -> Option<u64> {
        if let Known::Constant(constant) = self { Some(constant) } else { None }
    }
}

/// The registers that hold a constant at the start of each block, by index.
#[derive(Clone, Debug, Default)]
pub(crate) struct Constants(Vec<Vec<(X, u64)>>);

impl Constants {
    pub(crate) fn of(region: &Region) -> Self {
        let count = region.blocks.len();
        let mut at_start = vec![[Known::Unreached; 32]; count];
        let mut at_end = vec![[Known::Unreached; 32]; count];
        let mut changed = true;
        while changed {
            changed = false;
            for (index, block) in region.blocks.iter().enumerate() {
                let mut known = [Known::Unreached; 32];
                for &pred in &block.preds {
                    for (all, one) in known.iter_mut().zip(at_end[pred]) {
                        *all = match (*all, one) {
                            (Known::Unreached, other) | (other, Known::Unreached) => other,
                            (a, b) if a == b => a,
                            _ => Known::Varies,
                        };
                    }
                }
                if block.is_entry {
                    known = [Known::Varies; 32];
                }
                known[0] = Known::Constant(0);
                at_start[index] = known;
                for at in block.insts.iter().chain(block.end.at()) {
                    if matches!(at.inst, Inst::Ecall(_)) {
                        known = [Known::Varies; 32];
                        known[0] = Known::Constant(0);
                    }
                    let value = fold(at, |r| known[r.index()].constant());
                    for rd in definitions(at.inst).iter_x() {
                        known[rd.index()] = value.map_or(Known::Varies, Known::Constant);
                    }
                }
                changed |= known != at_end[index];
                at_end[index] = known;
            }
        }
        let constants = |known: [Known; 32]| {
            let constant = |&r: &X| Some((r, known[r.index()].constant()?));
            RegSet::of_x(u32::MAX).iter_x().filter_map(|r| constant(&r)).collect()
        };
        Constants(at_start.into_iter().map(constants).collect())
    }

    /// At the start of a block.
    pub(crate) fn at(&self, block: usize) -> impl Iterator<Item = (X, u64)> {
        self.0[block].iter().copied()
    }

    /// What `r` holds at the start of a block, if that is a constant.
    pub(crate) fn of_register(&self, block: usize, r: X) -> Option<u64> {
        self.at(block).find(|&(other, _)| other == r).map(|(_, constant)| constant)
    }
}
