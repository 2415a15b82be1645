//! The functions that all units share: the way in, and the look-up of permissions.

use std::mem::offset_of;

use causality_machine::memory::Perms;

use super::assembler::{
    Alu, Assembler, Cond, Extend, Mem, R12, R13, R14, R15, RAX, RBP, RBX, RCX, RDI, RDX, RSI, Shift, Unary,
    Width,
};
use super::fuel::{FUEL, LONGEST};
use super::register::{VM, load_all, store_all};
use crate::context::{Range, SPANS, field};
use crate::cranelift::{NO_CODE, Runtime};
use crate::host::Features;

/// Code that is the same for every program.
pub(crate) fn runtime() -> Runtime {
    let check = std::array::from_fn(|i| {
        let perms = if i < SPANS.len() { Perms::R } else { Perms::RW };
        check(perms, i % SPANS.len())
    });
    Runtime { enter: enter(), missing: missing(), check }
}

/// What the host's functions expect back.
const KEPT: [super::assembler::Gpr; 6] = [RBX, RBP, R12, R13, R14, R15];

/// `extern "sysv64" fn(vm, pc, function) -> next pc`.
fn enter() -> Vec<u8> {
    let mut a = Assembler::with_capacity(512);
    let with_floats = Features::of_host().avx;
    KEPT.into_iter().for_each(|reg| a.push(reg));
    a.copy(VM, RDI);
    a.copy(RAX, RSI);
    a.copy(RCX, RDX);
    a.mov(Width::Double, FUEL, Mem::at(VM, field!(hart.fuel)));
    a.lea(FUEL, Mem::at(FUEL, -(LONGEST as i32)));
    load_all(&mut a, with_floats);
    a.call_indirect(RCX);
    // Where control comes back at a pc, it goes on there, with an empty stack.
    let (again, out) = (a.label(), a.label());
    a.bind(again);
    a.test_imm(RAX, 1);
    a.jump_if(Cond::NotEqual, out);
    a.copy(RCX, RAX);
    a.alu(Alu::Sub, Width::Double, RCX, Mem::at(VM, field!(text)));
    a.alu(Alu::Cmp, Width::Double, RCX, Mem::at(VM, field!(text_len)));
    a.jump_if(Cond::AboveEqual, out);
    function_of_offset(&mut a);
    a.call_indirect(RCX);
    a.jump(again);
    a.bind(out);
    store_all(&mut a, with_floats);
    a.lea(FUEL, Mem::at(FUEL, LONGEST as i32));
    a.store(8, Mem::at(VM, field!(hart.fuel)), FUEL);
    KEPT.into_iter().rev().for_each(|reg| a.pop(reg));
    a.ret();
    a.finish()
}

/// What runs where there is no code, with the pc in `rax`, as all code that is entered by the table: says so.
fn missing() -> Vec<u8> {
    let mut a = Assembler::with_capacity(32);
    a.store(8, Mem::at(VM, field!(hart.pc)), RAX);
    a.constant(RAX, NO_CODE as u64);
    a.ret();
    a.finish()
}

/// `rcx` = the function whose pc is `rcx` bytes behind the first of the table.
pub(super) fn function_of_offset(a: &mut Assembler) {
    a.shift_imm(Shift::Shl, Width::Double, RCX, 2);
    a.alu(Alu::Add, Width::Double, RCX, Mem::at(VM, field!(table)));
    a.mov(Width::Double, RCX, Mem::at(RCX, 0));
    a.alu(Alu::Add, Width::Double, RCX, Mem::at(VM, field!(base)));
}

/// The address is in `rcx`, relative to the range that loads or stores are compared with. Says that it is zero if all bytes from there lie in one page or two
/// adjacent ones, which both allow the access.
fn check(perms: Perms, slot: usize) -> Vec<u8> {
    let mut a = Assembler::with_capacity(128);
    let span = SPANS[slot] as i32;
    let range = if perms == Perms::R { field!(read) } else { field!(write) };
    a.push(RAX);
    a.alu(Alu::Add, Width::Double, RCX, Mem::at(VM, range + offset_of!(Range, start) as i32));
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
