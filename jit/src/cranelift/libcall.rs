//! Instructions that the host executes: what asks the host anyway, and rarities.
//!
//! `docs/architecture.md` lists them. All registers are brought home, the libcall executes exactly one instruction,
//! and code goes on behind it, unless there is a reason to stop.

use std::mem::offset_of;

use causality_machine::isa::{Extension, Inst};
use cranelift_codegen::ir::{AbiParam, InstBuilder, Signature, types};
use cranelift_codegen::isa::CallConv;

use super::{Emitter, own};
use crate::abi::IS_OPTIMISED;
use crate::context::{Libcalls, field};
use crate::region::{RegSet, changes_access, definitions, uses};

/// `fn(vm, pc) -> stop`, the pc being odd: 0 if control went to the next instruction.
pub(super) fn signature() -> Signature {
    let mut signature = Signature::new(CallConv::SystemV);
    signature.params.extend([AbiParam::new(types::I64); 2]);
    signature.returns.push(AbiParam::new(types::I64));
    signature
}

impl Emitter<'_> {
    /// Has the current instruction executed by the host.
    pub(super) fn libcall(&mut self, index: usize) {
        self.close_floats();
        self.store_homes();
        self.store_fuel_now();
        let is_ecall = matches!(self.at.inst, Inst::Ecall(_));
        let place = self.iconst(self.at.pc | IS_OPTIMISED);
        let libcalls = self.field(types::I64, field!(libcalls));
        let function = if is_ecall { offset_of!(Libcalls, ecall) } else { offset_of!(Libcalls, step) };
        let function = self.b.ins().load(types::I64, own(), libcalls, function as i32);
        let call = self.b.ins().call_indirect(self.signatures.libcall, function, &[self.vm, place]);
        let stop = self.b.inst_results(call)[0];
        let left = self.b.create_block();
        self.b.set_cold_block(left);
        self.go_on_unless(stop, left);
        self.stops.push(left);
        // What is computed from old values after the rounding mode or the flags changed is not what was computed
        // from them before, so Cranelift must not see that they are the same.
        let may_change_modes = is_ecall || self.at.inst.opcode().extension() == Extension::Zicsr;
        let changed = if may_change_modes { self.live_behind(index) } else { definitions(self.at.inst) };
        if is_ecall {
            self.forget_floats();
        }
        self.reload_homes(changed);
        self.load_fuel(self.pending + 1);
        if changes_access(self.at.inst) {
            self.guards.forget();
        }
        self.is_checkpoint_due = true;
    }

    /// Emits what happens when a libcall says stop: the hart is complete.
    pub(super) fn emit_stops(&mut self) {
        for block in std::mem::take(&mut self.stops) {
            self.b.switch_to_block(block);
            let left = self.b.ins().iconst(types::I64, super::LEFT);
            self.b.ins().return_(&[left]);
        }
    }

    /// What is live behind instruction `index` of the block.
    fn live_behind(&self, index: usize) -> RegSet {
        let block = &self.region.blocks[self.block];
        let rest = block.insts[index + 1..].iter().chain(block.end.at()).rev();
        rest.fold(self.flow.live_out(self.region, self.block), |set, at| {
            set.without(definitions(at.inst)).with(uses(at.inst))
        })
    }
}
