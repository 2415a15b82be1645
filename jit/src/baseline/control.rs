//! Control flow: branches, calls and returns, and the ways to other units.
//!
//! A guest call is a host call and a guest return a host return, so the host predicts both. The callee returns the pc
//! where control goes next; the caller compares it with the return address and returns anything else to its own caller,
//! in the end to the executor. So whatever a guest does with its stack is right, and what calls and returns in pairs is
//! fast. Other units are reached through the table that has their code by pc.

use causality_machine::isa::format::{B, J, Jalr};
use causality_machine::isa::reg::X;

use super::assembler::{Alu, Cond, Label, Mem, RAX, RCX, RSP, Rm, Width};
use super::register::{VM, place};
use super::trap::{Kind, Shared};
use super::unit::{Bottom, Marks};
use super::{Emitted, Emitter, runtime};
use crate::context::field;
use crate::region::{Flow, flow, is_link};

impl Emitter<'_> {
    /// The number of the instruction at `pc`, if a jump there can stay in the unit.
    fn inside(&self, pc: u64) -> Option<usize> {
        let index = self.unit.index(pc)?;
        let marks = self.unit.codes[index].marks;
        (!marks.is_empty() && !marks.has(Marks::ELSEWHERE)).then_some(index)
    }

    pub(super) fn branch(&mut self, ops: B, cond: Cond) -> Emitted {
        self.close();
        let target = self.at.pc.wrapping_add_signed(i64::from(ops.imm));
        self.pending += 1;
        self.since += 1;
        match self.inside(target) {
            Some(index) => {
                let label = self.join(index);
                self.compare(ops.rs1, ops.rs2);
                self.a.jump_if(cond, label);
            }
            None => {
                self.compare(ops.rs1, ops.rs2);
                let label = self.cold(Kind::Go(target));
                self.a.jump_if(cond, label);
            }
        }
        Emitted::Ended
    }

    /// Makes what is pending what instruction `index` expects.
    fn join(&mut self, index: usize) -> Label {
        let meet = self.meet(index);
        if let Some(pending) = meet.pending {
            self.charge_to(pending);
        }
        let (pending, since) = (self.pending, self.since);
        if let Some(meet) = &mut self.meets[index] {
            meet.pending = Some(pending);
            meet.since = meet.since.max(since);
        }
        if index > self.index {
            self.send_facts(index);
        } else if let Some(again) = meet.again {
            return again;
        }
        meet.label
    }

    pub(super) fn jump_and_link(&mut self, ops: J) -> Emitted {
        self.close();
        let target = self.at.pc.wrapping_add_signed(i64::from(ops.imm));
        self.pending += 1;
        self.since += 1;
        if is_link(ops.rd) {
            return self.call(ops.rd, target);
        }
        self.write_constant(ops.rd, self.at.next());
        self.jump_to(target);
        Emitted::Ended
    }

    /// Jumps; what the current instruction costs has been counted.
    fn jump_to(&mut self, target: u64) {
        match self.inside(target) {
            Some(index) => {
                let label = self.join(index);
                // What lies in between is not emitted if control does not come there.
                if index != self.index + 1 {
                    self.a.jump(label);
                }
            }
            None => {
                self.settle();
                self.go(target);
            }
        }
        self.falls = false;
    }

    fn call(&mut self, link: X, target: u64) -> Emitted {
        self.settle();
        self.write_constant(link, self.at.next());
        self.check_stack(Some(target));
        match self.inside(target) {
            Some(index) if self.unit.codes[index].marks.has(Marks::ENTRY) => {
                let label = self.meet(index).label;
                self.a.call(label);
            }
            _ if self.find(target) => {
                self.a.call_indirect(RCX);
            }
            _ => {
                // Not in the text: nothing to come back to.
                self.give_back(target);
                self.falls = false;
                return Emitted::Ended;
            }
        }
        self.come_back();
        Emitted::Ended
    }

    /// Behind a call: control comes back here if the callee says so.
    fn come_back(&mut self) {
        let next = self.at.next();
        match i32::try_from(next) {
            Ok(next) => self.a.alu_imm(Alu::Cmp, Width::Double, RAX, next),
            Err(_) => {
                self.a.constant(RCX, next);
                self.a.alu(Alu::Cmp, Width::Double, RAX, RCX);
            }
        }
        let other = self.shared(Shared::Return);
        self.a.jump_if(Cond::NotEqual, other);
        self.since = 0;
    }

    /// Leaves if the host stack is used up. `to`: where the call leads, if `rax` does not say that.
    fn check_stack(&mut self, to: Option<u64>) {
        self.a.alu(Alu::Cmp, Width::Double, RSP, Mem::at(VM, field!(stack_limit)));
        let full = self.cold(Kind::Full(to));
        self.a.jump_if(Cond::Below, full);
    }

    /// `rax` = a known pc, `rcx` = the function there; `false` if the table has no place for it.
    fn find(&mut self, pc: u64) -> bool {
        let layout = &self.tunables.layout;
        let offset = pc.wrapping_sub(layout.text);
        if offset >= layout.text_len || pc & 1 != 0 {
            return false;
        }
        let Ok(offset) = i32::try_from(offset * 4) else { return false };
        self.a.constant(RAX, pc);
        self.a.mov(Width::Double, RCX, Mem::at(VM, field!(baseline.table)));
        self.a.mov(Width::Double, RCX, Mem::at(RCX, offset));
        self.a.alu(Alu::Add, Width::Double, RCX, Mem::at(VM, field!(baseline.base)));
        true
    }

    /// Goes to another unit, all charged.
    pub(super) fn go(&mut self, target: u64) {
        if self.find(target) {
            self.a.jump_indirect(RCX);
        } else {
            self.give_back(target);
        }
    }

    /// Returns a pc for which there is no place in the table, all charged.
    fn give_back(&mut self, pc: u64) {
        self.a.constant(RAX, pc);
        if pc & 1 == 0 {
            self.a.ret();
        } else {
            let leave = self.shared(Shared::Leave);
            self.a.jump(leave);
        }
    }

    pub(super) fn jump_register(&mut self, ops: Jalr) -> Emitted {
        self.close();
        self.pending += 1;
        self.since += 1;
        let known = self.facts.constants[ops.rs1.index()]
            .map(|base| base.wrapping_add_signed(i64::from(ops.imm)) & !1);
        match flow(&self.at) {
            Flow::CallRegister { .. } => match known {
                Some(target) => self.call(ops.rd, target),
                None => self.call_register(ops),
            },
            Flow::Return => {
                self.settle();
                self.compute_target(ops);
                self.a.ret();
                self.falls = false;
                Emitted::Ended
            }
            _ => {
                if let Some(target) = known {
                    self.write_constant(ops.rd, self.at.next());
                    self.jump_to(target);
                    return Emitted::Ended;
                }
                self.settle();
                self.compute_target(ops);
                self.look_up(ops.rd);
                self.a.jump_indirect(RCX);
                self.falls = false;
                self.has_unknown_targets = true;
                Emitted::Ended
            }
        }
    }

    fn call_register(&mut self, ops: Jalr) -> Emitted {
        self.settle();
        self.compute_target(ops);
        self.look_up(ops.rd);
        self.check_stack(None);
        self.a.call_indirect(RCX);
        self.come_back();
        Emitted::Ended
    }

    /// `rax = (x[rs1] + imm) & !1`.
    fn compute_target(&mut self, ops: Jalr) {
        self.load(RAX, ops.rs1);
        if ops.imm != 0 {
            self.a.alu_imm(Alu::Add, Width::Double, RAX, ops.imm);
        }
        self.a.alu_imm(Alu::And, Width::Double, RAX, -2);
    }

    /// `rcx` = the function at the pc in `rax`. Where the table has no place for it, returns the pc. Links first: the jump
    /// has retired either way.
    fn look_up(&mut self, link: X) {
        self.link(link, self.at.next());
        let layout = &self.tunables.layout;
        let elsewhere = self.shared(Shared::Return);
        let near = i32::try_from(layout.text).ok().filter(|&text| text < i32::MAX / 4);
        match (near, i32::try_from(layout.text_len)) {
            (Some(text), Ok(len)) => {
                self.a.lea(RCX, Mem::at(RAX, -text));
                self.a.alu_imm(Alu::Cmp, Width::Double, RCX, len);
                self.a.jump_if(Cond::AboveEqual, elsewhere);
                self.a.mov(Width::Double, RCX, Mem::at(VM, field!(baseline.table)));
                self.a.mov(Width::Double, RCX, Mem::indexed(RCX, RAX, 2, -4 * text));
                self.a.alu(Alu::Add, Width::Double, RCX, Mem::at(VM, field!(baseline.base)));
            }
            _ => {
                self.a.copy(RCX, RAX);
                self.a.alu(Alu::Sub, Width::Double, RCX, Mem::at(VM, field!(text)));
                self.a.alu(Alu::Cmp, Width::Double, RCX, Mem::at(VM, field!(text_len)));
                self.a.jump_if(Cond::AboveEqual, elsewhere);
                runtime::function_of_offset(self.a);
            }
        }
    }

    /// `x[rd] = pc`; leaves `rax` as it is.
    fn link(&mut self, rd: X, pc: u64) {
        if rd.is_zero() {
            return;
        }
        self.changes(rd);
        match (place(rd), i32::try_from(pc)) {
            (Rm::Reg(reg), _) => self.a.constant(reg, pc),
            (Rm::Mem(home), Ok(pc)) => self.a.store_imm(8, home, pc),
            (Rm::Mem(home), Err(_)) => {
                self.a.constant(RCX, pc);
                self.a.store(8, home, RCX);
            }
        }
        self.facts.constants[rd.index()] = Some(pc);
    }

    /// The executor goes on with an empty stack.
    pub(super) fn emit_full(&mut self, to: Option<u64>) {
        if let Some(pc) = to {
            self.a.constant(RAX, pc);
        }
        let leave = self.shared(Shared::Leave);
        self.a.jump(leave);
    }

    /// Control goes on behind the last instruction.
    pub(super) fn emit_bottom(&mut self) {
        if !self.falls {
            return;
        }
        self.close();
        match self.unit.bottom {
            Bottom::Open => {
                self.settle();
                self.go(self.unit.end);
            }
            Bottom::Leave => {
                let pending = self.pending;
                self.leave(self.unit.end, pending);
            }
        }
    }
}
