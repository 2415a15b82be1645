//! Floating point in native code against the interpreter: values, flags and NaN bits.

use causality_interp::Interpreter;
use causality_jit::{NativeTier, Tunables};
use causality_machine::isa::format::{self, Csr, FR, Rm};
use causality_machine::isa::reg::{F, X};
use causality_machine::isa::{Extension, Inst, Opcode, csr};
use causality_testkit::program::{Program, WINDOW};
use causality_testkit::sweep::{Effort, Sweep};
use causality_testkit::{Assembler, Shape, Source, State, agree, generate};
use causality_vm::{InstructionReport, Native};

const BATCH: usize = 300;

fn is_float(extension: Extension) -> bool {
    use Extension::{D, F, Zfa, Zfhmin};
    matches!(extension, F | D | Zfa | Zfhmin)
}

/// The native tiers.
const TIERS: [NativeTier; 2] = [NativeTier::Baseline, NativeTier::Cranelift];

fn native(tier: NativeTier) -> Native {
    Native::new(Tunables { tier, ..Tunables::default() })
}

/// Runs programs both ways and fails on any difference.
fn compare(name: &str, programs: &[Program]) {
    for tier in TIERS {
        compare_in(tier, name, programs);
    }
}

fn compare_in(tier: NativeTier, name: &str, programs: &[Program]) {
    let name = &format!("{tier:?}, {name}");
    let mut total = InstructionReport::default();
    let pair = || (Interpreter::new(), native(tier));
    agree::in_batches(name, programs, BATCH, pair, |native| {
        total += native.instructions();
    });
    println!("{name}: {} programs, {total:?}", programs.len());
}

fn compare_corner_operands(extension: Extension) {
    let mut sweep = Sweep::new(X::T6, Effort::of_corners());
    for &opcode in Opcode::ALL.iter().filter(|opcode| opcode.extension() == extension) {
        sweep.opcode(opcode);
    }
    compare(extension.name(), &sweep.finish().0);
}

#[test]
fn every_single_opcode_agrees_with_the_interpreter_on_corner_operands() {
    compare_corner_operands(Extension::F);
}

#[test]
fn every_double_opcode_agrees_with_the_interpreter_on_corner_operands() {
    compare_corner_operands(Extension::D);
}

#[test]
fn every_other_float_opcode_agrees_with_the_interpreter_on_corner_operands() {
    compare_corner_operands(Extension::Zfa);
    compare_corner_operands(Extension::Zfhmin);
}

#[test]
fn random_float_programs_agree_with_the_interpreter() {
    let is_wanted =
        |extension| is_float(extension) || extension == Extension::I || extension == Extension::Zicsr;
    let mut programs = Vec::new();
    for seed in 0..1000 {
        let statements = 20 + seed as usize % 50;
        let shape = match seed % 2 {
            0 => Shape::structured(X::T6, statements, is_wanted),
            _ => Shape::straight(X::T6, statements, is_wanted),
        };
        programs.push(generate(&mut Source::Seed(seed), &shape));
    }
    compare("random", &programs);
}

fn compare_end(program: &Program) -> InstructionReport {
    let [_, report] = TIERS.map(|tier| {
        let mut native = native(tier);
        agree::alone(program, &mut Interpreter::new(), &mut native);
        native.instructions()
    });
    report
}

const F: [F; 32] = F::ALL;

/// Runs a program that starts with the address of data in `a0` and these floats.
fn check(floats: &[u64], build: impl FnOnce(&mut Assembler)) -> InstructionReport {
    let mut asm = Assembler::new();
    build(&mut asm);
    let mut start = State::default();
    start.x[X::A0.index()] = WINDOW;
    start.f[..floats.len()].copy_from_slice(floats);
    compare_end(&Program { start, code: asm.finish(), ..Program::default() })
}

fn d(value: f64) -> u64 {
    value.to_bits()
}

fn s(value: f32) -> u64 {
    0xffff_ffff_0000_0000 | u64::from(value.to_bits())
}

