//! Every integer instruction in native code against the interpreter, on corner operands.

use std::collections::BTreeMap;

use causality_interp::Interpreter;
use causality_jit::{NativeTier, Tunables};
use causality_machine::isa::format::{self, Amo, Cbo, Csr, CsrImm, Lr};
use causality_machine::isa::reg::X;
use causality_machine::isa::{Extension, Inst, Opcode, csr};
use causality_testkit::operands::{Class, class};
use causality_testkit::program::{CODE, DATA, DATA_END, Program, WINDOW};
use causality_testkit::sweep::{Effort, Sweep};
use causality_testkit::{Assembler, Shape, Source, State, agree, generate};
use causality_vm::{InstructionReport, Native};

/// Programs that share a machine.
const BATCH: usize = 2000;

fn is_integer(extension: Extension) -> bool {
    use Extension::{D, F, Zfa, Zfhmin};
    !matches!(extension, F | D | Zfa | Zfhmin)
}

/// Runs programs in both ways and fails on any difference.
fn compare(name: &str, programs: &[Program]) {
    for tier in [NativeTier::Baseline, NativeTier::Cranelift] {
        compare_in(tier, name, programs);
    }
}

fn compare_in(tier: NativeTier, name: &str, programs: &[Program]) {
    let name = &format!("{tier:?}, {name}");
    let mut total = InstructionReport::default();
    let pair = || (Interpreter::new(), Native::new(Tunables { tier, ..Tunables::default() }));
    agree::in_batches(name, programs, BATCH, pair, |native| total = sum(total, native.instructions()));
    println!("{name}: {} programs, with the harness {total:?}", programs.len());
}

/// Native code is not entered in a rounding mode that the host lacks.
fn round_to_nearest(program: &mut Program) {
    program.start.fcsr &= 0x1f;
}

fn sweep(opcodes: impl Iterator<Item = Opcode>) -> Vec<Program> {
    let mut sweep = Sweep::new(X::T6, Effort::of_corners());
    opcodes.for_each(|opcode| sweep.opcode(opcode));
    let mut programs = sweep.finish().0;
    programs.iter_mut().for_each(round_to_nearest);
    programs
}

#[test]
fn every_integer_opcode_agrees_with_the_interpreter_on_corner_operands() {
    let mut by_extension: BTreeMap<Extension, Vec<Opcode>> = BTreeMap::new();
    let is_swept = |&&opcode: &&Opcode| {
        is_integer(opcode.extension()) && !matches!(class(opcode), Class::Block | Class::Register)
    };
    for &opcode in Opcode::ALL.iter().filter(is_swept) {
        by_extension.entry(opcode.extension()).or_default().push(opcode);
    }
    for (extension, opcodes) in by_extension {
        let programs = sweep(opcodes.into_iter());
        compare(extension.name(), &programs);
        let alone = programs.iter().step_by(programs.len().div_ceil(200).max(1)).map(compare_end);
        let report = alone.fold(InstructionReport::default(), sum);
        println!("{}: alone {report:?}", extension.name());
        // Those that write CSRs are the host's; of the others, what traps, and the end.
        if !matches!(extension, Extension::Zicsr | Extension::Zifencei) {
            assert!(report.native() > 9 * report.interpreted, "{extension:?}: {report:?}");
        }
    }
}

fn sum(mut a: InstructionReport, b: InstructionReport) -> InstructionReport {
    a += b;
    a
}

/// Runs a program alone, both ways, and fails on any difference. Says who executed what.
fn compare_end(program: &Program) -> InstructionReport {
    let tunables = |tier, speculation_safe| Tunables { tier, speculation_safe, ..Tunables::default() };
    let all = [
        tunables(NativeTier::Baseline, true),
        tunables(NativeTier::Baseline, false),
        tunables(NativeTier::Cranelift, true),
        tunables(NativeTier::Cranelift, false),
    ];
    let [.., usual] = all.map(|tunables| {
        let mut native = Native::new(tunables);
        agree::alone(program, &mut Interpreter::new(), &mut native);
        native.instructions()
    });
    usual
}

