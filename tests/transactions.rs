//! Guests as transactions: what takes effect, what does not, and that records can be repeated on every tier.

use std::sync::atomic::{AtomicUsize, Ordering};

use causality_testkit::sweep::Effort;
use causality_vm::resource::{
    Capability, Grant, Intent, KeyPair, LogicError, Logics, Principal, RegisterDraft, ResourceManager,
    Rights, RunError, RunExit, Target, Token, TrustedRoots,
};
use causality_vm::store::{Blob, Object, Store};
use causality_vm::transaction::{GuestLogics, Job, Outcome, TransactionError, Transactions};
use causality_vm::zk::{Domain, Poseidon2};
use causality_vm::{Cause, Config, ContentId, Exit, ObjectKind, Tier};

const ROOT: u8 = 1;
const ALICE: u8 = 2;
const BOB: u8 = 3;

fn key(number: u8) -> KeyPair {
    KeyPair::from_secret(&[number; 32]).expect("any 32 bytes are a secret")
}

fn who(number: u8) -> Principal {
    key(number).principal()
}

fn hex(principal: Principal) -> String {
    principal.as_bytes().iter().map(|byte| format!("{byte:02x}")).collect()
}

fn elf(name: &str) -> Vec<u8> {
    std::fs::read(format!("examples/{name}.elf")).expect("the examples are there")
}

fn gold() -> ContentId {
    ContentId::of(ObjectKind::Blob, b"gold")
}

fn everything(holder: u8) -> Capability {
    Grant::new(who(holder), Target::Any, Rights::ALL).issue(&key(ROOT)).expect("in range")
}

fn manager() -> ResourceManager {
    let store = Store::in_memory().expect("memory is there");
    ResourceManager::new(store).with_roots(TrustedRoots::new().with_root(who(ROOT)))
}

fn on(manager: &ResourceManager, tier: Tier) -> Transactions {
    Transactions::new(manager.clone(), Config::new().tier(tier).fuel(1_000_000))
}

fn mint_of(manager: &ResourceManager, logic: ContentId, owner: u8, quantity: u64, nonce: u8) -> ContentId {
    let mut run = manager.begin(who(ROOT)).unwrap();
    run.capability(&everything(ROOT)).unwrap();
    let mut run = run.start().unwrap();
    let draft = RegisterDraft {
        logic,
        domain: gold(),
        quantity,
        controller: who(owner),
        nullifier_key: [owner; 32],
        nonce: [nonce; 32],
        predecessor: None,
        metadata: Vec::new(),
    };
    let id = run.create(draft).unwrap();
    run.finish_host().finalize().unwrap().verify().unwrap().commit().unwrap();
    id
}

fn mint(manager: &ResourceManager, owner: u8, quantity: u64, nonce: u8) -> ContentId {
    mint_of(manager, Token::logic_id(), owner, quantity, nonce)
}

fn transfer(token: ContentId, amount: u64) -> Job {
    transfer_with(token, amount, everything(ALICE))
}

fn transfer_with(token: ContentId, amount: u64, capability: Capability) -> Job {
    Job::new(who(ALICE), elf("transfer"))
        .args(["transfer".to_owned(), amount.to_string(), hex(who(BOB))])
        .register(token, Intent::Consume)
        .capability(capability)
}

fn quantities(manager: &ResourceManager, outcome: &Outcome) -> Vec<(u64, Principal)> {
    let created = outcome.committed.record.created.iter();
    created
        .map(|created| {
            let (register, _) = manager.register(created.register).unwrap();
            (register.quantity, register.controller)
        })
        .collect()
}

/// The record of a run that was refused, and why.
fn refused<T: std::fmt::Debug>(
    result: Result<T, TransactionError>,
) -> (RunError, Box<causality_vm::resource::Record>) {
    match result {
        Err(TransactionError::Rejected(rejected)) => (*rejected.error, rejected.record),
        other => panic!("{other:?}"),
    }
}