fn r(rd: usize, rs1: usize, rs2: usize) -> FR {
    FR { rd: F[rd], rs1: F[rs1], rs2: F[rs2], rm: Rm::Dyn }
}

fn r4(rd: usize, rs1: usize, rs2: usize, rs3: usize) -> format::FR4 {
    format::FR4 { rd: F[rd], rs1: F[rs1], rs2: F[rs2], rs3: F[rs3], rm: Rm::Dyn }
}

fn fsd(asm: &mut Assembler, value: usize, imm: i32) {
    asm.inst(Inst::Fsd(format::FStore { rs1: X::A0, rs2: F[value], imm }));
}

fn fld(asm: &mut Assembler, rd: usize, imm: i32) {
    asm.inst(Inst::Fld(format::FLoad { rd: F[rd], rs1: X::A0, imm }));
}

fn read_fcsr(asm: &mut Assembler, rd: X) {
    asm.inst(Inst::Csrrs(Csr { rd, rs1: X::ZERO, csr: csr::FCSR }));
}

fn write_fcsr(asm: &mut Assembler, rd: X, rs1: X) {
    asm.inst(Inst::Csrrw(Csr { rd, rs1, csr: csr::FCSR }));
}

/// Repeats `body` ten times, counting `s0` down.
fn repeat(asm: &mut Assembler, body: impl FnOnce(&mut Assembler)) {
    asm.li(X::S0, 10);
    let again = asm.here();
    body(asm);
    asm.inst(Inst::Addi(format::I { rd: X::S0, rs1: X::S0, imm: -1 }));
    asm.branch(Opcode::Bne, X::S0, X::ZERO, again);
}

#[test]
fn an_operation_whose_result_is_overwritten_keeps_its_flags() {
    check(&[d(1.0), d(3.0)], |asm| {
        asm.inst(Inst::FdivD(r(2, 0, 1)));
        asm.inst(Inst::FaddD(r(2, 0, 0)));
    });
    check(&[d(1.0), d(0.0)], |asm| {
        asm.inst(Inst::FdivD(r(2, 0, 1)));
        fld(asm, 2, 0);
        let end = asm.label();
        asm.branch(Opcode::Beq, X::A0, X::A0, end);
        asm.bind(end);
        asm.inst(Inst::FaddD(r(2, 0, 0)));
    });
}

/// One test for NaN is enough to know that there is something to do, but not to know what was computed.
#[test]
fn an_operation_whose_result_is_overwritten_keeps_its_flags_beside_a_nan() {
    check(&[d(f64::NAN), s(1.0), s(3.0)], |asm| {
        asm.inst(Inst::FaddD(r(3, 0, 0)));
        asm.inst(Inst::FdivS(r(4, 1, 2)));
        fld(asm, 4, 0);
        // A store, behind which both results have to be in their homes.
        asm.inst(Inst::Sd(format::S { rs1: X::A0, rs2: X::A0, imm: 8 }));
    });
}

