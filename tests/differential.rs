//! Every instruction against QEMU: the same executable runs on both, and everything is compared.
//!
//! `docs/testing.md` says what is covered. `CAUSALITY_FULL=1` runs the full count.

use std::collections::BTreeMap;

use causality_interp::Interpreter;
use causality_machine::isa::reg::X;
use causality_machine::isa::{Extension, Opcode};
use causality_testkit::program::Program;
use causality_testkit::qemu::{Qemu, knows};
use causality_testkit::sweep::{Effort, Sweep};
use causality_testkit::{Batch, vm};

/// Programs in one executable.
const BATCH: usize = 4000;

/// Runs programs on both sides and fails on any difference, showing the first few.
fn compare(name: &str, qemu: &Qemu, anchor: X, programs: Vec<Program>) {
    let mut programs = programs.into_iter().peekable();
    let (mut run, mut differences) = (0, Vec::new());
    while programs.peek().is_some() {
        let batch = Batch::of(anchor, programs.by_ref().take(BATCH).collect());
        let oracle = qemu.run(&batch).expect("QEMU runs the batch");
        let ours = vm::run(&batch, &mut Interpreter::new());
        assert_eq!(oracle.len(), ours.len());
        let addresses = batch.addresses();
        for (i, (oracle, ours)) in oracle.iter().zip(&ours).enumerate() {
            if !oracle.agrees(ours) {
                let listing = batch.programs[i].listing(addresses[i]);
                let start = match differences.len() {
                    0 => format!("{:?}", batch.programs[i].start),
                    _ => String::new(),
                };
                differences.push(format!("{listing}{start}{}", oracle.difference(ours)));
            }
        }
        run += ours.len();
    }
    let shown: String = differences.iter().take(5).map(|d| format!("{d}\n")).collect();
    assert!(differences.is_empty(), "{name}: {} of {run} programs differ:\n{shown}", differences.len());
    println!("{name}: {run} programs");
}

fn report(counts: &BTreeMap<Extension, usize>) {
    for (extension, count) in counts {
        println!("{extension:?}: {count}");
    }
}

#[test]
fn every_opcode_agrees_with_qemu_on_corner_operands() {
    let Some(qemu) = Qemu::find() else { return };
    let mut sweep = Sweep::new(X::T6, Effort::from_env());
    for &opcode in Opcode::ALL.iter().filter(|opcode| knows(opcode.extension())) {
        sweep.opcode(opcode);
    }
    let (programs, counts) = sweep.finish();
    report(&counts);
    compare("corners", &qemu, X::T6, programs);
}