#[test]
fn a_token_is_paid_with_change_and_the_record_is_confirmed_on_every_tier() {
    let mut ids = Vec::new();
    let capability = everything(ALICE);
    for tier in Tier::ALL {
        let manager = manager();
        let token = mint(&manager, ALICE, 100, 0);
        let outcome = on(&manager, tier).run(&transfer_with(token, 30, capability.clone())).unwrap();
        assert_eq!(quantities(&manager, &outcome), [(30, who(BOB)), (70, who(ALICE))]);
        let record = &outcome.committed.record;
        assert_eq!(record.consumed[0].register, token);
        assert!(record.created.iter().all(|created| created.predecessor == Some(token)));
        assert!(record.decisions.len() >= 2, "{record}");
        assert!(manager.register(token).unwrap().1.lifecycle.at(0).to_string().contains("consumed"));
        for other in Tier::ALL {
            let verification = on(&manager, other).verify(outcome.id()).unwrap();
            assert!(verification.is_confirmed(), "{:?}", verification.differences);
            assert_eq!(verification.id().unwrap(), outcome.id());
        }
        ids.push(outcome.id());
    }
    assert!(ids.iter().all(|id| *id == ids[0]), "the same run has the same record on every tier");
}

#[test]
fn what_was_paid_can_be_paid_on() {
    let manager = manager();
    let token = mint(&manager, ALICE, 100, 0);
    let transactions = on(&manager, Tier::Auto);
    let first = transactions.run(&transfer(token, 30)).unwrap();
    let change = first.committed.record.created[1].register;
    let second = transactions.run(&transfer(change, 70).parent(first.id())).unwrap();
    assert_eq!(quantities(&manager, &second), [(70, who(BOB))]);
    assert!(transactions.verify(second.id()).unwrap().is_confirmed());
    assert!(transactions.verify(first.id()).unwrap().is_confirmed(), "also when time has gone on");
}

#[test]
fn a_double_spend_traps_at_the_second_time_and_nothing_has_happened() {
    for tier in Tier::ALL {
        let manager = manager();
        let token = mint(&manager, ALICE, 100, 0);
        let before = manager.store().snapshot().unwrap().roots();
        let job = Job::new(who(ALICE), elf("double_spend"))
            .args(["double_spend"])
            .register(token, Intent::Consume)
            .capability(everything(ALICE));
        let (error, record) = refused(on(&manager, tier).run(&job));
        let cause = u64::from(Cause::RegisterConsumed.code());
        assert!(
            matches!(error, RunError::Failed(RunExit::Trapped { cause: c, .. }) if c == cause),
            "{error}"
        );
        assert!(matches!(record.exit, RunExit::Trapped { tval: 0, .. }), "{record}");
        assert_eq!(manager.store().snapshot().unwrap().roots(), before);
        // It can still be spent once.
        on(&manager, tier).run(&transfer(token, 1)).unwrap();
        let error = on(&manager, tier).run(&transfer(token, 1)).unwrap_err();
        assert!(error.to_string().contains(&token.to_string()), "{error}");
    }
}

#[test]
fn a_run_that_does_not_end_well_takes_no_effect() {
    let manager = manager();
    let token = mint(&manager, ALICE, 100, 0);
    let before = manager.store().snapshot().unwrap().roots();
    let out_of_fuel = Transactions::new(manager.clone(), Config::new().fuel(100));
    assert!(matches!(refused(out_of_fuel.run(&transfer(token, 30))).0, RunError::Failed(RunExit::OutOfFuel)));
    let transactions = on(&manager, Tier::Auto);
    let too_much = refused(transactions.run(&transfer(token, 101))).0;
    assert!(matches!(too_much, RunError::Failed(RunExit::Exited(1))), "{too_much}");
    let mut dropped = transactions.begin(&transfer(token, 30)).unwrap();
    assert_eq!(dropped.run().unwrap(), Exit::Completed(0));
    drop(dropped);
    let paused = transactions.begin(&transfer(token, 30)).unwrap();
    assert!(matches!(paused.commit(), Err(TransactionError::NotEnded)));
    assert_eq!(manager.store().snapshot().unwrap().roots(), before);
}

#[test]
fn what_is_declared_has_to_be_used() {
    let manager = manager();
    let token = mint(&manager, ALICE, 100, 0);
    let transactions = on(&manager, Tier::Auto);
    let not_consumed =
        Job::new(who(ALICE), elf("reader")).register(token, Intent::Consume).capability(everything(ALICE));
    let error = refused(transactions.run(&not_consumed)).0;
    assert!(matches!(error, RunError::NotUsed { register, .. } if register == token), "{error}");
    let reads = Job::new(who(ALICE), elf("transfer"))
        .args(["transfer".to_owned(), "30".to_owned(), hex(who(BOB))])
        .register(token, Intent::Read)
        .capability(everything(ALICE));
    let error = refused(transactions.run(&reads)).0;
    let cause = u64::from(Cause::CapabilityDenied.code());
    assert!(matches!(error, RunError::Failed(RunExit::Trapped { cause: c, .. }) if c == cause), "{error}");
}

