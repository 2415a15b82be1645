//! Finding the blocks of a region.

use std::collections::{BTreeMap, VecDeque};

use causality_machine::isa::reg::X;
use causality_machine::isa::{Inst, decode};

use super::{At, Block, Callee, End, RegSet, Region, Source, Table, To, order, table};

/// How large regions get.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Hash)]
pub struct Bounds {
    /// Instructions in a region, copies counted.
    pub region: usize,
    /// Instructions of a callee that is copied in.
    pub callee: usize,
    /// Instructions of all copied callees of a region.
    pub copies: usize,
    /// How deep copied callees nest; also how often a function is copied into itself.
    pub depth: usize,
}

impl Default for Bounds {
    fn default() -> Self {
        Bounds { region: 3000, callee: 40, copies: 600, depth: 3 }
    }
}

/// One copy of code.
struct Frame {
    /// Where the call was made, and which block follows it.
    caller: Option<(usize, u64)>,
    depth: usize,
}

pub(super) type Place = (usize, u64);

struct Discovery<'a> {
    source: &'a dyn Source,
    bounds: Bounds,
    frames: Vec<Frame>,
    /// What was decoded; `None` where nothing can be.
    insts: BTreeMap<Place, Option<At>>,
    /// Where blocks begin.
    leaders: BTreeMap<Place, Leader>,
    /// The frame that a call was copied into.
    copied: BTreeMap<Place, usize>,
    queue: VecDeque<Place>,
    /// Indirect jumps whose tables have not been looked for.
    indirect: VecDeque<Place>,
    tables: BTreeMap<Place, Table>,
    copies: usize,
    sizes: BTreeMap<u64, Option<usize>>,
}

#[derive(Clone, Copy, Default)]
struct Leader {
    is_entry: bool,
    /// Number of its block, once that is made.
    block: usize,
}

/// Finds the region that starts at `start`.
#[must_use]
pub fn discover(source: &dyn Source, start: u64, bounds: Bounds) -> Region {
    let mut discovery = Discovery {
        source,
        bounds,
        frames: vec![Frame { caller: None, depth: 0 }],
        insts: BTreeMap::new(),
        leaders: BTreeMap::new(),
        copied: BTreeMap::new(),
        queue: VecDeque::new(),
        indirect: VecDeque::new(),
        tables: BTreeMap::new(),
        copies: 0,
        sizes: BTreeMap::new(),
    };
    discovery.lead((0, start), true);
    loop {
        while let Some(place) = discovery.queue.pop_front() {
            discovery.walk(place);
        }
        // Only now is known what constants registers may hold.
        let Some(jump) = discovery.indirect.pop_front() else { break };
        discovery.follow_table(jump);
    }
    let entry = source.entry().and_then(|entry| discovery.leaders.get_mut(&(0, entry)));
    if let Some(leader) = entry {
        leader.is_entry = true;
    }
    discovery.finish(start)
}

/// `ra` or `t0`: the registers that calls link and returns use (unprivileged manual, "Unconditional Jumps").
pub(crate) fn is_link(r: X) -> bool {
    r == X::RA || r == X::T0
}

/// What an instruction does to control flow.
pub(crate) enum Flow {
    Straight,
    Jump { link: X, target: u64 },
    Branch { target: u64 },
    Call { link: X, target: u64 },
    CallRegister { link: X, rs1: X, imm: i32 },
    Return,
    Indirect,
}

