//! Every instruction against QEMU: the same executable runs there and on each executor, and everything is compared.
//!
//! `docs/testing.md` says what is covered. `CAUSALITY_FULL=corners` tries all corner operands, and
//! `CAUSALITY_FULL=1` runs the full count of everything.

use std::collections::BTreeMap;

use causality_interp::Interpreter;
use causality_jit::{NativeTier, Tunables};
use causality_machine::Machine;
use causality_machine::isa::reg::X;
use causality_machine::isa::{CInst, Extension, Inst, Opcode, decode};
use causality_testkit::batch::ANCHORS;
use causality_testkit::digest::digest;
use causality_testkit::operands::{Class, Operands, class};
use causality_testkit::program::Program;
use causality_testkit::qemu::{Qemu, knows};
use causality_testkit::sweep::{Effort, Sweep, value_cases};
use causality_testkit::{Batch, Record, Shape, Source, generate, model, vm};
use causality_vm::{InstructionReport, Native};

/// Programs in one executable.
const BATCH: usize = 4000;

/// What the executors did with a batch.
struct Ours {
    /// The same on all of them.
    records: Vec<Record>,
    /// Who retired what, where native code was to run.
    instructions: InstructionReport,
}

/// Runs a batch on all executors. Records, and the machine as the last program left it, must be the same on all.
fn ours(batch: &Batch) -> Ours {
    let (records, machine) = vm::run_to_end(batch, &mut Interpreter::new());
    let [_, instructions] =
        [NativeTier::Baseline, NativeTier::Cranelift].map(|tier| natively(batch, tier, &records, &machine));
    Ours { records, instructions }
}

/// Runs a batch in a native tier: records and machine must be those of the interpreter. Who retired what.
fn natively(batch: &Batch, tier: NativeTier, records: &[Record], machine: &Machine) -> InstructionReport {
    let mut native = Native::new(Tunables { tier, ..Tunables::default() });
    let (native_records, native_machine) = vm::run_to_end(batch, &mut native);
    let addresses = batch.addresses();
    for (i, (expected, record)) in records.iter().zip(&native_records).enumerate() {
        let program = &batch.programs[i];
        let listing = || program.listing(addresses[i]);
        assert!(
            expected == record,
            "{}{:?}interpreted, not {tier:?}:\n{}",
            listing(),
            program.start,
            expected.difference(record)
        );
    }
    assert_eq!(digest(&(), machine), digest(&(), &native_machine), "fuel, hart or memory at the end differ");
    native.instructions()
}

/// Who retired how many instructions, and what part of them was native code.
#[derive(Default)]
struct Share(InstructionReport);

impl Share {
    fn add(&mut self, instructions: InstructionReport) {
        self.0 += instructions;
    }

    fn percent(&self) -> f64 {
        100.0 * self.0.native() as f64 / self.0.all().max(1) as f64
    }
}

/// Runs programs on both sides and fails on any difference, showing the first few. Returns how much ran natively.
fn compare(name: &str, qemu: &Qemu, anchor: X, programs: Vec<Program>) -> Share {
    let twins = programs.clone();
    compare_twins(name, qemu, anchor, programs, twins)
}

/// The same where the oracle is given other programs, which are to do the same.
fn compare_twins(name: &str, qemu: &Qemu, anchor: X, programs: Vec<Program>, oracles: Vec<Program>) -> Share {
    assert_eq!(programs.len(), oracles.len());
    let tested: usize = programs.iter().map(|program| program.tested).sum();
    let count = programs.len();
    let (mut differences, mut traps, mut share) = (Vec::new(), 0, Share::default());
    for (ours_chunk, oracle_chunk) in programs.chunks(BATCH).zip(oracles.chunks(BATCH)) {
        let batch = Batch::of(anchor, ours_chunk.to_vec());
        let oracle = qemu.run(&Batch::of(anchor, oracle_chunk.to_vec())).expect("QEMU runs the batch");
        let addresses = batch.addresses();
        let ours = ours(&batch);
        share.add(ours.instructions);
        for (i, (oracle, ours)) in oracle.iter().zip(ours.records).enumerate() {
            traps += usize::from(ours.signal != 0);
            if !oracle.agrees(&ours) {
                let program = &batch.programs[i];
                let listing = program.listing(addresses[i]);
                let start = match differences.len() {
                    0 => format!("{:?}", program.start),
                    _ => String::new(),
                };
                differences.push(format!("{listing}{start}{}", oracle.difference(&ours)));
            }
        }
    }
    let shown: String = differences.iter().take(5).map(|d| format!("{d}\n")).collect();
    assert!(differences.is_empty(), "{name}: {} of {count} programs differ:\n{shown}", differences.len());
    println!(
        "{name}: {count} programs, {traps} traps, {tested} instructions tested, {:.1} % native, no difference",
        share.percent()
    );
    share
}

