//! Resource registers on every executor: the whole table of states and operations, what guards must not forget, and random
//! programs.

use causality_interp::Interpreter;
use causality_jit::Tunables;
use causality_machine::isa::format::{self, Bare};
use causality_machine::isa::reg::X;
use causality_machine::isa::{Inst, Opcode};
use causality_machine::memory::{Loaded, Perms, SegmentKind};
use causality_machine::registers::{InputState, Lifecycle, Operation, Rights};
use causality_machine::{Cause, Executor, Exit, Fault, Hart, Limits, Machine, Memory, Trap};
use causality_testkit::asm::Label;
use causality_testkit::digest::digest;
use causality_testkit::duel::{Duel, Tally};
use causality_testkit::program::{CODE, DATA, DATA_END};
use causality_testkit::sweep::Effort;
use causality_testkit::vm::Answer;
use causality_testkit::{Assembler, Shape, Source};
use causality_vm::{InstructionReport, Native};

const SLOT: u64 = 3;
const LENGTH: u64 = 64;

const T0: X = X::T0;
const T1: X = X::T1;
const T2: X = X::T2;

/// What a call does.
type Call = fn(&mut Hart, &mut Memory);

fn limits() -> Limits {
    Limits { address_space: 64 << 20, registers: 8, register_bytes: 8192, ..Limits::default() }
}

/// A machine about to run what `build` makes, which ends by itself.
fn machine(build: impl FnOnce(&mut Assembler)) -> Machine {
    let mut asm = Assembler::new();
    build(&mut asm);
    call(&mut asm, 93);
    let code = asm.finish();
    let mut machine = Machine::new(limits()).expect("address space");
    let memory = &mut machine.memory;
    let text = CODE..CODE + (code.len() as u64).next_multiple_of(4096);
    memory.map(text.clone(), Perms::RW, SegmentKind::Text, "code").expect("room");
    memory.slice_mut(CODE, code.len() as u64).expect("mapped").copy_from_slice(&code);
    memory.protect(text, Perms::RX).expect("mapped");
    memory.map(DATA..DATA_END, Perms::RW, SegmentKind::Data, "data").expect("room");
    machine.hart.pc = CODE;
    machine.hart.add_fuel(1 << 40);
    machine
}

fn call(asm: &mut Assembler, number: u64) {
    asm.li(X::A7, number);
    asm.inst(Inst::Ecall(Bare {}));
}

fn create(asm: &mut Assembler, rd: X, slot: X, length: X) {
    asm.inst(Inst::XrrCreate(format::R { rd, rs1: slot, rs2: length }));
}

fn seal(asm: &mut Assembler, slot: X) {
    asm.inst(Inst::XrrSeal(format::Slot { rs1: slot }));
}

fn consume(asm: &mut Assembler, slot: X) {
    asm.inst(Inst::XrrConsume(format::Slot { rs1: slot }));
}

fn ld(asm: &mut Assembler, rd: X, base: X, imm: i32) {
    asm.inst(Inst::Ld(format::Load { rd, rs1: base, imm }));
}

fn sd(asm: &mut Assembler, rs2: X, base: X, imm: i32) {
    asm.inst(Inst::Sd(format::S { rs1: base, rs2, imm }));
}

/// Runs the same on the interpreter and on native code of every kind, with the host that `host` makes, and compares
/// everything. Returns how it ended, and how instructions were executed natively.
fn everywhere<F: FnMut(&mut Hart, &mut Memory)>(
    make: impl Fn() -> Machine,
    host: impl Fn() -> F,
) -> (Exit, Machine, InstructionReport) {
    let run = |executor: &mut dyn Executor| {
        let mut machine = make();
        let exit = executor.execute(&mut machine, &mut Answer(host()), u64::MAX).expect("the host answers");
        (exit, machine)
    };
    let (exit, machine) = run(&mut Interpreter::new());
    let mut instructions = InstructionReport::default();
    for tunables in Tunables::of_all_kinds() {
        let mut native = Native::new(tunables.clone());
        let (other_exit, other) = run(&mut native);
        instructions += native.instructions();
        assert_eq!(exit, other_exit, "{tunables:?}");
        assert_eq!(machine.hart, other.hart, "{tunables:?}");
        assert_eq!(digest(&exit, &machine), digest(&other_exit, &other), "{tunables:?}");
    }
    (exit, machine, instructions)
}

fn alone(build: impl Fn(&mut Assembler)) -> (Exit, Machine) {
    let (exit, machine, _) = everywhere(|| machine(&build), || |_: &mut Hart, _: &mut Memory| {});
    (exit, machine)
}

fn cause(exit: Exit) -> Option<Cause> {
    match exit {
        Exit::Trap(trap) => Some(trap.cause),
        _ => None,
    }
}

/// How a register comes to be in a state.
#[derive(Clone, Copy, Debug, PartialEq)]
enum Way {
    Created,
    Loaded,
}

/// Puts slot 3 into `state`; `false` if that is no way there.
fn bring(memory: &mut Memory, state: Lifecycle, way: Way) -> bool {
    let bytes: Vec<u8> = (0..LENGTH as u8).collect();
    let loaded = Loaded { bytes: &bytes, rights: Rights::ALL, state, until: u64::MAX, section: "inputs" };
    match (way, state) {
        (Way::Loaded, Lifecycle::Empty | Lifecycle::Initial) | (Way::Created, Lifecycle::Pending) => {
            return false;
        }
        (Way::Loaded, Lifecycle::Consumed) => {
            memory.load_register(SLOT, Loaded { state: Lifecycle::Active, ..loaded }).unwrap();
            memory.consume_register(SLOT).unwrap();
        }
        (Way::Loaded, _) => {
            memory.load_register(SLOT, loaded).unwrap();
        }
        (Way::Created, Lifecycle::Empty) => {}
        (Way::Created, _) => {
            let window = memory.create_register(SLOT, LENGTH).unwrap();
            memory.slice_mut(window, LENGTH).unwrap().copy_from_slice(&bytes);
            if state != Lifecycle::Initial {
                memory.seal_register(SLOT).unwrap();
            }
            match state {
                Lifecycle::Locked => memory.lock_register(SLOT, u64::MAX).unwrap(),
                Lifecycle::Frozen => memory.freeze_register(SLOT).unwrap(),
                Lifecycle::Consumed => memory.consume_register(SLOT).unwrap(),
                _ => {}
            }
        }
    }
    assert_eq!(memory.register_state(SLOT), Ok(state));
    true
}

