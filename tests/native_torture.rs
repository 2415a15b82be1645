//! Control flow and host calls that generated code could get wrong, one by one, each compared with the interpreter.

use std::time::{Duration, Instant};
use std::{fmt, thread};

use causality_interp::Interpreter;
use causality_jit::Tunables;
use causality_machine::isa::format::{self, Bare};
use causality_machine::isa::reg::X;
use causality_machine::isa::{Inst, Opcode};
use causality_machine::memory::{Perms, SegmentKind};
use causality_machine::{Cause, Executor, Exit, Hart, Limits, Machine, Memory, PauseReason, Trap};
use causality_testkit::digest::digest;
use causality_testkit::program::{CODE, DATA, DATA_END, WINDOW};
use causality_testkit::sweep::Effort;
use causality_testkit::vm::Answer;
use causality_testkit::{Assembler, Label, Source};
use causality_vm::{InstructionReport, Native};

/// Where `sp` starts; there are 8 MiB below it.
const STACK_TOP: u64 = 0x100_0000;
const STACK: u64 = 8 << 20;

/// More than any program here needs.
const FUEL: u64 = 1 << 40;

fn code(build: impl FnOnce(&mut Assembler)) -> Vec<u8> {
    let mut asm = Assembler::new();
    build(&mut asm);
    end(&mut asm);
    asm.finish()
}

fn end(asm: &mut Assembler) {
    asm.li(X::A7, 93);
    ecall(asm);
}

fn ecall(asm: &mut Assembler) {
    asm.inst(Inst::Ecall(Bare {}));
}

fn call(asm: &mut Assembler, number: u64) {
    asm.li(X::A7, number);
    ecall(asm);
}

fn jalr(asm: &mut Assembler, rd: X, rs1: X, imm: i32) {
    asm.inst(Inst::Jalr(format::Jalr { rd, rs1, imm }));
}

fn ret(asm: &mut Assembler) {
    jalr(asm, X::ZERO, X::RA, 0);
}

fn addi(asm: &mut Assembler, rd: X, rs1: X, imm: i32) {
    asm.inst(Inst::Addi(format::I { rd, rs1, imm }));
}

fn sd(asm: &mut Assembler, rs2: X, rs1: X, imm: i32) {
    asm.inst(Inst::Sd(format::S { rs1, rs2, imm }));
}

fn ld(asm: &mut Assembler, rd: X, rs1: X, imm: i32) {
    asm.inst(Inst::Ld(format::Load { rd, rs1, imm }));
}

/// Counts `counter` down to zero around `body`.
fn repeat(asm: &mut Assembler, counter: X, times: u64, body: impl FnOnce(&mut Assembler)) {
    asm.li(counter, times);
    let again = asm.here();
    body(asm);
    addi(asm, counter, counter, -1);
    // The body may be longer than a branch.
    let over = asm.label();
    asm.branch(Opcode::Beq, counter, X::ZERO, over);
    asm.jump(X::ZERO, again);
    asm.bind(over);
}

/// A machine about to run `code`, which lies in memory that may be written if `writable`.
fn machine(code: &[u8], writable: bool) -> Machine {
    let limits = Limits { address_space: 512 << 20, allow_writable_code: writable, ..Limits::default() };
    let mut machine = Machine::new(limits).expect("address space");
    let memory = &mut machine.memory;
    let text = CODE..CODE + (code.len() as u64).next_multiple_of(4096);
    let perms = if writable { Perms::RWX } else { Perms::RW };
    memory.map(text.clone(), perms, SegmentKind::Text, "code").expect("room");
    memory.slice_mut(CODE, code.len() as u64).expect("mapped").copy_from_slice(code);
    if writable {
        memory.sync_code();
    } else {
        memory.protect(text, Perms::RX).expect("mapped");
    }
    memory.map(DATA..DATA_END, Perms::RW, SegmentKind::Data, "data").expect("room");
    memory.map(STACK_TOP - STACK..STACK_TOP, Perms::RW, SegmentKind::Stack, "stack").expect("room");
    machine.hart.pc = CODE;
    machine.hart.x[X::SP.index()] = STACK_TOP;
    machine
}

/// How a program ended, the same on both executors.
struct Ended {
    exit: Exit,
    machine: Machine,
    instructions: InstructionReport,
}

impl Ended {
    fn x(&self, x: X) -> u64 {
        self.machine.hart.x[x.index()]
    }

    /// Fails unless all but a few instructions ran natively.
    fn natively(self) -> Self {
        let (native, interpreted) = (self.instructions.native(), self.instructions.interpreted);
        assert!(native > 20 * interpreted, "{native} instructions ran natively, {interpreted} did not");
        self
    }
}

impl fmt::Debug for Ended {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(f, "{:?} {:?} {:x?}", self.exit, self.instructions, self.machine.hart)
    }
}

/// The native tiers.
fn tiers() -> [Tunables; 4] {
    Tunables::of_all_kinds()
}

fn native(tier: &Tunables) -> Native {
    Native::new(tier.clone())
}

/// Runs on all executors, with a host of its own on each. Says what Cranelift's code did.
fn both<F: FnMut(&mut Hart, &mut Memory)>(
    make: impl Fn() -> Machine,
    fuel: u64,
    host: impl Fn() -> F,
) -> Ended {
    let [_, cranelift, ..] = tiers().map(|tier| both_in(&tier, &make, fuel, &host));
    cranelift
}

fn both_in<F: FnMut(&mut Hart, &mut Memory)>(
    tier: &Tunables,
    make: impl Fn() -> Machine,
    fuel: u64,
    host: impl Fn() -> F,
) -> Ended {
    let (mut expected, mut machine) = (make(), make());
    expected.hart.add_fuel(fuel);
    machine.hart.add_fuel(fuel);
    let wanted = expected.run(&mut Interpreter::new(), &mut Answer(host())).expect("the host answers");
    let mut native = native(tier);
    let exit = machine.run(&mut native, &mut Answer(host())).expect("the host answers");
    assert_eq!(exit, wanted, "{tier:?}, interpreted {:x?}\nnative {:x?}", expected.hart, machine.hart);
    assert_eq!(machine.hart, expected.hart);
    assert_eq!(digest(&exit, &machine), digest(&wanted, &expected), "memory differs");
    Ended { exit, machine, instructions: native.instructions() }
}

fn no_calls() -> impl FnMut(&mut Hart, &mut Memory) {
    |_: &mut Hart, _: &mut Memory| panic!("the program makes no calls")
}

/// Runs `code` on both executors.
fn run(code: &[u8]) -> Ended {
    both(|| machine(code, false), FUEL, no_calls)
}

fn access_fault(pc: u64) -> Exit {
    Exit::Trap(Trap { cause: Cause::InstructionAccessFault, pc, tval: pc })
}

// Where control goes.

/// `lui a0, ...`, whose upper half is `c.addi a0, 1`.
fn lui_with_an_addition_inside(asm: &mut Assembler, middle: Option<Label>) {
    let word = Inst::Lui(format::U { rd: X::A0, imm: 0x0505 << 16 }).encode();
    asm.half(word as u16);
    if let Some(middle) = middle {
        asm.bind(middle);
    }
    asm.half((word >> 16) as u16);
}

#[test]
fn a_jump_into_the_middle_of_an_instruction_executes_what_is_there() {
    let ended = run(&code(|asm| {
        let middle = asm.label();
        asm.li(X::A0, 41);
        asm.jump(X::ZERO, middle);
        lui_with_an_addition_inside(asm, Some(middle));
    }));
    assert_eq!((ended.exit, ended.x(X::A0)), (Exit::Completed(42), 42));
}

#[test]
fn overlapping_code_runs_both_ways_in_one_loop() {
    let ended = run(&code(|asm| {
        repeat(asm, X::S0, 1000, |asm| {
            let middle = asm.label();
            asm.inst(Inst::Andi(format::I { rd: X::T1, rs1: X::S0, imm: 1 }));
            asm.branch(Opcode::Bne, X::T1, X::ZERO, middle);
            lui_with_an_addition_inside(asm, Some(middle));
            asm.inst(Inst::Add(format::R { rd: X::A1, rs1: X::A1, rs2: X::A0 }));
        });
        addi(asm, X::A0, X::ZERO, 0);
    }))
    .natively();
    // Even rounds set a0 to the constant, odd ones add one; the first of 1000 rounds is even.
    assert_eq!(ended.x(X::A1), 500 * 0x0505_0000 + 500 * 0x0505_0001);
}