fn report(counts: &BTreeMap<Extension, usize>) {
    let counts: Vec<String> =
        counts.iter().map(|(extension, count)| format!("{} {count}", extension.name())).collect();
    println!("{}", counts.join(", "));
}

#[test]
fn every_opcode_agrees_with_qemu_on_corner_operands() {
    let Some(qemu) = Qemu::find() else { return };
    let mut sweep = Sweep::new(X::T6, Effort::of_corners());
    for &opcode in Opcode::ALL.iter().filter(|opcode| knows(opcode.extension())) {
        sweep.opcode(opcode);
    }
    let (programs, counts) = sweep.finish();
    report(&counts);
    let share = compare("corner operands", &qemu, X::T6, programs);
    assert!(share.percent() > 40.0, "{} % native", share.percent());
}

/// Operands that are known when an instruction is translated take other ways than those that come out of memory.
#[test]
fn known_operands_make_no_difference() {
    for (floats, every) in [(false, 1), (true, Effort::of_corners().choose(16, 8))] {
        let mut sweep = Sweep::new(X::T6, Effort::of_corners());
        let wanted = |opcode: &&Opcode| floats == matches!(opcode.extension(), Extension::F | Extension::D);
        Opcode::ALL.iter().filter(wanted).for_each(|&opcode| sweep.opcode(opcode));
        let programs: Vec<Program> =
            sweep.finish().0.iter().step_by(every).map(|program| program.with_constants(X::T6)).collect();
        let mut share = Share::default();
        for chunk in programs.chunks(BATCH) {
            share.add(ours(&Batch::of(X::T6, chunk.to_vec())).instructions);
        }
        let tested: usize = programs.iter().map(|program| program.tested).sum();
        println!(
            "known operands: {} programs, {tested} instructions tested, {:.1} % native",
            programs.len(),
            share.percent()
        );
    }
}

/// Executors may have one way for a single instruction and another for many.
#[test]
fn single_steps_agree_with_runs_on_corner_operands() {
    let mut sweep = Sweep::new(X::T6, Effort::of_corners());
    Opcode::ALL.iter().for_each(|&opcode| sweep.opcode(opcode));
    let programs = sweep.finish().0;
    for chunk in programs.chunks(BATCH) {
        let batch = Batch::of(X::T6, chunk.to_vec());
        let stepped = vm::run(&batch, &mut vm::Stepping(Interpreter::new()));
        let run = vm::run(&batch, &mut Interpreter::new());
        let addresses = batch.addresses();
        for (i, (stepped, run)) in stepped.iter().zip(run).enumerate() {
            let listing = || batch.programs[i].listing(addresses[i]);
            assert!(*stepped == run, "{}{}", listing(), stepped.difference(&run));
        }
    }
    println!("single steps: {} programs", programs.len());
}

/// With two anchors, because programs leave the anchor's instructions out.
#[test]
fn every_compressed_instruction_agrees_with_qemu() {
    let Some(qemu) = Qemu::find() else { return };
    let step = Effort::of_corners().choose(3, 1);
    for anchor in [X::T6, X::S0] {
        let mut sweep = Sweep::new(anchor, Effort::of_corners());
        sweep.compressed(step, false, |c: CInst| knows(c.opcode().extension()));
        sweep.compressed_jumps(Effort::of_corners().choose(4, 1));
        let (programs, counts) = sweep.finish();
        report(&counts);
        compare("compressed", &qemu, anchor, programs);
    }
}

/// QEMU does not know Zcb, so it runs the instructions that Zcb's stand for.
#[test]
fn zcb_does_what_its_expansions_do_in_qemu() {
    let Some(qemu) = Qemu::find() else { return };
    for anchor in [X::T6, X::S0] {
        let programs = |expand| {
            let mut sweep = Sweep::new(anchor, Effort::Full);
            sweep.compressed(1, expand, |c: CInst| c.opcode().extension() == Extension::Zcb);
            sweep.finish().0
        };
        compare_twins("Zcb", &qemu, anchor, programs(false), programs(true));
    }
}

#[test]
fn the_same_csrs_exist_as_in_qemu() {
    let Some(qemu) = Qemu::find() else { return };
    let mut sweep = Sweep::new(X::T6, Effort::Full);
    sweep.all_csrs();
    compare("CSRs", &qemu, X::T6, sweep.finish().0);
}