/// What is expected in the states, in the order of their codes: `.` goes on, or the first letter of the reason: (not)
/// Active, Consumed, Locked, Frozen, (not) Initial, Occupied, (not) Held.
const TABLE: [(Operation, &str); 13] = [
    (Operation::State, "......."),
    (Operation::Inspect, "A.....C"),
    (Operation::Read, "A..L.AC"),
    (Operation::Write, "A.ILFAC"),
    (Operation::Create, ".OOOOO."),
    (Operation::Seal, "A.ILFAC"),
    (Operation::Consume, "AA.LFAC"),
    (Operation::Update, "AA.LFAC"),
    (Operation::Lock, "AA.LFAC"),
    (Operation::Unlock, "AAH.FAC"),
    (Operation::Freeze, "AA.LFAC"),
    (Operation::Unfreeze, "AAHL.AC"),
    (Operation::Store, "AA.L.AC"),
];

fn expected(letter: char) -> Option<Cause> {
    Some(match letter {
        'A' => Cause::RegisterNotActive,
        'C' => Cause::RegisterConsumed,
        'L' => Cause::RegisterLocked,
        'F' => Cause::RegisterFrozen,
        'I' => Cause::RegisterNotInitial,
        'O' => Cause::RegisterOccupied,
        'H' => Cause::RegisterNotHeld,
        _ => return None,
    })
}

/// The instructions that do an operation on slot `t0`; `t1` is 8 and `t2` the address of the window.
fn instructions(operation: Operation) -> Vec<Inst> {
    let unary = format::Unary { rd: X::A0, rs1: T0 };
    let r = format::R { rd: X::A0, rs1: T0, rs2: T1 };
    let slot = format::Slot { rs1: T0 };
    let amo = format::Amo { rd: X::A0, rs1: T2, rs2: T1, aq: false, rl: false };
    match operation {
        Operation::State => vec![Inst::XrrState(unary)],
        Operation::Inspect => vec![Inst::XrrLen(unary), Inst::XrrWindow(unary)],
        Operation::Read => vec![
            Inst::XrrRead(r),
            Inst::Ld(format::Load { rd: X::A0, rs1: T2, imm: 56 }),
            Inst::Lbu(format::Load { rd: X::A0, rs1: T2, imm: 63 }),
            Inst::Fld(format::FLoad { rd: causality_machine::isa::reg::F::FA0, rs1: T2, imm: 8 }),
            Inst::LrD(format::Lr { rd: X::A0, rs1: T2, aq: false, rl: false }),
        ],
        Operation::Write => vec![
            Inst::XrrWrite(format::Write { rs1: T0, rs2: T1, rs3: T2 }),
            Inst::Sd(format::S { rs1: T2, rs2: T1, imm: 56 }),
            Inst::Sb(format::S { rs1: T2, rs2: T1, imm: 0 }),
            Inst::AmoaddD(amo),
            Inst::ScW(amo),
        ],
        Operation::Create => vec![Inst::XrrCreate(r)],
        Operation::Seal => vec![Inst::XrrSeal(slot)],
        Operation::Consume => vec![Inst::XrrConsume(slot)],
        Operation::Update => vec![Inst::XrrUpdate(r)],
        _ => Vec::new(),
    }
}

/// What an operation without an instruction does.
fn host_operation(memory: &mut Memory, operation: Operation) -> Option<Result<(), Fault>> {
    Some(match operation {
        Operation::Lock => memory.lock_register(SLOT, 1000),
        Operation::Unlock => memory.unlock_register(SLOT),
        Operation::Freeze => memory.freeze_register(SLOT),
        Operation::Unfreeze => memory.unfreeze_register(SLOT),
        Operation::Store => memory.take_register(SLOT).map(|_| ()),
        _ => return None,
    })
}

fn with(inst: Inst, prepare: impl Fn(&mut Memory)) -> Machine {
    let mut machine = machine(|asm| {
        asm.inst(inst);
    });
    prepare(&mut machine.memory);
    machine.hart.x[T0.index()] = SLOT;
    machine.hart.x[T1.index()] = 8;
    machine.hart.x[T2.index()] = machine.memory.registers().windows().address(SLOT as u32);
    machine
}

