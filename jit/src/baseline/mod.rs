//! The baseline tier: guest code to x86-64 in one pass.
//!
//! There is no intermediate form. Guest registers are always in the same places, a dozen of them in host registers, so
//! the state is exact at every instruction, and control can be given back, come in, and change from one piece of code
//! to another without moving anything.
//!
//! **Convention.** Code expects registers in their places (`register.rs`), the context in `r15`, fuel in `r14`. It is
//! called and jumped to by the table with its pc in `rax`, and returns
//! the pc where control goes next in `rax`, which is even, or `LEFT` after storing that pc in
//! the hart. The function that enters it (`runtime.rs`) takes registers from their homes and brings them back there. The
//! code of the optimising tier has registers in their homes whenever control comes or goes, so to call one from the other
//! is to do the same at the border.

mod a;
mod assembler;
mod bursts;
mod control;
mod d;
mod f;
mod facts;
mod float;
mod fuel;
mod i;
mod loops;
mod m;
mod memory;
mod register;
mod runtime;
#[cfg(test)]
mod tests;
mod trap;
mod unit;
mod xrr;
mod zb;
mod zfa;
mod zfhmin;
mod zi;

use std::ops::Range;

use causality_machine::isa::Inst;
use causality_machine::isa::reg::X;
use causality_machine::isa::visit::Visitor;

use crate::context::field;
use crate::cranelift::{TranslateError, Translation};
use crate::host::Features;
use crate::region::{At, RegSet, Source, is_unsafe_to_speculate};
use crate::tunables::{Guards, Tunables};
use assembler::{Assembler, Cond, Label, Mem};
use facts::Facts;
use float::{Open, Results};
pub(crate) use fuel::LONGEST;
use loops::{Loop, Made};
use memory::Hull;
pub(crate) use register::IN_MEMORY;
use register::VM;
use runtime::test_live;
pub(crate) use runtime::{border, runtime};
use trap::{Cold, Kind, SHARED};
use unit::{Marks, Unit};

/// What a visitor method did with an instruction.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
enum Emitted {
    /// Emitted code for it.
    Done,
    /// The same, and has counted it: control may go elsewhere.
    Ended,
    /// It is left to the libcall that executes one instruction.
    Libcall,
}

/// Where control from several places comes together.
#[derive(Clone, Copy, Debug)]
struct Meet {
    label: Label,
    /// Instructions not charged there, as soon as somebody has decided.
    pending: Option<u32>,
    /// Instructions since the last check, at most.
    since: u32,
    /// What the ways there that have been seen know.
    facts: Option<u32>,
    /// Where control comes from further down.
    again: Option<Label>,
}

/// One unit in the making.
struct Emitter<'a> {
    a: &'a mut Assembler,
    tunables: &'a Tunables,
    host: Features,
    unit: &'a Unit,
    /// For each instruction that has marks.
    meets: &'a mut [Option<Meet>],
    /// Entries, and where they are.
    entries: Vec<(u64, u32)>,
    map: &'a mut Vec<(u32, u64)>,
    has_map: bool,
    insts: usize,

    /// The instruction being translated, and its number.
    at: At,
    index: usize,
    /// Whether control comes to it from the one before.
    falls: bool,
    /// Instructions executed but not charged before it.
    pending: u32,
    /// Instructions since the last check of fuel, at most.
    since: u32,
    /// Whether there was an indirect jump, whose targets are unknown.
    has_unknown_targets: bool,
    facts: Facts,
    /// What is known at the ends of jumps.
    known: &'a mut Vec<Facts>,
    /// Registers that may hold stack addresses; a guess.
    in_stack: RegSet,
    /// Whether guards look at the page table first.
    is_paged: bool,
    /// What was asked for, and which registers seem to hold stack addresses there.
    asked: (u64, RegSet),
    results: Results,
    /// An integer register whose value `rax` holds too, as long as that keeps its own.
    in_rax: Option<(X, u32)>,
    /// What the instruction before computed for this one to finish.
    fused: Option<u64>,

    /// Loops with guards in front.
    loops: Vec<Loop>,
    /// The number of the last instruction of such a loop.
    last: usize,
    /// Its accesses that are still to come, the next one last, and what was guarded.
    made: Vec<(Made, Hull)>,

    colds: &'a mut Vec<Cold>,
    shared: [Option<Label>; SHARED],
    leave_here: Option<((u64, u32, Open), Label)>,
}

impl Visitor for Emitter<'_> {
    type Output = Emitted;
}

