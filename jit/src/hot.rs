//! Where a region is to begin when code somewhere is hot.
//!
//! What is hot is where the interpreter came to often, which can be anywhere. A good region begins where a loop does,
//! because control will be there soon again, or where a function does.

use std::collections::{BTreeSet, HashMap};

use causality_machine::isa::reg::X;
use causality_machine::isa::{Inst, decode};

use crate::Snapshot;
use crate::region::{End, Region, Source, To};

/// How far to look for the end of a loop, in instructions.
const STEPS: usize = 2000;
/// How far before `pc` its function may begin, in bytes.
const FUNCTION: u64 = 1 << 16;

/// Where good regions may begin that hold `pc`.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(crate) struct Candidates {
    /// The header of a loop around it.
    pub(crate) header: Option<u64>,
    /// The start of its function.
    pub(crate) function: Option<u64>,
}

impl Candidates {
    pub(crate) fn of(text: &Snapshot, pc: u64) -> Self {
        let functions = text.functions();
        let before = functions.partition_point(|&function| function <= pc);
        let function = before.checked_sub(1).map(|index| functions[index]);
        let function = function.filter(|function| pc - function <= FUNCTION);
        Candidates { header: header(text, pc, function.unwrap_or(0)), function }
    }
}

/// Follows the likely way from `pc` until that comes round. Jumps back are taken if they go behind `pc`; those to
/// elsewhere belong to loops that `pc` is before.
fn header(text: &Snapshot, pc: u64, function: u64) -> Option<u64> {
    let mut steps: HashMap<u64, usize> = HashMap::new();
    let mut jumps_back: Vec<(usize, u64)> = Vec::new();
    let mut at = pc;
    while steps.len() < STEPS {
        if let Some(&first) = steps.get(&at) {
            let in_cycle = jumps_back.iter().filter(|(step, _)| *step >= first);
            return in_cycle.map(|(_, target)| *target).min();
        }
        let step = steps.len();
        steps.insert(at, step);
        let decoded = decode(text.fetch(at)?)?;
        let next = at.wrapping_add(decoded.len() as u64);
        let target = |imm: i32| at.wrapping_add_signed(i64::from(imm));
        let to = match decoded.inst {
            Inst::Beq(ops)
            | Inst::Bne(ops)
            | Inst::Blt(ops)
            | Inst::Bge(ops)
            | Inst::Bltu(ops)
            | Inst::Bgeu(ops)
                if (function..=pc).contains(&target(ops.imm)) && ops.imm < 0 =>
            {
                target(ops.imm)
            }
            Inst::Jal(ops) if ops.rd != X::RA && ops.rd != X::T0 => target(ops.imm),
            Inst::Jalr(ops) if ops.rd.is_zero() => return None,
            Inst::Ebreak(_) => return None,
            _ => next,
        };
        if to < function {
            return None;
        }
        if to <= at {
            jumps_back.push((step, to));
        }
        at = to;
    }
    None
}

/// The header of the innermost loop of `region` around `pc`, calls followed to where they come back.
pub(crate) fn loop_around(region: &Region, pc: u64) -> Option<u64> {
    let place = region.blocks.iter().position(|block| block.frame == 0 && block.has_inst(pc))?;
    let edges = |from: usize| {
        let targets = region.blocks[from].end.targets().into_iter();
        targets.filter_map(|to| if let To::Block(to) = to { Some(to) } else { None }).collect()
    };
    let mut before: Vec<Vec<usize>> = vec![Vec::new(); region.blocks.len()];
    for from in 0..region.blocks.len() {
        let targets: Vec<usize> = edges(from);
        targets.into_iter().for_each(|to| before[to].push(from));
    }
    let after = reached(place, region.blocks.len(), edges);
    let before = reached(place, region.blocks.len(), |to| before[to].clone());
    let headers = region.blocks.iter().enumerate().filter(|(index, block)| {
        block.is_header && block.frame == 0 && block.pc <= pc && after[*index] && before[*index]
    });
    headers.map(|(_, block)| block.pc).max()
}

/// A loop of a region: where it begins, and the instructions that are in it and in the region's own code.
pub(crate) struct HotLoop {
    pub(crate) header: u64,
    pub(crate) pcs: BTreeSet<u64>,
}

/// The largest loop of `region` around `pc` in which nothing outside the region is called.
pub(crate) fn outermost_loop(region: &Region, pc: u64) -> Option<HotLoop> {
    let place = region.blocks.iter().position(|block| block.frame == 0 && block.has_inst(pc))?;
    let headers = region.blocks.iter().enumerate();
    let headers = headers.filter(|(_, block)| block.is_header && block.frame == 0);
    let loops = headers.map(|(header, _)| (header, loop_of(region, header)));
    let (header, blocks) =
        loops.filter(|(_, blocks)| blocks.contains(&place)).max_by_key(|(_, b)| b.len())?;
    let own = blocks.iter().map(|&block| &region.blocks[block]).filter(|block| block.frame == 0);
    let pcs = own.flat_map(|block| block.insts.iter().chain(block.end.at()).map(|at| at.pc)).collect();
    Some(HotLoop { header: region.blocks[header].pc, pcs })
}

/// The blocks of the natural loop of a header: from where its jumps back come, backwards to it. Blocks behind calls are
/// not dominated by anything, so those of a loop that calls are not part of it; without jumps back there is none.
fn loop_of(region: &Region, header: usize) -> BTreeSet<usize> {
    let is_dominated = |mut block: usize| loop {
        if block == header {
            break true;
        }
        match region.blocks[block].idom {
            Some(above) => block = above,
            None => break false,
        }
    };
    let backs = region.blocks[header].preds.iter().copied().filter(|&pred| is_dominated(pred));
    let mut queue: Vec<usize> = backs.collect();
    let mut found = BTreeSet::new();
    while let Some(block) = queue.pop() {
        if found.insert(block) && block != header {
            queue.extend(&region.blocks[block].preds);
        }
    }
    let calls = |&block: &usize| matches!(region.blocks[block].end, End::Call { .. });
    if found.iter().any(calls) { BTreeSet::new() } else { found }
}

/// What can be reached from `start`, which is part of it only if it can be reached again.
fn reached(start: usize, count: usize, edges: impl Fn(usize) -> Vec<usize>) -> Vec<bool> {
    let mut found = vec![false; count];
    let mut queue = vec![start];
    while let Some(from) = queue.pop() {
        for to in edges(from) {
            if !std::mem::replace(&mut found[to], true) {
                queue.push(to);
            }
        }
    }
    found
}
