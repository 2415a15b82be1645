//! The embedding API: what an embedder can do with an instance, and what comes back.

use std::sync::atomic::{AtomicU64, Ordering};
use std::sync::{Arc, Mutex};

use causality_testkit::elf::Elf;
use causality_vm::isa::reg::X;
use causality_vm::{
    Caller, Capture, Cause, Config, Engine, Error, ErrorKind, Exit, ExitReport, HostFault, Instance,
    InvalidLimits, Limits, Linker, Module, Options, PauseReason, Tier, Trap, VmState,
};

const ADDI_A0_A0_1: u32 = 0x0015_0513;
const LI_A7_93: u32 = 0x05d0_0893;
const ECALL: u32 = 0x73;
const EBREAK: u32 = 0x0010_0073;
const LOOP: u32 = 0x6f;
/// `lui a7, 0x10`: the number of the first host function.
const LI_A7_FIRST: u32 = 0x0001_08b7;

const START: u64 = 0x10000;

/// Adds one to `a0`, which is zero at first, and exits with it.
const EXIT_1: [u32; 3] = [ADDI_A0_A0_1, LI_A7_93, ECALL];

fn instance_with(config: Config, words: &[u32]) -> Instance<()> {
    let engine = Engine::new(config);
    let module = Module::new(&engine, &Elf::of_words(words).build()).unwrap();
    let mut instance = Linker::new(&engine).instantiate(&module, Options::new(), ()).unwrap();
    instance.set_x(X::A0, 0);
    instance
}

fn instance(words: &[u32]) -> Instance<()> {
    instance_with(Config::new(), words)
}

#[test]
fn an_error_is_one_word() {
    assert_eq!(size_of::<Error>(), 8);
    assert_eq!(size_of::<Result<(), Error>>(), 8);
}

#[test]
fn limits_that_no_machine_can_have_are_refused_by_name() {
    let refused = |limits: Limits| {
        let engine = Engine::new(Config::new().limits(limits));
        let module = Module::new(&engine, &Elf::of_words(&EXIT_1).build()).unwrap();
        let error = Linker::new(&engine).instantiate(&module, Options::new(), ()).unwrap_err();
        let ErrorKind::Limits(invalid) = error.kind() else { panic!("{error}") };
        *invalid
    };
    let many = Limits { registers: 65_537, ..Limits::default() };
    assert_eq!(refused(many), InvalidLimits::Registers(65_537));
    let long = Limits { register_bytes: 2 << 30, ..Limits::default() };
    assert_eq!(refused(long), InvalidLimits::RegisterBytes(2 << 30));
}

#[test]
fn everything_can_cross_threads() {
    fn is_send<T: Send>() {}
    fn is_sync<T: Sync>() {}
    is_send::<Instance<Vec<u8>>>();
    is_send::<Error>();
    is_sync::<Engine>();
    is_sync::<Module>();
    is_sync::<Linker<std::cell::Cell<u8>>>();
}

#[test]
fn a_guest_ends_itself_and_cannot_be_run_again() {
    let mut instance = instance(&EXIT_1);
    assert_eq!(instance.state(), VmState::Ready);
    assert_eq!(instance.run().unwrap(), Exit::Completed(1));
    assert_eq!((instance.state(), instance.exit()), (VmState::Completed, Some(Exit::Completed(1))));
    assert_eq!(instance.retired(), 3);
    let error = instance.run().unwrap_err();
    assert!(matches!(error.kind(), ErrorKind::State(_)), "{error}");
}

#[test]
fn a_reset_instance_does_the_same_again() {
    let mut instance = instance_with(Config::new().fuel(100), &EXIT_1);
    let first = instance.run().unwrap();
    instance.reset().unwrap();
    assert_eq!((instance.state(), instance.fuel(), instance.exit()), (VmState::Ready, 100, None));
    instance.set_x(X::A0, 0);
    assert_eq!(instance.run().unwrap(), first);
    assert_eq!(instance.retired(), 3);
}

#[test]
fn a_trap_is_a_value_with_everything_known_about_it() {
    let mut instance = instance(&[ADDI_A0_A0_1, EBREAK]);
    let pc = START + 4;
    assert_eq!(instance.run().unwrap(), Exit::Trap(Trap { cause: Cause::Breakpoint, pc, tval: pc }));
    assert_eq!((instance.state(), instance.pc(), instance.x(X::A0)), (VmState::Error, pc, 1));
}

