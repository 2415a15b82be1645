//! One instruction with any operands.

use causality_isa::reg::X;
use causality_isa::{Inst, Opcode, decode};

use super::duels::fight;
use crate::corners::{self, Format, INTEGERS};
use crate::duel::Duel;
use crate::operands::{self, Class, RD, RM, RS1, RS2};
use crate::program::WINDOW;
use crate::vm::wild::EDGES;
use crate::{Program, Source};

/// Does the same in the interpreter and in native code of every kind, with everything compared.
///
/// # Panics
/// If there is a difference.
pub fn instruction(data: &[u8]) {
    let mut source = Source::Bytes(data);
    fight(&duel(&mut source));
}

/// One instruction, a few times in a row, from any state; operands are known to a translator in half of them.
#[must_use]
pub fn duel(source: &mut Source<'_>) -> Duel {
    let (code, opcode) = code(source);
    let mut program = Program { code: code.repeat(1 + source.below(3)), ..Program::default() };
    fill(source, &mut program);
    if let Some(opcode) = opcode {
        place(source, opcode, &mut program);
    }
    if source.chance(50) {
        program = program.with_constants(X::GP);
    }
    let fuel = source.pick(&[1 << 20, 1 << 20, 1 << 20, 0, 1, 2, 3]);
    let slice = source.pick(&[u64::MAX, u64::MAX, 1, 2]);
    Duel { program, fuel, slice, steps: source.chance(50), breakpoints: Vec::new() }
}

/// The bytes of an instruction, compressed in some cases, and what it is.
fn code(source: &mut Source<'_>) -> (Vec<u8>, Option<Opcode>) {
    if source.chance(15) {
        let half = source.bits() as u16;
        let half = if half & 3 == 3 { half ^ 1 } else { half };
        return (half.to_le_bytes().into(), decode(half.into()).map(|decoded| decoded.inst.opcode()));
    }
    let opcode = source.pick(Opcode::ALL);
    let mut bits = source.bits() as u32;
    match source.below(6) {
        0 => bits = copied(bits, RS1, RD),
        1 => bits = copied(bits, RS1, RS2),
        2 => bits |= 7 << RM,
        _ => {}
    }
    let word = opcode.fill(bits);
    (word.to_le_bytes().into(), Inst::decode32(word).map(|inst| inst.opcode()))
}

/// One register field into another.
fn copied(bits: u32, from: u32, to: u32) -> u32 {
    bits & !(31 << to) | (bits >> from & 31) << to
}

/// Gives all registers, `fcsr` and the window contents.
fn fill(source: &mut Source<'_>, program: &mut Program) {
    let start = &mut program.start;
    let floats = [Format::H, Format::S, Format::D].map(corners::floats);
    for x in &mut start.x[1..] {
        *x = if source.chance(70) { source.pick(INTEGERS) } else { source.bits() };
    }
    for f in &mut start.f {
        let format = source.below(4);
        *f = match floats.get(format) {
            Some(values) => source.pick(values),
            None => source.bits(),
        };
    }
    start.fcsr = u64::from(source.byte());
    start.window.fill_with(|| source.byte());
}

/// For what accesses memory: an address where there is some, or where some ends.
fn place(source: &mut Source<'_>, opcode: Opcode, program: &mut Program) {
    let is_access = matches!(
        operands::class(opcode),
        Class::Load(_) | Class::Store(_) | Class::Atomic(_) | Class::Block | Class::Jalr
    );
    if !is_access || program.code.len() < 4 {
        return;
    }
    let word = u32::from_le_bytes(std::array::from_fn(|at| program.code[at]));
    let rs1 = (word >> RS1 & 31) as usize;
    let imm = match operands::class(opcode) {
        Class::Load(_) | Class::Jalr => i64::from(word as i32 >> 20),
        Class::Store(_) => i64::from(word as i32 >> 25) << 5 | i64::from(word >> RD & 31),
        _ => 0,
    };
    let base = if source.chance(60) { WINDOW + source.below(256) as u64 } else { source.pick(EDGES) };
    let near = base.wrapping_add_signed(i64::from(source.byte() as i8) / 8);
    if rs1 != 0 {
        program.start.x[rs1] = near.wrapping_sub(imm as u64);
    }
}
