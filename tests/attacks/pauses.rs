//! Threads that pause a guest all the time: every pause is seen, none is lost, and the guest does not notice.

use std::sync::atomic::{AtomicU64, Ordering};
use std::thread;
use std::time::{Duration, Instant};

use causality_vm::isa::reg::X;
use causality_vm::{Exit, Instance, PauseHandle, PauseReason};

use crate::arena::Attack;
use crate::guest::{self, add, addi, ld, sd};

/// Threads, and pauses of each.
const THREADS: u64 = 3;
const PAUSES: u64 = 40;

/// Longer than any pause takes to be seen.
const PATIENCE: Duration = Duration::from_secs(60);

/// Loops with calls of functions and of the host, until `a1` says that it is enough; then a last part of a fixed length.
fn working() -> Vec<u8> {
    guest::elf(|asm| {
        let (function, over, first) = (asm.label(), asm.label(), asm.here());
        asm.jump(X::RA, function);
        guest::back_unless_zero(asm, X::A1, first);
        asm.li(X::S3, 0);
        guest::repeat(asm, X::S1, 50_000, |asm| asm.jump(X::RA, function));
        asm.jump(X::ZERO, over);
        asm.bind(function);
        asm.li(X::S2, guest::DATA);
        ld(asm, X::T1, X::S2, 0);
        add(asm, X::S3, X::S3, X::T1);
        guest::repeat(asm, X::T1, 30, |asm| addi(asm, X::S3, X::S3, 1));
        sd(asm, X::T1, X::S2, 0);
        guest::call(asm, 178);
        guest::ret(asm);
        asm.bind(over);
        guest::exit(asm);
    })
}

/// What the threads and the guest's thread know of each other.
struct Storm {
    seen: AtomicU64,
    threads_left: AtomicU64,
}

impl Storm {
    /// Pauses, and waits until it was seen, again and again. The last pause is the one after which all is said.
    fn pause(&self, handle: &PauseHandle) {
        for _ in 0..PAUSES {
            let before = self.seen.load(Ordering::SeqCst);
            handle.pause();
            let start = Instant::now();
            while self.seen.load(Ordering::SeqCst) == before {
                assert!(start.elapsed() < PATIENCE, "a pause was lost");
                thread::yield_now();
            }
        }
        self.threads_left.fetch_sub(1, Ordering::SeqCst);
        handle.pause();
    }
}

/// Runs until all pauses were seen, and then to the end; how often it was paused.
fn paused_all_the_time(instance: &mut Instance<()>) -> (Exit, u64) {
    let storm = Storm { seen: AtomicU64::new(0), threads_left: AtomicU64::new(THREADS) };
    instance.set_x(X::A1, 1);
    let exit = thread::scope(|scope| {
        for _ in 0..THREADS {
            let (handle, storm) = (instance.pause_handle(), &storm);
            scope.spawn(move || storm.pause(&handle));
        }
        loop {
            match instance.run().expect("the host answers") {
                Exit::Paused(PauseReason::Requested) => {
                    storm.seen.fetch_add(1, Ordering::SeqCst);
                    if storm.threads_left.load(Ordering::SeqCst) == 0 {
                        instance.set_x(X::A1, 0);
                    }
                }
                exit => break exit,
            }
        }
    });
    (exit, storm.seen.load(Ordering::SeqCst))
}

#[test]
pub(crate) fn every_pause_is_seen_and_none_is_noticed() {
    let elf = working();
    Attack::new(&elf).everywhere(|instance| {
        let (exit, seen) = paused_all_the_time(instance);
        assert!(seen >= PAUSES, "{seen} pauses");
        // How long the first part takes is the threads' business.
        let rounds = instance.retired();
        assert!(rounds > 50_000);
        instance.reset().expect("it has ended");
        instance.set_x(X::A1, 0);
        (exit, instance.run().expect("the host answers"), instance.x(X::S3))
    });
}

/// A pause in each part of a run: nothing is executed twice or left out.
#[test]
fn a_pause_that_was_asked_for_before_a_run_comes_before_its_first_instruction() {
    let elf = working();
    Attack::new(&elf).everywhere(|instance| {
        let handle = instance.pause_handle();
        let mut places = Vec::new();
        for length in (1..400).step_by(7) {
            handle.pause();
            let before = (instance.pc(), instance.retired());
            assert_eq!(instance.run_for(length).expect("it runs"), Exit::Paused(PauseReason::Requested));
            assert_eq!((instance.pc(), instance.retired()), before);
            assert_eq!(instance.run_for(length).expect("it runs"), Exit::Paused(PauseReason::Step));
            assert_eq!(instance.retired(), before.1 + length);
            places.push(instance.pc());
        }
        places
    });
}
