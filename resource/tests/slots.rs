//! Registers of the store in the slots of a machine.
//!
//! No guest runs here: the operations are those that its instructions carry out.

mod world;

use causality_machine::memory::Loaded;
use causality_machine::registers::{Lifecycle, Rights as SlotRights};
use causality_machine::{Cause, Limits as MachineLimits, Memory};
use causality_resource::{
    AccessError, Committed, DenyReason, Executing, Grant, Intent, LifecycleState, RegisterDraft, Rejected,
    ResourceManager, Right, Rights, RunContext, RunError, RunExit, RunLimits, Target,
};
use causality_store::{ContentId, Object};
use proptest::prelude::*;
use world::*;

fn memory() -> Memory {
    let limits = MachineLimits { address_space: 1 << 20, registers: 8, ..MachineLimits::default() };
    Memory::new(limits).expect("the host has address space")
}

/// A guest builds this register in a slot.
fn build(memory: &mut Memory, slot: u64, bytes: &[u8]) {
    memory.create_register(slot, bytes.len() as u64).expect("the slot is free");
    fill(memory, slot, bytes);
}

fn fill(memory: &mut Memory, slot: u64, bytes: &[u8]) {
    let window = memory.register_window(slot).expect("it is there");
    for (at, byte) in (window..).zip(bytes) {
        memory.store(at, [*byte]).expect("it is being built");
    }
    memory.seal_register(slot).expect("it is being built");
}

fn bytes_of(run: &RunContext<Executing>, draft: RegisterDraft) -> Vec<u8> {
    draft.observed(run.time().epoch, run.time_context()).to_bytes().expect("encodes")
}

fn end(run: RunContext<Executing>, memory: &Memory) -> Result<Committed, Rejected> {
    run.finish(memory, RunExit::Exited(0), 100)?.finalize()?.verify()?.commit()
}

fn roots(manager: &ResourceManager) -> causality_store::Roots {
    manager.store().snapshot().expect("the store works").roots()
}

fn mapped(manager: &ResourceManager, id: ContentId, intent: Intent) -> (RunContext<Executing>, Memory) {
    let mut run = started(manager, ALICE, &[everything(ALICE)], &[(id, intent)]).expect("starts");
    let mut memory = memory();
    run.map_all(&mut memory).expect("allowed");
    (run, memory)
}

#[test]
fn a_window_has_the_canonical_bytes_and_the_rights_of_the_intent() {
    let manager = world();
    let [id] = issue(&manager, [coin(ALICE, 10, 0)])[..] else { panic!("one coin") };
    let read = SlotRights::READ;
    for (intent, rights) in [
        (Intent::Read, read),
        (Intent::Consume, read.union(SlotRights::CONSUME)),
        (Intent::Update, read.union(SlotRights::UPDATE)),
        (Intent::Control, SlotRights::NONE),
    ] {
        let (run, memory) = mapped(&manager, id, intent);
        let bytes = memory.register_bytes(0).expect("it is there");
        assert_eq!(ContentId::of(causality_store::ObjectKind::Register, bytes), id);
        assert_eq!(memory.registers().slots()[0].rights(), rights, "{intent}");
        assert_eq!(run.integration().slot_of(run.context(), id), Some(0));
    }
}

#[test]
fn a_guest_pays_and_keeps_the_change() {
    let manager = world();
    let [id] = issue(&manager, [coin(ALICE, 10, 0)])[..] else { panic!("one coin") };
    let (run, mut memory) = mapped(&manager, id, Intent::Consume);
    let paid = bytes_of(&run, RegisterDraft { predecessor: Some(id), ..coin(BOB, 4, 1) });
    let change = bytes_of(&run, coin(ALICE, 6, 2));
    memory.consume_register(0).expect("it may");
    build(&mut memory, 0, &paid);
    build(&mut memory, 5, &change);
    let done = end(run, &memory).expect("it is in balance");
    assert_eq!(done.record.consumed[0].register, id);
    assert_eq!(done.record.created.len(), 2);
    assert_eq!(done.record.in_run_registers, 2);
    assert_eq!(done.record.fuel, 100);
    assert!(done.record.created.iter().all(|created| manager.register(created.register).is_ok()));
}

