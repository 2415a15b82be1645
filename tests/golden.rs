//! What small guest functions become, in Cranelift's language and in host code, against what was written down.
//!
//! A change of code generation shows up in review. `CAUSALITY_BLESS=1 cargo test --test golden` writes the files anew;
//! read the difference before committing it. The processor is pinned, so every x86-64 host makes the same code.

#![cfg(target_arch = "x86_64")]

use std::fmt::Write;
use std::fs;
use std::path::PathBuf;

use causality_jit::region::{Bounds, discover};
use causality_jit::{Layout, Text, Translator, Tunables};
use causality_machine::isa::format;
use causality_machine::isa::reg::{F, X};
use causality_machine::isa::{Inst, Opcode, Rm};
use causality_testkit::program::{CODE, Program, WINDOW};
use causality_testkit::{Assembler, vm};
use iced_x86::{Decoder, DecoderOptions, Formatter, IntelFormatter};

/// A name, and what writes the function.
type Function = (&'static str, fn(&mut Assembler));

fn addi(asm: &mut Assembler, rd: X, rs1: X, imm: i32) {
    asm.inst(Inst::Addi(format::I { rd, rs1, imm }));
}

fn ret(asm: &mut Assembler) {
    asm.inst(Inst::Jalr(format::Jalr { rd: X::ZERO, rs1: X::RA, imm: 0 }));
}

const FUNCTIONS: &[Function] = &[
    ("add", |asm| {
        asm.inst(Inst::Add(format::R { rd: X::A0, rs1: X::A0, rs2: X::A1 }));
        ret(asm);
    }),
    ("words", |asm| {
        asm.inst(Inst::Addw(format::R { rd: X::A0, rs1: X::A0, rs2: X::A1 }));
        asm.inst(Inst::Slliw(format::Shift { rd: X::A0, rs1: X::A0, shamt: 3 }));
        asm.inst(Inst::Mulw(format::R { rd: X::A0, rs1: X::A0, rs2: X::A2 }));
        ret(asm);
    }),
    ("divide", |asm| {
        asm.inst(Inst::Div(format::R { rd: X::A0, rs1: X::A0, rs2: X::A1 }));
        asm.inst(Inst::Remu(format::R { rd: X::A1, rs1: X::A2, rs2: X::A3 }));
        ret(asm);
    }),
    ("load_and_store", |asm| {
        asm.inst(Inst::Ld(format::Load { rd: X::A2, rs1: X::A0, imm: 0 }));
        asm.inst(Inst::Lbu(format::Load { rd: X::A3, rs1: X::A0, imm: 40 }));
        asm.inst(Inst::Sd(format::S { rs1: X::A1, rs2: X::A2, imm: 8 }));
        asm.inst(Inst::Sw(format::S { rs1: X::A1, rs2: X::A3, imm: 16 }));
        ret(asm);
    }),
    ("constant_address", |asm| {
        asm.li(X::A1, WINDOW);
        asm.inst(Inst::Ld(format::Load { rd: X::A0, rs1: X::A1, imm: 8 }));
        asm.inst(Inst::Sd(format::S { rs1: X::A1, rs2: X::A0, imm: 16 }));
        ret(asm);
    }),
    ("stack_frame", |asm| {
        addi(asm, X::SP, X::SP, -32);
        asm.inst(Inst::Sd(format::S { rs1: X::SP, rs2: X::RA, imm: 24 }));
        asm.inst(Inst::Sd(format::S { rs1: X::SP, rs2: X::S0, imm: 16 }));
        addi(asm, X::S0, X::A0, 1);
        addi(asm, X::A0, X::S0, 0);
        asm.inst(Inst::Ld(format::Load { rd: X::RA, rs1: X::SP, imm: 24 }));
        asm.inst(Inst::Ld(format::Load { rd: X::S0, rs1: X::SP, imm: 16 }));
        addi(asm, X::SP, X::SP, 32);
        ret(asm);
    }),
    ("sum_loop", |asm| {
        let again = asm.here();
        asm.inst(Inst::Lw(format::Load { rd: X::A3, rs1: X::A0, imm: 0 }));
        addi(asm, X::A0, X::A0, 4);
        asm.inst(Inst::Add(format::R { rd: X::A2, rs1: X::A2, rs2: X::A3 }));
        asm.branch(Opcode::Bne, X::A0, X::A1, again);
        ret(asm);
    }),
    ("copy_loop", |asm| {
        let again = asm.here();
        asm.inst(Inst::Lbu(format::Load { rd: X::A3, rs1: X::A1, imm: 0 }));
        asm.inst(Inst::Sb(format::S { rs1: X::A0, rs2: X::A3, imm: 0 }));
        addi(asm, X::A0, X::A0, 1);
        addi(asm, X::A1, X::A1, 1);
        asm.branch(Opcode::Bltu, X::A0, X::A2, again);
        ret(asm);
    }),
    ("branch_both_ways", |asm| {
        let (less, end) = (asm.label(), asm.label());
        asm.branch(Opcode::Blt, X::A0, X::A1, less);
        asm.inst(Inst::Sub(format::R { rd: X::A0, rs1: X::A0, rs2: X::A1 }));
        asm.jump(X::ZERO, end);
        asm.bind(less);
        asm.inst(Inst::Sub(format::R { rd: X::A0, rs1: X::A1, rs2: X::A0 }));
        asm.bind(end);
        ret(asm);
    }),
    ("recursive_fibonacci", |asm| {
        let (function, some) = (asm.here(), asm.label());
        addi(asm, X::A5, X::ZERO, 2);
        asm.branch(Opcode::Bgeu, X::A0, X::A5, some);
        ret(asm);
        asm.bind(some);
        addi(asm, X::SP, X::SP, -32);
        for (rs2, imm) in [(X::RA, 24), (X::S0, 16), (X::S1, 8)] {
            asm.inst(Inst::Sd(format::S { rs1: X::SP, rs2, imm }));
        }
        addi(asm, X::S0, X::A0, 0);
        addi(asm, X::A0, X::A0, -1);
        asm.jump(X::RA, function);
        addi(asm, X::S1, X::A0, 0);
        addi(asm, X::A0, X::S0, -2);
        asm.jump(X::RA, function);
        asm.inst(Inst::Add(format::R { rd: X::A0, rs1: X::A0, rs2: X::S1 }));
        for (rd, imm) in [(X::RA, 24), (X::S0, 16), (X::S1, 8)] {
            asm.inst(Inst::Ld(format::Load { rd, rs1: X::SP, imm }));
        }
        addi(asm, X::SP, X::SP, 32);
        ret(asm);
    }),
    ("indirect_call", |asm| {
        addi(asm, X::SP, X::SP, -16);
        asm.inst(Inst::Sd(format::S { rs1: X::SP, rs2: X::RA, imm: 8 }));
        asm.inst(Inst::Jalr(format::Jalr { rd: X::RA, rs1: X::A0, imm: 0 }));
        asm.inst(Inst::Ld(format::Load { rd: X::RA, rs1: X::SP, imm: 8 }));
        addi(asm, X::SP, X::SP, 16);
        ret(asm);
    }),
    ("jump_table", |asm| {
        asm.inst(Inst::Sh2add(format::R { rd: X::A0, rs1: X::A0, rs2: X::A1 }));
        asm.inst(Inst::Lw(format::Load { rd: X::A0, rs1: X::A0, imm: 0 }));
        asm.inst(Inst::Add(format::R { rd: X::A0, rs1: X::A0, rs2: X::A1 }));
        asm.inst(Inst::Jalr(format::Jalr { rd: X::ZERO, rs1: X::A0, imm: 0 }));
    }),
    ("host_call", |asm| {
        addi(asm, X::A7, X::ZERO, 64);
        asm.inst(Inst::Ecall(format::Bare {}));
        addi(asm, X::A0, X::A0, 1);
        ret(asm);
    }),
    ("float_loop", |asm| {
        let again = asm.here();
        let (rs1, rs2) = (F::from_bits(10), F::from_bits(11));
        asm.inst(Inst::Fld(format::FLoad { rd: rs2, rs1: X::A0, imm: 0 }));
        asm.inst(Inst::FmulD(format::FR { rd: rs2, rs1: rs2, rs2, rm: Rm::Dyn }));
        asm.inst(Inst::FaddD(format::FR { rd: rs1, rs1, rs2, rm: Rm::Dyn }));
        addi(asm, X::A0, X::A0, 8);
        asm.branch(Opcode::Bne, X::A0, X::A1, again);
        ret(asm);
    }),
    ("atomic_counter", |asm| {
        let ops = format::Amo { rd: X::A1, rs1: X::A0, rs2: X::A2, aq: true, rl: true };
        asm.inst(Inst::AmoaddW(ops));
        ret(asm);
    }),
    ("straight_into_nothing", |asm| {
        addi(asm, X::A0, X::A0, 1);
        asm.half(0);
    }),
];

/// The file for a function.
fn render(build: fn(&mut Assembler)) -> String {
    let mut asm = Assembler::new();
    build(&mut asm);
    let program = Program { code: asm.finish(), ..Program::default() };
    let machine = vm::wild::machine(&program);
    // Few copies of callees, to keep the files readable.
    let bounds = Bounds { copies: 30, ..Bounds::default() };
    let tunables = Tunables { bounds, layout: Layout::of(&machine.memory), ..Tunables::default() };
    let text = Text { memory: &machine.memory, breakpoints: &machine.breakpoints };
    let region = discover(&text, CODE, tunables.bounds);
    let mut translator = Translator::pinned(&tunables).expect("x86-64");
    let (_, clif) = translator.clif(&region).expect("it can be translated");
    let translation = translator.translate(&region).expect("it can be translated");
    let mut out = String::new();
    let _ = writeln!(out, "; guest\n{}", program.listing(CODE));
    let _ = writeln!(out, "; Cranelift, legalised\n{clif}");
    let (insts, bytes) = (translation.insts, translation.code.len());
    let _ = writeln!(out, "; host, {bytes} bytes for {insts} instructions");
    disassemble(&translation.code, &mut out);
    out
}

fn disassemble(code: &[u8], out: &mut String) {
    let mut formatter = IntelFormatter::new();
    for instruction in &mut Decoder::with_ip(64, code, 0, DecoderOptions::NONE) {
        let mut text = String::new();
        formatter.format(&instruction, &mut text);
        let _ = writeln!(out, "{:5x}  {text}", instruction.ip());
    }
}

#[test]
fn code_for_small_functions_is_what_was_written_down() {
    let folder = PathBuf::from(env!("CARGO_MANIFEST_DIR")).join("tests/golden");
    let bless = std::env::var_os("CAUSALITY_BLESS").is_some_and(|v| v == "1");
    let mut differ = Vec::new();
    for (name, build) in FUNCTIONS {
        let (file, now) = (folder.join(name).with_extension("txt"), render(*build));
        if bless {
            fs::create_dir_all(&folder).expect("the repository can be written");
            fs::write(&file, now).expect("the repository can be written");
            continue;
        }
        let then = fs::read_to_string(&file).unwrap_or_default();
        if then != now {
            let first = then.lines().zip(now.lines()).find(|(a, b)| a != b);
            let (then, now) = (then.lines().count(), now.lines().count());
            differ.push(format!("{name}: {then} lines then, {now} now; first {first:?}"));
        }
    }
    assert!(differ.is_empty(), "CAUSALITY_BLESS=1 to accept:\n{}", differ.join("\n"));
}