#[test]
fn without_a_capability_nothing_is_allowed() {
    let manager = manager();
    let token = mint(&manager, ALICE, 100, 0);
    let job = Job::new(who(ALICE), elf("transfer")).register(token, Intent::Consume);
    let (error, record) = refused(on(&manager, Tier::Auto).begin(&job));
    assert!(error.to_string().contains("denied"), "{error}");
    assert!(record.to_string().contains("deny") || record.to_string().contains("denied"), "{record}");
    let of_bob =
        Job::new(who(ALICE), elf("transfer")).register(token, Intent::Consume).capability(everything(BOB));
    assert!(on(&manager, Tier::Auto).begin(&of_bob).is_err(), "a capability is its holder's");
}

fn read_as_bob(register: ContentId, capability: Capability) -> Job {
    Job::new(who(BOB), elf("reader")).args(["reader"]).register(register, Intent::Read).capability(capability)
}

#[test]
fn a_delegated_capability_expires() {
    use causality_vm::resource::{Attenuation, Limits};
    let manager = manager();
    let token = mint(&manager, ALICE, 100, 0);
    let narrowed = Attenuation {
        rights: Some("read".parse().unwrap()),
        limits: Limits { expires_at: Some(2), ..Limits::default() },
        ..Attenuation::default()
    };
    let delegated = everything(ALICE).delegate(&key(ALICE), who(BOB), &narrowed).unwrap();
    let transactions = on(&manager, Tier::Auto);
    for epoch in 0..2 {
        let outcome = transactions.run(&read_as_bob(token, delegated.clone())).unwrap();
        assert_eq!(outcome.committed.journal, 100_u64.to_le_bytes(), "epoch {epoch}");
        assert!(transactions.verify(outcome.id()).unwrap().is_confirmed());
        manager.store().advance_epoch().unwrap();
    }
    let (error, record) = refused(transactions.run(&read_as_bob(token, delegated)));
    assert!(error.to_string().contains("expired"), "{error}");
    assert!(record.to_string().contains("expired"), "{record}");
}

#[test]
fn a_revoked_capability_is_taken_from_windows_that_are_mapped() {
    let manager = manager();
    let token = mint(&manager, ALICE, 100, 0);
    let capability = everything(BOB);
    let transactions = on(&manager, Tier::Auto);
    let mut transaction = transactions.begin(&read_as_bob(token, capability.clone())).unwrap();
    manager.revoke(capability.verify().unwrap().revocation_ids().to_vec()).unwrap();
    let Exit::Trap(trap) = transaction.run().unwrap() else { panic!("it must not be read") };
    assert_eq!(trap.cause, Cause::CapabilityDenied);
    let (_, record) = refused(transaction.commit());
    assert!(record.to_string().contains("revoked"), "{record}");
}

#[test]
fn a_capability_revoked_after_the_guest_ended_stops_the_commit() {
    let manager = manager();
    let token = mint(&manager, ALICE, 100, 0);
    let transactions = on(&manager, Tier::Auto);
    let capability = everything(ALICE);
    let mut transaction = transactions.begin(&transfer_with(token, 30, capability.clone())).unwrap();
    assert_eq!(transaction.run().unwrap(), Exit::Completed(0));
    manager.revoke(capability.verify().unwrap().revocation_ids().to_vec()).unwrap();
    let (error, _) = refused(transaction.commit());
    assert!(matches!(error, RunError::Denied { .. }), "{error}");
    assert!(manager.register(token).unwrap().1.lifecycle.at(0).to_string().contains("active"));
}

#[test]
fn of_two_runs_that_consume_a_register_exactly_one_commits() {
    let pairs = Effort::from_env().choose(30, 1000);
    let manager = manager();
    let transactions = on(&manager, Tier::Baseline);
    for pair in 0..pairs {
        let token = mint(&manager, ALICE, 100, pair as u8);
        let token = if pair >= 256 { continue } else { token };
        let (won, lost) = (AtomicUsize::new(0), AtomicUsize::new(0));
        std::thread::scope(|scope| {
            for amount in [1, 2] {
                let (transactions, won, lost) = (&transactions, &won, &lost);
                scope.spawn(move || match transactions.run(&transfer(token, amount)) {
                    Ok(_) => won.fetch_add(1, Ordering::Relaxed),
                    Err(error) => {
                        assert!(error.to_string().contains(&token.to_string()), "{error}");
                        lost.fetch_add(1, Ordering::Relaxed)
                    }
                });
            }
        });
        assert_eq!((won.into_inner(), lost.into_inner()), (1, 1));
    }
}

