//! Innermost loops: guards in front of them.
//!
//! A register that a loop keeps is guarded once, in front of the loop. One that advances by constants is guarded there for
//! some trips ahead: they cost some fuel at least, and the loop compares its fuel with what is left behind them anyway.
//! So when it falls below, either the floor is reached, or the loop looks ahead again. Where the trips ahead are not
//! allowed, it looks one trip ahead, and leaves if not even that is allowed.
//!
//! Only accesses that every trip makes before it can leave the loop are guarded so: no guard is early. Control comes to
//! such a loop at its header only, and neither calls nor asks the host for anything in it.

use causality_machine::isa::Inst;
use causality_machine::isa::reg::X;

use super::Emitter;
use super::bursts::Burst;
use super::memory::Hull;
use super::unit::{Marks, Unit};
use crate::cranelift::{Access, access};
use crate::region::{Flow, changes_access, flow};

/// The most instructions of a loop.
const MOST: usize = 120;

/// The most registers that are guarded in front of a loop.
const BASES: usize = 6;

/// The most bytes that are guarded together, if that makes enough trips, or else.
const WINDOWS: [i64; 2] = [512, 4096];

/// What makes enough trips.
const ENOUGH: i64 = 8;

/// The most trips that are looked ahead.
const TRIPS: i64 = 64;

/// A sum of registers: as many as there are, the others `x0`, in their order.
pub(super) type Sum = [X; 3];

/// What every trip accesses at a sum of registers.
#[derive(Clone, Copy, Debug)]
pub(super) struct Ahead {
    pub(super) sum: Sum,
    /// Relative to the sum at the header.
    pub(super) hull: Hull,
    /// By how much the sum may fall and rise on a trip.
    moves: (i64, i64),
    pub(super) is_stack: bool,
}

impl Ahead {
    /// For how many trips it can be guarded together.
    fn trips(&self) -> i64 {
        let (down, up) = self.moves;
        let step = up - down;
        if step == 0 {
            return i64::MAX;
        }
        let trips = WINDOWS.map(|window| (window - self.hull.len()) / step + 1);
        if trips[0] >= ENOUGH { trips[0] } else { trips[1].min(ENOUGH) }
    }

    /// Whether an access at a sum and a constant is among those of a trip.
    pub(super) fn allows(&self, sum: Sum, offset: i64, access: &Access) -> bool {
        let Hull { lo, hi, store } = self.hull;
        self.sum == sum && lo <= offset && offset + access.size <= hi && store >= access.store
    }

    /// The register, if there is only one.
    pub(super) fn base(&self) -> Option<X> {
        (self.sum[1].is_zero()).then_some(self.sum[2])
    }

    /// The hull of that many trips.
    pub(super) fn of_trips(&self, trips: i64) -> Hull {
        let Hull { lo, hi, store } = self.hull;
        Hull { lo: lo + (trips - 1) * self.moves.0, hi: hi + (trips - 1) * self.moves.1, store }
    }
}

/// A loop with guards in front.
#[derive(Debug)]
pub(super) struct Loop {
    pub(super) aheads: Vec<Ahead>,
    /// For how many trips.
    pub(super) trips: i64,
    /// The fewest instructions of a trip.
    pub(super) cost: i64,
    /// The number of its last instruction.
    pub(super) last: usize,
    /// Accesses that are guarded in front though their register is made in the loop.
    pub(super) made: Vec<Made>,
    /// How many trips are made at once.
    pub(super) burst: Option<Burst>,
}

/// An access at a sum of registers.
#[derive(Clone, Copy, Debug)]
pub(super) struct Made {
    /// The number of the instruction.
    pub(super) index: usize,
    base: X,
    /// What the register is more than the sum at the header.
    pub(super) gain: i64,
    pub(super) sum: Sum,
}

/// The value of a register: a sum of registers at the header, plus a constant.
#[derive(Clone, Copy)]
struct Value {
    sum: Sum,
    gain: i64,
}

impl Value {
    const fn of(r: X) -> Self {
        Value { sum: [X::ZERO, X::ZERO, r], gain: 0 }
    }

