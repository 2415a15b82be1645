//! The host's own signals while guests run natively: profilers and watchdogs of an embedder.

use std::sync::Arc;
use std::sync::atomic::{AtomicBool, AtomicU64, Ordering};
use std::thread;
use std::time::{Duration, Instant};

use causality_vm::isa::reg::X;
use causality_vm::{Exit, Instance};
use nix::sys::pthread::{pthread_kill, pthread_self};
use nix::sys::signal::{SigEvent, SigevNotify, Signal};
use nix::sys::time::TimeSpec;
use nix::sys::timer::{Expiration, Timer, TimerSetTimeFlags};
use nix::time::ClockId;

use crate::arena::Attack;
use crate::guest::{self, add, addi, ld, sd};

/// A loop with memory and calls, for some time.
fn working() -> Vec<u8> {
    guest::elf(|asm| {
        let (function, over) = (asm.label(), asm.label());
        asm.li(X::S2, guest::DATA);
        guest::repeat(asm, X::S1, 200_000, |asm| asm.jump(X::RA, function));
        asm.jump(X::ZERO, over);
        asm.bind(function);
        ld(asm, X::T1, X::S2, 0);
        add(asm, X::A0, X::A0, X::T1);
        addi(asm, X::T1, X::T1, 3);
        sd(asm, X::T1, X::S2, 0);
        sd(asm, X::A0, X::SP, -8);
        guest::ret(asm);
        asm.bind(over);
        guest::exit(asm);
    })
}

/// Longer than any signal takes.
const PATIENCE: Duration = Duration::from_secs(60);

/// Registers the embedder's handler; it says that it ran.
fn handler(signal: Signal) -> Arc<AtomicBool> {
    let flag = Arc::new(AtomicBool::new(false));
    signal_hook::flag::register(signal as i32, Arc::clone(&flag)).expect("it can be handled");
    flag
}

/// Signals that must have come while a guest ran.
const ENOUGH: u64 = 10;

/// Runs the guest over and over until it was interrupted often enough. It must end the same each time.
fn until_disturbed(instance: &mut Instance<()>, count: impl Fn() -> u64) -> (Exit, u64) {
    let start = Instant::now();
    let mut first = None;
    loop {
        let ended = (instance.run().expect("the host answers"), instance.x(X::A0));
        assert_eq!(*first.get_or_insert(ended), ended, "a signal made a difference");
        if count() >= ENOUGH {
            return ended;
        }
        assert!(start.elapsed() < PATIENCE, "no signals come");
        instance.reset().expect("it has ended");
    }
}

/// Runs while another thread sends this one signals as fast as they are handled.
fn bombarded(instance: &mut Instance<()>, signal: Signal, handled: &AtomicBool) -> (Exit, u64) {
    let (target, is_over, count) = (pthread_self(), AtomicBool::new(false), AtomicU64::new(0));
    thread::scope(|scope| {
        scope.spawn(|| {
            while !is_over.load(Ordering::SeqCst) {
                handled.store(false, Ordering::SeqCst);
                pthread_kill(target, signal).expect("the thread is there");
                let start = Instant::now();
                while !handled.load(Ordering::SeqCst) && !is_over.load(Ordering::SeqCst) {
                    assert!(start.elapsed() < PATIENCE, "the handler does not run");
                    thread::yield_now();
                }
                count.fetch_add(1, Ordering::SeqCst);
            }
        });
        let ended = until_disturbed(instance, || count.load(Ordering::SeqCst));
        is_over.store(true, Ordering::SeqCst);
        ended
    })
}

fn undisturbed(elf: &[u8]) -> (Exit, u64) {
    Attack::new(elf).everywhere(|instance| (instance.run().expect("the host answers"), instance.x(X::A0)))
}

/// One handler from before there was an engine, one from after.
#[test]
pub(crate) fn handlers_of_the_embedder_run_in_the_middle_of_native_code_and_change_nothing() {
    let before = handler(Signal::SIGUSR1);
    let elf = working();
    let expected = undisturbed(&elf);
    let after = handler(Signal::SIGUSR2);
    for (signal, handled) in [(Signal::SIGUSR1, before), (Signal::SIGUSR2, after)] {
        let ended = Attack::new(&elf).everywhere(|instance| bombarded(instance, signal, &handled));
        assert_eq!(ended, expected);
    }
}

/// As profilers and watchdogs have them.
#[test]
fn timers_of_the_embedder_go_off_in_the_middle_of_native_code_and_change_nothing() {
    let elf = working();
    let expected = undisturbed(&elf);
    let clocks =
        [(Signal::SIGALRM, ClockId::CLOCK_MONOTONIC), (Signal::SIGPROF, ClockId::CLOCK_PROCESS_CPUTIME_ID)];
    for (signal, clock) in clocks {
        let handled = handler(signal);
        let notify = SigevNotify::SigevSignal { signal, si_value: 0 };
        let mut timer = Timer::new(clock, SigEvent::new(notify)).expect("a timer");
        let interval = TimeSpec::from_duration(Duration::from_micros(200));
        timer.set(Expiration::Interval(interval), TimerSetTimeFlags::empty()).expect("it is started");
        let ended = Attack::new(&elf).everywhere(|instance| {
            let count = AtomicU64::new(0);
            // Once for each run that it went off in.
            until_disturbed(instance, || {
                let went_off = handled.swap(false, Ordering::SeqCst);
                count.fetch_add(u64::from(went_off), Ordering::SeqCst) + u64::from(went_off)
            })
        });
        assert_eq!(ended, expected, "{signal}");
    }
}
