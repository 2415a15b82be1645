//! Two executors on the same programs, which must leave the same behind.

use causality_isa::reg::X;
use causality_machine::Executor;

use crate::digest::digest;
use crate::program::{CODE, Program};
use crate::vm::{self, End};
use crate::{Batch, Record};

/// More than any program of a test needs that ends by itself.
const FUEL: u64 = 1 << 40;

/// Differences that a failure shows.
const SHOWN: usize = 3;

/// Runs programs in batches of `size` on the two executors that `pair` makes for each. `after` is shown the second one.
///
/// # Panics
/// If any record differs.
pub fn in_batches<A: Executor, B: Executor>(
    name: &str,
    programs: &[Program],
    size: usize,
    pair: impl Fn() -> (A, B),
    mut after: impl FnMut(&B),
) {
    let mut differences = Vec::new();
    for chunk in programs.chunks(size) {
        let batch = Batch::of(X::T6, chunk.to_vec());
        let (mut reference, mut executor) = pair();
        let expected = vm::run(&batch, &mut reference);
        let records = vm::run(&batch, &mut executor);
        differences.extend(differences_of(&batch, &expected, &records));
        after(&executor);
    }
    let shown: String = differences.iter().take(SHOWN).map(|d| format!("{d}\n")).collect();
    assert!(differences.is_empty(), "{name}: {} of {} differ:\n{shown}", differences.len(), programs.len());
}

fn differences_of(batch: &Batch, expected: &[Record], records: &[Record]) -> Vec<String> {
    assert_eq!(records.len(), expected.len());
    let addresses = batch.addresses();
    let pairs = expected.iter().zip(records).enumerate();
    let differing = pairs.filter(|(_, (expected, record))| expected != record);
    let describe = |(i, (expected, record)): (usize, (&Record, &Record))| {
        let program: &Program = &batch.programs[i];
        format!("{}{:?}{}", program.listing(addresses[i]), program.start, expected.difference(record))
    };
    differing.map(describe).collect()
}

/// Runs a program alone on both executors.
///
/// # Panics
/// If anything differs, fuel and reservation included.
pub fn alone(program: &Program, reference: &mut dyn Executor, executor: &mut dyn Executor) {
    let (expected, theirs) = end_of(program, reference);
    let (digest, state) = end_of(program, executor);
    assert!(expected == digest, "{}expected {theirs}\nnot {state}", program.listing(CODE));
}

/// A digest of everything, and what to show of it.
fn end_of(program: &Program, executor: &mut dyn Executor) -> (String, String) {
    let mut machine = vm::machine(program);
    machine.hart.add_fuel(FUEL);
    let exit = machine.run(executor, &mut End).expect("the machine can run");
    let digest = digest(&exit, &machine);
    (digest.to_string(), format!("{exit:?} after {}\n{:x?}", machine.hart.instret(), machine.hart))
}
