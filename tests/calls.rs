//! Functions of a guest, called by the embedder, in every tier.

use causality_vm::isa::reg::X;
use causality_vm::memory::{Perms, SegmentKind};
use causality_vm::{
    CallError, Caller, Capture, Cause, Config, Engine, ErrorKind, Exit, HostFault, Instance, Linker, Module,
    Options, PauseHandle, PauseReason, Promotion, Ptr, Tier, VmState,
};

/// What the host function `ask` answers with.
#[derive(Clone, Debug, Default)]
struct World {
    asked: Vec<u64>,
    pauses: bool,
}

fn engine(tier: Tier) -> Engine {
    Engine::new(Config::new().tier(tier).memory(32 << 20))
}

fn instance_of(engine: &Engine) -> Instance<World> {
    let module = Module::from_file(engine, "testkit/guests/calls.elf").unwrap();
    let mut linker = Linker::new(engine);
    let answer = |caller: &mut Caller<'_, World>, value: u64| -> Result<u64, HostFault> {
        if caller.data().pauses {
            return Err(HostFault::Pause);
        }
        caller.data_mut().asked.push(value);
        Ok(value + 1)
    };
    linker.function("answer", answer).unwrap();
    linker.instantiate(&module, Options::new().args(["calls"]), World::default()).unwrap()
}

fn instance(tier: Tier) -> Instance<World> {
    instance_of(&engine(tier))
}

fn exit_of<R: std::fmt::Debug>(result: Result<R, CallError>) -> Exit {
    match result {
        Err(CallError::Stopped(exit)) => exit,
        other => panic!("it should have stopped: {other:?}"),
    }
}

#[test]
fn values_travel_as_the_calling_convention_says() {
    for tier in Tier::ALL {
        let mut guest = instance(tier);
        for _ in 0..3 {
            assert_eq!(guest.call::<_, u64>("add", (40_u64, 2_u64)).unwrap(), 42, "{tier:?}");
            assert_eq!(guest.call::<_, u64>("add", (u64::MAX, 2_u64)).unwrap(), 1);
            let eight = (1_u64, 2_u64, 3_u64, 4_u64, 5_u64, 6_u64, 7_u64, 8_u64);
            assert_eq!(guest.call::<_, u64>("eight", eight).unwrap(), 204);
            assert_eq!(guest.call::<_, f64>("mix", (-3_i32, 1.5_f64, 2.0_f32)).unwrap(), -9.0);
            assert_eq!(guest.call::<_, f32>("half", 3.0_f32).unwrap(), 1.5);
            assert!(guest.call::<_, f64>("mix", (1_i32, f64::NAN, 1.0_f32)).unwrap().is_nan());
            assert_eq!(guest.call::<_, u32>("negate", 5_u32).unwrap(), 5_u32.wrapping_neg());
            assert_eq!(guest.call::<_, u32>("negate", 0x8000_0000_u32).unwrap(), 0x8000_0000);
            assert_eq!(guest.call::<_, i8>("narrow", 127_i8).unwrap(), -128);
            assert!(guest.call::<_, bool>("is_even", 4_u64).unwrap());
            assert!(!guest.call::<_, bool>("is_even", 5_u64).unwrap());
        }
        guest.call::<_, ()>("set_count", 7_u64).unwrap();
        assert_eq!(guest.call::<_, u64>("next_count", ()).unwrap(), 8, "{tier:?}");
    }
}

/// Calls take the same fuel in every tier, and leave memory the same.
#[test]
fn every_tier_pays_the_same_for_a_call() {
    let pay = |tier| {
        let mut guest = instance(tier);
        let spin = guest.function::<u64, u64>("spin").unwrap();
        let mut paid = Vec::new();
        for rounds in [0, 1, 2, 100, 10_000, 3, 100_000] {
            let before = guest.fuel();
            spin.call(&mut guest, rounds).unwrap();
            paid.push(before - guest.fuel());
        }
        assert_eq!(guest.retired(), paid.iter().sum::<u64>());
        assert_eq!(guest.run().unwrap(), Exit::Completed(0));
        (paid, guest.hart().clone(), causality_testkit::digest::of_memory(guest.memory()).to_string())
    };
    let expected = pay(Tier::Interpreter);
    for tier in Tier::ALL {
        assert_eq!(pay(tier), expected, "{tier:?}");
    }
}

/// Whatever is called meanwhile, the guest goes on as if nothing had happened.
#[test]
fn what_the_guest_was_doing_is_as_it_was_before() {
    for tier in Tier::ALL {
        let module = Module::from_file(&engine(tier), "testkit/guests/calls.elf").unwrap();
        for stop in (0..3000).step_by(97) {
            let output = Capture::new(100);
            let options = Options::new().args(["calls"]).stdout(output.clone());
            let mut guest = Linker::new(&engine(tier)).instantiate(&module, options, ()).unwrap();
            if stop > 0 && guest.run_for(stop).unwrap() != Exit::Paused(PauseReason::Step) {
                break;
            }
            let (before, state) = (guest.hart().clone(), guest.state());
            guest.call::<_, u64>("add", (1_u64, 2_u64)).unwrap();
            guest.call::<_, ()>("clobber", ()).unwrap();
            guest.call::<_, u64>("depth", 20_u64).unwrap();
            let mut after = guest.hart().clone();
            assert_eq!(after.instret(), guest.retired());
            (after.fuel, after.granted) = (before.fuel, before.granted);
            assert_eq!((after, guest.state()), (before, state), "{tier:?}, {stop}");
            assert_eq!(guest.run().unwrap(), Exit::Completed(0));
            assert_eq!(output.text(), "3 204 332833500 11\n");
        }
    }
}

