//! Registers are used once, however often a snapshot is resumed.

use causality_testkit::Assembler;
use causality_vm::isa::reg::X;
use causality_vm::isa::{Inst, format};
use causality_vm::memory::Loaded;
use causality_vm::registers::{Lifecycle, Rights};
use causality_vm::snapshot::{Snapshot, SnapshotError};
use causality_vm::{Capture, ErrorKind, Exit, Instance, Tier};

use crate::{Guest, TIERS, elf_of, registers, same_future};

/// A program that consumes the register in slot 0, or with `creates` one that it makes there.
fn consumer(creates: bool) -> Guest {
    let mut asm = Assembler::new();
    if creates {
        asm.li(X::T1, 5000);
        asm.inst(Inst::XrrCreate(format::R { rd: X::A1, rs1: X::ZERO, rs2: X::T1 }));
        asm.li(X::T1, 0x1234);
        asm.inst(Inst::Sd(format::S { rs1: X::A1, rs2: X::T1, imm: 0 }));
        asm.inst(Inst::XrrSeal(format::Slot { rs1: X::ZERO }));
    }
    asm.inst(Inst::XrrConsume(format::Slot { rs1: X::ZERO }));
    asm.li(X::A7, 93);
    asm.inst(Inst::Ecall(format::Bare {}));
    Guest::of(elf_of(asm))
}

fn start(guest: &Guest) -> Instance<()> {
    guest.start(Tier::Interpreter, &Capture::new(0), tempfile::tempdir().unwrap().path())
}

#[test]
fn a_loaded_register_cannot_be_copied_so_that_nobody_consumes_it_twice() {
    let guest = consumer(false);
    let mut instance = start(&guest);
    let loaded = Loaded {
        bytes: b"a token",
        rights: Rights::ALL,
        state: Lifecycle::Active,
        until: 0,
        section: "tokens",
    };
    instance.memory_mut().load_register(0, loaded).unwrap();
    let error = Snapshot::of(&mut instance).unwrap_err();
    assert!(matches!(error.kind(), ErrorKind::Snapshot(SnapshotError::LoadedRegisters(1))), "{error}");
    // Not when it has been consumed, either: whoever else has it is yet to be told.
    instance.run_for(1).unwrap();
    assert_eq!(instance.memory().registers().slots()[0].lifecycle(), Lifecycle::Consumed);
    let error = Snapshot::of(&mut instance).unwrap_err();
    assert!(matches!(error.kind(), ErrorKind::Snapshot(SnapshotError::LoadedRegisters(1))), "{error}");
}

#[test]
fn a_snapshot_from_before_a_register_was_loaded_holds_none() {
    let guest = consumer(false);
    let mut instance = start(&guest);
    let before = Snapshot::of(&mut instance).unwrap();
    let loaded = Loaded {
        bytes: b"a token",
        rights: Rights::ALL,
        state: Lifecycle::Active,
        until: 0,
        section: "tokens",
    };
    instance.memory_mut().load_register(0, loaded).unwrap();
    for tier in TIERS {
        let mut resumed = guest.resume(tier, &Capture::new(0), tempfile::tempdir().unwrap().path(), &before);
        assert!(matches!(resumed.run().unwrap(), Exit::Trap(_)), "{tier:?}: there is nothing to consume");
    }
}

/// Each copy has a register of its own that nobody else knows of, and consumes that once: none has an input to tell of.
#[test]
fn registers_that_the_guest_made_are_each_copys_own() {
    let guest = consumer(true);
    let mut instance = start(&guest);
    while instance.memory().registers().slots()[0].lifecycle() != Lifecycle::Active {
        instance.step().unwrap();
    }
    let snapshot = Snapshot::from_bytes(&Snapshot::of(&mut instance).unwrap().to_bytes()).unwrap();
    let before = registers(&instance);
    for tier in TIERS {
        let mut copy = guest.resume(tier, &Capture::new(0), tempfile::tempdir().unwrap().path(), &snapshot);
        assert_eq!(registers(&copy), before, "{tier:?}: every field of every slot, and its bytes");
        assert_eq!(copy.memory().mapped(), instance.memory().mapped());
        copy.run_for(1).unwrap();
        let file = copy.memory().registers();
        assert_eq!((file.slots()[0].lifecycle(), file.created()), (Lifecycle::Consumed, 1));
        assert_eq!(file.inputs().len(), 0);
        let again = copy.memory_mut().consume_register(0);
        assert!(again.is_err(), "{tier:?}: it was consumed");
        // A copy that is made now does not have it either.
        let consumed = Snapshot::of(&mut copy).unwrap();
        let mut later = guest.resume(tier, &Capture::new(0), tempfile::tempdir().unwrap().path(), &consumed);
        assert!(later.memory_mut().consume_register(0).is_err());
        assert_eq!(copy.run().unwrap(), Exit::Completed(0));
    }
    for seed in 0..4 {
        same_future("consumer", &guest, 4, seed);
    }
}

#[test]
fn every_state_of_a_register_is_kept() {
    let guest = consumer(true);
    let changes: [fn(&mut causality_vm::Memory); 6] = [
        |_| (),
        |memory| memory.lock_register(0, 1_000_000).unwrap(),
        |memory| memory.freeze_register(0).unwrap(),
        |memory| memory.revoke_register(0, Rights::CONSUME),
        |memory| memory.revoke_register(0, Rights::READ),
        |memory| {
            memory.update_register(0, 100).unwrap();
        },
    ];
    for change in changes {
        let mut instance = start(&guest);
        while instance.memory().registers().slots()[0].lifecycle() != Lifecycle::Active {
            instance.step().unwrap();
        }
        change(instance.memory_mut());
        let snapshot = Snapshot::from_bytes(&Snapshot::of(&mut instance).unwrap().to_bytes()).unwrap();
        for tier in TIERS {
            let mut copy =
                guest.resume(tier, &Capture::new(0), tempfile::tempdir().unwrap().path(), &snapshot);
            assert_eq!(registers(&copy), registers(&instance));
            assert!(copy.memory().has_registers_of(instance.memory(), 0));
            assert_eq!(Snapshot::of(&mut copy).unwrap(), snapshot);
        }
    }
}
