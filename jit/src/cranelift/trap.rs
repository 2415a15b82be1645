//! Leaving a region before an instruction has had any effect: the only file of this tier that does.
//!
//! Generated code never traps. Where something may be wrong, control is given back at the last *checkpoint*, a point
//! behind which nothing has been done that cannot be done again, with the hart exactly as it was there; the
//! interpreter then executes from there and traps at the exact instruction, or does not. Registers overwritten since
//! the checkpoint keep their old values alive only if something can still leave to it.

use std::collections::BTreeMap;

use causality_machine::isa::reg::X;
use cranelift_codegen::ir::{self, InstBuilder, Value, types};

use super::{Emitter, LEFT};
use crate::context::{field, x_home};
use crate::region::RegSet;

/// Where control can be given back.
#[derive(Default)]
pub(super) struct Checkpoint {
    pc: u64,
    pending: u64,
    dirty: RegSet,
    /// Old values of dirty registers that were overwritten since.
    saved: BTreeMap<X, Value>,
    /// The block that leaves, once something needs it.
    exit: Option<ir::Block>,
}

/// A block that leaves, to be emitted when all others are.
pub(super) struct Exit {
    block: ir::Block,
    pc: u64,
    pending: u64,
    fuel: Option<Value>,
    homes: Vec<(X, Value)>,
}

impl Emitter<'_> {
    /// From here on control is given back at `pc`.
    pub(super) fn checkpoint(&mut self, pc: u64) {
        self.flush_floats();
        let (pending, dirty) = (self.pending, self.dirty);
        self.checkpoint = Checkpoint { pc, pending, dirty, saved: BTreeMap::new(), exit: None };
    }

    /// Called before `rd` gets another value.
    pub(super) fn save(&mut self, rd: X) {
        let is_needed = self.checkpoint.exit.is_none() && self.checkpoint.dirty.contains(RegSet::x(rd));
        if is_needed && !self.checkpoint.saved.contains_key(&rd) {
            let value = self.b.use_var(self.x[rd.index()]);
            self.checkpoint.saved.insert(rd, value);
        }
    }

    /// The block that gives control back at the checkpoint. All values it needs are looked up now.
    pub(super) fn exit(&mut self) -> ir::Block {
        if let Some(exit) = self.checkpoint.exit {
            return exit;
        }
        let block = self.b.create_block();
        self.b.set_cold_block(block);
        self.checkpoint.exit = Some(block);
        let mut homes = Vec::new();
        for r in self.checkpoint.dirty.iter_x() {
            let value = match self.checkpoint.saved.get(&r) {
                Some(&old) => old,
                None => self.b.use_var(self.x[r.index()]),
            };
            homes.push((r, value));
        }
        let fuel = self.tunables.fuel.then(|| self.b.use_var(self.fuel));
        let Checkpoint { pc, pending, .. } = self.checkpoint;
        self.exits.push(Exit { block, pc, pending, fuel, homes });
        block
    }

    /// Emits the blocks made by [`Emitter::exit`].
    pub(super) fn emit_exits(&mut self) {
        for exit in std::mem::take(&mut self.exits) {
            self.b.switch_to_block(exit.block);
            for (r, value) in exit.homes {
                self.set_field(x_home(r.index()), value);
            }
            if let Some(fuel) = exit.fuel {
                self.store_fuel(fuel, exit.pending);
            }
            self.leave(exit.pc);
        }
    }

    /// Stores pc and returns; registers and fuel have been stored.
    pub(super) fn leave(&mut self, pc: u64) {
        let pc = self.iconst(pc);
        self.set_field(field!(hart.pc), pc);
        let left = self.b.ins().iconst(types::I64, LEFT);
        self.b.ins().return_(&[left]);
    }
}
