//! What instances take of the host, they give back: memory, mappings, files, threads; however they end.
//!
//! Measured in a process of its own, which is this test binary again, told by an environment variable.

use std::fs;
use std::panic::{AssertUnwindSafe, catch_unwind};
use std::process::Command;
use std::thread;
use std::time::{Duration, Instant};

use causality_vm::isa::reg::X;
use causality_vm::{Caller, Engine, Exit, HostFault, Linker, Module, Options, Tier};

use crate::arena::ways;
use crate::guest::{self, addi, sd};

/// What guests that panic say.
const ON_PURPOSE: &str = "on purpose";

const ROLE: &str = "CAUSALITY_ATTACKS_TEST_ROLE";

/// What a process has of its host.
#[derive(Clone, Copy, Debug)]
struct Holdings {
    /// Kilobytes in memory.
    resident: u64,
    mappings: usize,
    files: usize,
    threads: usize,
}

impl Holdings {
    fn now() -> Self {
        let status = fs::read_to_string("/proc/self/status").expect("Linux tells");
        let line = status.lines().find_map(|line| line.strip_prefix("VmRSS:")).expect("Linux tells");
        let resident = line.trim().trim_end_matches("kB").trim().parse().expect("it is a number");
        Holdings {
            resident,
            mappings: fs::read_to_string("/proc/self/maps").expect("Linux tells").lines().count(),
            files: fs::read_dir("/proc/self/fd").expect("Linux tells").count(),
            threads: fs::read_dir("/proc/self/task").expect("Linux tells").count(),
        }
    }

    /// As far as allocators, which keep some of what they had, let us tell.
    fn is_no_more_than(self, before: Holdings) -> bool {
        self.resident < before.resident + 4096
            && self.mappings <= before.mappings + 100
            && self.files <= before.files
            && self.threads <= before.threads
    }
}

/// Writes to all of its stack and data, calls the host with `a0`, and ends.
fn busy() -> Vec<u8> {
    guest::elf(|asm| {
        asm.li(X::S2, guest::DATA);
        addi(asm, X::S3, X::SP, 0);
        guest::repeat(asm, X::S1, 1000, |asm| {
            sd(asm, X::S1, X::S2, 0);
            sd(asm, X::S1, X::S3, -8);
            addi(asm, X::S2, X::S2, 8);
            addi(asm, X::S3, X::S3, -8);
        });
        guest::call_host(asm);
        guest::exit(asm);
    })
}

/// Ends the guest in one of all ways.
fn end(caller: &mut Caller<'_, u64>) -> Result<u64, HostFault> {
    match *caller.data() % 6 {
        0 => Err(HostFault::Trap(7)),
        1 => Err(HostFault::Fail(ON_PURPOSE.into())),
        2 => Err(HostFault::Pause),
        3 => panic!("{ON_PURPOSE}"),
        _ => Ok(0),
    }
}

/// Makes, runs and drops so many instances of all kinds.
fn live_and_die(engine: &Engine, module: &Module, times: u64) {
    let mut linker = Linker::new(engine);
    linker.function("end", end).expect("the name is free");
    for time in 0..times {
        let mut instance = linker.instantiate(module, Options::new(), time).expect("the host has memory");
        let exit = catch_unwind(AssertUnwindSafe(|| instance.run()));
        match time % 6 {
            0 => assert!(matches!(exit, Ok(Ok(Exit::Trap(_))))),
            1 => assert!(matches!(exit, Ok(Err(_)))),
            2 => assert!(matches!(exit, Ok(Ok(Exit::Paused(_))))),
            3 => assert!(exit.is_err()),
            _ => {
                assert!(matches!(exit, Ok(Ok(Exit::Completed(0)))));
                instance.reset().expect("it has ended");
            }
        }
    }
}

/// Plays the part that another test has given to this process; without one there is nothing to do.
#[test]
fn part_of_another_test() {
    let Ok(role) = std::env::var(ROLE) else { return };
    let hook = std::panic::take_hook();
    std::panic::set_hook(Box::new(move |panic| {
        if panic.payload_as_str() != Some(ON_PURPOSE) {
            hook(panic);
        }
    }));
    let caught = signals_caught();
    match role.as_str() {
        "instances of one module" => {
            for (name, config) in ways(&guest::limits()) {
                let engine = Engine::new(config);
                let module = Module::new(&engine, &busy()).expect("it is a program");
                check(name, 150, || live_and_die(&engine, &module, 12));
            }
        }
        "engines" => {
            for (name, config) in ways(&guest::limits()) {
                check(name, 200, || {
                    let engine = Engine::new(config.clone());
                    let module = Module::new(&engine, &busy()).expect("it is a program");
                    live_and_die(&engine, &module, 6);
                });
            }
        }
        "inaccessible memory" => hoard(),
        other => panic!("no such part: {other}"),
    }
    assert_eq!(signals_caught(), caught, "the engine has installed signal handlers");
}

/// Which signals have handlers.
fn signals_caught() -> String {
    let status = fs::read_to_string("/proc/self/status").expect("Linux tells");
    status.lines().find(|line| line.starts_with("SigCgt")).expect("Linux tells").to_owned()
}

/// Fails if what this process holds after doing it `times` times is more than after a tenth of them.
fn check(name: &str, times: u64, mut act: impl FnMut()) {
    (0..times / 10).for_each(|_| act());
    // Threads of engines that are gone end soon, and nobody waits for them.
    thread::sleep(Duration::from_millis(100));
    let before = Holdings::now();
    (0..times).for_each(|_| act());
    let start = Instant::now();
    while !Holdings::now().is_no_more_than(before) {
        let after = Holdings::now();
        assert!(start.elapsed() < Duration::from_secs(20), "{name}: {before:?}, {after:?}");
        thread::sleep(Duration::from_millis(10));
    }
}

/// A guest that makes all it writes inaccessible must not hold more of the host's memory than its limit.
fn hoard() {
    use causality_vm::{Limits, OnMemoryLimit};
    let elf = crate::exhaustion::hoarding();
    let limits = Limits {
        address_space: 1 << 30,
        memory: 16 << 20,
        on_memory_limit: OnMemoryLimit::Errno,
        ..guest::limits()
    };
    let engine = Engine::new(causality_vm::Config::new().tier(Tier::Auto).limits(limits));
    let module = Module::new(&engine, &elf).expect("it is a program");
    let before = Holdings::now();
    let mut instance = Linker::new(&engine).instantiate(&module, Options::new(), ()).expect("it starts");
    instance.run().expect("the host answers");
    let after = Holdings::now();
    assert!(after.resident < before.resident + (24 << 10), "{before:?}, {after:?}");
}

fn in_a_process_of_its_own(role: &str) {
    let output = Command::new(std::env::current_exe().expect("there is one"))
        .args(["--exact", "leaks::part_of_another_test", "--nocapture", "--test-threads=1"])
        .env(ROLE, role)
        .output()
        .expect("it starts");
    let said = [output.stdout, output.stderr].map(|bytes| String::from_utf8_lossy(&bytes).into_owned());
    assert!(output.status.success(), "{role}: {}\n{}\n{}", output.status, said[0], said[1]);
}

#[test]
fn thousands_of_instances_leave_nothing_behind_however_they_end() {
    in_a_process_of_its_own("instances of one module");
}

#[test]
fn engines_and_modules_leave_nothing_behind() {
    in_a_process_of_its_own("engines");
}

#[test]
fn a_guest_holds_no_more_of_the_hosts_memory_than_its_limit() {
    in_a_process_of_its_own("inaccessible memory");
}