    fn plus(self, imm: i32) -> Self {
        Value { gain: self.gain + i64::from(imm), ..self }
    }

    /// The sum of both, if it has few enough terms.
    fn and(self, other: Self) -> Option<Self> {
        let mut all = [self.sum, other.sum].concat();
        all.sort_unstable_by_key(|r| r.index());
        let (rest, sum) = all.split_at(3);
        let is_short = rest.iter().all(|r| r.is_zero());
        is_short.then(|| Value { sum: [sum[0], sum[1], sum[2]], gain: self.gain + other.gain })
    }
}

impl Loop {
    /// Stands for what has been emitted.
    pub(super) const NONE: Loop =
        Loop { aheads: Vec::new(), trips: 0, cost: 0, last: 0, made: Vec::new(), burst: None };

    /// Accesses at sums, with what is guarded, the first one last.
    pub(super) fn made_hulls(&self) -> Vec<(Made, Hull)> {
        let hull =
            |made: &Made| self.aheads.iter().find(|ahead| ahead.sum == made.sum).map(|ahead| ahead.hull);
        self.made.iter().rev().filter_map(|made| Some((*made, hull(made)?))).collect()
    }

    /// Whether a register moves.
    pub(super) fn advances(&self) -> bool {
        self.aheads.iter().any(|ahead| ahead.moves != (0, 0))
    }
}

/// What happens to a register in a loop.
#[derive(Clone, Copy, Default)]
pub(super) struct Change {
    down: i64,
    up: i64,
    /// In another way than by adding constants.
    is_other: bool,
}

impl Change {
    /// What is added on a trip without branches, if nothing else happens.
    pub(super) fn step(&self) -> Option<i64> {
        (!self.is_other).then_some(self.down + self.up)
    }
}

/// Where control is in a trip, and what has been added to registers on the way.
struct Walk<'a> {
    unit: &'a Unit,
    header: usize,
    last: usize,
    /// For each instruction of the loop, the fewest executed before it.
    least: [u32; MOST + 1],
    /// The values of registers, where they are known.
    values: [Option<Value>; 32],
    /// Up to there not every trip comes by.
    detour: usize,
    aheads: Vec<Ahead>,
    made: Vec<Made>,
}

impl Walk<'_> {
    /// Goes through the loop; the fewest instructions of a trip, or `None` if the loop will not do.
    fn go(&mut self, is_changed: impl Fn(X) -> bool) -> Option<u32> {
        let mut cost = u32::MAX;
        // Whether a trip may be over, or the loop left.
        let mut has_ended = false;
        let mut falls = true;
        for index in self.header..=self.last {
            let code = self.unit.codes[index];
            let marks = code.marks;
            let is_inside = index > self.header;
            if is_inside && (marks.has(Marks::ENTERED) || (code.first as usize) < self.header)
                || !falls && marks.is_empty()
            {
                return None;
            }
            let before = self.least[index - self.header];
            let every_trip = !has_ended && index >= self.detour;
            if let Some(access) = access(code.at.inst)
                && every_trip
                && let Some(Value { sum, gain }) = self.values[access.base.index()]
                && !sum.iter().any(|&r| is_changed(r))
            {
                let lo = gain + access.imm;
                self.add(sum, Hull { lo, hi: lo + access.size, store: access.store });
                self.made.push(Made { index, base: access.base, gain, sum });
            }
            if !code.rd.is_zero() {
                let value = |r: X| self.values[r.index()];
                self.values[code.rd.index()] = match code.at.inst {
                    _ if index < self.detour => None,
                    Inst::Addi(ops) => value(ops.rs1).map(|value| value.plus(ops.imm)),
                    Inst::Add(ops) => value(ops.rs1).zip(value(ops.rs2)).and_then(|(a, b)| a.and(b)),
                    _ => None,
                };
            }
            let mut goes_to = |target: u64| match self.unit.index(target) {
                Some(to) if to > index && to <= self.last => {
                    let least = &mut self.least[to - self.header];
                    *least = (*least).min(before + 1);
                    self.detour = self.detour.max(to);
                }
                to => {
                    has_ended = true;
                    if to == Some(self.header) {
                        cost = cost.min(before + 1);
                    }
                }
            };
            falls = match flow(&code.at) {
                Flow::Straight if changes_access(code.at.inst) => return None,
                Flow::Straight => true,
                Flow::Branch { target } => {
                    goes_to(target);
                    true
                }
                Flow::Jump { target, .. } => {
                    goes_to(target);
                    false
                }
                Flow::Return => {
                    has_ended = true;
                    false
                }
                Flow::Call { .. } | Flow::CallRegister { .. } | Flow::Indirect => return None,
            };
            if falls {
                let least = &mut self.least[index + 1 - self.header];
                *least = (*least).min(before + 1);
            }
        }
        (cost <= MOST as u32).then_some(cost)
    }

    fn add(&mut self, sum: Sum, own: Hull) {
        if let Some(ahead) = self.aheads.iter_mut().find(|ahead| ahead.sum == sum) {
            ahead.hull = ahead.hull.with(own).unwrap_or(ahead.hull);
        } else if self.aheads.len() < BASES {
            self.aheads.push(Ahead { sum, hull: own, moves: (0, 0), is_stack: false });
        }
    }
}