#[test]
fn a_guest_that_has_completed_can_be_called() {
    for tier in Tier::ALL {
        let mut guest = instance(tier);
        assert_eq!(guest.run().unwrap(), Exit::Completed(0));
        let next = guest.function::<(), u64>("next_count").unwrap();
        for count in 2..500 {
            assert_eq!(next.call(&mut guest, ()).unwrap(), count, "{tier:?}");
        }
        assert_eq!((guest.state(), guest.exit()), (VmState::Completed, Some(Exit::Completed(0))));
        assert!(matches!(guest.run().unwrap_err().kind(), ErrorKind::State(_)));
        guest.reset().unwrap();
        assert_eq!(next.call(&mut guest, ()).unwrap(), 1, "reset");
    }
}

#[test]
fn a_trap_in_a_call_can_be_given_up() {
    for tier in Tier::ALL {
        let mut guest = instance(tier);
        let before = guest.hart().clone();
        let read = guest.function::<Ptr, u64>("read_at").unwrap();
        let exit = exit_of(read.call(&mut guest, Ptr(8)));
        let Exit::Trap(trap) = exit else { panic!("{exit:?}") };
        assert_eq!((trap.cause, trap.tval, guest.state()), (Cause::LoadAccessFault, 8, VmState::Error));
        assert_eq!(trap.pc, guest.pc());
        assert_eq!((guest.pending_calls(), guest.exit()), (1, Some(exit)));
        assert!(matches!(read.call(&mut guest, Ptr(8)), Err(CallError::Host(_))), "it has failed");
        assert!(matches!(read.resume(&mut guest), Err(CallError::Host(_))), "it has failed");
        assert!(guest.abandon_call());
        assert!(!guest.abandon_call());
        assert_eq!((guest.state(), guest.pending_calls()), (VmState::Ready, 0));
        let mut after = guest.hart().clone();
        (after.fuel, after.granted) = (before.fuel, before.granted);
        assert_eq!(after, before, "{tier:?}");
        assert_eq!(guest.call::<_, u64>("add", (1_u64, 2_u64)).unwrap(), 3);
        assert_eq!(guest.run().unwrap(), Exit::Completed(0));
    }
}

#[test]
fn a_call_that_runs_out_of_fuel_goes_on_with_more() {
    for tier in Tier::ALL {
        let engine = Engine::new(Config::new().tier(tier).fuel(3_000));
        let mut guest = instance_of(&engine);
        let spin = guest.function::<u64, u64>("spin").unwrap();
        let mut refused = 0;
        assert_eq!(exit_of(spin.call(&mut guest, 1000)), Exit::OutOfFuel, "{tier:?}");
        let sum = loop {
            assert_eq!((guest.fuel(), guest.pending_calls()), (0, 1));
            guest.add_fuel(17 + refused);
            match spin.resume(&mut guest) {
                Ok(sum) => break sum,
                stopped => assert_eq!(exit_of(stopped), Exit::OutOfFuel),
            }
            refused += 1;
        };
        assert_eq!((sum, guest.pending_calls()), (332_833_500, 0));
        assert!(refused > 0);
        assert!(matches!(spin.resume(&mut guest), Err(CallError::NotCalled)));
        let retired = guest.retired();
        let mut other = instance(tier);
        other.call::<_, u64>("spin", 1000_u64).unwrap();
        assert_eq!(other.retired(), retired, "{tier:?}");
    }
}

#[test]
fn a_call_ends_exactly_where_fuel_does() {
    for tier in Tier::ALL {
        let paid = {
            let mut guest = instance(tier);
            guest.call::<_, u64>("spin", 50_u64).unwrap();
            guest.retired()
        };
        for fuel in [paid - 1, paid, paid + 1] {
            let mut guest = instance_of(&Engine::new(Config::new().tier(tier).fuel(fuel)));
            let called = guest.call::<_, u64>("spin", 50_u64);
            match fuel < paid {
                true => assert_eq!(exit_of(called), Exit::OutOfFuel),
                false => assert_eq!(called.unwrap(), 40_425, "{tier:?}: returning costs nothing more"),
            }
        }
    }
}

