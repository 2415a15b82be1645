//! Programs that make Linux calls with operands that no honest program has.

use causality_isa::reg::X;
use causality_isa::{Inst, format};

use crate::elf::{Elf, PF_R, PF_W, PF_X, Phdr};
use crate::{Assembler, Source};

/// Where the program is.
const TEXT: u64 = 0x1_0000;
/// Where its data are, and how many bytes of them.
const DATA: u64 = 0x10_0000;
const DATA_SIZE: u64 = 0x2000;

/// Paths at the start of the data, each in a field of its own.
const PATHS: [&str; 14] = [
    "/",
    ".",
    "..",
    "f",
    "/d/f",
    "/d/../d/new",
    "d/../../../../etc/passwd",
    "/dev/urandom",
    "/dev/null",
    "/proc/self/exe",
    "/proc/self/fd/0",
    "link",
    "",
    "/d/f/under-a-file",
];
const FIELD: u64 = 64;

/// Words behind the paths, as `iovec`, `timespec` and the like would have them.
const WORDS: u64 = DATA + PATHS.len() as u64 * FIELD;

/// What a hostile guest would try, and what gets a call deep enough to be interesting.
const VALUES: [u64; 20] = [
    0,
    1,
    2,
    3,
    4,
    7,
    0x42,
    0x0008_0000,
    4096,
    u64::MAX,
    -100_i64 as u64,
    i64::MIN as u64,
    i64::MAX as u64,
    WORDS,
    WORDS + 1,
    DATA + DATA_SIZE - 1,
    DATA + DATA_SIZE,
    TEXT,
    u32::MAX as u64,
    1 << 40,
];

/// Registers that have what the last calls returned.
const RESULTS: [X; 4] = [X::S1, X::S2, X::S3, X::S4];

const ARGUMENTS: [X; 6] = [X::A0, X::A1, X::A2, X::A3, X::A4, X::A5];

/// An executable of at most `most` calls with these numbers, and sometimes others. It ends with `exit_group`, if nothing ends it
/// before.
#[must_use]
pub fn calls(source: &mut Source<'_>, numbers: &[u64], most: usize) -> Vec<u8> {
    let mut asm = Assembler::new();
    let count = 1 + source.below(most);
    for at in 0..count {
        for to in ARGUMENTS {
            match source.below(4) {
                0 => copy(&mut asm, to, source.pick(&RESULTS)),
                1 => asm.li(to, DATA + FIELD * source.below(PATHS.len()) as u64),
                2 => asm.li(to, source.pick(&VALUES)),
                _ => asm.li(to, operand(source)),
            }
        }
        let number = if source.chance(95) { source.pick(numbers) } else { source.below(600) as u64 };
        asm.li(X::A7, number);
        asm.inst(Inst::Ecall(format::Bare {}));
        copy(&mut asm, RESULTS[at % RESULTS.len()], X::A0);
    }
    asm.li(X::A7, 94);
    asm.inst(Inst::Ecall(format::Bare {}));
    let text = Phdr::load(PF_R | PF_X, TEXT, &asm.finish());
    Elf::exec(TEXT).segment(text).segment(Phdr::load(PF_R | PF_W, DATA, &data(source))).build()
}

fn operand(source: &mut Source<'_>) -> u64 {
    match source.below(4) {
        0 => source.below(64) as u64,
        1 => DATA + source.below(DATA_SIZE as usize) as u64,
        2 => 1 << source.below(64),
        _ => source.bits(),
    }
}

fn copy(asm: &mut Assembler, rd: X, rs1: X) {
    asm.inst(Inst::Addi(format::I { rd, rs1, imm: 0 }));
}

fn data(source: &mut Source<'_>) -> Vec<u8> {
    let mut data: Vec<u8> = Vec::with_capacity(DATA_SIZE as usize);
    for (at, path) in PATHS.iter().enumerate() {
        data.extend_from_slice(path.as_bytes());
        data.resize((at + 1) * FIELD as usize, 0);
    }
    for _ in 0..64 {
        let word = if source.chance(50) { source.pick(&VALUES) } else { operand(source) };
        data.extend_from_slice(&word.to_le_bytes());
    }
    data.resize(DATA_SIZE as usize, 0);
    data
}