#[test]
fn an_irreducible_loop_is_entered_at_both_places() {
    for entry in [0, 1] {
        let ended = run(&code(|asm| {
            let (first, second) = (asm.label(), asm.label());
            asm.li(X::S0, 1000);
            asm.li(X::T1, entry);
            asm.branch(Opcode::Bne, X::T1, X::ZERO, second);
            asm.bind(first);
            addi(asm, X::A0, X::A0, 1);
            asm.bind(second);
            addi(asm, X::A1, X::A1, 1);
            addi(asm, X::S0, X::S0, -1);
            asm.branch(Opcode::Bne, X::S0, X::ZERO, first);
        }))
        .natively();
        assert_eq!((ended.x(X::A0), ended.x(X::A1)), (1000 - entry, 1000));
    }
}

#[test]
fn two_loops_that_jump_into_each_other_count_right() {
    let ended = run(&code(|asm| {
        let (a, b, inside_a, inside_b, over) =
            (asm.label(), asm.label(), asm.label(), asm.label(), asm.label());
        asm.li(X::S0, 3000);
        asm.bind(a);
        addi(asm, X::A0, X::A0, 1);
        asm.bind(inside_a);
        addi(asm, X::S0, X::S0, -1);
        asm.branch(Opcode::Beq, X::S0, X::ZERO, over);
        asm.inst(Inst::Andi(format::I { rd: X::T1, rs1: X::S0, imm: 3 }));
        asm.branch(Opcode::Beq, X::T1, X::ZERO, inside_b);
        asm.branch(Opcode::Blt, X::ZERO, X::T1, b);
        asm.bind(b);
        addi(asm, X::A1, X::A1, 1);
        asm.bind(inside_b);
        addi(asm, X::A2, X::A2, 1);
        asm.inst(Inst::Andi(format::I { rd: X::T1, rs1: X::S0, imm: 5 }));
        asm.branch(Opcode::Beq, X::T1, X::ZERO, inside_a);
        asm.jump(X::ZERO, a);
        asm.bind(over);
    }))
    .natively();
    assert_eq!(ended.x(X::A2), 2999);
}

#[test]
fn a_computed_jump_goes_where_the_address_says_or_traps_there() {
    // Bit 0 of the target is dropped, bit 1 is not.
    for (target, trap_at) in [
        (0, Some(0)),
        (1, Some(0)),
        (DATA, Some(DATA)),
        (DATA + 3, Some(DATA + 2)),
        (CODE - 2, Some(CODE - 2)),
        (CODE + 0x1000, Some(CODE + 0x1000)),
        (0x5000_0000, Some(0x5000_0000)),
        (512 << 20, Some(512 << 20)),
        (1 << 32, Some(1 << 32)),
        ((1 << 32) + CODE, Some((1 << 32) + CODE)),
        (1 << 63, Some(1 << 63)),
        (u64::MAX, Some(u64::MAX - 1)),
    ] {
        for link in [X::ZERO, X::RA, X::T0, X::A5] {
            let ended = run(&code(|asm| {
                repeat(asm, X::S0, 100, |asm| addi(asm, X::A1, X::A1, 1));
                asm.li(X::A0, target);
                jalr(asm, link, X::A0, 0);
            }));
            assert_eq!(ended.exit, trap_at.map_or(Exit::Completed(0), access_fault), "{target:#x}");
        }
    }
}

#[test]
fn a_jump_to_an_odd_address_drops_its_lowest_bit() {
    for imm in [0, 1] {
        let ended = run(&code(|asm| {
            let to = asm.label();
            repeat(asm, X::S0, 100, |asm| {
                let to = asm.label();
                asm.address(X::T1, to);
                addi(asm, X::T1, X::T1, 1 - imm);
                jalr(asm, X::ZERO, X::T1, imm);
                asm.half(0);
                asm.bind(to);
                addi(asm, X::A1, X::A1, 1);
            });
            asm.bind(to);
        }));
        assert_eq!((ended.exit, ended.x(X::A1)), (Exit::Completed(0), 100));
    }
}

#[test]
fn a_jump_table_reaches_every_case() {
    const CASES: usize = 64;
    let ended = run(&code(|asm| {
        repeat(asm, X::S0, 64 * 50, |asm| {
            let (table, over) = (asm.label(), asm.label());
            let cases: [Label; CASES] = std::array::from_fn(|_| asm.label());
            asm.inst(Inst::Andi(format::I { rd: X::T1, rs1: X::S0, imm: 63 }));
            asm.inst(Inst::Slli(format::Shift { rd: X::T1, rs1: X::T1, shamt: 2 }));
            asm.address(X::T2, table);
            asm.inst(Inst::Add(format::R { rd: X::T1, rs1: X::T1, rs2: X::T2 }));
            asm.inst(Inst::Lw(format::Load { rd: X::T1, rs1: X::T1, imm: 0 }));
            asm.inst(Inst::Add(format::R { rd: X::T1, rs1: X::T1, rs2: X::T2 }));
            jalr(asm, X::ZERO, X::T1, 0);
            asm.bind(table);
            cases.iter().for_each(|&case| asm.distance(table, case));
            for (i, case) in cases.into_iter().enumerate() {
                asm.bind(case);
                addi(asm, X::A1, X::A1, i as i32);
                asm.jump(X::ZERO, over);
            }
            asm.bind(over);
        });
    }))
    .natively();
    assert_eq!(ended.x(X::A1), 50 * (0..64).sum::<u64>());
}

// Calls and returns.

#[test]
fn a_million_tail_calls_return_once() {
    let ended = run(&code(|asm| {
        let (even, odd, over, start) = (asm.label(), asm.label(), asm.label(), asm.label());
        asm.jump(X::ZERO, start);
        for (this, other) in [(even, odd), (odd, even)] {
            asm.bind(this);
            asm.branch(Opcode::Beq, X::A0, X::ZERO, over);
            addi(asm, X::A0, X::A0, -1);
            asm.address(X::T1, other);
            jalr(asm, X::ZERO, X::T1, 0);
        }
        asm.bind(over);
        ret(asm);
        asm.bind(start);
        asm.li(X::A0, 1_000_000);
        asm.jump(X::RA, even);
    }))
    .natively();
    assert_eq!(ended.exit, Exit::Completed(0));
}

/// A function that calls itself `a0` deep and counts levels in `a1`; direct, or through a register.
fn recursive(asm: &mut Assembler, indirect: bool, at_the_bottom: impl FnOnce(&mut Assembler)) -> Label {
    let (deeper, over) = (asm.label(), asm.label());
    asm.jump(X::ZERO, over);
    let function = asm.here();
    asm.branch(Opcode::Bne, X::A0, X::ZERO, deeper);
    at_the_bottom(asm);
    ret(asm);
    asm.bind(deeper);
    addi(asm, X::SP, X::SP, -16);
    sd(asm, X::RA, X::SP, 8);
    addi(asm, X::A0, X::A0, -1);
    if indirect {
        asm.address(X::T1, function);
        jalr(asm, X::RA, X::T1, 0);
    } else {
        asm.jump(X::RA, function);
    }
    addi(asm, X::A1, X::A1, 1);
    ld(asm, X::RA, X::SP, 8);
    addi(asm, X::SP, X::SP, 16);
    ret(asm);
    asm.bind(over);
    function
}

#[test]
fn recursion_may_be_deeper_than_the_host_stack() {
    for indirect in [false, true] {
        let ended = run(&code(|asm| {
            let function = recursive(asm, indirect, |_| ());
            repeat(asm, X::S0, 3, |asm| {
                asm.li(X::A0, 200_000);
                asm.jump(X::RA, function);
            });
        }))
        .natively();
        assert_eq!(ended.x(X::A1), 600_000);
    }
}

#[test]
fn recursion_off_the_guest_stack_traps_at_the_store() {
    let ended = run(&code(|asm| {
        let function = recursive(asm, false, |_| ());
        asm.li(X::A0, 1 << 40);
        asm.jump(X::RA, function);
    }))
    .natively();
    let Exit::Trap(trap) = ended.exit else { panic!("{ended:?}") };
    assert_eq!((trap.cause, trap.tval), (Cause::StoreAccessFault, STACK_TOP - STACK - 8));
}

