//! A panic of the embedder's own code reaches the embedder, whatever runs the guest and however deep in it, and takes
//! nothing with it but the instance it happened in.

use std::hint::black_box;
use std::io::{self, Read, Write};
use std::panic::{AssertUnwindSafe, catch_unwind};
use std::path::Path;
use std::sync::atomic::{AtomicU64, Ordering};
use std::sync::{Arc, mpsc};

use causality_jit::code::Listener;
use causality_testkit::Assembler;
use causality_testkit::elf::{Elf, PF_R, PF_W, PF_X, Phdr};
use causality_vm::isa::format::{self, Bare};
use causality_vm::isa::reg::X;
use causality_vm::isa::{Inst, Opcode};
use causality_vm::{
    CallError, Caller, Config, Engine, Error, ErrorKind, Exit, FIRST_HOST_FUNCTION, Hart, Instance, Limits,
    Linker, Module, Options, Promotion, Tier, VmState,
};

const TEXT: u64 = 0x1_0000;
const DATA: u64 = 0x10_0000;

/// Deep enough for native code to have used up its share of the host's stack some times.
const DEEP: u64 = 100_000;

fn configs() -> [Config; 5] {
    let limits = Limits { address_space: 64 << 20, ..Limits::default() };
    let of = |tier| Config::new().limits(limits.clone()).tier(tier).hot(1);
    [
        of(Tier::Interpreter),
        of(Tier::Baseline),
        of(Tier::Cranelift),
        of(Tier::Auto),
        of(Tier::Auto).promotion(Promotion::EAGER),
    ]
}

fn ecall(asm: &mut Assembler, number: u64) {
    asm.li(X::A7, number);
    asm.inst(Inst::Ecall(Bare {}));
}

fn addi(asm: &mut Assembler, rd: X, rs1: X, imm: i32) {
    asm.inst(Inst::Addi(format::I { rd, rs1, imm }));
}

fn elf(build: impl FnOnce(&mut Assembler)) -> Vec<u8> {
    let mut asm = Assembler::new();
    build(&mut asm);
    let text = Phdr::load(PF_R | PF_X, TEXT, &asm.finish());
    Elf::exec(TEXT).segment(text).segment(Phdr::load(PF_R | PF_W, DATA, b"some bytes to write")).build()
}

/// Calls itself `a0` times, then the host with what is left, 0; returns all the way, and ends with 5.
fn recursive() -> Vec<u8> {
    elf(|asm| {
        let (function, deepest, back) = (asm.label(), asm.label(), asm.label());
        asm.jump(X::RA, function);
        asm.li(X::A0, 5);
        ecall(asm, 93);
        asm.bind(function);
        addi(asm, X::SP, X::SP, -16);
        asm.inst(Inst::Sd(format::S { rs1: X::SP, rs2: X::RA, imm: 8 }));
        asm.branch(Opcode::Beq, X::A0, X::ZERO, deepest);
        addi(asm, X::A0, X::A0, -1);
        asm.jump(X::RA, function);
        asm.jump(X::ZERO, back);
        asm.bind(deepest);
        ecall(asm, FIRST_HOST_FUNCTION);
        asm.bind(back);
        asm.inst(Inst::Ld(format::Load { rd: X::RA, rs1: X::SP, imm: 8 }));
        addi(asm, X::SP, X::SP, 16);
        asm.inst(Inst::Jalr(format::Jalr { rd: X::ZERO, rs1: X::RA, imm: 0 }));
    })
}

/// Panics as often as its data say.
fn panicking(caller: &mut Caller<'_, u32>) -> u64 {
    if *caller.data() > 0 {
        *caller.data_mut() -= 1;
        std::panic::panic_any("on purpose");
    }
    7
}

fn linker(engine: &Engine) -> Linker<u32> {
    let mut linker = Linker::new(engine);
    linker.function("panicking", panicking).expect("the name is free");
    linker
}

/// The panic that a run ends with.
fn panic_of<T>(instance: &mut Instance<T>) -> &'static str {
    let ended = catch_unwind(AssertUnwindSafe(|| instance.run()));
    ended.expect_err("it panics").downcast_ref::<&str>().expect("it is the one thrown")
}

fn is_illegal<T: std::fmt::Debug>(result: Result<T, Error>) -> bool {
    result.is_err_and(|error| matches!(error.kind(), ErrorKind::State(_)))
}

