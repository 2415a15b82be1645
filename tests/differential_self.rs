//! What no oracle can judge: fuel, stepping, breakpoints, pauses, precise traps, counters, determinism.
//!
//! All of it says that how a program is run does not show in what it does. Each test runs once for each executor; what
//! a program does is what the interpreter does with it in one go.

use std::thread;
use std::time::Duration;

use causality_jit::Tunables;
use causality_vm::Native;

use causality_interp::Interpreter;
use causality_machine::isa::format;
use causality_machine::isa::reg::X;
use causality_machine::isa::{Inst, Opcode, csr};
use causality_machine::memory::{Perms, SegmentKind};
use causality_machine::{Cause, Executor, Exit, Limits, Machine, PauseReason, Trap};
use causality_testkit::digest::digest;
use causality_testkit::operands::{Operands, Slot};
use causality_testkit::program::{CODE, DATA, DATA_END, Program, WINDOW};
use causality_testkit::property;
use causality_testkit::sweep::Effort;
use causality_testkit::vm::{self, End};
use causality_testkit::{Assembler, Shape, Source, State, generate};

/// More than any program here needs.
const FUEL: u64 = 1 << 40;

/// Makes an executor.
type Make = fn() -> Box<dyn Executor>;

fn interpreter() -> Box<dyn Executor> {
    Box::new(Interpreter::new())
}

fn baseline() -> Box<dyn Executor> {
    Box::new(Native::new(Tunables::of_all_kinds()[0].clone()))
}

fn cranelift() -> Box<dyn Executor> {
    Box::new(Native::new(Tunables::default()))
}

/// Baseline code, and Cranelift's in its place as often as possible.
fn promoting() -> Box<dyn Executor> {
    Box::new(Native::new(Tunables::of_all_kinds()[2].clone()))
}

/// Baseline code that looks at the page table.
fn paged() -> Box<dyn Executor> {
    Box::new(Native::new(Tunables::of_all_kinds()[3].clone()))
}

