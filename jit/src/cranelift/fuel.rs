//! Fuel: the only file of this tier that charges and checks it.
//!
//! The variable holds the hart's fuel less the region's longest way from a check to the next, plus what is pending.
//! A check is thus one comparison with the floor in the context, which is zero unless the run has a limit of its
//! own or somebody asked for a pause.

use cranelift_codegen::ir::condcodes::IntCC;
use cranelift_codegen::ir::{InstBuilder, Value, types};

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

    /// Charges what is pending, if this block is one that does.
    pub(super) fn settle(&mut self) {
        if self.tunables.fuel && self.charges.settles[self.block] && self.pending != 0 {
            let fuel = self.b.use_var(self.fuel);
            let fuel = self.b.ins().iadd_imm_s(fuel, -(self.pending as i64));
            self.b.def_var(self.fuel, fuel);
            self.pending = 0;
        }
    }

    /// Leaves if there is not fuel for the longest way to the next check, or a pause is wanted.
    pub(super) fn check_fuel(&mut self) {
        let exit = self.exit();
        let floor = self.field(types::I64, field!(floor));
        let short = if self.tunables.fuel {
            let fuel = self.b.use_var(self.fuel);
            self.b.ins().icmp(IntCC::SignedLessThan, fuel, floor)
        } else {
            self.b.ins().icmp_imm_s(IntCC::NotEqual, floor, 0)
        };
        self.go_on_unless(short, exit);
    }
}