/// All calls on an instance whose host has panicked are typed errors, or tell how it is.
fn is_in_error<T: Clone>(instance: &mut Instance<T>) {
    assert_eq!(instance.state(), VmState::Error);
    assert!(is_illegal(instance.run()) && is_illegal(instance.run_for(5)) && is_illegal(instance.step()));
    assert!(is_illegal(instance.abort()));
    assert_eq!(instance.exit(), None);
    // What else there is does not panic.
    instance.revive();
    instance.pass_breakpoint();
    instance.stop_observing();
    assert_eq!(instance.state(), VmState::Error, "only traps can be revived from");
    let _ = (instance.report(), instance.backtrace(), instance.pause_handle(), instance.fuel());
    assert!(instance.moment(None).is_ok());
}

#[test]
fn a_panic_in_a_host_function_reaches_the_embedder_from_any_depth_and_in_every_tier() {
    let elf = recursive();
    for config in configs() {
        let engine = Engine::new(config);
        let module = Module::new(&engine, &elf).unwrap();
        let mut states = Vec::new();
        for depth in [0, 1, 50, DEEP] {
            let mut instance = linker(&engine).instantiate(&module, Options::new(), 1).unwrap();
            instance.set_x(X::A0, depth);
            assert_eq!(panic_of(&mut instance), "on purpose");
            is_in_error(&mut instance);
            // Everything up to the call has retired, and the call has not.
            states.push((instance.pc(), instance.x(X::SP), instance.retired(), *instance.data()));
            instance.reset().unwrap();
            instance.set_x(X::A0, depth);
            assert_eq!(instance.run().unwrap(), Exit::Completed(5), "{depth}");
        }
        let expected = interpreted(&elf);
        assert_eq!(states, expected, "{:?}", engine.config());
    }
}

/// Where the interpreter is when the host panics.
fn interpreted(elf: &[u8]) -> Vec<(u64, u64, u64, u32)> {
    let [config, ..] = configs();
    let engine = Engine::new(config);
    let module = Module::new(&engine, elf).unwrap();
    let state = |depth| {
        let mut instance = linker(&engine).instantiate(&module, Options::new(), 1).unwrap();
        instance.set_x(X::A0, depth);
        panic_of(&mut instance);
        (instance.pc(), instance.x(X::SP), instance.retired(), *instance.data())
    };
    [0, 1, 50, DEEP].map(state).into()
}

#[test]
fn others_of_the_same_engine_module_and_linker_go_on() {
    let elf = recursive();
    for config in configs() {
        let engine = Engine::new(config);
        let module = Module::new(&engine, &elf).unwrap();
        let linker = linker(&engine);
        let instance = |panics| {
            let mut instance = linker.instantiate(&module, Options::new(), panics).unwrap();
            instance.set_x(X::A0, 1000);
            instance
        };
        let mut halfway = instance(0);
        halfway.run_for(1500).unwrap();
        std::thread::scope(|scope| {
            for thread in 0..4 {
                let instance = &instance;
                scope.spawn(move || {
                    for time in 0..20 {
                        let panics = (thread + time) % 2;
                        let mut instance = instance(panics);
                        if panics > 0 {
                            assert_eq!(panic_of(&mut instance), "on purpose");
                            instance.reset().unwrap();
                        }
                        assert_eq!(instance.run().unwrap(), Exit::Completed(5));
                    }
                });
            }
        });
        assert_eq!(halfway.run().unwrap(), Exit::Completed(5));
        engine.wait_for_code();
    }
}

/// A guest within a host function panics in its own host function, and the outer host goes on.
#[test]
fn a_panic_within_a_guest_within_a_host_function_goes_as_far_as_it_is_let() {
    let elf = recursive();
    for config in configs() {
        let engine = Engine::new(config);
        let module = Module::new(&engine, &elf).unwrap();
        for is_caught in [true, false] {
            let (inner_linker, inner_module) = (linker(&engine), module.clone());
            let mut outer = Linker::<u32>::new(&engine);
            let run_another = move |_: &mut Caller<'_, u32>| {
                let mut inner = inner_linker.instantiate(&inner_module, Options::new(), 1).unwrap();
                inner.set_x(X::A0, 100);
                match is_caught {
                    true => assert_eq!(panic_of(&mut inner), "on purpose"),
                    false => drop(inner.run()),
                }
            };
            outer.function("run another", run_another).unwrap();
            let mut instance = outer.instantiate(&module, Options::new(), 0).unwrap();
            instance.set_x(X::A0, 100);
            if is_caught {
                assert_eq!(instance.run().unwrap(), Exit::Completed(5));
            } else {
                assert_eq!(panic_of(&mut instance), "on purpose");
                is_in_error(&mut instance);
            }
        }
    }
}

