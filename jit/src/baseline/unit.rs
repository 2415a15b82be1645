//! What is translated at once: a straight stretch of code with the branches inside it.
//!
//! A unit is a function, if it is known where that begins and ends. Otherwise it begins where control came and goes on, in the order of
//! addresses, until nothing that was found so far leads further. All of it is found in one pass without looking at anything
//! twice, but for where jumps through tables lead. Where control comes to the middle of a function that has code, a
//! unit is no more than what leads from there to where that can be entered.

use causality_machine::isa::reg::X;

use crate::region::{At, Flow, Source, decode_at, definitions, flow, is_float, table};

/// The most bytes of a unit. Ways out say in 16 bits where they leave.
const MOST: u64 = 1 << 17;

/// The most instructions of a unit of which nobody knows whether it is one function.
const MOST_UNKNOWN: usize = 2000;

/// How far a jump forward may lead and still be taken for one inside a function.
const JUMP: u64 = 1024;

/// How far a branch forward may lead.
const BRANCH: u64 = 1 << 16;

/// How far before its start a branch of a unit may lead and make it larger.
const BACK: u64 = 4096;

/// How often that may happen.
const BACKWARDS: usize = 3;

/// Not an instruction's number.
const NOWHERE: u32 = u32::MAX;

/// How control may come to an instruction other than from the one before it.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
pub(super) struct Marks(u8);

impl Marks {
    /// Something further up jumps here.
    pub(super) const TARGET: Marks = Marks(1);
    /// With all fuel charged, and a check: from outside, from further down, by a call, or back from one.
    pub(super) const ENTRY: Marks = Marks(2);
    /// Other code takes over there.
    pub(super) const ELSEWHERE: Marks = Marks(4);
    /// What was known is not known there.
    pub(super) const ENTERED: Marks = Marks(Self::ENTRY.0 | Self::ELSEWHERE.0);

    pub(super) const fn has(self, other: Marks) -> bool {
        self.0 & other.0 != 0
    }

    pub(super) const fn is_empty(self) -> bool {
        self.0 == 0
    }
}

/// One instruction of a unit.
#[derive(Clone, Copy, Debug)]
pub(super) struct Code {
    pub(super) at: At,
    /// The integer register it writes, or `x0`.
    pub(super) rd: X,
    pub(super) marks: Marks,
    /// The first instruction that jumps here from further up, or more than all.
    pub(super) first: u32,
    /// The last instruction that jumps here from further down, or itself, if there is one; or 0.
    pub(super) latch: u32,
}

impl table::Placed for Code {
    fn at(&self) -> At {
        self.at
    }

    fn defines(&self, r: X) -> bool {
        self.rd == r
    }
}

/// How control leaves at the bottom.
#[derive(Clone, Copy, Debug, Default)]
pub(super) enum Bottom {
    /// The unit goes no further, the code does.
    #[default]
    Open,
    /// Control must be given back there.
    Leave,
}

/// Code that is translated at once.
#[derive(Debug, Default)]
pub(super) struct Unit {
    pub(super) start: u64,
    pub(super) codes: Vec<Code>,
    /// Behind the last instruction.
    pub(super) end: u64,
    pub(super) bottom: Bottom,
    /// Whether any of it is of a floating-point extension.
    pub(super) has_floats: bool,
    /// By distance from the start in half-words: the number of the instruction there, plus one.
    numbers: Vec<u32>,
    /// Where jumps lead, and from which instruction.
    targets: Vec<(u64, Marks, u32)>,
}

impl Unit {
    /// Becomes the unit for code at `pc`. It begins where the function does, or else there, or where branches of it lead
    /// back to: control that leaves a unit goes through the table, and is not to do so in each round of a loop. It can be
    /// entered at `pc` if `is_entry`, or if it could be anyway.
    pub(super) fn find(&mut self, source: &dyn Source, pc: u64, is_entry: bool) {
        let is_near =
            |start: &u64| (MOST / 2).checked_add(*start).is_some_and(|end| (*start..end).contains(&pc));
        if let Some(function) = source.function_of(pc).filter(is_near) {
            if function != pc && source.has_code(function) {
                // That could not be entered here: as little as leads to where it can be.
                self.walk(source, pc, pc, true);
                return;
            }
            self.walk(source, function, pc, is_entry);
            if self.index(pc).is_some() {
                return;
            }
        }
        let mut start = pc;
        for _ in 0..BACKWARDS {
            let lowest = self.walk(source, start, pc, is_entry);
            if lowest == start {
                break;
            }
            start = lowest;
        }
        if self.index(pc).is_none() {
            // That was something else than code.
            self.walk(source, pc, pc, true);
        }
    }