#[test]
fn fuel_runs_out_at_every_depth_of_a_recursion_and_it_goes_on() {
    let code = code(|asm| {
        let function = recursive(asm, true, |_| ());
        asm.li(X::A0, 3000);
        asm.jump(X::RA, function);
    });
    let whole = run(&code);
    let slices = [1009, 5003, 12_345];
    for (tier, slice) in tiers().iter().flat_map(|tier| slices.map(|slice| (tier, slice))) {
        let mut sliced = machine(&code, false);
        let mut native = native(tier);
        let exit = loop {
            sliced.hart.add_fuel(slice);
            match sliced.run(&mut native, &mut Answer(no_calls())).expect("no calls") {
                Exit::OutOfFuel => {}
                exit => break exit,
            }
        };
        let granted = sliced.hart.granted;
        sliced.hart.add_fuel(FUEL - granted);
        assert_eq!(digest(&exit, &sliced), digest(&whole.exit, &whole.machine));
    }
}

#[test]
fn mutual_recursion_and_four_ways_ackermann_agree() {
    // ackermann(2, 300), recursion on both arguments.
    let ended = run(&code(|asm| {
        let (function, some_m, some_n, over) = (asm.label(), asm.label(), asm.label(), asm.label());
        asm.jump(X::ZERO, over);
        asm.bind(function);
        asm.branch(Opcode::Bne, X::A0, X::ZERO, some_m);
        addi(asm, X::A0, X::A1, 1);
        ret(asm);
        asm.bind(some_m);
        asm.branch(Opcode::Bne, X::A1, X::ZERO, some_n);
        addi(asm, X::A0, X::A0, -1);
        addi(asm, X::A1, X::ZERO, 1);
        asm.jump(X::ZERO, function);
        asm.bind(some_n);
        addi(asm, X::SP, X::SP, -16);
        sd(asm, X::RA, X::SP, 8);
        sd(asm, X::A0, X::SP, 0);
        addi(asm, X::A1, X::A1, -1);
        asm.jump(X::RA, function);
        addi(asm, X::A1, X::A0, 0);
        ld(asm, X::A0, X::SP, 0);
        ld(asm, X::RA, X::SP, 8);
        addi(asm, X::SP, X::SP, 16);
        addi(asm, X::A0, X::A0, -1);
        asm.jump(X::ZERO, function);
        asm.bind(over);
        asm.li(X::A0, 2);
        asm.li(X::A1, 300);
        asm.jump(X::RA, function);
    }))
    .natively();
    assert_eq!(ended.x(X::A0), 2 * 300 + 3);
}

/// As `longjmp` does, again and again, so that nothing of the host may pile up.
#[test]
fn returning_past_a_thousand_frames_is_right_every_time() {
    let ended = run(&code(|asm| {
        let landing = asm.label();
        // At the bottom: back to where `s2` says, with the stack as it was.
        let function = recursive(asm, false, |asm| {
            addi(asm, X::SP, X::S1, 0);
            addi(asm, X::RA, X::S2, 0);
        });
        repeat(asm, X::S0, 500, |asm| {
            addi(asm, X::S1, X::SP, 0);
            asm.address(X::S2, landing);
            asm.li(X::A0, 1000);
            asm.jump(X::RA, function);
            asm.half(0);
            asm.bind(landing);
            addi(asm, X::A2, X::A2, 1);
        });
    }))
    .natively();
    assert_eq!((ended.exit, ended.x(X::A1), ended.x(X::A2)), (Exit::Completed(0), 0, 500));
}

#[test]
fn a_function_may_return_to_somewhere_else() {
    for skip in [4, 8] {
        let ended = run(&code(|asm| {
            let (function, over) = (asm.label(), asm.label());
            asm.jump(X::ZERO, over);
            asm.bind(function);
            addi(asm, X::RA, X::RA, skip);
            ret(asm);
            asm.bind(over);
            repeat(asm, X::S0, 1000, |asm| {
                asm.jump(X::RA, function);
                addi(asm, X::A1, X::A1, 1);
                addi(asm, X::A2, X::A2, 1);
            });
        }));
        let expected = if skip == 4 { (0, 1000) } else { (0, 0) };
        assert_eq!((ended.x(X::A1), ended.x(X::A2)), expected);
    }
}

#[test]
fn a_return_that_goes_in_a_circle_is_a_loop() {
    // Returns to itself until the counter is zero, then to the caller.
    let ended = run(&code(|asm| {
        let (function, done, over) = (asm.label(), asm.label(), asm.label());
        asm.jump(X::ZERO, over);
        asm.bind(function);
        addi(asm, X::A1, X::A1, 1);
        asm.address(X::RA, function);
        addi(asm, X::S0, X::S0, -1);
        asm.branch(Opcode::Beq, X::S0, X::ZERO, done);
        ret(asm);
        asm.bind(done);
        addi(asm, X::RA, X::S1, 0);
        ret(asm);
        asm.bind(over);
        asm.li(X::S0, 100_000);
        asm.jump(X::S1, function);
    }))
    .natively();
    assert_eq!(ended.x(X::A1), 100_000);
}

#[test]
fn coroutines_swap_a_hundred_thousand_times() {
    for link in [X::RA, X::T0] {
        let ended = run(&code(|asm| {
            let (other, over) = (asm.label(), asm.label());
            asm.address(link, other);
            repeat(asm, X::S0, 100_000, |asm| {
                jalr(asm, link, link, 0);
                addi(asm, X::A1, X::A1, 1);
            });
            asm.jump(X::ZERO, over);
            asm.bind(other);
            let again = asm.here();
            addi(asm, X::A2, X::A2, 1);
            jalr(asm, link, link, 0);
            asm.jump(X::ZERO, again);
            asm.bind(over);
        }))
        .natively();
        assert_eq!((ended.x(X::A1), ended.x(X::A2)), (100_000, 100_000));
    }
}

#[test]
fn calls_may_link_in_any_register() {
    for link in [X::RA, X::T0, X::T1, X::A5, X::S11] {
        let ended = run(&code(|asm| {
            let (function, over) = (asm.label(), asm.label());
            asm.jump(X::ZERO, over);
            asm.bind(function);
            addi(asm, X::A1, X::A1, 1);
            jalr(asm, X::ZERO, link, 0);
            asm.bind(over);
            repeat(asm, X::S0, 1000, |asm| {
                asm.jump(link, function);
                asm.address(link, function);
                jalr(asm, link, link, 0);
            });
        }))
        .natively();
        assert_eq!(ended.x(X::A1), 2000);
    }
}

#[test]
fn a_call_of_its_own_return_address_goes_on_there() {
    let ended = run(&code(|asm| {
        repeat(asm, X::S0, 100_000, |asm| {
            asm.inst(Inst::Jal(format::J { rd: X::RA, imm: 4 }));
            addi(asm, X::A1, X::A1, 1);
            // The same through a register.
            asm.inst(Inst::Auipc(format::U { rd: X::T1, imm: 0 }));
            jalr(asm, X::RA, X::T1, 8);
            addi(asm, X::A2, X::A2, 1);
        });
    }))
    .natively();
    assert_eq!((ended.x(X::A1), ended.x(X::A2)), (100_000, 100_000));
}

#[test]
fn a_call_of_itself_without_end_runs_out_of_fuel() {
    let code = code(|asm| {
        let function = asm.here();
        addi(asm, X::A1, X::A1, 1);
        asm.jump(X::RA, function);
    });
    for fuel in [1_000_000, 1_000_001] {
        let ended = both(|| machine(&code, false), fuel, no_calls).natively();
        assert_eq!(ended.exit, Exit::OutOfFuel);
    }
}

// Size.

#[test]
fn a_hundred_thousand_straight_instructions_take_bounded_time() {
    let code = code(|asm| {
        repeat(asm, X::S0, 3, |asm| {
            for i in 0..100_000 {
                let (rd, rs1) = (X::ALL[10 + i % 6], X::ALL[10 + i / 6 % 6]);
                asm.inst(Inst::Add(format::R { rd, rs1, rs2: X::A1 }));
                if i % 3 == 0 {
                    addi(asm, X::A1, X::A1, 1);
                }
            }
        });
    });
    let start = Instant::now();
    let ended = run(&code).natively();
    let time = start.elapsed();
    assert!(ended.machine.hart.instret() > 300_000);
    // Generous: a busy host, and code that checks itself.
    assert!(time < Duration::from_secs(600), "took {time:?}");
    println!("a hundred thousand straight instructions: {time:?}");
}

