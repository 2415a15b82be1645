//! Xrr: resource registers, and the only file of this tier that emits their guards.
//!
//! A slot says in fields of its own what may be done with its register, so that a guard is one comparison with one of
//! them. Behind it the transition is made in place, field by field as the reference makes it. What is not usual is
//! executed by the host, which traps if it has to: registers that were loaded and are to be replaced, states that end by
//! themselves, windows that have to grow.

use std::mem::offset_of;

use causality_machine::isa::format::{R, Slot as SlotOps, Unary, Write};
use causality_machine::isa::reg::X;
use causality_machine::isa::visit::VisitXrr;
use causality_machine::registers::{Lifecycle, Rights, Slot};

use super::assembler::{Alu, Cond, Extend, Label, Mem, RAX, RCX, RDI, Shift, Width};
use super::register::VM;
use super::trap::Kind;
use super::{Emitted, Emitter};
use crate::context::{GUEST, field};

/// A slot has two to this power bytes.
pub(super) const SLOT_SHIFT: u8 = size_of::<Slot>().trailing_zeros() as u8;

const _: () = assert!(size_of::<Slot>() == 1 << SLOT_SHIFT);

/// A field of the slot that `rcx` points to.
macro_rules! of_slot {
    ($field:ident) => {
        Mem::at(RCX, offset_of!(Slot, $field) as i32)
    };
}

/// The state with what generated code may do next, as one word.
const fn marks(is_sealable: bool, is_consumable: bool, is_updatable: bool, state: Lifecycle) -> i32 {
    is_sealable as i32 | (is_consumable as i32) << 8 | (is_updatable as i32) << 16 | (state as i32) << 24
}

const INITIAL: i32 = marks(true, false, false, Lifecycle::Initial);
const ACTIVE: i32 = marks(false, true, true, Lifecycle::Active);
const CONSUMED: i32 = marks(false, false, false, Lifecycle::Consumed);
const CONSUMABLE: i32 = 1 << 8;
const UPDATABLE: i32 = 1 << 16;

/// Where the marks are.
const MARKS: usize = offset_of!(Slot, is_sealable);
const _: () = assert!(offset_of!(Slot, is_consumable) == MARKS + 1);
const _: () = assert!(offset_of!(Slot, is_updatable) == MARKS + 2);
const _: () = assert!(offset_of!(Slot, state) == MARKS + 3);

/// The rights of a register that a guest creates, not loaded, in the first section, as one word.
const OWN: i32 = Rights::ALL.bits() as i32;
const _: () = assert!(offset_of!(Slot, is_loaded) == offset_of!(Slot, rights) + 1);
const _: () = assert!(offset_of!(Slot, section) == offset_of!(Slot, rights) + 2);

/// Bytes of a doubleword.
const WORD: i32 = 8;

impl Emitter<'_> {
    /// Begins an instruction: `rcx` = the slot with the number in `x[rs1]`. What is not usual goes to the label, where the
    /// host executes the instruction.
    fn slot(&mut self, rs1: X) -> (Label, Label) {
        self.close();
        let back = self.a.label();
        let slow = self.cold(Kind::Libcall(back));
        self.load(RCX, rs1);
        self.a.alu(Alu::Cmp, Width::Double, RCX, Mem::at(VM, field!(registers.count)));
        self.a.jump_if(Cond::AboveEqual, slow);
        self.a.shift_imm(Shift::Shl, Width::Double, RCX, SLOT_SHIFT);
        self.a.alu(Alu::Add, Width::Double, RCX, Mem::at(VM, field!(registers.slots)));
        (slow, back)
    }

    /// Ends it.
    fn end_slot(&mut self, back: Label) -> Emitted {
        self.a.bind(back);
        // The host leaves other values there.
        self.in_rax = None;
        Emitted::Done
    }

    /// The same, and other accesses are allowed from here on.
    fn end_change(&mut self, back: Label) -> Emitted {
        self.a.store_imm(8, Mem::at(VM, field!(near_read.len)), 0);
        self.a.store_imm(8, Mem::at(VM, field!(near_write.len)), 0);
        self.facts.guards.forget_all();
        self.end_slot(back)
    }

    /// `rax` = host address of the doubleword at `x[rs2]`, less the distance of guest memory, if `bound` allows.
    fn word_of(&mut self, rs2: X, bound: Mem, slow: Label) {
        self.a.mov(Width::Word, RAX, bound);
        self.a.alu_imm(Alu::Sub, Width::Double, RAX, WORD);
        self.a.jump_if(Cond::Below, slow);
        let offset = self.now(rs2);
        self.a.alu(Alu::Cmp, Width::Double, RAX, offset);
        self.a.jump_if(Cond::Below, slow);
        self.a.mov(Width::Double, RAX, of_slot!(window));
        let offset = self.now(rs2);
        self.a.alu(Alu::Add, Width::Double, RAX, offset);
    }

    /// What `rax` is, goes to `rd`, if there is a register that can be asked for it.
    fn inspect(&mut self, rs1: X, rd: X, field: fn(&mut Self)) -> Emitted {
        let (slow, back) = self.slot(rs1);
        // Neither empty nor consumed: first and last of the states.
        self.a.extend(Extend::U8, RAX, of_slot!(state));
        self.a.alu_imm(Alu::Sub, Width::Word, RAX, 1);
        self.a.alu_imm(Alu::Cmp, Width::Word, RAX, i32::from(Lifecycle::Consumed.code()) - 1);
        self.a.jump_if(Cond::AboveEqual, slow);
        field(self);
        self.write(rd, RAX);
        self.end_slot(back)
    }

    /// A register of `rax` bytes is being built from now on.
    fn begin_register(&mut self) {
        self.a.store(4, of_slot!(readable), RAX);
        self.a.store(4, of_slot!(writable), RAX);
        self.a.store(4, of_slot!(length), RAX);
        self.a.store_imm(4, Mem::at(RCX, MARKS as i32), INITIAL);
        self.a.alu_imm(Alu::Add, Width::Word, of_slot!(created), 1);
    }
}