#[test]
fn an_update_in_place_names_its_predecessor() {
    let manager = world();
    let [id] = issue(&manager, [note(ALICE, "one")])[..] else { panic!("one note") };
    for (predecessor, is_right) in
        [(None, false), (Some(ContentId::from_bytes([9; 32])), false), (Some(id), true)]
    {
        let (run, mut memory) = mapped(&manager, id, Intent::Update);
        let next = bytes_of(&run, RegisterDraft { predecessor, ..note(ALICE, "two") });
        memory.update_register(0, next.len() as u64).expect("it may");
        fill(&mut memory, 0, &next);
        let result = end(run, &memory);
        assert_eq!(result.is_ok(), is_right, "{predecessor:?}: {result:?}");
    }
}

#[test]
fn what_is_created_and_consumed_in_a_run_was_never_there() {
    let manager = world();
    let [id] = issue(&manager, [note(ALICE, "one")])[..] else { panic!("one note") };
    let (run, mut memory) = mapped(&manager, id, Intent::Update);
    for step in 0..5 {
        let predecessor = if step == 4 { Some(id) } else { None };
        let next = bytes_of(&run, RegisterDraft { predecessor, ..note(ALICE, &step.to_string()) });
        memory.update_register(0, next.len() as u64).expect("it may");
        fill(&mut memory, 0, &next);
    }
    let done = end(run, &memory).expect("the last one names the ancestor that was loaded");
    assert_eq!((done.record.updated.len(), done.record.created.len()), (1, 1));
    assert_eq!(done.record.in_run_registers, 5);
}

#[test]
fn an_update_is_no_way_to_consume() {
    let manager = world();
    let [id] = issue(&manager, [note(ALICE, "one")])[..] else { panic!("one note") };
    let (run, mut memory) = mapped(&manager, id, Intent::Update);
    memory.update_register(0, 10).expect("it may");
    memory.seal_register(0).expect("it may");
    memory.consume_register(0).expect("what it built is its own");
    let refused = end(run, &memory).expect_err("there is no successor");
    assert!(matches!(*refused.error, RunError::NotUsed { .. }), "{refused}");
}

#[test]
fn a_trap_changes_nothing_and_is_written_down() {
    let manager = world();
    let [id] = issue(&manager, [coin(ALICE, 10, 0)])[..] else { panic!("one coin") };
    let before = roots(&manager);
    for exit in [RunExit::Trapped { cause: 48, pc: 0x1000, tval: 0 }, RunExit::OutOfFuel, RunExit::Exited(1)]
    {
        let (run, mut memory) = mapped(&manager, id, Intent::Consume);
        memory.consume_register(0).expect("it may");
        let built = bytes_of(&run, coin(ALICE, 10, 1));
        build(&mut memory, 0, &built);
        let rejected = run.finish(&memory, exit.clone(), 7).expect_err("it did not end well");
        assert_eq!(rejected.record.exit, exit);
        assert_eq!(rejected.record.fuel, 7);
        assert!(!rejected.record.decisions.is_empty());
        assert!(rejected.record.created.is_empty() && rejected.record.consumed.is_empty());
    }
    assert_eq!(roots(&manager), before);
}

#[test]
fn bytes_that_are_no_register_are_not_left_behind() {
    let manager = world();
    let (run, mut memory) = (started(&manager, ALICE, &[], &[]).expect("starts"), memory());
    let mut bytes = bytes_of(&run, note(ALICE, "fine"));
    bytes.push(0);
    build(&mut memory, 3, &bytes);
    let refused = end(run, &memory).expect_err("one byte too many");
    assert!(matches!(*refused.error, RunError::NotARegister { slot: 3, .. }), "{refused}");
}

#[test]
fn what_is_still_being_built_at_the_end_is_an_error() {
    let manager = world();
    let (run, mut memory) = (started(&manager, ALICE, &[], &[]).expect("starts"), memory());
    memory.create_register(2, 300).expect("the slot is free");
    let refused = end(run, &memory).expect_err("it is not sealed");
    assert!(matches!(*refused.error, RunError::NotSealed(2)), "{refused}");
}

