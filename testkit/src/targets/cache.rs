//! Files of the code cache, damaged in any way.

use std::path::Path;
use std::sync::LazyLock;
use std::{fs, io};

use causality_isa::reg::X;
use causality_isa::{Inst, Opcode, format};
use causality_vm::{Capture, Config, Engine, Exit, Linker, Module, Options, Tier};

use crate::elf::{Elf, PF_R, PF_X, Phdr};
use crate::{Assembler, Source};

/// Where the program lies.
const TEXT: u64 = 0x1_0000;

/// What a run gives: exit, output, instructions.
type Ended = (Exit, String, u64);

/// A program, what it does, and its file in a cache.
struct Original {
    elf: Vec<u8>,
    ended: Ended,
    name: std::ffi::OsString,
    file: Vec<u8>,
}

static ORIGINAL: LazyLock<Original> = LazyLock::new(|| {
    let elf = program();
    let folder = tempfile::tempdir().expect("a folder");
    let ended = run(&elf, Config::new().tier(Tier::Interpreter));
    assert_eq!(run(&elf, cached(folder.path())), ended);
    let (name, file) = code_file(folder.path()).expect("it was kept");
    Original { elf, ended, name, file }
});

/// A program of few regions, as translating them is what takes time: a loop with a call in it, memory, a libcall, output, and
/// an exit code that all of that is in.
fn program() -> Vec<u8> {
    let mut asm = Assembler::new();
    let function = asm.label();
    asm.li(X::S0, 10);
    let again = asm.here();
    asm.jump(X::RA, function);
    asm.inst(Inst::Add(format::R { rd: X::S1, rs1: X::S1, rs2: X::A0 }));
    asm.add(X::S0, -1);
    asm.branch(Opcode::Bne, X::S0, X::ZERO, again);
    asm.inst(Inst::Sd(format::S { rs1: X::SP, rs2: X::S1, imm: -16 }));
    asm.inst(Inst::FenceI(format::FenceI { rd: X::ZERO, rs1: X::ZERO, imm: 0 }));
    asm.li(X::A0, 1);
    asm.inst(Inst::Addi(format::I { rd: X::A1, rs1: X::SP, imm: -16 }));
    asm.li(X::A2, 2);
    asm.li(X::A7, 64);
    asm.inst(Inst::Ecall(format::Bare {}));
    asm.inst(Inst::Addi(format::I { rd: X::A0, rs1: X::S1, imm: 0 }));
    asm.li(X::A7, 93);
    asm.inst(Inst::Ecall(format::Bare {}));
    asm.bind(function);
    asm.inst(Inst::Mul(format::R { rd: X::A0, rs1: X::S0, rs2: X::S0 }));
    asm.inst(Inst::Jalr(format::Jalr { rd: X::ZERO, rs1: X::RA, imm: 0 }));
    Elf::exec(TEXT).segment(Phdr::load(PF_R | PF_X, TEXT, &asm.finish())).build()
}

fn cached(folder: &Path) -> Config {
    Config::new().tier(Tier::Cranelift).cache(folder)
}

fn run(elf: &[u8], config: Config) -> Ended {
    let engine = Engine::new(config);
    let module = Module::new(&engine, elf).expect("it is a program");
    let output = Capture::new(1 << 16);
    let options = Options::new().arg("cache").stdout(output.clone());
    let mut instance =
        Linker::<()>::new(&engine).instantiate(&module, options, ()).expect("the host has memory");
    let exit = instance.run().expect("the host answers");
    (exit, output.text(), instance.retired())
}

/// The one file with code in a folder.
fn code_file(folder: &Path) -> io::Result<(std::ffi::OsString, Vec<u8>)> {
    let entries: Vec<_> = fs::read_dir(folder)?.collect::<Result<_, _>>()?;
    let is_code =
        |entry: &&fs::DirEntry| entry.path().extension().is_some_and(|extension| extension == "code");
    let entry = entries.iter().find(is_code).ok_or(io::ErrorKind::NotFound)?;
    Ok((entry.file_name(), fs::read(entry.path())?))
}

/// A run with a damaged cache, and one with what that leaves of it, do what the interpreter does.
///
/// # Panics
/// If not.
pub fn cache(data: &[u8]) {
    let original = &*ORIGINAL;
    let mut file = original.file.clone();
    let mut source = Source::Bytes(data);
    for _ in 0..=source.below(3) {
        damage(&mut source, &mut file);
    }
    let folder = tempfile::tempdir().expect("a folder");
    fs::write(folder.path().join(&original.name), file).expect("it is written");
    for _ in 0..2 {
        assert_eq!(run(&original.elf, cached(folder.path())), original.ended);
    }
}

/// Where numbers and tables are: in the first bytes, mostly.
fn position(source: &mut Source<'_>, len: usize) -> usize {
    let at = source.bits() as usize;
    if source.chance(60) { at % len.clamp(1, 1024) } else { at % len.max(1) }
}

fn damage(source: &mut Source<'_>, file: &mut Vec<u8>) {
    let (at, other) = (position(source, file.len()), position(source, file.len()));
    let len = (1 + source.below(64)).min(file.len() - at.max(other).min(file.len()));
    match source.below(8) {
        0 => file.truncate(at),
        1 => file.extend((0..len).map(|_| source.byte())),
        2 => file[at..at + len].fill(source.byte()),
        3 => file.copy_within(other..other + len, at),
        4 => drop(file.drain(at..at + len)),
        5 => drop(file.splice(at..at, (0..len).map(|_| 0_u8))),
        6 => file[at..at + len].iter_mut().for_each(|byte| *byte = source.byte()),
        _ if !file.is_empty() => file[at] ^= 1 << source.below(8),
        _ => {}
    }
}
