//! Guests as futures, under tokio.

use std::sync::Arc;
use std::sync::atomic::{AtomicU64, Ordering};
use std::time::Duration;

use causality_vm::{
    CallError, Caller, Config, Engine, Exit, HostFault, Instance, Linker, Module, Options, PauseReason, Tier,
    VmState,
};
use tokio::sync::Notify;
use tokio::time::timeout;

/// Long enough for anything here.
const PATIENCE: Duration = Duration::from_secs(60);

fn instance<T>(config: Config, data: T, build: impl FnOnce(&mut Linker<T>)) -> Instance<T> {
    let engine = Engine::new(config);
    let module = Module::from_file(&engine, "testkit/guests/calls.elf").unwrap();
    let mut linker = Linker::new(&engine);
    build(&mut linker);
    linker.instantiate(&module, Options::new().args(["calls"]), data).unwrap()
}

/// Answers a little later, with one more.
fn later(linker: &mut Linker<u64>) {
    let answer = |caller: &mut Caller<'_, u64>, value: u64| {
        *caller.data_mut() += 1;
        async move {
            tokio::task::yield_now().await;
            value + 1
        }
    };
    linker.function_async("answer", answer).unwrap();
}

#[tokio::test]
async fn a_guest_waits_for_asynchronous_functions_in_every_tier() {
    for tier in Tier::ALL {
        let mut guest = instance(Config::new().tier(tier), 0, later);
        assert_eq!(guest.call_async::<_, u64>("ask", 4_u64).await.unwrap(), 5, "{tier:?}");
        assert_eq!(guest.call_async::<_, u64>("ask_often", (0_u64, 100_u64)).await.unwrap(), 100);
        assert_eq!(*guest.data(), 101, "each call began once");
        assert_eq!(guest.run_async().await.unwrap(), Exit::Completed(0));
    }
}

/// What is paid and left does not depend on how a guest is run.
#[tokio::test]
async fn a_future_does_what_a_run_does() {
    for tier in Tier::ALL {
        let answer = |linker: &mut Linker<u64>| {
            linker.function("answer", |_: &mut Caller<'_, u64>, value: u64| value + 1).unwrap();
        };
        let mut run = instance(Config::new().tier(tier), 0, answer);
        let mut future = instance(Config::new().tier(tier).time_slice(100), 0, later);
        let ask = (7_u64, 50_u64);
        assert_eq!(run.call::<_, u64>("ask_often", ask).unwrap(), 57);
        assert_eq!(future.call_async::<_, u64>("ask_often", ask).await.unwrap(), 57);
        assert_eq!(run.run().unwrap(), future.run_async().await.unwrap());
        assert_eq!((run.hart(), run.report().calls), (future.hart(), future.report().calls), "{tier:?}");
    }
}

#[tokio::test]
async fn a_waiting_guest_does_not_hold_its_thread() {
    let bell = Arc::new(Notify::new());
    let rings = Arc::clone(&bell);
    let wait = move |linker: &mut Linker<()>| {
        let answer = move |_: &mut Caller<'_, ()>, value: u64| {
            let bell = Arc::clone(&bell);
            async move {
                bell.notified().await;
                value * 2
            }
        };
        linker.function_async("answer", answer).unwrap();
    };
    let mut guest = instance(Config::new(), (), wait);
    // One thread for both: if the guest held it, nobody would ring.
    let both = async {
        tokio::join!(guest.call_async::<_, u64>("ask", 21_u64), async {
            tokio::task::yield_now().await;
            rings.notify_one();
        })
    };
    assert_eq!(timeout(PATIENCE, both).await.unwrap().0.unwrap(), 42);
}

