//! The functions that all units share: the ways in and out, and the look-up of permissions.

use std::mem::offset_of;

use causality_machine::RETURN_GATE;
use causality_machine::memory::Perms;
use causality_machine::registers::Slot;

use super::assembler::{
    Alu, Assembler, Cond, Extend, Label, Mem, R12, R13, R14, R15, RAX, RBP, RBX, RCX, RDI, RDX, RSI, RSP,
    Shift, Unary, Width,
};
use super::fuel::{FUEL, LONGEST};
use super::memory::{GROUP, look_up};
use super::register::{VM, load_all, load_floats, store_all, store_floats};
use super::xrr::SLOT_SHIFT;
use crate::context::{Near, Range, SPANS, WINDOW, field};
use crate::cranelift::{NO_CODE, Runtime};
use crate::host::Features;

/// Code that is the same for every program.
pub(crate) fn runtime() -> Runtime {
    let check = std::array::from_fn(|i| match i.checked_sub(WINDOW) {
        Some(is_store) => window(is_store == 1),
        None => check(if i < SPANS.len() { Perms::R } else { Perms::RW }, i % SPANS.len()),
    });
    Runtime { enter: enter(), missing: missing(), floats: floats(), check }
}

/// What the host's functions expect back.
const KEPT: [super::assembler::Gpr; 6] = [RBX, RBP, R12, R13, R14, R15];

/// `extern "C" fn(vm, pc, function) -> next pc`: the way in for the executor.
fn enter() -> Vec<u8> {
    let mut a = Assembler::with_capacity(512);
    let again = a.label();
    begin(&mut a);
    let taking = take_hart(&mut a);
    a.bind(again);
    a.call_indirect(RCX);
    // Where control comes back at a pc that may have code, it goes on there, with an empty stack.
    let on = a.label();
    a.alu_imm(Alu::Cmp, Width::Double, RAX, RETURN_GATE as i32);
    let at_gate = a.skip_if(Cond::Equal);
    a.test_imm(RAX, 1);
    let out = a.skip_if(Cond::NotEqual);
    offset_in_table(&mut a);
    a.jump_if(Cond::Below, on);
    a.arrive(out);
    a.arrive(at_gate);
    let giving = give_hart(&mut a);
    end(&mut a);
    a.bind(on);
    function_of_offset(&mut a);
    a.jump(again);
    taking.emit(&mut a);
    giving.emit(&mut a);
    a.finish()
}

/// `extern "C" fn(vm, pc, function) -> next pc`: how Cranelift's code calls a function, which comes back to it.
fn call() -> Vec<u8> {
    let mut a = Assembler::with_capacity(512);
    begin(&mut a);
    let taking = take_hart(&mut a);
    a.call_indirect(RCX);
    let giving = give_hart(&mut a);
    end(&mut a);
    taking.emit(&mut a);
    giving.emit(&mut a);
    a.finish()
}

/// From the host, with the pc to `rax` and the function to `rcx`.
fn begin(a: &mut Assembler) {
    KEPT.into_iter().for_each(|reg| a.push(reg));
    a.copy(VM, RDI);
    a.copy(RAX, RSI);
    a.copy(RCX, RDX);
}

/// Back to the host, with what is in `rax`.
fn end(a: &mut Assembler) {
    KEPT.into_iter().rev().for_each(|reg| a.pop(reg));
    a.ret();
}

/// From the hart to where this tier's code has it. Floating-point registers stay at home until code that uses them is
/// entered ([`floats`]).
pub(super) fn take_hart(a: &mut Assembler) -> IfLive {
    load_all(a);
    take_others(a)
}

/// The same but for integer registers.
pub(super) fn take_others(a: &mut Assembler) -> IfLive {
    a.mov(Width::Double, FUEL, Mem::at(VM, field!(hart.fuel)));
    a.lea(FUEL, Mem::at(FUEL, -(LONGEST as i32)));
    IfLive::new(a, load_floats)
}

/// Back; changes nothing but the fuel's register, and flags.
pub(super) fn give_hart(a: &mut Assembler) -> IfLive {
    store_all(a);
    a.lea(FUEL, Mem::at(FUEL, LONGEST as i32));
    a.store(8, Mem::at(VM, field!(hart.fuel)), FUEL);
    IfLive::new(a, store_floats)
}

