//! How code is executed makes no difference, whatever becomes ready when: tiers, shared code, limits of code memory.

use std::hash::{DefaultHasher, Hash, Hasher};
use std::sync::atomic::{AtomicBool, Ordering};
use std::time::{Duration, Instant};

use causality_testkit::Assembler;
use causality_testkit::elf::{Elf, PF_R, PF_X, Phdr};
use causality_vm::isa::reg::X;
use causality_vm::isa::{Inst, Opcode, format};
use causality_vm::{
    Capture, Config, Engine, Exit, Instance, Linker, Module, Options, PauseReason, Promotion, Tier,
};

/// Guests that compute, and rounds that take the interpreter some ten milliseconds.
const GUESTS: [(&str, &str); 8] = [
    ("bytecode", "20"),
    ("closures", "60"),
    ("fib", "20"),
    ("huffman", "10"),
    ("json", "400"),
    ("lz", "10"),
    ("quicksort", "4"),
    ("sieve", "4"),
];

fn guest(name: &str) -> Vec<u8> {
    let path = format!("{}/testkit/guests/{name}.elf", env!("CARGO_MANIFEST_DIR"));
    std::fs::read(path).expect("the guest is there")
}

fn instance_of(engine: &Engine, module: &Module, args: &[&str]) -> Instance<Capture> {
    let stdout = Capture::new(1 << 16);
    let options = Options::new().args(args).stdout(stdout.clone());
    Linker::new(engine).instantiate(module, options, stdout).expect("it can be instantiated")
}

fn guest_instance(config: Config, name: &str, rounds: &str) -> Instance<Capture> {
    let engine = Engine::new(config);
    let module = Module::new(&engine, &guest(name)).expect("it is a program");
    instance_of(&engine, &module, &[name, rounds])
}

/// Everything the guest can have an influence on.
fn state(instance: &Instance<Capture>) -> (String, u64, String) {
    let mut hasher = DefaultHasher::new();
    for segment in instance.memory().segments().filter(|segment| segment.perms.is_readable()) {
        let (start, size) = (segment.range.start, segment.size());
        (start, instance.memory().slice(start, size).expect("it is readable")).hash(&mut hasher);
    }
    (format!("{:?} {:?}", instance.exit(), instance.hart()), hasher.finish(), instance.data().text())
}

fn interpreted(name: &str, rounds: &str) -> (String, u64, String) {
    let mut instance = guest_instance(Config::new().tier(Tier::Interpreter), name, rounds);
    assert_eq!(instance.run().unwrap(), Exit::Completed(0), "{name}");
    state(&instance)
}

#[test]
fn when_code_is_ready_makes_no_difference() {
    for (name, rounds) in GUESTS {
        let expected = interpreted(name, rounds);
        for threshold in [1, 7, 200] {
            let mut instance = guest_instance(Config::new().hot(threshold), name, rounds);
            assert_eq!(instance.run().unwrap(), Exit::Completed(0), "{name}");
            assert!(state(&instance) == expected, "{name} with threshold {threshold}");
            let report = instance.report();
            let host = report.host;
            assert_eq!(host.instructions.all(), report.fuel_used, "{name}");
            assert_eq!(host.compile.failed(), 0, "{name}");
        }
    }
}

/// One function of so many cases, of a hundred instructions each, to which it goes in turn: through a table, or to each other
/// instruction of theirs by an address that it computes.
fn large_function(cases: u64, has_table: bool) -> (Vec<u8>, u64) {
    const CODE: u64 = 0x10000;
    let mut asm = Assembler::new();
    asm.li(X::S0, 20 * cases);
    let (again, over, first, table) = (asm.here(), asm.label(), asm.label(), asm.label());
    let labels: Vec<_> = (0..cases).map(|_| asm.label()).collect();
    if has_table {
        asm.inst(Inst::Andi(format::I { rd: X::T1, rs1: X::S0, imm: cases as i32 - 1 }));
        asm.inst(Inst::Slli(format::Shift { rd: X::T1, rs1: X::T1, shamt: 2 }));
        asm.address(X::T2, table);
        asm.inst(Inst::Add(format::R { rd: X::T1, rs1: X::T1, rs2: X::T2 }));
        asm.inst(Inst::Lw(format::Load { rd: X::T1, rs1: X::T1, imm: 0 }));
    } else {
        asm.inst(Inst::Andi(format::I { rd: X::T1, rs1: X::S0, imm: 2 * cases as i32 - 1 }));
        asm.inst(Inst::Slli(format::Shift { rd: X::T1, rs1: X::T1, shamt: 3 }));
        asm.address(X::T2, first);
    }
    asm.inst(Inst::Add(format::R { rd: X::T1, rs1: X::T1, rs2: X::T2 }));
    asm.inst(Inst::Jalr(format::Jalr { rd: X::ZERO, rs1: X::T1, imm: 0 }));
    asm.bind(table);
    if has_table {
        labels.iter().for_each(|&case| asm.distance(table, case));
    }
    asm.bind(first);
    for (i, case) in labels.into_iter().enumerate() {
        asm.bind(case);
        for _ in 0..98 {
            asm.inst(Inst::Addi(format::I { rd: X::A1, rs1: X::A1, imm: i as i32 }));
        }
        if has_table {
            asm.jump(X::ZERO, over);
        }
    }
    asm.bind(over);
    asm.inst(Inst::Addi(format::I { rd: X::S0, rs1: X::S0, imm: -1 }));
    let end = asm.label();
    asm.branch(Opcode::Beq, X::S0, X::ZERO, end);
    asm.jump(X::ZERO, again);
    asm.bind(end);
    asm.li(X::A0, 0);
    asm.li(X::A7, 93);
    asm.inst(Inst::Ecall(format::Bare {}));
    let code = asm.finish();
    let size = code.len() as u64;
    let elf = Elf::exec(CODE).segment(Phdr::load(PF_R | PF_X, CODE, &code)).symbol("_start", CODE, size);
    (elf.build(), size / 4)
}

