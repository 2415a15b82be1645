//! Processes, signals, clocks, randomness, waiting.

use causality_machine::{Cause, Flow};

use super::*;
use crate::DEADLOCK;

#[test]
fn exit_codes_are_eight_bits() {
    let mut guest = Guest::new();
    assert_eq!(guest.flow("exit_group", [0x1_02]), Flow::Exit(2));
    assert_eq!(guest.flow("exit", [u64::MAX]), Flow::Exit(255));
}

#[test]
fn unknown_calls_are_refused_and_counted() {
    let mut guest = Guest::new();
    for number in [1, 500, 0xffff, 0x1_0000, u64::MAX] {
        assert_eq!(guest.flow_of(number, &[]), Flow::Continue);
        assert_eq!(guest.machine.hart.x[10] as i64, -38);
    }
    guest.call("getpid", []);
    guest.call("getpid", []);
    let report = guest.abi.report();
    assert_eq!(report.unknown, 5);
    assert_eq!(report.calls[&172], 2);
    assert_eq!(report.by_name().collect::<Vec<_>>(), [("getpid", 2)]);
}

#[test]
fn time_is_what_was_executed_and_slept() {
    let mut guest = Guest::new();
    guest.machine.hart.fuel -= 2_000_000_000 - 1;
    assert_eq!(guest.call("clock_gettime", [1, DATA]), 0);
    assert_eq!(guest.get::<[u64; 2]>(DATA), [2, 0]);
    assert_eq!(guest.call("clock_gettime", [0, DATA]), 0);
    assert_eq!(guest.get::<[u64; 2]>(DATA), [1_704_067_202, 1]);
    guest.put_words(DATA, &[3, 500]);
    assert_eq!(guest.call("nanosleep", [DATA, 0]), 0);
    assert_eq!(guest.call("clock_gettime", [1, DATA]), 0);
    assert_eq!(guest.get::<[u64; 2]>(DATA), [5, 503]);
    assert_eq!(guest.call("clock_gettime", [2, DATA]), 0);
    assert_eq!(guest.get::<[u64; 2]>(DATA), [2, 4], "sleeping is no processor time");
    assert_eq!(guest.call("clock_gettime", [99, DATA]), INVAL);
    assert_eq!(guest.call("clock_gettime", [1, 8]), FAULT);
}

#[test]
fn an_absolute_sleep_ends_at_its_time_and_endless_ones_saturate() {
    let mut guest = Guest::new();
    guest.put_words(DATA, &[100, 0]);
    assert_eq!(guest.call("clock_nanosleep", [1, 1, DATA, 0]), 0);
    assert_eq!(guest.call("clock_nanosleep", [1, 1, DATA, 0]), 0);
    guest.call("clock_gettime", [1, DATA]);
    assert_eq!(guest.get::<[u64; 2]>(DATA), [100, 2]);
    guest.put_words(DATA, &[i64::MAX as u64, 0]);
    for _ in 0..3 {
        assert_eq!(guest.call("nanosleep", [DATA, 0]), 0);
    }
    assert_eq!(guest.call("clock_gettime", [0, DATA + 64]), 0);
    guest.put_words(DATA, &[0, 1_000_000_000]);
    assert_eq!(guest.call("nanosleep", [DATA, 0]), INVAL);
    guest.put_words(DATA, &[u64::MAX, 0]);
    assert_eq!(guest.call("nanosleep", [DATA, 0]), INVAL);
}

#[test]
fn randomness_is_the_seeds() {
    let draw = |seed| {
        let mut guest = Guest::with(Options::new().seed(seed), limits());
        assert_eq!(guest.call("getrandom", [DATA, 100, 0]), 100);
        guest.bytes(DATA, 100)
    };
    assert_eq!(draw(1), draw(1));
    assert_ne!(draw(1), draw(2));
}

#[test]
fn getrandom_fills_what_is_accessible() {
    let mut guest = Guest::new();
    let end = DATA + DATA_SIZE;
    assert_eq!(guest.call("getrandom", [end - 10, 100, 0]), 10);
    assert_eq!(guest.call("getrandom", [end, 100, 0]), FAULT);
    assert_eq!(guest.call("getrandom", [DATA, 1, 8]), INVAL);
}

#[test]
fn one_getrandom_makes_at_most_16_kib() {
    let mut guest = Guest::new();
    assert_eq!(guest.call("getrandom", [DATA, u64::MAX, 1]), 16 << 10);
    assert_eq!(guest.bytes(DATA + (16 << 10), 16), [0; 16]);
}