pub(crate) fn flow(at: &At) -> Flow {
    let relative = |imm: i32| at.pc.wrapping_add_signed(i64::from(imm));
    match at.inst {
        Inst::Jal(ops) if is_link(ops.rd) => Flow::Call { link: ops.rd, target: relative(ops.imm) },
        Inst::Jal(ops) => Flow::Jump { link: ops.rd, target: relative(ops.imm) },
        Inst::Jalr(ops) if is_link(ops.rd) => Flow::CallRegister { link: ops.rd, rs1: ops.rs1, imm: ops.imm },
        Inst::Jalr(ops) if ops.rd.is_zero() && is_link(ops.rs1) => Flow::Return,
        Inst::Jalr(_) => Flow::Indirect,
        Inst::Beq(ops)
        | Inst::Bne(ops)
        | Inst::Blt(ops)
        | Inst::Bge(ops)
        | Inst::Bltu(ops)
        | Inst::Bgeu(ops) => Flow::Branch { target: relative(ops.imm) },
        _ => Flow::Straight,
    }
}

pub(crate) fn decode_at(source: &dyn Source, pc: u64) -> Option<At> {
    if source.breaks_at(pc) {
        return None;
    }
    let decoded = decode(source.fetch(pc)?)?;
    Some(At { pc, inst: decoded.inst, len: decoded.len() as u8 })
}