/// Translates the unit for code at `pc`; `None` if nothing there can be executed. `is_entry`: whether it must be possible
/// to enter it there, and not only elsewhere in the loop it is part of. `has_map`: whether to say which code is for which
/// instruction.
///
/// # Errors
/// If the host is not x86-64.
pub fn translate(
    tunables: &Tunables,
    source: &dyn Source,
    pc: u64,
    is_entry: bool,
    has_map: bool,
    buffers: &mut Buffers,
) -> Result<Option<Translation>, TranslateError> {
    if !cfg!(target_arch = "x86_64") {
        return Err(TranslateError::Host("the baseline tier makes x86-64 code".to_owned()));
    }
    let Buffers { unit, meets, colds, .. } = buffers;
    unit.find(source, pc, is_entry);
    if unit.codes.is_empty() {
        return Ok(None);
    }
    meets.clear();
    meets.resize(unit.codes.len(), None);
    colds.clear();
    let asked = (pc, RegSet::SP.with(RegSet::of_x(source.stack_pointers())));
    // Of what is in registers where a function begins nothing is known, if it was asked for elsewhere.
    let is_known = unit.start == pc || source.function_of(pc) != Some(unit.start);
    let in_stack = if is_known { asked.1 } else { RegSet::SP };
    let is_paged = match tunables.guards {
        Guards::Fitting => source.is_scattered(tunables.layout.write),
        guards => guards == Guards::Pages,
    };
    Ok(Some(Emitter { has_map, asked, is_paged, ..Emitter::new(tunables, buffers, in_stack) }.emit()))
}

/// Memory to work in, used again for one unit after the other.
#[derive(Debug, Default)]
pub struct Buffers {
    a: Assembler,
    unit: Unit,
    meets: Vec<Option<Meet>>,
    colds: Vec<Cold>,
    map: Vec<(u32, u64)>,
    known: Vec<Facts>,
}

impl Buffers {
    /// The code that was translated last.
    pub(crate) fn range(&self) -> Range<u64> {
        self.unit.start..self.unit.end
    }
}

impl<'a> Emitter<'a> {
    fn new(tunables: &'a Tunables, buffers: &'a mut Buffers, in_stack: RegSet) -> Self {
        let Buffers { a, unit, meets, colds, map, known } = buffers;
        map.clear();
        known.clear();
        Emitter {
            a,
            tunables,
            host: Features::of_host(),
            unit,
            meets,
            entries: Vec::new(),
            map,
            has_map: false,
            insts: 0,
            at: unit.codes[0].at,
            index: 0,
            falls: true,
            pending: 0,
            since: 0,
            has_unknown_targets: false,
            facts: Facts::NONE,
            known,
            in_stack,
            is_paged: false,
            asked: (unit.start, in_stack),
            results: Results::default(),
            in_rax: None,
            fused: None,
            loops: Vec::new(),
            last: 0,
            made: Vec::new(),
            colds,
            shared: [None; SHARED],
            leave_here: None,
        }
    }

    fn emit(mut self) -> Translation {
        let unit = self.unit;
        for (index, code) in unit.codes.iter().enumerate() {
            self.index = index;
            self.at = code.at;
            if code.at.pc == self.asked.0 {
                self.in_stack = self.asked.1;
            }
            self.arrive(code.marks);
            if self.falls {
                self.emit_one();
            }
        }
        self.emit_bottom();
        self.emit_colds();
        self.emit_shared();
        let code = self.a.finish();
        let (entries, offsets) = self.entries.into_iter().unzip();
        Translation {
            code,
            entries,
            offsets,
            insts: self.insts,
            longest: u64::from(fuel::LONGEST),
            map: self.map.clone(),
        }
    }

    /// Begins an instruction where control may come from elsewhere too.
    fn arrive(&mut self, marks: Marks) {
        if marks.has(Marks::ELSEWHERE) {
            if self.falls {
                self.close();
                self.settle();
                self.go(self.at.pc);
                self.falls = false;
            }
            return;
        }
        if marks.is_empty() && (self.falls || !self.has_unknown_targets) {
            return;
        }
        if self.falls {
            self.close();
        }
        let meet = self.meet(self.index);
        let is_jumped_to = meet.pending.is_some();
        if marks.has(Marks::ENTRY) || !self.falls && !is_jumped_to {
            // What nobody jumps to may be where an indirect jump leads, or else is not reached.
            // In loops with guards in front, nothing does.
            if !marks.has(Marks::ENTRY) && (!self.has_unknown_targets || self.index <= self.last) {
                return;
            }
            if self.falls {
                self.settle();
            }
            (self.falls, self.pending) = (true, 0);
            self.entries.push((self.at.pc, self.a.len() as u32));
            self.take_floats(meet.label);
            self.a.bind(meet.label);
            self.forget_facts();
            self.locate();
            self.guess_for_loop();
            match self.loop_ahead() {
                Some(found) => self.begin_loop(found, meet.label),
                None => self.check_fuel(),
            }
            return;
        }
        self.receive_facts(self.falls);
        if let Some(pending) = meet.pending {
            if self.falls {
                self.charge_to(pending);
            } else {
                (self.pending, self.since) = (pending, 0);
            }
            self.since = self.since.max(meet.since);
            self.falls = true;
        }
        self.a.bind(meet.label);
    }

