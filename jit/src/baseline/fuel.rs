//! Fuel: the only file of this tier that charges and checks it.
//!
//! A host register holds the hart's fuel less [`LONGEST`], plus what is *pending*: instructions executed but not charged,
//! which are counted statically. Fuel is checked wherever control can come round again: at loop headers, where calls go
//! and come back, at entries, and after [`LONGEST`] instructions without a check. So a check is one comparison with the
//! floor in the context, and nothing between two checks can run out.

use super::Emitter;
use super::assembler::{Alu, Cond, Gpr, Label, Mem, R14, RCX, Width};
use super::register::VM;
use super::trap::Kind;
use crate::context::field;

/// The most instructions from one check to the next.
pub(crate) const LONGEST: u32 = 120;

/// What holds the fuel.
pub(super) const FUEL: Gpr = R14;

/// Where the loop that is executed looks ahead again, if it does.
const TRIPS_END: Mem = Mem::at(VM, field!(trips_end));

impl Emitter<'_> {
    /// Charges all but `rest` of the pending instructions, or gives some back. Leaves flags as they are.
    pub(super) fn charge_to(&mut self, rest: u32) {
        let change = rest as i32 - self.pending as i32;
        self.charge_by(change);
        self.pending = rest;
    }

    /// Charges everything.
    pub(super) fn settle(&mut self) {
        self.charge_to(0);
    }

    /// Changes the register only. Leaves flags as they are.
    pub(super) fn charge_by(&mut self, change: i32) {
        if self.tunables.fuel && change != 0 {
            self.a.lea(FUEL, Mem::at(FUEL, change));
        }
    }

    /// Leaves before the current instruction if there is not fuel for the longest way to the next check, or a pause
    /// is wanted. Nothing is pending.
    pub(super) fn check_fuel(&mut self) {
        debug_assert_eq!(self.pending, 0, "a check with instructions pending");
        let floor = Mem::at(VM, field!(floor));
        let cond = if self.tunables.fuel {
            self.a.alu(Alu::Cmp, Width::Double, FUEL, floor);
            Cond::Less
        } else {
            self.a.alu_imm(Alu::Cmp, Width::Double, floor, 0);
            Cond::NotEqual
        };
        self.leave_if(cond);
        self.since = 0;
    }

    /// In front of a loop: makes [`TRIPS_END`] what is left of the fuel behind some trips that cost at least `cost`
    /// together, or the floor.
    pub(super) fn allow_trips(&mut self, cost: i64) {
        self.a.lea(RCX, Mem::at(FUEL, 1 - cost as i32));
        self.a.alu(Alu::Cmp, Width::Double, RCX, Mem::at(VM, field!(floor)));
        let back = self.a.label();
        let near = self.cold(Kind::Near(back));
        self.a.jump_if(Cond::Less, near);
        self.a.bind(back);
        self.a.store(8, TRIPS_END, RCX);
    }

    /// The same where the floor is nearer than that.
    pub(super) fn emit_near(&mut self, pc: u64, back: Label) {
        self.a.mov(Width::Double, RCX, Mem::at(VM, field!(floor)));
        self.a.alu(Alu::Cmp, Width::Double, FUEL, RCX);
        self.a.jump_if(Cond::GreaterEqual, back);
        self.leave(pc, 0);
    }

    /// Goes to `ahead` if the trips that are allowed have been made.
    pub(super) fn check_trips(&mut self, ahead: Label) {
        debug_assert_eq!(self.pending, 0, "a check with instructions pending");
        self.a.alu(Alu::Cmp, Width::Double, FUEL, TRIPS_END);
        self.a.jump_if(Cond::Less, ahead);
        self.since = 0;
    }

    /// Goes to `label` unless trips that cost so much are allowed, and one more.
    pub(super) fn check_trips_ahead(&mut self, cost: i64, label: Label) {
        self.a.lea(RCX, Mem::at(FUEL, -cost as i32));
        self.a.alu(Alu::Cmp, Width::Double, RCX, TRIPS_END);
        self.a.jump_if(Cond::Less, label);
    }

    /// Allows one trip, which costs at least `cost`.
    pub(super) fn allow_trip(&mut self, cost: i64) {
        self.a.lea(RCX, Mem::at(FUEL, 1 - cost as i32));
        self.a.store(8, TRIPS_END, RCX);
    }

    /// `dst` = instructions retired before the current one.
    pub(super) fn retired(&mut self, dst: Gpr) {
        self.a.mov(Width::Double, dst, Mem::at(VM, field!(hart.granted)));
        self.a.alu(Alu::Sub, Width::Double, dst, FUEL);
        self.a.alu_imm(Alu::Sub, Width::Double, dst, LONGEST as i32 - self.pending as i32);
    }
}
