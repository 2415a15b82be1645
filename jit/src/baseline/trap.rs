//! Leaving before an instruction has had any effect: the only file of this tier that does.
//!
//! Generated code never traps. Registers are where they always are, so at any instruction all it takes to give control
//! back is its pc and what is pending; the interpreter then executes it, and traps or not.

use super::assembler::{Alu, Cond, Extend, Label, Mem, RAX, RCX, RDI, RSI, RSP, Short, Width};
use super::float::Open;
use super::fuel::{FUEL, LONGEST};
use super::memory::look_up;
use super::register::{VM, load_all};
use super::runtime::{give_hart, take_others};
use super::{Emitter, fuel};
use std::mem::offset_of;

use crate::abi::STOP;
use crate::context::{Libcalls, Range, SPANS, WINDOW, field, near};
use crate::cranelift::LEFT;

/// Bytes of a jump.
const JUMP: i32 = 5;

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
    /// Takes floating-point registers from their homes and goes to an entry.
    Floats(Label),
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

    /// Leaves before the instruction at `pc`, in the unit or right behind it.
    pub(super) fn leave(&mut self, pc: u64, pending: u32) {
        let leave = self.shared(Shared::LeaveAt);
        self.a.call(leave);
        self.note(pc, pending);
    }

    /// What [`Shared::LeaveAt`] reads.
    pub(super) fn note(&mut self, pc: u64, pending: u32) {
        self.a.note(((pc - self.unit.start) / 2) as u16, pending as u8);
    }

    /// The same, with how many bytes a guard is for, which the functions for windows need to know.
    pub(super) fn note_with_len(&mut self, pc: u64, pending: u32, len: i64) {
        // 0 is as many as are guarded together at most.
        let len = u8::try_from(len).unwrap_or(0);
        self.a.note_more(((pc - self.unit.start) / 2) as u16, pending as u8, len);
    }

    /// Has the instruction at the current pc, an `ecall` or not, executed by the host.
    pub(super) fn libcall(&mut self, is_ecall: bool) {
        self.close();
        self.settle();
        self.a.constant(RAX, self.at.pc);
        let libcall = self.shared(if is_ecall { Shared::Ecall } else { Shared::Step });
        self.a.call(libcall);
        self.since = 0;
        // The host may have changed registers and what is mapped.
        self.forget_facts();
    }
}

/// Code that a unit has at most once.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(super) enum Shared {
    /// Gives control back at the pc in `rax`.
    Leave,
    /// Has the instruction at the pc in `rax` executed, all charged; comes back if control goes to the next one.
    Step,
    /// The same for an `ecall`.
    Ecall,
    /// Returns.
    Return,
    /// Is called, and reads behind the call where to give control back and what to charge before.
    LeaveAt,
    /// Asks the page table, with which of the functions for that. Comes back if the access is allowed, otherwise leaves.
    Check(u8),
}

/// How many there are.
pub(super) const SHARED: usize = FIRST_CHECK + CHECKS;

const FIRST_CHECK: usize = 5;
const CHECKS: usize = 2 * SPANS.len();

impl Shared {
    const fn index(self) -> usize {
        match self {
            Shared::Leave => 0,
            Shared::Step => 1,
            Shared::Ecall => 2,
            Shared::Return => 3,
            Shared::LeaveAt => 4,
            Shared::Check(which) => FIRST_CHECK + which as usize,
        }
    }
}

