//! Control flow: how a region is entered, how blocks end, calls and returns.
//!
//! A guest call is a host call of the callee's function, found in the table by pc, and a guest return is a host
//! return, so that the host predicts both. The callee returns the pc where control goes next; if that is not the
//! return address, the caller returns it too, and in the end the executor looks it up. So whatever a guest does with
//! its stack is right, and what calls and returns in pairs is fast.

use std::collections::BTreeMap;

use causality_machine::isa::Inst;
use causality_machine::isa::format::I;
use causality_machine::isa::reg::X;
use cranelift_codegen::ir::condcodes::IntCC;
use cranelift_codegen::ir::{self, InstBuilder, Value, types};
use cranelift_frontend::Switch;

use super::{Emitter, own};
use crate::context::field;
use crate::region::{Block, Callee, End, RegSet, Table, To};

/// Stands for an instruction where there is none.
pub(super) const NOP: Inst = Inst::Addi(I { rd: X::ZERO, rs1: X::ZERO, imm: 0 });

impl Emitter<'_> {
    /// From the function's start to the block it is entered at.
    pub(super) fn enter(&mut self, pc: Value) {
        if self.region.has_calls() {
            let sp = self.b.ins().get_stack_pointer(types::I64);
            let limit = self.field(types::I64, field!(stack_limit));
            let full = self.b.ins().icmp(IntCC::UnsignedLessThan, sp, limit);
            let exit = self.b.create_block();
            self.b.set_cold_block(exit);
            self.go_on_unless(full, exit);
            self.give_up = Some((exit, pc));
        }
        let main = self.stubs[0];
        let mut switch = Switch::new();
        for (pc, block) in self.region.entries().filter(|&(_, block)| block != 0) {
            if let Some(stub) = self.stubs[block] {
                switch.set_entry(u128::from(pc), stub);
            }
        }
        let main = main.unwrap_or(self.blocks[0]);
        if switch.entries().is_empty() {
            self.b.ins().jump(main, &[]);
            return;
        }
        let other = self.b.create_block();
        self.b.set_cold_block(other);
        let is_main = self.b.ins().icmp_imm_s(IntCC::Equal, pc, self.region.start as i64);
        self.b.ins().brif(is_main, main, &[], other, &[]);
        self.b.seal_block(other);
        self.b.switch_to_block(other);
        let nowhere = self.b.create_block();
        self.b.set_cold_block(nowhere);
        switch.emit(&mut self.b, pc, nowhere);
        self.b.seal_block(nowhere);
        self.b.switch_to_block(nowhere);
        self.set_field(field!(hart.pc), pc);
        let left = self.b.ins().iconst(types::I64, super::LEFT);
        self.b.ins().return_(&[left]);
    }

    /// Emits what happens when the host stack is used up: the executor goes on with an empty one.
    pub(super) fn emit_give_up(&mut self) {
        if let Some((block, pc)) = self.give_up.take() {
            self.b.switch_to_block(block);
            self.take_vm();
            self.set_field(field!(hart.pc), pc);
            let left = self.b.ins().iconst(types::I64, super::LEFT);
            self.b.ins().return_(&[left]);
        }
    }

    /// Goes to `exit` if `condition` holds, else on.
    pub(super) fn go_on_unless(&mut self, condition: Value, exit: ir::Block) {
        let go_on = self.b.create_block();
        self.b.ins().brif(condition, exit, &[], go_on, &[]);
        self.b.seal_block(go_on);
        self.b.switch_to_block(go_on);
    }

    /// Emits the end of a block.
    pub(super) fn emit_end(&mut self, block: &Block) {
        if let Some(at) = block.end.at() {
            self.at = *at;
            self.locate();
            let _ = at.inst.visit(self);
            self.pending += 1;
        }
        self.close_floats();
        self.end_floats(block);
        self.hand_over();
        match &block.end {
            End::Fall(to) | End::Jump { to, .. } => {
                self.settle();
                self.go(*to);
            }
            End::Branch { taken, fall, .. } => {
                self.settle();
                self.branch(*taken, *fall);
            }
            End::Call { at, callee, back, .. } => self.call(at.next(), *callee, *back),
            End::Return { expected, .. } => {
                let target = self.target();
                if let Some((pc, to)) = *expected {
                    self.settle();
                    let as_expected = self.b.ins().icmp_imm_s(IntCC::Equal, target, pc as i64);
                    let other = self.b.create_block();
                    self.b.set_cold_block(other);
                    let (back, edge) = self.edge(to);
                    self.b.ins().brif(as_expected, back, &[], other, &[]);
                    let dirty = self.dirty;
                    self.emit_edge(back, edge);
                    self.dirty = dirty;
                    self.b.seal_block(other);
                    self.b.switch_to_block(other);
                }
                self.store_homes();
                self.store_fuel_now();
                self.b.ins().return_(&[target]);
            }
            End::Indirect { table, .. } => {
                let target = self.target();
                if let Some(table) = table {
                    self.settle();
                    self.switch(target, table);
                }
                self.store_homes();
                self.store_fuel_now();
                let function = self.look_up(target);
                self.b.ins().return_call_indirect(self.signatures.region, function, &[self.vm, target]);
            }
            End::Leave { pc } => {
                self.store_homes();
                let fuel = self.fuel_now();
                self.leave(*pc, fuel, self.pending);
            }
        }
    }

    /// Goes where `table` leads if that is where `target` is, else on.
    fn switch(&mut self, target: Value, table: &Table) {
        let Some(entry) = self.entry.take() else { return };
        let other = self.b.create_block();
        let index = self.table_index(entry, table);
        // Entries that lead to the same place share what is emitted for it.
        let mut arms: BTreeMap<u64, (ir::Block, To)> = BTreeMap::new();
        let mut calls = Vec::with_capacity(table.targets.len());
        for &(pc, to) in &table.targets {
            let (arm, _) = *arms.entry(pc).or_insert_with(|| (self.b.create_block(), to));
            calls.push(self.b.func.dfg.block_call(arm, &[]));
        }
        let default = self.b.func.dfg.block_call(other, &[]);
        let data = self.b.create_jump_table(ir::JumpTableData::new(default, &calls));
        self.b.ins().br_table(index, data);
        let dirty = self.dirty;
        for (pc, (arm, to)) in arms {
            self.b.seal_block(arm);
            self.b.switch_to_block(arm);
            let is_target = self.b.ins().icmp_imm_s(IntCC::Equal, target, pc as i64);
            let (block, edge) = self.edge(to);
            self.b.ins().brif(is_target, block, &[], other, &[]);
            self.emit_edge(block, edge);
            self.dirty = dirty;
        }
        self.b.seal_block(other);
        self.b.set_cold_block(other);
        self.b.switch_to_block(other);
    }

    fn target(&mut self) -> Value {
        match self.target.take() {
            Some(target) => target,
            // Only reached if a jump's visitor method sets no target.
            None => self.iconst(self.at.pc),
        }
    }

    fn branch(&mut self, taken: To, fall: To) {
        let condition = match self.condition.take() {
            Some(condition) => condition,
            None => self.b.ins().iconst(types::I8, 0),
        };
        let (yes, yes_edge) = self.edge(taken);
        let (no, no_edge) = self.edge(fall);
        self.b.ins().brif(condition, yes, &[], no, &[]);
        let (dirty, pending) = (self.dirty, self.pending);
        self.emit_edge(yes, yes_edge);
        (self.dirty, self.pending) = (dirty, pending);
        self.emit_edge(no, no_edge);
    }

    /// Where the current block goes for another one.
    fn way_to(&self, block: usize) -> ir::Block {
        match self.backs[block] {
            Some(back) if block <= self.block => back,
            _ => self.blocks[block],
        }
    }

    /// The block to branch to for `to`, and what has to be emitted in it yet.
    fn edge(&mut self, to: To) -> (ir::Block, Option<To>) {
        match to {
            To::Block(block) if self.dirty.without(self.flow.live_at(self.block, block)) == RegSet::EMPTY => {
                (self.way_to(block), None)
            }
            _ => (self.b.create_block(), Some(to)),
        }
    }

    fn emit_edge(&mut self, block: ir::Block, to: Option<To>) {
        if let Some(to) = to {
            self.b.seal_block(block);
            self.b.switch_to_block(block);
            if let To::Block(next) = to {
                self.bring_home(self.dirty.without(self.flow.live_at(self.block, next)));
            }
            self.go(to);
        }
    }

    /// Ends the block by going to `to`.
    fn go(&mut self, to: To) {
        match to {
            To::Block(block) => {
                let way = self.way_to(block);
                self.b.ins().jump(way, &[]);
            }
            To::Out(pc) => {
                self.store_homes();
                self.store_fuel_now();
                let target = self.iconst(pc);
                match self.function_at(pc) {
                    Some(function) => {
                        let arguments = [self.vm, target];
                        self.b.ins().return_call_indirect(self.signatures.region, function, &arguments);
                    }
                    None => {
                        self.b.ins().return_(&[target]);
                    }
                }
            }
        }
    }

    fn call(&mut self, return_address: u64, callee: Callee, back: To) {
        let target = self.target();
        self.store_homes();
        self.store_fuel_now();
        let function = match callee {
            Callee::Direct(pc) => self.function_at(pc),
            Callee::Register(..) => Some(self.look_up(target)),
        };
        let Some(function) = function else {
            self.b.ins().return_(&[target]);
            return;
        };
        let call = self.b.ins().call_indirect(self.signatures.region, function, &[self.vm, target]);
        let next = self.b.inst_results(call)[0];
        let returned = self.b.ins().icmp_imm_s(IntCC::Equal, next, return_address as i64);
        let other = self.b.create_block();
        self.b.set_cold_block(other);
        let stub = match back {
            To::Block(block) => self.stubs[block],
            To::Out(_) => None,
        };
        match stub {
            Some(stub) => {
                self.b.ins().brif(returned, stub, &[], other, &[]);
            }
            None => {
                self.b.ins().jump(other, &[]);
            }
        }
        self.b.seal_block(other);
        self.b.switch_to_block(other);
        self.b.ins().return_(&[next]);
    }

    /// The function for a fixed pc, from the table.
    fn function_at(&mut self, pc: u64) -> Option<Value> {
        let layout = &self.tunables.layout;
        let offset = pc.wrapping_sub(layout.text);
        if offset >= layout.text_len || pc & 1 != 0 {
            return None;
        }
        let entry = i32::try_from(offset * 4).ok()?;
        let table = self.field(types::I64, field!(cranelift.table));
        Some(self.entry_at(table, entry))
    }

    /// The function that an entry of the table stands for.
    fn entry_at(&mut self, address: Value, offset: i32) -> Value {
        let base = self.field(types::I64, field!(cranelift.base));
        let distance = self.b.ins().load(types::I64, own(), address, offset);
        self.b.ins().iadd(base, distance)
    }

    /// The function for any pc, from the table. Where the table has none, returns the pc.
    fn look_up(&mut self, target: Value) -> Value {
        let text = self.field(types::I64, field!(text));
        let offset = self.b.ins().isub(target, text);
        let len = self.field(types::I64, field!(text_len));
        let outside = self.b.ins().icmp(IntCC::UnsignedGreaterThanOrEqual, offset, len);
        let other = self.b.create_block();
        self.b.set_cold_block(other);
        let inside = self.b.create_block();
        self.b.ins().brif(outside, other, &[], inside, &[]);
        self.b.seal_block(other);
        self.b.seal_block(inside);
        self.b.switch_to_block(other);
        self.b.ins().return_(&[target]);
        self.b.switch_to_block(inside);
        let table = self.field(types::I64, field!(cranelift.table));
        let scaled = self.b.ins().ishl_imm_u(offset, 2);
        let entry = self.b.ins().iadd(table, scaled);
        self.entry_at(entry, 0)
    }
}