#[test]
fn a_conversion_whose_result_is_unused_keeps_its_flags() {
    for value in [0.5, -0.5, 1e30, f64::NAN, -3e9, 4294967295.5, 4294967296.0, 1.8e19, 1.9e19, 9.3e18] {
        for rd in [X::ZERO, X::A1] {
            let ops = format::FToX { rd, rs1: F[0], rm: Rm::Rtz };
            for inst in [Inst::FcvtWD(ops), Inst::FcvtWuD(ops), Inst::FcvtLD(ops), Inst::FcvtLuD(ops)] {
                check(&[d(value)], |asm| {
                    asm.inst(inst);
                    asm.li(X::A1, 0);
                });
            }
            for inst in [Inst::FcvtWS(ops), Inst::FcvtWuS(ops), Inst::FcvtLS(ops), Inst::FcvtLuS(ops)] {
                check(&[s(value as f32)], |asm| {
                    asm.inst(inst);
                    asm.li(X::A1, 0);
                });
            }
        }
    }
    let ops = format::XToF { rd: F[0], rs1: X::A1, rm: Rm::Dyn };
    for value in [16_777_217_i64, i64::MAX, -1, i64::MIN + 1, 0] {
        for inst in [
            Inst::FcvtSW(ops),
            Inst::FcvtSWu(ops),
            Inst::FcvtSL(ops),
            Inst::FcvtSLu(ops),
            Inst::FcvtDL(ops),
            Inst::FcvtDLu(ops),
        ] {
            for fcsr in [0, 1, 2, 3] {
                check(&[], |asm| {
                    asm.li(X::A2, fcsr << 5);
                    write_fcsr(asm, X::ZERO, X::A2);
                    asm.li(X::A1, value as u64);
                    asm.inst(inst);
                    fsd(asm, 0, 0);
                    asm.inst(inst);
                    asm.inst(Inst::FaddD(r(0, 1, 1)));
                });
            }
        }
    }
}

#[test]
fn comparisons_that_are_unused_keep_their_flags() {
    let nans = [d(f64::NAN), 0x7ff0_0000_0000_0001, d(1.0)];
    for a in nans {
        let ops = format::FCompare { rd: X::ZERO, rs1: F[0], rs2: F[1] };
        for inst in [Inst::FeqD(ops), Inst::FltD(ops), Inst::FleD(ops), Inst::FltqD(ops)] {
            check(&[a, d(1.0)], |asm| asm.inst(inst));
        }
    }
}

#[test]
fn an_invariant_operation_that_a_loop_skips_raises_nothing() {
    check(&[d(1.0), d(3.0), d(0.0)], |asm| {
        repeat(asm, |asm| {
            let skip = asm.label();
            asm.branch(Opcode::Bne, X::S0, X::ZERO, skip);
            asm.inst(Inst::FdivD(r(3, 0, 1)));
            asm.inst(Inst::FdivD(r(4, 0, 2)));
            asm.bind(skip);
        });
    });
    // Not even when what is loaded in the loop is known before it.
    check(&[d(1.0), 0x7ff0_0000_0000_0001], |asm| {
        fsd(asm, 1, 0);
        fld(asm, 5, 0);
        repeat(asm, |asm| {
            let skip = asm.label();
            asm.branch(Opcode::Bne, X::S0, X::ZERO, skip);
            fld(asm, 6, 0);
            asm.inst(Inst::FltD(format::FCompare { rd: X::S1, rs1: F[6], rs2: F[0] }));
            asm.bind(skip);
        });
    });
}

#[test]
fn an_operation_used_on_one_way_only_raises_on_all() {
    check(&[d(1.0), d(3.0)], |asm| {
        asm.inst(Inst::FdivD(r(2, 0, 1)));
        let skip = asm.label();
        asm.branch(Opcode::Bne, X::A0, X::ZERO, skip);
        fsd(asm, 2, 0);
        asm.bind(skip);
        fld(asm, 2, 8);
    });
}

#[test]
fn constants_are_not_computed_with_by_the_translator() {
    let fli = |asm: &mut Assembler, rd: usize, imm| asm.inst(Inst::FliD(format::Fli { rd: F[rd], imm }));
    for mode in 0..4 {
        check(&[], |asm| {
            asm.li(X::A2, mode << 5);
            write_fcsr(asm, X::ZERO, X::A2);
            fli(asm, 0, 16);
            fli(asm, 1, 22);
            asm.inst(Inst::FdivD(r(2, 0, 1)));
            asm.inst(Inst::FsqrtD(format::FUnary { rd: F[3], rs1: F[1], rm: Rm::Dyn }));
            fsd(asm, 1, 0);
            fld(asm, 4, 0);
            asm.inst(Inst::FdivD(r(5, 4, 1)));
        });
    }
}