#[test]
fn every_operation_in_every_state_does_what_the_table_says() {
    let mut cells = 0;
    let mut instructions_run = InstructionReport::default();
    assert_eq!(TABLE.map(|(operation, _)| operation), Operation::ALL);
    for (operation, row) in TABLE {
        for (state, letter) in Lifecycle::ALL.into_iter().zip(row.chars()) {
            assert_eq!(operation.check(state).err(), expected(letter), "{operation:?} when {state}");
            for way in [Way::Created, Way::Loaded] {
                for inst in instructions(operation) {
                    let make = || {
                        with(inst, |memory| {
                            bring(memory, state, way);
                        })
                    };
                    if !bring(&mut machine(|_| {}).memory, state, way) {
                        continue;
                    }
                    let what = format!("{inst:?} when {state}, {way:?}");
                    let (exit, after, ran) = everywhere(make, || |_: &mut Hart, _: &mut Memory| {});
                    instructions_run += ran;
                    match expected(letter) {
                        None => assert!(matches!(exit, Exit::Completed(_)), "{what}: {exit:?}"),
                        Some(cause) => {
                            let is_access =
                                inst.opcode().extension() != causality_machine::isa::Extension::Xrr;
                            let base = after.memory.registers().windows().address(SLOT as u32);
                            let imm = match inst {
                                Inst::Ld(_) | Inst::Sd(_) => 56,
                                Inst::Lbu(_) => 63,
                                Inst::Fld(_) => 8,
                                _ => 0,
                            };
                            let tval = if is_access { base + imm } else { SLOT };
                            assert_eq!(exit, Exit::Trap(Trap { cause, pc: CODE, tval }), "{what}");
                            let mut before = with(inst, |_| {}).memory;
                            bring(&mut before, state, way);
                            assert!(after.memory.has_registers_of(&before, 0), "{what} changed something");
                        }
                    }
                    cells += 1;
                }
                let mut memory = machine(|_| {}).memory;
                if bring(&mut memory, state, way)
                    && !(operation == Operation::Store && way == Way::Loaded)
                    && let Some(result) = host_operation(&mut memory, operation)
                {
                    assert_eq!(
                        result.err().map(|fault| fault.cause),
                        expected(letter),
                        "{operation:?} when {state}"
                    );
                    cells += 1;
                }
            }
        }
    }
    println!("{cells} cells; {instructions_run:?}");
    assert!(cells > 200);
}

#[test]
fn a_missing_right_is_denied_on_every_executor() {
    let wanted = [
        (Operation::Read, Rights::READ),
        (Operation::Consume, Rights::CONSUME),
        (Operation::Update, Rights::UPDATE),
        (Operation::Update, Rights::READ),
    ];
    for (operation, right) in wanted {
        for inst in instructions(operation) {
            for revoke in [false, true] {
                let (exit, ..) = everywhere(
                    || {
                        with(inst, |memory| {
                            let rights = if revoke { Rights::ALL } else { Rights::ALL.without(right) };
                            let state = Lifecycle::Active;
                            let loaded =
                                Loaded { bytes: &[1; 64], rights, state, until: 0, section: "inputs" };
                            memory.load_register(SLOT, loaded).unwrap();
                            if revoke {
                                memory.revoke_register(SLOT as u32, right);
                            }
                        })
                    },
                    || |_: &mut Hart, _: &mut Memory| {},
                );
                assert_eq!(cause(exit), Some(Cause::CapabilityDenied), "{inst:?} without {right}");
            }
        }
    }
}

#[test]
fn slots_beyond_the_file_do_not_exist() {
    for operation in Operation::ALL {
        for inst in instructions(operation) {
            if inst.opcode().extension() != causality_machine::isa::Extension::Xrr {
                continue;
            }
            for number in [8, 9, 1 << 32, (1 << 58) + 3, u64::MAX] {
                let make = || {
                    let mut machine = with(inst, |_| {});
                    machine.hart.x[T0.index()] = number;
                    machine
                };
                let (exit, ..) = everywhere(make, || |_: &mut Hart, _: &mut Memory| {});
                let trap = Trap { cause: Cause::RegisterLimit, pc: CODE, tval: number };
                assert_eq!(exit, Exit::Trap(trap), "{inst:?}");
            }
        }
    }
}

#[test]
fn a_register_is_built_sealed_read_and_consumed() {
    let (exit, machine) = alone(|asm| {
        asm.li(T0, SLOT);
        asm.li(T1, 32);
        create(asm, T2, T0, T1);
        asm.li(X::A1, 77);
        sd(asm, X::A1, T2, 24);
        seal(asm, T0);
        ld(asm, X::A0, T2, 24);
        consume(asm, T0);
    });
    assert_eq!(exit, Exit::Completed(77));
    assert_eq!(machine.memory.register_state(SLOT), Ok(Lifecycle::Consumed));
    assert_eq!(machine.memory.registers().created(), 1);
}

#[test]
fn a_load_behind_a_consumption_traps_though_one_before_was_guarded() {
    for kill in [
        Inst::XrrConsume(format::Slot { rs1: T0 }),
        Inst::XrrUpdate(format::R { rd: X::ZERO, rs1: T0, rs2: X::ZERO }),
    ] {
        let (exit, _) = alone(|asm| {
            asm.li(T0, SLOT);
            asm.li(T1, 32);
            create(asm, T2, T0, T1);
            seal(asm, T0);
            ld(asm, X::A0, T2, 24);
            ld(asm, X::A0, T2, 0);
            asm.inst(kill);
            ld(asm, X::A0, T2, 0);
        });
        let expected = match kill {
            Inst::XrrConsume(_) => Cause::RegisterConsumed,
            // The successor is shorter.
            _ => Cause::RegisterBounds,
        };
        assert_eq!(cause(exit), Some(expected));
    }
}

#[test]
fn a_store_behind_a_seal_traps_though_one_before_was_guarded() {
    let (exit, _) = alone(|asm| {
        asm.li(T0, SLOT);
        asm.li(T1, 32);
        create(asm, T2, T0, T1);
        sd(asm, T1, T2, 0);
        seal(asm, T0);
        sd(asm, T1, T2, 0);
    });
    assert_eq!(cause(exit), Some(Cause::RegisterNotInitial));
}