#[test]
fn ten_thousand_branches_in_one_function_take_bounded_time() {
    let code = code(|asm| {
        repeat(asm, X::S0, 3, |asm| {
            for i in 0..10_000 {
                let over = asm.label();
                asm.branch(Opcode::Bltu, X::ALL[10 + i % 6], X::ALL[10 + i / 6 % 6], over);
                addi(asm, X::ALL[10 + i % 5], X::A1, i as i32 % 2000);
                asm.bind(over);
            }
        });
    });
    let start = Instant::now();
    run(&code).natively();
    assert!(start.elapsed() < Duration::from_secs(600), "took {:?}", start.elapsed());
}

// Stopping.

/// Each within the one before, all with one header after the other.
#[test]
fn nine_hundred_nested_loops_take_bounded_time() {
    let start = Instant::now();
    run(&code(|asm| {
        let headers: Vec<Label> = (0..900)
            .map(|_| {
                let header = asm.here();
                addi(asm, X::A1, X::A1, 1);
                header
            })
            .collect();
        for header in headers.into_iter().rev() {
            let over = asm.label();
            asm.branch(Opcode::Beq, X::A0, X::ZERO, over);
            asm.jump(X::ZERO, header);
            asm.bind(over);
        }
    }));
    assert!(start.elapsed() < Duration::from_secs(300), "took {:?}", start.elapsed());
}

#[test]
fn a_breakpoint_set_in_hot_code_takes_effect_and_goes_away() {
    tiers().iter().for_each(breakpoint_in_hot_code);
}

fn breakpoint_in_hot_code(tier: &Tunables) {
    let code = code(|asm| {
        repeat(asm, X::S0, 1_000_000, |asm| {
            addi(asm, X::A1, X::A1, 1);
            addi(asm, X::A2, X::A2, 1);
        });
    });
    let mut machine = machine(&code, false);
    let mut native = native(tier);
    machine.hart.add_fuel(100_000);
    let mut run =
        |machine: &mut Machine| machine.run(&mut native, &mut Answer(no_calls())).expect("no calls");
    assert_eq!(run(&mut machine), Exit::OutOfFuel);
    machine.hart.add_fuel(FUEL);
    let at = (machine.hart.pc & !3) + if machine.hart.pc > CODE + 12 { 0 } else { 4 };
    let at = at.max(CODE + 12);
    assert!(machine.breakpoints.insert(at));
    for _ in 0..10 {
        let before = machine.hart.instret();
        assert_eq!(run(&mut machine), Exit::Paused(PauseReason::Breakpoint));
        assert_eq!(machine.hart.pc, at);
        assert!(machine.hart.instret() - before < 10, "once a round");
    }
    assert!(machine.breakpoints.remove(at));
    assert_eq!(run(&mut machine), Exit::Completed(0));
    assert_eq!(machine.hart.x[X::A1.index()], 1_000_000);
}