impl VisitXrr for Emitter<'_> {
    fn xrr_state(&mut self, Unary { rd, rs1 }: Unary) -> Emitted {
        let (slow, back) = self.slot(rs1);
        self.a.alu_imm(Alu::Cmp, Width::Double, of_slot!(until), 0);
        self.a.jump_if(Cond::NotEqual, slow);
        self.a.extend(Extend::U8, RAX, of_slot!(state));
        self.write(rd, RAX);
        self.end_slot(back)
    }

    fn xrr_len(&mut self, Unary { rd, rs1 }: Unary) -> Emitted {
        self.inspect(rs1, rd, |e| e.a.mov(Width::Word, RAX, of_slot!(length)))
    }

    fn xrr_window(&mut self, Unary { rd, rs1 }: Unary) -> Emitted {
        self.inspect(rs1, rd, |e| e.a.mov(Width::Double, RAX, of_slot!(window)))
    }

    fn xrr_seal(&mut self, SlotOps { rs1 }: SlotOps) -> Emitted {
        let (slow, back) = self.slot(rs1);
        self.a.alu_imm(Alu::Cmp, Width::Word, Mem::at(RCX, MARKS as i32), INITIAL);
        self.a.jump_if(Cond::NotEqual, slow);
        self.a.store_imm(4, Mem::at(RCX, MARKS as i32), ACTIVE);
        self.a.store_imm(4, of_slot!(writable), 0);
        self.end_change(back)
    }

    fn xrr_consume(&mut self, SlotOps { rs1 }: SlotOps) -> Emitted {
        let (slow, back) = self.slot(rs1);
        self.a.mov(Width::Word, RAX, Mem::at(RCX, MARKS as i32));
        self.a.test_imm(RAX, CONSUMABLE);
        self.a.jump_if(Cond::Equal, slow);
        self.a.store_imm(4, Mem::at(RCX, MARKS as i32), CONSUMED);
        self.a.store_imm(4, of_slot!(readable), 0);
        self.a.mov(Width::Word, RAX, of_slot!(reuse));
        self.a.store(4, of_slot!(vacant), RAX);
        self.end_change(back)
    }

    fn xrr_create(&mut self, R { rd, rs1, rs2 }: R) -> Emitted {
        let (slow, back) = self.slot(rs1);
        self.a.mov(Width::Word, RAX, of_slot!(vacant));
        let length = self.now(rs2);
        self.a.alu(Alu::Cmp, Width::Double, RAX, length);
        self.a.jump_if(Cond::BelowEqual, slow);
        self.load(RAX, rs2);
        self.begin_register();
        self.a.store_imm(4, of_slot!(vacant), 0);
        self.a.store_imm(4, of_slot!(rights), OWN);
        self.a.store_imm(4, of_slot!(origin), 0);
        // All zeros, in whole doublewords.
        self.a.store(8, Mem::at(VM, field!(scratch)), RDI);
        self.a.mov(Width::Double, RDI, of_slot!(window));
        self.a.push(RDI);
        self.a.lea(RDI, Mem::indexed(VM, RDI, 0, GUEST));
        self.a.lea(RCX, Mem::at(RAX, WORD - 1));
        self.a.shift_imm(Shift::Shr, Width::Double, RCX, WORD.trailing_zeros() as u8);
        self.a.zero(RAX);
        self.a.fill();
        self.a.mov(Width::Double, RDI, Mem::at(VM, field!(scratch)));
        self.a.pop(RAX);
        self.write(rd, RAX);
        self.end_change(back)
    }

    fn xrr_update(&mut self, R { rd, rs1, rs2 }: R) -> Emitted {
        let (slow, back) = self.slot(rs1);
        self.a.mov(Width::Word, RAX, Mem::at(RCX, MARKS as i32));
        self.a.test_imm(RAX, UPDATABLE);
        self.a.jump_if(Cond::Equal, slow);
        // A longer one has to be zeroed behind.
        self.a.mov(Width::Word, RAX, of_slot!(length));
        let length = self.now(rs2);
        self.a.alu(Alu::Cmp, Width::Double, RAX, length);
        self.a.jump_if(Cond::Below, slow);
        self.load(RAX, rs2);
        self.begin_register();
        self.a.mov(Width::Double, RAX, of_slot!(window));
        self.write(rd, RAX);
        self.end_change(back)
    }

    fn xrr_read(&mut self, R { rd, rs1, rs2 }: R) -> Emitted {
        let (slow, back) = self.slot(rs1);
        self.word_of(rs2, of_slot!(readable), slow);
        self.a.mov(Width::Double, RAX, Mem::indexed(VM, RAX, 0, GUEST));
        self.write(rd, RAX);
        self.end_slot(back)
    }

    fn xrr_write(&mut self, Write { rs1, rs2, rs3 }: Write) -> Emitted {
        let (slow, back) = self.slot(rs1);
        self.word_of(rs2, of_slot!(writable), slow);
        let value = self.read(rs3, RCX);
        self.a.store(8, Mem::indexed(VM, RAX, 0, GUEST), value);
        self.end_slot(back)
    }
}
