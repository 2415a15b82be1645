//! Fuel: the only file of this tier that charges and checks it.
//!
//! The variable holds the hart's fuel less the region's longest way from a check to the next, plus what is pending.
//! A check is thus one comparison with the floor in the context, which is zero unless the run has a limit of its
//! own or somebody asked for a pause.

use cranelift_codegen::ir::condcodes::IntCC;
use cranelift_codegen::ir::{self, InstBuilder, Value, types};
use cranelift_frontend::Variable;

use super::Emitter;
use crate::context::field;

impl Emitter<'_> {
    /// Takes fuel from its home, which knows all but `pending` instructions.
    pub(super) fn load_fuel(&mut self, pending: u64) {
        if self.tunables.fuel {
            let fuel = self.field(types::I64, field!(hart.fuel));
            let fuel = self.b.ins().iadd_imm_s(fuel, pending as i64 - self.charges.longest as i64);
            self.b.def_var(self.fuel, fuel);
        }
    }

    /// The variable's value, if fuel is counted.
    pub(super) fn fuel_now(&mut self) -> Option<Value> {
        self.tunables.fuel.then(|| self.b.use_var(self.fuel))
    }

    /// The hart's fuel, from the variable's value while `pending` instructions are not charged.
    pub(super) fn true_fuel(&mut self, fuel: Value, pending: u64) -> Value {
        self.b.ins().iadd_imm_s(fuel, self.charges.longest as i64 - pending as i64)
    }

    /// Writes fuel to its home, all charged.
    pub(super) fn store_fuel_now(&mut self) {
        if let Some(fuel) = self.fuel_now() {
            let fuel = self.true_fuel(fuel, self.pending);
            self.set_field(field!(hart.fuel), fuel);
        }
    }

    /// Charges what must not be pending behind the block.
    pub(super) fn settle(&mut self) {
        let kept = self.charges.kept[self.block];
        if self.tunables.fuel && self.pending != kept {
            let fuel = self.b.use_var(self.fuel);
            // Not an addition, which would be joined with the next one, so that the old value had to be kept for it.
            let charge = self.iconst(self.pending - kept);
            let fuel = self.b.ins().isub(fuel, charge);
            self.b.def_var(self.fuel, fuel);
            self.pending = kept;
        }
    }

    /// Leaves if there is not fuel for the longest way to the next check, or a pause is wanted. Returns the floor.
    pub(super) fn check_fuel(&mut self) -> Value {
        let exit = self.exit();
        let floor = self.field(types::I64, field!(floor));
        let short = if self.tunables.fuel {
            let fuel = self.b.use_var(self.fuel);
            self.b.ins().icmp(IntCC::SignedLessThan, fuel, floor)
        } else {
            self.b.ins().icmp_imm_s(IntCC::NotEqual, floor, 0)
        };
        self.go_on_unless(short, exit);
        floor
    }

    /// The most trips a loop may make, each of at least `shortest` instructions, before it must look whether a pause is
    /// wanted.
    pub(super) fn most_trips(&mut self, shortest: u64) -> Value {
        let trip = if self.tunables.fuel { shortest } else { self.charges.longest };
        self.iconst((LONGEST_UNCHECKED / trip.max(1)).max(1))
    }

    /// Behind a check that found `floor`: allows `trips` more trips of at least `shortest` instructions behind the next,
    /// as what [`Emitter::check_trip`] takes: the fuel that must be left for a trip, or if none is counted, the trips.
    pub(super) fn allow_trips(&mut self, trips: Value, shortest: u64, floor: Value) -> Value {
        if !self.tunables.fuel {
            return self.b.ins().iadd_imm_s(trips, 1);
        }
        let budget = match self.guards.constant(trips) {
            Some(trips) => self.iconst(trips * shortest),
            None => {
                let shortest = self.iconst(shortest);
                self.b.ins().imul(trips, shortest)
            }
        };
        let fuel = self.b.use_var(self.fuel);
        let least = self.b.ins().isub(fuel, budget);
        self.b.ins().smax(least, floor)
    }

    /// At the start of a trip: goes to `again` if `budget` does not allow it, else on.
    pub(super) fn check_trip(&mut self, budget: Variable, again: ir::Block) {
        let value = self.b.use_var(budget);
        if self.tunables.fuel {
            let fuel = self.b.use_var(self.fuel);
            let short = self.b.ins().icmp(IntCC::SignedLessThan, fuel, value);
            self.go_on_unless(short, again);
        } else {
            let none = self.b.ins().icmp_imm_s(IntCC::Equal, value, 0);
            self.go_on_unless(none, again);
            let one = self.iconst(1);
            let left = self.b.ins().isub(value, one);
            self.b.def_var(budget, left);
        }
    }
}

/// How many instructions a loop may execute before it looks whether a pause is wanted; some ten microseconds.
const LONGEST_UNCHECKED: u64 = 1 << 15;