#[test]
fn out_of_fuel_stops_before_what_cannot_be_paid_and_goes_on_when_it_is() {
    let mut instance = instance_with(Config::new().fuel(1), &EXIT_1);
    assert_eq!(instance.run().unwrap(), Exit::OutOfFuel);
    assert_eq!((instance.pc(), instance.fuel(), instance.retired()), (START + 4, 0, 1));
    instance.add_fuel(1);
    assert_eq!(instance.run().unwrap(), Exit::OutOfFuel);
    assert_eq!(instance.pc(), START + 8);
    instance.add_fuel(1);
    assert_eq!(instance.run().unwrap(), Exit::Completed(1));
}

#[test]
fn steps_and_breakpoints_pause_and_execution_goes_on_behind_them() {
    let mut instance = instance(&EXIT_1);
    assert_eq!(instance.step().unwrap(), Exit::Paused(PauseReason::Step));
    assert_eq!(instance.pc(), START + 4);
    instance.breakpoints_mut().insert(START + 8);
    assert_eq!(instance.run().unwrap(), Exit::Paused(PauseReason::Breakpoint));
    assert_eq!((instance.pc(), instance.breakpoints().iter().count()), (START + 8, 1));
    assert_eq!(instance.run().unwrap(), Exit::Completed(1));
}

#[test]
fn another_thread_can_pause_an_endless_loop() {
    let mut instance = instance(&[LOOP]);
    let handle = instance.pause_handle();
    let pausing = std::thread::spawn(move || {
        std::thread::sleep(std::time::Duration::from_millis(5));
        handle.pause();
    });
    assert_eq!(instance.run().unwrap(), Exit::Paused(PauseReason::Requested));
    pausing.join().unwrap();
    instance.abort().unwrap();
    assert_eq!(instance.state(), VmState::Error);
}

#[test]
fn registers_and_memory_can_be_changed_between_steps_but_zero_stays_zero() {
    let mut instance = instance(&EXIT_1);
    instance.set_x(X::A0, 41);
    instance.set_x(X::ZERO, 7);
    assert_eq!((instance.x(X::A0), instance.x(X::ZERO)), (41, 0));
    let sp = instance.x(X::SP);
    instance.memory_mut().slice_mut(sp - 4, 4).unwrap().copy_from_slice(b"mark");
    assert_eq!(instance.memory().slice(sp - 4, 4).unwrap(), b"mark");
    assert!(instance.memory_mut().slice_mut(START, 4).is_err(), "code is not writable");
    assert_eq!(instance.run().unwrap(), Exit::Completed(42));
}

/// `a0 = f(a0)` by the first host function, then exit with it.
const CALL_AND_EXIT: [u32; 4] = [LI_A7_FIRST, ECALL, LI_A7_93, ECALL];

