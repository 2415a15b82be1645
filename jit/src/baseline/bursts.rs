//! Loops that copy or fill memory: many trips at once.
//!
//! That is an innermost loop without branches whose trips each load an element and store it, or store what the loop
//! does not change, next to where the trip before did. Behind the guards in front of it, as many trips as
//! have been looked ahead but one may be made by moving up to 64 bytes: each of them would have passed its check of fuel. The last one the
//! loop makes itself, and leaves behind what trips leave behind: all that it computes is computed anew on each.

use causality_machine::isa::Inst;
use causality_machine::isa::reg::X;

use super::Emitter;
use super::assembler::{Alu, Cond, Extend, Gpr, Label, Prefix, RAX, RCX, Width, Xmm};
use super::loops::{Ahead, Change, Made, Sum};
use super::memory::guarded;
use super::unit::Code;
use crate::cranelift::access;
use crate::region::{RegSet, uses};

/// How many bytes are moved at once: as much as there are trips for.
const SPANS: [i64; 2] = [64, 8];

/// How many of them by one instruction.
const CHUNK: i64 = 16;

/// The fewest trips that are made at once.
const LEAST: i64 = 4;

/// What chunks go through.
const DATA: Xmm = Xmm(0);

/// How a loop copies or fills.
#[derive(Clone, Debug)]
pub(super) struct Burst {
    /// Bytes of an element.
    size: i64,
    /// Whether the next element is below.
    is_down: bool,
    what: What,
    to: Place,
    /// Registers that advance, by how much a trip.
    steps: Vec<(X, i64)>,
    /// The loop ends when these are equal: one of the former, and one that stays as it is.
    counter: (X, i64),
    end: X,
}

/// What is stored.
#[derive(Clone, Copy, Debug)]
enum What {
    Copy(Place),
    Fill(X),
}

/// Where a trip accesses memory: a sum of registers at its beginning, and a constant.
#[derive(Clone, Copy, Debug)]
struct Place {
    sum: Sum,
    offset: i64,
}

impl Place {
    fn registers(self) -> impl Iterator<Item = X> {
        self.sum.into_iter().filter(|r| !r.is_zero())
    }
}

impl Burst {
    /// If the loop of these instructions, whose registers change so and whose accesses are guarded in front so, copies or
    /// fills. `made`: accesses, the first one first.
    pub(super) fn find(
        codes: &[Code],
        changes: &[Change; 32],
        aheads: &[Ahead],
        made: &[Made],
        header: usize,
    ) -> Option<Self> {
        let (last, body) = codes.split_last()?;
        let Inst::Bne(branch) = last.at.inst else { return None };
        let step = |r: X| if r.is_zero() { Some(0) } else { changes[r.index()].step() };
        let (counter, end) = match (step(branch.rs1), step(branch.rs2)) {
            (Some(by), Some(0)) if by != 0 => ((branch.rs1, by), branch.rs2),
            (Some(0), Some(by)) if by != 0 => ((branch.rs2, by), branch.rs1),
            _ => return None,
        };
        let mut load: Option<(X, Place, i64)> = None;
        let mut store = None;
        let mut defined = RegSet::EMPTY;
        for (index, code) in body.iter().enumerate() {
            // What else a trip computes must not depend on the trip before.
            if uses(code.at.inst).iter_x().any(|r| step(r).is_none() && !defined.contains_x(r)) {
                return None;
            }
            defined = defined.with(RegSet::x(code.rd));
            let is_loaded = load.is_some_and(|(value, ..)| value == code.rd);
            let Some(access) = access(code.at.inst) else {
                // What was loaded is what is stored.
                if is_loaded && store.is_none() || !matches!(code.at.inst, Inst::Addi(_) | Inst::Add(_)) {
                    return None;
                }
                continue;
            };
            let made = made.iter().find(|made| made.index == header + index)?;
            let at = Place { sum: made.sum, offset: made.gain + access.imm };
            if !aheads.iter().any(|ahead| ahead.allows(at.sum, at.offset, &access)) {
                return None;
            }
            match code.at.inst {
                Inst::Sb(ops) | Inst::Sh(ops) | Inst::Sw(ops) | Inst::Sd(ops) if store.is_none() => {
                    let what = match load {
                        Some((value, from, size)) if value == ops.rs2 && size == access.size => {
                            What::Copy(from)
                        }
                        None if step(ops.rs2) == Some(0) => What::Fill(ops.rs2),
                        _ => return None,
                    };
                    store = Some((what, at, access.size));
                }
                _ if !access.store && !code.rd.is_zero() && load.is_none() && store.is_none() => {
                    load = Some((code.rd, at, access.size));
                }
                _ => return None,
            }
        }
        let (what, to, size) = store?;
        let advance = |place: Place| place.registers().map(step).sum::<Option<i64>>();
        let by = advance(to).filter(|by| by.abs() == size)?;
        if let What::Copy(from) = what
            && advance(from) != Some(by)
        {
            return None;
        }
        let steps = X::ALL.into_iter().filter_map(|r| Some((r, step(r)?))).filter(|&(_, by)| by != 0);
        Some(Burst { size, is_down: by < 0, what, to, steps: steps.collect(), counter, end })
    }