impl Discovery<'_> {
    /// Whether control leaves the region when it comes to `place`.
    fn is_outside(&self, (frame, pc): Place) -> bool {
        frame == 0 && self.source.is_elsewhere(pc)
    }

    /// Makes a block begin at `place`, if that is inside.
    fn lead(&mut self, place: Place, is_entry: bool) {
        if self.is_outside(place) {
            return;
        }
        let leader = self.leaders.entry(place).or_insert_with(|| {
            self.queue.push_back(place);
            Leader::default()
        });
        leader.is_entry |= is_entry;
    }

    /// Decodes from `place` to the end of the straight line.
    fn walk(&mut self, (frame, mut pc): Place) {
        loop {
            let is_full = self.insts.len() >= self.bounds.region;
            if is_full || self.insts.contains_key(&(frame, pc)) || self.is_outside((frame, pc)) {
                return;
            }
            let at = decode_at(self.source, pc);
            self.insts.insert((frame, pc), at);
            let Some(at) = at else { return };
            match flow(&at) {
                Flow::Straight => pc = at.next(),
                Flow::Jump { target, .. } => return self.lead((frame, target), false),
                Flow::Branch { target } => {
                    self.lead((frame, at.next()), false);
                    return self.lead((frame, target), false);
                }
                Flow::Call { target, .. } => {
                    match self.copy(frame, &at, target) {
                        Some(callee) => self.lead((callee, target), false),
                        None => self.lead((frame, at.next()), true),
                    }
                    return;
                }
                Flow::CallRegister { .. } => return self.lead((frame, at.next()), true),
                Flow::Return => {
                    if let Some((caller, back)) = self.frames[frame].caller {
                        self.lead((caller, back), false);
                    }
                    return;
                }
                Flow::Indirect => return self.indirect.push_back((frame, pc)),
            }
        }
    }

    /// Makes blocks begin where the table leads that the jump at `place` uses, if it uses one.
    fn follow_table(&mut self, (frame, pc): Place) {
        let insts: Vec<At> = self.insts.range((frame, 0)..(frame + 1, 0)).filter_map(|(_, at)| *at).collect();
        let code = table::Code { source: self.source, insts: &insts };
        let Some(table) = code.find(pc) else { return };
        for &(target, _) in &table.targets {
            self.lead((frame, target), false);
        }
        self.tables.insert((frame, pc), table);
    }

    /// A frame for the callee at `target`, if it is to be copied in.
    fn copy(&mut self, frame: usize, call: &At, target: u64) -> Option<usize> {
        let depth = self.frames[frame].depth + 1;
        if depth > self.bounds.depth {
            return None;
        }
        let size = match self.sizes.get(&target) {
            Some(&size) => size,
            None => {
                let size = callee_size(self.source, target, self.bounds.callee);
                self.sizes.insert(target, size);
                size
            }
        }?;
        if self.copies + size > self.bounds.copies {
            return None;
        }
        self.copies += size;
        self.frames.push(Frame { caller: Some((frame, call.next())), depth });
        let callee = self.frames.len() - 1;
        self.copied.insert((frame, call.pc), callee);
        Some(callee)
    }

    fn finish(mut self, start: u64) -> Region {
        let places: Vec<Place> =
            self.leaders.keys().filter(|place| self.insts.contains_key(place)).copied().collect();
        for (block, place) in places.iter().enumerate() {
            if let Some(leader) = self.leaders.get_mut(place) {
                leader.block = block;
            }
        }
        let blocks: Vec<Block> = places.iter().map(|&place| self.block(place)).collect();
        let first = places.binary_search(&(0, start)).unwrap_or(0);
        Region {
            start,
            blocks: order::arrange(blocks, first),
            stack: RegSet::of_x(self.source.stack_pointers()),
        }
    }

    fn to(&self, place: Place) -> To {
        match self.leaders.get(&place) {
            Some(leader) if self.insts.contains_key(&place) => To::Block(leader.block),
            _ => To::Out(place.1),
        }
    }

    fn block(&self, place: Place) -> Block {
        let (frame, mut pc) = place;
        let mut insts = Vec::new();
        let end = loop {
            let here = (frame, pc);
            if here != place && self.leaders.contains_key(&here) {
                break End::Fall(self.to(here));
            }
            let at = match self.insts.get(&here) {
                Some(Some(at)) => *at,
                Some(None) => break End::Leave { pc },
                None => break End::Fall(To::Out(pc)),
            };
            let next = (frame, at.next());
            match flow(&at) {
                Flow::Straight => {
                    insts.push(at);
                    pc = at.next();
                }
                Flow::Jump { link, target } => break End::Jump { at, link, to: self.to((frame, target)) },
                Flow::Branch { target } => {
                    break End::Branch { at, taken: self.to((frame, target)), fall: self.to(next) };
                }
                Flow::Call { link, target } => {
                    break match self.copied.get(&here) {
                        Some(&callee) => End::Jump { at, link, to: self.to((callee, target)) },
                        None => End::Call { at, link, callee: Callee::Direct(target), back: self.to(next) },
                    };
                }
                Flow::CallRegister { link, rs1, imm } => {
                    break End::Call { at, link, callee: Callee::Register(rs1, imm), back: self.to(next) };
                }
                Flow::Return => {
                    let caller = self.frames[frame].caller;
                    break End::Return { at, expected: caller.map(|back| (back.1, self.to(back))) };
                }
                Flow::Indirect => {
                    let mut table = self.tables.get(&here).cloned();
                    for (target, to) in table.iter_mut().flat_map(|table| table.targets.iter_mut()) {
                        *to = self.to((frame, *target));
                    }
                    break End::Indirect { at, table };
                }
            }
        };
        let is_entry = self.leaders.get(&place).is_some_and(|leader| leader.is_entry);
        Block { pc: place.1, frame, insts, end, is_entry, is_header: false, preds: Vec::new(), idom: None }
    }
}

/// The number of instructions of the function at `start`, if it has at most `limit`, returns, and does nothing that
/// would keep it from being copied.
fn callee_size(source: &dyn Source, start: u64, limit: usize) -> Option<usize> {
    let mut seen = std::collections::BTreeSet::new();
    let mut queue = vec![start];
    let mut returns = false;
    while let Some(mut pc) = queue.pop() {
        while seen.insert(pc) {
            if seen.len() > limit {
                return None;
            }
            let at = decode_at(source, pc)?;
            match flow(&at) {
                Flow::Straight | Flow::Call { .. } => pc = at.next(),
                Flow::Jump { target, .. } => pc = target,
                Flow::Branch { target } => {
                    queue.push(target);
                    pc = at.next();
                }
                Flow::Return => {
                    returns = true;
                    break;
                }
                Flow::CallRegister { .. } | Flow::Indirect => return None,
            }
        }
    }
    returns.then_some(seen.len())
}
