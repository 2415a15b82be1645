//! Xrr: resource registers, and the only file of this tier that emits their guards.
//!
//! A slot says in fields of its own what may be done with its register, so that a guard is one comparison with one of
//! them. Behind it the transition is made in place, field by field as the reference makes it. What is not usual leaves at
//! the checkpoint, and the interpreter does it: registers that were loaded and are to be replaced, states that end by
//! themselves, windows that have to grow, and all that traps.

use std::mem::offset_of;

use causality_machine::isa::format::{R, Slot as SlotOps, Unary, Write};
use causality_machine::isa::reg::X;
use causality_machine::isa::visit::VisitXrr;
use causality_machine::registers::{Lifecycle, Rights, Slot};
use cranelift_codegen::ir::condcodes::IntCC;
use cranelift_codegen::ir::{InstBuilder, Type, Value, types};

use super::memory::guest;
use super::{Emitted, Emitter, own};
use crate::context::{GUEST, field};

/// Offset of a field of a slot.
macro_rules! of_slot {
    ($field:ident) => {
        offset_of!(Slot, $field) as i32
    };
}

/// Bytes of a doubleword.
const WORD: i64 = 8;

impl Emitter<'_> {
    /// Address of the slot with the number in `x[rs1]`.
    fn slot(&mut self, rs1: X) -> Value {
        let number = self.x(rs1);
        let exit = self.exit();
        let count = self.field(types::I64, field!(registers.count));
        let is_beyond = self.b.ins().icmp(IntCC::UnsignedGreaterThanOrEqual, number, count);
        self.go_on_unless(is_beyond, exit);
        let slots = self.field(types::I64, field!(registers.slots));
        let offset = self.b.ins().ishl_imm_u(number, i64::from(size_of::<Slot>().trailing_zeros()));
        self.b.ins().iadd(slots, offset)
    }

    /// A field of a slot, extended.
    fn of_slot(&mut self, ty: Type, slot: Value, offset: i32) -> Value {
        match ty {
            types::I8 => self.b.ins().uload8(types::I64, own(), slot, offset),
            types::I32 => self.b.ins().uload32(own(), slot, offset),
            _ => self.b.ins().load(ty, own(), slot, offset),
        }
    }

    fn set_word(&mut self, slot: Value, offset: i32, value: Value) {
        self.b.ins().istore32(own(), value, slot, offset);
    }

    /// The state, and what may be done next.
    fn set_marks(&mut self, slot: Value, sealable: bool, usable: bool, state: Lifecycle) {
        let fields = [
            (of_slot!(is_sealable), u8::from(sealable)),
            (of_slot!(is_consumable), u8::from(usable)),
            (of_slot!(is_updatable), u8::from(usable)),
            (of_slot!(state), state.code()),
        ];
        for (offset, value) in fields {
            let value = self.b.ins().iconst(types::I8, i64::from(value));
            self.b.ins().store(own(), value, slot, offset);
        }
    }

    /// Leaves unless a field of a byte says yes.
    fn only_if(&mut self, slot: Value, offset: i32) {
        let exit = self.exit();
        let says = self.of_slot(types::I8, slot, offset);
        let no = self.b.ins().icmp_imm_u(IntCC::Equal, says, 0);
        self.go_on_unless(no, exit);
    }

    /// What was known about accesses may be otherwise, and what has been done cannot be done again.
    fn changed(&mut self) -> Emitted {
        self.guards.forget();
        let none = self.iconst(0);
        self.set_field(field!(near_read.len), none);
        self.set_field(field!(near_write.len), none);
        self.is_checkpoint_due = true;
        Emitted::Done
    }

    /// A register is being built from now on.
    fn begin_register(&mut self, slot: Value, length: Value) {
        for offset in [of_slot!(readable), of_slot!(writable), of_slot!(length)] {
            self.set_word(slot, offset, length);
        }
        self.set_marks(slot, true, false, Lifecycle::Initial);
        let created = self.of_slot(types::I32, slot, of_slot!(created));
        let created = self.b.ins().iadd_imm_s(created, 1);
        self.set_word(slot, of_slot!(created), created);
    }

    /// Leaves if there is no register that can be asked.
    fn inspect(&mut self, rs1: X, rd: X, ty: Type, offset: i32) -> Emitted {
        let slot = self.slot(rs1);
        let exit = self.exit();
        // Neither empty nor consumed: first and last of the states.
        let state = self.of_slot(types::I8, slot, of_slot!(state));
        let state = self.b.ins().iadd_imm_s(state, -1);
        let others = i64::from(Lifecycle::Consumed.code()) - 1;
        let is_none = self.b.ins().icmp_imm_u(IntCC::UnsignedGreaterThanOrEqual, state, others);
        self.go_on_unless(is_none, exit);
        let value = self.of_slot(ty, slot, offset);
        self.set_x(rd, value);
        Emitted::Done
    }

    /// Host address of the doubleword at `x[rs2]`, less the distance of guest memory, if the field `bound` allows.
    fn word_of(&mut self, slot: Value, rs2: X, bound: i32) -> Value {
        let offset = self.x(rs2);
        let exit = self.exit();
        let bytes = self.of_slot(types::I32, slot, bound);
        let last = self.b.ins().iadd_imm_s(bytes, -WORD);
        let is_short = self.b.ins().icmp_imm_u(IntCC::UnsignedLessThan, bytes, WORD);
        let is_beyond = self.b.ins().icmp(IntCC::UnsignedGreaterThan, offset, last);
        let is_outside = self.b.ins().bor(is_short, is_beyond);
        self.go_on_unless(is_outside, exit);
        let window = self.of_slot(types::I64, slot, of_slot!(window));
        let window = self.b.ins().iadd(self.vm, window);
        self.b.ins().iadd(window, offset)
    }

    /// Zeros, in whole doublewords.
    fn zero(&mut self, window: Value, length: Value) {
        let start = self.b.ins().iadd(self.vm, window);
        let end = self.b.ins().iadd(start, length);
        let (head, body, done) = (self.b.create_block(), self.b.create_block(), self.b.create_block());
        let at = self.b.append_block_param(head, types::I64);
        self.b.ins().jump(head, &[start.into()]);
        self.b.switch_to_block(head);
        let is_done = self.b.ins().icmp(IntCC::UnsignedGreaterThanOrEqual, at, end);
        self.b.ins().brif(is_done, done, &[], body, &[]);
        self.b.seal_block(body);
        self.b.switch_to_block(body);
        let zero = self.b.ins().iconst(types::I64, 0);
        self.b.ins().store(own(), zero, at, GUEST);
        let next = self.b.ins().iadd_imm_s(at, WORD);
        self.b.ins().jump(head, &[next.into()]);
        self.b.seal_block(head);
        self.b.seal_block(done);
        self.b.switch_to_block(done);
    }
}

