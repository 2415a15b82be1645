//! What of a machine is not to be seen in its readable bytes: hidden pages, stale code, peaks, reservations, fuel.

use causality_testkit::Assembler;
use causality_testkit::elf::{Elf, PF_R, PF_W, PF_X, Phdr};
use causality_vm::isa::reg::X;
use causality_vm::isa::{Inst, format};
use causality_vm::memory::{PAGE_SIZE, Perms, SegmentKind};
use causality_vm::snapshot::{Snapshot, SnapshotError};
use causality_vm::{Capture, Config, ErrorKind, Exit, Instance, Limits, Options, Tier};

use crate::{Guest, TIERS, elf_of, same_future};

fn json() -> Guest {
    Guest::named("json", &["2"])
}

fn start(guest: &Guest) -> Instance<()> {
    guest.start(Tier::Interpreter, &Capture::new(0), tempfile::tempdir().unwrap().path())
}

fn again(guest: &Guest, instance: &mut Instance<()>, tier: Tier) -> Instance<()> {
    let snapshot = Snapshot::from_bytes(&Snapshot::of(instance).unwrap().to_bytes()).unwrap();
    guest.resume(tier, &Capture::new(0), tempfile::tempdir().unwrap().path(), &snapshot)
}

#[test]
fn bytes_under_pages_that_nobody_may_read_are_kept() {
    let (guest, range) = (json(), 0x4000_0000..0x4000_2000);
    let mut instance = start(&guest);
    let memory = instance.memory_mut();
    memory.map(range.clone(), Perms::RW, SegmentKind::Heap, "hidden").unwrap();
    memory.store(range.start + PAGE_SIZE, *b"secret").unwrap();
    memory.protect(range.clone(), Perms::NONE).unwrap();
    let peak = memory.peak();
    let mut resumed = again(&guest, &mut instance, Tier::Auto);
    let memory = resumed.memory_mut();
    assert!(memory.load::<1>(range.start + PAGE_SIZE).is_err());
    assert_eq!((memory.peak(), memory.peak_of("hidden")), (peak, 0x2000));
    memory.protect(range.clone(), Perms::R).unwrap();
    assert_eq!(memory.load(range.start + PAGE_SIZE), Ok(*b"secret"));
}

#[test]
fn peaks_of_what_is_not_mapped_any_more_are_kept() {
    let (guest, range) = (json(), 0x4000_0000..0x4100_0000);
    let mut instance = start(&guest);
    instance.memory_mut().map(range.clone(), Perms::RW, SegmentKind::Heap, "gone").unwrap();
    instance.memory_mut().unmap(range).unwrap();
    let resumed = again(&guest, &mut instance, Tier::Auto);
    assert_eq!(resumed.memory().peak(), instance.memory().peak());
    assert_eq!(resumed.memory().peak_of("gone"), 16 << 20);
    assert_eq!(resumed.report().memory, instance.report().memory);
}

/// A program that changes an instruction behind itself, executes it as it was, and after `fence.i` as it is.
fn writes_code() -> Guest {
    const CODE: u64 = 0x1_0000;
    let addi = |rd, rs1, imm| Inst::Addi(format::I { rd, rs1, imm });
    let mut asm = Assembler::new();
    let place = asm.label();
    asm.address(X::T0, place);
    asm.li(X::T1, u64::from(addi(X::A0, X::A0, 100).encode()));
    let again = asm.here();
    asm.inst(Inst::Sw(format::S { rs1: X::T0, rs2: X::T1, imm: 0 }));
    for _ in 0..4 {
        asm.inst(addi(X::A1, X::A1, 1));
    }
    asm.bind(place);
    asm.inst(addi(X::A0, X::A0, 1));
    for _ in 0..4 {
        asm.inst(addi(X::A1, X::A1, 1));
    }
    asm.inst(Inst::FenceI(format::FenceI { rd: X::ZERO, rs1: X::ZERO, imm: 0 }));
    asm.inst(addi(X::A2, X::A2, 1));
    asm.li(X::T2, 3);
    asm.branch(causality_vm::isa::Opcode::Bltu, X::A2, X::T2, again);
    asm.li(X::A7, 93);
    asm.inst(Inst::Ecall(format::Bare {}));
    let text = Phdr::load(PF_R | PF_W | PF_X, CODE, &asm.finish());
    let limits = Limits { allow_writable_code: true, ..Limits::default() };
    Guest::of(Elf::exec(CODE).segment(text).build()).config(Config::new().limits(limits).fuel(1000))
}

