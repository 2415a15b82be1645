//! Guests, made-up programs and made-up calls that become bytes at random points and go on in other tiers.

use causality_testkit::elf::{Elf, PF_R, PF_W, PF_X, Phdr};
use causality_testkit::program::{CODE, DATA, DATA_END, WINDOW};
use causality_testkit::syscalls::calls;
use causality_testkit::{Program, Shape, Source, generate};
use causality_vm::isa::reg::{F, X};
use causality_vm::{Config, Instance, Limits};

use crate::{Guest, same_future};

#[test]
fn guests_go_on_in_other_tiers_as_if_nothing_had_been() {
    let guests: [(&str, &[&str], bool); 16] = [
        ("args", &["7", "two"], false),
        ("atomics", &[], false),
        ("bits", &[], false),
        ("cat", &[], false),
        ("closures", &["3"], false),
        ("debugged", &["1000", "8"], false),
        ("files", &["/data"], true),
        ("floats", &[], false),
        ("json", &["3"], false),
        ("memops", &[], false),
        ("memory", &[], false),
        ("register_cycle", &[], false),
        ("register_read", &[], false),
        ("trap_memory_limit", &[], false),
        ("trap_stack", &[], false),
        ("unknown_call", &[], false),
    ];
    for (name, args, has_directory) in guests {
        let guest = Guest::named(name, args).config(Config::new().fuel(20_000_000));
        let guest = if has_directory { guest.in_directory() } else { guest };
        let hops: usize = (0..2).map(|seed| same_future(name, &guest, 5, seed)).sum();
        assert!(hops >= 8, "{name} became bytes {hops} times");
    }
}

#[test]
fn a_guest_that_reads_the_clock_and_randomness_goes_on() {
    let guest = Guest::named("clock", &[]).config(Config::new().fuel(20_000_000));
    for seed in 0..4 {
        same_future("clock", &guest, 6, seed);
    }
}

/// Where wild programs have their stack.
const STACK: u64 = 0x7f_0000;
const STACK_END: u64 = 0x80_0000;

fn executable(program: &Program) -> Vec<u8> {
    let mut code = program.code.clone();
    if !code.len().is_multiple_of(4) {
        code.extend_from_slice(&[1, 0]);
    }
    // li a7, 93; ecall
    code.extend_from_slice(&0x05d0_0893_u32.to_le_bytes());
    code.extend_from_slice(&0x73_u32.to_le_bytes());
    let mut data = vec![0; (DATA_END - DATA) as usize];
    data[(WINDOW - DATA) as usize..][..program.start.window.len()].copy_from_slice(&*program.start.window);
    let stack = Phdr::load(PF_R | PF_W, STACK, &[0; 16]).with_size(STACK_END - STACK);
    Elf::exec(CODE)
        .segment(Phdr::load(PF_R | PF_W, DATA, &data))
        .segment(Phdr::load(PF_R | PF_X, CODE, &code))
        .segment(stack)
        .build()
}

fn program(shape: fn(usize) -> Shape, seed: u64) -> Program {
    let mut source = Source::Seed(seed);
    let statements = 5 + source.below(56);
    generate(&mut source, &shape(statements))
}

fn random(shape: fn(usize) -> Shape, prepare: fn(&mut Instance<()>, u64), seed: u64) -> Guest {
    let limits = Limits { address_space: 512 << 20, registers: 8, register_bytes: 8192, ..Limits::default() };
    let guest =
        Guest::of(executable(&program(shape, seed))).config(Config::new().limits(limits).fuel(50_000));
    Guest { prepare, seed, ..guest }
}

fn set_up(instance: &mut Instance<()>, program: &Program) {
    for x in X::ALL {
        instance.set_x(x, program.start.x[x.index()]);
    }
    for f in F::ALL {
        instance.set_f(f, program.start.f[f.index()]);
    }
    instance.set_fcsr(program.start.fcsr as u32);
}

#[test]
fn made_up_programs_go_on_in_other_tiers() {
    let prepare = |instance: &mut Instance<()>, seed| set_up(instance, &program(Shape::wild, seed));
    let hops: usize =
        (0..120).map(|seed| same_future("wild", &random(Shape::wild, prepare, seed), 4, seed)).sum();
    assert!(hops > 300, "{hops}");
}

#[test]
fn made_up_programs_with_resource_registers_go_on_in_other_tiers() {
    let prepare = |instance: &mut Instance<()>, seed| set_up(instance, &program(Shape::registers, seed));
    let hops: usize = (0..120)
        .map(|seed| same_future("registers", &random(Shape::registers, prepare, seed), 4, seed))
        .sum();
    assert!(hops > 300, "{hops}");
}

#[test]
fn made_up_calls_have_the_same_answers() {
    let numbers: Vec<_> = causality_abi::TABLE.iter().map(|call| call.number).collect();
    let limits = Limits { address_space: 64 << 20, memory: 4 << 20, stack: 1 << 20, ..Limits::default() };
    let mut hops = 0;
    for seed in 0..200 {
        let elf = calls(&mut Source::Seed(seed), &numbers, 60);
        let mut guest =
            Guest::of(elf).config(Config::new().limits(limits.clone()).fuel(1_000_000)).in_directory();
        guest.input = b"what there is to read".repeat(20);
        hops += same_future("calls", &guest, 4, seed);
    }
    assert!(hops > 400, "{hops}");
}
