//! Whole programs in the interpreter.

use causality_interp::Interpreter;

use crate::property::fuel_does_not_show;
use crate::{Program, Shape, Source, generate};

/// More than most programs take.
const FUEL: u64 = 20_000;

/// Any program runs without a panic, and how its fuel is given does not show. The first byte decides whether the rest is the
/// code itself or the choices of the program generator.
///
/// # Panics
/// If not.
pub fn exec(data: &[u8]) {
    let Some((&kind, rest)) = data.split_first() else { return };
    let program = if kind % 2 == 0 {
        generate(&mut Source::Bytes(rest), &Shape::own(40))
    } else {
        let start = generate(&mut Source::Seed(kind.into()), &Shape::own(0)).start;
        Program { start, code: rest[..rest.len() & !1].to_vec(), tested: 0 }
    };
    fuel_does_not_show(&program, FUEL, &mut Source::Seed(kind.into()), || Box::new(Interpreter::new()));
}