#[test]
fn a_register_of_another_time_is_refused() {
    let manager = world();
    let (run, mut memory) = (started(&manager, ALICE, &[], &[]).expect("starts"), memory());
    let draft = note(ALICE, "later").observed(run.time().epoch + 1, run.time_context());
    build(&mut memory, 0, &draft.to_bytes().expect("encodes"));
    let refused = end(run, &memory).expect_err("it claims to be of the future");
    assert!(matches!(*refused.error, RunError::WrongTime { .. }), "{refused}");
}

#[test]
fn storing_early_empties_the_slot_and_a_failure_leaves_it() {
    let manager = world();
    let (mut run, mut memory) = (started(&manager, ALICE, &[], &[]).expect("starts"), memory());
    build(&mut memory, 0, b"no register");
    assert!(matches!(run.store(&mut memory, 0), Err(AccessError::NoRegister { slot: 0, .. })));
    assert_eq!(memory.register_state(0), Ok(Lifecycle::Active));
    memory.consume_register(0).expect("it is the guest's own");
    let mut stored = Vec::new();
    for text in ["one", "two", "three"] {
        let bytes = bytes_of(&run, note(ALICE, text));
        build(&mut memory, 0, &bytes);
        stored.push(run.store(&mut memory, 0).expect("it is complete"));
        assert_eq!(memory.register_state(0), Ok(Lifecycle::Empty));
    }
    let created: Vec<_> = end(run, &memory).expect("fine").record.created;
    assert_eq!(created.iter().map(|it| it.register).collect::<Vec<_>>(), stored);
}

#[test]
fn revoking_empties_windows_that_are_mapped() {
    let manager = world();
    let [id] = issue(&manager, [note(ALICE, "one")])[..] else { panic!("one note") };
    let capability = everything(ALICE);
    let block = capability.verify().expect("verifies").revocation_ids()[0];
    let mut run = started(&manager, ALICE, &[capability], &[(id, Intent::Consume)]).expect("starts");
    let mut memory = memory();
    run.map_all(&mut memory).expect("allowed");
    memory.read_register(0, 0).expect("it may");
    manager.revoke([block]).expect("the store works");
    run.refresh(&mut memory).expect("the store works");
    let denied = |result: Result<(), causality_machine::Fault>| {
        assert_eq!(result.map_err(|fault| fault.cause), Err(Cause::CapabilityDenied));
    };
    denied(memory.read_register(0, 0).map(|_| ()));
    denied(memory.consume_register(0));
    assert!(run.decisions().iter().any(|it| !it.is_allowed() && it.right == Right::Consume));
    let read = run.read(id).map(|_| ());
    assert!(matches!(read, Err(AccessError::Denied { reason: DenyReason::Revoked(_), .. })), "{read:?}");
    assert!(end(run, &memory).is_err());
}

#[test]
fn revoking_leaves_alone_what_has_taken_the_slot() {
    let manager = world();
    let [first, second] = issue(&manager, [note(ALICE, "one"), note(ALICE, "two")])[..] else {
        panic!("two")
    };
    let only = |id| capability(&Grant::new(who(ALICE), Target::Resource(id), Rights::ALL));
    let (of_first, of_second) = (only(first), only(second));
    let block = of_first.verify().expect("verifies").revocation_ids()[0];
    let accesses = [(first, Intent::Consume), (second, Intent::Consume)];
    let mut run = started(&manager, ALICE, &[of_first, of_second], &accesses).expect("starts");
    let mut memory = memory();
    run.load(&mut memory, first, 0).expect("allowed");
    memory.consume_register(0).expect("it may");
    run.load(&mut memory, second, 0).expect("the slot is free");
    manager.revoke([block]).expect("the store works");
    run.refresh(&mut memory).expect("the store works");
    assert!(run.decisions().iter().all(|decision| decision.is_allowed()));
    memory.read_register(0, 0).expect("this one has not been revoked");
    memory.consume_register(0).expect("nor the right to consume it");
}

