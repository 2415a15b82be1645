//! Loops with guards in front of them.
//!
//! Where a register advances by a constant in a loop, and every trip accesses memory through it before it can end, the
//! header looks ahead once: it works out for how many trips the accesses stay inside the range that guards compare with.
//! That number, as fuel, raises the floor that the loop compares its fuel with anyway, so trips pay nothing for these
//! guards. When fuel falls below that floor the header looks ahead again, and leaves only if not even one trip is
//! allowed. So that short loops pay little, the first trips are guarded by one comparison for each pointer, and the rest
//! only if it comes to that.

use causality_machine::isa::reg::X;
use cranelift_codegen::ir::{self, InstBuilder, types};
use cranelift_frontend::Variable;

use super::Emitter;
use super::memory::Hull;
use super::register::Held;
use crate::context::x_home;
use crate::region::{Loop, RegSet};

/// A register through which every trip of a loop accesses memory.
#[derive(Clone, Copy)]
pub(super) struct Pointer {
    pub(super) base: X,
    /// How far it moves in a trip.
    pub(super) step: i64,
    /// What all accesses touch, relative to the register at the start of the trip.
    pub(super) hull: Hull,
}

impl Pointer {
    /// How many trips can be guarded as if they were one access.
    fn short_trips(&self) -> i64 {
        match self.step.unsigned_abs() {
            0 => SHORT_TRIPS,
            step => (self.hull.room() / step as i64).clamp(0, SHORT_TRIPS - 1) + 1,
        }
    }

    /// What `trips` trips touch.
    fn over(&self, trips: i64) -> Hull {
        self.hull.moved_by(self.step * (trips - 1))
    }
}

/// A loop that looks ahead, to be finished when all blocks are emitted.
pub(super) struct Look<'a> {
    header: usize,
    /// Where it goes to look ahead again.
    again: ir::Block,
    /// Where trips begin.
    head: ir::Block,
    looped: &'a Loop,
    pointers: Vec<Pointer>,
    /// What [`Emitter::allow_trips`] made.
    budget: Variable,
}

impl<'a> Emitter<'a> {
    /// The loop whose header is the current block, if there is something to do in front of it, and what can be guarded
    /// there.
    pub(super) fn loop_to_enter(&self) -> Option<(&'a Loop, Vec<Pointer>)> {
        let flow = self.flow;
        let looped = flow.loops[self.block].as_ref()?;
        let mut pointers = self.steady_accesses(looped);
        if self.tunables.speculation_safe || pointers.iter().all(|pointer| pointer.step == 0) {
            pointers.clear();
        }
        let keeps = flow.kept[self.block] != RegSet::EMPTY;
        (keeps || !pointers.is_empty()).then_some((looped, pointers))
    }

    /// In place of the fuel check of a header: guards the first trips, and makes the block to which the loop jumps back.
    /// What is emitted next is the trip.
    pub(super) fn enter_loop(&mut self, looped: &'a Loop, pointers: Vec<Pointer>) {
        let head = self.b.create_block();
        self.backs[self.block] = Some(head);
        for r in self.flow.kept[self.block].iter_x() {
            let value = self.field(types::I64, x_home(r.index()));
            self.b.def_var(self.x[r.index()], value);
        }
        self.flow.kept[self.block].iter_f().for_each(|r| self.load_kept(r));
        if pointers.is_empty() {
            self.b.ins().jump(head, &[]);
            self.b.switch_to_block(head);
            self.begin_trip();
            self.check_fuel();
            return;
        }
        let again = self.b.create_block();
        self.b.set_cold_block(again);
        let budget = self.b.declare_var(types::I64);
        let least = self.check_fuel();
        let trips = pointers.iter().map(Pointer::short_trips).min().unwrap_or(1);
        for pointer in &pointers {
            let value = self.base(pointer.base);
            let outside = self.is_outside(value, pointer.over(trips));
            self.go_on_unless(outside, again);
        }
        let more = self.widen(Held::Constant(trips as u64 - 1));
        let value = self.allow_trips(more, looped.shortest, least);
        self.b.def_var(budget, value);
        self.b.ins().jump(head, &[]);

        // Not sealed: the loop comes back here.
        self.b.switch_to_block(head);
        self.begin_trip();
        self.check_trip(budget, again);
        for pointer in &pointers {
            let value = self.base(pointer.base);
            self.learn(value, pointer.hull);
        }
        self.looks.push(Look { header: self.block, again, head, looped, pointers, budget });
    }

    /// At the start of a trip: as [`Emitter::begin`], but what the loop keeps is in variables too.
    fn begin_trip(&mut self) {
        self.begin(self.block, self.flow.kept[self.block]);
    }

    /// Emits what loops do when they have made the trips that they looked ahead for.
    pub(super) fn emit_looks(&mut self) {
        let first = self.b.func.dfg.num_blocks();
        for look in std::mem::take(&mut self.looks) {
            self.block = look.header;
            self.b.seal_block(look.again);
            self.b.switch_to_block(look.again);
            self.begin_trip();
            self.inherit_guards(&self.region.blocks[look.header]);
            self.look_ahead(look.looped, &look.pointers, look.budget);
            self.b.ins().jump(look.head, &[]);
        }
        for block in first..self.b.func.dfg.num_blocks() {
            self.b.set_cold_block(ir::Block::from_u32(block as u32));
        }
    }

    /// Checks fuel, and guards `pointers` for as many trips as possible.
    fn look_ahead(&mut self, looped: &Loop, pointers: &[Pointer], budget: Variable) {
        let least = self.check_fuel();
        let mut trips = self.most_trips(looped.shortest);
        for pointer in pointers {
            let value = self.base(pointer.base);
            if let Some(more) = self.guard_trips(value, pointer) {
                trips = self.b.ins().umin(trips, more);
            }
        }
        let value = self.allow_trips(trips, looped.shortest, least);
        self.b.def_var(budget, value);
    }
}

/// The most trips that are guarded at the start of a loop as if they were one access.
const SHORT_TRIPS: i64 = 32;