#[test]
fn the_report_tells_the_signal_that_ended_the_guest() {
    let mut guest = Guest::new();
    assert_eq!(guest.call("kill", [2, 17]), 0);
    assert_eq!(guest.abi.report().signal, None, "it was ignored");
    guest.flow("tgkill", [2, 2, 6]);
    let signal = guest.abi.report().signal.unwrap();
    assert_eq!((signal.number, signal.name(), signal.had_handler), (6, Some("SIGABRT"), false));

    let mut guest = Guest::new();
    guest.put_words(DATA, &[0x1_0000, 0, 0]);
    guest.call("rt_sigaction", [31, DATA, 0, 8]);
    guest.flow("kill", [2, 31]);
    let signal = guest.abi.report().signal.unwrap();
    assert_eq!((signal.to_string(), signal.had_handler), ("SIGSYS".into(), true));

    let mut guest = Guest::new();
    guest.flow("kill", [2, 64]);
    let signal = guest.abi.report().signal.unwrap();
    assert_eq!((signal.name(), signal.to_string()), (None, "signal 64".into()));
    guest.machine = Machine::new(limits()).unwrap();
    guest.abi.start(&image(), &mut guest.machine).unwrap();
    assert_eq!(guest.abi.report().signal, None, "a new run");
}

#[test]
fn a_pending_signal_that_arrives_is_reported() {
    let mut guest = Guest::new();
    guest.put_words(DATA, &[1 << 9]);
    guest.call("rt_sigprocmask", [0, DATA, 0, 8]);
    guest.call("kill", [2, 10]);
    assert_eq!(guest.abi.report().signal, None);
    guest.flow("rt_sigprocmask", [1, DATA, 0, 8]);
    assert_eq!(guest.abi.report().signal.unwrap().name(), Some("SIGUSR1"));
}

#[test]
fn a_fatal_signal_ends_with_128_and_its_number() {
    let mut guest = Guest::new();
    assert_eq!(guest.call("tgkill", [2, 2, 0]), 0);
    assert_eq!(guest.flow("tgkill", [2, 2, 6]), Flow::Exit(134));
    assert_eq!(guest.flow("kill", [2, 15]), Flow::Exit(143));
    assert_eq!(guest.call("kill", [1, 15]), -3);
    assert_eq!(guest.call("kill", [2, 65]), INVAL);
    assert_eq!(guest.call("kill", [2, 17]), 0, "SIGCHLD is ignored");
}

#[test]
fn dispositions_and_masks_are_kept() {
    let mut guest = Guest::new();
    guest.put_words(DATA, &[1, 0x1000_0000, 0]);
    assert_eq!(guest.call("rt_sigaction", [10, DATA, DATA + 64, 8]), 0);
    assert_eq!(guest.get::<[u64; 3]>(DATA + 64), [0; 3]);
    assert_eq!(guest.call("rt_sigaction", [10, 0, DATA + 64, 8]), 0);
    assert_eq!(guest.get::<[u64; 3]>(DATA + 64), [1, 0x1000_0000, 0]);
    assert_eq!(guest.call("kill", [2, 10]), 0, "ignored by SIG_IGN");
    guest.put_words(DATA, &[0x1_0000, 0, 0]);
    assert_eq!(guest.call("rt_sigaction", [10, DATA, 0, 8]), 0);
    assert_eq!(guest.flow("kill", [2, 10]), Flow::Exit(138), "handlers are not run");
    assert_eq!(guest.call("rt_sigaction", [9, DATA, 0, 8]), INVAL);
    assert_eq!(guest.call("rt_sigaction", [65, DATA, 0, 8]), INVAL);
    assert_eq!(guest.call("rt_sigaction", [10, DATA, 0, 16]), INVAL);
}

#[test]
fn a_blocked_signal_waits_until_it_is_unblocked() {
    let mut guest = Guest::new();
    guest.put_words(DATA, &[1 << 9]);
    assert_eq!(guest.call("rt_sigprocmask", [0, DATA, DATA + 8, 8]), 0);
    assert_eq!(guest.call("kill", [2, 10]), 0);
    assert_eq!(guest.call("rt_sigpending", [DATA + 16, 8]), 0);
    assert_eq!(guest.get::<u64>(DATA + 16), 1 << 9);
    assert_eq!(guest.flow("rt_sigprocmask", [1, DATA, 0, 8]), Flow::Exit(138));
}

#[test]
fn alternate_stacks_are_kept() {
    let mut guest = Guest::new();
    guest.put_words(DATA, &[DATA, 0, 8192]);
    assert_eq!(guest.call("sigaltstack", [DATA, DATA + 64]), 0);
    assert_eq!(guest.get::<[u64; 3]>(DATA + 64), [0, 2, 0]);
    assert_eq!(guest.call("sigaltstack", [0, DATA + 64]), 0);
    assert_eq!(guest.get::<[u64; 3]>(DATA + 64), [DATA, 0, 8192]);
    guest.put_words(DATA, &[DATA, 0, 100]);
    assert_eq!(guest.call("sigaltstack", [DATA, 0]), NOMEM);
}