#[test]
fn a_guest_locks_and_freezes_what_it_may() {
    let manager = world();
    let [id] = issue(&manager, [note(ALICE, "one")])[..] else { panic!("one note") };
    let (mut run, mut memory) = mapped(&manager, id, Intent::Control);
    run.lock(&mut memory, 0, 3).expect("allowed");
    assert_eq!(memory.register_state(0), Ok(Lifecycle::Locked));
    run.unlock(&mut memory, 0).expect("the locker may");
    run.freeze(&mut memory, 0, "audit").expect("allowed");
    assert_eq!(memory.register_state(0), Ok(Lifecycle::Frozen));
    assert!(run.lock(&mut memory, 0, 3).is_err(), "it is frozen");
    let done = end(run, &memory).expect("fine");
    assert_eq!(done.record.transitions.len(), 3);
    let frozen = LifecycleState::Frozen { by: who(ALICE), reason: "audit".to_owned() };
    assert_eq!(manager.register(id).expect("it is there").1.lifecycle, frozen);
    // A frozen register can be read, and not consumed, by the machine and by the manager.
    let (run, mut memory) = mapped(&manager, id, Intent::Consume);
    memory.read_register(0, 0).expect("frozen is readable");
    assert_eq!(memory.consume_register(0).map_err(|fault| fault.cause), Err(Cause::RegisterFrozen));
    assert!(end(run, &memory).is_err());
}

#[test]
fn only_what_is_declared_to_be_controlled_changes_its_state() {
    let manager = world();
    let [id] = issue(&manager, [note(ALICE, "one")])[..] else { panic!("one note") };
    for intent in [Intent::Read, Intent::Consume, Intent::Update] {
        let (mut run, mut memory) = mapped(&manager, id, intent);
        let rights = memory.registers().slots()[0].rights();
        let denied = |right: Right, result: Result<(), AccessError>| {
            let Err(AccessError::Denied { register, right: found, reason }) = result else {
                panic!("{intent} {right}: {result:?}")
            };
            assert_eq!((register, found, reason), (id, right, DenyReason::NotDeclared), "{intent}");
        };
        denied(Right::Lock, run.lock(&mut memory, 0, 3));
        denied(Right::Lock, run.unlock(&mut memory, 0));
        denied(Right::Freeze, run.freeze(&mut memory, 0, "audit"));
        denied(Right::Freeze, run.unfreeze(&mut memory, 0));
        for right in [Right::Lock, Right::Freeze] {
            denied(right, run.use_capability(&mut memory, 0, 0, right));
        }
        match intent.consumes() {
            true => run.use_capability(&mut memory, 0, 0, Right::Transfer).expect("it is going to go"),
            false => denied(Right::Transfer, run.use_capability(&mut memory, 0, 0, Right::Transfer)),
        }
        assert_eq!(memory.register_state(0), Ok(Lifecycle::Active));
        assert!(
            memory.registers().slots()[0].rights().bits() & !rights.bits() & !SlotRights::TRANSFER.bits()
                == 0
        );
        assert_eq!(
            run.decisions().iter().filter(|it| !it.is_allowed()).count(),
            6 + usize::from(!intent.consumes())
        );
    }
    // What may be controlled may not be given away.
    let (mut run, mut memory) = mapped(&manager, id, Intent::Control);
    let given = run.use_capability(&mut memory, 0, 0, Right::Transfer);
    assert!(matches!(given, Err(AccessError::Denied { reason: DenyReason::NotDeclared, .. })), "{given:?}");
    run.use_capability(&mut memory, 0, 0, Right::Lock).expect("it may be locked");
    run.lock(&mut memory, 0, 3).expect("it may be locked");
}

#[test]
fn a_register_is_mapped_once_and_by_its_own_run_only() {
    let manager = world();
    let ids = issue(&manager, [note(ALICE, "one"), note(ALICE, "two")]);
    let (mut run, mut memory) = mapped(&manager, ids[0], Intent::Read);
    assert!(matches!(run.map(&mut memory, 0, 1), Err(AccessError::AlreadyMapped(_))));
    assert!(matches!(
        run.load(&mut memory, ids[1], 1),
        Err(AccessError::Denied { reason: DenyReason::NotDeclared, .. })
    ));
    assert!(matches!(run.map(&mut memory, 7, 1), Err(AccessError::NoSuchAccess(7))));
    let other = started(&manager, ALICE, &[everything(ALICE)], &[(ids[1], Intent::Read)]).expect("starts");
    assert_ne!(other.context(), run.context());
    assert_eq!(run.integration().slot_of(other.context(), ids[0]), None);
}

