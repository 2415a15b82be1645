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
        guest::repeat(asm, X::S1, 1_000_000, |asm| asm.jump(X::RA, function));
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

/// Registers the embedder's handler; it says that it ran.
fn handler(signal: Signal) -> Arc<AtomicBool> {
    let flag = Arc::new(AtomicBool::new(false));
    signal_hook::flag::register(signal as i32, Arc::clone(&flag)).expect("it can be handled");
    flag
}

/// Runs while another thread sends this one signals as fast as they are handled; how many were.
fn bombarded(instance: &mut Instance<()>, signal: Signal, handled: &AtomicBool) -> (Exit, u64) {
    let (target, is_over, count) = (pthread_self(), AtomicBool::new(false), AtomicU64::new(0));
    thread::scope(|scope| {
        scope.spawn(|| {
            while !is_over.load(Ordering::SeqCst) {
                handled.store(false, Ordering::SeqCst);
                pthread_kill(target, signal).expect("the thread is there");
                let start = Instant::now();
                while !handled.load(Ordering::SeqCst) && !is_over.load(Ordering::SeqCst) {
                    assert!(start.elapsed() < Duration::from_secs(60), "the handler does not run");
                    thread::yield_now();
                }
                count.fetch_add(1, Ordering::SeqCst);
            }
        });
        let exit = instance.run().expect("the host answers");
        is_over.store(true, Ordering::SeqCst);
        (exit, count.load(Ordering::SeqCst))
    })
}

/// One handler from before there was an engine, one from after.
#[test]
fn handlers_of_the_embedder_run_in_the_middle_of_native_code_and_change_nothing() {
    let before = handler(Signal::SIGUSR1);
    let elf = working();
    let undisturbed = Attack::new(&elf).everywhere(|instance| instance.run().expect("the host answers"));
    let after = handler(Signal::SIGUSR2);
    for (signal, handled) in [(Signal::SIGUSR1, before), (Signal::SIGUSR2, after)] {
        let exit = Attack::new(&elf).everywhere(|instance| {
            let (exit, count) = bombarded(instance, signal, &handled);
            assert!(count > 0, "no signal came");
            exit
        });
        assert_eq!(exit, undisturbed);
    }
}

/// As profilers and watchdogs have them.
#[test]
fn timers_of_the_embedder_go_off_in_the_middle_of_native_code_and_change_nothing() {
    let elf = working();
    let undisturbed = Attack::new(&elf).everywhere(|instance| instance.run().expect("the host answers"));
    let clocks = [
        (Signal::SIGALRM, ClockId::CLOCK_MONOTONIC),
        (Signal::SIGPROF, ClockId::CLOCK_PROCESS_CPUTIME_ID),
        (Signal::SIGVTALRM, ClockId::CLOCK_THREAD_CPUTIME_ID),
    ];
    for (signal, clock) in clocks {
        let handled = handler(signal);
        let notify = SigevNotify::SigevSignal { signal, si_value: 0 };
        let mut timer = Timer::new(clock, SigEvent::new(notify)).expect("a timer");
        let interval = TimeSpec::from_duration(Duration::from_micros(100));
        timer.set(Expiration::Interval(interval), TimerSetTimeFlags::empty()).expect("it is started");
        let exit = Attack::new(&elf).everywhere(|instance| {
            let exit = instance.run().expect("the host answers");
            assert!(handled.swap(false, Ordering::SeqCst), "{signal} has not come");
            exit
        });
        assert_eq!(exit, undisturbed, "{signal}");
    }
}
