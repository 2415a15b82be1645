//! Machine registers as SSA values, and their homes in the context.

use causality_machine::isa::reg::{F, X};
use cranelift_codegen::ir::{InstBuilder, Value, types};

use super::Emitter;
use crate::context::{f_home, x_home};
use crate::region::RegSet;

impl Emitter<'_> {
    /// The value of an integer register.
    pub(super) fn x(&mut self, r: X) -> Value {
        if r.is_zero() { self.iconst(0) } else { self.b.use_var(self.x[r.index()]) }
    }

    /// Gives an integer register a new value.
    pub(super) fn set_x(&mut self, rd: X, value: Value) {
        if rd.is_zero() {
            return;
        }
        self.save(rd);
        self.b.def_var(self.x[rd.index()], value);
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

    /// Takes registers from their homes.
    pub(super) fn load_homes(&mut self, set: RegSet) {
        for r in set.iter_x() {
            let value = self.field(types::I64, x_home(r.index()));
            self.b.def_var(self.x[r.index()], value);
        }
        for r in set.iter_f() {
            self.load_f_home(r);
        }
    }

    pub(super) fn load_f_home(&mut self, r: F) {
        let value = self.field(types::F64, f_home(r.index()));
        self.b.def_var(self.f[r.index()], value);
    }

    /// Writes all dirty registers to their homes.
    pub(super) fn store_homes(&mut self) {
        for r in self.dirty.iter_x() {
            let value = self.b.use_var(self.x[r.index()]);
            self.set_field(x_home(r.index()), value);
        }
        self.dirty = RegSet::EMPTY;
    }
}