#[test]
fn a_slot_that_is_taken_fails_the_mapping_and_leaves_both_sides() {
    let manager = world();
    let [id] = issue(&manager, [note(ALICE, "one")])[..] else { panic!("one note") };
    let mut run = started(&manager, ALICE, &[everything(ALICE)], &[(id, Intent::Read)]).expect("starts");
    let mut memory = memory();
    memory.create_register(0, 8).expect("the slot is free");
    assert!(matches!(run.map(&mut memory, 0, 0), Err(AccessError::Fault(_))));
    assert_eq!(memory.register_state(0), Ok(Lifecycle::Initial));
    assert_eq!(run.integration().count(run.context()), 0);
    run.map(&mut memory, 0, 1).expect("another slot is free");
}

#[test]
fn mappings_are_limited() {
    let manager = world();
    let [id] = issue(&manager, [note(ALICE, "one")])[..] else { panic!("one note") };
    let none = manager.with_limits(RunLimits { registers: 0, ..RunLimits::default() });
    let mut run = none.begin(who(ALICE)).expect("begins");
    assert!(matches!(run.declare(id, Intent::Read), Err(RunError::Limit { .. })));
}

#[test]
fn what_somebody_else_loaded_into_the_machine_is_no_input() {
    let manager = world();
    let (run, mut memory) = (started(&manager, ALICE, &[], &[]).expect("starts"), memory());
    let bytes = bytes_of(&run, coin(ALICE, 1_000_000, 0));
    let loaded = Loaded {
        bytes: &bytes,
        rights: SlotRights::ALL,
        state: Lifecycle::Active,
        until: u64::MAX,
        section: "x",
    };
    memory.load_register(0, loaded).expect("the slot is free");
    let done = end(run, &memory).expect("nothing happened");
    assert!(done.record.created.is_empty());
}

proptest! {
    #![proptest_config(ProptestConfig { cases: 64, ..ProptestConfig::default() })]

    /// Whatever numbers a guest uses, it gets no right that the run's capabilities do not give.
    #[test]
    fn guessing_handles_and_slots_gains_nothing(handle in any::<u64>(), slot in any::<u64>(), right in 0usize..9) {
        let manager = world();
        let [id] = issue(&manager, [note(ALICE, "one")])[..] else { panic!("one note") };
        let read = capability(&grant(ALICE, Rights::NONE.with(Right::Read)));
        let others = everything(BOB);
        let accesses = [(id, Intent::Read)];
        let mut run = started(&manager, ALICE, &[read, others], &accesses).expect("starts");
        let mut memory = memory();
        run.map_all(&mut memory).expect("allowed");
        let right = Right::ALL[right];
        for (handle, slot) in [(handle, slot), (handle % 3, slot), (handle, slot % 8), (handle % 3, slot % 8)] {
            let used = run.use_capability(&mut memory, handle, slot, right);
            prop_assert_eq!(used.is_ok(), handle == 0 && slot == 0 && right == Right::Read);
            prop_assert_eq!(memory.registers().slots()[0].rights(), SlotRights::READ);
        }
    }

    /// Any one bit of a built register changed: another register, or none; never the same.
    #[test]
    fn any_bit_of_a_register_matters(bit in 0usize..2000) {
        let register = note(ALICE, "one").observed(0, ContentId::from_bytes([1; 32]));
        let mut bytes = register.to_bytes().expect("encodes");
        let bit = bit % (bytes.len() * 8);
        bytes[bit / 8] ^= 1 << (bit % 8);
        if let Ok(other) = causality_resource::ResourceRegister::from_bytes(&bytes) {
            prop_assert_ne!(other.content_id().expect("encodes"), register.content_id().expect("encodes"));
            prop_assert_ne!(other.nullifier().expect("encodes"), register.nullifier().expect("encodes"));
        }
    }
}