#[test]
fn code_that_was_written_and_not_fenced_is_executed_as_it_was() {
    let guest = writes_code();
    let (whole, length) = crate::whole(&guest);
    assert_eq!(whole.exit, Exit::Completed(201), "once as it was, twice as it is");
    for at in 0..length {
        for tier in TIERS {
            let mut instance = start(&guest);
            instance.run_for(at).unwrap();
            let mut resumed = again(&guest, &mut instance, tier);
            assert_eq!(resumed.run().unwrap(), Exit::Completed(201), "after {at}, {tier:?}");
        }
    }
    for seed in 0..20 {
        same_future("writes code", &guest, 3, seed);
    }
}

#[test]
fn an_instance_out_of_fuel_has_a_snapshot_and_one_that_has_ended_has_none() {
    let guest = json().config(Config::new().fuel(1000));
    let mut instance = start(&guest);
    assert_eq!(instance.run().unwrap(), Exit::OutOfFuel);
    let mut resumed = again(&guest, &mut instance, Tier::Cranelift);
    assert_eq!((resumed.fuel(), resumed.retired()), (0, 1000));
    assert_eq!(resumed.run().unwrap(), Exit::OutOfFuel);
    resumed.add_fuel(1 << 40);
    assert_eq!(resumed.run().unwrap(), Exit::Completed(0));
    let error = Snapshot::of(&mut resumed).unwrap_err();
    assert!(matches!(error.kind(), ErrorKind::Snapshot(SnapshotError::State(_))), "{error}");
}

#[test]
fn fuel_is_the_snapshots_and_can_be_taken() {
    let guest = json().config(Config::new().fuel(5000));
    let mut instance = start(&guest);
    instance.run_for(100).unwrap();
    let mut resumed = again(&guest, &mut instance, Tier::Interpreter);
    assert_eq!((resumed.fuel(), resumed.retired()), (4900, 100));
    assert_eq!(resumed.take_fuel(), 4900);
    assert_eq!((resumed.run().unwrap(), resumed.retired()), (Exit::OutOfFuel, 100));
}

#[test]
fn an_instance_that_was_resumed_can_be_reset() {
    let guest = json();
    let (output, folder) = (Capture::new(1 << 20), tempfile::tempdir().unwrap());
    let mut first = guest.start(Tier::Interpreter, &output, folder.path());
    first.run_for(1000).unwrap();
    let snapshot = Snapshot::of(&mut first).unwrap();
    let mut resumed = guest.resume(Tier::Auto, &output, folder.path(), &snapshot);
    assert_eq!(resumed.run().unwrap(), Exit::Completed(0));
    let (retired, printed) = (resumed.retired(), output.bytes());
    resumed.reset().unwrap();
    assert_eq!(resumed.run().unwrap(), Exit::Completed(0));
    assert_eq!((resumed.retired(), output.bytes()), (retired, printed.repeat(2)), "with its own arguments");
}

#[test]
fn another_program_and_other_limits_are_refused() {
    let guest = json();
    let snapshot = Snapshot::of(&mut start(&guest)).unwrap();
    let (linker, _) = guest.linker(Tier::Auto);
    let (_, other) = Guest::named("fib", &[]).linker(Tier::Auto);
    let error = linker.resume(&other, Options::new(), (), &snapshot).unwrap_err();
    assert!(matches!(error.kind(), ErrorKind::Snapshot(SnapshotError::Module { .. })), "{error}");
    let limits = Limits { memory: 512 << 20, ..Limits::default() };
    let (linker, module) = guest.config(Config::new().limits(limits)).linker(Tier::Auto);
    let error = linker.resume(&module, Options::new(), (), &snapshot).unwrap_err();
    let ErrorKind::Snapshot(SnapshotError::Limit { name, snapshot, engine }) = error.kind() else {
        panic!("{error}");
    };
    assert_eq!((*name, *snapshot, *engine), ("memory", 1 << 30, 512 << 20));
}

#[test]
fn a_reservation_is_kept() {
    let mut asm = Assembler::new();
    asm.inst(Inst::Addi(format::I { rd: X::A1, rs1: X::SP, imm: -16 }));
    asm.inst(Inst::LrD(format::Lr { rd: X::T0, rs1: X::A1, aq: false, rl: false }));
    asm.inst(Inst::Addi(format::I { rd: X::T1, rs1: X::ZERO, imm: 7 }));
    asm.inst(Inst::ScD(format::Amo { rd: X::A0, rs1: X::A1, rs2: X::T1, aq: false, rl: false }));
    asm.li(X::A7, 93);
    asm.inst(Inst::Ecall(format::Bare {}));
    let guest = Guest::of(elf_of(asm));
    for tier in TIERS {
        let mut instance = start(&guest);
        instance.run_for(3).unwrap();
        assert_eq!(
            again(&guest, &mut instance, tier).run().unwrap(),
            Exit::Completed(0),
            "{tier:?}: it was stored"
        );
    }
}