#[test]
fn a_pending_call_can_be_run_by_hand() {
    for tier in Tier::ALL {
        let mut guest = instance(tier);
        let spin = guest.function::<u64, u64>("spin").unwrap();
        guest.pause_handle().pause();
        assert_eq!(exit_of(spin.call(&mut guest, 10)), Exit::Paused(PauseReason::Requested));
        assert_eq!(guest.pc(), spin.address());
        let mut steps = 0;
        while guest.step().unwrap() == Exit::Paused(PauseReason::Step) {
            steps += 1;
        }
        assert_eq!(guest.exit(), Some(Exit::Paused(PauseReason::Returned)), "{tier:?}");
        assert_eq!((guest.x(X::A0), guest.run().unwrap()), (285, Exit::Paused(PauseReason::Returned)));
        assert_eq!(guest.retired(), steps + 1, "the last step came to the gate");
        assert_eq!(spin.resume(&mut guest).unwrap(), 285);
        assert_eq!(guest.run().unwrap(), Exit::Completed(0));
    }
}

#[test]
fn calls_nest() {
    for tier in Tier::ALL {
        let mut guest = instance(tier);
        let (add, ask) =
            (guest.function::<(u64, u64), u64>("add").unwrap(), guest.function::<u64, u64>("ask").unwrap());
        guest.data_mut().pauses = true;
        assert_eq!(exit_of(ask.call(&mut guest, 1)), Exit::Paused(PauseReason::Host));
        assert_eq!(exit_of(ask.call(&mut guest, 10)), Exit::Paused(PauseReason::Host));
        assert_eq!((guest.pending_calls(), add.call(&mut guest, (2, 3)).unwrap()), (2, 5));
        assert!(matches!(add.resume(&mut guest), Err(CallError::NotCalled)));
        guest.data_mut().pauses = false;
        assert_eq!(ask.resume(&mut guest).unwrap(), 11, "{tier:?}");
        assert_eq!(ask.resume(&mut guest).unwrap(), 2);
        assert_eq!(guest.data().asked, [10, 1]);
        assert_eq!(guest.run().unwrap(), Exit::Completed(0));
    }
}

#[test]
fn the_host_is_called_from_a_call() {
    for tier in Tier::ALL {
        let mut guest = instance(tier);
        assert_eq!(guest.call::<_, u64>("ask_often", (5_u64, 1000_u64)).unwrap(), 1005, "{tier:?}");
        assert!(guest.data().asked.iter().copied().eq(5..1005));
    }
}

#[test]
fn a_guest_that_exits_in_a_call_has_completed() {
    for tier in Tier::ALL {
        let mut guest = instance(tier);
        assert_eq!(exit_of(guest.call::<_, ()>("leave", 3_i32)), Exit::Completed(3));
        assert_eq!((guest.state(), guest.pending_calls()), (VmState::Completed, 0), "{tier:?}");
        assert_eq!(guest.call::<_, u64>("add", (1_u64, 2_u64)).unwrap(), 3);
        assert_eq!(guest.state(), VmState::Completed);
    }
}

#[test]
fn breakpoints_stop_calls_and_are_not_met_twice() {
    for tier in Tier::ALL {
        let mut guest = instance(tier);
        let spin = guest.function::<u64, u64>("spin").unwrap();
        let main = guest.module().symbols().function("main").unwrap();
        guest.breakpoints_mut().insert(spin.address());
        guest.breakpoints_mut().insert(main);
        assert_eq!(guest.run().unwrap(), Exit::Paused(PauseReason::Breakpoint));
        assert_eq!(guest.pc(), main);
        assert_eq!(exit_of(spin.call(&mut guest, 10)), Exit::Paused(PauseReason::Breakpoint), "{tier:?}");
        assert_eq!(spin.resume(&mut guest).unwrap(), 285);
        guest.breakpoints_mut().remove(spin.address());
        assert_eq!(guest.pc(), main);
        assert_eq!(guest.run().unwrap(), Exit::Completed(0), "the one at main was met before the call");
    }
}

#[test]
fn a_pause_from_another_thread_stops_a_call() {
    for tier in Tier::ALL {
        let mut guest = instance(tier);
        let spin = guest.function::<u64, u64>("spin").unwrap();
        let handle = guest.pause_handle();
        for _ in 0..3 {
            let stopped = std::thread::scope(|scope| {
                scope.spawn(|| handle.pause());
                spin.call(&mut guest, u64::MAX)
            });
            assert_eq!(exit_of(stopped), Exit::Paused(PauseReason::Requested), "{tier:?}");
            assert!(guest.abandon_call());
            assert_eq!(spin.call(&mut guest, 10).unwrap(), 285);
        }
    }
}

#[test]
fn functions_belong_to_their_program() {
    let engine = Engine::default();
    let mut guest = instance_of(&engine);
    let missing = guest.call::<_, ()>("no such function", ());
    assert!(matches!(missing, Err(CallError::NoFunction(name)) if name == "no such function"));
    assert!(matches!(guest.call::<_, ()>("pages", ()), Err(CallError::NoFunction(_))), "a variable");
    let module = Module::from_file(&engine, "examples/plugin.elf").unwrap();
    let plugin = Linker::new(&engine).instantiate(&module, Options::new(), ()).unwrap();
    let add = plugin.function::<(u64, u64), u64>("add").unwrap();
    assert!(matches!(add.call(&mut guest, (1, 2)), Err(CallError::OtherProgram)));
    assert!(matches!(add.resume(&mut guest), Err(CallError::OtherProgram)));
    let add = guest.function::<(u64, u64), u64>("add").unwrap();
    assert_eq!(
        add.call(&mut instance_of(&engine), (1, 2)).unwrap(),
        3,
        "another instance, the file read again"
    );
}

