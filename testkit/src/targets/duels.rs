//! Whole programs: native code of every kind against the interpreter.

use causality_interp::Interpreter;
use causality_jit::Tunables;
use causality_vm::Native;

use crate::duel::Duel;
use crate::{Program, Shape, Source, generate};

/// More than most programs take.
const FUEL: u64 = 20_000;

/// Any program, fuel and slices of it. The first byte decides whether the rest is the code itself or the choices of the
/// program generator.
///
/// # Panics
/// If native code does not do what the interpreter does.
pub fn native(data: &[u8]) {
    let Some((&kind, rest)) = data.split_first() else { return };
    let mut duel = Duel::generate(&mut Source::Bytes(if kind % 2 == 0 { rest } else { &[] }), FUEL);
    if kind % 2 == 1 {
        let start = generate(&mut Source::Seed(kind.into()), &Shape::wild(0)).start;
        duel.program = Program { start, code: rest[..rest.len() & !1].to_vec(), tested: 0 };
        duel.fuel = FUEL;
        let offset = |n: u64| (n.wrapping_mul(0x9e37_79b9) % (rest.len().max(2) as u64)) & !1;
        duel.breakpoints = (0..u64::from(kind >> 1) % 4).map(|n| crate::program::CODE + offset(n)).collect();
    }
    fight(&duel);
}

/// Any program that uses resource registers, or misuses them.
///
/// # Panics
/// If native code does not do what the interpreter does.
pub fn registers(data: &[u8]) {
    fight(&Duel::of(Shape::registers, &mut Source::Bytes(data), FUEL));
}

/// With native code of every kind.
///
/// # Panics
/// If there is a difference.
pub(super) fn fight(duel: &Duel) {
    for tunables in Tunables::of_all_kinds() {
        if let Err(difference) = duel.fight(&mut Interpreter::new(), &mut Native::new(tunables.clone())) {
            panic!("{tunables:?}: {difference}");
        }
    }
}
