//! Fuel and steps in the smallest portions, changed all the time: where a guest stops is exact, and it does not notice.

use causality_testkit::Source;
use causality_vm::isa::reg::X;
use causality_vm::{Caller, Exit, Instance, PauseReason};

use crate::arena::Attack;
use crate::guest::{self, add, addi, ld, sd};

/// Takes fuel for its work.
fn charge(caller: &mut Caller<'_, ()>, amount: u64) -> u64 {
    caller.charge(amount & 0x3f)
}

/// Loops within loops, with memory, functions, calls of Linux, and a host function that takes fuel.
fn working() -> Vec<u8> {
    guest::elf(|asm| {
        let (function, over) = (asm.label(), asm.label());
        asm.li(X::S2, guest::DATA);
        guest::repeat(asm, X::S1, 40, |asm| {
            guest::repeat(asm, X::T1, 20, |asm| {
                ld(asm, X::T2, X::S2, 0);
                add(asm, X::S3, X::S3, X::T2);
                sd(asm, X::S3, X::S2, 8);
            });
            asm.jump(X::RA, function);
            addi(asm, X::A0, X::S1, 0);
            guest::call_host(asm);
            add(asm, X::S3, X::S3, X::A0);
            guest::call(asm, 178);
        });
        addi(asm, X::A0, X::ZERO, 42);
        asm.jump(X::ZERO, over);
        asm.bind(function);
        guest::repeat(asm, X::T1, 7, |asm| addi(asm, X::S3, X::S3, 5));
        guest::ret(asm);
        asm.bind(over);
        guest::exit(asm);
    })
}

fn attack(elf: &[u8]) -> Attack<'_, ()> {
    Attack { link: |linker| drop(linker.function("charge", charge)), ..Attack::new(elf) }
}

/// Runs to the end by calls of `run`; where each of them stopped.
fn to_the_end(
    instance: &mut Instance<()>,
    mut run: impl FnMut(&mut Instance<()>) -> Exit,
) -> Vec<(Exit, u64, u64, u64)> {
    let mut stops = Vec::new();
    loop {
        let exit = run(instance);
        stops.push((exit, instance.pc(), instance.retired(), instance.fuel()));
        if matches!(exit, Exit::Completed(_)) {
            return stops;
        }
    }
}

#[test]
fn runs_for_any_number_of_instructions_stop_where_the_interpreter_does() {
    let elf = working();
    for length in [1, 2, 3, 5, 64, 65, 997] {
        let stops = attack(&elf).everywhere(|instance| {
            to_the_end(instance, |instance| instance.run_for(length).expect("the host answers"))
        });
        let steps = stops.iter().filter(|stop| stop.0 == Exit::Paused(PauseReason::Step)).count();
        assert_eq!(steps, stops.len() - 1);
    }
}

#[test]
fn fuel_in_any_portions_stops_a_guest_where_the_interpreter_does() {
    let elf = working();
    for seed in 0..6 {
        attack(&elf).everywhere(|instance| {
            let mut source = Source::Seed(seed);
            let most = 2 << (2 * seed);
            to_the_end(instance, |instance| {
                let length = source.below(most) as u64;
                match source.below(4) {
                    0 => instance.step(),
                    1 => instance.run_for(0),
                    2 => {
                        instance.pause_handle().pause();
                        instance.run_for(length)
                    }
                    _ => instance.run_for(length),
                }
                .expect("the host answers")
            })
        });
    }
}
