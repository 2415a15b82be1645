//! Where fuel is charged and checked.
//!
//! Fuel is *checked* where every way through the region must pass once per trip: at entries and at loop headers. It
//! is *charged* in bulk: between two checks instructions are only counted, statically, as *pending*. Where ways with
//! different counts meet, each charges what it has more than the least; before a check, and when the region is left,
//! all is charged. A check demands fuel for the longest way to the next check, so nothing in between can run out.

use super::Region;

/// Per block, indexed as [`Region::blocks`].
#[derive(Clone, Debug)]
pub(crate) struct Charges {
    /// Instructions executed but not charged at the start of the block.
    pub(crate) pending: Vec<u64>,
    /// Instructions that remain so at its end.
    pub(crate) kept: Vec<u64>,
    /// The most instructions any way executes from a check to the next.
    pub(crate) longest: u64,
}

impl Charges {
    /// Whether fuel is checked at the start of the block.
    pub(crate) fn checks(region: &Region, block: usize) -> bool {
        region.blocks[block].is_entry || region.blocks[block].is_header
    }

    pub(crate) fn of(region: &Region) -> Self {
        let blocks = &region.blocks;
        // From above: no more is kept than there is, nor than any successor starts with, which is the least that any
        // of its predecessors keeps.
        let mut kept: Vec<u64> = vec![u64::MAX; blocks.len()];
        let mut pending = vec![0; blocks.len()];
        let mut changed = true;
        while changed {
            changed = false;
            for (index, block) in blocks.iter().enumerate() {
                pending[index] = if Self::checks(region, index) {
                    0
                } else {
                    block.preds.iter().map(|&pred| kept[pred]).min().unwrap_or(0)
                };
            }
            for (index, block) in blocks.iter().enumerate() {
                let spent = pending[index].saturating_add(block.cost());
                let keeps = block.successors().map(|next| pending[next]).fold(spent, u64::min);
                changed |= keeps != kept[index];
                kept[index] = keeps;
            }
        }
        Charges { pending, kept, longest: longest(region) }
    }
}

/// The longest way from a check to the next, in instructions. Blocks are in reverse postorder, and every edge back
/// leads to a check, so one pass from behind is enough.
fn longest(region: &Region) -> u64 {
    let mut from = vec![0; region.blocks.len()];
    let mut longest = 0;
    for index in (0..region.blocks.len()).rev() {
        let block = &region.blocks[index];
        let rest =
            block.successors().filter(|&next| !Charges::checks(region, next)).map(|next| from[next]).max();
        from[index] = block.cost() + rest.unwrap_or(0);
        if Charges::checks(region, index) {
            longest = longest.max(from[index]);
        }
    }
    longest
}