/// A program that starts with the addresses of a readable and writable doubleword in `a0`, of one behind it in `a1`,
/// of code in `a2`, of nothing in `a3`, and an odd one in `a4`.
fn program(build: impl FnOnce(&mut Assembler)) -> Program {
    let mut asm = Assembler::new();
    build(&mut asm);
    let x = std::array::from_fn(|i| 0x0123_4567_89ab_cdef_u64.wrapping_mul(i as u64));
    let mut start = State { x, ..State::default() };
    for (x, value) in
        [(X::A0, WINDOW), (X::A1, WINDOW + 8), (X::A2, CODE), (X::A3, DATA_END), (X::A4, DATA + 1)]
    {
        start.x[x.index()] = value;
    }
    Program { start, code: asm.finish(), ..Program::default() }
}

fn lr(asm: &mut Assembler, double: bool, rd: X, rs1: X) {
    let ops = Lr { rd, rs1, aq: false, rl: false };
    asm.inst(if double { Inst::LrD(ops) } else { Inst::LrW(ops) });
}

fn sc(asm: &mut Assembler, double: bool, rd: X, rs1: X) {
    let ops = Amo { rd, rs1, rs2: X::T3, aq: false, rl: false };
    asm.inst(if double { Inst::ScD(ops) } else { Inst::ScW(ops) });
}

#[test]
fn reservations_of_other_sizes_and_after_traps_agree() {
    for places in 0..5 * 5 * 4 {
        let [first, second] = [places % 5, places / 5 % 5].map(|i| [X::A0, X::A1, X::A2, X::A3, X::A4][i]);
        let (one, other) = (places / 25 % 2 == 1, places / 50 % 2 == 1);
        compare_end(&program(|asm| {
            lr(asm, one, X::S2, first);
            sc(asm, other, X::S3, second);
            sc(asm, one, X::S4, first);
        }));
        compare_end(&program(|asm| {
            lr(asm, one, X::S2, first);
            asm.inst(Inst::Ld(format::Load { rd: X::S5, rs1: second, imm: 0 }));
            lr(asm, other, X::S6, second);
            asm.inst(Inst::Sd(format::S { rs1: second, rs2: X::S2, imm: 8 }));
            sc(asm, other, X::S3, first);
        }));
    }
}

#[test]
fn an_lr_over_its_own_address_reserves_it() {
    compare_end(&program(|asm| {
        asm.inst(Inst::Addi(format::I { rd: X::S2, rs1: X::A0, imm: 0 }));
        lr(asm, true, X::A0, X::A0);
        sc(asm, true, X::S2, X::S2);
    }));
}

/// Reads of `csr` in all four ways.
fn reads(asm: &mut Assembler, csr: u16, rd: [X; 4]) {
    asm.inst(Inst::Csrrs(Csr { rd: rd[0], rs1: X::ZERO, csr }));
    asm.inst(Inst::Csrrc(Csr { rd: rd[1], rs1: X::ZERO, csr }));
    asm.inst(Inst::Csrrsi(CsrImm { rd: rd[2], uimm: 0, csr }));
    asm.inst(Inst::Csrrci(CsrImm { rd: rd[3], uimm: 0, csr }));
}