#[test]
fn a_large_function_is_translated_once_and_entered_where_its_tables_lead_or_anywhere() {
    for (has_table, most) in [(true, 1.1), (false, 3.0)] {
        let (elf, size) = large_function(64, has_table);
        let run = |config: Config| {
            let engine = Engine::new(config);
            let module = Module::new(&engine, &elf).expect("it is a program");
            let mut instance = instance_of(&engine, &module, &[]);
            assert_eq!(instance.run().unwrap(), Exit::Completed(0));
            instance
        };
        let expected = state(&run(Config::new().tier(Tier::Interpreter)));
        for config in [Config::new().tier(Tier::Baseline), Config::new(), promoting(false)] {
            let instance = run(config);
            assert!(state(&instance) == expected, "{has_table}");
            let host = instance.report().host;
            // What is promoted makes what is around it be translated again.
            let is_once = host.compile.baseline.guest_instructions as f64 <= most * size as f64;
            assert!(is_once || !host.promotions.is_empty(), "{has_table}: {:?}", host.compile.baseline);
        }
    }
}

/// Changes tiers as often as it can, on the guest's thread or on another.
fn promoting(in_background: bool) -> Config {
    Config::new().promotion(Promotion { in_background, ..Promotion::EAGER })
}

#[test]
fn changes_from_baseline_code_to_better_code_and_back_make_no_difference() {
    let mut promotions = Vec::new();
    for (name, rounds) in GUESTS {
        let expected = interpreted(name, rounds);
        for (in_background, hot) in [(false, 1), (true, 1), (false, 20)] {
            let config = promoting(in_background).hot(hot);
            let mut instance = guest_instance(config, name, rounds);
            assert_eq!(instance.run().unwrap(), Exit::Completed(0), "{name}");
            assert!(state(&instance) == expected, "{name}");
            let report = instance.report();
            assert_eq!(report.host.instructions.all(), report.fuel_used, "{name}");
            assert_eq!(report.host.compile.failed(), 0, "{name}");
            let by = report.host.instructions;
            assert!(in_background || by.cranelift > 0 && by.baseline > 0, "{name}: {by:?}");
            promotions.extend(report.host.promotions);
        }
    }
    let demoted = promotions.iter().filter(|promotion| promotion.demoted).count();
    assert!(demoted > 10 && promotions.len() - demoted > 10, "{demoted} of {}", promotions.len());
}

#[test]
fn slices_of_fuel_end_where_the_interpreter_ends_them() {
    const SLICE: u64 = 10_007;
    for (name, rounds) in [("closures", "20"), ("json", "60"), ("lz", "2")] {
        let config = Config::new().fuel(0);
        let configs = [Tier::Interpreter, Tier::Baseline, Tier::Auto, Tier::Cranelift]
            .map(|tier| config.clone().tier(tier).hot(20));
        let configs = configs.into_iter().chain([promoting(false).fuel(0)]);
        let mut all: Vec<_> = configs.map(|config| guest_instance(config, name, rounds)).collect();
        for slice in 0_u64.. {
            let run = |instance: &mut Instance<Capture>| {
                instance.add_fuel(SLICE);
                instance.run().unwrap()
            };
            let exits: Vec<_> = all.iter_mut().map(run).collect();
            let harts: Vec<_> = all.iter().map(|instance| format!("{:?}", instance.hart())).collect();
            assert!(exits.iter().all(|exit| *exit == exits[0]), "{name}, slice {slice}: {exits:?}");
            assert!(harts.iter().all(|hart| *hart == harts[0]), "{name}, slice {slice}: {harts:?}");
            if exits[0] != Exit::OutOfFuel {
                break;
            }
        }
        let states: Vec<_> = all.iter().map(state).collect();
        assert!(states.iter().all(|state| *state == states[0]), "{name}");
    }
}