#[test]
fn hashes_that_a_guest_asked_for_are_bound_by_the_record() {
    let manager = manager();
    let token = mint(&manager, ALICE, 100, 0);
    let transactions = on(&manager, Tier::Auto);
    let outcome = transactions.run(&read_as_bob(token, everything(BOB))).unwrap();
    let bytes = manager.register(token).unwrap().0.to_bytes().unwrap();
    let input = &outcome.hashes.batch().entries()[0];
    let expected = Poseidon2::new().hash(Domain::OBJECT, &bytes);
    assert_eq!(input.output, expected);
    assert!(outcome.committed.record.deferred_hashes.is_some());
    let again = transactions.verify(outcome.id()).unwrap();
    assert_eq!(again.hashes.commitment(), outcome.hashes.commitment());
}

#[test]
fn every_field_of_a_record_is_confirmed() {
    let manager = manager();
    let token = mint(&manager, ALICE, 100, 0);
    let transactions = on(&manager, Tier::Auto);
    let outcome = transactions.run(&transfer(token, 30)).unwrap();
    let honest = outcome.committed.record;
    type Change = fn(&mut causality_vm::resource::Record);
    let changes: [(&str, Change); 9] = [
        ("fuel", |record| record.fuel += 1),
        ("journal", |record| record.journal = gold()),
        ("effects", |record| record.effects = record.state_root),
        ("consumed", |record| record.consumed.clear()),
        ("created", |record| record.created.swap(0, 1)),
        ("exit", |record| record.exit = RunExit::Exited(1)),
        ("decisions", |record| record.decisions.truncate(1)),
        ("in_run_registers", |record| record.in_run_registers += 1),
        ("deferred_hashes", |record| record.deferred_hashes = Some(record.effects)),
    ];
    for (field, change) in changes {
        let mut forged = honest.clone();
        change(&mut forged);
        let verification = transactions.verify_record(&forged).unwrap();
        let names: Vec<_> = verification.differences.iter().map(|it| it.field.to_string()).collect();
        assert!(!names.is_empty() && names.iter().all(|name| name.starts_with(field)), "{field}: {names:?}");
    }
}

#[test]
fn a_logic_can_be_a_guest_program() {
    let store = Store::in_memory().unwrap();
    let config = Config::new().fuel(1_000_000);
    let loader = GuestLogics::new(store.clone(), config.clone());
    let logics = Logics::native().with_loader(std::sync::Arc::new(loader));
    let roots = TrustedRoots::new().with_root(who(ROOT));
    let manager = ResourceManager::new(store.clone()).with_roots(roots).with_logics(logics);
    let logic = store.put_stream(ObjectKind::Program, &*elf("capped")).unwrap();
    let token = mint_of(&manager, logic, ALICE, 100, 0);
    let transactions = Transactions::new(manager.clone(), config);
    let outcome = transactions.run(&transfer(token, 30)).unwrap();
    assert_eq!(quantities(&manager, &outcome), [(30, who(BOB)), (70, who(ALICE))]);
    // More than the logic allows cannot even be issued.
    let mut run = manager.begin(who(ROOT)).unwrap();
    run.capability(&everything(ROOT)).unwrap();
    let mut run = run.start().unwrap();
    let draft = RegisterDraft {
        logic,
        domain: gold(),
        quantity: 101,
        controller: who(ALICE),
        nullifier_key: [0; 32],
        nonce: [9; 32],
        predecessor: None,
        metadata: Vec::new(),
    };
    run.create(draft).unwrap();
    let rejected = run.finish_host().finalize().unwrap().verify().unwrap_err();
    let RunError::Logic(LogicError::Refused { refusal, .. }) = *rejected.error else { panic!("{rejected}") };
    assert_eq!(refusal.0, "no register may hold more than 100, and one has 101");
    // What is no program is no logic.
    let no_program = store.put(&Blob::new(b"nothing".to_vec())).unwrap();
    let mut run = manager.begin(who(ROOT)).unwrap();
    run.capability(&everything(ROOT)).unwrap();
    let mut run = run.start().unwrap();
    run.create(RegisterDraft {
        logic: no_program,
        domain: gold(),
        quantity: 1,
        controller: who(ALICE),
        nullifier_key: [0; 32],
        nonce: [9; 32],
        predecessor: None,
        metadata: Vec::new(),
    })
    .unwrap();
    assert!(run.finish_host().finalize().unwrap().verify().is_err());
}
