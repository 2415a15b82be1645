//! What a host does to itself or to the hart must not break the machine.

use std::hint::black_box;

use causality_interp::Interpreter;
use causality_jit::{NativeTier, Tunables};
use causality_machine::isa::Inst;
use causality_machine::isa::format::{Bare, FR, J, Jalr, Load, Rm};
use causality_machine::isa::reg::{F, X};
use causality_machine::memory::{PAGE_SIZE, Perms, SegmentKind};
use causality_machine::{
    Executor, Exit, Flow, Hart, Host, HostError, Limits, Machine, Memory, PauseReason, Tracked, VmState,
};
use causality_vm::{Capture, Engine, Linker, Module, Native, Options};

const CODE: u64 = 0x1_0000;
const DATA: u64 = 0x10_0000;
const ECALL: [u8; 4] = 0x0000_0073u32.to_le_bytes();

/// A machine with fuel for ten instructions, and a page of `ecall`.
fn machine() -> Machine {
    let mut machine = Machine::new(Limits::default()).unwrap();
    let page = CODE..CODE + PAGE_SIZE;
    machine.memory.map(page.clone(), Perms::RW, SegmentKind::Text, "text").unwrap();
    for bytes in machine.memory.slice_mut(CODE, PAGE_SIZE).unwrap().chunks_mut(4) {
        bytes.copy_from_slice(&ECALL);
    }
    machine.memory.protect(page, Perms::RX).unwrap();
    machine.hart.pc = CODE;
    machine.hart.add_fuel(10);
    machine
}

struct Meddler<F>(F);

impl<F: FnMut(&mut Hart)> Host for Meddler<F> {
    fn ecall(&mut self, hart: &mut Hart, _: &mut Tracked<Memory>) -> Result<Flow, HostError> {
        (self.0)(hart);
        Ok(Flow::Continue)
    }
}

#[test]
fn x0_stays_zero_whatever_a_host_writes() {
    let mut machine = machine();
    let exit = machine.run(&mut Interpreter::new(), &mut Meddler(|hart: &mut Hart| hart.x[0] = 7)).unwrap();
    assert_eq!((exit, machine.hart.x[0]), (Exit::OutOfFuel, 0));
}

#[test]
fn a_host_that_takes_all_fuel_ends_the_run_and_never_wraps_the_counter() {
    let mut machine = machine();
    let exit = machine.run(&mut Interpreter::new(), &mut Meddler(|hart: &mut Hart| hart.fuel = 0)).unwrap();
    assert_eq!((exit, machine.hart.fuel, machine.hart.pc), (Exit::OutOfFuel, 0, CODE + 4));
}

#[test]
fn a_host_cannot_make_retired_instructions_negative() {
    let mut machine = machine();
    let mut calls = 0;
    let mut meddler = Meddler(|hart: &mut Hart| {
        hart.fuel = if calls == 0 { 100 } else { hart.fuel };
        calls += 1;
    });
    let exit = machine.run(&mut Interpreter::new(), &mut meddler).unwrap();
    assert_eq!((exit, calls), (Exit::OutOfFuel, 100));
    assert_eq!(machine.hart.instret(), 100);
}

#[test]
fn a_host_that_gives_fuel_back_cannot_make_time_run_backward_for_the_executor() {
    let mut machine = machine();
    let mut calls = 0;
    let mut meddler = Meddler(|hart: &mut Hart| {
        calls += 1;
        if calls == 4 {
            hart.fuel = hart.granted;
        }
    });
    let mut interpreter = Interpreter::new();
    assert_eq!(machine.run(&mut interpreter, &mut meddler).unwrap(), Exit::OutOfFuel);
    assert_eq!((calls, interpreter.retired()), (13, 13));
}

#[test]
fn a_step_is_one_instruction_even_if_the_host_takes_fuel() {
    let mut machine = machine();
    let mut meddler = Meddler(|hart: &mut Hart| hart.fuel -= 5);
    let exit = machine.step(&mut Interpreter::new(), &mut meddler).unwrap();
    assert_eq!((exit, machine.hart.pc, machine.hart.fuel), (Exit::Paused(PauseReason::Step), CODE + 4, 4));
}

#[test]
fn a_machine_whose_host_panicked_is_in_error_and_can_be_reset() {
    let mut machine = machine();
    let mut host = Meddler(|_: &mut Hart| panic!("on purpose"));
    let run = std::panic::AssertUnwindSafe(|| machine.run(&mut Interpreter::new(), &mut host));
    assert!(std::panic::catch_unwind(run).is_err());
    assert_eq!(machine.state(), VmState::Error);
    machine.reset().unwrap();
    assert_eq!(machine.state(), VmState::Ready);
}