#[test]
fn a_register_consumed_in_a_loop_that_reads_it_traps_at_the_next_read() {
    let (exit, machine) = alone(|asm| {
        let read = function(asm, |asm| {
            let again = asm.here();
            ld(asm, X::A0, T2, 0);
            asm.add(T2, 8);
            asm.add(X::A1, -1);
            let over = asm.label();
            asm.branch(Opcode::Bne, X::A1, X::A2, over);
            consume(asm, T0);
            asm.bind(over);
            asm.branch(Opcode::Bne, X::A1, X::ZERO, again);
        });
        asm.li(T0, SLOT);
        asm.li(T1, 4096);
        create(asm, T2, T0, T1);
        seal(asm, T0);
        asm.li(X::A2, 100);
        calls_of(asm, read, 500);
    });
    assert_eq!(cause(exit), Some(Cause::RegisterConsumed));
    assert_eq!(machine.hart.x[X::A1.index()], 100);
}

#[test]
fn a_slot_is_used_for_one_register_after_the_other() {
    let (exit, machine, ran) = everywhere(
        || {
            machine(|asm| {
                asm.li(T0, SLOT);
                asm.li(T1, 32);
                asm.li(X::A1, 10_000);
                let again = asm.here();
                create(asm, T2, T0, T1);
                // Nothing is left of the one before.
                ld(asm, X::A2, T2, 8);
                asm.inst(Inst::Or(format::R { rd: X::A0, rs1: X::A0, rs2: X::A2 }));
                sd(asm, X::A1, T2, 8);
                seal(asm, T0);
                consume(asm, T0);
                asm.add(X::A1, -1);
                asm.branch(Opcode::Bne, X::A1, X::ZERO, again);
            })
        },
        || |_: &mut Hart, _: &mut Memory| {},
    );
    assert_eq!(exit, Exit::Completed(0));
    assert_eq!(machine.memory.registers().created(), 10_000);
    assert!(ran.native() > 50 * ran.interpreted, "{ran:?}");
}

#[test]
fn accesses_across_the_ends_of_windows_trap() {
    let stride = 8192;
    let make = |address: u64| {
        move || {
            let mut machine = with(Inst::Ld(format::Load { rd: X::A0, rs1: T2, imm: 0 }), |memory| {
                for slot in 0..8 {
                    memory.create_register(slot, stride).unwrap();
                    memory.seal_register(slot).unwrap();
                }
            });
            machine.hart.x[T2.index()] = address;
            machine
        }
    };
    let run = |address| everywhere(make(address), || |_: &mut Hart, _: &mut Memory| {}).0;
    let windows = 64 << 20;
    for inside in [windows, windows + stride - 8, windows + stride, windows + 8 * stride - 8] {
        assert!(matches!(run(inside), Exit::Completed(_)), "{inside:#x}");
    }
    let trap = |cause, tval| Exit::Trap(Trap { cause, pc: CODE, tval });
    for across in [windows + stride - 7, windows + 2 * stride - 1, windows + 8 * stride - 7] {
        assert_eq!(run(across), trap(Cause::RegisterBounds, across));
    }
    for outside in [windows - 1, windows - 8, windows + 8 * stride, u64::MAX - 3] {
        assert_eq!(run(outside), trap(Cause::LoadAccessFault, outside));
    }
}

#[test]
fn lengths_from_nothing_to_the_most_work() {
    for (length, access, ends) in [
        (0, 0, Some(Cause::RegisterBounds)),
        (7, 0, Some(Cause::RegisterBounds)),
        (8, 0, None),
        (8, 1, Some(Cause::RegisterBounds)),
        (8192, 8184, None),
        (8192, 8185, Some(Cause::RegisterBounds)),
        (8193, 0, Some(Cause::RegisterLimit)),
        (u64::MAX, 0, Some(Cause::RegisterLimit)),
    ] {
        let (exit, _) = alone(|asm| {
            asm.li(T0, 7);
            asm.li(T1, length);
            create(asm, T2, T0, T1);
            asm.li(X::A1, access);
            asm.inst(Inst::XrrRead(format::R { rd: X::A2, rs1: T0, rs2: X::A1 }));
            asm.inst(Inst::Add(format::R { rd: T2, rs1: T2, rs2: X::A1 }));
            ld(asm, X::A0, T2, 0);
        });
        assert_eq!(cause(exit), ends, "{length} bytes, access at {access}");
    }
}

#[test]
fn the_stack_may_be_in_a_window() {
    for sealed in [false, true] {
        let (exit, _) = alone(|asm| {
            asm.li(T0, SLOT);
            asm.li(T1, 256);
            create(asm, T2, T0, T1);
            if sealed {
                seal(asm, T0);
            }
            asm.inst(Inst::Addi(format::I { rd: X::SP, rs1: T2, imm: 256 }));
            asm.add(X::SP, -32);
            sd(asm, T1, X::SP, 8);
            ld(asm, X::A0, X::SP, 8);
        });
        assert_eq!(exit == Exit::Completed(256), !sealed);
        assert_eq!(cause(exit), sealed.then_some(Cause::RegisterNotInitial));
    }
}

#[test]
fn an_update_keeps_the_bytes_and_says_what_it_descends_from() {
    let (exit, machine, _) = everywhere(
        || {
            let mut machine = machine(|asm| {
                asm.li(T0, SLOT);
                asm.li(T1, 80);
                // Of a register that was loaded, and of its successor.
                asm.inst(Inst::XrrUpdate(format::R { rd: T2, rs1: T0, rs2: T1 }));
                sd(asm, T1, T2, 64);
                seal(asm, T0);
                asm.li(T1, 72);
                asm.inst(Inst::XrrUpdate(format::R { rd: T2, rs1: T0, rs2: T1 }));
                seal(asm, T0);
                ld(asm, X::A0, T2, 64);
            });
            assert!(bring(&mut machine.memory, Lifecycle::Active, Way::Loaded));
            machine
        },
        || |_: &mut Hart, _: &mut Memory| {},
    );
    assert_eq!(exit, Exit::Completed(80));
    let registers = machine.memory.registers();
    let slot = registers.slot(SLOT).unwrap();
    assert_eq!((slot.origin, slot.is_loaded, slot.created, slot.length), (1, 0, 2, 72));
    assert_eq!(registers.inputs().collect::<Vec<_>>(), [InputState::Consumed]);
    let bytes = machine.memory.register_bytes(SLOT as u32).unwrap();
    assert_eq!(bytes[..64], (0..64).collect::<Vec<u8>>());
    assert_eq!(registers.section("inputs").collect::<Vec<_>>(), [SLOT as u32]);
}

