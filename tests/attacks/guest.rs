//! The guest all attacks are made by: code, constants, data with a hole before them, and a stack.

use causality_testkit::elf::{Elf, PF_R, PF_W, PF_X, Phdr};
use causality_testkit::{Assembler, Label};
use causality_vm::isa::format::{self, Bare};
use causality_vm::isa::reg::X;
use causality_vm::isa::{Inst, Opcode};
use causality_vm::{FIRST_HOST_FUNCTION, Limits};

/// Where code is.
pub(crate) const TEXT: u64 = 0x1_0000;
/// Where constants are, after a hole.
pub(crate) const RODATA: u64 = 0x8_0000;
/// Where data are, right behind the constants.
pub(crate) const DATA: u64 = RODATA + 0x1000;
/// Bytes of data.
pub(crate) const DATA_SIZE: u64 = 0x4000;
/// Behind the last address there is.
pub(crate) const ADDRESS_SPACE: u64 = 64 << 20;

/// Small, so that ends are near and digests are quick.
pub(crate) fn limits() -> Limits {
    Limits {
        address_space: ADDRESS_SPACE,
        memory: 8 << 20,
        stack: 64 << 10,
        segments: 64,
        registers: 8,
        register_bytes: 8192,
        ..Limits::default()
    }
}

/// An executable of what `build` makes.
pub(crate) fn elf(build: impl FnOnce(&mut Assembler)) -> Vec<u8> {
    of_code(&code(build), PF_R | PF_X)
}

/// The same with code that can be written.
pub(crate) fn writable_elf(build: impl FnOnce(&mut Assembler)) -> Vec<u8> {
    of_code(&code(build), PF_R | PF_W | PF_X)
}

fn code(build: impl FnOnce(&mut Assembler)) -> Vec<u8> {
    let mut asm = Assembler::new();
    build(&mut asm);
    asm.finish()
}

/// An executable with this code, whose pages have these permissions.
pub(crate) fn of_code(code: &[u8], flags: u32) -> Vec<u8> {
    let constants: Vec<u8> = (0..0x1000_u32).map(|i| (i * 7 + 3) as u8).collect();
    let data: Vec<u8> = (0..DATA_SIZE as u32).map(|i| (i * 13 + 5) as u8).collect();
    Elf::exec(TEXT)
        .segment(Phdr::load(flags, TEXT, code))
        .segment(Phdr::load(PF_R, RODATA, &constants))
        .segment(Phdr::load(PF_R | PF_W, DATA, &data))
        .build()
}

pub(crate) fn ecall(asm: &mut Assembler) {
    asm.inst(Inst::Ecall(Bare {}));
}

/// Calls by number.
pub(crate) fn call(asm: &mut Assembler, number: u64) {
    asm.li(X::A7, number);
    ecall(asm);
}

/// Calls the first function that the host offers.
pub(crate) fn call_host(asm: &mut Assembler) {
    call(asm, FIRST_HOST_FUNCTION);
}

/// Ends with what is in `a0`.
pub(crate) fn exit(asm: &mut Assembler) {
    call(asm, 93);
}

pub(crate) fn addi(asm: &mut Assembler, rd: X, rs1: X, imm: i32) {
    asm.inst(Inst::Addi(format::I { rd, rs1, imm }));
}

pub(crate) fn add(asm: &mut Assembler, rd: X, rs1: X, rs2: X) {
    asm.inst(Inst::Add(format::R { rd, rs1, rs2 }));
}

pub(crate) fn shift_left(asm: &mut Assembler, rd: X, rs1: X, shamt: u32) {
    asm.inst(Inst::Slli(format::Shift { rd, rs1, shamt: shamt as u8 }));
}

pub(crate) fn shift_right(asm: &mut Assembler, rd: X, rs1: X, shamt: u32) {
    asm.inst(Inst::Srli(format::Shift { rd, rs1, shamt: shamt as u8 }));
}

pub(crate) fn ld(asm: &mut Assembler, rd: X, rs1: X, imm: i32) {
    asm.inst(Inst::Ld(format::Load { rd, rs1, imm }));
}

pub(crate) fn sd(asm: &mut Assembler, rs2: X, rs1: X, imm: i32) {
    asm.inst(Inst::Sd(format::S { rs1, rs2, imm }));
}

pub(crate) fn jalr(asm: &mut Assembler, rd: X, rs1: X, imm: i32) {
    asm.inst(Inst::Jalr(format::Jalr { rd, rs1, imm }));
}

pub(crate) fn ret(asm: &mut Assembler) {
    jalr(asm, X::ZERO, X::RA, 0);
}

/// Back to `to` unless `register` is zero.
pub(crate) fn back_unless_zero(asm: &mut Assembler, register: X, to: Label) {
    asm.branch(Opcode::Bne, register, X::ZERO, to);
}

/// `body` so many times; `counter` is zero behind it.
pub(crate) fn repeat(asm: &mut Assembler, counter: X, times: u64, body: impl FnOnce(&mut Assembler)) {
    asm.li(counter, times);
    let again = asm.here();
    body(asm);
    addi(asm, counter, counter, -1);
    back_unless_zero(asm, counter, again);
}
