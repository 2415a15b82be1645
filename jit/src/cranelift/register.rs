//! Machine registers as SSA values, and their homes in the context.

use causality_machine::isa::reg::X;
use cranelift_codegen::ir::{InstBuilder, Value, types};

use super::Emitter;
use crate::context::x_home;
use crate::region::RegSet;

/// How a block holds an integer register.
#[derive(Clone, Copy)]
pub(super) enum Held {
    /// All 64 bits.
    Wide(Value),
    /// The low word; the register is its sign extension, which is made where it is needed.
    Word(Value),
    /// A constant.
    Constant(u64),
}

impl Emitter<'_> {
    /// How an integer register is held.
    pub(super) fn held(&mut self, r: X) -> Held {
        if r.is_zero() {
            return Held::Constant(0);
        }
        match self.now[r.index()] {
            Some(held) => held,
            None => {
                let value = self.b.use_var(self.x[r.index()]);
                let held = Held::Wide(self.b.func.dfg.resolve_aliases(value));
                self.now[r.index()] = Some(held);
                held
            }
        }
    }

    /// All 64 bits of what is held.
    pub(super) fn widen(&mut self, held: Held) -> Value {
        match held {
            Held::Wide(value) => value,
            Held::Word(word) => self.b.ins().sextend(types::I64, word),
            Held::Constant(constant) => {
                let value = self.iconst(constant);
                self.derive_constant(value, constant);
                value
            }
        }
    }

    /// The value of an integer register. Not to be called on ways that do not all come together again.
    pub(super) fn x(&mut self, r: X) -> Value {
        let held = self.held(r);
        let value = self.widen(held);
        if let Held::Word(word) = held {
            self.words.insert(value, word);
            self.now[r.index()] = Some(Held::Wide(value));
        }
        value
    }

    /// What `r` holds, if that is a constant.
    pub(super) fn constant_of(&self, r: X) -> Option<u64> {
        match self.now[r.index()] {
            _ if r.is_zero() => Some(0),
            Some(Held::Constant(constant)) => Some(constant),
            _ => None,
        }
    }

    /// Gives an integer register a new value.
    pub(super) fn set_x(&mut self, rd: X, value: Value) {
        self.set(rd, Held::Wide(value));
    }

    /// Gives an integer register a word, sign-extended.
    pub(super) fn set_w(&mut self, rd: X, word: Value) {
        self.set(rd, Held::Word(word));
    }

    pub(super) fn set(&mut self, rd: X, held: Held) {
        if rd.is_zero() {
            return;
        }
        self.overwrite(rd);
        self.now[rd.index()] = Some(held);
        self.written = self.written.with(RegSet::x(rd));
        self.dirty = self.dirty.with(RegSet::x(rd));
    }

    /// The low word of an integer register.
    pub(super) fn w(&mut self, r: X) -> Value {
        match self.held(r) {
            Held::Wide(value) => match self.words.get(&value) {
                Some(&word) => word,
                None => self.b.ins().ireduce(types::I32, value),
            },
            Held::Word(word) => word,
            Held::Constant(constant) => self.b.ins().iconst(types::I32, i64::from(constant as u32)),
        }
    }

    /// Notes that `value` is the sign extension of its low word.
    pub(super) fn is_extended(&mut self, value: Value) {
        let word = self.b.ins().ireduce(types::I32, value);
        self.words.insert(value, word);
    }

    /// Whether what is held is a word and its sign extension is not made yet; and whether it is the sign extension of
    /// a word at all.
    fn is_word(&self, held: Held) -> (bool, bool) {
        match held {
            Held::Wide(value) => (false, self.words.contains_key(&value)),
            Held::Word(_) => (true, true),
            Held::Constant(constant) => (false, constant as i32 as u64 == constant),
        }
    }

    /// Two registers for an operation that does to words what it does to their sign extensions: as words if that
    /// saves an extension, and whether it does; and whether the result is the sign extension of its low word.
    pub(super) fn alike(&mut self, a: X, b: X) -> (Value, Value, bool, bool) {
        let (held_a, held_b) = (self.held(a), self.held(b));
        let ((short_a, word_a), (short_b, word_b)) = (self.is_word(held_a), self.is_word(held_b));
        let are_words = word_a && word_b;
        if are_words && (short_a || short_b) {
            (self.w(a), self.w(b), true, true)
        } else {
            (self.x(a), self.x(b), false, are_words)
        }
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
            self.now[r.index()] = Some(Held::Wide(value));
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
            let held = self.held(r);
            let value = self.widen(held);
            self.set_field(x_home(r.index()), value);
        }
        for r in set.iter_f() {
            let value = self.float_of(r);
            self.store_f_home(r, value);
        }
        self.dirty = self.dirty.without(set);
    }

    /// At the end of a block: registers that are not live behind it go home, the others to their variables. What is
    /// a constant there too needs no variable.
    pub(super) fn hand_over(&mut self) {
        let live = self.flow.live_out(self.region, self.block);
        self.bring_home(self.dirty.without(live));
        for r in live.iter_x() {
            let is_due = match self.constant_of(r) {
                Some(_) => self.region.blocks[self.block].successors().any(|next| {
                    self.flow.live_at(self.block, next).contains_x(r)
                        && self.flow.constants.of_register(next, r).is_none()
                }),
                None => self.written.contains_x(r),
            };
            if is_due {
                let value = self.x(r);
                self.b.def_var(self.x[r.index()], value);
            }
        }
    }
}