    /// How many trips there may be at once, the most first.
    fn trips(&self) -> impl Iterator<Item = i64> {
        SPANS.into_iter().map(|span| span / self.size).filter(|&trips| trips >= LEAST)
    }

    /// The most trips, and one.
    pub(super) fn most(&self) -> i64 {
        SPANS[0] / self.size + 1
    }
}

impl Emitter<'_> {
    /// Makes trips of a loop, each of `cost` instructions, as long as enough of them are allowed and there is one more.
    pub(super) fn emit_burst(&mut self, burst: &Burst, cost: i64) {
        let over = self.a.label();
        let least = burst.trips().min().unwrap_or(LEAST);
        self.go_at_end(burst, least, over);
        match burst.what {
            // What a chunk stores must not be what it should load.
            What::Copy(from) => {
                let (upper, lower) = if burst.is_down { (from, burst.to) } else { (burst.to, from) };
                self.distance(upper, lower);
                self.a.alu_imm(Alu::Sub, Width::Double, RCX, 1);
                self.a.alu_imm(Alu::Cmp, Width::Double, RCX, CHUNK as i32 - 1);
                self.a.jump_if(Cond::Below, over);
            }
            What::Fill(value) => self.repeat(value, burst.size),
        }
        for trips in burst.trips() {
            let (again, fewer) = (self.a.label(), self.a.label());
            self.a.bind(again);
            self.go_at_end(burst, trips, fewer);
            self.check_trips_ahead(trips * cost, fewer);
            self.move_span(burst, trips * burst.size);
            for &(r, by) in &burst.steps {
                self.advance(r, (by * trips) as i32);
            }
            self.charge_by(-(trips * cost) as i32);
            self.a.jump(again);
            self.a.bind(fewer);
        }
        self.a.bind(over);
    }

    /// Goes to `label` if so many trips, or fewer, end the loop.
    fn go_at_end(&mut self, burst: &Burst, trips: i64, label: Label) {
        let (counter, by) = burst.counter;
        let (upper, lower) = if by < 0 { (counter, burst.end) } else { (burst.end, counter) };
        self.load(RCX, upper);
        if !lower.is_zero() {
            self.a.alu(Alu::Sub, Width::Double, RCX, self.now(lower));
        }
        self.a.alu_imm(Alu::Cmp, Width::Double, RCX, (by.abs() * trips) as i32);
        self.a.jump_if(Cond::BelowEqual, label);
    }

    /// `rcx` = how far the one is above the other.
    fn distance(&mut self, upper: Place, lower: Place) {
        self.sum(upper.sum, RCX);
        for r in lower.registers() {
            self.a.alu(Alu::Sub, Width::Double, RCX, self.now(r));
        }
        self.a.alu_imm(Alu::Add, Width::Double, RCX, (upper.offset - lower.offset) as i32);
    }

    /// Fills a chunk with the low bytes of a register.
    fn repeat(&mut self, value: X, size: i64) {
        const UNPACK: u8 = 0x6c;
        match size {
            8 => self.load(RAX, value),
            _ => {
                let (how, ones) = match size {
                    1 => (Extend::U8, 0x0101_0101_0101_0101),
                    2 => (Extend::U16, 0x0001_0001_0001_0001),
                    _ => (Extend::U32, 0x0000_0001_0000_0001),
                };
                self.a.extend(how, RAX, self.now(value));
                self.a.constant(RCX, ones);
                self.a.multiply(Width::Double, RAX, RCX);
            }
        }
        self.a.vector_of(Width::Double, DATA, RAX);
        self.a.vector(Prefix::P66, UNPACK, DATA, DATA, DATA);
    }

    /// What holds the sum: a register's own place, or `scratch`.
    fn base(&mut self, place: Place, scratch: Gpr) -> Gpr {
        match place.sum {
            [X::ZERO, X::ZERO, only] => self.read(only, scratch),
            sum => self.sum(sum, scratch),
        }
    }

    /// Copies or fills so many bytes.
    fn move_span(&mut self, burst: &Burst, span: i64) {
        let from = match burst.what {
            What::Copy(from) => Some((self.base(from, RAX), from.offset)),
            What::Fill(_) => None,
        };
        let to = (self.base(burst.to, RCX), burst.to.offset);
        let chunk = span.min(CHUNK);
        for behind in (0..span).step_by(chunk as usize) {
            let offset = if burst.is_down { burst.size - chunk - behind } else { behind };
            if let Some(from) = from {
                self.a.vector_load(chunk, DATA, guarded(from, offset));
            }
            self.a.vector_store(chunk, guarded(to, offset), DATA);
        }
    }
}