/// A loop that goes round in generated code without any loop within a function.
type Loop = (&'static str, fn(&mut Assembler));

const ENDLESS: &[Loop] = &[
    ("branch", |asm| {
        let again = asm.here();
        addi(asm, X::A1, X::A1, 1);
        asm.jump(X::ZERO, again);
    }),
    ("indirect jump", |asm| {
        let again = asm.here();
        addi(asm, X::A1, X::A1, 1);
        asm.address(X::T1, again);
        jalr(asm, X::ZERO, X::T1, 0);
    }),
    ("return", |asm| {
        let again = asm.here();
        addi(asm, X::A1, X::A1, 1);
        asm.address(X::RA, again);
        ret(asm);
    }),
    ("call", |asm| {
        let again = asm.here();
        addi(asm, X::A1, X::A1, 1);
        asm.jump(X::RA, again);
    }),
    ("coroutine", |asm| {
        asm.inst(Inst::Auipc(format::U { rd: X::RA, imm: 0 }));
        addi(asm, X::RA, X::RA, 8);
        let again = asm.here();
        addi(asm, X::A1, X::A1, 1);
        asm.address(X::T0, again);
        jalr(asm, X::RA, X::T0, 0);
    }),
    ("host call", |asm| {
        let again = asm.here();
        addi(asm, X::A1, X::A1, 1);
        ecall(asm);
        asm.jump(X::ZERO, again);
    }),
    ("interpreted", |asm| {
        let again = asm.here();
        addi(asm, X::A1, X::A1, 1);
        asm.inst(Inst::FenceI(format::FenceI { rd: X::ZERO, rs1: X::ZERO, imm: 0 }));
        asm.jump(X::ZERO, again);
    }),
];

#[test]
fn another_thread_can_pause_any_loop() {
    for (tier, (name, body)) in tiers().iter().flat_map(|tier| ENDLESS.iter().map(move |l| (tier, l))) {
        let code = code(body);
        let mut machine = machine(&code, false);
        machine.hart.add_fuel(FUEL);
        let mut native = native(tier);
        for round in 0..3 {
            let handle = machine.pause_handle();
            let pauser = thread::spawn(move || {
                thread::sleep(Duration::from_millis(3));
                handle.pause();
            });
            let exit = machine.run(&mut native, &mut Answer(|_: &mut _, _: &mut _| ())).expect("all is well");
            assert_eq!(exit, Exit::Paused(PauseReason::Requested), "{name}, round {round}");
            pauser.join().expect("it ends");
        }
        // Where it paused is where the interpreter is after as many instructions.
        let mut expected = self::machine(&code, false);
        expected.hart.add_fuel(machine.hart.instret());
        let host = &mut Answer(|_: &mut _, _: &mut _| ());
        assert_eq!(expected.run(&mut Interpreter::new(), host).expect("all is well"), Exit::OutOfFuel);
        let _ = machine.hart.take_fuel();
        assert_eq!(machine.hart, expected.hart, "{name}");
    }
}

#[test]
fn every_endless_loop_stops_at_every_small_fuel_limit() {
    for (tier, (name, body)) in tiers().iter().flat_map(|tier| ENDLESS.iter().map(move |l| (tier, l))) {
        let code = code(body);
        let (mut native, mut long) = (native(tier), machine(&code, false));
        let start = long.hart.clone();
        for fuel in (0..200).chain([1000, 1001, 1002, 1003, 4999, 50_000]) {
            let mut expected = machine(&code, false);
            expected.hart.add_fuel(fuel);
            let host = &mut Answer(|_: &mut _, _: &mut _| ());
            expected.run(&mut Interpreter::new(), host).expect("all is well");
            long.hart.clone_from(&start);
            long.hart.add_fuel(fuel);
            assert_eq!(native.execute(&mut long, host, u64::MAX).expect("all is well"), Exit::OutOfFuel);
            assert_eq!(long.hart, expected.hart, "{name}, {fuel}");
        }
    }
}

// What the host changes.

/// A page that calls unmap and protect.
const PAGE: u64 = 0x40_0000;

fn with_page(code: &[u8]) -> Machine {
    let mut machine = machine(code, false);
    machine.memory.map(PAGE..PAGE + 4096, Perms::RW, SegmentKind::Heap, "page").expect("room");
    machine
}

#[derive(Clone, Copy, Debug, PartialEq)]
enum Change {
    Unmap,
    ReadOnly,
    None,
}

fn change(change: Change) -> impl FnMut(&mut Hart, &mut Memory) {
    move |_: &mut Hart, memory: &mut Memory| {
        let page = PAGE..PAGE + 4096;
        match change {
            Change::Unmap => memory.unmap(page).expect("mapped"),
            Change::ReadOnly => memory.protect(page, Perms::R).expect("mapped"),
            Change::None => memory.protect(page, Perms::NONE).expect("mapped"),
        }
    }
}

/// How a call that changes what is mapped can come between two accesses.
const BETWEEN: &[Loop] = &[
    ("in the same block", |asm| call(asm, 1)),
    ("in another block", |asm| {
        let over = asm.label();
        asm.branch(Opcode::Bne, X::ZERO, X::A0, over);
        addi(asm, X::A3, X::ZERO, 1);
        asm.bind(over);
        call(asm, 1);
        let over = asm.label();
        asm.branch(Opcode::Bne, X::A3, X::ZERO, over);
        addi(asm, X::A3, X::ZERO, 2);
        asm.bind(over);
    }),
    ("in a function", |asm| {
        let (function, over) = (asm.label(), asm.label());
        asm.jump(X::ZERO, over);
        asm.bind(function);
        call(asm, 1);
        ret(asm);
        asm.bind(over);
        asm.jump(X::RA, function);
    }),
    ("in a function found by address", |asm| {
        let (function, over) = (asm.label(), asm.label());
        asm.jump(X::ZERO, over);
        asm.bind(function);
        call(asm, 1);
        ret(asm);
        asm.bind(over);
        asm.address(X::T1, function);
        jalr(asm, X::RA, X::T1, 0);
    }),
    ("in the last of many rounds", |asm| {
        let (again, over) = (asm.label(), asm.label());
        asm.li(X::S0, 500);
        asm.bind(again);
        ld(asm, X::A4, X::S1, 0);
        sd(asm, X::A4, X::S1, 0);
        addi(asm, X::S0, X::S0, -1);
        asm.branch(Opcode::Bne, X::S0, X::ZERO, over);
        call(asm, 1);
        asm.bind(over);
        ld(asm, X::A4, X::S1, 8);
        sd(asm, X::A4, X::S1, 8);
        asm.branch(Opcode::Bne, X::S0, X::ZERO, again);
    }),
];

#[test]
fn an_access_traps_after_a_call_that_took_its_page_away() {
    for (name, between) in BETWEEN {
        for what in [Change::Unmap, Change::ReadOnly, Change::None] {
            for constant in [false, true] {
                let code = code(|asm| {
                    if constant {
                        asm.li(X::S1, PAGE);
                    } else {
                        addi(asm, X::S1, X::S2, 0);
                    }
                    sd(asm, X::SP, X::S1, 0);
                    ld(asm, X::A1, X::S1, 0);
                    between(asm);
                    ld(asm, X::A2, X::S1, 0);
                    sd(asm, X::SP, X::S1, 0);
                });
                let make = || {
                    let mut machine = with_page(&code);
                    machine.hart.x[X::S2.index()] = PAGE;
                    machine
                };
                let ended = both(make, FUEL, || change(what));
                let Exit::Trap(trap) = ended.exit else { panic!("{name}, {what:?}: {ended:?}") };
                let cause =
                    if what == Change::ReadOnly { Cause::StoreAccessFault } else { Cause::LoadAccessFault };
                assert_eq!((trap.cause, trap.tval & !0xfff), (cause, PAGE), "{name}, {what:?}");
            }
        }
    }
}

#[test]
fn a_page_that_a_call_gives_back_can_be_accessed_again() {
    let code = code(|asm| {
        repeat(asm, X::S0, 200, |asm| {
            ld(asm, X::A1, X::S1, 0);
            addi(asm, X::A1, X::A1, 1);
            sd(asm, X::A1, X::S1, 0);
            call(asm, 1);
            call(asm, 2);
        });
    });
    let make = || {
        let mut machine = with_page(&code);
        machine.hart.x[X::S1.index()] = PAGE;
        machine
    };
    let ended = both(make, FUEL, || {
        |hart: &mut Hart, memory: &mut Memory| {
            let perms = if hart.x[17] == 1 { Perms::R } else { Perms::RW };
            memory.protect(PAGE..PAGE + 4096, perms).expect("mapped");
        }
    });
    assert_eq!((ended.exit, ended.x(X::A1)), (Exit::Completed(0), 200));
}

#[test]
fn a_host_that_takes_fuel_stops_the_guest_where_it_ends() {
    let code = code(|asm| {
        repeat(asm, X::S0, 100, |asm| {
            addi(asm, X::A1, X::A1, 1);
            call(asm, 1);
            addi(asm, X::A2, X::A2, 1);
            addi(asm, X::A3, X::A3, 1);
        });
    });
    for left in 0..30 {
        let take = || {
            let mut calls = 0;
            move |hart: &mut Hart, _: &mut Memory| {
                calls += 1;
                if calls == 50 {
                    hart.fuel = left;
                }
            }
        };
        let ended = both(|| machine(&code, false), FUEL, take);
        assert_eq!((ended.exit, ended.machine.hart.fuel), (Exit::OutOfFuel, 0), "{left}");
    }
}

#[test]
fn a_host_that_grants_fuel_keeps_the_guest_going() {
    let code = code(|asm| {
        repeat(asm, X::S0, 1000, |asm| {
            addi(asm, X::A1, X::A1, 1);
            call(asm, 1);
        });
    });
    let ended = both(|| machine(&code, false), 40, || |hart: &mut Hart, _: &mut Memory| hart.add_fuel(10));
    assert_eq!((ended.exit, ended.x(X::A1)), (Exit::Completed(0), 1000));
}

#[test]
fn a_host_may_change_every_register_but_zero() {
    let code = code(|asm| {
        repeat(asm, X::S0, 100, |asm| {
            call(asm, 1);
            for i in 1..32 {
                let rs2 = X::ALL[i];
                asm.inst(Inst::Xor(format::R { rd: X::A1, rs1: X::A1, rs2 }));
                sd(asm, rs2, X::S1, 8 * (i as i32 % 16));
            }
        });
    });
    let make = || {
        let mut machine = with_page(&code);
        machine.hart.x[X::S1.index()] = PAGE;
        machine
    };
    both(make, FUEL, || {
        |hart: &mut Hart, _: &mut Memory| {
            for i in (0..32).filter(|i| ![8, 9, 17].contains(i)) {
                hart.x[i] = hart.x[i].rotate_left(7).wrapping_add(i as u64);
                hart.f[i] = hart.x[i];
            }
            hart.fcsr = (hart.fcsr + 0x21) & 0x7f;
        }
    });
}

#[test]
fn code_that_a_call_takes_away_traps_where_control_returns() {
    let code = code(|asm| {
        let function = recursive(asm, false, |asm| call(asm, 1));
        asm.li(X::A0, 100);
        asm.jump(X::RA, function);
    });
    for perms in [Perms::R, Perms::NONE, Perms::RW] {
        let ended = both(
            || machine(&code, false),
            FUEL,
            || {
                move |_: &mut Hart, memory: &mut Memory| {
                    memory.protect(CODE..CODE + 4096, perms).expect("mapped")
                }
            },
        );
        assert_eq!(ended.exit, access_fault(ended.machine.hart.pc), "{perms:?}");
    }
}

/// The host replaces all code while a hundred callers wait for their callee.
#[test]
fn code_that_a_call_replaces_is_what_callers_go_on_with() {
    let build = |step| {
        code(|asm| {
            let (deeper, over) = (asm.label(), asm.label());
            asm.jump(X::ZERO, over);
            let function = asm.here();
            asm.branch(Opcode::Bne, X::A0, X::ZERO, deeper);
            call(asm, 1);
            ret(asm);
            asm.bind(deeper);
            addi(asm, X::SP, X::SP, -16);
            sd(asm, X::RA, X::SP, 8);
            addi(asm, X::A0, X::A0, -1);
            asm.jump(X::RA, function);
            addi(asm, X::A1, X::A1, step);
            ld(asm, X::RA, X::SP, 8);
            addi(asm, X::SP, X::SP, 16);
            ret(asm);
            asm.bind(over);
            asm.li(X::A0, 100);
            asm.jump(X::RA, function);
        })
    };
    let (first, second) = (build(1), build(7));
    let replace = || {
        |_: &mut Hart, memory: &mut Memory| {
            let text = CODE..CODE + 4096;
            memory.protect(text.clone(), Perms::RW).expect("mapped");
            memory.slice_mut(CODE, second.len() as u64).expect("writable").copy_from_slice(&second);
            memory.protect(text, Perms::RX).expect("mapped");
        }
    };
    let ended = both(|| machine(&first, false), FUEL, replace);
    assert_eq!((ended.exit, ended.x(X::A1)), (Exit::Completed(0), 700));
}

/// Calls what lies `distance` behind it a thousand times.
fn call_far(distance: u64, far: impl Fn(&mut Assembler)) -> Ended {
    let far_code = {
        let mut asm = Assembler::new();
        far(&mut asm);
        ret(&mut asm);
        asm.finish()
    };
    let start = CODE + distance;
    let near = code(|asm| {
        repeat(asm, X::S0, 1000, |asm| {
            asm.li(X::T1, start);
            jalr(asm, X::RA, X::T1, 0);
        });
    });
    let make = || {
        let mut machine = machine(&near, false);
        let memory = &mut machine.memory;
        memory.map(start..start + 4096, Perms::RW, SegmentKind::Text, "far").expect("room");
        memory.slice_mut(start, far_code.len() as u64).expect("mapped").copy_from_slice(&far_code);
        memory.protect(start..start + 4096, Perms::RX).expect("mapped");
        machine
    };
    both(make, FUEL, no_calls)
}

#[test]
fn code_in_two_places_far_apart_calls_each_other() {
    let ended = call_far(16 << 20, |asm| addi(asm, X::A1, X::A1, 1)).natively();
    assert_eq!(ended.x(X::A1), 1000);
}

/// The table of code has an end. What lies behind it is interpreted.
#[test]
fn code_farther_away_than_the_table_of_code_reaches_is_executed() {
    let ended = call_far(48 << 20, |asm| repeat(asm, X::T2, 3, |asm| addi(asm, X::A1, X::A1, 1)));
    assert_eq!(ended.x(X::A1), 3000);
}

#[test]
fn straight_code_goes_on_across_pages_and_traps_where_text_ends() {
    let mut asm = Assembler::new();
    for _ in 0..2048 {
        addi(&mut asm, X::A1, X::A1, 1);
    }
    let ended = run(&asm.finish());
    assert_eq!((ended.exit, ended.x(X::A1)), (access_fault(CODE + 8192), 2048));
}

// Code that writes code.

fn fence_i(asm: &mut Assembler) {
    asm.inst(Inst::FenceI(format::FenceI { rd: X::ZERO, rs1: X::ZERO, imm: 0 }));
}

/// A loop that adds `imm` to the immediate of an instruction of its own, `rounds` times.
fn self_modifying(rounds: u64, inner: u64, with_fence: bool) -> Vec<u8> {
    code(|asm| {
        let patched = asm.label();
        asm.address(X::S1, patched);
        asm.li(X::S2, 1 << 20);
        repeat(asm, X::S0, rounds, |asm| {
            asm.inst(Inst::Lw(format::Load { rd: X::T1, rs1: X::S1, imm: 0 }));
            asm.inst(Inst::Addw(format::R { rd: X::T1, rs1: X::T1, rs2: X::S2 }));
            asm.inst(Inst::Sw(format::S { rs1: X::S1, rs2: X::T1, imm: 0 }));
            if with_fence {
                fence_i(asm);
            }
            repeat(asm, X::S3, inner, |asm| {
                asm.bind(patched);
                addi(asm, X::A1, X::A1, 0);
            });
        });
    })
}

#[test]
fn code_that_rewrites_itself_is_run_as_it_was_at_the_last_fence_i() {
    let rewriting = self_modifying(50, 2000, true);
    let ended = both(|| machine(&rewriting, true), FUEL, no_calls).natively();
    assert_eq!(ended.x(X::A1), 2000 * (1..=50).sum::<u64>());
    let without = self_modifying(50, 2000, false);
    let ended = both(|| machine(&without, true), FUEL, no_calls).natively();
    assert_eq!(ended.x(X::A1), 0);
}

#[test]
fn a_callee_may_rewrite_its_caller() {
    let code = code(|asm| {
        let (function, patched, over) = (asm.label(), asm.label(), asm.label());
        asm.jump(X::ZERO, over);
        asm.bind(function);
        asm.inst(Inst::Lw(format::Load { rd: X::T1, rs1: X::S1, imm: 0 }));
        asm.inst(Inst::Addw(format::R { rd: X::T1, rs1: X::T1, rs2: X::S2 }));
        asm.inst(Inst::Sw(format::S { rs1: X::S1, rs2: X::T1, imm: 0 }));
        fence_i(asm);
        ret(asm);
        asm.bind(over);
        asm.address(X::S1, patched);
        asm.li(X::S2, 1 << 20);
        repeat(asm, X::S0, 30, |asm| {
            asm.jump(X::RA, function);
            asm.bind(patched);
            addi(asm, X::A1, X::A1, 0);
        });
    });
    let ended = both(|| machine(&code, true), FUEL, no_calls);
    assert_eq!(ended.x(X::A1), (1..=30).sum::<u64>());
}

#[test]
fn code_made_at_run_time_runs_natively() {
    // Writes `addi a1, a1, 3; ret` to the page behind its own, then calls it many times.
    let code = code(|asm| {
        let add = Inst::Addi(format::I { rd: X::A1, rs1: X::A1, imm: 3 }).encode();
        let ret_word = Inst::Jalr(format::Jalr { rd: X::ZERO, rs1: X::RA, imm: 0 }).encode();
        asm.li(X::S1, PAGE);
        asm.li(X::T1, u64::from(add));
        asm.inst(Inst::Sw(format::S { rs1: X::S1, rs2: X::T1, imm: 0 }));
        asm.li(X::T1, u64::from(ret_word));
        asm.inst(Inst::Sw(format::S { rs1: X::S1, rs2: X::T1, imm: 4 }));
        fence_i(asm);
        repeat(asm, X::S0, 5000, |asm| jalr(asm, X::RA, X::S1, 0));
    });
    let make = || {
        let mut machine = machine(&code, true);
        machine.memory.map(PAGE..PAGE + 4096, Perms::RWX, SegmentKind::Text, "made").expect("room");
        machine
    };
    let ended = both(make, FUEL, no_calls).natively();
    assert_eq!(ended.x(X::A1), 15_000);
}

// Accesses.

#[test]
fn a_loop_over_memory_traps_at_the_first_byte_that_is_not_there() {
    let sizes = [(Opcode::Lb, 1), (Opcode::Lh, 2), (Opcode::Lw, 4), (Opcode::Ld, 8)];
    for (opcode, stride) in sizes {
        for imm in [0, 7, -8, 2047, -2048] {
            let ended = run(&code(|asm| {
                asm.li(X::S1, DATA.wrapping_sub(imm as i64 as u64));
                let again = asm.here();
                asm.word(opcode.fill(format::Load { rd: X::A2, rs1: X::S1, imm }.encode()));
                addi(asm, X::S1, X::S1, stride);
                addi(asm, X::A1, X::A1, 1);
                asm.jump(X::ZERO, again);
            }))
            .natively();
            let trap =
                Exit::Trap(Trap { cause: Cause::LoadAccessFault, pc: ended.machine.hart.pc, tval: DATA_END });
            assert_eq!(ended.exit, trap, "{opcode} {imm}");
            assert_eq!(ended.x(X::A1), (DATA_END - DATA) / stride as u64);
        }
    }
}

const ACCESSES: [(Opcode, bool); 9] = [
    (Opcode::Lb, false),
    (Opcode::Lhu, false),
    (Opcode::Lw, false),
    (Opcode::Ld, false),
    (Opcode::Fld, false),
    (Opcode::Sb, true),
    (Opcode::Sh, true),
    (Opcode::Sw, true),
    (Opcode::Sd, true),
];

/// An access through `base`, loads to a register that nothing else reads, on half of the trips if `counter` is given.
fn any_access(asm: &mut Assembler, source: &mut Source<'_>, base: X, counter: Option<X>) {
    let (opcode, is_store) = source.pick(&ACCESSES);
    let imm = source.pick(&[0, 0, 0, 1, 8, -1, -8, 16, 100, 2047, -2048]);
    let word = if is_store {
        format::S { rs1: base, rs2: X::A5, imm }.encode()
    } else {
        format::Load { rd: X::A4, rs1: base, imm }.encode()
    };
    let over = asm.label();
    if let Some(counter) = counter {
        asm.inst(Inst::Andi(format::I { rd: X::T0, rs1: counter, imm: 1 }));
        asm.branch(Opcode::Bne, X::T0, X::ZERO, over);
    }
    asm.word(opcode.fill(word));
    asm.bind(over);
}

/// A loop in which some registers advance, once or twice or now and then, and memory is accessed through them.
fn any_loop(asm: &mut Assembler, source: &mut Source<'_>, depth: usize) {
    let counters = [X::S0, X::S1];
    let pointers = [X::A0, X::A1, X::A2];
    let (counter, pointer) = (counters[depth], pointers[source.below(3)]);
    let trips = source.pick(&[1, 2, 3, 7, 33, 40, 300, 3000]);
    repeat(asm, counter, if depth == 0 { trips } else { trips.min(40) }, |asm| {
        for _ in 0..1 + source.below(6) {
            match source.below(10) {
                8 => {
                    // At a sum, which is made anew on each trip.
                    let (other, more) = (source.pick(&[counter, X::A5]), source.pick(&[0, 5, -16]));
                    asm.inst(Inst::Add(format::R { rd: X::T1, rs1: pointer, rs2: other }));
                    addi(asm, X::T1, X::T1, more);
                    any_access(asm, source, X::T1, None);
                }
                9 => {
                    addi(asm, X::A6, pointer, source.pick(&[0, 8, -8, 100]));
                    any_access(asm, source, X::A6, None);
                    addi(asm, X::A6, X::A6, 8);
                    any_access(asm, source, X::A6, None);
                }
                0..4 => {
                    let base = if source.chance(70) { pointer } else { source.pick(&pointers) };
                    let counter = source.chance(25).then_some(counter);
                    any_access(asm, source, base, counter);
                }
                4..6 => {
                    let step =
                        source.pick(&[1, 1, 2, 3, 4, 8, 8, 24, 40, 384, 2047, -1, -2, -8, -100, -2048]);
                    addi(asm, pointer, pointer, step);
                }
                6 => {
                    let over = asm.label();
                    asm.branch(source.pick(&[Opcode::Beq, Opcode::Blt, Opcode::Bgeu]), counter, X::A5, over);
                    addi(asm, source.pick(&pointers), pointer, source.pick(&[8, -8, 0]));
                    asm.bind(over);
                }
                _ if depth == 0 => any_loop(asm, source, 1),
                _ => addi(asm, X::A5, X::A5, 3),
            }
        }
    });
}

/// Where pointers begin: ends of what is mapped, gaps, both ends of the address space, the middle.
const STARTS: [u64; 12] = [
    DATA,
    DATA + 1000,
    DATA_END - 4096,
    DATA_END - 40,
    DATA_END - 1,
    DATA - 8,
    STACK_TOP - 4096,
    STACK_TOP - 24,
    STACK_TOP - STACK + 64,
    CODE,
    0,
    u64::MAX - 100,
];

/// Guards in front of loops let through what the interpreter does, and nothing else, at every fuel limit.
#[test]
fn loops_over_memory_do_what_they_do_in_the_interpreter() {
    let rounds = if Effort::from_env() == Effort::Full { 3000 } else { 300 };
    let (mut traps, mut native, mut interpreted) = (0, 0, 0);
    for seed in 0..rounds {
        let source = &mut Source::Seed(seed);
        let code = code(|asm| {
            for pointer in [X::A0, X::A1, X::A2] {
                let start = if source.chance(70) { source.pick(&STARTS[..4]) } else { source.pick(&STARTS) };
                asm.li(pointer, start);
            }
            any_loop(asm, source, 0);
        });
        let ended = run(&code);
        traps += u64::from(matches!(ended.exit, Exit::Trap(_)));
        native += ended.instructions.native();
        interpreted += ended.instructions.interpreted;
        let retired = ended.machine.hart.instret();
        for _ in 0..4 {
            both(|| machine(&code, false), source.bits() % (retired + 2), no_calls);
        }
        for tier in &tiers() {
            let mut unmetered = machine(&code, false);
            unmetered.hart.add_fuel(FUEL);
            let tunables = Tunables { fuel: false, ..tier.clone() };
            let exit = unmetered.run(&mut Native::new(tunables), &mut Answer(no_calls())).expect("it ends");
            assert_eq!(exit, ended.exit, "{tier:?}, seed {seed}");
            assert_eq!(unmetered.hart.x, ended.machine.hart.x, "{tier:?}, seed {seed}");
        }
    }
    println!("{rounds} loops, {traps} traps, {native} instructions native, {interpreted} interpreted");
    assert!(traps > rounds / 10 && traps < rounds, "{traps} traps");
    assert!(native > 5 * interpreted, "{native} instructions ran natively, {interpreted} did not");
}

/// A label knows what all ways to it know, not what one does.
#[test]
fn what_one_way_has_guarded_or_loaded_another_has_not() {
    for (other, imm) in [(DATA_END, 0), (DATA_END - 8, 8), (0, 0), (DATA + 64, 0)] {
        let ended = run(&code(|asm| {
            let (one, both) = (asm.label(), asm.label());
            asm.li(X::S0, 2);
            let again = asm.here();
            addi(asm, X::S0, X::S0, -1);
            asm.branch(Opcode::Bne, X::S0, X::ZERO, one);
            // What is accessed behind the label has been guarded on the other way only.
            asm.li(X::A0, other);
            asm.li(X::A1, 7);
            asm.jump(X::ZERO, both);
            asm.bind(one);
            asm.li(X::T3, DATA);
            // A value the translator does not know.
            asm.inst(Inst::Or(format::R { rd: X::A0, rs1: X::T3, rs2: X::S3 }));
            asm.li(X::A1, 5);
            sd(asm, X::A1, X::A0, 0);
            sd(asm, X::A1, X::A0, 8);
            asm.bind(both);
            sd(asm, X::A1, X::A0, imm);
            addi(asm, X::A2, X::A1, 1);
            asm.branch(Opcode::Bne, X::S0, X::ZERO, again);
        }));
        let is_there = other + imm as u64 == DATA + 64;
        assert_eq!(matches!(ended.exit, Exit::Completed(_)), is_there, "{ended:?}");
        assert_eq!(ended.x(X::A2), if is_there { 8 } else { 6 });
    }
}

/// Guards in front of a loop are no good to who does not come by there.
#[test]
fn a_loop_that_is_entered_in_the_middle_guards_there() {
    for start in [DATA, DATA_END - 16, DATA_END, 0] {
        let ended = run(&code(|asm| {
            // Looks ahead at its trips.
            asm.li(X::A1, DATA);
            repeat(asm, X::S0, 20, |asm| {
                ld(asm, X::A2, X::A1, 0);
                addi(asm, X::A1, X::A1, 8);
            });
            asm.li(X::A1, start);
            asm.li(X::S0, 4);
            let middle = asm.label();
            asm.jump(X::ZERO, middle);
            let again = asm.here();
            ld(asm, X::A3, X::A1, 0);
            asm.bind(middle);
            ld(asm, X::A2, X::A1, 0);
            addi(asm, X::A1, X::A1, 8);
            addi(asm, X::S0, X::S0, -1);
            asm.branch(Opcode::Bne, X::S0, X::ZERO, again);
        }));
        assert_eq!(matches!(ended.exit, Exit::Completed(_)), start == DATA, "{ended:?}");
    }
}

/// What not every trip accesses may be anywhere, and the loop runs natively.
#[test]
fn a_pointer_that_is_never_followed_keeps_no_loop_from_running() {
    for exit_first in [false, true] {
        let code = code(|asm| {
            let (over, out) = (asm.label(), asm.label());
            asm.li(X::S0, 10_000);
            let again = asm.here();
            addi(asm, X::S0, X::S0, -1);
            if exit_first {
                asm.branch(Opcode::Beq, X::S0, X::ZERO, out);
                asm.branch(Opcode::Bne, X::S0, X::ZERO, again);
            } else {
                asm.branch(Opcode::Bne, X::S0, X::ZERO, over);
            }
            ld(asm, X::A2, X::A1, 0);
            asm.bind(over);
            addi(asm, X::A1, X::A1, 8);
            asm.branch(Opcode::Blt, X::ZERO, X::S0, again);
            asm.bind(out);
        });
        for tier in &tiers() {
            both_in(tier, || machine(&code, false), FUEL, no_calls).natively();
        }
    }
}

/// Values that generated code may hold twice change in both places.
#[test]
fn registers_without_a_place_of_their_own_are_never_stale() {
    let (a, b) = (X::A6, X::A7);
    run(&code(|asm| {
        asm.li(a, 3);
        asm.li(b, 10);
        asm.li(X::A1, DATA);
        for round in 0..4 {
            addi(asm, a, a, 5);
            asm.inst(Inst::Mul(format::R { rd: b, rs1: a, rs2: a }));
            asm.inst(Inst::Sub(format::R { rd: a, rs1: b, rs2: a }));
            asm.inst(Inst::Sub(format::R { rd: b, rs1: a, rs2: b }));
            asm.inst(Inst::Mul(format::R { rd: X::T3, rs1: a, rs2: b }));
            addi(asm, a, a, 1);
            addi(asm, b, a, -1);
            asm.inst(Inst::Add(format::R { rd: a, rs1: a, rs2: X::A1 }));
            sd(asm, a, X::A1, 8 * round);
            asm.inst(Inst::Addiw(format::I { rd: b, rs1: a, imm: 7 }));
            asm.inst(Inst::Div(format::R { rd: X::T4, rs1: a, rs2: b }));
            addi(asm, X::T5, X::T4, 2);
            asm.inst(Inst::Mul(format::R { rd: a, rs1: X::T4, rs2: X::T5 }));
            ld(asm, X::T5, X::A1, 8 * round);
            asm.inst(Inst::Slt(format::R { rd: X::T6, rs1: X::T5, rs2: a }));
            asm.inst(Inst::Sub(format::R { rd: X::T6, rs1: X::T4, rs2: X::T6 }));
            let over = asm.label();
            asm.branch(Opcode::Blt, X::T6, a, over);
            addi(asm, a, b, 9);
            asm.bind(over);
            asm.inst(Inst::Xor(format::R { rd: b, rs1: a, rs2: X::T6 }));
        }
    }));
}

/// Stores before the one that traps have happened, those after it have not, though all are guarded together.
#[test]
fn of_stores_that_are_guarded_together_those_before_the_trap_happen() {
    for order in [[0, 8, 16, 24], [24, 16, 8, 0], [16, 0, 24, 8]] {
        for start in [DATA_END - 20, DATA_END - 8, DATA - 12, DATA_END, WINDOW] {
            run(&code(|asm| {
                asm.li(X::A0, start);
                asm.li(X::A1, 0x1122_3344_5566_7788);
                repeat(asm, X::S0, 3, |asm| {
                    for imm in order {
                        sd(asm, X::A1, X::A0, imm);
                        addi(asm, X::A1, X::A1, 1);
                    }
                });
            }));
        }
    }
}

#[test]
fn an_atomic_at_a_constant_address_reaches_it() {
    let ended = run(&code(|asm| {
        asm.li(X::A0, DATA + 16);
        asm.li(X::A1, 5);
        let amo = |rd, rs2| format::Amo { rd, rs1: X::A0, rs2, aq: false, rl: false };
        sd(asm, X::A1, X::A0, 0);
        asm.inst(Inst::AmoaddD(amo(X::A2, X::A1)));
        asm.inst(Inst::AmoaddD(amo(X::A3, X::A1)));
        ld(asm, X::A4, X::A0, 0);
    }));
    assert_eq!([X::A2, X::A3, X::A4].map(|x| ended.x(x)), [5, 10, 15]);
}

/// Where a signed comparison of addresses goes wrong, behind an access that is known to be right.
#[test]
fn an_access_across_the_middle_of_the_address_space_is_guarded() {
    for base in [(1 << 63) - 1, 1 << 63, (1 << 63) + 4] {
        for imm in [-8, -6, -4, -1, 0, 1] {
            for is_constant in [false, true] {
                let ended = run(&code(|asm| {
                    asm.li(X::A0, base);
                    if !is_constant {
                        // A product is no constant to the translator.
                        asm.li(X::A1, 1);
                        asm.inst(Inst::Mul(format::R { rd: X::A0, rs1: X::A0, rs2: X::A1 }));
                    }
                    asm.li(X::A2, DATA);
                    sd(asm, X::A1, X::A2, 0);
                    sd(asm, X::A1, X::A0, imm);
                }));
                let tval = base.wrapping_add_signed(i64::from(imm));
                assert!(
                    matches!(ended.exit, Exit::Trap(trap) if (trap.cause, trap.tval) == (Cause::StoreAccessFault, tval)),
                    "{ended:?}"
                );
            }
        }
    }
}

#[test]
fn an_address_that_wraps_around_is_no_address() {
    for base in [u64::MAX, u64::MAX - 7, u64::MAX - 2046, 0, 1, 2047] {
        for imm in [-2048, -1, 0, 1, 8, 2047] {
            for store in [false, true] {
                let ended = run(&code(|asm| {
                    asm.li(X::A0, base);
                    if store {
                        sd(asm, X::A0, X::A0, imm);
                    } else {
                        ld(asm, X::A0, X::A0, imm);
                    }
                }));
                let tval = base.wrapping_add_signed(i64::from(imm));
                let cause = if store { Cause::StoreAccessFault } else { Cause::LoadAccessFault };
                assert!(
                    matches!(ended.exit, Exit::Trap(trap) if (trap.cause, trap.tval) == (cause, tval)),
                    "{ended:?}"
                );
            }
        }
    }
}

/// Pages at which accesses begin and end to be allowed, with a hole of one page behind those without permissions: what is
/// read only, written, and neither, in all orders, and at the end of the address space.
fn with_borders(code: &[u8]) -> (Machine, Vec<u64>) {
    const FIRST: u64 = 0x80_0000 - (64 << 12);
    const NONE: Perms = Perms::NONE;
    let pages = [NONE, Perms::RW, Perms::R, Perms::RW, NONE, Perms::R, NONE, Perms::RW, Perms::RW, NONE];
    let mut machine = machine(code, false);
    let end = machine.memory.limits().address_space;
    let last = [(end - 4096, Perms::RW)];
    let mut borders = vec![end];
    let addresses = (FIRST..).step_by(4096);
    for (addr, perms) in addresses.zip(pages).chain(last).filter(|(_, perms)| !perms.is_none()) {
        machine.memory.map(addr..addr + 4096, perms, SegmentKind::Heap, "page").expect("room");
        borders.push(addr);
    }
    borders.extend([FIRST + 4 * 4096, FIRST + 6 * 4096, FIRST + 9 * 4096]);
    (machine, borders)
}

#[test]
fn accesses_at_the_borders_of_pages_trap_exactly_where_they_are_not_allowed() {
    type Build = fn(&mut Assembler);
    let programs: [Build; 8] = [
        |asm| ld(asm, X::A2, X::A5, 0),
        |asm| sd(asm, X::A2, X::A5, 0),
        |asm| asm.inst(Inst::Lb(format::Load { rd: X::A2, rs1: X::T3, imm: 0 })),
        |asm| asm.inst(Inst::Sw(format::S { rs1: X::T3, rs2: X::A2, imm: 4 })),
        // Guarded together: what is written first is written though the second is not allowed.
        |asm| (sd(asm, X::A0, X::A5, 0), sd(asm, X::A0, X::A5, 500)).1,
        |asm| (ld(asm, X::A2, X::A5, 504), ld(asm, X::A3, X::A5, 0)).1,
        // Guarded in front of the loop, for some trips at once.
        |asm| {
            repeat(asm, X::A4, 70, |asm| {
                ld(asm, X::A2, X::A5, 0);
                addi(asm, X::A5, X::A5, 8);
            });
        },
        |asm| {
            repeat(asm, X::A4, 70, |asm| {
                asm.inst(Inst::Add(format::R { rd: X::T3, rs1: X::A5, rs2: X::A4 }));
                asm.inst(Inst::Sb(format::S { rs1: X::T3, rs2: X::A4, imm: -1 }));
            });
        },
    ];
    let [ranges, .., pages] = tiers();
    for build in programs {
        let code = code(build);
        let (_, borders) = with_borders(&code);
        for border in borders {
            for distance in [-568, -560, -512, -511, -508, -504, -500, -72, -71, -9, -8, -7, -4, -1, 0, 1] {
                let addr = border.wrapping_add_signed(distance);
                let make = || {
                    let mut machine = with_borders(&code).0;
                    machine.hart.x[X::A5.index()] = addr;
                    machine.hart.x[X::T3.index()] = addr;
                    machine
                };
                for tier in [&ranges, &pages] {
                    both_in(tier, make, FUEL, no_calls);
                }
            }
        }
    }
}

#[test]
fn what_the_host_executes_is_counted_without_metering() {
    const CALLS: u64 = 1000;
    let code = code(|asm| {
        repeat(asm, X::S0, CALLS, |asm| {
            addi(asm, X::A1, X::A1, 1);
            ecall(asm);
        });
    });
    for tier in &tiers() {
        let mut machine = machine(&code, false);
        machine.hart.add_fuel(FUEL);
        let tunables = Tunables { fuel: false, ..tier.clone() };
        let host = &mut Answer(|_: &mut Hart, _: &mut Memory| ());
        assert_eq!(machine.run(&mut Native::new(tunables), host).expect("all is well"), Exit::Completed(0));
        assert_eq!(machine.hart.x[X::A1.index()], CALLS);
        assert!((CALLS..4 * CALLS).contains(&machine.hart.instret()), "{tier:?}");
    }
}
