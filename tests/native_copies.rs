//! Loops that copy or fill memory, and some that nearly do, each compared with the interpreter: of every width, both ways,
//! overlapping, to the ends of memory and beyond, stopped anywhere.

use causality_interp::Interpreter;
use causality_jit::Tunables;
use causality_machine::isa::format::{self, Bare};
use causality_machine::isa::reg::X;
use causality_machine::isa::{Inst, Opcode};
use causality_machine::memory::{Perms, SegmentKind};
use causality_machine::{Executor, Exit, Limits, Machine, PauseReason};
use causality_testkit::digest::digest;
use causality_testkit::sweep::Effort;
use causality_testkit::{Assembler, Source};
use causality_vm::Native;

const CODE: u64 = 0x1_0000;
/// Two pages that may be written, with nothing around.
const DATA: u64 = 0x3_0000;
/// One that may not, in front of one that may.
const CONST: u64 = 0x5_0000;
const PAGE: u64 = 0x1000;

/// A loop, and what is in registers before it.
#[derive(Debug)]
struct Case {
    code: Vec<u8>,
    registers: Vec<(X, u64)>,
    /// How many instructions each run is for.
    slices: Vec<u64>,
}

fn addi(asm: &mut Assembler, rd: X, rs1: X, imm: i64) {
    asm.inst(Inst::Addi(format::I { rd, rs1, imm: imm as i32 }));
}

fn load(source: &mut Source<'_>, width: i64, rd: X, rs1: X, imm: i64) -> Inst {
    let ops = format::Load { rd, rs1, imm: imm as i32 };
    match (width, source.chance(50)) {
        (1, true) => Inst::Lb(ops),
        (1, false) => Inst::Lbu(ops),
        (2, true) => Inst::Lh(ops),
        (2, false) => Inst::Lhu(ops),
        (4, true) => Inst::Lw(ops),
        (4, false) => Inst::Lwu(ops),
        _ => Inst::Ld(ops),
    }
}

fn store(width: i64, rs2: X, rs1: X, imm: i64) -> Inst {
    let ops = format::S { rs1, rs2, imm: imm as i32 };
    match width {
        1 => Inst::Sb(ops),
        2 => Inst::Sh(ops),
        4 => Inst::Sw(ops),
        _ => Inst::Sd(ops),
    }
}

/// A place in memory, often near the end of something.
fn place(source: &mut Source<'_>) -> u64 {
    let base =
        source.pick(&[DATA, DATA, DATA, DATA + PAGE, DATA + 2 * PAGE, CONST, CONST + PAGE, CONST + 2 * PAGE]);
    let most = source.pick(&[100, 0xf00]);
    let near = source.below(most) as u64;
    if source.chance(70) { base + near } else { base - near }
}

