//! Guests as transactions: what takes effect, what does not, and that records can be repeated on every tier.

use std::sync::atomic::{AtomicUsize, Ordering};

use causality_testkit::Assembler;
use causality_testkit::elf::{Elf, PF_R, PF_X, Phdr};
use causality_testkit::sweep::Effort;
use causality_vm::isa::reg::X;
use causality_vm::isa::{Inst, Opcode, format};
use causality_vm::resource::{
    Capability, ConsumedRecord, Data, Grant, Intent, KeyPair, Limits, LogicError, Logics, Principal, Record,
    RegisterDraft, Rejected, ResourceManager, Rights, RunError, RunExit, RunLimits, Target, TimeContext,
    Token, TrustedRoots, UpdatedRecord,
};
use causality_vm::store::{Blob, Object, StateUpdateProof, Store};
use causality_vm::transaction::{GuestLogics, Job, Outcome, Streams, TransactionError, Transactions};
use causality_vm::zk::{Domain, HashBatch, Poseidon2};
use causality_vm::{Cause, Config, ContentId, Exit, ObjectKind, PauseReason, Tier};

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

/// A token, governed by `logic`.
fn token_of(logic: ContentId, owner: u8, quantity: u64, nonce: u64) -> RegisterDraft {
    let mut bytes = [0; 32];
    bytes[..8].copy_from_slice(&nonce.to_le_bytes());
    RegisterDraft {
        logic,
        domain: gold(),
        quantity,
        controller: who(owner),
        nullifier_key: [owner; 32],
        nonce: bytes,
        predecessor: None,
        metadata: Vec::new(),
    }
}

/// Creates a register by the root's authority, if its logic allows it.
fn issue(manager: &ResourceManager, draft: RegisterDraft) -> Result<ContentId, Rejected> {
    let mut run = manager.begin(who(ROOT)).unwrap();
    run.capability(&everything(ROOT)).unwrap();
    let mut run = run.start().unwrap();
    let id = run.create(draft).unwrap();
    run.finish_host().finalize()?.verify()?.commit()?;
    Ok(id)
}

fn mint_of(manager: &ResourceManager, logic: ContentId, owner: u8, quantity: u64, nonce: u64) -> ContentId {
    issue(manager, token_of(logic, owner, quantity, nonce)).unwrap()
}