/// What is done if floating-point registers are in their places: mostly they are not, so it stands elsewhere.
#[must_use = "it has to stand somewhere"]
pub(super) struct IfLive {
    there: Label,
    back: Label,
    code: fn(&mut Assembler),
}

impl IfLive {
    fn new(a: &mut Assembler, code: fn(&mut Assembler)) -> Self {
        let (there, back) = (a.label(), a.label());
        // Without vectors, they are always at home.
        if Features::of_host().avx {
            test_live(a);
            a.jump_if(Cond::NotEqual, there);
            a.bind(back);
        }
        IfLive { there, back, code }
    }

    /// Emits it, where control does not come.
    pub(super) fn emit(self, a: &mut Assembler) {
        if Features::of_host().avx {
            a.bind(self.there);
            (self.code)(a);
            a.jump(self.back);
        }
    }
}

/// Compares with 0 whether they are.
pub(super) fn test_live(a: &mut Assembler) {
    a.alu_imm(Alu::Cmp, Width::Word, Mem::at(VM, field!(floats.live)), 0);
}

/// What code that uses floating-point registers calls where it is entered, if they are not in their places.
fn floats() -> Vec<u8> {
    let mut a = Assembler::with_capacity(256);
    switch(&mut a);
    load_floats(&mut a);
    a.ret();
    a.finish()
}

/// Makes the host's control register the guest's.
fn switch(a: &mut Assembler) {
    a.store_modes(Mem::at(VM, field!(floats.host)));
    a.load_modes(Mem::at(VM, field!(floats.guest)));
    a.store_imm(4, Mem::at(VM, field!(floats.live)), 1);
}

/// Functions for a space whose code may be promoted: what runs where Cranelift's code has taken the place of this tier's,
/// and how that calls functions of this tier.
pub(crate) fn border() -> [Vec<u8>; 2] {
    [promoted(), call()]
}

/// Runs where Cranelift's code has taken the place of this tier's, with the pc in `rax`, as all code that is entered by
/// the table.
fn promoted() -> Vec<u8> {
    let mut a = Assembler::with_capacity(512);
    let not_yet = a.label();
    a.alu_imm(Alu::Cmp, Width::Double, Mem::at(VM, field!(cranelift.call)), 0);
    a.jump_if(Cond::Equal, not_yet);
    let giving = give_hart(&mut a);
    // That code has registers at home, and takes it that the control register is the guest's.
    test_live(&mut a);
    let over = a.skip_if(Cond::NotEqual);
    switch(&mut a);
    a.arrive(over);
    count(&mut a, Alu::Add);
    a.alu_imm(Alu::Add, Width::Double, Mem::at(VM, field!(entries)), 1);
    a.store(8, Mem::at(VM, field!(last_entry)), RAX);
    a.copy(RSI, RAX);
    offset_in_table(&mut a);
    a.shift_imm(Shift::Shl, Width::Double, RCX, 2);
    a.alu(Alu::Add, Width::Double, RCX, Mem::at(VM, field!(cranelift.table)));
    a.mov(Width::Double, RDX, Mem::at(RCX, 0));
    a.alu(Alu::Add, Width::Double, RDX, Mem::at(VM, field!(cranelift.base)));
    a.copy(RDI, VM);
    // The host's functions keep `rbx`, and want an aligned stack.
    a.copy(RBX, RSP);
    a.alu_imm(Alu::And, Width::Double, RSP, -16);
    a.call_indirect(Mem::at(VM, field!(cranelift.call)));
    a.copy(RSP, RBX);
    let taking = take_hart(&mut a);
    count(&mut a, Alu::Sub);
    // Odd, but not one of the two that say why control has left: it goes on there, in this frame.
    let (back, on) = (a.label(), a.label());
    a.test_imm(RAX, 1);
    a.jump_if(Cond::Equal, back);
    a.alu_imm(Alu::Cmp, Width::Double, RAX, NO_CODE as i32);
    a.jump_if(Cond::Above, on);
    a.bind(back);
    a.ret();
    a.bind(on);
    a.alu_imm(Alu::And, Width::Double, RAX, -2);
    offset_in_table(&mut a);
    a.jump_if(Cond::AboveEqual, back);
    function_of_offset(&mut a);
    a.jump_indirect(RCX);
    a.bind(not_yet);
    give_up(&mut a);
    giving.emit(&mut a);
    taking.emit(&mut a);
    a.finish()
}