/// Words that are one bit away from an instruction, and all halfwords: what we call illegal, QEMU does too.
#[test]
fn what_is_illegal_here_is_illegal_in_qemu() {
    let Some(qemu) = Qemu::find() else { return };
    let mut sweep = Sweep::new(X::T6, Effort::Full);
    let halves = (0..=0xffff_u32).filter(|half| half & 3 != 3 && decode(*half).is_none());
    halves.for_each(|half| sweep.solo(Extension::C, half));
    let mut free = Source::Seed(1);
    for &opcode in Opcode::ALL {
        for bit in (2..32).filter(|bit| opcode.pattern().mask >> bit & 1 != 0) {
            let word = opcode.fill(free.bits() as u32) ^ 1 << bit;
            if Inst::decode32(word).is_none() {
                sweep.solo(opcode.extension(), word);
            }
        }
    }
    compare("illegal", &qemu, X::T6, sweep.finish().0);
}

/// Applies every instruction that the model knows to corner operands.
#[test]
fn zfa_and_zicond_agree_with_the_manual_on_corner_operands() {
    for &opcode in Opcode::ALL.iter().filter(|&&opcode| model::knows(opcode)) {
        let operands = Operands::of(opcode);
        let mut sweep = Sweep::new(X::T6, Effort::Full);
        let mut expected = Vec::new();
        for values in value_cases(opcode, &operands, Effort::Full) {
            let rm = values.frm.map_or(values.rm, u32::from);
            if let Some(outcome) = model::expect(opcode, values.sources, values.immediate >> 15, rm) {
                expected.push((sweep.value(opcode, &operands, &values), values, outcome));
            }
        }
        let programs = sweep.finish().0;
        let records: Vec<Record> = programs
            .chunks(BATCH)
            .flat_map(|chunk| ours(&Batch::of(X::T6, chunk.to_vec())).records)
            .collect();
        for (placed, values, (value, flags)) in &expected {
            let record = &records[placed.program];
            let file =
                if operands.rd == causality_testkit::operands::Slot::F { &record.f } else { &record.x };
            let is_x0 = placed.rd == 0 && operands.rd == causality_testkit::operands::Slot::X;
            let ours = (file[placed.rd], placed.flags.map_or(0, |x| record.x[x.index()]));
            let value = if is_x0 { 0 } else { *value };
            let raised = if operands.is_float() { flags | u64::from(values.flags) } else { 0 };
            assert_eq!(ours, (value, raised), "{opcode} {values:x?}: ours left, expected right");
        }
        println!("{opcode}: {} as expected", expected.len());
    }
}

/// A new row of the table is covered by the tests above, or this fails.
#[test]
fn every_row_has_an_oracle_or_a_model_or_a_test_of_its_own() {
    let tested_alone = ["cbo.inval", "cbo.clean", "cbo.flush", "cbo.zero"];
    // `tests/registers.rs` is about resource registers.
    let is_alone = |o: Opcode| tested_alone.contains(&o.mnemonic()) || class(o) == Class::Register;
    let covered = |o: Opcode| knows(o.extension()) || model::knows(o) || is_alone(o);
    let uncovered: Vec<_> = Opcode::ALL.iter().filter(|&&opcode| !covered(opcode)).collect();
    assert!(uncovered.is_empty(), "{uncovered:?}");
    let mut sweep = Sweep::new(X::T6, Effort::Quick);
    for &opcode in Opcode::ALL.iter().filter(|opcode| knows(opcode.extension())) {
        let before = sweep.len();
        sweep.opcode(opcode);
        assert!(sweep.len() > before, "{opcode} is in no program");
    }
}

/// Opcodes for random programs that QEMU judges rightly on any operands.
fn judged(mut shape: Shape) -> Shape {
    shape.opcodes.retain(|&opcode| opcode != Opcode::Ctzw && class(opcode) != Class::Block);
    shape
}

fn random(name: &str, programs: usize, seed: u64, shape: impl Fn(X) -> Shape) {
    let Some(qemu) = Qemu::find() else { return };
    for (turn, anchor) in ANCHORS.into_iter().enumerate() {
        let shape = judged(shape(anchor));
        let first = seed + (turn * programs) as u64;
        let seeds = first..first + (programs / ANCHORS.len()) as u64;
        let programs = seeds.map(|seed| generate(&mut Source::Seed(seed), &shape)).collect();
        let share = compare(&format!("{name}, anchor {anchor}"), &qemu, anchor, programs);
        assert!(share.percent() > 55.0, "{} % native", share.percent());
    }
}

#[test]
fn random_straight_lines_agree_with_qemu() {
    let programs = Effort::from_env().choose(900, 18_000);
    random("straight lines", programs, 1, |anchor| Shape::straight(anchor, 60, knows));
}

#[test]
fn random_structured_programs_agree_with_qemu() {
    let programs = Effort::from_env().choose(900, 12_000);
    random("structured", programs, 1 << 32, |anchor| Shape::structured(anchor, 60, knows));
}
