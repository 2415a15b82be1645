//! Which registers are live where, and which may differ from their homes.
//!
//! What is not live behind a block is brought home at its end, so only live registers are dirty between blocks: no
//! value is kept for the sole purpose of leaving the region with it. Except in small loops, where all that a trip writes
//! is *kept* for the next one, because host registers are free there and stores are not.

use super::{Constants, End, Loop, RegSet, Region, To, definitions, loops, uses};

/// Per block, indexed as [`Region::blocks`].
#[derive(Clone, Debug)]
pub(crate) struct Dataflow {
    /// Registers whose value at the start of the block is needed.
    pub(crate) live_in: Vec<RegSet>,
    /// Registers besides that a loop, whose header the block is, brings to the next trip.
    pub(crate) kept: Vec<RegSet>,
    /// Registers that may differ from their homes at the start of the block.
    pub(crate) dirty_in: Vec<RegSet>,
    /// Registers that may hold a stack address at the start of the block; a guess.
    pub(crate) stack_in: Vec<RegSet>,
    /// Registers that hold constants at the start of the block.
    pub(crate) constants: Constants,
    /// The loop whose header the block is.
    pub(crate) loops: Vec<Option<Loop>>,
}

impl Dataflow {
    pub(crate) fn of(region: &Region) -> Self {
        let mut live_in = live(region);
        let loops = loops(region);
        let kept = keep(region, &loops, &mut live_in);
        let dirty_in = dirty(region, &live_in, &kept);
        Dataflow { live_in, kept, dirty_in, stack_in: stack(region), constants: Constants::of(region), loops }
    }

    /// What is live at the start of `to` for those who come from `from`.
    pub(crate) fn live_at(&self, from: usize, to: usize) -> RegSet {
        if to <= from { self.live_in[to].with(self.kept[to]) } else { self.live_in[to] }
    }

    /// What is live behind the end of a block, where it goes to other blocks.
    pub(crate) fn live_out(&self, region: &Region, block: usize) -> RegSet {
        region.blocks[block].successors().fold(RegSet::EMPTY, |set, next| set.with(self.live_at(block, next)))
    }
}

/// Repeats `step` for all blocks until it changes nothing.
fn solve(region: &Region, mut step: impl FnMut(&mut [RegSet], usize) -> RegSet) -> Vec<RegSet> {
    let mut sets = vec![RegSet::EMPTY; region.blocks.len()];
    let mut changed = true;
    while changed {
        changed = false;
        for block in 0..sets.len() {
            let new = step(&mut sets, block);
            changed |= new != sets[block];
            sets[block] = new;
        }
    }
    sets
}

fn live(region: &Region) -> Vec<RegSet> {
    let count = region.blocks.len();
    // From the last block to the first, because information flows that way.
    let mut live = vec![RegSet::EMPTY; count];
    let mut changed = true;
    while changed {
        changed = false;
        for index in (0..count).rev() {
            let block = &region.blocks[index];
            let out = block.successors().fold(RegSet::EMPTY, |set, next| set.with(live[next]));
            let insts = block.insts.iter().chain(block.end.at()).rev();
            let new = insts.fold(out, |set, at| set.without(definitions(at.inst)).with(uses(at.inst)));
            changed |= new != live[index];
            live[index] = new;
        }
    }
    live
}

/// Finds what small loops without inner loops keep, and makes it live in them.
fn keep(region: &Region, loops: &[Option<Loop>], live_in: &mut [RegSet]) -> Vec<RegSet> {
    let mut kept = vec![RegSet::EMPTY; region.blocks.len()];
    for (header, looped) in loops.iter().enumerate() {
        let Some(looped) = looped.as_ref().filter(|looped| looped.is_innermost) else { continue };
        let (mut used, mut written) = (RegSet::EMPTY, RegSet::EMPTY);
        for &block in &looped.blocks {
            for at in region.blocks[block].insts.iter().chain(region.blocks[block].end.at()) {
                used = used.with(uses(at.inst)).with(definitions(at.inst));
                written = written.with(definitions(at.inst));
            }
        }
        if used.iter_x().count() <= MOST_X && used.iter_f().count() <= MOST_F {
            kept[header] = written.without(live_in[header]);
            for &block in looped.blocks.iter().filter(|&&block| block != header) {
                live_in[block] = live_in[block].with(kept[header]);
            }
        }
    }
    kept
}

/// The most registers that a loop may use to keep what it writes: what a host has, less what else is needed.
const MOST_X: usize = 9;
const MOST_F: usize = 14;

fn dirty(region: &Region, live_in: &[RegSet], kept: &[RegSet]) -> Vec<RegSet> {
    let written: Vec<RegSet> = region
        .blocks
        .iter()
        .map(|block| {
            let insts = block.insts.iter().chain(block.end.at());
            insts.fold(RegSet::EMPTY, |set, at| set.with(definitions(at.inst)))
        })
        .collect();
    solve(region, |dirty, block| {
        let preds = region.blocks[block].preds.iter();
        let from = preds
            .fold(RegSet::EMPTY, |set, &pred| set.with(dirty[pred]).with(kept[pred]).with(written[pred]));
        from.and(live_in[block])
    })
}

/// Addresses made from `sp` by adding something, or in a register that held one when the region was asked for.
fn stack(region: &Region) -> Vec<RegSet> {
    let mut stack = vec![RegSet::SP; region.blocks.len()];
    if let Some(first) = stack.first_mut() {
        *first = first.with(region.stack);
    }
    let mut changed = true;
    while changed {
        changed = false;
        for index in 0..stack.len() {
            let block = &region.blocks[index];
            let mut out = block.insts.iter().fold(stack[index], |set, at| set.after_stack(at.inst));
            if matches!(block.end, End::Call { .. }) {
                out = out.and(RegSet::SAVED);
            }
            for to in block.end.targets() {
                if let To::Block(next) = to {
                    let new = stack[next].with(out);
                    changed |= new != stack[next];
                    stack[next] = new;
                }
            }
        }
    }
    stack
}