fn call<T>(
    data: T,
    argument: u64,
    function: impl Fn(&mut Caller<'_, T>, u64) -> Result<u64, HostFault> + Send + Sync + 'static,
) -> (Result<Exit, Error>, Instance<T>) {
    let engine = Engine::default();
    let module = Module::new(&engine, &Elf::of_words(&CALL_AND_EXIT).build()).unwrap();
    let mut linker = Linker::new(&engine);
    assert_eq!(linker.function("function", function).unwrap(), 0x10000);
    let mut instance = linker.instantiate(&module, Options::new(), data).unwrap();
    instance.set_x(X::A0, argument);
    (instance.run(), instance)
}

#[test]
fn host_functions_have_types_and_the_embedders_data() {
    let (exit, instance) = call(vec![1_u64], 20, |caller, value| {
        caller.data_mut().push(value);
        Ok(value + 1)
    });
    assert_eq!(exit.unwrap(), Exit::Completed(21));
    assert_eq!(instance.into_data(), [1, 20]);
}

#[test]
fn a_host_function_reads_guest_memory_and_its_fault_is_the_guests() {
    let read = |caller: &mut Caller<'_, ()>, addr| Ok(u64::from(caller.bytes(addr, 1)?[0]));
    assert_eq!(call((), START, read).0.unwrap(), Exit::Completed(0xb7));
    let trap = Trap { cause: Cause::LoadAccessFault, pc: START + 4, tval: 8 };
    assert_eq!(call((), 8, read).0.unwrap(), Exit::Trap(trap));
}

#[test]
fn a_refusing_host_function_traps_and_a_failing_one_is_an_error() {
    let trap = Trap { cause: Cause::HostFunction, pc: START + 4, tval: 99 };
    assert_eq!(call((), 0, |_, _| Err(HostFault::Trap(99))).0.unwrap(), Exit::Trap(trap));
    let (result, instance) = call((), 0, |_, _| Err(HostFault::Fail("the disk is full".into())));
    let error = result.unwrap_err();
    assert!(matches!(error.kind(), ErrorKind::Host(_)));
    assert_eq!(error.to_string(), "the host failed: the disk is full");
    assert_eq!((instance.state(), instance.exit()), (VmState::Error, None));
}

#[test]
fn an_observer_sees_every_retired_instruction() {
    let mut instance = instance(&EXIT_1);
    let seen = Arc::new(Mutex::new(Vec::new()));
    let log = Arc::clone(&seen);
    instance.observe(move |retired| log.lock().unwrap().push((retired.pc, retired.word)));
    instance.run().unwrap();
    let expected: Vec<_> = EXIT_1.iter().enumerate().map(|(i, &word)| (START + 4 * i as u64, word)).collect();
    assert_eq!(*seen.lock().unwrap(), expected);
    assert_eq!(instance.report().host.instructions.interpreted, 3);
}

#[test]
fn one_module_makes_many_independent_instances() {
    let engine = Engine::new(Config::new().tier(Tier::Interpreter));
    let module = Module::new(&engine, &Elf::of_words(&CALL_AND_EXIT).build()).unwrap();
    let total = Arc::new(AtomicU64::new(0));
    let mut linker = Linker::new(&engine);
    let sum = Arc::clone(&total);
    let add = move |caller: &mut Caller<'_, u64>| sum.fetch_add(*caller.data(), Ordering::Relaxed) & 1;
    linker.function("add", add).unwrap();
    std::thread::scope(|scope| {
        for data in 1..=4 {
            let mut instance = linker.instantiate(&module, Options::new(), data).unwrap();
            scope.spawn(move || instance.run().unwrap());
        }
    });
    assert_eq!(total.load(Ordering::Relaxed), 10);
}

#[test]
fn a_report_says_what_happened_and_nothing_of_the_host_but_in_its_own_part() {
    let engine = Engine::new(Config::new().fuel(1000));
    let elf = std::fs::read("examples/hello.elf").unwrap();
    let module = Module::new(&engine, &elf).unwrap();
    let run = || {
        let stdout = Capture::new(100);
        let options = Options::new().arg("hello").stdout(stdout.clone());
        let mut instance = Linker::new(&engine).instantiate(&module, options, ()).unwrap();
        assert_eq!(instance.run().unwrap(), Exit::Completed(0));
        assert_eq!(stdout.text(), "Hello, world! This is RV64GC speaking.\n");
        instance.report()
    };
    let (mut first, mut second) = (run(), run());
    assert_eq!(first.program, module.id());
    assert_eq!(first.exit, Some(ExitReport::Completed { code: 0, signal: None }));
    assert_eq!(first.fuel_used + first.fuel_left, 1000);
    assert_eq!(first.host.instructions.all(), first.fuel_used);
    assert_eq!(first.bytes_written, 39);
    assert!(first.calls.iter().any(|call| call.name.as_deref() == Some("write") && call.count == 1));
    assert!(first.host.seconds > 0.0);
    first.host = Default::default();
    second.host = Default::default();
    assert_eq!(first, second);
}

#[test]
fn a_program_that_does_not_fit_its_limits_is_refused_with_the_reason() {
    let engine = Engine::new(Config::new().memory(64 << 10));
    let module = Module::new(&engine, &Elf::of_words(&EXIT_1).build()).unwrap();
    let error = Linker::new(&engine).instantiate(&module, Options::new(), ()).unwrap_err();
    assert!(matches!(error.kind(), ErrorKind::Start(_)), "{error}");
    let module = Module::new(&Engine::default(), b"no program").unwrap_err();
    assert!(matches!(module.kind(), ErrorKind::Load(_)));
    let missing = Module::from_file(&engine, "no/such/file").unwrap_err();
    assert!(missing.to_string().starts_with("cannot read no/such/file: "), "{missing}");
}
