//! Any program, fuel and slices of it: native code does what the interpreter does.
//!
//! The first byte decides whether the rest is the code itself or the choices of the program generator.

#![no_main]

use causality_interp::Interpreter;
use causality_jit::Tunables;
use causality_testkit::duel::Duel;
use causality_testkit::{Program, Shape, Source, generate};
use causality_vm::Native;
use libfuzzer_sys::fuzz_target;

fuzz_target!(|data: &[u8]| {
    let Some((&kind, rest)) = data.split_first() else { return };
    let mut duel = Duel::generate(&mut Source::Bytes(if kind % 2 == 0 { rest } else { &[] }), 20_000);
    if kind % 2 == 1 {
        let start = generate(&mut Source::Seed(kind.into()), &Shape::wild(0)).start;
        duel.program = Program { start, code: rest[..rest.len() & !1].to_vec(), tested: 0 };
        duel.fuel = 20_000;
    }
    for tunables in Tunables::of_all_kinds() {
        if let Err(difference) = duel.fight(&mut Interpreter::new(), &mut Native::new(tunables.clone())) {
            panic!("{tunables:?}: {difference}");
        }
    }
});