/// Makes a test of each function, for each executor.
macro_rules! on_every_executor {
    ($($name:ident),* $(,)?) => {
        mod interpreted {
            $(#[test] fn $name() { super::$name(super::interpreter); })*
        }
        mod baseline {
            $(#[test] fn $name() { super::$name(super::baseline); })*
        }
        mod cranelift {
            $(#[test] fn $name() { super::$name(super::cranelift); })*
        }
        mod promoting {
            $(#[test] fn $name() { super::$name(super::promoting); })*
        }
        mod paged {
            $(#[test] fn $name() { super::$name(super::paged); })*
        }
    };
}

on_every_executor! {
    running_ends_as_in_the_interpreter,
    every_fuel_limit_stops_exactly_and_resumes_to_the_same_end,
    slices_of_any_size_do_not_show,
    random_fuel_slices_do_not_show,
    runs_for_at_most_some_instructions_do_not_show,
    stepping_equals_running,
    a_breakpoint_pauses_before_its_instruction_every_time_and_does_not_show,
    the_same_program_gives_the_same_digest_and_another_start_another,
    a_pause_asked_for_before_a_run_comes_before_its_first_instruction,
    another_thread_can_pause_a_loop_that_never_ends_and_it_goes_on_where_it_was,
    traps_are_precise,
    an_ecall_that_nothing_answers_traps,
    a_jump_to_nowhere_retires_and_the_fetch_traps_there,
    an_instruction_cut_off_by_the_end_of_code_traps_at_its_second_half,
    counters_count_retired_instructions,
    fence_i_makes_stores_to_code_visible_and_nothing_else_does,
    cbo_zero_clears_the_aligned_block_and_nothing_else,
    a_reservation_is_for_one_sc_of_the_same_word_and_size,
    the_fuzzed_properties_hold_for_random_words_and_code,
}

fn run(machine: &mut Machine, executor: &mut dyn Executor) -> Exit {
    machine.run(executor, &mut End).expect("the machine can run")
}

/// A machine that has run `program` with all the fuel it needs, and why it stopped.
fn finished_by(make: Make, program: &Program) -> (Exit, Machine) {
    let mut machine = vm::machine(program);
    machine.hart.add_fuel(FUEL);
    let exit = run(&mut machine, &mut *make());
    (exit, machine)
}

/// The same by the interpreter: what all else is compared with.
fn finished(program: &Program) -> (Exit, Machine) {
    finished_by(interpreter, program)
}

fn programs(count: u64, statements: usize) -> impl Iterator<Item = Program> {
    let shape = Shape::own(statements);
    (0..count).map(move |seed| generate(&mut Source::Seed(seed), &shape))
}

fn small_programs() -> impl Iterator<Item = Program> {
    programs(Effort::from_env().choose(100, 400) as u64, 14)
}

fn program(build: impl FnOnce(&mut Assembler)) -> Program {
    let mut asm = Assembler::new();
    build(&mut asm);
    Program { code: asm.finish(), ..Program::default() }
}

/// Runs a machine at its start to its end, with grants of `slices`, in turn for ever.
fn run_sliced(machine: &mut Machine, executor: &mut dyn Executor, mut slices: impl FnMut() -> u64) -> Exit {
    loop {
        let slice = slices();
        let (before, owed) = (machine.hart.instret(), machine.hart.fuel + slice);
        machine.hart.add_fuel(slice);
        let exit = executor.execute(machine, &mut End, u64::MAX).expect("the host answers");
        if exit != Exit::OutOfFuel {
            let left = FUEL - machine.hart.granted;
            machine.hart.add_fuel(left);
            return exit;
        }
        assert_eq!(machine.hart.instret() - before, owed, "all fuel is used before it is said to be out");
        assert_eq!(machine.hart.fuel, 0);
    }
}

fn running_ends_as_in_the_interpreter(make: Make) {
    for program in programs(Effort::from_env().choose(300, 5000) as u64, 60) {
        let (exit, machine) = finished(&program);
        let (other_exit, other) = finished_by(make, &program);
        assert_eq!(
            digest(&other_exit, &other),
            digest(&exit, &machine),
            "{other_exit:?} {exit:?}\n{}",
            program.listing(CODE)
        );
    }
}

/// The executor keeps what it made of the program, so that most of the limits are met by finished code.
fn every_fuel_limit_stops_exactly_and_resumes_to_the_same_end(make: Make) {
    let (mut limits, mut traps) = (0, 0);
    for program in small_programs() {
        let (exit, machine) = finished(&program);
        let expected = digest(&exit, &machine);
        traps += u64::from(matches!(exit, Exit::Trap(_)));
        let (mut sliced, mut kept) = (vm::machine(&program), make());
        for limit in 0..=machine.hart.instret() {
            if limit % 16 == 7 {
                kept = make();
            }
            let mut first = Some(limit);
            vm::rewind(&program, &mut sliced);
            let exit = run_sliced(&mut sliced, &mut *kept, || first.take().unwrap_or(1 << 30));
            assert_eq!(digest(&exit, &sliced), expected, "limit {limit}\n{}", program.listing(CODE));
            limits += 1;
        }
    }
    println!("{limits} fuel limits, {traps} programs that trap");
}

fn slices_of_any_size_do_not_show(make: Make) {
    for program in programs(Effort::from_env().choose(60, 600) as u64, 80) {
        let (exit, machine) = finished(&program);
        let (mut sliced, mut kept) = (vm::machine(&program), make());
        for slice in [1, 2, 7, 1009] {
            vm::rewind(&program, &mut sliced);
            let sliced_exit = run_sliced(&mut sliced, &mut *kept, || slice);
            assert_eq!(
                digest(&sliced_exit, &sliced),
                digest(&exit, &machine),
                "slices of {slice}\n{}",
                program.listing(CODE)
            );
        }
    }
}

fn random_fuel_slices_do_not_show(make: Make) {
    let mut source = Source::Seed(7);
    for program in programs(Effort::from_env().choose(100, 2000) as u64, 80) {
        let (exit, machine) = finished(&program);
        let most = 1 + source.below(200);
        let mut sliced = vm::machine(&program);
        let sliced_exit = run_sliced(&mut sliced, &mut *make(), || 1 + source.below(most) as u64);
        assert_eq!(digest(&sliced_exit, &sliced), digest(&exit, &machine), "{}", program.listing(CODE));
    }
}

/// A run may be bounded without its fuel being so.
fn runs_for_at_most_some_instructions_do_not_show(make: Make) {
    let mut source = Source::Seed(8);
    for program in programs(Effort::from_env().choose(60, 600) as u64, 80) {
        let (exit, machine) = finished(&program);
        let (mut bounded, mut kept) = (vm::machine(&program), make());
        for most in [1, 2, 7, 50, 1009] {
            vm::rewind(&program, &mut bounded);
            bounded.hart.add_fuel(FUEL);
            let bounded_exit = loop {
                let max = 1 + source.below(most) as u64;
                let before = bounded.hart.instret();
                let exit = kept.execute(&mut bounded, &mut End, max).expect("the host answers");
                if exit != Exit::Paused(PauseReason::Step) {
                    break exit;
                }
                assert_eq!(bounded.hart.instret() - before, max, "a run is as long as it may be");
            };
            assert_eq!(digest(&bounded_exit, &bounded), digest(&exit, &machine), "{}", program.listing(CODE));
        }
    }
}

/// The pc of every instruction that retires or traps, in order.
fn trace(make: Make, program: &Program) -> (Vec<u64>, Exit, Machine) {
    let mut machine = vm::machine(program);
    machine.hart.add_fuel(FUEL);
    let (mut pcs, mut executor) = (Vec::new(), make());
    loop {
        pcs.push(machine.hart.pc);
        let before = machine.hart.instret();
        let exit = machine.step(&mut *executor, &mut End).expect("the machine can step");
        if exit != Exit::Paused(PauseReason::Step) {
            return (pcs, exit, machine);
        }
        assert_eq!(machine.hart.instret(), before + 1, "a step is one instruction");
    }
}

fn stepping_equals_running(make: Make) {
    for program in small_programs() {
        let (exit, machine) = finished(&program);
        let (_, stepped_exit, stepped) = trace(make, &program);
        assert_eq!(digest(&stepped_exit, &stepped), digest(&exit, &machine), "{}", program.listing(CODE));
    }
}

fn a_breakpoint_pauses_before_its_instruction_every_time_and_does_not_show(make: Make) {
    let mut pauses = 0;
    for program in small_programs() {
        let (pcs, exit, machine) = trace(interpreter, &program);
        let expected = digest(&exit, &machine);
        let mut places = pcs.clone();
        places.sort_unstable();
        places.dedup();
        let everywhere = places.clone();
        // Each place alone, then all at once.
        for breakpoints in places.iter().map(std::slice::from_ref).chain([everywhere.as_slice()]) {
            let mut machine = vm::machine(&program);
            machine.hart.add_fuel(FUEL);
            breakpoints.iter().for_each(|&pc| assert!(machine.breakpoints.insert(pc)));
            let mut executor = make();
            let visits = pcs.iter().filter(|pc| breakpoints.contains(pc));
            for &pc in visits {
                let exit = run(&mut machine, &mut *executor);
                assert_eq!((exit, machine.hart.pc), (Exit::Paused(PauseReason::Breakpoint), pc));
                pauses += 1;
            }
            let exit = run(&mut machine, &mut *executor);
            assert_eq!(digest(&exit, &machine), expected, "{breakpoints:x?}\n{}", program.listing(CODE));
        }
    }
    println!("{pauses} pauses at breakpoints");
}

fn the_same_program_gives_the_same_digest_and_another_start_another(make: Make) {
    for program in programs(50, 60) {
        let (exit, machine) = finished(&program);
        let (again_exit, again) = finished_by(make, &program);
        assert_eq!(digest(&exit, &machine), digest(&again_exit, &again));
        let mut other = program.clone();
        other.start.x[X::T6.index()] ^= 1;
        let (other_exit, other) = finished_by(make, &other);
        assert_ne!(digest(&exit, &machine), digest(&other_exit, &other));
    }
}

/// `j .`
fn endless() -> Program {
    program(|asm| {
        let here = asm.here();
        asm.add(X::A0, 1);
        asm.jump(X::ZERO, here);
    })
}

fn a_pause_asked_for_before_a_run_comes_before_its_first_instruction(make: Make) {
    let mut machine = vm::machine(&endless());
    machine.hart.add_fuel(10);
    machine.pause_handle().pause();
    assert_eq!(run(&mut machine, &mut *make()), Exit::Paused(PauseReason::Requested));
    assert_eq!((machine.hart.instret(), machine.hart.pc), (0, CODE));
    assert_eq!(run(&mut machine, &mut *make()), Exit::OutOfFuel);
    assert_eq!((machine.hart.instret(), machine.hart.x[X::A0.index()]), (10, 5));
}

fn another_thread_can_pause_a_loop_that_never_ends_and_it_goes_on_where_it_was(make: Make) {
    let mut machine = vm::machine(&endless());
    machine.hart.add_fuel(FUEL);
    let mut executor = make();
    for _ in 0..5 {
        let handle = machine.pause_handle();
        let pauser = thread::spawn(move || {
            thread::sleep(Duration::from_millis(2));
            handle.pause();
        });
        assert_eq!(run(&mut machine, &mut *executor), Exit::Paused(PauseReason::Requested));
        pauser.join().expect("the pausing thread ends");
        let hart = &machine.hart;
        let halfway = hart.instret() % 2;
        assert_eq!(hart.pc, CODE + 4 * halfway);
        assert_eq!(hart.x[X::A0.index()], hart.instret().div_ceil(2));
    }
}

/// What an instruction that traps is called in messages, its code with what prepares it, cause and `tval`.
type Trapping = (&'static str, Vec<u8>, Cause, u64);

fn word(word: u32) -> Vec<u8> {
    word.to_le_bytes().to_vec()
}

/// `opcode` with base `a0` holding `address`, destination `a1`, source `a2`.
fn access(opcode: Opcode, address: u64) -> Vec<u8> {
    let operands = Operands::of(opcode);
    let field = |slot, number: u32, at| if slot == Slot::None { 0 } else { number << at };
    let registers = field(operands.rd, 11, 7) | field(operands.rs1, 10, 15) | field(operands.rs2, 12, 20);
    program(|asm| {
        asm.li(X::A0, address);
        asm.word(opcode.fill(registers));
    })
    .code
}

fn traps() -> Vec<Trapping> {
    use Opcode as O;
    let last = DATA_END - 1;
    let mut all: Vec<Trapping> = vec![
        ("all zeros", vec![0, 0], Cause::IllegalInstruction, 0),
        ("all ones", word(u32::MAX), Cause::IllegalInstruction, u64::from(u32::MAX)),
        ("reserved static rounding", word(O::FaddS.fill(5 << 12)), Cause::IllegalInstruction, 0x5053),
        (
            "reserved dynamic rounding",
            [word(0x0022_d073), word(O::FaddD.fill(7 << 12))].concat(),
            Cause::IllegalInstruction,
            0x0200_7053,
        ),
        ("no such CSR", word(0x7c00_1073), Cause::IllegalInstruction, 0x7c00_1073),
        ("write to a counter", word(0xc000_1073), Cause::IllegalInstruction, 0xc000_1073),
        ("ebreak", word(0x0010_0073), Cause::Breakpoint, CODE + 8),
        ("c.ebreak", vec![0x02, 0x90], Cause::Breakpoint, CODE + 8),
    ];
    for load in [O::Lb, O::Lbu] {
        all.push(("load of nothing", access(load, DATA_END), Cause::LoadAccessFault, DATA_END));
    }
    for load in [O::Lh, O::Lhu, O::Lw, O::Lwu, O::Ld, O::Flh, O::Flw, O::Fld] {
        all.push(("load over the end", access(load, last), Cause::LoadAccessFault, last));
        all.push(("load below the start", access(load, DATA - 1), Cause::LoadAccessFault, DATA - 1));
        all.push(("load of null", access(load, 0), Cause::LoadAccessFault, 0));
        all.push(("load around the top", access(load, u64::MAX), Cause::LoadAccessFault, u64::MAX));
    }
    for store in [O::Sh, O::Sw, O::Sd, O::Fsh, O::Fsd] {
        all.push(("store over the end", access(store, last), Cause::StoreAccessFault, last));
        all.push(("store below the start", access(store, DATA - 1), Cause::StoreAccessFault, DATA - 1));
        all.push(("store to code", access(store, CODE), Cause::StoreAccessFault, CODE));
        all.push(("store around the top", access(store, u64::MAX), Cause::StoreAccessFault, u64::MAX));
    }
    for lr in [O::LrW, O::LrD] {
        all.push(("misaligned lr", access(lr, WINDOW + 2), Cause::LoadAddressMisaligned, WINDOW + 2));
        all.push(("lr of nothing", access(lr, DATA_END), Cause::LoadAccessFault, DATA_END));
    }
    let writers =
        O::ALL.iter().filter(|o| o.mnemonic().starts_with("amo") || o.mnemonic().starts_with("sc."));
    for &amo in writers {
        all.push(("misaligned", access(amo, WINDOW + 2), Cause::StoreAddressMisaligned, WINDOW + 2));
        all.push(("of nothing", access(amo, DATA_END), Cause::StoreAccessFault, DATA_END));
        all.push(("of code", access(amo, CODE), Cause::StoreAccessFault, CODE));
    }
    for cbo in [O::CboZero, O::CboClean, O::CboFlush, O::CboInval] {
        all.push(("block of nothing", access(cbo, DATA_END + 9), Cause::StoreAccessFault, DATA_END + 9));
    }
    all.push(("block of code", access(O::CboZero, CODE + 3), Cause::StoreAccessFault, CODE + 3));
    all
}

/// Every trap has the pc of its instruction, and that instruction has changed nothing and cost nothing.
fn traps_are_precise(make: Make) {
    let table = traps();
    for (name, code, cause, tval) in &table {
        let mut program = program(|asm| asm.add(X::A3, 4000));
        program.code.extend_from_slice(code);
        // The trapping instruction is the last.
        let last = if code.len() % 4 == 2 { 2 } else { 4 };
        let pc = CODE + (program.code.len() - last) as u64;
        program.code.extend_from_slice(&word(0x13));
        program.start = full_state();

        // Up to the instruction.
        let mut before = vm::machine(&program);
        before.hart.add_fuel(FUEL);
        before.breakpoints.insert(pc);
        assert_eq!(run(&mut before, &mut *make()), Exit::Paused(PauseReason::Breakpoint), "{name}");

        let (exit, after) = finished_by(make, &program);
        let tval = if *cause == Cause::Breakpoint { pc } else { *tval };
        assert_eq!(exit, Exit::Trap(Trap { cause: *cause, pc, tval }), "{name}");
        assert_eq!(digest(&(), &before), digest(&(), &after), "{name}: nothing changes");
    }
    println!("{} kinds of trap", table.len());
}

/// Something in every register.
fn full_state() -> State {
    let mut state = State::default();
    state.window.fill(0xa5);
    for i in 1..32 {
        state.x[i] = 0x0101_0101_0101_0101 * i as u64;
        state.f[i] = !state.x[i];
    }
    state.fcsr = 0x6a;
    state
}

fn an_ecall_that_nothing_answers_traps(make: Make) {
    let mut machine = vm::machine(&Program::default());
    machine.hart.add_fuel(1);
    let exit = machine.run(&mut *make(), &mut ()).expect("the machine can run");
    assert_eq!(exit, Exit::Trap(Trap { cause: Cause::EnvironmentCall, pc: CODE, tval: 0 }));
    assert_eq!(machine.hart.instret(), 0);
}

fn a_jump_to_nowhere_retires_and_the_fetch_traps_there(make: Make) {
    for (target, tval) in [(0x5000_0000, 0x5000_0000), (WINDOW, WINDOW), (0, 0)] {
        let program = program(|asm| {
            asm.li(X::A0, target);
            asm.inst(Inst::Jalr(format::Jalr { rd: X::A1, rs1: X::A0, imm: 1 }));
        });
        let (exit, machine) = finished_by(make, &program);
        assert_eq!(exit, Exit::Trap(Trap { cause: Cause::InstructionAccessFault, pc: target, tval }));
        assert_eq!(machine.hart.pc, target);
        assert_eq!(machine.hart.x[11], CODE + program.code.len() as u64);
    }
}

/// A 32-bit instruction whose second half is missing is at fault there, and not before control gets to it.
fn an_instruction_cut_off_by_the_end_of_code_traps_at_its_second_half(make: Make) {
    let mut machine = Machine::new(Limits::default()).expect("address space");
    let memory = &mut machine.memory;
    memory.map(CODE..CODE + 4096, Perms::RW, SegmentKind::Text, "code").expect("room");
    let nops: Vec<u8> = [1, 0].repeat(2047).into_iter().chain([0x13, 0]).collect();
    memory.slice_mut(CODE, 4096).expect("mapped").copy_from_slice(&nops);
    memory.protect(CODE..CODE + 4096, Perms::RX).expect("mapped");
    machine.hart.pc = CODE;
    machine.hart.add_fuel(5000);
    let trap = Trap { cause: Cause::InstructionAccessFault, pc: CODE + 4094, tval: CODE + 4096 };
    assert_eq!(run(&mut machine, &mut *make()), Exit::Trap(trap));
    assert_eq!(machine.hart.instret(), 2047);
}

fn read(rd: X, csr: u16) -> Inst {
    Inst::Csrrs(format::Csr { rd, rs1: X::ZERO, csr })
}

fn counters_count_retired_instructions(make: Make) {
    let program = program(|asm| {
        asm.inst(read(X::A0, csr::INSTRET)); // 0 have retired
        asm.inst(read(X::A1, csr::CYCLE));
        asm.inst(read(X::A2, csr::TIME));
        asm.li(X::T0, 10);
        let again = asm.here();
        asm.add(X::T0, -1);
        asm.branch(Opcode::Bne, X::T0, X::ZERO, again);
        asm.inst(read(X::A3, csr::INSTRET)); // 4 + 20
        asm.inst(read(X::A3, csr::INSTRET));
        asm.inst(read(X::ZERO, csr::INSTRET));
        asm.inst(read(X::A4, csr::TIME));
        asm.inst(read(X::A5, csr::HPMCOUNTER3));
    });
    for slice in [1, 2, 3, 7, 1000] {
        let mut machine = vm::machine(&program);
        let exit = run_sliced(&mut machine, &mut *make(), || slice);
        assert_eq!(exit, Exit::Completed(0));
        assert_eq!(machine.hart.x[10..16], [0, 1, 2, 25, 27, 0], "slices of {slice}");
        assert_eq!(machine.hart.instret(), 30);
    }
}

/// Stores to code show in fetches after `fence.i` and not before.
fn fence_i_makes_stores_to_code_visible_and_nothing_else_does(make: Make) {
    let limits = Limits { allow_writable_code: true, ..Limits::default() };
    let mut machine = Machine::new(limits).expect("address space");
    machine.memory.map(CODE..CODE + 4096, Perms::RWX, SegmentKind::Text, "code").expect("room");
    let add = |imm| Inst::Addi(format::I { rd: X::A0, rs1: X::A0, imm }).encode();
    let mut asm = Assembler::new();
    let (patched, over) = (asm.label(), asm.label());
    asm.address(X::A1, patched);
    asm.li(X::A2, u64::from(add(100)));
    asm.jump(X::ZERO, over);
    asm.bind(patched);
    asm.word(add(1));
    asm.inst(Inst::Jalr(format::Jalr { rd: X::ZERO, rs1: X::RA, imm: 0 }));
    asm.bind(over);
    asm.jump(X::RA, patched);
    asm.inst(Inst::Sw(format::S { rs1: X::A1, rs2: X::A2, imm: 0 }));
    asm.jump(X::RA, patched); // still the old one
    asm.inst(Inst::Lw(format::Load { rd: X::A3, rs1: X::A1, imm: 0 })); // a load sees it
    asm.inst(Inst::FenceI(format::FenceI { rd: X::ZERO, rs1: X::ZERO, imm: 0 }));
    asm.jump(X::RA, patched);
    asm.inst(Inst::Ecall(format::Bare {}));
    let code = asm.finish();
    machine.memory.slice_mut(CODE, code.len() as u64).expect("mapped").copy_from_slice(&code);
    // The host's own writes count as seen.
    machine.memory.sync_code();
    machine.hart.pc = CODE;
    machine.hart.add_fuel(1000);
    assert_eq!(run(&mut machine, &mut *make()), Exit::Completed(0));
    assert_eq!(machine.hart.x[10], 1 + 1 + 100);
    assert_eq!(machine.hart.x[13], u64::from(add(100)));
}

fn cbo_zero_clears_the_aligned_block_and_nothing_else(make: Make) {
    for place in [0, 1, 63] {
        let at = (WINDOW + 64) & !63;
        let mut program = program(|asm| {
            asm.li(X::A0, at + place);
            asm.word(Opcode::CboZero.fill(10 << 15));
            asm.word(Opcode::CboClean.fill(10 << 15));
            asm.word(Opcode::CboFlush.fill(10 << 15));
            asm.word(Opcode::CboInval.fill(10 << 15));
        });
        program.start.window.fill(0xff);
        let (exit, machine) = finished_by(make, &program);
        assert_eq!(exit, Exit::Completed(0));
        let window = machine.memory.slice(WINDOW, 256).expect("mapped");
        let first = (at - WINDOW) as usize;
        let zero: Vec<usize> = (0..256).filter(|&i| window[i] == 0).collect();
        assert_eq!(zero, (first..first + 64).collect::<Vec<_>>());
    }
}

/// An `sc` succeeds once, for the word that was reserved, in its size.
fn a_reservation_is_for_one_sc_of_the_same_word_and_size(make: Make) {
    let amo = |opcode: Opcode, rd: u32, rs1: u32| opcode.fill(rd << 7 | rs1 << 15 | 12 << 20);
    let lr = |opcode: Opcode, rs1: u32| opcode.fill(5 << 7 | rs1 << 15);
    let program = program(|asm| {
        asm.li(X::A0, WINDOW);
        asm.li(X::A1, WINDOW + 8);
        asm.word(amo(Opcode::ScD, 20, 10)); // without one
        asm.word(lr(Opcode::LrD, 10));
        asm.word(amo(Opcode::ScD, 21, 11)); // elsewhere, which loses it
        asm.word(amo(Opcode::ScD, 22, 10));
        asm.word(lr(Opcode::LrD, 10));
        asm.word(amo(Opcode::ScW, 23, 10)); // narrower
        asm.word(lr(Opcode::LrW, 10));
        asm.word(amo(Opcode::ScD, 24, 10)); // wider
        asm.word(lr(Opcode::LrW, 10));
        asm.inst(Inst::Sw(format::S { rs1: X::A0, rs2: X::A0, imm: 0 })); // does not lose it
        asm.word(amo(Opcode::ScW, 25, 10));
        asm.word(amo(Opcode::ScW, 26, 10)); // used up
    });
    let (exit, machine) = finished_by(make, &program);
    assert_eq!(exit, Exit::Completed(0));
    assert_eq!(machine.hart.x[20..27], [1, 1, 1, 1, 1, 0, 1]);
}

#[test]
fn an_observer_sees_every_retired_instruction_and_does_not_show() {
    use std::sync::Arc;
    use std::sync::atomic::{AtomicU64, Ordering};
    for program in programs(30, 30) {
        let (exit, machine) = finished(&program);
        let seen = Arc::new(AtomicU64::new(0));
        let counter = Arc::clone(&seen);
        let mut observing = Interpreter::with_observer(move |retired| {
            assert_eq!(retired.before.pc, retired.pc);
            counter.fetch_add(1, Ordering::Relaxed);
        });
        let mut observed = vm::machine(&program);
        observed.hart.add_fuel(FUEL);
        let observed_exit = run(&mut observed, &mut observing);
        assert_eq!(digest(&observed_exit, &observed), digest(&exit, &machine));
        assert_eq!(seen.load(Ordering::Relaxed), machine.hart.instret());
    }
}

/// What the fuzz targets check, on a few inputs that no fuzzer chose.
fn the_fuzzed_properties_hold_for_random_words_and_code(make: Make) {
    let mut source = Source::Seed(3);
    (0..200_000).for_each(|_| property::decoding_loses_nothing(source.bits() as u32));
    for seed in 0..Effort::from_env().choose(200, 5000) as u64 {
        let mut bytes = Source::Seed(seed);
        let start = generate(&mut bytes, &Shape::own(0)).start;
        let halves = (0..200).flat_map(|_| {
            loop {
                let half = bytes.bits() as u16;
                if half & 3 != 3 || bytes.chance(10) {
                    break half.to_le_bytes();
                }
            }
        });
        let program = Program { start, code: halves.collect(), tested: 0 };
        property::fuel_does_not_show(&program, 3000, &mut Source::Seed(seed), make);
    }
}