impl Emitter<'_> {
    pub(super) fn shared(&mut self, which: Shared) -> Label {
        let slot = &mut self.shared[which.index()];
        match *slot {
            Some(label) => label,
            None => {
                let label = self.a.label();
                *slot = Some(label);
                label
            }
        }
    }

    /// Begins what was asked for.
    fn begin(&mut self, which: Shared) -> bool {
        let label = self.shared[which.index()];
        label.inspect(|&label| self.a.bind(label)).is_some()
    }

    /// Emits what was asked for.
    pub(super) fn emit_shared(&mut self) {
        for (libcall, function) in
            [(Shared::Step, offset_of!(Libcalls, step)), (Shared::Ecall, offset_of!(Libcalls, ecall))]
        {
            if self.begin(libcall) {
                self.emit_libcall(Mem::at(RCX, function as i32));
            }
        }
        let is_asked = |e: &Self, which: Shared| e.shared[which.index()].is_some();
        let checks = (0..CHECKS as u8).map(Shared::Check);
        let is_store = |check: Shared| check.index() - FIRST_CHECK >= SPANS.len();
        let kinds = [false, true].map(|stores| {
            let mut checks = checks.clone().filter(|&check| is_store(check) == stores);
            checks.any(|check| is_asked(self, check))
        });
        let denied = [self.a.label(), self.a.label()];
        if kinds != [false; 2] || is_asked(self, Shared::LeaveAt) {
            let over = (kinds != [false; 2]).then(|| self.emit_denied(kinds, denied));
            self.begin(Shared::LeaveAt);
            self.a.pop(RCX);
            over.into_iter().for_each(|over| self.a.arrive(over));
            self.emit_leave_at();
            // Goes on with the next one.
            self.shared(Shared::Leave);
        }
        if self.begin(Shared::Leave) {
            self.a.store(8, Mem::at(VM, field!(hart.pc)), RAX);
            self.a.constant(RAX, LEFT as u64);
            self.a.ret();
        }
        if self.begin(Shared::Return) {
            self.a.ret();
        }
        for check in checks {
            if self.begin(check) {
                let kind = usize::from(is_store(check));
                let function = field!(baseline.check) + 8 * (check.index() - FIRST_CHECK) as i32;
                let slow = look_up(self.a, is_store(check));
                self.a.ret();
                slow.into_iter().for_each(|from| self.a.arrive(from));
                let range = if is_store(check) { field!(write) } else { field!(read) };
                let start = Mem::at(VM, range + offset_of!(Range, start) as i32);
                self.a.mov(Width::Double, RCX, Mem::at(VM, field!(check_address)));
                self.a.alu(Alu::Sub, Width::Double, RCX, start);
                self.emit_last_window_noted(is_store(check));
                self.a.call_indirect(Mem::at(VM, function));
                self.a.jump_if(Cond::NotEqual, denied[kind]);
                self.a.ret();
            }
        }
    }

    /// Goes back to the guard that has called this if what it is for, at `rcx` relative to the range that
    /// is tested first, is in the window that was accessed last. How many bytes that are, the note behind the jump behind the
    /// guard's call says.
    fn emit_last_window_noted(&mut self, is_store: bool) {
        let (distance, len) = near(is_store);
        self.a.push(RAX);
        self.a.mov(Width::Double, RAX, Mem::at(RSP, 8));
        self.a.extend(Extend::U8, RAX, Mem::at(RAX, JUMP + 4));
        self.a.alu(Alu::Sub, Width::Double, RCX, Mem::at(VM, distance));
        self.a.test(Width::Double, RAX, RAX);
        let not_noted = self.a.skip_if(Cond::Equal);
        // Where it ends; what begins before the window and reaches into it wraps around.
        self.a.alu(Alu::Add, Width::Double, RAX, RCX);
        let wraps = self.a.skip_if(Cond::Below);
        self.a.alu(Alu::Cmp, Width::Double, RAX, Mem::at(VM, len));
        let beyond = self.a.skip_if(Cond::Above);
        self.a.pop(RAX);
        self.a.ret();
        [not_noted, wraps, beyond].into_iter().for_each(|from| self.a.arrive(from));
        self.a.alu(Alu::Add, Width::Double, RCX, Mem::at(VM, distance));
        self.a.pop(RAX);
    }

    /// The page table denies a load, or a store: if they are in a window, comes back, otherwise goes on with the note at
    /// `rcx`.
    fn emit_denied(&mut self, kinds: [bool; 2], denied: [Label; 2]) -> Short {
        let mut not_there = Vec::new();
        for (kind, label) in denied.into_iter().enumerate().filter(|&(kind, _)| kinds[kind]) {
            let window = WINDOW + kind;
            self.a.bind(label);
            // Where the check was called, behind which is a jump and then the note.
            self.a.mov(Width::Double, RCX, Mem::at(RSP, 0));
            self.a.extend(Extend::U8, RCX, Mem::at(RCX, JUMP + 4));
            self.a.call_indirect(Mem::at(VM, field!(baseline.check) + 8 * window as i32));
            not_there.push(self.a.skip_if(Cond::NotEqual));
            self.a.ret();
        }
        not_there.into_iter().for_each(|from| self.a.arrive(from));
        self.a.pop(RCX);
        self.a.alu_imm(Alu::Add, Width::Double, RCX, JUMP);
        self.a.skip()
    }

    /// Reads the note at `rcx`.
    fn emit_leave_at(&mut self) {
        self.a.extend(Extend::U16, RAX, Mem::at(RCX, 1));
        if self.tunables.fuel {
            self.a.extend(Extend::U8, RCX, Mem::at(RCX, 3));
            self.a.alu(Alu::Sub, Width::Double, fuel::FUEL, RCX);
        }
        match i32::try_from(self.unit.start) {
            Ok(start) => self.a.lea(RAX, Mem::indexed(RAX, RAX, 0, start)),
            Err(_) => {
                self.a.constant(RCX, self.unit.start);
                self.a.lea(RAX, Mem::indexed(RCX, RAX, 1, 0));
            }
        }
    }

    fn emit_libcall(&mut self, function: Mem) {
        // The fuel also without metering: what the host executes is counted.
        let giving = give_hart(self.a);
        self.a.copy(RDI, VM);
        self.a.copy(RSI, RAX);
        self.a.mov(Width::Double, RCX, Mem::at(VM, field!(libcalls)));
        // The host's functions want an aligned stack. To compute it would have all that comes after wait for it.
        let (unaligned, back) = (self.a.label(), self.a.label());
        self.a.test_imm(RSP, 8);
        self.a.jump_if(Cond::NotEqual, unaligned);
        self.a.call_indirect(function);
        self.a.bind(back);
        load_all(self.a);
        self.a.test(Width::Double, RAX, RAX);
        let otherwise = self.a.skip_if(Cond::NotEqual);
        // Loaded, it would be there later.
        self.a.lea(FUEL, Mem::at(FUEL, -(LONGEST as i32) - 1));
        self.a.ret();
        self.a.arrive(otherwise);
        let taking = take_others(self.a);
        self.a.alu_imm(Alu::Cmp, Width::Word, RAX, STOP as i32);
        let stop = self.a.skip_if(Cond::Equal);
        self.a.ret();
        self.a.arrive(stop);
        // The hart is complete.
        self.a.pop(RCX);
        self.a.constant(RAX, LEFT as u64);
        self.a.ret();
        self.a.bind(unaligned);
        self.a.push(RAX);
        self.a.call_indirect(function);
        self.a.pop(RCX);
        self.a.jump(back);
        giving.emit(self.a);
        taking.emit(self.a);
    }
}