impl Emitter<'_> {
    /// The current instruction accesses memory at a sum that has been guarded in front.
    pub(super) fn learn_made(&mut self) {
        while let Some((Made { index, base, gain, .. }, hull)) =
            self.made.pop_if(|(made, _)| made.index <= self.index)
        {
            if index == self.index {
                self.learn(base, Hull { lo: hull.lo - gain, hi: hull.hi - gain, ..hull });
            }
        }
    }

    /// The loop whose header the current instruction is, if guards in front of it are worth it.
    pub(super) fn loop_ahead(&self) -> Option<Loop> {
        let header = self.index;
        let last = self.unit.codes[header].latch as usize;
        if last <= header || last - header >= MOST || self.tunables.speculation_safe {
            return None;
        }
        let mut changes = [Change::default(); 32];
        for code in &self.unit.codes[header..=last] {
            let change = &mut changes[code.rd.index()];
            match code.at.inst {
                Inst::Addi(ops) if ops.rs1 == ops.rd => {
                    let by = i64::from(ops.imm);
                    change.down += by.min(0);
                    change.up += by.max(0);
                }
                _ => change.is_other = true,
            }
        }
        let mut walk = Walk {
            unit: self.unit,
            header,
            last,
            least: [u32::MAX - 1; MOST + 1],
            values: std::array::from_fn(|i| Some(Value::of(X::ALL[i]))),
            detour: 0,
            aheads: Vec::new(),
            made: Vec::new(),
        };
        walk.least[0] = 0;
        let cost = i64::from(walk.go(|r| !r.is_zero() && changes[r.index()].is_other)?);
        let Walk { mut aheads, mut made, .. } = walk;
        aheads.retain_mut(|ahead| {
            let terms = || ahead.sum.into_iter().filter(|r| !r.is_zero());
            let moves = |of: fn(&Change) -> i64| terms().map(|r| of(&changes[r.index()])).sum();
            ahead.moves = (moves(|change| change.down), moves(|change| change.up));
            ahead.is_stack = terms().filter(|&r| self.in_stack.contains_x(r)).count() == 1;
            // An address, not a constant; and without fuel there is nothing to count trips by.
            let is_address = ahead.sum != [X::ZERO; 3];
            is_address && (ahead.moves == (0, 0) || self.tunables.fuel && ahead.trips() > 3)
        });
        let burst = Burst::find(&self.unit.codes[header..=last], &changes, &aheads, &made, header);
        made.retain(|made| {
            let is_ahead = aheads.iter().any(|ahead| ahead.sum == made.sum);
            is_ahead && made.sum != Value::of(made.base).sum
        });
        let most = burst.as_ref().map_or(TRIPS, |burst| TRIPS.max(burst.most()));
        let trips = aheads.iter().map(Ahead::trips).min()?.min(most);
        Some(Loop { aheads, trips, cost, last, made, burst })
    }
}
