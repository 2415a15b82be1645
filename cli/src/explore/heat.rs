//! How often each block of each region is executed, from the pcs that retire.
//!
//! A pc can be in several regions, and several times in one, so counting pcs does not tell which copy runs. This
//! follows control through the regions as native code would: within a region along its edges, and from outside to
//! the first region that can be entered there, or back to the region that called.

use std::collections::HashMap;

use causality_vm::codegen::{End, Region, To};

use crate::native_region::insts;

/// Calls remembered, so that their returns lead back.
const DEPTH: usize = 4096;

/// Counts in the making.
#[derive(Clone, Debug)]
pub(super) struct Heat {
    regions: Vec<Vec<Node>>,
    entries: HashMap<u64, (usize, usize)>,
    at: Option<Place>,
    calls: Vec<(u64, (usize, usize))>,
    elsewhere: u64,
}

/// A block: its instructions, what it leads to, and how often it was begun.
#[derive(Clone, Debug)]
struct Node {
    pcs: Vec<u64>,
    next: Vec<(u64, usize)>,
    /// Where a call made at its end returns to.
    back: Option<(u64, usize)>,
    count: u64,
}

/// The next instruction of a block of a region.
#[derive(Clone, Copy, Debug)]
struct Place {
    region: usize,
    block: usize,
    inst: usize,
}

impl Heat {
    /// Nothing counted yet.
    pub(super) fn new<'a>(regions: impl Iterator<Item = &'a Region>) -> Self {
        let mut heat =
            Heat { regions: Vec::new(), entries: HashMap::new(), at: None, calls: Vec::new(), elsewhere: 0 };
        for region in regions {
            for (pc, block) in region.entries() {
                heat.entries.entry(pc).or_insert((heat.regions.len(), block));
            }
            heat.regions.push(region.blocks.iter().map(|block| node(region, block)).collect());
        }
        heat
    }

    /// Counts the instruction at `pc`.
    pub(super) fn retire(&mut self, pc: u64) {
        if let Some(place) = &mut self.at {
            let node = &self.regions[place.region][place.block];
            if node.pcs.get(place.inst) == Some(&pc) {
                place.inst += 1;
                return;
            }
            if place.inst == node.pcs.len() {
                if let Some(&(_, block)) = node.next.iter().find(|(next, _)| *next == pc) {
                    let region = place.region;
                    return self.enter(region, block);
                }
                if let Some((back, block)) = node.back {
                    if self.calls.len() == DEPTH {
                        self.calls.remove(0);
                    }
                    self.calls.push((back, (place.region, block)));
                }
            }
        }
        let caller = self.calls.last().filter(|(back, _)| *back == pc).map(|(_, place)| *place);
        if caller.is_some() {
            self.calls.pop();
        }
        match caller.or_else(|| self.entries.get(&pc).copied()) {
            Some((region, block)) => self.enter(region, block),
            None => {
                self.at = None;
                self.elsewhere += 1;
            }
        }
    }

    fn enter(&mut self, region: usize, block: usize) {
        self.regions[region][block].count += 1;
        self.at = Some(Place { region, block, inst: 1 });
    }

    /// How often each block of a region was executed.
    pub(super) fn blocks(&self, region: usize) -> Vec<u64> {
        self.regions[region].iter().map(|node| node.count).collect()
    }

    /// Instructions executed in a region.
    pub(super) fn of_region(&self, region: usize) -> u64 {
        self.regions[region].iter().map(|node| node.count * node.pcs.len() as u64).sum()
    }

    /// Instructions executed outside all regions.
    pub(super) fn elsewhere(&self) -> u64 {
        self.elsewhere
    }
}

fn node(region: &Region, block: &causality_vm::codegen::Block) -> Node {
    let within = |to: To| match to {
        To::Block(index) => Some((region.blocks[index].pc, index)),
        To::Out(_) => None,
    };
    let (next, back) = match &block.end {
        End::Fall(to) | End::Jump { to, .. } => ([within(*to), None], None),
        End::Branch { taken, fall, .. } => ([within(*taken), within(*fall)], None),
        End::Call { back, .. } => ([None, None], within(*back)),
        End::Return { expected, .. } => ([expected.and_then(|(_, to)| within(to)), None], None),
        End::Indirect { .. } | End::Leave { .. } => ([None, None], None),
    };
    Node {
        pcs: insts(block).map(|at| at.pc).collect(),
        next: next.into_iter().flatten().collect(),
        back,
        count: 0,
    }
}