#[test]
fn an_input_that_was_consumed_stays_so_when_its_slot_is_used_again() {
    let make = || {
        let mut machine = machine(|asm| {
            asm.li(T0, SLOT);
            asm.li(T1, 80);
            consume(asm, T0);
            create(asm, T2, T0, T1);
            seal(asm, T0);
            consume(asm, T0);
            create(asm, T2, T0, T1);
        });
        assert!(bring(&mut machine.memory, Lifecycle::Active, Way::Loaded));
        machine
    };
    let (exit, machine, _) = everywhere(make, || |_: &mut Hart, _: &mut Memory| {});
    assert!(matches!(exit, Exit::Completed(_)));
    assert_eq!(machine.memory.registers().inputs().collect::<Vec<_>>(), [InputState::Consumed]);
}

#[test]
fn a_lock_ends_at_the_same_instruction_on_every_executor() {
    let (exit, machine, _) = everywhere(
        || {
            machine(|asm| {
                asm.li(T0, SLOT);
                asm.li(T1, 32);
                create(asm, T2, T0, T1);
                seal(asm, T0);
                call(asm, 1);
                let again = asm.here();
                asm.add(X::A0, 1);
                asm.inst(Inst::XrrState(format::Unary { rd: X::A1, rs1: T0 }));
                asm.li(X::A2, u64::from(Lifecycle::Active.code()));
                asm.branch(Opcode::Bne, X::A1, X::A2, again);
                call(asm, 1);
                // 200 instructions, then a load that is allowed again, and one instruction too early.
                asm.li(X::A3, 98);
                let wait = asm.here();
                asm.add(X::A3, -1);
                asm.branch(Opcode::Bne, X::A3, X::ZERO, wait);
                ld(asm, X::A4, T2, 0);
                call(asm, 1);
                asm.li(X::A3, 97);
                let wait = asm.here();
                asm.add(X::A3, -1);
                asm.branch(Opcode::Bne, X::A3, X::ZERO, wait);
                ld(asm, X::A4, T2, 0);
            })
        },
        || {
            |hart: &mut Hart, memory: &mut Memory| {
                let until = hart.instret() + 198;
                memory.lock_register(SLOT, until).unwrap();
            }
        },
    );
    assert_eq!(cause(exit), Some(Cause::RegisterLocked), "{exit:?}");
    assert_eq!(machine.hart.x[X::A0.index()], 50);
    let load = Inst::Ld(format::Load { rd: X::A4, rs1: T2, imm: 0 }).encode();
    assert_eq!(machine.memory.fetch(machine.hart.pc).unwrap(), load);
    assert_eq!(machine.hart.x[X::A3.index()], 0, "the second wait was one trip too short");
}

#[test]
fn rights_taken_in_a_call_are_missing_at_the_next_access() {
    let (exit, ..) = everywhere(
        || {
            machine(|asm| {
                asm.li(T0, SLOT);
                asm.li(T1, 32);
                create(asm, T2, T0, T1);
                seal(asm, T0);
                asm.li(X::A1, 10);
                let again = asm.here();
                ld(asm, X::A2, T2, 0);
                asm.add(X::A1, -1);
                call(asm, 1);
                ld(asm, X::A2, T2, 0);
                asm.branch(Opcode::Bne, X::A1, X::ZERO, again);
            })
        },
        || {
            |hart: &mut Hart, memory: &mut Memory| {
                if hart.x[X::A1.index()] == 4 {
                    memory.revoke_register(SLOT as u32, Rights::READ);
                }
            }
        },
    );
    assert_eq!(cause(exit), Some(Cause::CapabilityDenied));
}

/// A function in guest code; nothing is known about addresses where it begins, and each way to it is native.
fn function(asm: &mut Assembler, body: impl FnOnce(&mut Assembler)) -> Label {
    let (function, over) = (asm.label(), asm.label());
    asm.jump(X::ZERO, over);
    asm.bind(function);
    body(asm);
    asm.inst(Inst::Jalr(format::Jalr { rd: X::ZERO, rs1: X::RA, imm: 0 }));
    asm.bind(over);
    function
}

/// Calls a function that makes `a1` trips from `t2` on, for two trips, so that it is native, and then for `trips`.
fn calls_of(asm: &mut Assembler, function: Label, trips: u64) {
    asm.inst(Inst::Addi(format::I { rd: X::A5, rs1: T2, imm: 0 }));
    for trips in [2, 2, 2, trips] {
        asm.inst(Inst::Addi(format::I { rd: T2, rs1: X::A5, imm: 0 }));
        asm.li(X::A1, trips);
        asm.jump(X::RA, function);
    }
}

