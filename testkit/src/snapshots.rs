//! A small program to make snapshots of, within small limits.

use causality_isa::reg::X;
use causality_isa::{Inst, format};
use causality_machine::Limits;

use crate::Assembler;
use crate::elf::{Elf, PF_R, PF_W, PF_X, Phdr};

const TEXT: u64 = 0x1_0000;
const DATA: u64 = 0x2_0000;

/// An executable that builds a resource register, opens `/dev/urandom`, reads it, and then goes round in a loop in which it
/// writes to memory and asks for more of it.
#[must_use]
pub fn program() -> Vec<u8> {
    let mut asm = Assembler::new();
    let call = |asm: &mut Assembler, number: u64| {
        asm.li(X::A7, number);
        asm.inst(Inst::Ecall(format::Bare {}));
    };
    asm.li(X::T0, 2);
    asm.li(X::T1, 40);
    asm.inst(Inst::XrrCreate(format::R { rd: X::S2, rs1: X::T0, rs2: X::T1 }));
    asm.inst(Inst::Sd(format::S { rs1: X::S2, rs2: X::T1, imm: 8 }));
    asm.li(X::A0, -100_i64 as u64);
    asm.li(X::A1, DATA);
    call(&mut asm, 56);
    asm.li(X::A1, DATA + 64);
    asm.li(X::A2, 16);
    call(&mut asm, 63);
    asm.li(X::A0, 0);
    call(&mut asm, 214);
    asm.inst(Inst::Addi(format::I { rd: X::S3, rs1: X::A0, imm: 0 }));
    let again = asm.here();
    asm.inst(Inst::Addi(format::I { rd: X::S3, rs1: X::S3, imm: 1024 }));
    asm.inst(Inst::Addi(format::I { rd: X::A0, rs1: X::S3, imm: 0 }));
    call(&mut asm, 214);
    asm.inst(Inst::Sd(format::S { rs1: X::A0, rs2: X::S3, imm: -16 }));
    asm.inst(Inst::Sd(format::S { rs1: X::SP, rs2: X::S3, imm: -32 }));
    asm.jump(X::ZERO, again);
    let text = Phdr::load(PF_R | PF_X, TEXT, &asm.finish());
    let data = Phdr::load(PF_R | PF_W, DATA, b"/dev/urandom\0").with_size(128);
    Elf::exec(TEXT).segment(text).segment(data).build()
}

/// What it may use.
#[must_use]
pub fn limits() -> Limits {
    Limits {
        address_space: 16 << 20,
        memory: 1 << 20,
        stack: 64 << 10,
        segments: 16,
        registers: 4,
        register_bytes: 4096,
        ..Limits::default()
    }
}
