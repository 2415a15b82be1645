//! What must hold for any input at all; fuzz targets call these.

use causality_isa::disasm::Style;
use causality_isa::{Inst, Opcode, decode};
use causality_machine::{Executor, Exit, Machine};

use crate::digest::digest;
use crate::program::Program;
use crate::source::Source;
use crate::vm::{self, End};

/// A word that decodes encodes to itself, its expansion survives a round trip, and every style prints it.
///
/// # Panics
/// If not.
pub fn decoding_loses_nothing(word: u32) {
    let Some(decoded) = decode(word) else { return };
    let mask = if decoded.len() == 2 { 0xffff } else { u32::MAX };
    assert_eq!(decoded.encode(), word & mask);
    assert!(decoded.inst.is_encodable(), "{decoded}");
    assert_eq!(Inst::decode32(decoded.inst.encode()), Some(decoded.inst), "{decoded}");
    for pseudo in [false, true] {
        for pc in [None, Some(0), Some(u64::MAX - 1)] {
            let style = Style { pseudo, pc };
            assert!(!decoded.display(style).to_string().is_empty());
            assert!(!decoded.inst.display(style).to_string().is_empty());
        }
    }
}

/// A word of one of the rows, with these bits where it has operands. Not all of them are an instruction.
#[must_use]
pub fn operands_of(row: u8, bits: u32) -> u32 {
    Opcode::ALL[usize::from(row) * Opcode::ALL.len() / 256].fill(bits)
}

/// A program is in the same state after `fuel` instructions, or at its end, however the fuel is given.
///
/// # Panics
/// If not.
pub fn fuel_does_not_show(
    program: &Program,
    fuel: u64,
    slices: &mut Source<'_>,
    mut executor: impl FnMut() -> Box<dyn Executor>,
) {
    let mut whole = vm::machine(program);
    whole.hart.add_fuel(fuel);
    let whole_exit = run(&mut whole, &mut *executor());

    let mut sliced = vm::machine(program);
    let mut kept = executor();
    let sliced_exit = loop {
        let left = fuel - sliced.hart.granted;
        sliced.hart.add_fuel(left.min(1 + slices.below(100) as u64));
        let exit = run(&mut sliced, &mut *kept);
        if exit != Exit::OutOfFuel || sliced.hart.granted == fuel {
            let granted = sliced.hart.granted;
            sliced.hart.add_fuel(fuel - granted);
            break exit;
        }
    };
    let (a, b) = (digest(&whole_exit, &whole), digest(&sliced_exit, &sliced));
    assert_eq!(a, b, "{whole_exit:?} {sliced_exit:?}\n{}", program.listing(crate::program::CODE));
}

fn run(machine: &mut Machine, executor: &mut dyn Executor) -> Exit {
    machine.run(executor, &mut End).expect("a machine that was not stopped can run")
}