#[test]
fn equal_operations_around_changes_of_fcsr_are_done_twice() {
    for mode in 0..5 {
        check(&[d(1.0), d(3.0)], |asm| {
            asm.li(X::A1, 16_777_217);
            asm.inst(Inst::FcvtSL(format::XToF { rd: F[6], rs1: X::A1, rm: Rm::Dyn }));
            asm.inst(Inst::FdivD(r(2, 0, 1)));
            asm.li(X::A2, mode << 5);
            write_fcsr(asm, X::A3, X::A2);
            asm.inst(Inst::FdivD(r(3, 0, 1)));
            asm.inst(Inst::FcvtSL(format::XToF { rd: F[7], rs1: X::A1, rm: Rm::Dyn }));
            read_fcsr(asm, X::A4);
        });
    }
}

#[test]
fn payloads_of_nans_are_kept_by_moves_and_lost_by_arithmetic() {
    let payload = 0xfff8_dead_beef_0001;
    check(&[payload, d(1.0)], |asm| {
        fsd(asm, 0, 0);
        asm.inst(Inst::FsgnjD(format::FBinary { rd: F[2], rs1: F[0], rs2: F[0] }));
        asm.inst(Inst::FaddD(r(3, 0, 1)));
        asm.inst(Inst::FsgnjnD(format::FBinary { rd: F[4], rs1: F[3], rs2: F[3] }));
        asm.inst(Inst::FsgnjxD(format::FBinary { rd: F[5], rs1: F[1], rs2: F[3] }));
        fsd(asm, 3, 8);
        asm.inst(Inst::FmvXD(format::FMoveToX { rd: X::A1, rs1: F[3] }));
        asm.inst(Inst::FaddD(r(6, 3, 1)));
        asm.inst(Inst::FmulD(r(7, 6, 6)));
        asm.inst(Inst::FminD(format::FBinary { rd: F[8], rs1: F[6], rs2: F[1] }));
        asm.inst(Inst::FminD(format::FBinary { rd: F[9], rs1: F[6], rs2: F[7] }));
        asm.inst(Inst::FsgnjD(format::FBinary { rd: F[10], rs1: F[7], rs2: F[7] }));
    });
    check(&[d(f64::INFINITY), d(f64::NEG_INFINITY), d(0.0)], |asm| {
        asm.inst(Inst::FaddD(r(3, 0, 1)));
        asm.inst(Inst::FmulD(r(4, 0, 2)));
        repeat(asm, |asm| asm.inst(Inst::FaddD(r(3, 3, 4))));
    });
}

#[test]
fn fused_operations_agree_on_every_mix_of_special_operands() {
    let doubles = [0.0, -0.0, 1.0, f64::INFINITY, f64::NEG_INFINITY, f64::NAN, 1e-308, 1.7e308, 0.1];
    let mut doubles: Vec<u64> = doubles.map(d).to_vec();
    doubles.extend([0x7ff0_0000_0000_0001, 0xfff8_0000_0000_1234]);
    for &a in &doubles {
        for &b in &doubles {
            check(&[a, b, doubles[0], doubles[2], doubles[5], doubles[9], doubles[10]], |asm| {
                for c in 2..7 {
                    asm.inst(Inst::FmaddD(r4(8 + c, 0, 1, c)));
                    read_fcsr(asm, X::ALL[c + 8]);
                    write_fcsr(asm, X::ZERO, X::ZERO);
                }
                asm.inst(Inst::FnmaddD(r4(20, 0, 1, 3)));
                asm.inst(Inst::FmsubD(r4(21, 0, 1, 20)));
                asm.inst(Inst::FnmsubD(r4(20, 21, 1, 20)));
            });
        }
    }
}

