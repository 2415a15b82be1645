//! Natural loops, and the registers that advance by a constant in them.

use std::collections::BTreeSet;

use causality_machine::isa::Inst;
use causality_machine::isa::reg::X;

use super::{End, Region, To, changes_access, definitions};

/// A loop whose header is on every way into it.
#[derive(Clone, Debug)]
pub(crate) struct Loop {
    /// Its blocks, in reverse postorder; the header comes first.
    pub(crate) blocks: Vec<usize>,
    /// Whether there is no loop in it.
    pub(crate) is_innermost: bool,
    /// Those of them that every trip passes, also the one that ends the loop, in reverse postorder; the header comes first.
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

/// The most blocks of a loop that is looked at: time is bounded, and larger loops would gain little.
const MOST_BLOCKS: usize = 256;

/// Whether `block` can only be reached through `dominator`. Dominators come first in reverse postorder.
fn dominates(region: &Region, dominator: usize, block: usize) -> bool {
    chain(region, block).take_while(|&block| block >= dominator).any(|block| block == dominator)
}

/// A block, its closest dominator, and so on.
fn chain(region: &Region, block: usize) -> impl Iterator<Item = usize> {
    std::iter::successors(Some(block), |&block| region.blocks[block].idom)
}

/// The loop of each header, indexed as [`Region::blocks`].
pub(crate) fn loops(region: &Region) -> Vec<Option<Loop>> {
    let bodies: Vec<Option<Vec<usize>>> =
        (0..region.blocks.len()).map(|header| body(region, header)).collect();
    (0..region.blocks.len()).map(|header| natural_loop(region, &bodies, header)).collect()
}

fn latches(region: &Region, header: usize) -> impl Iterator<Item = usize> {
    region.blocks[header].preds.iter().copied().filter(move |&pred| pred >= header)
}

/// The blocks of the loop at `header` in their order, if it is one, and not too large, and no way leads around its header.
fn body(region: &Region, header: usize) -> Option<Vec<usize>> {
    if !region.blocks[header].is_header
        || latches(region, header).any(|latch| !dominates(region, header, latch))
    {
        return None;
    }
    let mut body = BTreeSet::from([header]);
    let mut work: Vec<usize> = latches(region, header).collect();
    while let Some(block) = work.pop() {
        if body.insert(block) {
            work.extend(&region.blocks[block].preds);
        }
        if body.len() > MOST_BLOCKS {
            return None;
        }
    }
    Some(body.into_iter().collect())
}

fn natural_loop(region: &Region, bodies: &[Option<Vec<usize>>], header: usize) -> Option<Loop> {
    let blocks = &region.blocks;
    let body = bodies[header].as_ref()?;
    let mut inner: BTreeSet<usize> = BTreeSet::new();
    for &other in body.iter().filter(|&&block| block != header && blocks[block].is_header) {
        inner.extend(bodies[other].as_ref()?);
    }
    let mut advances = [Advance::Never; 32];
    let mut shortest = vec![u64::MAX; body.len()];
    shortest[0] = 0;
    // What dominates all blocks from which a trip can end.
    let mut last = None;
    for (place, &block) in body.iter().enumerate() {
        for at in blocks[block].insts.iter().chain(blocks[block].end.at()) {
            if changes_access(at.inst) {
                return None;
            }
            for rd in definitions(at.inst).iter_x() {
                let advance = &mut advances[rd.index()];
                *advance = match at.inst {
                    Inst::Addi(ops)
                        if ops.rs1 == rd && *advance == Advance::Never && !inner.contains(&block) =>
                    {
                        Advance::By(i64::from(ops.imm), block)
                    }
                    _ => Advance::Anyhow,
                };
            }
        }
        for pred in blocks[block].preds.iter().filter(|&&pred| pred < block) {
            if let Ok(pred_place) = body.binary_search(pred) {
                let way = shortest[pred_place].saturating_add(blocks[*pred].cost());
                shortest[place] = shortest[place].min(way);
            }
        }
        let stays =
            |to: &To| matches!(to, To::Block(next) if *next != header && body.binary_search(next).is_ok());
        let targets = blocks[block].end.targets();
        if targets.is_empty() || !targets.iter().all(stays) || !is_closed(&blocks[block].end) {
            last = Some(last.map_or(block, |last| common(region, last, block)));
        }
    }
    let trip = latches(region, header)
        .filter_map(|latch| {
            let place = body.binary_search(&latch).ok()?;
            Some(shortest[place].saturating_add(blocks[latch].cost()))
        })
        .min()?;
    let mut always: Vec<usize> = chain(region, last?).take_while(|&block| block >= header).collect();
    always.reverse();
    Some(Loop { blocks: body.clone(), is_innermost: inner.is_empty(), always, shortest: trip, advances })
}

/// Whether control cannot go anywhere but to the targets.
const fn is_closed(end: &End) -> bool {
    matches!(end, End::Fall(_) | End::Jump { .. } | End::Branch { .. })
}

/// The closest block that dominates both.
fn common(region: &Region, mut a: usize, mut b: usize) -> usize {
    while a != b {
        let (later, other) = if a > b { (a, b) } else { (b, a) };
        match region.blocks[later].idom {
            Some(idom) => (a, b) = (idom, other),
            None => return other,
        }
    }
    a
}