/// The gate is nothing to a guest that nobody has called.
#[test]
fn only_a_call_comes_back_through_the_gate() {
    for tier in Tier::ALL {
        let mut guest = instance(tier);
        guest.call::<_, u64>("add", (1_u64, 2_u64)).unwrap();
        guest.set_pc(causality_vm::RETURN_GATE);
        let Exit::Trap(trap) = guest.run().unwrap() else { panic!("{tier:?}: {:?}", guest.exit()) };
        assert_eq!((trap.cause, trap.tval), (Cause::InstructionAccessFault, causality_vm::RETURN_GATE));
        assert!(matches!(guest.call::<_, u64>("add", (1_u64, 2_u64)), Err(CallError::Host(_))));
    }
}

#[test]
fn a_function_that_is_no_code_traps() {
    for tier in Tier::ALL {
        let mut guest = instance(tier);
        for address in [0, 1, u64::MAX, causality_vm::RETURN_GATE + 2, guest.x(X::SP)] {
            let function = guest.function_at::<(), u64>(address);
            let exit = exit_of(function.call(&mut guest, ()));
            assert!(matches!(exit, Exit::Trap(_)), "{tier:?}, {address:#x}: {exit:?}");
            assert!(guest.abandon_call());
        }
        assert_eq!(guest.call::<_, u64>("add", (1_u64, 2_u64)).unwrap(), 3);
    }
}

#[test]
fn calls_go_on_when_their_code_was_evicted_or_replaced() {
    for tier in [Tier::Auto, Tier::Baseline, Tier::Cranelift] {
        let engine = Engine::new(Config::new().tier(tier).code_memory(1));
        let mut guests = [instance_of(&engine), instance_of(&engine)];
        let other = Module::from_file(&engine, "testkit/guests/fib.elf").unwrap();
        let spin = guests[0].function::<u64, u64>("spin").unwrap();
        for round in 0..20 {
            for guest in &mut guests {
                assert_eq!(
                    spin.call(guest, 10 * round).unwrap(),
                    (0..10 * round).map(|i| i * i).sum::<u64>()
                );
            }
            let options = Options::new().args(["fib", "1"]);
            let mut noise = Linker::new(&engine).instantiate(&other, options, ()).unwrap();
            assert_eq!(noise.run().unwrap(), Exit::Completed(0));
        }
    }
}

/// The function becomes hot while it is called again and again, and its code is replaced. (What never runs for two samples
/// on end is not timed, and stays.)
#[test]
fn a_function_that_is_called_often_is_promoted() {
    let promotion = Promotion {
        sample: 10_000,
        trial: 2,
        worth: 0,
        least_pressure: 0,
        least_stay: 0,
        in_background: false,
    };
    let mut guest = instance_of(&Engine::new(Config::new().promotion(promotion)));
    let spin = guest.function::<u64, u64>("spin").unwrap();
    let expected = (0..20_000_u64).map(|i| i * i).sum::<u64>();
    for _ in 0..200 {
        assert_eq!(spin.call(&mut guest, 20_000).unwrap(), expected);
    }
    assert!(!guest.report().host.promotions.is_empty(), "{:?}", guest.report().host);
}

#[test]
fn calls_are_crosschecked() {
    let engine = Engine::new(Config::new().crosscheck(true));
    let mut guest = instance_of(&engine);
    for count in 1..20 {
        assert_eq!(guest.call::<_, u64>("next_count", ()).unwrap(), count);
        assert_eq!(guest.call::<_, u64>("ask", count).unwrap(), count + 1);
    }
    assert_eq!(guest.run().unwrap(), Exit::Completed(0));
}

#[test]
fn a_host_that_fails_in_a_call_leaves_an_instance_that_says_so() {
    for tier in Tier::ALL {
        let engine = engine(tier);
        let module = Module::from_file(&engine, "testkit/guests/calls.elf").unwrap();
        let mut linker = Linker::new(&engine);
        let fail =
            |_: &mut Caller<'_, ()>| -> Result<u64, HostFault> { Err(HostFault::Fail("broken".into())) };
        linker.function("answer", fail).unwrap();
        let mut guest = linker.instantiate(&module, Options::new(), ()).unwrap();
        let Err(CallError::Host(error)) = guest.call::<_, u64>("ask", 1_u64) else { panic!("it fails") };
        assert_eq!(
            (error.to_string(), guest.state()),
            ("the host failed: broken".to_owned(), VmState::Error)
        );
        assert!(guest.abandon_call());
        assert_eq!(guest.call::<_, u64>("add", (1_u64, 2_u64)).unwrap(), 3);
    }
}