/// `a0` counts up for ever.
const COUNT: [u32; 2] = [0x0015_0513, 0xffdf_f06f];
/// Where it begins.
const START: u64 = 0x10000;

/// What the guest was doing must not take longer than this to stop or to get going.
const PATIENCE: Duration = Duration::from_secs(60);

fn counting(tier: Tier) -> Instance<Capture> {
    let engine = Engine::new(Config::new().tier(tier).hot(10));
    let module = Module::new(&engine, &Elf::of_words(&COUNT).build()).unwrap();
    instance_of(&engine, &module, &[])
}

/// Runs until another thread that waits a little pauses it; whether it did anything natively meanwhile.
fn run_a_little(instance: &mut Instance<Capture>) -> bool {
    let (before, handle) = (instance.report().host.instructions, instance.pause_handle());
    let exit = std::thread::scope(|scope| {
        scope.spawn(move || {
            std::thread::sleep(Duration::from_millis(20));
            handle.pause();
        });
        instance.run().unwrap()
    });
    assert_eq!(exit, Exit::Paused(PauseReason::Requested));
    instance.report().host.instructions.native() > before.native()
}

/// Runs until there is native code.
fn warm_up(instance: &mut Instance<Capture>) {
    let start = Instant::now();
    while !run_a_little(instance) {
        assert!(start.elapsed() < PATIENCE, "no native code");
    }
}

#[test]
fn a_native_loop_is_paused_and_goes_on() {
    for tier in [Tier::Auto, Tier::Baseline, Tier::Cranelift] {
        let mut instance = counting(tier);
        warm_up(&mut instance);
        for _ in 0..20 {
            let (counted, retired) = (instance.x(X::A0), instance.retired());
            assert!(run_a_little(&mut instance));
            // One more or less of the two, depending on where it stopped.
            let (counted, retired) = (instance.x(X::A0) - counted, instance.retired() - retired);
            assert!(retired.abs_diff(2 * counted) <= 1, "{counted} rounds, {retired} instructions");
        }
    }
}

#[test]
fn a_breakpoint_in_hot_code_takes_effect_and_leaves_no_trace() {
    for tier in [Tier::Auto, Tier::Baseline, Tier::Cranelift] {
        let mut instance = counting(tier);
        warm_up(&mut instance);
        for pc in [START, START + 4] {
            instance.breakpoints_mut().insert(pc);
            assert_eq!(instance.run().unwrap(), Exit::Paused(PauseReason::Breakpoint));
            for _ in 0..100 {
                let counted = instance.x(X::A0);
                assert_eq!(instance.run().unwrap(), Exit::Paused(PauseReason::Breakpoint));
                assert_eq!((instance.pc(), instance.x(X::A0)), (pc, counted + 1));
            }
            instance.breakpoints_mut().remove(pc);
            let regions = instance.report().host.compile.regions();
            warm_up(&mut instance);
            // One that begins where the guest goes on, unless there is one.
            let more = instance.report().host.compile.regions() - regions;
            assert!(more <= 1, "the old code is still good");
        }
        for _ in 0..10 {
            let pc = instance.pc();
            assert_eq!(instance.step().unwrap(), Exit::Paused(PauseReason::Step));
            assert_eq!(instance.pc(), if pc == START { START + 4 } else { START });
        }
    }
}

#[test]
fn instances_of_a_module_share_code_also_after_reset() {
    let engine = Engine::new(Config::new().tier(Tier::Cranelift));
    let module = Module::new(&engine, &guest("sieve")).unwrap();
    let mut first = instance_of(&engine, &module, &["sieve", "1"]);
    first.run().unwrap();
    let regions = first.report().host.compile.regions();
    let mut second = instance_of(&engine, &module, &["sieve", "1"]);
    for _ in 0..2 {
        second.run().unwrap();
        assert_eq!(second.report().host.compile.regions(), regions);
        let instructions = second.report().host.instructions;
        assert!(instructions.interpreted < instructions.native() / 1000, "{instructions:?}");
        second.reset().unwrap();
    }
    assert!(regions > 0 && engine.code_bytes() > 0);
}