/// Counts what Cranelift's code retires: its fuel is added before, and what is left is subtracted behind. Changes `rcx`.
fn count(a: &mut Assembler, op: Alu) {
    a.mov(Width::Double, RCX, Mem::at(VM, field!(hart.fuel)));
    a.alu_mem(op, Width::Double, Mem::at(VM, field!(promoted)), RCX);
}

/// What runs where there is no code, with the pc in `rax`, as all code that is entered by the table: says so.
fn missing() -> Vec<u8> {
    let mut a = Assembler::with_capacity(32);
    give_up(&mut a);
    a.finish()
}

/// There is no code for the pc in `rax`.
fn give_up(a: &mut Assembler) {
    a.store(8, Mem::at(VM, field!(hart.pc)), RAX);
    a.constant(RAX, NO_CODE as u64);
    a.ret();
}

/// `rcx` = how far the pc in `rax` is behind the first of the table. Flags say whether it is below its length.
fn offset_in_table(a: &mut Assembler) {
    a.copy(RCX, RAX);
    a.alu(Alu::Sub, Width::Double, RCX, Mem::at(VM, field!(text)));
    a.alu(Alu::Cmp, Width::Double, RCX, Mem::at(VM, field!(text_len)));
}

/// `rcx` = the function whose pc is `rcx` bytes behind the first of the table.
pub(super) fn function_of_offset(a: &mut Assembler) {
    a.shift_imm(Shift::Shl, Width::Double, RCX, 2);
    a.alu(Alu::Add, Width::Double, RCX, Mem::at(VM, field!(baseline.table)));
    a.mov(Width::Double, RCX, Mem::at(RCX, 0));
    a.alu(Alu::Add, Width::Double, RCX, Mem::at(VM, field!(baseline.base)));
}

/// The address is in `rcx`, relative to the range that loads or stores are compared with. Says that it is zero if all bytes from there lie in one page or two
/// adjacent ones, which both allow the access.
fn check(perms: Perms, slot: usize) -> Vec<u8> {
    let mut a = Assembler::with_capacity(128);
    let span = SPANS[slot] as i32;
    let slow = look_up(&mut a, perms != Perms::R);
    a.zero(RCX);
    a.ret();
    slow.into_iter().for_each(|from| a.arrive(from));
    a.push(RAX);
    a.mov(Width::Double, RCX, Mem::at(VM, field!(check_address)));
    // Mostly it is the stack, through a pointer that does not show it.
    let start = field!(stack) + offset_of!(Range, start) as i32;
    let bound = field!(stack) + offset_of!(Range, bounds) as i32 + 8 * slot as i32;
    a.copy(RAX, RCX);
    a.alu(Alu::Sub, Width::Double, RAX, Mem::at(VM, start));
    a.alu(Alu::Cmp, Width::Double, RAX, Mem::at(VM, bound));
    let in_stack = a.skip_if(Cond::Below);
    a.copy(RAX, RCX);
    a.alu_imm(Alu::Add, Width::Double, RAX, span - 1);
    let wraps = a.skip_if(Cond::Below);
    a.shift_imm(Shift::Shr, Width::Double, RAX, 12);
    a.alu(Alu::Cmp, Width::Double, RAX, Mem::at(VM, field!(page_count)));
    let beyond = a.skip_if(Cond::AboveEqual);
    a.shift_imm(Shift::Shr, Width::Double, RCX, 12);
    a.push(RSI);
    a.mov(Width::Double, RSI, Mem::at(VM, field!(pages)));
    a.extend(Extend::U8, RAX, Mem::indexed(RSI, RAX, 0, 0));
    a.extend(Extend::U8, RCX, Mem::indexed(RSI, RCX, 0, 0));
    a.pop(RSI);
    a.alu(Alu::And, Width::Word, RAX, RCX);
    a.unary(Unary::Not, Width::Word, RAX);
    a.test_imm(RAX, i32::from(perms.bits()));
    a.pop(RAX);
    a.ret();
    a.arrive(in_stack);
    a.zero(RCX);
    a.pop(RAX);
    a.ret();
    a.arrive(wraps);
    a.arrive(beyond);
    a.alu_imm(Alu::Or, Width::Word, RCX, 1);
    a.pop(RAX);
    a.ret();
    a.finish()
}