/// In which native code runs that calls the host, and goes back by a short way if that has changed nothing.
fn natives() -> [Native; 2] {
    [NativeTier::Baseline, NativeTier::Cranelift]
        .map(|tier| Native::new(Tunables { tier, ..Tunables::default() }))
}

#[test]
fn a_rounding_mode_that_a_host_sets_before_a_float_is_used_is_the_guests() {
    // In a function of its own, for code that uses floats has them ready from where it is entered.
    const FUNCTION: u64 = CODE + 0x400;
    let sum = Inst::FaddD(FR { rd: F::FA0, rs1: F::FA0, rs2: F::FA1, rm: Rm::Dyn });
    let code = [
        (CODE + 4, Inst::Jal(J { rd: X::RA, imm: (FUNCTION - CODE - 4) as i32 })),
        (CODE + 8, Inst::Jal(J { rd: X::ZERO, imm: -8 })),
        (FUNCTION, sum),
        (FUNCTION + 4, Inst::Jalr(Jalr { rd: X::ZERO, rs1: X::RA, imm: 0 })),
    ];
    let told = |executor: &mut dyn Executor, mode: u32| {
        let mut machine = machine();
        machine.memory.protect(CODE..CODE + PAGE_SIZE, Perms::RW).unwrap();
        for (place, inst) in code {
            machine.memory.store(place, inst.encode().to_le_bytes()).unwrap();
        }
        machine.memory.protect(CODE..CODE + PAGE_SIZE, Perms::RX).unwrap();
        machine.hart.add_fuel(1 << 20);
        (machine.hart.f[10], machine.hart.f[11]) = (1.0_f64.to_bits(), f64::EPSILON.to_bits() / 2);
        // Once to have code for all of it.
        for mode in [0, mode] {
            let mut host = Meddler(|hart: &mut Hart| hart.fcsr = mode << 5);
            assert_eq!(machine.run_for(executor, &mut host, 500).unwrap(), Exit::Paused(PauseReason::Step));
        }
        (machine.hart.f[10], machine.hart.fcsr)
    };
    for mode in 0..5 {
        let expected = told(&mut Interpreter::new(), mode);
        for mut native in natives() {
            assert_eq!(told(&mut native, mode), expected, "{mode}");
        }
    }
}

/// Swaps its memory with that of the machine that calls it.
struct Swapping(Machine);

impl Host for Swapping {
    fn ecall(&mut self, _: &mut Hart, memory: &mut Tracked<Memory>) -> Result<Flow, HostError> {
        std::mem::swap(&mut self.0.memory, memory);
        Ok(Flow::Continue)
    }
}

#[test]
fn a_host_that_swaps_memory_unnoticed_stops_native_code() {
    for mut native in natives() {
        let mut machine = machine();
        machine.hart.add_fuel(1 << 20);
        let mut host = Swapping(Machine::new(Limits::default()).unwrap());
        let exit = machine.run(&mut native, &mut host).unwrap();
        assert!(matches!(exit, Exit::Trap(trap) if trap.pc == CODE + 4), "{exit:?}");
        assert!(!machine.is_whole());
    }
}

/// Puts other memory with the machine's own inside in the place of what counts changes, with a page taken away, and has
/// that counted as often.
struct Forger(u64);

impl Host for Forger {
    fn ecall(&mut self, _: &mut Hart, memory: &mut Tracked<Memory>) -> Result<Flow, HostError> {
        self.0 += 1;
        if self.0 == 10 {
            let before = memory.changes();
            let mut inner = std::mem::replace(&mut **memory, Memory::new(Limits::default()).unwrap());
            inner.protect(DATA..DATA + PAGE_SIZE, Perms::NONE).unwrap();
            let mut forged = Tracked::new(inner);
            for _ in 0..100_000 {
                if forged.changes() != before {
                    let _ = &mut *forged;
                }
            }
            *memory = forged;
        }
        Ok(Flow::Continue)
    }
}

#[test]
fn a_host_cannot_forge_that_memory_is_unchanged() {
    let told = |executor: &mut dyn Executor| {
        let mut machine = Machine::new(Limits::default()).unwrap();
        for (start, kind) in [(CODE, SegmentKind::Text), (DATA, SegmentKind::Data)] {
            machine.memory.map(start..start + PAGE_SIZE, Perms::RW, kind, "x").unwrap();
        }
        let code = [
            Inst::Ecall(Bare {}),
            Inst::Ld(Load { rd: X::A1, rs1: X::A0, imm: 0 }),
            Inst::Jal(J { rd: X::ZERO, imm: -8 }),
        ];
        for (place, inst) in (CODE..).step_by(4).zip(code) {
            machine.memory.store(place, inst.encode().to_le_bytes()).unwrap();
        }
        machine.memory.protect(CODE..CODE + PAGE_SIZE, Perms::RX).unwrap();
        machine.hart.pc = CODE;
        machine.hart.x[10] = DATA;
        machine.hart.add_fuel(1000);
        let mut host = Forger(0);
        let exit = machine.run(executor, &mut host).unwrap();
        (exit, host.0)
    };
    let expected = told(&mut Interpreter::new());
    assert_eq!(expected.1, 10);
    for mut native in natives() {
        assert_eq!(told(&mut native), expected);
    }
}