    /// At an entry: control that comes from elsewhere may have floating-point registers at home, until here.
    fn take_floats(&mut self, entry: Label) {
        if self.unit.has_floats && self.host.avx {
            let taken = self.cold(Kind::Floats(entry));
            test_live(self.a);
            self.a.jump_if(Cond::Equal, taken);
        }
    }

    /// At the header of a loop, which begins at `entry`.
    fn begin_loop(&mut self, found: Loop, entry: Label) {
        let again = self.a.label();
        if let Some(meet) = &mut self.meets[self.index] {
            meet.again = Some(again);
        }
        self.last = found.last;
        let advances = found.advances();
        let denied = advances.then(|| self.cold(Kind::Trip(self.loops.len(), again)));
        if advances {
            self.allow_trips(found.trips * found.cost);
        }
        for &ahead in &found.aheads {
            self.guard_ahead(ahead, if advances { found.trips } else { 1 }, denied);
            if let Some(base) = ahead.base() {
                self.learn(base, ahead.hull);
            }
        }
        self.made = found.made_hulls();
        if let Some(burst) = found.burst.as_ref().filter(|_| advances && self.host.avx) {
            self.emit_burst(burst, found.cost);
        }
        self.a.bind(again);
        if advances {
            self.check_trips(entry)
        } else {
            self.check_fuel()
        }
        self.loops.push(found);
    }

    /// Looks one trip ahead.
    fn emit_trip(&mut self, number: usize, again: Label) {
        let Loop { aheads, cost, .. } = std::mem::replace(&mut self.loops[number], Loop::NONE);
        for ahead in aheads {
            self.guard_ahead(ahead, 1, None);
        }
        self.allow_trip(cost);
        self.a.jump(again);
    }

    /// Where control comes together before instruction `index`.
    fn meet(&mut self, index: usize) -> Meet {
        match self.meets[index] {
            Some(meet) => meet,
            None => {
                let is_entry = self.unit.codes[index].marks.has(Marks::ENTRY);
                let pending = is_entry.then_some(0);
                let meet = Meet { label: self.a.label(), pending, since: 0, facts: None, again: None };
                self.meets[index] = Some(meet);
                meet
            }
        }
    }

    fn emit_one(&mut self) {
        if self.since >= fuel::LONGEST {
            self.settle();
            self.check_fuel();
        }
        self.locate();
        self.learn_made();
        self.insts += 1;
        let is_left = self.tunables.speculation_safe && is_unsafe_to_speculate(self.at.inst);
        match if is_left { Emitted::Libcall } else { self.at.inst.visit(self) } {
            Emitted::Libcall => self.libcall(matches!(self.at.inst, Inst::Ecall(_))),
            Emitted::Done => {
                self.pending += 1;
                self.since += 1;
            }
            Emitted::Ended => {}
        }
        self.follow_stack();
    }

    /// Says which guest instruction the code that follows is for.
    fn locate(&mut self) {
        self.locate_at(self.at.pc);
    }

    fn locate_at(&mut self, pc: u64) {
        if self.has_map {
            self.map.push((self.a.len() as u32, pc));
        }
    }

    /// The next instruction, if control comes to it from this one only.
    fn next_alone(&self) -> Option<At> {
        let next = self.unit.codes.get(self.index + 1)?;
        next.marks.is_empty().then_some(next.at)
    }

    fn emit_colds(&mut self) {
        let mut next = 0;
        while next < self.colds.len() {
            let Cold { label, pc, pending, open, kind } =
                std::mem::replace(&mut self.colds[next], Cold::NONE);
            next += 1;
            self.locate_at(pc);
            self.a.bind(label);
            match kind {
                Kind::None => {}
                Kind::Leave => {
                    self.emit_canonical(open);
                    self.leave(pc, pending);
                }
                Kind::Go(to) => {
                    self.charge_by(-(pending as i32));
                    self.go(to);
                }
                Kind::Guard(outside) => {
                    self.emit_outside(outside, (pc, pending), open);
                }
                Kind::Near(back) => self.emit_near(pc, back),
                Kind::Trip(number, again) => {
                    (self.pending, self.at.pc) = (0, pc);
                    self.emit_trip(number, again);
                }
                Kind::Nan(open, back) => {
                    self.emit_canonical(open);
                    self.a.jump(back);
                }
                Kind::Libcall(back) => {
                    self.pending = pending;
                    self.at.pc = pc;
                    self.libcall(false);
                    // It has charged the instruction, and behind it that is pending.
                    self.charge_by(pending as i32 + 1);
                    self.a.jump(back);
                }
                Kind::Floats(entry) => {
                    self.a.call_indirect(Mem::at(VM, field!(baseline.floats)));
                    self.a.jump(entry);
                }
                Kind::Full(to) => self.emit_full(to),
            }
        }
    }
}
