//! Machine registers as SSA values, and their homes in the context.

use causality_machine::isa::reg::X;
use cranelift_codegen::ir::{InstBuilder, Value, types};

use super::Emitter;
use crate::context::x_home;
use crate::region::RegSet;

impl Emitter<'_> {
    /// The value of an integer register.
    pub(super) fn x(&mut self, r: X) -> Value {
        if r.is_zero() {
            return self.iconst(0);
        }
        match self.now[r.index()] {
            Some(value) => value,
            None => {
                let value = self.b.use_var(self.x[r.index()]);
                let value = self.b.func.dfg.resolve_aliases(value);
                self.now[r.index()] = Some(value);
                value
            }
        }
    }

    /// Gives an integer register a new value.
    pub(super) fn set_x(&mut self, rd: X, value: Value) {
        if rd.is_zero() {
            return;
        }
        self.overwrite(rd);
        self.now[rd.index()] = Some(value);
        self.written = self.written.with(RegSet::x(rd));
        self.dirty = self.dirty.with(RegSet::x(rd));
    }

    /// The low word of an integer register.
    pub(super) fn w(&mut self, r: X) -> Value {
        let value = self.x(r);
        self.b.ins().ireduce(types::I32, value)
    }

    /// Gives an integer register a word, sign-extended.
    pub(super) fn set_w(&mut self, rd: X, word: Value) {
        let value = self.b.ins().sextend(types::I64, word);
        self.set_x(rd, value);
    }

    /// Before any block: takes registers from their homes.
    pub(super) fn load_homes(&mut self, set: RegSet) {
        for r in set.iter_x() {
            let value = self.field(types::I64, x_home(r.index()));
            self.b.def_var(self.x[r.index()], value);
        }
        for r in set.iter_f() {
            self.load_f_home(r);
        }
    }

    /// Within a block: takes registers from their homes again.
    pub(super) fn reload_homes(&mut self, set: RegSet) {
        for r in set.iter_x() {
            let value = self.field(types::I64, x_home(r.index()));
            self.now[r.index()] = Some(value);
            self.written = self.written.with(RegSet::x(r));
        }
        for r in set.iter_f() {
            self.load_f_home(r);
        }
    }

    /// Writes all dirty registers to their homes.
    pub(super) fn store_homes(&mut self) {
        self.bring_home(self.dirty);
    }

    /// Writes dirty registers to their homes.
    pub(super) fn bring_home(&mut self, set: RegSet) {
        for r in set.iter_x() {
            let value = self.x(r);
            self.set_field(x_home(r.index()), value);
        }
        self.dirty = self.dirty.without(set);
    }

    /// At the end of a block: registers that are not live behind it go home, the others to their variables.
    pub(super) fn hand_over(&mut self) {
        let live = self.flow.live_out(self.region, self.block);
        self.bring_home(self.dirty.without(live));
        for r in self.written.and(live).iter_x() {
            let value = self.x(r);
            self.b.def_var(self.x[r.index()], value);
        }
    }
}