    /// Becomes the unit that begins at `start` and goes on to `pc` at least. Returns where branches lead back to at most.
    fn walk(&mut self, source: &dyn Source, start: u64, pc: u64, is_entry: bool) -> u64 {
        let mut lowest = start;
        let unit = self;
        (unit.start, unit.end, unit.bottom) = (start, start, Bottom::Open);
        unit.has_floats = false;
        unit.codes.clear();
        unit.numbers.clear();
        let mut targets = std::mem::take(&mut unit.targets);
        targets.clear();
        targets.push((start, Marks::ENTRY, NOWHERE));
        if is_entry {
            targets.push((pc, Marks::ENTRY, NOWHERE));
        }
        // Where control goes on, if it does not go on behind the current instruction.
        let mut furthest = pc;
        let function = source.function_of(start);
        let is_part = function.is_some_and(|function| function != start && source.has_code(function));
        let most = if function == Some(start) { usize::MAX } else { MOST_UNKNOWN };
        while unit.codes.len() < most && unit.end - start < MOST - 4 {
            let pc = unit.end;
            let Some(at) = decode_at(source, pc) else {
                unit.bottom = Bottom::Leave;
                break;
            };
            let is_elsewhere = source.is_elsewhere(pc) || is_part && pc != start && source.has_code(pc);
            unit.push(at, if is_elsewhere { Marks::ELSEWHERE } else { Marks::default() });
            let from = unit.codes.len() as u32 - 1;
            let mut reach = |target: u64, most: u64| {
                let is_ahead = target > pc;
                if target < lowest && start - target < BACK {
                    lowest = target;
                }
                targets.push((target, if is_ahead { Marks::TARGET } else { Marks::ENTRY }, from));
                if is_ahead && target - pc < most {
                    furthest = furthest.max(target);
                }
            };
            let goes_on = match flow(&at) {
                Flow::Straight => true,
                Flow::Branch { target } => {
                    reach(target, BRANCH);
                    true
                }
                Flow::Jump { target, .. } => {
                    reach(target, JUMP);
                    false
                }
                Flow::Call { target, .. } => {
                    targets.extend([(target, Marks::ENTRY, NOWHERE), (unit.end, Marks::ENTRY, NOWHERE)]);
                    true
                }
                Flow::CallRegister { .. } => {
                    targets.push((unit.end, Marks::ENTRY, NOWHERE));
                    true
                }
                Flow::Return => false,
                Flow::Indirect => {
                    let table = table::Code { source, insts: &unit.codes }.find(pc);
                    for (target, _) in table.into_iter().flat_map(|table| table.targets) {
                        targets.push((target, Marks::ENTRY, NOWHERE));
                        let is_inside = function == Some(start) && source.function_of(target) == function;
                        if is_inside || function.is_none() && target > pc && target - pc < BRANCH {
                            furthest = furthest.max(target);
                        }
                    }
                    false
                }
            };
            let goes_on = goes_on && !(is_elsewhere && is_part);
            if !goes_on
                && furthest < unit.end
                && (function != Some(start) || source.function_of(unit.end) != function)
            {
                break;
            }
        }
        for &(target, marks, from) in &targets {
            if let Some(index) = unit.index(target) {
                let code = &mut unit.codes[index];
                code.marks.0 |= marks.0;
                if marks == Marks::TARGET {
                    code.first = code.first.min(from);
                } else if from != NOWHERE {
                    code.latch = code.latch.max(from);
                }
            }
        }
        unit.targets = targets;
        lowest
    }

    fn push(&mut self, at: At, marks: Marks) {
        self.has_floats |= is_float(at.inst);
        let rd = definitions(at.inst).iter_x().next().unwrap_or(X::ZERO);
        self.codes.push(Code { at, rd, marks, first: NOWHERE, latch: 0 });
        self.numbers.push(self.codes.len() as u32);
        if at.len > 2 {
            self.numbers.push(0);
        }
        self.end = at.next();
    }

    /// The number of the instruction at `pc`.
    pub(super) fn index(&self, pc: u64) -> Option<usize> {
        let offset = pc.wrapping_sub(self.start);
        if offset & 1 != 0 {
            return None;
        }
        let number = *self.numbers.get(usize::try_from(offset / 2).ok()?)?;
        number.checked_sub(1).map(|index| index as usize)
    }
}
