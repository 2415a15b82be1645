//! Leaving a region before an instruction has had any effect: the only file of this tier that does.
//!
//! Generated code never traps. Where something may be wrong, control is given back at the last *checkpoint*, a point
//! behind which nothing has been done that cannot be done again, with the hart exactly as it was there; the
//! interpreter then executes from there and traps at the exact instruction, or does not.

use causality_machine::isa::reg::{F, X};
use cranelift_codegen::ir::{self, InstBuilder, Value, types};

use super::register::Held;
use super::{Emitter, LEFT};
use crate::context::{field, x_home};
use crate::region::RegSet;

/// Where control can be given back.
#[derive(Default)]
pub(super) struct Checkpoint {
    pc: u64,
    pending: u64,
    dirty: RegSet,
    /// Dirty floating-point registers, with their values if the block has used or set them.
    floats: Vec<(F, Option<Value>)>,
    /// Whether an integer register was overwritten since.
    is_overwritten: bool,
    /// The block that leaves, once something needs it.
    exit: Option<ir::Block>,
}

/// A block that leaves, to be emitted when all others are.
pub(super) struct Exit {
    block: ir::Block,
    pc: u64,
    pending: u64,
    fuel: Option<Value>,
    homes: Vec<(X, Held)>,
    floats: Vec<(F, Value)>,
}

impl Emitter<'_> {
    /// From here on control is given back at `pc`.
    pub(super) fn checkpoint(&mut self, pc: u64) {
        self.close_floats();
        let (pending, dirty) = (self.pending, self.dirty);
        let floats = dirty.iter_f().map(|r| (r, self.float_now(r))).collect();
        self.checkpoint = Checkpoint { pc, pending, dirty, floats, is_overwritten: false, exit: None };
    }

    /// Called before `rd` gets another value.
    pub(super) fn overwrite(&mut self, rd: X) {
        self.checkpoint.is_overwritten |= self.checkpoint.dirty.contains(RegSet::x(rd));
    }

    /// The block that gives control back at the checkpoint, or before the current instruction if registers have been
    /// overwritten since: keeping their old values would cost more than another such block. All values it needs are
    /// looked up now.
    pub(super) fn exit(&mut self) -> ir::Block {
        if self.checkpoint.is_overwritten {
            self.checkpoint(self.at.pc);
        }
        if let Some(exit) = self.checkpoint.exit {
            return exit;
        }
        let block = self.b.create_block();
        self.b.set_cold_block(block);
        self.checkpoint.exit = Some(block);
        let mut homes = Vec::new();
        for r in self.checkpoint.dirty.iter_x() {
            homes.push((r, self.held(r)));
        }
        let fuel = self.fuel_now();
        let Checkpoint { pc, pending, .. } = self.checkpoint;
        let floats = std::mem::take(&mut self.checkpoint.floats);
        let floats = floats.into_iter().map(|(r, value)| (r, value.unwrap_or_else(|| self.float_before(r))));
        let floats = floats.collect();
        self.exits.push(Exit { block, pc, pending, fuel, homes, floats });
        block
    }

    /// Emits the blocks made by [`Emitter::exit`].
    pub(super) fn emit_exits(&mut self) {
        for exit in std::mem::take(&mut self.exits) {
            self.b.switch_to_block(exit.block);
            self.take_vm();
            for (r, held) in exit.homes {
                let value = self.widen(held);
                self.set_field(x_home(r.index()), value);
            }
            self.forget_floats();
            for (r, value) in exit.floats {
                self.store_f_home(r, value);
            }
            self.leave(exit.pc, exit.fuel, exit.pending);
        }
    }

    /// Goes to the block that stores pc and fuel and returns. Registers have been stored.
    pub(super) fn leave(&mut self, pc: u64, fuel: Option<Value>, pending: u64) {
        let block = match self.leave {
            Some(block) => block,
            None => {
                let block = self.b.create_block();
                self.b.set_cold_block(block);
                self.b.append_block_param(block, types::I64);
                if self.tunables.fuel {
                    self.b.append_block_param(block, types::I64);
                }
                self.leave = Some(block);
                block
            }
        };
        let pc = self.iconst(pc);
        match fuel {
            Some(fuel) => {
                let fuel = self.true_fuel(fuel, pending);
                self.b.ins().jump(block, &[pc.into(), fuel.into()]);
            }
            None => {
                self.b.ins().jump(block, &[pc.into()]);
            }
        }
    }

    /// Emits the block that [`Emitter::leave`] goes to.
    pub(super) fn emit_leave(&mut self) {
        let Some(block) = self.leave else { return };
        self.b.switch_to_block(block);
        self.take_vm();
        let pc = self.b.block_params(block)[0];
        self.set_field(field!(hart.pc), pc);
        if self.tunables.fuel {
            let fuel = self.b.block_params(block)[1];
            self.set_field(field!(hart.fuel), fuel);
        }
        let left = self.b.ins().iconst(types::I64, LEFT);
        self.b.ins().return_(&[left]);
    }
}