/// What is called is measured by nobody, but paid for and reported.
#[test]
fn reports_count_what_calls_retire() {
    for tier in Tier::ALL {
        let mut guest = instance(tier);
        guest.call::<_, u64>("spin", 1000_u64).unwrap();
        let report = guest.report();
        assert_eq!(report.fuel_used, guest.retired());
        assert_eq!(report.host.instructions.all(), guest.retired(), "{tier:?}");
    }
}

#[test]
fn calls_are_the_same_while_tiers_change_as_often_as_they_can() {
    let mut guest = instance_of(&Engine::new(Config::new().promotion(Promotion::EAGER)));
    for round in 0..300 {
        assert_eq!(guest.call::<_, u64>("spin", round).unwrap(), (0..round).map(|i| i * i).sum::<u64>());
        assert_eq!(guest.call::<_, u64>("depth", round).unwrap(), round);
        assert_eq!(guest.call::<_, u64>("ask_often", (5_u64, round)).unwrap(), 5 + round);
    }
}

/// The way in that a call has kept is prepared for the code that there was, and not for what takes its place.
#[test]
fn a_function_is_called_after_another_instance_had_its_code_promoted() {
    let promotion = Promotion {
        sample: 10_000,
        trial: 2,
        worth: 0,
        least_pressure: 0,
        least_stay: 0,
        in_background: false,
    };
    let engine = Engine::new(Config::new().promotion(promotion).hot(0));
    let module = Module::from_file(&engine, "testkit/guests/calls.elf").unwrap();
    let mut linker = Linker::new(&engine);
    linker.function("answer", |_: &mut Caller<'_, ()>, value: u64| value + 1).unwrap();
    let [mut early, mut busy] = [0; 2].map(|_| linker.instantiate(&module, Options::new(), ()).unwrap());
    // Without a call of the host, and with one.
    for times in [0_u64, 0, 0, 2, 2, 0, 0] {
        assert_eq!(early.call::<_, u64>("ask_often", (1_u64, times)).unwrap(), 1 + times);
    }
    let mut rounds = 0;
    while busy.report().host.promotions.is_empty() {
        assert_eq!(busy.call::<_, u64>("ask_often", (1_u64, 100_000_u64)).unwrap(), 100_001);
        rounds += 1;
        assert!(rounds < 1000, "nothing is promoted");
    }
    for times in [2_u64, 0, 2] {
        assert_eq!(early.call::<_, u64>("ask_often", (1_u64, times)).unwrap(), 1 + times);
    }
}

#[test]
fn memories_that_were_swapped_are_found_out_before_anything_runs() {
    for tier in Tier::ALL {
        let engine = engine(tier);
        let [mut a, mut b] = [instance_of(&engine), instance_of(&engine)];
        assert_eq!(a.call::<_, u64>("add", (1_u64, 2_u64)).unwrap(), 3);
        assert_eq!(b.call::<_, u64>("add", (1_u64, 2_u64)).unwrap(), 3);
        std::mem::swap(a.memory_mut(), b.memory_mut());
        for guest in [&mut a, &mut b] {
            assert!(guest.call::<_, u64>("add", (1_u64, 2_u64)).is_err(), "{tier:?}");
        }
        std::mem::swap(a.memory_mut(), b.memory_mut());
        for guest in [&mut a, &mut b] {
            assert!(guest.abandon_call());
            assert_eq!(guest.call::<_, u64>("add", (1_u64, 2_u64)).unwrap(), 3);
        }
    }
}

/// A host function gets hold of a memory of the same program, and leaves it in the place of the guest's.
#[test]
fn a_memory_that_is_swapped_by_a_host_function_stops_native_code() {
    for tier in Tier::ALL {
        let engine = engine(tier);
        let module = Module::from_file(&engine, "testkit/guests/calls.elf").unwrap();
        let mut linker = Linker::<Option<Instance<()>>>::new(&engine);
        let swap = |caller: &mut Caller<'_, Option<Instance<()>>>, value: u64| -> u64 {
            let (memory, other) = caller.parts();
            if let Some(other) = other {
                std::mem::swap(memory, other.memory_mut());
            }
            value + 1
        };
        linker.function("answer", swap).unwrap();
        let other = Linker::new(&engine).instantiate(&module, Options::new(), ()).unwrap();
        let mut guest = linker.instantiate(&module, Options::new(), Some(other)).unwrap();
        // What the guest does in a memory that is not its own is nobody's business, but that it ends is.
        let _ = guest.call::<_, u64>("ask_often", (1_u64, 3_u64));
        drop(guest);
    }
}

/// What the function `answer` of a guest finds that meddles with another one.
struct Meddling {
    before: [u64; 8],
    other: Option<Instance<[u64; 32]>>,
    asked: u64,
    after: [u64; 8],
}

