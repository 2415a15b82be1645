//! Reverse postorder, loop headers, predecessors and dominators of a region's blocks.

use super::{Block, To};

/// Puts the blocks reachable from `start` (and from blocks behind calls) into reverse postorder, and fills in what
/// follows from the order.
pub(super) fn arrange(mut blocks: Vec<Block>, start: usize) -> Vec<Block> {
    let order = reverse_postorder(&blocks, start);
    let mut position = vec![usize::MAX; blocks.len()];
    for (new, &old) in order.iter().enumerate() {
        position[old] = new;
    }
    let mut arranged: Vec<Block> = Vec::with_capacity(order.len());
    for &old in &order {
        let mut block = std::mem::replace(&mut blocks[old], Block::nowhere());
        for to in block.end.targets_mut() {
            if let To::Block(index) = to {
                *index = position[*index];
            }
        }
        arranged.push(block);
    }
    for from in 0..arranged.len() {
        let successors: Vec<usize> = arranged[from].successors().collect();
        for to in successors {
            arranged[to].preds.push(from);
            arranged[to].is_header |= to <= from;
        }
    }
    dominators(&mut arranged);
    arranged
}

impl Block {
    const fn nowhere() -> Self {
        Block {
            pc: 0,
            frame: 0,
            insts: Vec::new(),
            end: super::End::Leave { pc: 0 },
            is_entry: false,
            is_header: false,
            preds: Vec::new(),
            idom: None,
        }
    }
}

fn reverse_postorder(blocks: &[Block], start: usize) -> Vec<usize> {
    let targets = |block: &Block| -> Vec<usize> {
        let inside = block.end.targets().into_iter().filter_map(|to| match to {
            To::Block(index) => Some(index),
            To::Out(_) => None,
        });
        inside.collect()
    };
    let mut seen = vec![false; blocks.len()];
    let mut postorder = Vec::with_capacity(blocks.len());
    let mut stack = vec![(start, targets(&blocks[start]).into_iter())];
    seen[start] = true;
    while let Some((block, rest)) = stack.last_mut() {
        match rest.next() {
            Some(next) if !seen[next] => {
                seen[next] = true;
                stack.push((next, targets(&blocks[next]).into_iter()));
            }
            Some(_) => {}
            None => {
                postorder.push(*block);
                stack.pop();
            }
        }
    }
    postorder.reverse();
    postorder
}

/// Cooper, Harvey and Kennedy, "A Simple, Fast Dominance Algorithm" (2001), with a virtual root above all entries.
fn dominators(blocks: &mut [Block]) {
    let root = blocks.len();
    let mut idom = vec![usize::MAX; blocks.len()];
    let mut changed = true;
    while changed {
        changed = false;
        for at in 0..blocks.len() {
            let mut new = if blocks[at].is_entry { root } else { usize::MAX };
            for &pred in &blocks[at].preds {
                if idom[pred] != usize::MAX {
                    new = if new == usize::MAX { pred } else { intersect(&idom, root, new, pred) };
                }
            }
            if idom[at] != new {
                idom[at] = new;
                changed = true;
            }
        }
    }
    for (block, dominator) in blocks.iter_mut().zip(idom) {
        block.idom = (dominator < root).then_some(dominator);
    }
}

fn intersect(idom: &[usize], root: usize, mut a: usize, mut b: usize) -> usize {
    while a != b {
        if a == root || b == root {
            return root;
        }
        if a > b {
            a = idom[a];
        } else {
            b = idom[b];
        }
    }
    a
}