/// Counts how often it is dropped, and panics once.
#[derive(Clone)]
struct Bomb(Arc<AtomicU64>);

impl Drop for Bomb {
    fn drop(&mut self) {
        if self.0.fetch_add(1, Ordering::SeqCst) == 0 && !std::thread::panicking() {
            std::panic::panic_any("on purpose");
        }
    }
}

#[test]
fn data_that_panic_when_they_are_dropped_take_nothing_with_them() {
    let elf = recursive();
    for config in configs() {
        let engine = Engine::new(config);
        let module = Module::new(&engine, &elf).unwrap();
        let dropped = Arc::new(AtomicU64::new(0));
        let mut linker = Linker::<Bomb>::new(&engine);
        linker.function("nothing", |_: &mut Caller<'_, Bomb>| ()).unwrap();
        for is_run in [true, false] {
            dropped.store(0, Ordering::SeqCst);
            let data = Bomb(Arc::clone(&dropped));
            let mut instance = linker.instantiate(&module, Options::new(), data).unwrap();
            if is_run {
                assert_eq!(instance.run().unwrap(), Exit::Completed(5));
            }
            let drop = catch_unwind(AssertUnwindSafe(|| drop(instance)));
            assert_eq!(*drop.expect_err("it panics").downcast_ref::<&str>().unwrap(), "on purpose");
            assert_eq!(dropped.load(Ordering::SeqCst), 1);
        }
        let mut instance = linker.instantiate(&module, Options::new(), Bomb(dropped)).unwrap();
        assert_eq!(instance.run().unwrap(), Exit::Completed(5));
    }
}

/// A stream that panics the first time, and works from then on.
struct Panicking(bool);

impl Panicking {
    fn panic_once(&mut self) {
        if !std::mem::replace(&mut self.0, true) {
            std::panic::panic_any("on purpose");
        }
    }
}

impl Read for Panicking {
    fn read(&mut self, buffer: &mut [u8]) -> io::Result<usize> {
        self.panic_once();
        buffer.fill(b'x');
        Ok(buffer.len())
    }
}

impl Write for Panicking {
    fn write(&mut self, buffer: &[u8]) -> io::Result<usize> {
        self.panic_once();
        Ok(buffer.len())
    }

    fn flush(&mut self) -> io::Result<()> {
        Ok(())
    }
}

/// Reads or writes a few bytes, and ends with how many.
fn streaming(number: u64, descriptor: u64) -> Vec<u8> {
    elf(|asm| {
        for (register, value) in [(X::A0, descriptor), (X::A1, DATA), (X::A2, 9)] {
            asm.li(register, value);
        }
        ecall(asm, number);
        ecall(asm, 93);
    })
}

#[test]
fn a_panic_in_a_stream_of_the_embedder_reaches_it_and_the_stream_goes_on_after_a_reset() {
    type With = fn(Options) -> Options;
    let streams: [(u64, u64, With); 4] = [
        (63, 0, |options| options.stdin(Panicking(false))),
        (63, 0, |options| options.typed_stdin(Panicking(false))),
        (64, 1, |options| options.stdout(Panicking(false))),
        (64, 2, |options| options.stderr(Panicking(false))),
    ];
    for config in configs() {
        let engine = Engine::new(config);
        for (number, descriptor, with) in streams {
            let module = Module::new(&engine, &streaming(number, descriptor)).unwrap();
            let linker = Linker::<()>::new(&engine);
            let mut instance = linker.instantiate(&module, with(Options::new()), ()).unwrap();
            assert_eq!(panic_of(&mut instance), "on purpose");
            is_in_error(&mut instance);
            instance.reset().unwrap();
            assert_eq!(instance.run().unwrap(), Exit::Completed(9), "stream {descriptor}");
        }
    }
}

/// As above, with answers kept for going back.
#[test]
fn a_moment_from_before_a_panic_can_be_gone_back_to() {
    let elf = recursive();
    for config in configs() {
        let engine = Engine::new(config);
        let module = Module::new(&engine, &elf).unwrap();
        let mut instance = linker(&engine).instantiate(&module, Options::new(), 1).unwrap();
        instance.set_x(X::A0, 300);
        instance.run_for(700).unwrap();
        let moment = instance.moment(None).unwrap().expect("it can be copied");
        assert_eq!(panic_of(&mut instance), "on purpose");
        assert_eq!(*instance.data(), 0);
        instance.go_back(&moment).unwrap();
        assert_eq!((*instance.data(), instance.retired()), (1, 700));
        assert_eq!(panic_of(&mut instance), "on purpose");
        instance.go_back(&moment).unwrap();
        *instance.data_mut() = 0;
        assert_eq!(instance.run().unwrap(), Exit::Completed(5));
    }
}

/// An observer is the embedder's too.
#[test]
fn a_panic_in_an_observer_reaches_the_embedder() {
    let [config, .., last] = configs();
    for config in [config, last] {
        let engine = Engine::new(config);
        let module = Module::new(&engine, &recursive()).unwrap();
        let mut instance = linker(&engine).instantiate(&module, Options::new(), 0).unwrap();
        instance.set_x(X::A0, 10);
        let mut seen = 0;
        instance.observe(move |_| {
            seen += 1;
            if seen == 20 {
                std::panic::panic_any("on purpose");
            }
        });
        assert_eq!(panic_of(&mut instance), "on purpose");
        assert_eq!(instance.state(), VmState::Error);
        instance.stop_observing();
        instance.reset().unwrap();
        instance.set_x(X::A0, 10);
        assert_eq!(instance.run().unwrap(), Exit::Completed(5));
    }
}

/// A profiler, say, that cannot write its file.
#[test]
fn a_listener_that_panics_about_code_takes_nothing_with_it() {
    let elf = recursive();
    let tiers = configs().into_iter().enumerate();
    for (which, config, panics) in
        tiers.flat_map(|(which, config)| [1, 2, 5].map(|n| (which, config.clone(), n)))
    {
        let left = AtomicU64::new(panics);
        let listener = Listener::new(move |_| {
            let take = |left: u64| left.checked_sub(1);
            if left.fetch_update(Ordering::SeqCst, Ordering::SeqCst, take).is_ok() {
                std::panic::panic_any("on purpose");
            }
        });
        let engine = Engine::new(config.code_listener(listener));
        let module = Module::new(&engine, &elf).unwrap();
        let mut caught = 0;
        // One panic on the translator's thread is one that nobody here sees.
        for _ in 0..=panics {
            let mut instance = linker(&engine).instantiate(&module, Options::new(), 0).unwrap();
            instance.set_x(X::A0, 100_000);
            match catch_unwind(AssertUnwindSafe(|| instance.run())) {
                Ok(exit) => assert_eq!(exit.unwrap(), Exit::Completed(5)),
                Err(panic) => {
                    assert_eq!(panic.downcast_ref::<&str>(), Some(&"on purpose"));
                    is_in_error(&mut instance);
                    caught += 1;
                }
            }
            waits_for_code(&engine);
        }
        assert!(caught <= panics);
        let mut instance = linker(&engine).instantiate(&module, Options::new(), 0).unwrap();
        instance.set_x(X::A0, 100_000);
        assert_eq!(instance.run().unwrap(), Exit::Completed(5));
        let native = instance.report().host.instructions.native();
        assert!(native > 0 || which == 0, "nothing is translated any more");
    }
}

/// Fails if the code that was asked for never comes.
fn waits_for_code(engine: &Engine) {
    let (engine, (done, is_done)) = (engine.clone(), mpsc::channel());
    std::thread::spawn(move || {
        engine.wait_for_code();
        let _ = done.send(());
    });
    is_done.recv_timeout(std::time::Duration::from_secs(60)).expect("the translator goes on");
}

/// Where the guest was when it called the host last, and whether the host panics then.
#[derive(Clone, Debug, Default)]
struct Witness {
    seen: Option<Hart>,
    panics: bool,
}

fn witness(caller: &mut Caller<'_, Witness>, value: u64) -> u64 {
    caller.data_mut().seen = Some(caller.hart().clone());
    if caller.data().panics {
        std::panic::panic_any("on purpose");
    }
    value + 1
}

fn witnessed(engine: &Engine, elf: &[u8], panics: bool) -> Instance<Witness> {
    let module = Module::new(engine, elf).unwrap();
    let mut linker = Linker::new(engine);
    linker.function_at(FIRST_HOST_FUNCTION, "witness", witness).unwrap();
    let data = Witness { seen: None, panics };
    linker.instantiate(&module, Options::new().fuel(10_000_000), data).unwrap()
}

/// Everything that is shown of the guest is as it was when it called the host, which is returned.
fn where_it_called(instance: &mut Instance<Witness>) -> Hart {
    let seen = instance.data_mut().seen.take().expect("the host was called");
    assert_eq!((instance.fuel(), instance.retired()), (seen.fuel, seen.instret()));
    let report = instance.report();
    assert_eq!((report.fuel_left, report.fuel_used), (seen.fuel, seen.instret()), "{report:?}");
    assert_eq!(report.host.instructions.all(), seen.instret(), "{report:?}");
    assert_eq!(*instance.hart(), seen);
    assert_eq!((instance.pc(), instance.x(X::A0)), (seen.pc, seen.x[X::A0.index()]));
    seen
}

#[test]
fn after_a_panic_in_a_run_fuel_and_registers_are_those_of_the_host_call() {
    let elf = recursive();
    for depth in [0, 50, DEEP] {
        let states = configs().map(|config| {
            let mut instance = witnessed(&Engine::new(config), &elf, true);
            instance.set_x(X::A0, depth);
            assert_eq!(panic_of(&mut instance), "on purpose");
            let state = where_it_called(&mut instance);
            assert_eq!(state.instret() + instance.fuel(), 10_000_000);
            instance.data_mut().panics = false;
            instance.reset().unwrap();
            instance.set_x(X::A0, depth);
            assert_eq!(instance.run().unwrap(), Exit::Completed(5));
            state
        });
        assert!(states.iter().all(|state| *state == states[0]), "{depth}: {states:#?}");
    }
}

/// The first call of a function, and one after as many calls that left everything as it was.
#[test]
fn after_a_panic_in_a_call_fuel_and_registers_are_those_of_the_host_call() {
    let elf = std::fs::read("testkit/guests/calls.elf").unwrap();
    for (before, name, times) in
        [(0, "ask", 1), (1, "ask", 1), (100, "ask", 1), (0, "ask_often", 9), (100, "ask_often", 9)]
    {
        let states = configs().map(|config| {
            let mut instance = witnessed(&Engine::new(config), &elf, false);
            assert_eq!(instance.run().unwrap(), Exit::Completed(0));
            let ask = instance.function::<(u64, u64), u64>(name).unwrap();
            for _ in 0..before {
                assert_eq!(ask.call(&mut instance, (41, times)).unwrap(), 41 + times);
            }
            instance.data_mut().panics = true;
            let ended = catch_unwind(AssertUnwindSafe(|| ask.call(&mut instance, (41, times))));
            assert_eq!(ended.expect_err("it panics").downcast_ref::<&str>(), Some(&"on purpose"));
            assert_eq!(instance.state(), VmState::Error);
            assert!(matches!(ask.call(&mut instance, (41, times)), Err(CallError::Host(error)) if matches!(error.kind(), ErrorKind::State(_))));
            let state = where_it_called(&mut instance);
            instance.data_mut().panics = false;
            // What the function was doing can be given up, as after a trap.
            assert_eq!(instance.pending_calls(), 1);
            assert!(instance.abandon_call());
            assert_eq!((instance.state(), instance.fuel()), (VmState::Completed, state.fuel));
            assert_eq!(ask.call(&mut instance, (41, times)).unwrap(), 41 + times);
            instance.reset().unwrap();
            assert_eq!(ask.call(&mut instance, (41, times)).unwrap(), 41 + times);
            assert_eq!(instance.run().unwrap(), Exit::Completed(0));
            state
        });
        assert!(states.iter().all(|state| *state == states[0]), "{before} {name}: {states:#?}");
    }
}

/// Whether this thread rounds up, as hosts do not.
fn rounds_up() -> bool {
    black_box(1.0_f64) + black_box(f64::EPSILON / 4.0) != 1.0
}

/// Cranelift's code from a cache, which is loaded while it is run, region by region.
fn from_cache(folder: &Path, listener: Option<Listener>) -> Instance<()> {
    let config = Config::new().tier(Tier::Cranelift).cache(folder);
    let engine = Engine::new(match listener {
        Some(listener) => config.code_listener(listener),
        None => config,
    });
    let module = Module::from_file(&engine, "testkit/guests/calls.elf").unwrap();
    Linker::new(&engine).instantiate(&module, Options::new().arg("calls"), ()).unwrap()
}

/// One that panics when it is told for the `nth` time.
fn panics_at(nth: u64) -> Listener {
    let count = AtomicU64::new(0);
    Listener::new(move |_| {
        if count.fetch_add(1, Ordering::Relaxed) == nth {
            std::panic::resume_unwind(Box::new("on purpose"));
        }
    })
}

/// Rounds up, in `fcsr`.
const UP: u32 = 3 << 5;

#[test]
fn who_is_told_of_code_does_not_compute_as_the_guest_does() {
    let folder = tempfile::tempdir().unwrap();
    assert_eq!(from_cache(folder.path(), None).run().unwrap(), Exit::Completed(0));
    let (told, up) = (Arc::new(AtomicU64::new(0)), Arc::new(AtomicU64::new(0)));
    let counts = (Arc::clone(&told), Arc::clone(&up));
    let listener = Listener::new(move |_| {
        counts.0.fetch_add(1, Ordering::Relaxed);
        counts.1.fetch_add(u64::from(rounds_up()), Ordering::Relaxed);
    });
    let mut guest = from_cache(folder.path(), Some(listener));
    guest.set_fcsr(UP);
    assert_eq!(guest.run().unwrap(), Exit::Completed(0));
    assert!(told.load(Ordering::Relaxed) > 5);
    assert_eq!(up.load(Ordering::Relaxed), 0);
    let engine = Engine::new(Config::new().tier(Tier::Interpreter));
    let module = Module::from_file(&engine, "testkit/guests/calls.elf").unwrap();
    let mut interpreted = Linker::new(&engine).instantiate(&module, Options::new().arg("calls"), ()).unwrap();
    interpreted.set_fcsr(UP);
    interpreted.run().unwrap();
    assert_eq!(guest.hart().fcsr, interpreted.hart().fcsr);
}

#[test]
fn a_panic_of_who_is_told_of_code_leaves_the_threads_rounding_mode() {
    let folder = tempfile::tempdir().unwrap();
    assert_eq!(from_cache(folder.path(), None).run().unwrap(), Exit::Completed(0));
    let mut panics = 0;
    for nth in 0..30 {
        let mut guest = from_cache(folder.path(), Some(panics_at(nth)));
        guest.set_fcsr(UP);
        panics += u64::from(catch_unwind(AssertUnwindSafe(|| drop(guest.run()))).is_err());
        assert!(!rounds_up(), "{nth}");
    }
    assert!(panics > 5, "{panics}");
}

#[test]
fn a_panic_of_who_is_told_of_code_in_a_call_leaves_one_that_has_stopped() {
    let folder = tempfile::tempdir().unwrap();
    let warm = |guest: &mut Instance<()>| {
        guest.call::<_, u64>("add", (1_u64, 2_u64)).unwrap();
        guest.call::<_, u64>("add", (1_u64, 2_u64)).unwrap();
        guest.call::<_, i32>("main", (1_i32, 0_u64)).unwrap();
        guest.call::<_, f64>("mix", (3_i32, 0.1_f64, 0.7_f32)).unwrap()
    };
    let expected = warm(&mut from_cache(folder.path(), None));
    let mut panics = 0;
    for nth in 0..30 {
        let mut guest = from_cache(folder.path(), Some(panics_at(nth)));
        let panicked = catch_unwind(AssertUnwindSafe(|| warm(&mut guest))).is_err();
        panics += u64::from(panicked);
        assert_eq!(guest.pending_calls(), usize::from(panicked), "{nth}");
        assert_eq!(guest.abandon_call(), panicked, "{nth}");
        // On another thread, which rounds as it does.
        let found = std::thread::scope(|scope| scope.spawn(|| warm(&mut guest)).join().unwrap());
        assert_eq!(found.to_bits(), expected.to_bits(), "{nth}");
        assert!(!rounds_up(), "{nth}");
    }
    assert!(panics > 5, "{panics}");
}

#[test]
fn a_panic_of_who_is_told_of_code_made_for_a_call_leaves_one_that_has_stopped() {
    for tier in [Tier::Baseline, Tier::Cranelift, Tier::Auto] {
        for nth in 0..4 {
            let engine = Engine::new(Config::new().tier(tier).hot(0).code_listener(panics_at(nth)));
            let module = Module::from_file(&engine, "testkit/guests/calls.elf").unwrap();
            let options = Options::new().arg("calls");
            let Ok(mut guest) = catch_unwind(AssertUnwindSafe(|| {
                Linker::new(&engine).instantiate(&module, options, ()).unwrap()
            })) else {
                continue;
            };
            let called =
                catch_unwind(AssertUnwindSafe(|| guest.call::<_, u64>("add", (1_u64, 2_u64)).unwrap()));
            assert_eq!(guest.abandon_call(), called.is_err(), "{tier:?} {nth}");
            assert_eq!(guest.call::<_, u64>("add", (1_u64, 2_u64)).unwrap(), 3, "{tier:?} {nth}");
        }
    }
}