/// A host function has another instance of the program run in the memory of the guest that is running, and gives it back.
#[test]
fn an_instance_that_has_the_memory_of_a_running_guest_does_not_run() {
    type Meddle = fn(&mut Instance<[u64; 32]>) -> bool;
    const MEDDLE: [Meddle; 3] = [
        |other| other.call::<_, u64>("add", (1_u64, 2_u64)).is_ok(),
        |other| other.run().is_ok(),
        |other| other.call::<_, u64>("ask_often", (1_u64, 3_u64)).is_ok(),
    ];
    for (tier, meddle, is_warm, is_dropped) in Tier::ALL.into_iter().flat_map(|tier| {
        let ways = MEDDLE.into_iter().flat_map(|meddle| [(meddle, false), (meddle, true)]);
        ways.flat_map(move |(meddle, is_warm)| {
            [(tier, meddle, is_warm, false), (tier, meddle, is_warm, true)]
        })
    }) {
        let engine = engine(tier);
        let module = Module::from_file(&engine, "testkit/guests/calls.elf").unwrap();
        let mut linker = Linker::<[u64; 32]>::new(&engine);
        linker.function("answer", |_: &mut Caller<'_, [u64; 32]>, value: u64| -> u64 { value + 1 }).unwrap();
        let mut other = linker.instantiate(&module, Options::new().arg("calls"), [7; 32]).unwrap();
        if is_warm {
            assert_eq!(other.call::<_, u64>("add", (1_u64, 2_u64)).unwrap(), 3);
        }
        let mut linker = Linker::<Meddling>::new(&engine);
        let swap = move |caller: &mut Caller<'_, Meddling>, value: u64| -> u64 {
            let (memory, world) = caller.parts();
            world.asked += 1;
            if value == 7 {
                let mut other = world.other.take().unwrap();
                std::mem::swap(memory, other.memory_mut());
                assert!(!meddle(&mut other), "{tier:?}");
                std::mem::swap(memory, other.memory_mut());
                world.other = Some(other).filter(|_| !is_dropped);
            }
            value + 1
        };
        linker.function("answer", swap).unwrap();
        let world = Meddling { before: [1; 8], other: Some(other), asked: 0, after: [2; 8] };
        let mut guest = linker.instantiate(&module, Options::new().arg("calls"), world).unwrap();
        // The guest goes on, or is told that its memory was not its own for a while.
        let _ = guest.call::<_, u64>("ask_often", (5_u64, 6_u64));
        let world = guest.data();
        assert_eq!((world.before, world.asked, world.after), ([1; 8], 6, [2; 8]), "{tier:?}");
    }
}

#[test]
fn an_exit_by_a_host_that_has_swapped_memory_is_told_at_once_and_once() {
    let told = |tier| {
        let engine = Engine::new(Config::new().tier(tier).memory(32 << 20).hot(0));
        let module = Module::from_file(&engine, "testkit/guests/calls.elf").unwrap();
        let mut linker = Linker::<Option<Instance<()>>>::new(&engine);
        let swap = |caller: &mut Caller<'_, Option<Instance<()>>>, value: u64| -> Result<u64, HostFault> {
            if value < 5 {
                return Ok(value);
            }
            let (memory, other) = caller.parts();
            std::mem::swap(memory, other.as_mut().unwrap().memory_mut());
            Err(HostFault::Exit(77))
        };
        linker.function("answer", swap).unwrap();
        let other = Linker::new(&engine).instantiate(&module, Options::new(), ()).unwrap();
        let mut guest = linker.instantiate(&module, Options::new().arg("calls"), Some(other)).unwrap();
        for _ in 0..3 {
            assert_eq!(guest.call::<_, u64>("ask", 1_u64).unwrap(), 1);
        }
        let first = exit_of(guest.call::<_, u64>("ask", 5_u64));
        let (memory, other) = guest.parts();
        std::mem::swap(memory, other.as_mut().unwrap().memory_mut());
        while guest.abandon_call() {}
        guest.reset().unwrap();
        (first, guest.run().unwrap(), guest.retired())
    };
    let expected = told(Tier::Interpreter);
    assert_eq!(expected.0, Exit::Completed(77));
    for tier in Tier::ALL {
        assert_eq!(told(tier), expected, "{tier:?}");
    }
}

#[test]
fn an_instance_says_of_its_exit_what_it_said_before_a_call_that_was_given_up() {
    for tier in Tier::ALL {
        let mut guest = instance(tier);
        assert_eq!(guest.run().unwrap(), Exit::Completed(0));
        assert!(matches!(exit_of(guest.call::<_, u64>("read_at", Ptr(8))), Exit::Trap(_)));
        assert!(guest.abandon_call());
        assert_eq!(guest.exit(), Some(Exit::Completed(0)), "{tier:?}");
        guest.revive();
        assert_eq!(guest.state(), VmState::Completed, "there is nothing to revive");
    }
}

#[test]
fn a_breakpoint_is_passed_after_a_call_too() {
    for tier in Tier::ALL {
        let mut guest = instance(tier);
        let pc = guest.pc();
        guest.breakpoints_mut().insert(pc);
        assert_eq!(guest.call::<_, u64>("add", (1_u64, 2_u64)).unwrap(), 3);
        guest.pass_breakpoint();
        assert_eq!(guest.run().unwrap(), Exit::Completed(0), "{tier:?}");
    }
}