impl Case {
    fn generate(source: &mut Source<'_>) -> Self {
        // Some that code has in host registers, and some that it has not.
        let mut names = vec![X::A0, X::A1, X::A2, X::A3, X::A4, X::A5, X::S2, X::T0, X::T3, X::S5, X::A7];
        let mut name = |source: &mut Source<'_>| names.swap_remove(source.below(names.len()));
        let [from, to, value, end, sum, extra] = [(); 6].map(|()| name(source));
        let width = source.pick(&[1_i64, 1, 2, 4, 8]);
        let step = if source.chance(40) { -width } else { width };
        let is_fill = source.chance(30);
        let is_indexed = source.chance(25);
        let counts = is_indexed || source.chance(40);
        // Most loops are of the kind that is made faster, the others but for one thing.
        let spoiler = if source.chance(60) { 0 } else { 1 + source.below(8) };
        let trips = source.pick(&[1, 7, 8, 9, 10, 15, 16, 17, 63, 64, 65, 66, 67, 129, 130, 131]);
        let trips = if source.chance(50) { trips } else { source.below(300) as u64 };
        let first = place(source);
        let second = match source.below(3) {
            0 => place(source),
            1 => first.wrapping_add_signed(source.below(81) as i64 - 40),
            _ => first.wrapping_add_signed(trips as i64 * step),
        };
        let [first, second] =
            [first, second].map(|place| if source.chance(80) { place & !(width as u64 - 1) } else { place });

        let mut asm = Assembler::new();
        let top = asm.here();
        let mut passed = 0;
        // Pointers advance before the access, or behind it; or there is one index that does.
        let counter = if counts { end } else { to };
        let order = source.below(4);
        if is_indexed {
            addi(&mut asm, end, end, -width);
        }
        if order & 1 != 0 && !is_indexed {
            addi(&mut asm, from, from, step);
            addi(&mut asm, to, to, step);
            passed = step;
        }
        let imm = source.below(64) as i64 - 32;
        let base = |asm: &mut Assembler, r: X| match is_indexed {
            true => {
                asm.inst(Inst::Add(format::R { rd: sum, rs1: r, rs2: end }));
                sum
            }
            false => r,
        };
        if spoiler == 1 {
            // Used before it is loaded: what the trip before has left.
            addi(&mut asm, extra, value, 1);
        }
        if !is_fill {
            let at = base(&mut asm, from);
            let inst = load(source, width, value, at, imm - passed);
            asm.inst(inst);
        }
        match spoiler {
            2 => addi(&mut asm, value, value, 1),
            3 => addi(&mut asm, extra, extra, 5),
            4 => asm.inst(Inst::Add(format::R { rd: extra, rs1: value, rs2: end })),
            5 => asm.inst(Inst::Xor(format::R { rd: extra, rs1: extra, rs2: value })),
            _ => {}
        }
        let is_between = order & 2 != 0 && !is_indexed && passed == 0;
        if is_between {
            addi(&mut asm, to, to, step);
        }
        let at = base(&mut asm, to);
        let stored = if spoiler == 6 {
            extra
        } else if is_fill && source.chance(30) {
            X::ZERO
        } else {
            value
        };
        let behind = if is_between { step } else { passed };
        asm.inst(store(
            if spoiler == 7 { source.pick(&[1, 2, 4, 8]) } else { width },
            stored,
            at,
            imm - behind,
        ));
        if !is_indexed && passed == 0 {
            addi(&mut asm, from, from, if spoiler == 8 { 2 * step } else { step });
            if !is_between {
                addi(&mut asm, to, to, step);
            }
        }
        if counts && !is_indexed {
            addi(&mut asm, end, end, -1);
        }
        let (a, b) = (counter, if counts { X::ZERO } else { end });
        let (a, b) = if source.chance(50) { (a, b) } else { (b, a) };
        asm.branch(Opcode::Bne, a, b, top);
        asm.li(X::A7, 93);
        asm.inst(Inst::Ecall(Bare {}));

        let span = (trips as i64).wrapping_mul(step);
        let end_value = match (is_indexed, counts) {
            (true, _) => trips * width as u64,
            (_, true) => trips,
            _ => second.wrapping_add_signed(span),
        };
        let registers = vec![
            (from, first),
            (to, second),
            (value, source.bits()),
            (end, end_value),
            (extra, source.bits()),
            (sum, source.bits()),
        ];
        let most = source.pick(&[1, 3, 40, 400, 4000]);
        let slices = (0..source.below(6)).map(|_| 1 + source.below(most) as u64).collect();
        Case { code: asm.finish(), registers, slices }
    }

    fn machine(&self) -> Machine {
        let mut machine = Machine::new(Limits::default()).unwrap();
        let memory = &mut machine.memory;
        for (range, perms, kind) in [
            (CODE..CODE + PAGE, Perms::RX, SegmentKind::Text),
            (DATA..DATA + 2 * PAGE, Perms::RW, SegmentKind::Data),
            (CONST..CONST + PAGE, Perms::R, SegmentKind::Data),
            (CONST + PAGE..CONST + 2 * PAGE, Perms::RW, SegmentKind::Data),
        ] {
            memory.map(range.clone(), Perms::RW, kind, "x").unwrap();
            let bytes = memory.slice_mut(range.start, range.end - range.start).unwrap();
            bytes
                .iter_mut()
                .zip(0_u32..)
                .for_each(|(byte, i)| *byte = (i.wrapping_mul(0x9e37_79b9) >> 24) as u8);
            if range.start == CODE {
                bytes[..self.code.len()].copy_from_slice(&self.code);
            }
            memory.protect(range, perms).unwrap();
        }
        machine.hart.pc = CODE;
        for &(r, value) in &self.registers {
            machine.hart.x[r.index()] = value;
        }
        // What would not end does.
        machine.hart.add_fuel(5_000);
        machine
    }

    /// What each run has ended with, and left.
    fn told(&self, executor: &mut dyn Executor) -> Vec<(Exit, u64, blake3::Hash)> {
        let mut machine = self.machine();
        let mut told = Vec::new();
        for slice in self.slices.iter().copied().chain([u64::MAX]) {
            let exit = machine.run_for(executor, &mut (), slice).unwrap();
            told.push((exit, machine.hart.pc, digest(&exit, &machine)));
            if exit != Exit::Paused(PauseReason::Step) {
                break;
            }
        }
        told
    }
}

#[test]
fn copies_and_fills_end_as_in_the_interpreter() {
    let tiers = Tunables::of_all_kinds();
    for seed in 0..Effort::from_env().choose(2000, 40_000) as u64 {
        let case = Case::generate(&mut Source::Seed(seed));
        let expected = case.told(&mut Interpreter::new());
        for tier in &tiers {
            assert_eq!(case.told(&mut Native::new(tier.clone())), expected, "{seed} {tier:?} {case:x?}");
        }
    }
}