/// What may not be known any more of the window that was accessed last: `end` is done to slot `t0` behind a load from
/// `t2`, or a store, that was made twice.
fn last_window_then(is_store: bool, end: impl Fn(&mut Assembler), host: Call) -> Exit {
    let access = |asm: &mut Assembler| {
        if is_store {
            sd(asm, T1, T2, 24);
        } else {
            ld(asm, X::A2, T2, 24);
        }
    };
    let make = || {
        machine(|asm| {
            let function = function(asm, access);
            asm.li(T0, SLOT);
            asm.li(T1, 32);
            create(asm, T2, T0, T1);
            if !is_store {
                seal(asm, T0);
            }
            for _ in 0..3 {
                asm.jump(X::RA, function);
            }
            end(asm);
            asm.jump(X::RA, function);
        })
    };
    everywhere(make, || host).0
}

#[test]
fn the_window_accessed_last_is_forgotten_when_its_register_is_consumed() {
    let exit = last_window_then(false, |asm| consume(asm, T0), |_, _| {});
    assert_eq!(cause(exit), Some(Cause::RegisterConsumed));
}

#[test]
fn the_window_accessed_last_is_forgotten_when_its_register_gets_a_shorter_successor() {
    let shorter = |asm: &mut Assembler| {
        asm.li(X::A3, 31);
        asm.inst(Inst::XrrUpdate(format::R { rd: X::ZERO, rs1: T0, rs2: X::A3 }));
    };
    assert_eq!(cause(last_window_then(false, shorter, |_, _| {})), Some(Cause::RegisterBounds));
}

#[test]
fn the_window_accessed_last_is_forgotten_when_its_register_is_sealed() {
    let exit = last_window_then(true, |asm| seal(asm, T0), |_, _| {});
    assert_eq!(cause(exit), Some(Cause::RegisterNotInitial));
}

#[test]
fn the_window_accessed_last_is_forgotten_when_a_shorter_register_takes_its_place() {
    let replaced = |is_sealed: bool| {
        move |asm: &mut Assembler| {
            if !is_sealed {
                seal(asm, T0);
            }
            consume(asm, T0);
            asm.li(X::A3, 31);
            create(asm, T2, T0, X::A3);
        }
    };
    for is_store in [false, true] {
        let exit = last_window_then(is_store, replaced(!is_store), |_, _| {});
        assert_eq!(cause(exit), Some(Cause::RegisterBounds));
    }
}

#[test]
fn the_window_accessed_last_is_forgotten_when_the_host_is_called() {
    let ways: [(bool, Call, Cause); 5] = [
        (false, |_, m| m.revoke_register(SLOT as u32, Rights::READ), Cause::CapabilityDenied),
        (true, |_, m| m.revoke_register(SLOT as u32, Rights::WRITE), Cause::CapabilityDenied),
        (false, |_, m| m.lock_register(SLOT, u64::MAX).unwrap(), Cause::RegisterLocked),
        (false, |_, m| m.consume_register(SLOT).unwrap(), Cause::RegisterConsumed),
        (true, |_, m| m.seal_register(SLOT).unwrap(), Cause::RegisterNotInitial),
    ];
    for (is_store, host, expected) in ways {
        assert_eq!(cause(last_window_then(is_store, |asm| call(asm, 1), host)), Some(expected));
    }
}

#[test]
fn the_window_accessed_last_is_forgotten_when_the_host_executes_a_transition() {
    // Out of a loaded register, successors are made by the host.
    let (exit, ..) = everywhere(
        || {
            let mut machine = machine(|asm| {
                let function = function(asm, |asm| ld(asm, X::A2, T2, 24));
                asm.li(T0, SLOT);
                asm.inst(Inst::XrrWindow(format::Unary { rd: T2, rs1: T0 }));
                asm.jump(X::RA, function);
                asm.jump(X::RA, function);
                asm.li(T1, 31);
                asm.inst(Inst::XrrUpdate(format::R { rd: X::ZERO, rs1: T0, rs2: T1 }));
                asm.jump(X::RA, function);
            });
            assert!(bring(&mut machine.memory, Lifecycle::Active, Way::Loaded));
            machine
        },
        || |_: &mut Hart, _: &mut Memory| {},
    );
    assert_eq!(cause(exit), Some(Cause::RegisterBounds));
}

#[test]
fn the_window_accessed_last_is_forgotten_between_runs() {
    for tunables in Tunables::of_all_kinds() {
        let mut machine = machine(|asm| {
            asm.li(T0, SLOT);
            asm.li(T1, 32);
            create(asm, T2, T0, T1);
            seal(asm, T0);
            asm.li(X::A1, 1 << 20);
            let again = asm.here();
            ld(asm, X::A2, T2, 24);
            asm.add(X::A1, -1);
            asm.branch(Opcode::Bne, X::A1, X::ZERO, again);
        });
        let mut native = Native::new(tunables.clone());
        let mut host = Answer(|_: &mut Hart, _: &mut Memory| {});
        let exit = native.execute(&mut machine, &mut host, 100_000).unwrap();
        assert!(matches!(exit, Exit::Paused(_)), "{exit:?}");
        machine.memory.revoke_register(SLOT as u32, Rights::READ);
        let left = machine.hart.x[X::A1.index()];
        let exit = native.execute(&mut machine, &mut host, u64::MAX).unwrap();
        assert_eq!(cause(exit), Some(Cause::CapabilityDenied), "{tunables:?}");
        assert!(left - machine.hart.x[X::A1.index()] <= 1, "{tunables:?}");
    }
}

