//! Where native code may stop or trap, it is as exact as the interpreter: real guests, stopped at any instruction, and
//! with memory that is taken away or protected under them.

use causality_machine::memory::{Perms, SegmentKind};
use causality_testkit::digest;
use causality_testkit::source::Source;
use causality_testkit::sweep::Effort;
use causality_vm::{Capture, Config, Engine, Exit, Instance, Linker, Module, Options, Tier};

/// Guests that compute, and rounds that are soon done.
const GUESTS: [(&str, &str); 9] = [
    ("aes128", "1"),
    ("bytecode", "1"),
    ("closures", "1"),
    ("huffman", "1"),
    ("json", "3"),
    ("lz", "1"),
    ("nbody", "20"),
    ("quicksort", "1"),
    ("sha256", "1"),
];

/// What all others must be as comes first.
const TIERS: [Tier; 4] = [Tier::Interpreter, Tier::Baseline, Tier::Cranelift, Tier::Auto];

/// More than any round takes.
const FUEL: u64 = 1 << 32;

type Guest = Instance<Capture>;

fn guests(name: &str, rounds: &str) -> [Guest; 4] {
    TIERS.map(|tier| {
        let engine = Engine::new(Config::new().tier(tier).hot(10).fuel(0));
        let path = format!("{}/testkit/guests/{name}.elf", env!("CARGO_MANIFEST_DIR"));
        let module = Module::from_file(&engine, path).expect("it is a program");
        let stdout = Capture::new(1 << 16);
        let options = Options::new().args([name, rounds]).stdout(stdout.clone());
        Linker::new(&engine).instantiate(&module, options, stdout).expect("it can be instantiated")
    })
}

/// Runs all for at most `fuel` more; they must end in the same way.
fn run(all: &mut [Guest; 4], fuel: u64, what: &str) -> Exit {
    let exits = all.each_mut().map(|guest| {
        guest.add_fuel(fuel);
        guest.run().expect("the host answers")
    });
    for ((guest, exit), tier) in all.iter().zip(exits).zip(TIERS) {
        assert_eq!(exit, exits[0], "{what}, {tier:?}");
        assert_eq!(format!("{:x?}", guest.hart()), format!("{:x?}", all[0].hart()), "{what}, {tier:?}");
    }
    exits[0]
}

/// All memory must be the same.
fn compare_memory(all: &[Guest; 4], what: &str) {
    let digests = all.each_ref().map(|guest| digest::of_memory(guest.memory()));
    assert!(digests.iter().all(|digest| *digest == digests[0]), "{what}: {digests:?}");
}

fn reset(all: &mut [Guest; 4]) {
    all.iter_mut().for_each(|guest| guest.reset().expect("it can run again"));
}

/// How many instructions a guest retires.
fn length(all: &mut [Guest; 4], name: &str) -> u64 {
    assert_eq!(run(all, FUEL, name), Exit::Completed(0), "{name}");
    let retired = all[0].retired();
    reset(all);
    retired
}

#[test]
fn guests_stop_at_every_instruction_of_a_window_as_in_the_interpreter() {
    let window = Effort::from_env().choose(24, 3000) as u64;
    for (seed, (name, rounds)) in GUESTS.into_iter().enumerate() {
        let mut all = guests(name, rounds);
        let length = length(&mut all, name);
        let first = Source::Seed(seed as u64).bits() % length.min(100_000).saturating_sub(window).max(1);
        for limit in first..first + window.min(length) {
            let what = format!("{name}, {limit} instructions");
            assert_eq!(run(&mut all, limit, &what), Exit::OutOfFuel, "{what}");
            compare_memory(&all, &what);
            assert_eq!(run(&mut all, FUEL, &what), Exit::Completed(0), "{what}");
            reset(&mut all);
        }
    }
}

#[test]
fn guests_stop_and_go_on_anywhere_as_in_the_interpreter() {
    let stops = Effort::from_env().choose(24, 1000) as u64;
    for (seed, (name, rounds)) in GUESTS.into_iter().enumerate() {
        let mut all = guests(name, rounds);
        let slice = 2 * length(&mut all, name) / stops + 1;
        let mut source = Source::Seed(seed as u64);
        let exit = loop {
            let exit = run(&mut all, 1 + source.bits() % slice, name);
            compare_memory(&all, name);
            if exit != Exit::OutOfFuel {
                break exit;
            }
        };
        assert_eq!(exit, Exit::Completed(0), "{name}");
    }
}

/// Stops somewhere, protects a page, and goes on: what trapped nowhere before traps now, or takes
/// the way around the guard.
#[test]
fn guards_deny_what_is_taken_from_under_a_guest_as_the_interpreter_does() {
    let times = Effort::from_env().choose(12, 500);
    let (mut traps, mut completed) = (0, 0);
    for (seed, (name, rounds)) in GUESTS.into_iter().enumerate() {
        let mut all = guests(name, rounds);
        let length = length(&mut all, name);
        let mut source = Source::Seed(seed as u64);
        for _ in 0..times {
            let before = source.bits() % length;
            run(&mut all, before, name);
            let segments: Vec<_> = all[0].memory().segments().collect();
            let is_data = |kind| !matches!(kind, SegmentKind::Text | SegmentKind::Guard);
            let ranges: Vec<_> =
                segments.iter().filter(|s| is_data(s.kind)).map(|s| s.range.clone()).collect();
            let range = ranges[source.below(ranges.len())].clone();
            let page = range.start + ((source.bits() % (range.end - range.start)) & !0xfff);
            // Half of the time the one that is most in use, the top of the stack.
            let page = if source.chance(50) { all[0].hart().x[2] & !0xfff } else { page };
            let perms = source.pick(&[Perms::R, Perms::NONE]);
            for guest in &mut all {
                // What cannot be protected can be in none of them.
                let _ = guest.memory_mut().protect(page..page + 0x1000, perms);
            }
            let what = format!("{name}, {page:x} is {perms:?} after {before} instructions");
            match run(&mut all, FUEL, &what) {
                Exit::Trap(_) => traps += 1,
                _ => completed += 1,
            }
            compare_memory(&all, &what);
            reset(&mut all);
        }
    }
    println!("{traps} traps, {completed} went on");
    assert!(traps > completed / 20 && completed > 0, "{traps} traps, {completed} went on");
}
