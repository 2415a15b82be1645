//! Natural loops, and the registers that advance by a constant in them.

use causality_machine::isa::Inst;
use causality_machine::isa::reg::X;

use super::{Region, definitions};

/// A loop whose header is on every way into it.
#[derive(Clone, Debug)]
pub(crate) struct Loop {
    /// Its blocks, in reverse postorder; the header comes first.
    pub(crate) blocks: Vec<usize>,
    /// Whether there is no loop in it.
    pub(crate) is_innermost: bool,
    /// Those of them that every complete trip passes, in reverse postorder; the header comes first.
    pub(crate) always: Vec<usize>,
    /// The fewest instructions of a trip.
    pub(crate) shortest: u64,
    /// How integer registers change.
    advances: [Advance; 32],
}

/// How an integer register changes in a trip.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
enum Advance {
    /// Not at all.
    Never,
    /// By a constant, at most once, in the block.
    By(i64, usize),
    /// In any way.
    Anyhow,
}

impl Loop {
    /// How far `r` moves in each trip at most, if that is the same in each; 0 if it stays.
    pub(crate) fn step(&self, r: X) -> Option<i64> {
        match self.advances[r.index()] {
            Advance::Never => Some(0),
            Advance::By(step, _) => Some(step),
            Advance::Anyhow => None,
        }
    }

    /// How far `r` has moved since the start of the trip when `block`, one of those always passed, begins.
    pub(crate) fn moved(&self, region: &Region, r: X, block: usize) -> Option<i64> {
        match self.advances[r.index()] {
            Advance::Never => Some(0),
            Advance::By(step, at) if at != block && dominates(region, at, block) => Some(step),
            Advance::By(_, at) if dominates(region, block, at) => Some(0),
            _ => None,
        }
    }
}

/// Whether `block` can only be reached through `dominator`.
fn dominates(region: &Region, dominator: usize, block: usize) -> bool {
    std::iter::successors(Some(block), |&block| region.blocks[block].idom).any(|block| block == dominator)
}

/// The loop of each header, indexed as [`Region::blocks`].
pub(crate) fn loops(region: &Region) -> Vec<Option<Loop>> {
    let bodies: Vec<Option<Vec<bool>>> =
        (0..region.blocks.len()).map(|header| body(region, header)).collect();
    (0..region.blocks.len()).map(|header| natural_loop(region, &bodies, header)).collect()
}

fn latches(region: &Region, header: usize) -> impl Iterator<Item = usize> {
    region.blocks[header].preds.iter().copied().filter(move |&pred| pred >= header)
}

/// The blocks of the loop at `header`, if it is one and no way leads around its header.
fn body(region: &Region, header: usize) -> Option<Vec<bool>> {
    if !region.blocks[header].is_header
        || latches(region, header).any(|latch| !dominates(region, header, latch))
    {
        return None;
    }
    let mut body = vec![false; region.blocks.len()];
    body[header] = true;
    let mut work: Vec<usize> = latches(region, header).collect();
    while let Some(block) = work.pop() {
        if !std::mem::replace(&mut body[block], true) {
            work.extend(&region.blocks[block].preds);
        }
    }
    Some(body)
}

fn natural_loop(region: &Region, bodies: &[Option<Vec<bool>>], header: usize) -> Option<Loop> {
    let blocks = &region.blocks;
    let body = bodies[header].as_ref()?;
    let members = || (header..blocks.len()).filter(|&block| body[block]);
    let mut is_inner = vec![false; blocks.len()];
    for inner in members().filter(|&block| block != header && blocks[block].is_header) {
        for (block, is_in) in bodies[inner].as_ref()?.iter().enumerate() {
            is_inner[block] |= is_in;
        }
    }
    let mut advances = [Advance::Never; 32];
    let mut shortest = vec![u64::MAX; blocks.len()];
    shortest[header] = 0;
    for block in members() {
        for at in blocks[block].insts.iter().chain(blocks[block].end.at()) {
            if matches!(at.inst, Inst::Ecall(_)) {
                // What is mapped may change.
                return None;
            }
            for rd in definitions(at.inst).iter_x() {
                let advance = &mut advances[rd.index()];
                *advance = match at.inst {
                    Inst::Addi(ops) if ops.rs1 == rd && *advance == Advance::Never && !is_inner[block] => {
                        Advance::By(i64::from(ops.imm), block)
                    }
                    _ => Advance::Anyhow,
                };
            }
        }
        let before = blocks[block].preds.iter().filter(|&&pred| pred < block && body[pred]);
        let before = before.map(|&pred| shortest[pred].saturating_add(blocks[pred].cost())).min();
        shortest[block] = shortest[block].min(before.unwrap_or(u64::MAX));
    }
    let trip =
        latches(region, header).map(|latch| shortest[latch].saturating_add(blocks[latch].cost())).min()?;
    let is_always = |&block: &usize| latches(region, header).all(|latch| dominates(region, block, latch));
    Some(Loop {
        blocks: members().collect(),
        is_innermost: members().all(|block| block == header || !blocks[block].is_header),
        always: members().filter(is_always).collect(),
        shortest: trip,
        advances,
    })
}