#[test]
fn an_access_that_reaches_into_the_window_accessed_last_or_out_of_it_traps() {
    for distance in [-8, -7, -1, 25, 31, 32] {
        let (exit, _) = alone(|asm| {
            let inside = function(asm, |asm| ld(asm, X::A2, T2, 0));
            let across = function(asm, |asm| ld(asm, X::A2, X::A3, distance));
            asm.li(T1, 32);
            for slot in [SLOT - 1, SLOT] {
                asm.li(T0, slot);
                create(asm, T2, T0, T1);
                seal(asm, T0);
            }
            asm.inst(Inst::Addi(format::I { rd: X::A3, rs1: T2, imm: -distance }));
            for _ in 0..3 {
                asm.jump(X::RA, across);
                asm.jump(X::RA, inside);
            }
            asm.add(X::A3, distance);
            asm.jump(X::RA, across);
        });
        assert_eq!(cause(exit), Some(Cause::RegisterBounds), "{distance}");
    }
}

#[test]
fn loads_from_one_window_and_stores_to_another_do_not_stand_for_each_other() {
    // Register 0 is sealed, 1 is not. Loads and stores, three times each, then one store.
    for (load, store, expected) in [(0, 1, None), (1, 1, None), (1, 0, Some(Cause::RegisterNotInitial))] {
        let (exit, _) = alone(|asm| {
            let windows = [T2, X::A4];
            let load = function(asm, |asm| ld(asm, X::A2, windows[load], 8));
            let stores = windows.map(|window| function(asm, |asm| sd(asm, T1, window, 8)));
            asm.li(T1, 32);
            for (slot, window) in windows.into_iter().enumerate() {
                asm.li(T0, slot as u64);
                create(asm, window, T0, T1);
            }
            asm.jump(X::RA, stores[0]);
            asm.li(T0, 0);
            seal(asm, T0);
            for _ in 0..3 {
                asm.jump(X::RA, load);
                asm.jump(X::RA, stores[1]);
            }
            asm.jump(X::RA, stores[store]);
        });
        assert_eq!(cause(exit), expected, "{load} {store}");
    }
}

#[test]
fn a_store_does_not_stand_for_a_load_that_is_not_allowed() {
    for is_load_first in [false, true] {
        let (exit, ..) = everywhere(
            || {
                machine(|asm| {
                    let both = function(asm, |asm| {
                        sd(asm, T1, T2, 8);
                        if is_load_first {
                            ld(asm, X::A2, T2, 16);
                            sd(asm, T1, T2, 16);
                        } else {
                            sd(asm, T1, T2, 16);
                            ld(asm, X::A2, T2, 16);
                        }
                    });
                    asm.li(T0, SLOT);
                    asm.li(T1, 32);
                    create(asm, T2, T0, T1);
                    for _ in 0..3 {
                        asm.jump(X::RA, both);
                    }
                    asm.li(X::A2, 5);
                    call(asm, 1);
                    asm.jump(X::RA, both);
                })
            },
            || |_: &mut Hart, memory: &mut Memory| memory.revoke_register(SLOT as u32, Rights::READ),
        );
        assert_eq!(cause(exit), Some(Cause::CapabilityDenied));
    }
}

#[test]
fn loops_over_a_window_stop_at_its_ends() {
    for (stride, trips, is_inside) in [
        (8, 512, true),
        (8, 513, false),
        (1, 4089, true),
        (1, 4090, false),
        (24, 171, true),
        (24, 172, false),
        (-8, 512, true),
        (-8, 513, false),
        (-24, 171, true),
        (-24, 172, false),
    ] {
        let (exit, machine) = alone(|asm| {
            let read = function(asm, |asm| {
                let again = asm.here();
                ld(asm, X::A0, T2, 0);
                asm.add(T2, stride);
                asm.add(X::A1, -1);
                asm.branch(Opcode::Bne, X::A1, X::ZERO, again);
            });
            asm.li(T0, SLOT);
            asm.li(T1, 4096);
            // The windows beside it may be read.
            for slot in [SLOT - 1, SLOT + 1] {
                asm.li(X::A3, slot);
                create(asm, T2, X::A3, T1);
            }
            create(asm, T2, T0, T1);
            seal(asm, T0);
            if stride < 0 {
                asm.add(T2, 2000);
                asm.add(T2, 2000);
                asm.add(T2, 88);
            }
            calls_of(asm, read, trips);
        });
        if is_inside {
            assert_eq!(exit, Exit::Completed(0), "{stride} {trips}");
        } else {
            assert_eq!(cause(exit), Some(Cause::RegisterBounds));
            assert_eq!(machine.hart.x[X::A1.index()], 1, "{stride} {trips}");
        }
    }
}

#[test]
fn a_guard_does_not_reach_over_what_changes_access() {
    // A register of 8 bytes and one of 64 in the same window, in turn, sealed and not.
    let (exit, _, ran) = everywhere(
        || {
            machine(|asm| {
                let turns = function(asm, |asm| {
                    let again = asm.here();
                    ld(asm, X::A2, T2, 0);
                    consume(asm, T0);
                    create(asm, X::ZERO, T0, X::A3);
                    sd(asm, X::A1, T2, 56);
                    seal(asm, T0);
                    ld(asm, X::A2, T2, 48);
                    consume(asm, T0);
                    create(asm, X::ZERO, T0, T1);
                    sd(asm, X::A1, T2, 0);
                    seal(asm, T0);
                    asm.add(X::A1, -1);
                    asm.branch(Opcode::Bne, X::A1, X::ZERO, again);
                });
                asm.li(T0, SLOT);
                asm.li(T1, 8);
                asm.li(X::A3, 64);
                create(asm, T2, T0, T1);
                seal(asm, T0);
                asm.li(X::A1, 5000);
                asm.jump(X::RA, turns);
            })
        },
        || |_: &mut Hart, _: &mut Memory| {},
    );
    assert_eq!(exit, Exit::Completed(0));
    assert!(ran.native() > 50 * ran.interpreted, "{ran:?}");
}