/// What generated code writes after the host has looked is in what is forked later.
#[test]
fn a_fork_has_what_was_written_after_the_host_had_frozen_memory() {
    for tier in Tier::ALL {
        let engine = engine(tier);
        let module = Module::from_file(&engine, "testkit/guests/calls.elf").unwrap();
        let mut linker = Linker::new(&engine);
        let freeze = |caller: &mut Caller<'_, ()>, value: u64| -> u64 {
            caller.memory_mut().freeze().unwrap();
            value
        };
        linker.function("answer", freeze).unwrap();
        let mut guest = linker.instantiate(&module, Options::new(), ()).unwrap();
        for value in [5_u64, 6] {
            assert_eq!(guest.call::<_, u64>("ask_and_set", value).unwrap(), value);
            assert_eq!(
                guest.fork().unwrap().call::<_, u64>("next_count", ()).unwrap(),
                value + 1,
                "{tier:?}"
            );
        }
    }
}

/// Something done to an instance between two calls.
type Change<'a> = &'a dyn Fn(&mut Instance<World>);

/// A call, and what became of it.
type Told<'a> = &'a dyn Fn(&mut Instance<World>) -> String;

/// After a call that left everything as it was, the next one looks at little. Whatever happens in between, it is as in the
/// interpreter, which looks at everything.
#[test]
fn nothing_that_happens_between_two_calls_is_overlooked() {
    let told = |tier| {
        let mut guest = instance_of(&Engine::new(Config::new().tier(tier).memory(32 << 20).hot(0)));
        let mut told = Vec::new();
        let add = guest.function::<(u64, u64), u64>("add").unwrap();
        let mix = guest.function::<(i32, f64, f32), f64>("mix").unwrap();
        let read = guest.function::<u64, u64>("read_at").unwrap();
        let ask = guest.function::<(u64, u64), u64>("ask_often").unwrap();
        let sp = guest.x(X::SP);
        let code = add.address() & !0xfff..(add.address() & !0xfff) + 0x1000;
        let nothing: Change<'_> = &|_| {};
        let changes: [Change<'_>; 17] = [
            nothing,
            &|guest| assert!(guest.run_for(1).is_ok()),
            &|guest| guest.set_x(X::SP, guest.x(X::SP) - 64),
            &|guest| guest.set_fcsr(3 << 5),
            &|guest| guest.set_fcsr(4 << 5),
            &|guest| guest.set_fcsr(0),
            &|guest| assert!(guest.breakpoints_mut().insert(add.address())),
            &|guest| assert!(guest.breakpoints_mut().remove(add.address())),
            &|guest| guest.pause_handle().pause(),
            &|guest| guest.add_fuel(1),
            &|guest| guest.memory_mut().protect(code.clone(), Perms::R).unwrap(),
            &|guest| guest.memory_mut().protect(code.clone(), Perms::RX).unwrap(),
            &|guest| guest.observe(|_| {}),
            &|guest| guest.stop_observing(),
            &|guest| *guest = guest.fork().unwrap(),
            &|guest| drop(guest.run()),
            &|guest| guest.reset().unwrap(),
        ];
        // Which calls come directly before and behind the change: those after which much has to be looked at, or little.
        let calls: [Told<'_>; 4] = [
            &|guest| format!("{:?}", add.call(guest, (1, 2))),
            &|guest| format!("{:?}", mix.call(guest, (3, 0.1, 0.7))),
            &|guest| format!("{:?}", read.call(guest, sp)),
            &|guest| format!("{:?}", ask.call(guest, (5, 2))),
        ];
        for change in changes {
            for (number, last) in calls.iter().enumerate() {
                told.extend(calls.iter().chain([last, last]).map(|call| call(&mut guest)));
                // What undoes another change is done once.
                (if number == 0 { change } else { nothing })(&mut guest);
                told.push(last(&mut guest));
                while guest.pending_calls() > 0 {
                    guest.abandon_call();
                }
                told.push(format!("{:?} {:?}", guest.hart(), guest.state()));
            }
        }
        told
    };
    let expected = told(Tier::Interpreter);
    for what in ["InstructionAccessFault", "Breakpoint", "Requested"] {
        assert!(expected.iter().any(|told| told.contains(what)), "{what}: {expected:#?}");
    }
    for tier in Tier::ALL {
        for (index, (told, expected)) in told(tier).iter().zip(&expected).enumerate() {
            assert_eq!(told, expected, "{tier:?}, {index}");
        }
    }
}