/// Swaps its memory with that of the machine that calls it for the fifth time, and gives fuel then. `computes`: inexactly.
struct SwapOnce {
    other: Machine,
    calls: u64,
    fuel: u64,
    computes: bool,
}

impl Host for SwapOnce {
    fn ecall(&mut self, hart: &mut Hart, memory: &mut Tracked<Memory>) -> Result<Flow, HostError> {
        self.calls += 1;
        if self.computes {
            black_box(black_box(1.0_f64) / black_box(3.0));
        }
        if self.calls == 5 {
            std::mem::swap(&mut self.other.memory, memory);
            hart.fuel += self.fuel;
            hart.granted += self.fuel;
        }
        Ok(Flow::Continue)
    }
}

#[test]
fn a_host_that_swaps_memory_leaves_fuel_and_flags_exact() {
    let of = |code: &[Inst]| {
        let mut machine = Machine::new(Limits::default()).unwrap();
        machine.memory.map(CODE..CODE + PAGE_SIZE, Perms::RW, SegmentKind::Text, "text").unwrap();
        for (place, inst) in (CODE..).step_by(4).zip(code) {
            machine.memory.store(place, inst.encode().to_le_bytes()).unwrap();
        }
        machine.memory.protect(CODE..CODE + PAGE_SIZE, Perms::RX).unwrap();
        machine.hart.pc = CODE;
        machine.hart.add_fuel(100_000);
        (machine.hart.f[10], machine.hart.f[11]) = (1.0_f64.to_bits(), 1.0_f64.to_bits());
        machine
    };
    let sum = Inst::FaddD(FR { rd: F::FA0, rs1: F::FA0, rs2: F::FA1, rm: Rm::Dyn });
    let back = |imm| Inst::Jal(J { rd: X::ZERO, imm });
    let told = |executor: &mut dyn Executor, code: &[Inst], (fuel, computes)| {
        let mut machine = of(code);
        let mut host = SwapOnce { other: of(code), calls: 0, fuel, computes };
        let exit = machine.run_for(executor, &mut host, 1000).unwrap();
        let Hart { pc, fuel, granted, fcsr, .. } = *machine.hart;
        (exit, host.calls, pc, fuel, granted, fcsr)
    };
    let integers = [Inst::Ecall(Bare {}), back(-4)];
    let floats = [sum, Inst::Ecall(Bare {}), back(-8)];
    for (code, how) in
        [(&integers[..], (0, false)), (&integers, (50, false)), (&floats, (0, true)), (&floats, (7, true))]
    {
        let expected = told(&mut Interpreter::new(), code, how);
        for mut native in natives() {
            assert_eq!(told(&mut native, code, how), expected, "{how:?}");
        }
    }
}

/// What `floats`, which prints the bits of results and flags at corner operands, prints.
fn floats() -> String {
    let engine = Engine::default();
    let module = Module::from_file(&engine, "testkit/guests/floats.elf").unwrap();
    let stdout = Capture::new(1 << 20);
    let options = Options::new().arg("floats").stdout(stdout.clone());
    let mut instance = Linker::<()>::new(&engine).instantiate(&module, options, ()).unwrap();
    assert_eq!(instance.run().unwrap(), Exit::Completed(0));
    stdout.text()
}

/// Audio hosts flush subnormals to zero, and numeric ones change the rounding mode, for whole threads.
#[cfg(target_arch = "x86_64")]
#[test]
fn the_floating_point_mode_of_the_hosts_thread_does_not_show() {
    const DEFAULT: u32 = 0x1f80;
    let set = |mode: u32| {
        // SAFETY: loads a control register of this thread with a valid value that masks all exceptions.
        unsafe { std::arch::asm!("ldmxcsr [{}]", in(reg) &mode, options(nostack, readonly)) }
    };
    let expected = std::fs::read_to_string("testkit/guests/floats.expected").unwrap();
    assert_eq!(floats(), expected);
    let modes =
        [("flush to zero, subnormals are zero", 0x8040), ("down", 0x2000), ("up", 0x4000), ("zero", 0x6000)];
    for (name, bits) in modes {
        set(DEFAULT | bits);
        let printed = floats();
        set(DEFAULT);
        assert!(printed == expected, "rounding or flushing: {name}");
    }
}