fn mint(manager: &ResourceManager, owner: u8, quantity: u64, nonce: u64) -> ContentId {
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
fn refused<T: std::fmt::Debug>(result: Result<T, TransactionError>) -> (RunError, Box<Record>) {
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
    use causality_vm::resource::Attenuation;
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
    let pairs = Effort::from_env().choose(300, 4000);
    let manager = manager();
    let transactions = on(&manager, Tier::Baseline);
    for pair in 0..pairs {
        let token = mint(&manager, ALICE, 100, pair as u64);
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
    let again = transactions.verify(outcome.id()).unwrap();
    assert_eq!(again.hashes.commitment(), outcome.hashes.commitment());
    // Whoever has the store, and never saw the run, finds what was hashed and to what, as long as there is the record.
    drop(outcome.hashes);
    let id = outcome.committed.record.deferred_hashes.unwrap();
    manager.store().collect(|_| ()).unwrap();
    let batch: HashBatch = manager.store().get(id).unwrap();
    assert_eq!((batch.entries()[0].output, batch.entries()[0].length), (expected, bytes.len() as u64));
    assert_eq!(batch.verify(id, &[&bytes], &Poseidon2::new()), Ok(()));
    // Without any, there is no batch.
    let paid = transactions.run(&transfer(token, 30)).unwrap();
    assert_eq!(paid.committed.record.deferred_hashes, None);
}

#[test]
fn the_hashes_of_a_run_that_was_refused_are_kept_with_its_record() {
    let manager = manager();
    let token = mint(&manager, ALICE, 100, 0);
    let job = Job::new(who(BOB), elf("reader")).register(token, Intent::Consume).capability(everything(BOB));
    let Err(TransactionError::Rejected(rejected)) = on(&manager, Tier::Auto).run(&job) else {
        panic!("it does not consume what it has declared to")
    };
    let batch = rejected.record.deferred_hashes.unwrap();
    assert!(!manager.store().contains(batch).unwrap(), "nothing has happened");
    manager.keep(&rejected).unwrap();
    assert_eq!(manager.store().get::<HashBatch>(batch).unwrap().entries().len(), 1);
}

/// A run with a bit of everything, on the interpreter, which starts soonest.
fn busy(manager: &ResourceManager) -> (Transactions, Record) {
    let token = mint(manager, ALICE, 100, 0);
    let transactions = on(manager, Tier::Interpreter);
    let first = transactions.run(&transfer(token, 30)).unwrap();
    let change = first.committed.record.created[1].register;
    let limits = Limits { max_uses: Some(9), ..Limits::default() };
    let budget = Grant { limits, ..Grant::new(who(ALICE), Target::Any, Rights::ALL) };
    let capability = budget.issue(&key(ROOT)).unwrap();
    let outcome = transactions.run(&transfer_with(change, 30, capability).parent(first.id())).unwrap();
    assert!(transactions.verify(outcome.id()).unwrap().is_confirmed());
    (transactions, outcome.committed.record)
}

/// The fields that are named when somebody verifies this: none if nothing is wrong.
fn complaints(transactions: &Transactions, record: &Record) -> Vec<String> {
    match transactions.verify_record(record) {
        Ok(verification) => {
            assert!(!verification.is_confirmed() || verification.differences.is_empty());
            let differences = verification.differences.iter().map(|it| it.field.clone());
            let contradictions = verification.contradictions.iter().map(|it| it.field.clone());
            differences.chain(contradictions).collect()
        }
        Err(TransactionError::Record { field, .. }) => vec![field],
        Err(other) => panic!("{other}: no field is named"),
    }
}

fn is_of(name: &str, field: &str) -> bool {
    name.strip_prefix(field).is_some_and(|rest| rest.is_empty() || rest.starts_with(['[', '.']))
}

#[test]
fn every_field_of_a_record_is_checked() {
    let manager = manager();
    let (transactions, honest) = busy(&manager);
    let other = ContentId::of(ObjectKind::Blob, b"something else");
    for &field in Record::FIELDS {
        let mut forged = honest.clone();
        let mut all = Vec::new();
        match field {
            "version" => forged.version += 1,
            "semantics" => forged.semantics += 1,
            "program" => {
                forged.program = None;
                all.push(forged.clone());
                forged.program = Some(honest.inputs[0].blob);
            }
            "initiator" => forged.initiator = who(BOB),
            "inputs" => {
                forged.inputs.push(forged.inputs[0].clone());
                all.push(forged.clone());
                forged.inputs = Vec::new();
                all.push(forged.clone());
                forged.inputs = honest.inputs.clone();
                forged.inputs[1].name = "stdout".to_owned();
                all.push(forged.clone());
                forged.inputs.swap(0, 1);
                all.push(forged.clone());
                forged.inputs = honest.inputs.clone();
                forged.inputs[1].blob = other;
            }
            "parents" => forged.parents = vec![other],
            "time_context" => forged.time_context = other,
            "state_root" => forged.state_root = forged.effects,
            "nullifier_root" => forged.nullifier_root = forged.effects,
            "state_root_after" => forged.state_root_after = forged.state_root,
            "state_proof" => {
                forged.state_proof = None;
                all.push(forged.clone());
                // As if it had changed nothing.
                forged.state_root_after = forged.state_root;
                all.push(forged.clone());
                forged.state_root_after = honest.state_root_after;
                forged.state_proof = Some(honest.journal);
                all.push(forged.clone());
                forged.state_proof = Some(other);
            }
            "effects" => forged.effects = forged.state_root,
            "accesses" => {
                forged.accesses[0].entry = other;
                all.push(forged.clone());
                forged.accesses = honest.accesses.clone();
                forged.accesses[0].register = honest.created[0].register;
                all.push(forged.clone());
                forged.accesses = vec![honest.accesses[0].clone(); 2];
            }
            "consumed" => forged.consumed.clear(),
            "updated" => {
                let ConsumedRecord { register, nullifier } = honest.consumed[0].clone();
                forged.updated.push(UpdatedRecord { register, nullifier, successors: Vec::new() });
            }
            "created" => forged.created.swap(0, 1),
            "transitions" => forged.transitions.clear(),
            "capabilities" => forged.capabilities[0] = other,
            "revoked" => forged.revoked.push(honest.budgets[0].block),
            "budgets" => forged.budgets[0].before.uses += 1,
            "decisions" => forged.decisions.truncate(1),
            "journal" => forged.journal = other,
            "exit" => forged.exit = RunExit::Exited(1),
            "fuel" => forged.fuel += 1,
            "deferred_hashes" => forged.deferred_hashes = Some(other),
            "in_run_registers" => forged.in_run_registers += 1,
            unknown => panic!("nothing is known of field `{unknown}`"),
        }
        all.push(forged);
        for forged in all {
            let names = complaints(&transactions, &forged);
            assert!(names.iter().any(|name| is_of(name, field)), "{field}: {names:?}");
            // Not even if the store has the forged record as an object.
            let id = manager.store().put(&forged);
            let Ok(id) = id else { continue };
            assert!(!transactions.verify(id).is_ok_and(|it| it.is_confirmed()), "{field}");
        }
    }
}

#[test]
fn every_bit_of_a_record_is_checked() {
    let manager = manager();
    let (transactions, honest) = busy(&manager);
    let bytes = honest.to_bytes().unwrap();
    let step = Effort::from_env().choose(9, 1);
    for bit in (0..bytes.len() * 8).step_by(step) {
        let mut changed = bytes.clone();
        changed[bit / 8] ^= 1 << (bit % 8);
        match Record::from_bytes(&changed) {
            Ok(record) => {
                let names = complaints(&transactions, &record);
                let is_named = |name: &String| Record::FIELDS.iter().any(|field| is_of(name, field));
                assert!(!names.is_empty() && names.iter().all(is_named), "bit {bit}: {names:?}");
            }
            Err(error) => {
                let text = error.to_string();
                let is_named = Record::FIELDS.iter().any(|field| text.contains(&format!("`{field}`")));
                assert!(is_named || text.contains("Not all bytes read"), "bit {bit}: {text}");
            }
        }
    }
}

type Change<T> = fn(&mut T);

#[test]
fn a_record_cannot_ask_for_more_than_its_verifier_allows() {
    let manager = manager();
    let token = mint(&manager, ALICE, 100, 0);
    let config = Config::new().tier(Tier::Interpreter).fuel(1_000_000);
    let id = Transactions::new(manager.clone(), config.clone()).run(&transfer(token, 30)).unwrap().id();
    let refusal = |manager: &ResourceManager, config: Config| match Transactions::new(manager.clone(), config)
        .verify(id)
    {
        Err(TransactionError::Record { field, .. }) => field,
        other => panic!("{other:?}"),
    };
    assert_eq!(refusal(&manager, config.clone().fuel(999_999)), "inputs[0].fuel");
    let smaller: [(&str, Change<causality_vm::Limits>); 6] = [
        ("address_space", |limits| limits.address_space -= 4096),
        ("memory", |limits| limits.memory -= 1),
        ("stack", |limits| limits.stack -= 1),
        ("segments", |limits| limits.segments -= 1),
        ("registers", |limits| limits.registers -= 1),
        ("register_bytes", |limits| limits.register_bytes -= 1),
    ];
    for (name, change) in smaller {
        let mut limits = causality_vm::Limits::default();
        change(&mut limits);
        assert_eq!(refusal(&manager, config.clone().limits(limits)), format!("inputs[0].{name}"));
    }
    let smaller: [(&str, Change<RunLimits>); 7] = [
        ("registers", |limits| limits.registers -= 1),
        ("outputs", |limits| limits.outputs -= 1),
        ("output_bytes", |limits| limits.output_bytes -= 1),
        ("journal", |limits| limits.journal -= 1),
        ("decisions", |limits| limits.decisions -= 1),
        ("capabilities", |limits| limits.capabilities -= 1),
        ("parents", |limits| limits.parents -= 1),
    ];
    for (name, change) in smaller {
        let mut limits = RunLimits::default();
        change(&mut limits);
        let manager = manager.clone().with_limits(limits);
        assert_eq!(refusal(&manager, config.clone()), format!("inputs[0].run_{name}"));
    }
    let writable = causality_vm::Limits { allow_writable_code: true, ..Default::default() };
    let other = Transactions::new(manager.clone(), config.clone().limits(writable));
    let record = other.run(&transfer(mint(&manager, ALICE, 100, 1), 30)).unwrap().committed.record;
    let strict = Transactions::new(manager.clone(), config.clone());
    assert_eq!(complaints(&strict, &record), ["inputs[0].allow_writable_code"]);
    let hashes = causality_vm::zk::HashLimits { requests: 1, ..Default::default() };
    let fewer = Transactions::new(manager.clone(), config.clone()).hash_limits(hashes);
    let error = fewer.verify(id).unwrap_err().to_string();
    assert!(error.contains("`inputs[0].hash_requests`"), "{error}");
    // Who allows more comes to the same record.
    let larger = Transactions::new(manager, config.fuel(u64::MAX >> 1).memory(2 << 30));
    assert!(larger.verify(id).unwrap().is_confirmed());
}

#[test]
fn settings_that_somebody_made_up_do_no_harm() {
    let manager = manager();
    let (transactions, honest) = busy(&manager);
    let settings = manager.store().get::<Blob>(honest.inputs[0].blob).unwrap().into_vec();
    for at in 0..settings.len() {
        for value in [0, 0xff, settings[at] ^ 0x11] {
            let mut changed = settings.clone();
            changed[at] = value;
            if changed == settings {
                continue;
            }
            let mut forged = honest.clone();
            forged.inputs[0].blob = manager.store().put(&Blob::new(changed)).unwrap();
            match transactions.verify_record(&forged) {
                Ok(verification) => assert!(!verification.is_confirmed(), "byte {at}"),
                Err(TransactionError::Record { .. }) => {}
                Err(other) => panic!("byte {at} = {value:#x}: {other}"),
            }
        }
    }
}

#[test]
fn a_forged_second_spend_is_not_confirmed() {
    let (here, elsewhere) = (manager(), manager());
    let token = mint(&here, ALICE, 100, 0);
    assert_eq!(mint(&elsewhere, ALICE, 100, 0), token, "the same register");
    let capability = everything(ALICE);
    let (transactions, others) = (on(&here, Tier::Auto), on(&elsewhere, Tier::Auto));
    let spent = transactions.run(&transfer_with(token, 30, capability.clone())).unwrap();
    let forged = others.run(&transfer_with(token, 31, capability)).unwrap().committed.record;
    // All that it takes to repeat the other run: the entry says that the token is active, the time is made up.
    let store = here.store();
    store.put(&elsewhere.store().get::<TimeContext>(forged.time_context).unwrap()).unwrap();
    for input in &forged.inputs {
        store.put(&elsewhere.store().get::<Blob>(input.blob).unwrap()).unwrap();
    }
    let proof = forged.state_proof.unwrap();
    store.put(&elsewhere.store().get::<StateUpdateProof>(proof).unwrap()).unwrap();
    let verification = transactions.verify_record(&forged).unwrap();
    assert!(verification.is_reproduced(), "{:?}", verification.differences);
    assert!(!verification.committed && !verification.is_confirmed());
    let [contradiction] = &verification.contradictions[..] else { panic!("{verification:?}") };
    assert_eq!(contradiction.field, "consumed[0]");
    assert!(contradiction.left.contains(&spent.id().to_string()), "{contradiction}");
    assert!(transactions.verify(spent.id()).unwrap().is_confirmed());
}

#[test]
fn a_parent_is_the_record_of_a_run_that_took_effect() {
    let manager = manager();
    let token = mint(&manager, ALICE, 100, 0);
    let transactions = on(&manager, Tier::Interpreter);
    let nobody = ContentId::of(ObjectKind::Record, b"nobody");
    let error = transactions.run(&transfer(token, 30).parent(nobody)).unwrap_err().to_string();
    assert!(error.contains("parents[0]") && error.contains(&nobody.to_string()), "{error}");
    transactions.run(&transfer(token, 30)).unwrap();
}

#[test]
fn the_record_of_a_run_that_failed_can_be_repeated_and_is_not_confirmed() {
    let manager = manager();
    let token = mint(&manager, ALICE, 100, 0);
    let short = Transactions::new(manager.clone(), Config::new().fuel(100));
    let transactions = on(&manager, Tier::Auto);
    let double = Job::new(who(ALICE), elf("double_spend")).args(["double_spend"]);
    let double = double.register(token, Intent::Consume).capability(everything(ALICE));
    let denied = Job::new(who(ALICE), elf("transfer")).register(token, Intent::Consume);
    let runs = [
        ("trap", transactions.run(&double)),
        ("out of fuel", short.run(&transfer(token, 30))),
        ("exit code", transactions.run(&transfer(token, 101))),
        ("denied", transactions.run(&denied)),
    ];
    for (what, result) in runs {
        let Err(TransactionError::Rejected(rejected)) = result else { panic!("{what}: {result:?}") };
        assert_eq!(rejected.record.accesses.len(), 1, "{what}: what was declared is in the record");
        let id = manager.keep(&rejected).unwrap();
        for tier in Tier::ALL {
            let verification = on(&manager, tier).verify(id).unwrap();
            assert!(verification.is_reproduced(), "{what}: {:?}", verification.differences);
            assert!(verification.refusal.is_some() && !verification.is_confirmed(), "{what}");
        }
        let mut forged = (*rejected.record).clone();
        forged.exit = RunExit::Exited(7);
        assert_eq!(complaints(&transactions, &forged), ["exit"], "{what}");
    }
}

#[test]
fn what_a_run_leaves_behind_is_bounded() {
    let manager = manager();
    let token = mint(&manager, ALICE, 100, 0);
    let few = manager.clone().with_limits(RunLimits { output_bytes: 400, ..RunLimits::default() });
    let (error, _) = refused(on(&few, Tier::Auto).run(&transfer(token, 30)));
    assert!(error.to_string().contains("bytes of registers left behind"), "{error}");
    on(&manager, Tier::Auto).run(&transfer(token, 30)).unwrap();
}

/// A program of these instructions.
fn program(code: Assembler) -> Vec<u8> {
    let code = code.finish();
    Elf::exec(0x10000)
        .segment(Phdr::load(PF_R | PF_X, 0x10000, &code))
        .symbol("_start", 0x10000, code.len() as u64)
        .build()
}

/// Makes a call, and leaves its result in a0.
fn call(code: &mut Assembler, number: u64) {
    code.li(X::A7, number);
    code.inst(Inst::Ecall(format::Bare {}));
}

/// Writes a byte, and then loads from the register in slot 0 for ever.
fn spin() -> Vec<u8> {
    let mut code = Assembler::new();
    code.li(X::A1, 0);
    code.inst(Inst::XrrWindow(format::Unary { rd: X::S0, rs1: X::A1 }));
    code.li(X::A0, 1);
    code.li(X::A1, 0x10000);
    code.li(X::A2, 1);
    call(&mut code, 64);
    let again = code.here();
    code.inst(Inst::Ld(format::Load { rd: X::A3, rs1: X::S0, imm: 0 }));
    code.jump(X::ZERO, again);
    program(code)
}

/// Does something, in another thread, when the guest writes for the first time.
struct Then<F>(Option<F>);

impl<F: FnOnce() + Send + 'static> std::io::Write for Then<F> {
    fn write(&mut self, bytes: &[u8]) -> std::io::Result<usize> {
        if let Some(then) = self.0.take() {
            std::thread::spawn(then).join().expect("it succeeds");
        }
        Ok(bytes.len())
    }

    fn flush(&mut self) -> std::io::Result<()> {
        Ok(())
    }
}

/// Fuel that a spinning guest uses after its capability was revoked by `revoke`.
fn fuel_after_revocation(manager: &ResourceManager, tier: Tier, revoke: &ResourceManager, nonce: u64) -> u64 {
    let token = mint(manager, ALICE, 100, nonce);
    let capability = everything(BOB);
    let blocks = capability.verify().unwrap().revocation_ids().to_vec();
    let job = Job::new(who(BOB), spin()).register(token, Intent::Read).capability(capability);
    let transactions = Transactions::new(manager.clone(), Config::new().tier(tier).fuel(1 << 40));
    let revoke = revoke.clone();
    let streams = Streams::new().stdout(Then(Some(move || _ = revoke.revoke(blocks).unwrap())));
    let mut transaction = transactions.begin_with(&job, streams).unwrap();
    let Exit::Trap(trap) = transaction.run().unwrap() else { panic!("it must not be read") };
    assert_eq!(trap.cause, Cause::CapabilityDenied);
    let fuel = transaction.fuel();
    let (_, record) = refused(transaction.commit());
    assert!(record.to_string().contains("revoked"), "{record}");
    fuel
}

#[test]
fn a_revocation_reaches_a_guest_that_makes_no_calls() {
    for tier in Tier::ALL {
        let manager = manager();
        let fuel = fuel_after_revocation(&manager, tier, &manager, 0);
        assert!(fuel < 1000, "{tier:?}: it went on for {fuel} instructions");
    }
}

#[test]
fn a_revocation_by_another_process_reaches_a_guest_that_makes_no_calls() {
    let directory = tempfile::tempdir().unwrap();
    let open = || {
        let store = Store::open(directory.path()).unwrap();
        ResourceManager::new(store).with_roots(TrustedRoots::new().with_root(who(ROOT)))
    };
    let (own, others) = (open(), open());
    for (nonce, tier) in (0..).zip(Tier::ALL) {
        let fuel = fuel_after_revocation(&own, tier, &others, nonce);
        assert!(fuel < 4_100_000, "{tier:?}: it went on for {fuel} instructions");
    }
}

#[test]
fn a_pause_of_the_embedder_is_not_taken_for_a_revocation() {
    let manager = manager();
    let token = mint(&manager, ALICE, 100, 0);
    let job = Job::new(who(BOB), spin()).register(token, Intent::Read).capability(everything(BOB));
    let transactions = on(&manager, Tier::Auto);
    let mut transaction = transactions.begin(&job).unwrap();
    transaction.pause_handle().pause();
    assert_eq!(transaction.run().unwrap(), Exit::Paused(PauseReason::Requested));
    assert_eq!(transaction.fuel(), 0);
    // A revocation of something else pauses it, and it goes on.
    manager.revoke(everything(ALICE).verify().unwrap().revocation_ids().to_vec()).unwrap();
    assert_eq!(transaction.run().unwrap(), Exit::OutOfFuel);
}

/// Loads the register whose identifier is the standard input into slot 5, reads its quantity, and consumes it.
fn loader() -> Vec<u8> {
    let mut code = Assembler::new();
    let (name, failed) = (code.label(), code.label());
    code.address(X::A0, name);
    call(&mut code, 0x1000);
    code.inst(Inst::Addi(format::I { rd: X::S1, rs1: X::A0, imm: 0 }));
    code.inst(Inst::Addi(format::I { rd: X::S0, rs1: X::SP, imm: -64 }));
    code.li(X::A0, 0);
    code.inst(Inst::Addi(format::I { rd: X::A1, rs1: X::S0, imm: 0 }));
    code.li(X::A2, 32);
    call(&mut code, 63);
    code.inst(Inst::Addi(format::I { rd: X::A0, rs1: X::S0, imm: 0 }));
    code.li(X::A1, 5);
    code.inst(Inst::Addi(format::I { rd: X::A7, rs1: X::S1, imm: 0 }));
    code.inst(Inst::Ecall(format::Bare {}));
    code.branch(Opcode::Bne, X::A0, X::ZERO, failed);
    code.li(X::A1, 5);
    code.inst(Inst::XrrWindow(format::Unary { rd: X::A2, rs1: X::A1 }));
    code.inst(Inst::Ld(format::Load { rd: X::A2, rs1: X::A2, imm: 0 }));
    code.inst(Inst::XrrConsume(format::Slot { rs1: X::A1 }));
    code.bind(failed);
    code.inst(Inst::Sub(format::R { rd: X::A0, rs1: X::ZERO, rs2: X::A0 }));
    call(&mut code, 93);
    code.bind(name);
    b"causality.load\0\0".chunks(2).for_each(|pair| code.half(u16::from_le_bytes([pair[0], pair[1]])));
    program(code)
}

/// A register without quantity, which can simply be consumed.
fn note(manager: &ResourceManager) -> ContentId {
    let mut run = manager.begin(who(ALICE)).unwrap().start().unwrap();
    let draft = RegisterDraft {
        logic: Data::logic_id(),
        domain: ContentId::of(ObjectKind::Blob, b"notes"),
        quantity: 0,
        controller: who(ALICE),
        nullifier_key: [0; 32],
        nonce: [0; 32],
        predecessor: None,
        metadata: b"hello".to_vec(),
    };
    let id = run.create(draft).unwrap();
    run.finish_host().finalize().unwrap().verify().unwrap().commit().unwrap();
    id
}

#[test]
fn a_guest_can_load_what_it_has_declared_itself() {
    for tier in Tier::ALL {
        let manager = manager();
        let (token, note) = (mint(&manager, ALICE, 100, 0), note(&manager));
        let transactions = on(&manager, tier);
        let job = |wanted: ContentId| {
            let job = Job::new(who(ALICE), loader()).stdin(wanted.as_bytes().to_vec());
            job.register_later(note, Intent::Consume).capability(everything(ALICE))
        };
        let outcome = transactions.run(&job(note).register(token, Intent::Read)).unwrap();
        assert_eq!(outcome.committed.record.consumed[0].register, note);
        assert!(transactions.verify(outcome.id()).unwrap().is_confirmed());
        // What was not declared cannot be loaded: EACCES.
        let (error, record) =
            refused(transactions.run(&Job::new(who(ALICE), loader()).stdin(token.as_bytes().to_vec())));
        assert!(matches!(error, RunError::Failed(RunExit::Exited(13))), "{error}");
        assert!(record.to_string().contains("denied"), "{record}");
    }
}

#[test]
fn what_is_to_be_loaded_and_is_not_has_not_been_used() {
    let manager = manager();
    let token = mint(&manager, ALICE, 100, 0);
    let mut code = Assembler::new();
    code.li(X::A0, 0);
    call(&mut code, 93);
    let job = Job::new(who(ALICE), program(code)).register_later(token, Intent::Read);
    let (error, _) = refused(on(&manager, Tier::Auto).run(&job.capability(everything(ALICE))));
    assert!(matches!(error, RunError::NotUsed { register, .. } if register == token), "{error}");
}

const DIRECTORY: &str = "CAUSALITY_TEST_TRANSACTIONS_STORE";

/// What each process does: pays with all tokens that it can, and says with which.
fn pay_all(directory: &str) {
    let store = Store::open(directory).unwrap();
    let manager = ResourceManager::new(store).with_roots(TrustedRoots::new().with_root(who(ROOT)));
    let transactions = on(&manager, Tier::Baseline);
    let mut tokens: Vec<_> = std::io::stdin().lines().map(|line| line.unwrap().parse().unwrap()).collect();
    tokens.sort();
    for token in tokens {
        match transactions.run(&transfer(token, 30)) {
            Ok(_) => println!("got {token}"),
            Err(error) => assert!(error.to_string().contains(&token.to_string()), "{error}"),
        }
    }
}

#[test]
fn of_two_processes_that_consume_a_register_exactly_one_commits() {
    use std::io::Write as _;
    use std::process::{Command, Stdio};
    if let Ok(directory) = std::env::var(DIRECTORY) {
        return pay_all(&directory);
    }
    let directory = tempfile::tempdir().unwrap();
    let store = Store::open(directory.path()).unwrap();
    let manager = ResourceManager::new(store).with_roots(TrustedRoots::new().with_root(who(ROOT)));
    let pairs = Effort::from_env().choose(100, 1000) as u64;
    let mut tokens: Vec<_> = (0..pairs).map(|nonce| mint(&manager, ALICE, 100, nonce)).collect();
    let own = std::env::current_exe().unwrap();
    let children = [0, 1].map(|_| {
        let mut child = Command::new(&own)
            .args(["--exact", "of_two_processes_that_consume_a_register_exactly_one_commits", "--nocapture"])
            .env(DIRECTORY, directory.path())
            .stdin(Stdio::piped())
            .stdout(Stdio::piped())
            .spawn()
            .unwrap();
        let mut stdin = child.stdin.take().unwrap();
        tokens.iter().for_each(|token| writeln!(stdin, "{token}").unwrap());
        child
    });
    let mut got = Vec::new();
    for child in children {
        let output = child.wait_with_output().unwrap();
        assert!(output.status.success());
        let text = String::from_utf8(output.stdout).unwrap();
        got.extend(text.lines().filter_map(|line| line.split_once("got ")?.1.parse::<ContentId>().ok()));
    }
    got.sort();
    tokens.sort();
    assert_eq!(got, tokens);
    assert_eq!(manager.store().snapshot().unwrap().nullifier_count().unwrap(), pairs);
}

#[test]
fn a_logic_can_be_a_guest_program() {
    let store = Store::in_memory().unwrap();
    let config = Config::new().fuel(1_000_000);
    let loader = GuestLogics::new(store.clone(), config.clone(), 1_000_000);
    let logics = Logics::native().with_loader(std::sync::Arc::new(loader));
    let roots = TrustedRoots::new().with_root(who(ROOT));
    let manager = ResourceManager::new(store.clone()).with_roots(roots).with_logics(logics);
    let logic = store.put_stream(ObjectKind::Program, &*elf("capped")).unwrap();
    let token = mint_of(&manager, logic, ALICE, 100, 0);
    let transactions = Transactions::new(manager.clone(), config.clone());
    // Nobody has made it stay but the register that it governs, and then the record.
    store.collect(|_| ()).unwrap();
    let outcome = transactions.run(&transfer(token, 30)).unwrap();
    assert_eq!(quantities(&manager, &outcome), [(30, who(BOB)), (70, who(ALICE))]);
    store.collect(|_| ()).unwrap();
    assert!(Transactions::new(manager.clone(), config).verify(outcome.id()).unwrap().is_confirmed());
    // More than the logic allows cannot even be issued.
    let issued = issue(&manager, token_of(logic, ALICE, 101, 9));
    let rejected = issued.unwrap_err();
    let RunError::Logic(LogicError::Refused { refusal, .. }) = *rejected.error else { panic!("{rejected}") };
    assert_eq!(refusal.0, "no register may hold more than 100, and one has 101");
    // What is no program is no logic.
    let no_program = store.put(&Blob::new(b"nothing".to_vec())).unwrap();
    let issued = issue(&manager, token_of(no_program, ALICE, 1, 9));
    assert!(issued.is_err());
}

/// The host consumes all of these and creates one register of their sum under `logic`.
fn merge(manager: &ResourceManager, logic: ContentId, tokens: &[ContentId]) -> Result<(), RunError> {
    let mut run = manager.begin(who(ALICE)).unwrap();
    run.capability(&everything(ALICE)).unwrap();
    tokens.iter().for_each(|token| _ = run.declare(*token, Intent::Consume).unwrap());
    let mut run = run.start().unwrap();
    tokens.iter().for_each(|token| run.consume(*token).unwrap());
    run.create(token_of(logic, ALICE, tokens.len() as u64, 1 << 40)).unwrap();
    let verified = run.finish_host().finalize().and_then(|run| run.verify());
    verified.map(|_| ()).map_err(|rejected| *rejected.error)
}

#[test]
fn the_example_logic_refuses_what_it_cannot_read_to_the_end() {
    let store = Store::in_memory().unwrap();
    let loader = GuestLogics::new(store.clone(), Config::new(), 10_000_000);
    let logics = Logics::native().with_loader(std::sync::Arc::new(loader));
    let roots = TrustedRoots::new().with_root(who(ROOT));
    let limits = RunLimits { registers: 400, ..RunLimits::default() };
    let manager =
        ResourceManager::new(store.clone()).with_roots(roots).with_logics(logics).with_limits(limits);
    let logic = store.put_stream(ObjectKind::Program, &*elf("capped")).unwrap();
    let mut run = manager.begin(who(ROOT)).unwrap();
    run.capability(&everything(ROOT)).unwrap();
    let mut run = run.start().unwrap();
    let tokens: Vec<_> =
        (0..220).map(|nonce| run.create(token_of(logic, ALICE, 1, nonce)).unwrap()).collect();
    run.finish_host().finalize().unwrap().verify().unwrap().commit().unwrap();
    merge(&manager, logic, &tokens[..100]).unwrap();
    // From about 190 on, what was consumed alone is longer than the logic's buffer.
    for (count, words) in [(101, "no register may hold more than 100"), (190, ""), (220, "longer")] {
        let error = merge(&manager, logic, &tokens[..count]).unwrap_err();
        let RunError::Logic(LogicError::Refused { refusal, .. }) = error else { panic!("{count}: {error}") };
        assert!(refusal.0.contains(words), "{count}: {refusal}");
    }
}

#[test]
fn a_logic_has_its_own_fuel_and_terms() {
    let store = Store::in_memory().unwrap();
    let config = Config::new().fuel(1_000_000);
    let over = |fuel: u64| {
        let loader = GuestLogics::new(store.clone(), Config::new(), fuel);
        let logics = Logics::native().with_loader(std::sync::Arc::new(loader));
        let roots = TrustedRoots::new().with_root(who(ROOT));
        ResourceManager::new(store.clone()).with_roots(roots).with_logics(logics)
    };
    let (manager, others) = (over(1_000_000), over(2_000_000));
    let logic = store.put_stream(ObjectKind::Program, &*elf("capped")).unwrap();
    let token = mint_of(&manager, logic, ALICE, 100, 0);
    let id = Transactions::new(manager.clone(), config.clone()).run(&transfer(token, 30)).unwrap().id();
    assert!(Transactions::new(manager.clone(), config.clone()).verify(id).unwrap().is_confirmed());
    let error = Transactions::new(others, config).verify(id).unwrap_err().to_string();
    assert!(error.contains("`inputs[0].logics`"), "{error}");
    // A logic that does not end is a refusal, though the engine that it was given has no limit.
    let endless = std::fs::read("testkit/guests/loop_forever.elf").unwrap();
    let logic = store.put_stream(ObjectKind::Program, &*endless).unwrap();
    let issued = issue(&manager, token_of(logic, ALICE, 1, 9));
    let rejected = issued.unwrap_err();
    assert!(rejected.to_string().contains("out of fuel"), "{rejected}");
}

/// Asks again and again to unlock the register in slot 0.
fn nag() -> Vec<u8> {
    let mut code = Assembler::new();
    let name = code.label();
    code.address(X::A0, name);
    call(&mut code, 0x1000);
    code.inst(Inst::Addi(format::I { rd: X::A7, rs1: X::A0, imm: 0 }));
    let again = code.here();
    code.li(X::A0, 0);
    code.inst(Inst::Ecall(format::Bare {}));
    code.jump(X::ZERO, again);
    code.bind(name);
    b"causality.unlock\0\0".chunks(2).for_each(|pair| code.half(u16::from_le_bytes([pair[0], pair[1]])));
    program(code)
}

#[test]
fn decisions_cost_fuel() {
    let manager = manager();
    let token = mint(&manager, ALICE, 100, 0);
    let reads = Grant::new(who(ALICE), Target::Any, "read".parse().unwrap()).issue(&key(ROOT)).unwrap();
    let job = Job::new(who(ALICE), nag()).register(token, Intent::Read).capability(reads);
    let (error, record) = refused(on(&manager, Tier::Auto).run(&job));
    assert!(matches!(error, RunError::Failed(RunExit::OutOfFuel)), "{error}");
    let decisions = record.decisions.len();
    assert!((900..1001).contains(&decisions), "{decisions} for a million");
}