/// What [`check`] has denied is at `check_address`, and `rcx` bytes, or as many as are guarded together if that is 0. Says
/// that it is zero if they are in the window of one register, and may be accessed; that is then the window accessed last.
fn window(is_store: bool) -> Vec<u8> {
    let mut a = Assembler::with_capacity(128);
    let [slots, count, windows, shift, mask] = [
        field!(registers.slots),
        field!(registers.count),
        field!(registers.windows),
        field!(registers.shift),
        field!(registers.mask),
    ]
    .map(|offset| Mem::at(VM, offset));
    let (range, near) =
        if is_store { (field!(write), field!(near_write)) } else { (field!(read), field!(near_read)) };
    let near = |field: usize| Mem::at(VM, near + field as i32);
    let kept = [RAX, RDX, RSI, RDI];
    kept.into_iter().for_each(|reg| a.push(reg));
    a.constant(RAX, GROUP as u64);
    a.test(Width::Double, RCX, RCX);
    a.move_if(Cond::Equal, RCX, RAX);
    a.copy(RDX, RCX);
    a.mov(Width::Double, RAX, Mem::at(VM, field!(check_address)));
    a.alu(Alu::Sub, Width::Double, RAX, windows);
    a.mov(Width::Double, RCX, shift);
    a.copy(RSI, RAX);
    a.shift_cl(Shift::Shr, Width::Double, RSI);
    a.alu(Alu::Cmp, Width::Double, RSI, count);
    let elsewhere = a.skip_if(Cond::AboveEqual);
    // What is computed from here on is right on mispredicted paths too: all ones if there is such a slot.
    a.alu(Alu::Sbb, Width::Double, RDI, RDI);
    a.alu(Alu::And, Width::Double, RSI, RDI);
    a.alu(Alu::And, Width::Double, RAX, mask);
    a.alu(Alu::Add, Width::Double, RAX, RDX);
    a.shift_imm(Shift::Shl, Width::Double, RSI, SLOT_SHIFT);
    a.alu(Alu::Add, Width::Double, RSI, slots);
    a.mov(Width::Word, RCX, Mem::at(RSI, offset_of!(Slot, readable) as i32));
    if is_store {
        // A guard of stores may cover loads, too.
        let writable = Mem::at(RSI, offset_of!(Slot, writable) as i32);
        a.alu(Alu::Cmp, Width::Word, RCX, writable);
        a.move_if(Cond::Above, RCX, writable);
    }
    // All ones if it is denied.
    a.alu(Alu::Cmp, Width::Double, RCX, RAX);
    a.alu(Alu::Sbb, Width::Double, RAX, RAX);
    a.unary(Unary::Not, Width::Double, RDI);
    a.alu(Alu::Or, Width::Double, RDI, RAX);
    // The window accessed last is this one, or none of it.
    a.copy(RAX, RDI);
    a.unary(Unary::Not, Width::Double, RAX);
    a.alu(Alu::And, Width::Double, RCX, RAX);
    a.store(8, near(offset_of!(Near, len)), RCX);
    a.mov(Width::Double, RAX, Mem::at(RSI, offset_of!(Slot, window) as i32));
    a.alu(Alu::Sub, Width::Double, RAX, Mem::at(VM, range + offset_of!(Range, start) as i32));
    a.store(8, near(offset_of!(Near, distance)), RAX);
    a.copy(RCX, RDI);
    a.test(Width::Double, RCX, RCX);
    let over = a.skip();
    a.arrive(elsewhere);
    a.alu_imm(Alu::Or, Width::Word, RCX, 1);
    a.arrive(over);
    kept.into_iter().rev().for_each(|reg| a.pop(reg));
    a.ret();
    a.finish()
}