#[test]
fn counters_are_exact_between_branches_stores_and_host_calls() {
    for number in [csr::CYCLE, csr::TIME, csr::INSTRET, csr::HPMCOUNTER3, csr::HPMCOUNTER31] {
        let report = compare_end(&program(|asm| {
            asm.li(X::S0, 100);
            let again = asm.here();
            let skip = asm.label();
            reads(asm, number, [X::S2, X::S3, X::S4, X::S5]);
            asm.inst(Inst::Sd(format::S { rs1: X::A0, rs2: X::S2, imm: 0 }));
            asm.inst(Inst::Andi(format::I { rd: X::S6, rs1: X::S0, imm: 5 }));
            asm.branch(Opcode::Bne, X::S6, X::ZERO, skip);
            asm.inst(Inst::Csrrs(Csr { rd: X::S6, rs1: X::ZERO, csr: number }));
            asm.inst(Inst::Add(format::R { rd: X::S7, rs1: X::S7, rs2: X::S6 }));
            asm.bind(skip);
            reads(asm, number, [X::S6, X::ZERO, X::S8, X::S9]);
            asm.inst(Inst::Csrrs(Csr { rd: X::S10, rs1: X::ZERO, csr: csr::FCSR }));
            asm.inst(Inst::Csrrs(Csr { rd: X::S11, rs1: X::ZERO, csr: number }));
            asm.inst(Inst::Add(format::R { rd: X::S7, rs1: X::S7, rs2: X::S11 }));
            asm.inst(Inst::Addi(format::I { rd: X::S0, rs1: X::S0, imm: -1 }));
            asm.branch(Opcode::Bne, X::S0, X::ZERO, again);
        }));
        assert!(report.interpreted < 120, "only fcsr and the end are the host's: {report:?}");
    }
}

#[test]
fn writes_to_counters_and_unknown_csrs_are_illegal() {
    for number in [csr::CYCLE, csr::TIME, csr::INSTRET, csr::HPMCOUNTER3, 0x300, 0xfff, 0] {
        for way in 0..8 {
            compare_end(&program(|asm| {
                let (rd, rs1, uimm, csr) = (X::S2, X::A0, 1, number);
                asm.inst(match way {
                    0 => Inst::Csrrw(Csr { rd, rs1: X::ZERO, csr }),
                    1 => Inst::Csrrs(Csr { rd, rs1, csr }),
                    2 => Inst::Csrrc(Csr { rd, rs1, csr }),
                    3 => Inst::Csrrwi(CsrImm { rd, uimm: 0, csr }),
                    4 => Inst::Csrrsi(CsrImm { rd, uimm, csr }),
                    5 => Inst::Csrrci(CsrImm { rd, uimm, csr }),
                    6 => Inst::Csrrs(Csr { rd, rs1: X::ZERO, csr }),
                    _ => Inst::Csrrci(CsrImm { rd, uimm: 0, csr }),
                });
            }));
        }
    }
}

#[test]
fn cache_blocks_fences_and_hints_agree() {
    for rs1 in [X::A0, X::A1, X::A2, X::A3, X::A4, X::T3] {
        for way in 0..7 {
            compare_end(&program(|asm| {
                asm.inst(Inst::Sd(format::S { rs1: X::A0, rs2: X::T3, imm: 64 }));
                asm.inst(match way {
                    0 => Inst::CboInval(Cbo { rs1 }),
                    1 => Inst::CboClean(Cbo { rs1 }),
                    2 => Inst::CboFlush(Cbo { rs1 }),
                    3 => Inst::CboZero(Cbo { rs1 }),
                    4 => Inst::PrefetchR(format::Prefetch { rs1, imm: 32 }),
                    5 => Inst::Pause(format::Bare {}),
                    _ => Inst::FenceI(format::FenceI { rd: X::ZERO, rs1: X::ZERO, imm: 0 }),
                });
                asm.inst(Inst::Ld(format::Load { rd: X::S2, rs1: X::A0, imm: 64 }));
            }));
        }
    }
}

#[test]
fn random_integer_programs_agree_with_fuel_and_counters() {
    let shape = Shape { counters: true, ..Shape::structured(X::T6, 60, is_integer) };
    let mut total = InstructionReport::default();
    for seed in 0..Effort::from_env().choose(300, 5000) as u64 {
        let mut program = generate(&mut Source::Seed(seed), &shape);
        round_to_nearest(&mut program);
        total = sum(total, compare_end(&program));
    }
    println!("{total:?}");
    assert!(total.native() > 9 * total.interpreted, "{total:?}");
}