#[test]
fn a_loop_that_changes_registers_in_every_trip_traps_where_it_changed_the_one_that_it_reads() {
    let (exit, machine) = alone(|asm| {
        let read = function(asm, |asm| {
            let again = asm.here();
            ld(asm, X::A0, T2, 0);
            asm.add(T2, 8);
            // Slot 5 in trip 900, slot 0 in all others.
            asm.inst(Inst::Addi(format::I { rd: X::A4, rs1: X::A1, imm: -101 }));
            asm.inst(Inst::Sltiu(format::I { rd: X::A4, rs1: X::A4, imm: 1 }));
            asm.inst(Inst::Sh2add(format::R { rd: T0, rs1: X::A4, rs2: X::A4 }));
            consume(asm, T0);
            create(asm, X::ZERO, T0, X::A3);
            seal(asm, T0);
            asm.add(X::A1, -1);
            asm.branch(Opcode::Bne, X::A1, X::ZERO, again);
        });
        asm.li(X::A3, 8);
        asm.li(T1, 8192);
        asm.li(T0, 0);
        create(asm, T2, T0, X::A3);
        seal(asm, T0);
        asm.li(T0, 5);
        create(asm, T2, T0, T1);
        seal(asm, T0);
        calls_of(asm, read, 1000);
    });
    assert_eq!(cause(exit), Some(Cause::RegisterBounds));
    assert_eq!(machine.hart.x[X::A1.index()], 100);
}

#[test]
fn what_a_register_takes_counts_as_memory() {
    let limits = Limits { memory: 20 << 12, ..limits() };
    let mut memory = Memory::new(limits).unwrap();
    memory.map(DATA..DATA + (18 << 12), Perms::RW, SegmentKind::Data, "data").unwrap();
    memory.create_register(0, 8192).unwrap();
    assert_eq!(memory.mapped(), 20 << 12);
    let full = Fault { cause: Cause::RegisterLimit, tval: 1 };
    assert_eq!(memory.create_register(1, 1), Err(full));
    assert!(memory.create_register(2, 0).is_ok(), "nothing takes nothing");
}

#[test]
fn a_reset_machine_has_no_registers_and_none_of_their_bytes() {
    let mut machine = machine(|asm| {
        asm.li(T0, SLOT);
        asm.li(T1, 4096);
        create(asm, T2, T0, T1);
        asm.li(X::A1, u64::MAX);
        sd(asm, X::A1, T2, 0);
    });
    machine.run(&mut Interpreter::new(), &mut Answer(|_: &mut Hart, _: &mut Memory| {})).unwrap();
    machine.reset().unwrap();
    assert_eq!(machine.memory.mapped(), 0);
    assert!(machine.memory.registers().is_unused());
    let window = machine.memory.create_register(SLOT, 4096).unwrap();
    machine.memory.seal_register(SLOT).unwrap();
    assert!(machine.memory.slice(window, 4096).unwrap().iter().all(|&byte| byte == 0));
}

#[test]
fn a_successor_that_is_much_longer_has_the_bytes_and_zeros_behind() {
    let limits = Limits { register_bytes: 1 << 20, ..limits() };
    let mut memory = Memory::new(limits).unwrap();
    // What was there before must not come back.
    let window = memory.create_register(0, 1 << 20).unwrap();
    memory.slice_mut(window, 1 << 20).unwrap().fill(0xff);
    memory.seal_register(0).unwrap();
    memory.consume_register(0).unwrap();
    memory.create_register(0, 5000).unwrap();
    memory.slice_mut(window, 5000).unwrap().fill(7);
    memory.seal_register(0).unwrap();
    memory.update_register(0, 1 << 20).unwrap();
    let bytes = memory.register_bytes(0).unwrap();
    assert_eq!(bytes.iter().position(|&byte| byte != 7), Some(5000));
    assert!(bytes[5000..].iter().all(|&byte| byte == 0));
}

#[test]
fn programs_with_registers_end_the_same_where_code_does_not_speculate() {
    for seed in 0..200 {
        let duel = Duel::of(Shape::registers, &mut Source::Seed(seed), 20_000);
        for tunables in Tunables::of_all_kinds() {
            let tunables = Tunables { speculation_safe: true, ..tunables };
            let fought = duel.fight(&mut Interpreter::new(), &mut Native::new(tunables.clone()));
            fought.unwrap_or_else(|difference| panic!("seed {seed}, {tunables:?}\n{difference}"));
        }
    }
}

#[test]
fn random_programs_with_registers_end_as_in_the_interpreter() {
    let programs = Effort::from_env().choose(1500, 30_000) as u64;
    let seed = std::env::var("CAUSALITY_SOAK_SEED").ok().and_then(|seed| seed.parse().ok()).unwrap_or(0);
    let mut tally = Tally::default();
    let mut instructions = InstructionReport::default();
    for seed in seed..seed + programs {
        let duel = Duel::of(Shape::registers, &mut Source::Seed(seed), 60_000);
        for tunables in Tunables::of_all_kinds() {
            let mut native = Native::new(tunables.clone());
            match duel.fight(&mut Interpreter::new(), &mut native) {
                Ok(ended) => tally.add(ended, 0),
                Err(difference) => panic!("seed {seed}, {tunables:?}\n{difference}"),
            }
            instructions += native.instructions();
        }
    }
    println!("{tally:?} {instructions:?}");
    let causes = [
        "RegisterConsumed",
        "RegisterNotActive",
        "RegisterLocked",
        "RegisterFrozen",
        "RegisterBounds",
        "CapabilityDenied",
        "RegisterLimit",
        "RegisterNotInitial",
        "RegisterOccupied",
        "RegisterNotHeld",
    ];
    for cause in causes {
        assert!(tally.ends.contains_key(cause), "no program ended with {cause}");
    }
    assert!(tally.ends["completed"] > tally.programs / 20);
}