#[tokio::test]
async fn guests_that_never_end_take_turns_with_others() {
    for tier in Tier::ALL {
        let mut endless = instance(Config::new().tier(tier).time_slice(10_000), (), |_| ());
        let mut other = instance(Config::new().tier(tier).time_slice(10_000), (), |_| ());
        let handle = endless.pause_handle();
        let both = async {
            tokio::join!(endless.call_async::<_, u64>("spin", u64::MAX), async {
                let sum = other.call_async::<_, u64>("spin", 100_000_u64).await.unwrap();
                handle.pause();
                sum
            })
        };
        let (ended, sum) = timeout(PATIENCE, both).await.expect("one guest keeps the other from running");
        assert_eq!(sum, (0..100_000_u64).map(|i| i * i).sum::<u64>(), "{tier:?}");
        assert!(matches!(ended, Err(CallError::Stopped(Exit::Paused(PauseReason::Requested)))));
    }
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn guests_are_spawned_onto_other_threads() {
    let tasks: Vec<_> = (0..50_u64)
        .map(|n| {
            let mut guest = instance(Config::new().time_slice(1000), 0, later);
            tokio::spawn(async move { guest.call_async::<_, u64>("ask_often", (n, 20_u64)).await.unwrap() })
        })
        .collect();
    for (n, task) in (0..).zip(tasks) {
        assert_eq!(timeout(PATIENCE, task).await.unwrap().unwrap(), n + 20);
    }
}

/// Dropping the future is no harm: the call has stopped, and goes on or is given up.
#[tokio::test]
async fn a_future_that_is_dropped_leaves_a_call_that_has_stopped() {
    let begun = Arc::new(AtomicU64::new(0));
    let counter = Arc::clone(&begun);
    let bell = Arc::new(Notify::new());
    let rings = Arc::clone(&bell);
    let mut guest = instance(Config::new(), (), move |linker| {
        let answer = move |_: &mut Caller<'_, ()>, value: u64| {
            counter.fetch_add(1, Ordering::Relaxed);
            let bell = Arc::clone(&bell);
            async move {
                bell.notified().await;
                value + 1
            }
        };
        linker.function_async("answer", answer).unwrap();
    });
    let ask = guest.function::<u64, u64>("ask").unwrap();
    assert!(timeout(Duration::from_millis(10), ask.call_async(&mut guest, 1)).await.is_err());
    assert_eq!((guest.pending_calls(), guest.state(), guest.waits()), (1, VmState::Paused, true));
    assert_eq!(guest.run().unwrap(), Exit::Paused(PauseReason::Host), "it waits still");
    rings.notify_one();
    assert_eq!(guest.run_async().await.unwrap(), Exit::Paused(PauseReason::Returned));
    assert_eq!((ask.resume(&mut guest).unwrap(), begun.load(Ordering::Relaxed)), (2, 1));
    // Given up, it is begun anew by the next call from the same place.
    assert!(timeout(Duration::from_millis(10), ask.call_async(&mut guest, 5)).await.is_err());
    assert!(guest.abandon_call());
    assert!(!guest.waits());
    rings.notify_one();
    assert_eq!(ask.call_async(&mut guest, 9).await.unwrap(), 10);
    assert_eq!(begun.load(Ordering::Relaxed), 3);
    assert_eq!(guest.run_async().await.unwrap(), Exit::Completed(0));
}

#[tokio::test]
async fn functions_called_while_the_guest_waits_wait_for_themselves() {
    let mut guest = instance(Config::new(), 0, later);
    let ask = guest.function::<u64, u64>("ask").unwrap();
    let stopped = ask.call(&mut guest, 1);
    assert!(matches!(stopped, Err(CallError::Stopped(Exit::Paused(PauseReason::Host)))), "{stopped:?}");
    assert!(guest.waits());
    assert_eq!(ask.call_async(&mut guest, 10).await.unwrap(), 11);
    assert_eq!(guest.call_async::<_, u64>("ask_often", (20_u64, 3_u64)).await.unwrap(), 23);
    assert_eq!(guest.run_async().await.unwrap(), Exit::Paused(PauseReason::Returned));
    assert_eq!(ask.resume(&mut guest).unwrap(), 2);
}

#[tokio::test]
async fn an_asynchronous_function_may_refuse_trap_and_fail() {
    for how in 0..3_u64 {
        let mut guest = instance(Config::new(), (), |linker| {
            let answer = |_: &mut Caller<'_, ()>, how: u64| async move {
                tokio::task::yield_now().await;
                Err::<u64, _>(match how {
                    0 => HostFault::Errno(22),
                    1 => HostFault::Trap(7),
                    _ => HostFault::Fail("broken".into()),
                })
            };
            linker.function_async("answer", answer).unwrap();
        });
        match (how, guest.call_async::<_, i64>("ask", how).await) {
            (0, Ok(-22)) | (2, Err(CallError::Host(_))) => {}
            (1, Err(CallError::Stopped(Exit::Trap(trap)))) => assert_eq!(trap.tval, 7),
            (how, other) => panic!("{how}: {other:?}"),
        }
    }
}

#[tokio::test]
async fn fuel_ends_futures_exactly() {
    for tier in Tier::ALL {
        let paid = {
            let mut guest = instance(Config::new().tier(tier), (), |_| ());
            guest.call::<_, u64>("spin", 1000_u64).unwrap();
            guest.retired()
        };
        for fuel in [paid - 1, paid] {
            let mut guest = instance(Config::new().tier(tier).fuel(fuel).time_slice(7), (), |_| ());
            let ended = guest.call_async::<_, u64>("spin", 1000_u64).await;
            match fuel < paid {
                true => assert!(matches!(ended, Err(CallError::Stopped(Exit::OutOfFuel))), "{tier:?}"),
                false => assert_eq!(ended.unwrap(), 332_833_500),
            }
        }
    }
}

/// A future of an instance can be sent to another thread if its data can.
#[test]
fn futures_are_send() {
    fn is_send<T: Send>(_: &T) {}
    let mut guest = instance(Config::new(), 0, later);
    is_send(&guest.run_async());
    is_send(&guest.call_async::<u64, u64>("ask", 1));
}

/// Going back forgets how deep calls were nested.
#[tokio::test]
async fn a_guest_that_went_back_waits_again() {
    let mut guest = instance(Config::new(), 0, later);
    guest.keep_answers();
    let moment = guest.moment(None).unwrap().expect("it can be copied");
    let ask = guest.function::<u64, u64>("ask").unwrap();
    for _ in 0..2 {
        let stopped = ask.call(&mut guest, 1);
        assert!(matches!(stopped, Err(CallError::Stopped(_))), "{stopped:?}");
    }
    guest.go_back(&moment).unwrap();
    let begun = *guest.data();
    assert_eq!(ask.call_async(&mut guest, 4).await.unwrap(), 5);
    assert_eq!(*guest.data(), begun + 1, "it began once");
}
