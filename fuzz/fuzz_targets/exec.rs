//! Any program: it runs without a panic, and how its fuel is given does not show.
//!
//! The first byte decides whether the rest is the code itself or the choices of the program generator.

#![no_main]

use causality_interp::Interpreter;
use causality_testkit::property::fuel_does_not_show;
use causality_testkit::{Program, Shape, Source, generate};
use libfuzzer_sys::fuzz_target;

fuzz_target!(|data: &[u8]| {
    let Some((&kind, rest)) = data.split_first() else { return };
    let program = if kind % 2 == 0 {
        generate(&mut Source::Bytes(rest), &Shape::own(40))
    } else {
        let start = generate(&mut Source::Seed(kind.into()), &Shape::own(0)).start;
        Program { start, code: rest[..rest.len() & !1].to_vec(), tested: 0 }
    };
    fuel_does_not_show(&program, 20_000, &mut Source::Seed(kind.into()), || Box::new(Interpreter::new()));
});