#[test]
fn a_futex_nobody_can_wake_times_out_or_is_a_deadlock() {
    let mut guest = Guest::new();
    guest.put_words(DATA, &[7, 5, 0]);
    assert_eq!(guest.call("futex", [DATA, 0, 8, 0, 0, 0]), -11);
    assert_eq!(guest.call("futex", [DATA, 128, 7, DATA + 8, 0, 0]), -110);
    guest.call("clock_gettime", [1, DATA + 64]);
    assert_eq!(guest.get::<u64>(DATA + 64), 5);
    assert_eq!(guest.flow("futex", [DATA, 0, 7, 0, 0, 0]), Flow::Trap(Cause::HostFunction, DEADLOCK));
    assert_eq!(guest.call("futex", [DATA, 1, 1, 0, 0, 0]), 0);
    assert_eq!(guest.call("futex", [DATA + 1, 0, 7, 0, 0, 0]), INVAL);
    assert_eq!(guest.call("futex", [0, 0, 7, 0, 0, 0]), FAULT);
}

#[test]
fn waiting_for_nothing_ends_at_the_timeout_or_traps() {
    let mut guest = Guest::new();
    guest.put_words(DATA, &[2, 0]);
    assert_eq!(guest.call("ppoll", [0, 0, DATA]), 0);
    assert_eq!(guest.flow("ppoll", [0, 0, 0]), Flow::Trap(Cause::HostFunction, DEADLOCK));
    guest.put(DATA + 64, bytemuck::cast_slice(&[0u32, 1, 99, 1]));
    assert_eq!(guest.call("ppoll", [DATA + 64, 2, 0]), 2);
    assert_eq!(guest.get::<[u32; 4]>(DATA + 64), [0, 1 | 1 << 16, 99, 1 | 0x20 << 16]);
    guest.put_words(DATA + 64, &[0b111]);
    assert_eq!(guest.call("pselect6", [3, DATA + 64, 0, 0, 0]), 3);
    guest.put_words(DATA + 64, &[0b1000]);
    assert_eq!(guest.call("pselect6", [4, DATA + 64, 0, 0, 0]), BADF);
}

#[test]
fn threads_and_programs_are_refused() {
    let mut guest = Guest::new();
    for (name, errno) in
        [("clone", -11), ("clone3", -38), ("execve", ACCES), ("rseq", -38), ("socket", -97), ("wait4", -10)]
    {
        assert_eq!(guest.call(name, []), errno, "{name}");
    }
}

#[test]
fn limits_are_told_and_can_be_lowered() {
    let mut guest = Guest::new();
    assert_eq!(guest.call("prlimit64", [0, 3, 0, DATA]), 0);
    assert_eq!(guest.get::<[u64; 2]>(DATA), [1 << 20; 2]);
    guest.put_words(DATA, &[4096, 8192]);
    assert_eq!(guest.call("setrlimit", [3, DATA]), 0);
    assert_eq!(guest.call("getrlimit", [3, DATA + 64]), 0);
    assert_eq!(guest.get::<[u64; 2]>(DATA + 64), [4096, 8192]);
    guest.put_words(DATA, &[1 << 20; 2]);
    assert_eq!(guest.call("setrlimit", [3, DATA]), PERM);
    assert_eq!(guest.call("getrlimit", [16, DATA]), INVAL);
}

#[test]
fn the_system_describes_itself() {
    let mut guest = Guest::new();
    assert_eq!(guest.call("uname", [DATA]), 0);
    assert_eq!(&guest.bytes(DATA, 6), b"Linux\0");
    assert_eq!(&guest.bytes(DATA + 4 * 65, 8), b"riscv64\0");
    assert_eq!(guest.call("sched_getaffinity", [0, 128, DATA]), 8);
    assert_eq!(guest.get::<u64>(DATA), 1);
    guest.put_words(DATA, &[4, 0, 1000, 5]);
    assert_eq!(guest.call("riscv_hwprobe", [DATA, 2, 0, 0, 0]), 0);
    let [key, value, unknown, zero] = guest.get::<[u64; 4]>(DATA);
    assert_eq!((key, value & 3, unknown, zero), (4, 3, u64::MAX, 0));
    assert_eq!(guest.call("riscv_hwprobe", [DATA, 1 << 60, 0, 0, 0]), INVAL);
    let version = guest.machine.memory.code_version();
    assert_eq!(guest.call("riscv_flush_icache", [0, 0, 0]), 0);
    assert_eq!(guest.machine.memory.code_version(), version, "no code is writable");
}

#[test]
fn two_runs_answer_the_same_and_a_restart_forgets_everything() {
    let run = |guest: &mut Guest| {
        guest.put_words(DATA, &[1, 5]);
        let mut seen = vec![guest.call("nanosleep", [DATA, 0])];
        seen.push(guest.call("brk", [0]));
        seen.push(guest.call("mmap", [0, 8192, 3, 0x22, u64::MAX, 0]));
        seen.push(guest.call("dup", [1]));
        guest.call("getrandom", [DATA, 32, 0]);
        guest.call("clock_gettime", [0, DATA + 32]);
        (seen, guest.bytes(DATA, 48), guest.machine.hart.clone(), guest.abi.report())
    };
    let mut guest = Guest::new();
    let first = run(&mut guest);
    assert_eq!(first, run(&mut Guest::new()));
    guest.machine = Machine::new(limits()).unwrap();
    guest.machine.hart.add_fuel(1 << 40);
    guest.abi.start(&image(), &mut guest.machine).unwrap();
    assert_eq!(first, run(&mut guest));
}
