//! Leaving before an instruction has had any effect: the only file of this tier that does.
//!
//! Generated code never traps. Registers are where they always are, so at any instruction all it takes to give control
//! back is its pc and what is pending; the interpreter then executes it, and traps or not.

use super::assembler::{Alu, Cond, Extend, Label, Mem, RAX, RBX, RCX, RDI, RSI, RSP, Width};
use super::float::Open;
use super::register::{VM, load_all, store_all};
use super::{Emitter, fuel};
use crate::context::field;
use crate::cranelift::LEFT;

/// Code that is rarely executed, emitted behind everything else.
#[derive(Debug)]
pub(super) struct Cold {
    pub(super) label: Label,
    pub(super) pc: u64,
    pub(super) pending: u32,
    /// What has to be made canonical before leaving.
    pub(super) open: Open,
    pub(super) kind: Kind,
}

impl Cold {
    /// Stands for what has been emitted.
    pub(super) const NONE: Cold =
        Cold { label: Label::NONE, pc: 0, pending: 0, open: Open::NONE, kind: Kind::None };
}

/// What it does.
#[derive(Debug)]
pub(super) enum Kind {
    /// Nothing.
    None,
    /// Gives control back before the instruction.
    Leave,
    /// Goes to another unit, all charged.
    Go(u64),
    /// Asks the page table and goes back if it allows the access.
    Guard(super::memory::Outside),
    /// The floor is near: sees whether it is reached.
    Near(Label),
    /// Looks one trip of a loop ahead, and goes there.
    Trip(usize, Label),
    /// Makes results that are NaN canonical and goes back.
    Nan(Open, Label),
    /// Has the instruction executed by the host and goes back.
    Libcall(Label),
    /// The host stack is used up: goes on at a pc, all charged, or at the one in `rax`.
    Full(Option<u64>),
}

impl Emitter<'_> {
    /// A label for code that is emitted later, for the current instruction.
    pub(super) fn cold(&mut self, kind: Kind) -> Label {
        let label = self.a.label();
        self.colds.push(Cold { label, pc: self.at.pc, pending: self.pending, open: self.results.open, kind });
        label
    }

    /// Leaves before the current instruction if the condition holds.
    pub(super) fn leave_if(&mut self, cond: Cond) {
        let here = (self.at.pc, self.pending, self.results.open);
        let label = match self.leave_here {
            Some((place, label)) if place == here => label,
            _ => self.cold(Kind::Leave),
        };
        self.leave_here = Some((here, label));
        self.a.jump_if(cond, label);
    }

    /// Leaves before the instruction at `pc`.
    pub(super) fn leave(&mut self, pc: u64, pending: u32) {
        self.a.constant(RAX, pc);
        let leave = if pending == 0 || !self.tunables.fuel {
            Shared::Leave
        } else {
            self.a.byte_constant(RCX, pending as u8);
            Shared::Charge
        };
        let leave = self.shared(leave);
        self.a.jump(leave);
    }

    /// Has the current instruction executed by the host.
    pub(super) fn libcall(&mut self) {
        self.close();
        self.settle();
        self.a.constant(RAX, self.at.pc);
        let step = self.shared(Shared::Step);
        self.a.call(step);
        self.since = 0;
        // The host may have changed registers and what is mapped.
        self.forget_facts();
    }
}

/// Code that a unit has at most once.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(super) enum Shared {
    /// Gives control back at the pc in `rax`.
    Leave = 0,
    /// Has the instruction at the pc in `rax` executed, all charged; comes back if control goes to the next one.
    Step = 1,
    /// Returns.
    Return = 2,
    /// Charges the instructions in `cl`, and gives control back at the pc in `rax`.
    Charge = 3,
}

impl Emitter<'_> {
    pub(super) fn shared(&mut self, which: Shared) -> Label {
        let slot = &mut self.shared[which as usize];
        match *slot {
            Some(label) => label,
            None => {
                let label = self.a.label();
                *slot = Some(label);
                label
            }
        }
    }

    /// Emits what was asked for.
    pub(super) fn emit_shared(&mut self) {
        if let Some(step) = self.shared[Shared::Step as usize] {
            self.a.bind(step);
            self.emit_step();
        }
        if let Some(charge) = self.shared[Shared::Charge as usize] {
            self.a.bind(charge);
            self.a.extend(Extend::U8, RCX, RCX);
            self.a.alu(Alu::Sub, Width::Double, fuel::FUEL, RCX);
            // Goes on with the next one.
            self.shared(Shared::Leave);
        }
        if let Some(leave) = self.shared[Shared::Leave as usize] {
            self.a.bind(leave);
            self.a.store(8, Mem::at(VM, field!(hart.pc)), RAX);
            self.a.constant(RAX, LEFT as u64);
            self.a.ret();
        }
        if let Some(label) = self.shared[Shared::Return as usize] {
            self.a.bind(label);
            self.a.ret();
        }
    }

    fn emit_step(&mut self) {
        let with_floats = self.host.avx;
        self.a.store(8, Mem::at(VM, field!(hart.pc)), RAX);
        // Also without metering: what the host executes is counted.
        self.a.lea(RCX, Mem::at(fuel::FUEL, fuel::LONGEST as i32));
        self.a.store(8, Mem::at(VM, field!(hart.fuel)), RCX);
        store_all(self.a, with_floats);
        self.a.copy(RDI, VM);
        self.a.copy(RSI, RAX);
        // The host's functions keep `rbx`, and want an aligned stack.
        self.a.copy(RBX, RSP);
        self.a.alu_imm(Alu::And, Width::Double, RSP, -16);
        self.a.call_indirect(Mem::at(VM, field!(step)));
        self.a.copy(RSP, RBX);
        load_all(self.a, with_floats);
        self.a.mov(Width::Double, fuel::FUEL, Mem::at(VM, field!(hart.fuel)));
        self.a.lea(fuel::FUEL, Mem::at(fuel::FUEL, -(fuel::LONGEST as i32)));
        self.a.test(Width::Double, RAX, RAX);
        let stop = self.a.skip_if(Cond::NotEqual);
        self.a.ret();
        self.a.arrive(stop);
        // The hart is complete.
        self.a.pop(RCX);
        self.a.constant(RAX, LEFT as u64);
        self.a.ret();
    }
}
