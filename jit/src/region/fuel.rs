//! Where fuel is charged and checked.
//!
//! Fuel is *checked* where every way through the region must pass once per trip: at entries and at loop headers. It
//! is *charged* in bulk: between two checks instructions are only counted, statically, as *pending*, and subtracted
//! where ways with different counts meet, before a check, and when the region is left. A check demands fuel for the
//! longest way to the next check, so nothing in between can run out.

use super::Region;

/// Per block, indexed as [`Region::blocks`].
#[derive(Clone, Debug)]
pub(crate) struct Charges {
    /// Instructions executed but not charged at the start of the block.
    pub(crate) pending: Vec<u64>,
    /// Whether the block charges everything at its end.
    pub(crate) settles: Vec<bool>,
    /// The most instructions any way executes from a check to the next.
    pub(crate) longest: u64,
}

impl Charges {
    /// Whether fuel is checked at the start of the block.
    pub(crate) fn checks(region: &Region, block: usize) -> bool {
        region.blocks[block].is_entry || region.blocks[block].is_header
    }

    pub(crate) fn of(region: &Region) -> Self {
        let count = region.blocks.len();
        let mut settles = vec![false; count];
        let mut pending = vec![0; count];
        loop {
            let mut changed = false;
            for block in 0..count {
                if Self::checks(region, block) {
                    pending[block] = 0;
                    for &pred in &region.blocks[block].preds {
                        changed |= !std::mem::replace(&mut settles[pred], true);
                    }
                    continue;
                }
                let after = |pred: usize| {
                    if settles[pred] { 0 } else { pending[pred] + region.blocks[pred].cost() }
                };
                let preds = &region.blocks[block].preds;
                let first = preds.first().map_or(0, |&pred| after(pred));
                if preds.iter().all(|&pred| after(pred) == first) {
                    pending[block] = first;
                } else {
                    pending[block] = 0;
                    for &pred in preds {
                        changed |= !std::mem::replace(&mut settles[pred], true);
                    }
                }
            }
            if !changed {
                break;
            }
        }
        Charges { pending, settles, longest: longest(region) }
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