impl VisitXrr for Emitter<'_> {
    fn xrr_state(&mut self, Unary { rd, rs1 }: Unary) -> Emitted {
        let slot = self.slot(rs1);
        let exit = self.exit();
        let until = self.of_slot(types::I64, slot, of_slot!(until));
        self.go_on_unless(until, exit);
        let state = self.of_slot(types::I8, slot, of_slot!(state));
        self.set_x(rd, state);
        Emitted::Done
    }

    fn xrr_len(&mut self, Unary { rd, rs1 }: Unary) -> Emitted {
        self.inspect(rs1, rd, types::I32, of_slot!(length))
    }

    fn xrr_window(&mut self, Unary { rd, rs1 }: Unary) -> Emitted {
        self.inspect(rs1, rd, types::I64, of_slot!(window))
    }

    fn xrr_seal(&mut self, SlotOps { rs1 }: SlotOps) -> Emitted {
        let slot = self.slot(rs1);
        self.only_if(slot, of_slot!(is_sealable));
        self.set_marks(slot, false, true, Lifecycle::Active);
        let none = self.iconst(0);
        self.set_word(slot, of_slot!(writable), none);
        self.changed()
    }

    fn xrr_consume(&mut self, SlotOps { rs1 }: SlotOps) -> Emitted {
        let slot = self.slot(rs1);
        self.only_if(slot, of_slot!(is_consumable));
        self.set_marks(slot, false, false, Lifecycle::Consumed);
        let none = self.iconst(0);
        self.set_word(slot, of_slot!(readable), none);
        let reuse = self.of_slot(types::I32, slot, of_slot!(reuse));
        self.set_word(slot, of_slot!(vacant), reuse);
        self.changed()
    }

    fn xrr_create(&mut self, R { rd, rs1, rs2 }: R) -> Emitted {
        let slot = self.slot(rs1);
        let length = self.x(rs2);
        let exit = self.exit();
        let vacant = self.of_slot(types::I32, slot, of_slot!(vacant));
        let is_too_much = self.b.ins().icmp(IntCC::UnsignedGreaterThanOrEqual, length, vacant);
        self.go_on_unless(is_too_much, exit);
        self.begin_register(slot, length);
        let none = self.iconst(0);
        self.set_word(slot, of_slot!(vacant), none);
        self.set_word(slot, of_slot!(origin), none);
        // Not loaded, in the first section.
        let rights = self.iconst(u64::from(Rights::ALL.bits()));
        self.set_word(slot, of_slot!(rights), rights);
        let window = self.of_slot(types::I64, slot, of_slot!(window));
        self.zero(window, length);
        self.set_x(rd, window);
        self.changed()
    }

    fn xrr_update(&mut self, R { rd, rs1, rs2 }: R) -> Emitted {
        let slot = self.slot(rs1);
        self.only_if(slot, of_slot!(is_updatable));
        let length = self.x(rs2);
        let exit = self.exit();
        // A longer one has to be zeroed behind.
        let before = self.of_slot(types::I32, slot, of_slot!(length));
        let is_longer = self.b.ins().icmp(IntCC::UnsignedGreaterThan, length, before);
        self.go_on_unless(is_longer, exit);
        self.begin_register(slot, length);
        let window = self.of_slot(types::I64, slot, of_slot!(window));
        self.set_x(rd, window);
        self.changed()
    }

    fn xrr_read(&mut self, R { rd, rs1, rs2 }: R) -> Emitted {
        let slot = self.slot(rs1);
        let at = self.word_of(slot, rs2, of_slot!(readable));
        let value = self.b.ins().load(types::I64, guest(), at, GUEST);
        self.set_x(rd, value);
        Emitted::Done
    }

    fn xrr_write(&mut self, Write { rs1, rs2, rs3 }: Write) -> Emitted {
        let slot = self.slot(rs1);
        let value = self.x(rs3);
        let at = self.word_of(slot, rs2, of_slot!(writable));
        self.b.ins().store(guest(), value, at, GUEST);
        self.is_checkpoint_due = true;
        Emitted::Done
    }
}
