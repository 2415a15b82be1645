//! Which registers are live where, and which may differ from their homes.
//!
//! Both are safe to overestimate. Only integer registers can be dirty between blocks: floating-point homes are
//! written before a block ends.

use super::{RegSet, Region, definitions, uses};

/// Per block, indexed as [`Region::blocks`].
#[derive(Clone, Debug)]
pub(crate) struct Dataflow {
    /// Registers whose value at the start of the block is needed.
    pub(crate) live_in: Vec<RegSet>,
    /// Registers that may differ from their homes at the start of the block.
    pub(crate) dirty_in: Vec<RegSet>,
}

impl Dataflow {
    pub(crate) fn of(region: &Region) -> Self {
        let dirty_in = dirty(region);
        let live_in = live(region, &dirty_in);
        Dataflow { live_in, dirty_in }
    }

    /// What is live behind the end of a block, where it goes to other blocks.
    pub(crate) fn live_out(&self, region: &Region, block: usize) -> RegSet {
        region.blocks[block].successors().fold(RegSet::EMPTY, |set, next| set.with(self.live_in[next]))
    }
}

/// The registers a block writes.
fn written(region: &Region, block: usize) -> RegSet {
    let block = &region.blocks[block];
    let insts = block.insts.iter().chain(block.end.at());
    insts.fold(RegSet::EMPTY, |set, at| set.with(definitions(at.inst)))
}

fn dirty(region: &Region) -> Vec<RegSet> {
    let count = region.blocks.len();
    let written: Vec<RegSet> = (0..count).map(|block| written(region, block).integers()).collect();
    let mut dirty = vec![RegSet::EMPTY; count];
    let mut changed = true;
    while changed {
        changed = false;
        for block in 0..count {
            let preds = region.blocks[block].preds.iter();
            let new = preds.fold(RegSet::EMPTY, |set, &pred| set.with(dirty[pred]).with(written[pred]));
            changed |= new != dirty[block];
            dirty[block] = new;
        }
    }
    dirty
}

fn live(region: &Region, dirty_in: &[RegSet]) -> Vec<RegSet> {
    let count = region.blocks.len();
    let mut live = vec![RegSet::EMPTY; count];
    let mut changed = true;
    while changed {
        changed = false;
        for index in (0..count).rev() {
            let block = &region.blocks[index];
            let mut set = RegSet::EMPTY;
            for next in block.successors() {
                set = set.with(live[next]);
            }
            for at in block.insts.iter().chain(block.end.at()).rev() {
                set = set.without(definitions(at.inst)).with(uses(at.inst));
            }
            // Any point may be left, and every dirty register is stored there; so what is dirty at the start is
            // live, even if it is about to be overwritten.
            set = set.with(dirty_in[index]);
            changed |= set != live[index];
            live[index] = set;
        }
    }
    live
}
