//! Any program that uses resource registers, or misuses them: native code does what the interpreter does.

#![no_main]

use causality_interp::Interpreter;
use causality_jit::Tunables;
use causality_testkit::duel::Duel;
use causality_testkit::{Shape, Source};
use causality_vm::Native;
use libfuzzer_sys::fuzz_target;

fuzz_target!(|data: &[u8]| {
    let duel = Duel::of(Shape::registers, &mut Source::Bytes(data), 20_000);
    for tunables in Tunables::of_all_kinds() {
        if let Err(difference) = duel.fight(&mut Interpreter::new(), &mut Native::new(tunables.clone())) {
            panic!("{tunables:?}: {difference}");
        }
    }
});