/// A host function that has changed nothing is gone back from by a short way. Whatever it does change is seen at once, by the function
/// that has called it and in later calls.
#[test]
fn nothing_that_a_host_function_changes_is_overlooked() {
    #[derive(Default)]
    struct Changing {
        change: u64,
        calls: u64,
        pause: Option<PauseHandle>,
    }
    const MAPPED: u64 = 0x100_0000;
    let change = |caller: &mut Caller<'_, Changing>, value: u64| -> Result<u64, HostFault> {
        caller.data_mut().calls += 1;
        let code = caller.hart().pc & !0xfff..(caller.hart().pc & !0xfff) + 0x1000;
        let mapped = MAPPED..MAPPED + 0x1000;
        // Only every third call changes anything.
        match if caller.data().calls % 3 == 0 { caller.data().change } else { 0 } {
            1 => assert_eq!(caller.charge(17), 17),
            2 => caller.set_x(X::T0, value),
            3 => caller.set_x(X::S0, 2),
            4 => caller.memory_mut().protect(code, Perms::R).unwrap(),
            5 => caller.memory_mut().protect(code, Perms::RX).unwrap(),
            // What is there, or is not, stays so.
            6 => drop(caller.memory_mut().map(mapped, Perms::RW, SegmentKind::Data, "mapped")),
            7 => caller.write_pod(MAPPED, value)?,
            8 => return Ok(caller.read_pod(MAPPED)?),
            9 => drop(caller.memory_mut().protect(mapped, Perms::NONE)),
            10 => drop(caller.memory_mut().unmap(mapped)),
            11 => caller.data().pause.as_ref().unwrap().pause(),
            12 => return Err(HostFault::Errno(5)),
            13 => return Err(HostFault::Trap(5)),
            14 => return Err(HostFault::Pause),
            15 => drop(caller.charge(u64::MAX)),
            16 => return Err(HostFault::Exit(3)),
            _ => {}
        }
        Ok(value)
    };
    let told = |tier| {
        let engine = Engine::new(Config::new().tier(tier).memory(32 << 20).fuel(1 << 40).hot(0));
        let module = Module::from_file(&engine, "testkit/guests/calls.elf").unwrap();
        let mut linker = Linker::new(&engine);
        linker.function("change", change).unwrap();
        let options = Options::new().args(["calls"]);
        let mut guest = linker.instantiate(&module, options, Changing::default()).unwrap();
        guest.data_mut().pause = Some(guest.pause_handle());
        let ask = guest.function::<(u64, u64), u64>("ask_often").unwrap();
        let mix = guest.function::<(i32, f64, f32), f64>("mix").unwrap();
        let read = guest.function::<u64, u64>("read_at").unwrap();
        let code = ask.address() & !0xfff..(ask.address() & !0xfff) + 0x1000;
        let mut told = Vec::new();
        for change in (0..=16).chain([6, 7, 8, 15, 1]) {
            // With calls before that leave everything as it was, and change it in a short call and in a long one.
            for (change, times) in [(0, 1), (0, 3), (change, 1), (change, 1), (change, 1), (change, 7)] {
                guest.data_mut().change = change;
                let calls: [&dyn Fn(&mut _) -> String; 3] = [
                    &|guest| format!("{change}: {:?}", ask.call(guest, (5, times))),
                    &|guest| format!("{:?}", read.call(guest, MAPPED)),
                    &|guest| format!("{:?}", mix.call(guest, (3, 0.1, 0.7))),
                ];
                for call in [0, 2, 1, 2, 2] {
                    told.push(calls[call](&mut guest));
                    while guest.pending_calls() > 0 {
                        guest.abandon_call();
                    }
                }
                if change == 4 {
                    guest.memory_mut().protect(code.clone(), Perms::RX).unwrap();
                }
                told.push(format!("{:?} {:?} {}", guest.hart(), guest.state(), guest.data().calls));
                guest.add_fuel(1 << 20);
            }
        }
        told
    };
    let expected = told(Tier::Interpreter);
    for what in ["InstructionAccessFault", "Requested", "Host)", "HostFunction", "OutOfFuel", "Completed(3)"]
    {
        assert!(expected.iter().any(|told| told.contains(what)), "{what}: {expected:#?}");
    }
    for tier in Tier::ALL {
        for (index, (told, expected)) in told(tier).iter().zip(&expected).enumerate() {
            assert_eq!(told, expected, "{tier:?}, {index}");
        }
    }
}

/// Arguments of the embedder's own may set more than registers.
#[test]
fn a_host_that_panics_in_a_call_after_others_leaves_an_instance_that_has_failed() {
    for tier in Tier::ALL {
        let engine = engine(tier);
        let module = Module::from_file(&engine, "testkit/guests/calls.elf").unwrap();
        let mut linker = Linker::new(&engine);
        let answer = |_: &mut Caller<'_, ()>, value: u64| -> u64 {
            assert!(value < 10, "a panic of the host's");
            value
        };
        linker.function("answer", answer).unwrap();
        let mut guest = linker.instantiate(&module, Options::new().args(["calls"]), ()).unwrap();
        let ask = guest.function::<(u64, u64), u64>("ask_often").unwrap();
        let add = guest.function::<(u64, u64), u64>("add").unwrap();
        for _ in 0..3 {
            assert_eq!(ask.call(&mut guest, (1, 1)).unwrap(), 1);
            assert_eq!(add.call(&mut guest, (1, 1)).unwrap(), 2);
        }
        let call = std::panic::AssertUnwindSafe(|| ask.call(&mut guest, (10, 1)));
        assert!(std::panic::catch_unwind(call).is_err());
        assert_eq!(guest.state(), VmState::Error, "{tier:?}");
        assert!(matches!(add.call(&mut guest, (1, 1)), Err(CallError::Host(_))));
    }
}
