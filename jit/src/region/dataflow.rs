//! Which registers are live where, and which may differ from their homes.
//!
//! What is not live behind a block is brought home at its end, so only live registers are dirty between blocks: no
//! value is kept for the sole purpose of leaving the region with it. Only integer registers can be dirty between
//! blocks; floating-point homes are written before a block ends.

use super::{End, RegSet, Region, To, definitions, uses};

/// Per block, indexed as [`Region::blocks`].
#[derive(Clone, Debug)]
pub(crate) struct Dataflow {
    /// Registers whose value at the start of the block is needed.
    pub(crate) live_in: Vec<RegSet>,
    /// Registers that may differ from their homes at the start of the block.
    pub(crate) dirty_in: Vec<RegSet>,
    /// Registers that may hold a stack address at the start of the block; a guess.
    pub(crate) stack_in: Vec<RegSet>,
}

impl Dataflow {
    pub(crate) fn of(region: &Region) -> Self {
        let live_in = live(region);
        let dirty_in = dirty(region, &live_in);
        Dataflow { live_in, dirty_in, stack_in: stack(region) }
    }

    /// What is live behind the end of a block, where it goes to other blocks.
    pub(crate) fn live_out(&self, region: &Region, block: usize) -> RegSet {
        region.blocks[block].successors().fold(RegSet::EMPTY, |set, next| set.with(self.live_in[next]))
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

fn dirty(region: &Region, live_in: &[RegSet]) -> Vec<RegSet> {
    let written: Vec<RegSet> = region
        .blocks
        .iter()
        .map(|block| {
            let insts = block.insts.iter().chain(block.end.at());
            insts.fold(RegSet::EMPTY, |set, at| set.with(definitions(at.inst))).integers()
        })
        .collect();
    solve(region, |dirty, block| {
        let preds = region.blocks[block].preds.iter();
        let from = preds.fold(RegSet::EMPTY, |set, &pred| set.with(dirty[pred]).with(written[pred]));
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