#[test]
fn code_of_modules_that_are_gone_is_gone() {
    for tier in [Tier::Baseline, Tier::Cranelift, Tier::Auto] {
        let engine = Engine::new(Config::new().tier(tier).hot(5));
        // Adds up to the number of the module, then exits with 0.
        for number in 0..1000_u32 {
            let count = 50 + number % 100;
            let words = [0x513 | count << 20, 0xfff5_0513, 0xfe05_1ee3, 0x05d0_0893, 0x0000_0073];
            let module = Module::new(&engine, &Elf::of_words(&words).build()).unwrap();
            let mut instance = instance_of(&engine, &module, &[]);
            assert_eq!(instance.run().unwrap(), Exit::Completed(0));
        }
        // The background may hold on to the last one for a moment.
        engine.wait_for_code();
        let start = Instant::now();
        while engine.code_bytes() > 0 && start.elapsed() < PATIENCE {
            std::thread::yield_now();
        }
        assert_eq!(engine.code_bytes(), 0);
    }
}

/// Threads that run the same programs, in an engine that has no room for the code of them all.
#[test]
fn code_is_dropped_and_made_again_while_others_run_it() {
    const LIMIT: usize = 64 << 10;
    let programs = [("sieve", "1"), ("json", "20"), ("lz", "1")];
    let expected = programs.map(|(name, rounds)| interpreted(name, rounds));
    for tier in [Tier::Baseline, Tier::Cranelift, Tier::Auto] {
        let engine = Engine::new(Config::new().tier(tier).hot(20).code_memory(LIMIT));
        let modules = programs.map(|(name, _)| Module::new(&engine, &guest(name)).unwrap());
        let is_over = AtomicBool::new(false);
        std::thread::scope(|scope| {
            let workers: Vec<_> = (0..2_usize)
                .map(|worker| {
                    let (engine, modules, expected, programs) = (&engine, &modules, &expected, &programs);
                    scope.spawn(move || {
                        for round in 0..12 {
                            let which = (worker + round) % programs.len();
                            let (name, rounds) = programs[which];
                            let mut instance = instance_of(engine, &modules[which], &[name, rounds]);
                            assert_eq!(instance.run().unwrap(), Exit::Completed(0));
                            assert!(state(&instance) == expected[which], "{name}");
                        }
                    })
                })
                .collect();
            let watcher = scope.spawn(|| {
                let mut most = 0;
                while !is_over.load(Ordering::Relaxed) {
                    most = most.max(engine.code_bytes());
                    std::thread::sleep(Duration::from_micros(100));
                }
                most
            });
            for worker in workers {
                worker.join().expect("it runs");
            }
            is_over.store(true, Ordering::Relaxed);
            // What is in use may be more than the limit: one generation for each thread, and one region too many.
            let most = watcher.join().expect("it watches");
            assert!(most <= 4 * LIMIT, "{most} bytes of code");
        });
        engine.wait_for_code();
        assert!(engine.code_bytes() <= LIMIT, "{} bytes are left", engine.code_bytes());
    }
}

/// Where a slice ends and where a breakpoint is can be the same place.
#[test]
fn a_breakpoint_in_straight_code_is_never_missed_between_samples() {
    const NOP: u32 = 0x13;
    let mut words = vec![NOP; 250];
    words[0] = COUNT[0];
    // Back to the start.
    words.push(0xc19f_f06f);
    for place in [60, 119, 200, 249] {
        let engine = Engine::new(promoting(false));
        let module = Module::new(&engine, &Elf::of_words(&words).build()).unwrap();
        let mut instance = instance_of(&engine, &module, &[]);
        instance.breakpoints_mut().insert(START + 4 * place);
        for round in 1..300 {
            assert_eq!(instance.run().unwrap(), Exit::Paused(PauseReason::Breakpoint));
            assert_eq!(instance.x(X::A0), round, "place {place}");
        }
    }
}

/// Threads that promote and demote the same code at the same time.
#[test]
fn code_is_promoted_and_demoted_while_others_run_it() {
    for in_background in [false, true] {
        let (name, rounds) = ("huffman", "10");
        let expected = interpreted(name, rounds);
        let engine = Engine::new(promoting(in_background));
        let module = Module::new(&engine, &guest(name)).unwrap();
        for _ in 0..3 {
            std::thread::scope(|scope| {
                for _ in 0..4 {
                    scope.spawn(|| {
                        let mut instance = instance_of(&engine, &module, &[name, rounds]);
                        assert_eq!(instance.run().unwrap(), Exit::Completed(0));
                        assert!(state(&instance) == expected);
                    });
                }
            });
        }
    }
}