#[test]
fn unboxed_singles_are_nan() {
    check(&[d(1.0), s(2.0), 0xffff_fffe_3f80_0000], |asm| {
        asm.inst(Inst::FaddS(r(3, 0, 1)));
        asm.inst(Inst::FaddS(r(4, 1, 1)));
        asm.inst(Inst::FsgnjS(format::FBinary { rd: F[5], rs1: F[2], rs2: F[2] }));
        asm.inst(Inst::FsgnjD(format::FBinary { rd: F[6], rs1: F[4], rs2: F[4] }));
        asm.inst(Inst::FaddD(r(7, 4, 0)));
        asm.inst(Inst::FaddS(r(8, 7, 7)));
        asm.inst(Inst::Fsw(format::FStore { rs1: X::A0, rs2: F[0], imm: 0 }));
        asm.inst(Inst::FclassS(format::FMoveToX { rd: X::A1, rs1: F[2] }));
    });
    // A NaN that looks boxed goes through double arithmetic and comes out canonical, which is not.
    check(&[s(2.0), d(1.0)], |asm| {
        asm.inst(Inst::FaddD(r(2, 0, 1)));
        asm.inst(Inst::FaddS(r(3, 2, 2)));
    });
}

#[test]
fn singles_and_doubles_meet_where_ways_meet() {
    for way in 0..2 {
        check(&[d(1.0), s(2.0), d(3.0), s(5.0)], |asm| {
            let (other, end) = (asm.label(), asm.label());
            asm.li(X::A1, way);
            asm.branch(Opcode::Bne, X::A1, X::ZERO, other);
            asm.inst(Inst::FaddD(r(0, 0, 2)));
            asm.inst(Inst::FaddS(r(4, 1, 1)));
            asm.branch(Opcode::Beq, X::ZERO, X::ZERO, end);
            asm.bind(other);
            asm.inst(Inst::FaddS(r(0, 1, 3)));
            asm.inst(Inst::FmulS(r(4, 1, 3)));
            asm.bind(end);
            asm.inst(Inst::FaddS(r(5, 0, 4)));
            asm.inst(Inst::FaddD(r(6, 0, 0)));
            repeat(asm, |asm| {
                asm.inst(Inst::FaddS(r(4, 4, 1)));
                asm.inst(Inst::FaddD(r(7, 4, 7)));
                asm.inst(Inst::FaddS(r(0, 4, 1)));
            });
        });
    }
}

/// Results whose bits nobody has seen yet are seen where control leaves.
#[test]
fn nan_is_canonical_where_a_later_instruction_traps() {
    let nan = 0xfff8_dead_beef_0001;
    for last in 1..6_usize {
        check(&[nan, d(1.0), d(2.0), d(f64::INFINITY)], |asm| {
            // A chain, each from the one before, and one from nothing open.
            for i in 0..last {
                let (rd, rs1) = (F[10 + i], if i == 0 { F[0] } else { F[9 + i] });
                asm.inst(Inst::FaddD(FR { rd, rs1, rs2: F[1], rm: Rm::Dyn }));
            }
            asm.inst(Inst::FmulD(FR { rd: F[30], rs1: F[3], rs2: F[31], rm: Rm::Dyn }));
            asm.inst(Inst::FsubS(FR { rd: F[20], rs1: F[10], rs2: F[2], rm: Rm::Dyn }));
            asm.inst(Inst::Ld(format::Load { rd: X::A1, rs1: X::ZERO, imm: 8 }));
        });
    }
}

/// The same where one of them is overwritten, and where fuel runs out instead.
#[test]
fn nan_is_canonical_behind_what_overwrites_a_result() {
    check(&[0x7ff0_0000_0000_0001, d(1.0)], |asm| {
        asm.inst(Inst::FaddD(FR { rd: F[10], rs1: F[0], rs2: F[1], rm: Rm::Dyn }));
        asm.inst(Inst::FmulD(FR { rd: F[11], rs1: F[10], rs2: F[1], rm: Rm::Dyn }));
        // What the product was computed from stays open when the product is gone.
        asm.inst(Inst::FaddD(FR { rd: F[11], rs1: F[1], rs2: F[1], rm: Rm::Dyn }));
        asm.inst(Inst::Sd(format::S { rs1: X::ZERO, rs2: X::A0, imm: 0 }));
    });
}
