//! The host's own stack: guests that call without end, and hosts that have little of it.

use std::thread;

use causality_vm::isa::Opcode;
use causality_vm::isa::reg::X;
use causality_vm::{Caller, Cause, Engine, Exit, Instance, Limits, Linker, Module, Options, Trap};

use crate::arena::{Attack, ways};
use crate::guest::{self, addi, jalr, ld, ret, sd};

/// The least stack that a host's thread may have: what native code may use, and as much again.
const SMALL: usize = 512 << 10;

/// On a thread with little stack, where using more than allowed ends the process.
fn on_a_small_stack<R: Send>(run: impl FnOnce() -> R + Send) -> R {
    thread::scope(|scope| {
        let thread = thread::Builder::new().stack_size(SMALL).spawn_scoped(scope, run);
        thread.expect("a thread").join().expect("it does not panic")
    })
}

fn run_for(most: u64) -> impl Fn(&mut Instance<()>) -> Exit {
    move |instance| on_a_small_stack(|| instance.run_for(most).expect("the host answers"))
}

#[test]
fn calls_without_end_use_the_guests_stack_only_and_end_at_its_guard() {
    let elf = guest::elf(|asm| {
        let function = asm.here();
        addi(asm, X::SP, X::SP, -16);
        sd(asm, X::RA, X::SP, 8);
        asm.jump(X::RA, function);
        ld(asm, X::RA, X::SP, 8);
        addi(asm, X::SP, X::SP, 16);
        ret(asm);
    });
    let limits = Limits { stack: 4 << 20, ..guest::limits() };
    let exit = Attack { limits, ..Attack::new(&elf) }.everywhere(run_for(u64::MAX));
    assert!(matches!(exit, Exit::Trap(Trap { cause: Cause::StackOverflow, .. })), "{exit:?}");
}

#[test]
fn calls_that_use_no_stack_at_all_go_on_as_long_as_there_is_fuel() {
    let direct = guest::elf(|asm| {
        let function = asm.here();
        addi(asm, X::A0, X::A0, 1);
        asm.jump(X::RA, function);
    });
    let computed = guest::elf(|asm| {
        let function = asm.here();
        asm.address(X::T1, function);
        addi(asm, X::A0, X::A0, 1);
        jalr(asm, X::RA, X::T1, 0);
    });
    let mutual = guest::elf(|asm| {
        let (one, other) = (asm.here(), asm.label());
        asm.jump(X::RA, other);
        asm.bind(other);
        addi(asm, X::A0, X::A0, 1);
        asm.address(X::T1, one);
        jalr(asm, X::RA, X::T1, 0);
    });
    for elf in [direct, computed, mutual] {
        assert!(matches!(Attack::new(&elf).everywhere(run_for(1_000_000)), Exit::Paused(_)));
    }
}

#[test]
fn returns_that_nobody_called_for_do_not_use_the_hosts_stack_up() {
    let elf = guest::elf(|asm| {
        let again = asm.here();
        asm.address(X::RA, again);
        addi(asm, X::A0, X::A0, 1);
        ret(asm);
    });
    assert!(matches!(Attack::new(&elf).everywhere(run_for(1_000_000)), Exit::Paused(_)));
}

/// Down and up again, over and over, deeper than the host's stack allows at once.
#[test]
fn recursion_deeper_than_the_hosts_stack_returns_to_every_caller() {
    let elf = guest::elf(|asm| {
        let (function, leaf, over) = (asm.label(), asm.label(), asm.label());
        guest::repeat(asm, X::S1, 3, |asm| {
            asm.li(X::A0, 40_000);
            asm.jump(X::RA, function);
        });
        addi(asm, X::A0, X::ZERO, 0);
        asm.jump(X::ZERO, over);
        asm.bind(function);
        asm.branch(Opcode::Beq, X::A0, X::ZERO, leaf);
        addi(asm, X::SP, X::SP, -16);
        sd(asm, X::RA, X::SP, 8);
        addi(asm, X::A0, X::A0, -1);
        asm.jump(X::RA, function);
        addi(asm, X::S2, X::S2, 1);
        ld(asm, X::RA, X::SP, 8);
        addi(asm, X::SP, X::SP, 16);
        asm.bind(leaf);
        ret(asm);
        asm.bind(over);
        guest::exit(asm);
    });
    let limits = Limits { stack: 1 << 20, ..guest::limits() };
    let run = run_for(u64::MAX);
    let ended =
        Attack { limits, ..Attack::new(&elf) }.everywhere(|instance| (run(instance), instance.x(X::S2)));
    assert_eq!(ended, (Exit::Completed(0), 120_000));
}

/// Calls itself without end, and the host at every depth.
fn calling() -> Vec<u8> {
    guest::elf(|asm| {
        let function = asm.here();
        addi(asm, X::SP, X::SP, -16);
        sd(asm, X::RA, X::SP, 8);
        guest::call_host(asm);
        asm.jump(X::RA, function);
        ret(asm);
    })
}

/// Takes stack of its own.
fn hungry(caller: &mut Caller<'_, ()>) -> u64 {
    let buffer = std::hint::black_box([caller.x(X::SP) as u8; 64 << 10]);
    u64::from(buffer[buffer.len() / 2])
}

#[test]
fn host_functions_have_their_stack_at_every_depth_of_a_guest() {
    let elf = calling();
    let attack = Attack { link: |linker| drop(linker.function("hungry", hungry)), ..Attack::new(&elf) };
    let exit = attack.everywhere(run_for(u64::MAX));
    assert!(matches!(exit, Exit::Trap(Trap { cause: Cause::StackOverflow, .. })), "{exit:?}");
}

/// A host function that runs another guest, which runs another guest; each of them as deep as it gets.
#[test]
fn guests_within_guests_use_as_much_of_the_hosts_stack_each_and_no_more() {
    const NESTED: u64 = 3;
    for (name, config) in ways(&guest::limits()) {
        let engine = Engine::new(config);
        let module = Module::new(&engine, &calling()).expect("it is a program");
        let run = move || nested(&engine, &module, NESTED);
        let thread = thread::Builder::new().stack_size((NESTED as usize + 1) * SMALL).spawn(run);
        assert_eq!(thread.expect("a thread").join().expect("it does not panic"), NESTED + 1, "{name}");
    }
}

/// How many guests overflowed their stacks, of this one and those within.
fn nested(engine: &Engine, module: &Module, depth: u64) -> u64 {
    let mut linker = Linker::new(engine);
    let inner = (engine.clone(), module.clone());
    let run_another = move |caller: &mut Caller<'_, u64>| {
        // Once, where the guest's stack is nearly used up.
        if depth > 0 && *caller.data() == 4000 {
            *caller.data_mut() += nested(&inner.0, &inner.1, depth - 1) << 32;
        }
        *caller.data_mut() += 1;
    };
    linker.function("run another", run_another).expect("the name is free");
    let mut instance = linker.instantiate(module, Options::new(), 0).expect("the host has memory");
    let exit = instance.run().expect("the host answers");
    assert!(matches!(exit, Exit::Trap(Trap { cause: Cause::StackOverflow, .. })), "{exit:?}");
    (instance.data() >> 32) + 1
}
