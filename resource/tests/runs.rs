//! Runs as transactions: all of a run takes effect, or nothing.

mod world;

use std::sync::Arc;
use std::thread;

use causality_resource::{
    AccessError, DenyReason, Grant, Intent, Limits, LogicError, LogicLoader, Logics, Operation, Refusal,
    RegisterDraft, Rejected, ResourceLogic, ResourceManager, Right, Rights, RunError, RunLimits, Target,
    Token, Verdict,
};
use causality_store::{Commit, ContentId, ObjectKind, StateKey};
use world::*;

fn roots(manager: &ResourceManager) -> causality_store::Roots {
    manager.store().snapshot().expect("the store works").roots()
}

fn error(rejected: Rejected) -> RunError {
    *rejected.error
}

#[test]
fn a_transfer_consumes_and_creates() {
    let manager = world();
    let [id] = issue(&manager, [coin(ALICE, 10, 0)])[..] else { panic!("one coin") };
    let mut run = started(&manager, ALICE, &[everything(ALICE)], &[(id, Intent::Update)]).expect("starts");
    let paid = run.update(id, coin(BOB, 7, 1)).expect("allowed");
    let change = run.create(RegisterDraft { predecessor: Some(id), ..coin(ALICE, 3, 2) }).expect("allowed");
    let done = done(run).expect("it is in balance");
    assert_eq!(done.record.updated[0].register, id);
    assert_eq!(done.record.updated[0].successors, [paid, change]);
    assert!(manager.register(paid).is_ok() && manager.register(change).is_ok());
    let proof = manager.store().snapshot().expect("works");
    assert_eq!(proof.consumed_by(done.record.updated[0].nullifier).expect("works"), Some(done.id));
    let stored: causality_resource::Record = manager.store().get(done.id).expect("the record is there");
    assert_eq!(stored, done.record);
}

#[test]
fn what_is_dropped_or_fails_changes_nothing() {
    let manager = world();
    let [id] = issue(&manager, [coin(ALICE, 10, 0)])[..] else { panic!("one coin") };
    let before = roots(&manager);
    let accesses = [(id, Intent::Consume)];
    let mut run = started(&manager, ALICE, &[everything(ALICE)], &accesses).expect("starts");
    run.consume(id).expect("allowed");
    run.create(coin(ALICE, 10, 1)).expect("within limits");
    drop(run);
    let mut run = started(&manager, ALICE, &[everything(ALICE)], &accesses).expect("starts");
    run.consume(id).expect("allowed");
    run.create(coin(ALICE, 10, 1)).expect("within limits");
    drop(run.finish_host().finalize().expect("fine").verify().expect("fine"));
    assert_eq!(roots(&manager), before);
}

#[test]
fn quantity_does_not_come_from_nothing_nor_go_to_it() {
    let manager = world();
    let [id] = issue(&manager, [coin(ALICE, 10, 0)])[..] else { panic!("one coin") };
    let thrifty = capability(&grant(ALICE, Rights::ALL.without(Right::Issue)));
    let before = roots(&manager);
    for quantity in [1, 9, 11, u64::MAX] {
        let mut run = started(&manager, ALICE, std::slice::from_ref(&thrifty), &[(id, Intent::Update)])
            .expect("starts");
        run.update(id, coin(ALICE, quantity, 1)).expect("allowed");
        let refused = error(done(run).expect_err("out of balance"));
        assert!(matches!(refused, RunError::Logic(LogicError::NotConserved { .. })), "{refused}");
    }
    // Sums do not wrap around: 10 = 2^64 + 10 in 64 bits.
    let mut run = started(&manager, ALICE, &[thrifty], &[(id, Intent::Update)]).expect("starts");
    run.update(id, coin(ALICE, u64::MAX, 1)).expect("allowed");
    run.create(coin(ALICE, 11, 2)).expect("within limits");
    assert!(matches!(error(done(run).expect_err("out of balance")), RunError::Logic(_)));
    assert_eq!(roots(&manager), before);
}

#[test]
fn domains_are_not_interchangeable() {
    let manager = world();
    let [id] = issue(&manager, [coin(ALICE, 10, 0)])[..] else { panic!("one coin") };
    let thrifty = capability(&grant(ALICE, Rights::ALL.without(Right::Issue)));
    let mut run = started(&manager, ALICE, &[thrifty], &[(id, Intent::Update)]).expect("starts");
    let silver = ContentId::of(ObjectKind::Blob, b"silver");
    run.update(id, RegisterDraft { domain: silver, ..coin(ALICE, 10, 1) }).expect("allowed");
    assert!(matches!(
        error(done(run).expect_err("alchemy")),
        RunError::Logic(LogicError::NotConserved { .. })
    ));
}

#[test]
fn giving_to_another_controller_takes_the_right_to_transfer() {
    let manager = world();
    let [id, data] = issue(&manager, [coin(ALICE, 10, 0), note(ALICE, "mine")])[..] else { panic!("two") };
    let fixed = capability(&grant(ALICE, Rights::ALL.without(Right::Transfer)));
    for (id, gift, kept) in
        [(id, coin(BOB, 10, 1), coin(ALICE, 10, 1)), (data, note(BOB, "yours"), note(ALICE, "still mine"))]
    {
        let accesses = [(id, Intent::Update)];
        let mut run = started(&manager, ALICE, std::slice::from_ref(&fixed), &accesses).expect("starts");
        run.update(id, gift).expect("allowed");
        let refused = done(run).expect_err("not allowed to give");
        let denied =
            RunError::Denied { resource: id, right: Right::Transfer, reason: DenyReason::NotGranted };
        assert_eq!(refused.error.to_string(), denied.to_string());
        assert!(refused.record.decisions.iter().any(|it| it.right == Right::Transfer && !it.is_allowed()));
        let mut run = started(&manager, ALICE, std::slice::from_ref(&fixed), &accesses).expect("starts");
        run.update(id, kept).expect("allowed");
        done(run).expect("nothing was given away");
    }
}

#[test]
fn a_token_is_consumed_with_its_controllers_authority_only() {
    let manager = world();
    let [id] = issue(&manager, [coin(ALICE, 10, 0)])[..] else { panic!("one coin") };
    let accesses = [(id, Intent::Update)];
    // The root lets bob, but it is alice's.
    let mut run = started(&manager, BOB, &[everything(BOB)], &accesses).expect("starts");
    run.update(id, coin(BOB, 10, 1)).expect("the monitor allows it");
    let refused = error(done(run).expect_err("the logic does not"));
    assert!(matches!(refused, RunError::Logic(LogicError::Refused { .. })), "{refused}");
    // Alice lets bob.
    let delegated =
        everything(ALICE).delegate(&key(ALICE), who(BOB), &Default::default()).expect("alice may");
    let mut run = started(&manager, BOB, &[delegated], &accesses).expect("starts");
    run.update(id, coin(BOB, 10, 1)).expect("allowed");
    done(run).expect("alice's authority is there");
}

#[test]
fn what_was_not_declared_is_denied_and_written_down() {
    let manager = world();
    let [one, other] = issue(&manager, [coin(ALICE, 10, 0), coin(ALICE, 10, 1)])[..] else { panic!("two") };
    let mut run = started(&manager, ALICE, &[everything(ALICE)], &[(one, Intent::Read)]).expect("starts");
    let denied = run.read(other).map(|_| ());
    let expected = DenyReason::NotDeclared;
    assert!(
        matches!(denied, Err(AccessError::Denied { ref reason, .. }) if *reason == expected),
        "{denied:?}"
    );
    // Declared to be read is not declared to be consumed.
    assert!(matches!(run.consume(one), Err(AccessError::Denied { reason: DenyReason::NotDeclared, .. })));
    let denied = run.decisions().iter().filter(|it| it.verdict == Verdict::Denied(DenyReason::NotDeclared));
    assert_eq!(denied.count(), 2);
}

#[test]
fn what_was_declared_must_be_done() {
    let manager = world();
    let [id] = issue(&manager, [coin(ALICE, 10, 0)])[..] else { panic!("one coin") };
    for intent in Intent::ALL {
        let run = started(&manager, ALICE, &[everything(ALICE)], &[(id, intent)]).expect("starts");
        let refused = error(done(run).expect_err("nothing was done"));
        assert!(matches!(refused, RunError::NotUsed { register, .. } if register == id), "{refused}");
    }
    // Reading is not consuming.
    let mut run = started(&manager, ALICE, &[everything(ALICE)], &[(id, Intent::Consume)]).expect("starts");
    run.read(id).expect("allowed");
    assert!(matches!(error(done(run).expect_err("not consumed")), RunError::NotUsed { .. }));
}

#[test]
fn the_same_register_never_comes_again() {
    let manager = world();
    let mut draft = note(ALICE, "once");
    let mut run = started(&manager, ALICE, &[everything(ALICE)], &[]).expect("starts");
    let id = run.create(draft.clone()).expect("within limits");
    let twin = run.create(draft.clone()).expect("within limits");
    assert_eq!(id, twin);
    assert!(matches!(error(done(run).expect_err("twice")), RunError::AlreadyExists(twice) if twice == id));
    // Two runs that saw the same time create the same register: one of them does.
    let runs = [0, 1].map(|_| {
        let mut run = started(&manager, ALICE, &[everything(ALICE)], &[]).expect("starts");
        run.create(draft.clone()).expect("within limits");
        run.finish_host().finalize().expect("fine").verify().expect("fine")
    });
    let results = runs.map(|run| run.commit());
    assert!(results[0].is_ok());
    assert!(
        matches!(results[1], Err(Rejected { ref error, .. }) if matches!(**error, RunError::AlreadyExists(_)))
    );
    // Nor when it has been consumed in between.
    let mut late = started(&manager, ALICE, &[everything(ALICE)], &[]).expect("starts");
    draft.nonce = [9; 32];
    let id = late.create(draft.clone()).expect("within limits");
    let early = {
        let mut run = started(&manager, ALICE, &[everything(ALICE)], &[]).expect("starts");
        let same = run.create(draft).expect("within limits");
        done(run).expect("fine");
        same
    };
    assert_eq!(early, id);
    manager
        .transition(who(ALICE), &[everything(ALICE)], id, causality_resource::Transition::Consume)
        .expect("alice may");
    assert!(matches!(error(done(late).expect_err("it was")), RunError::AlreadyExists(_)));
}

#[test]
fn of_two_runs_that_consume_the_same_register_exactly_one_does() {
    const PAIRS: u64 = 2000;
    let manager = world();
    let ids = issue(&manager, (0..PAIRS).map(|nonce| coin(ALICE, 1, nonce)));
    let verdicts = contend(&manager, &ids);
    for (id, won) in ids.iter().zip(verdicts) {
        let lost: Vec<_> = won.into_iter().filter_map(Result::err).collect();
        assert_eq!(lost.len(), 1, "{id}");
        let RunError::AlreadyConsumed { register, .. } = &lost[0] else { panic!("{}", lost[0]) };
        assert_eq!(register, id);
    }
    let count = manager.store().snapshot().expect("works").nullifier_count().expect("works");
    assert_eq!(count, PAIRS);
}

#[test]
fn a_run_that_has_been_verified_still_loses_to_one_that_commits_first() {
    let manager = world();
    let [id] = issue(&manager, [note(ALICE, "one")])[..] else { panic!("one note") };
    let runs = [0, 1].map(|_| {
        let mut run =
            started(&manager, ALICE, &[everything(ALICE)], &[(id, Intent::Consume)]).expect("starts");
        run.consume(id).expect("allowed");
        run.finish_host().finalize().expect("fine").verify().expect("nobody was faster yet")
    });
    let [first, second] = runs.map(|run| run.commit());
    let by = first.expect("it is the first").id;
    let lost = error(second.expect_err("it is the second"));
    let RunError::AlreadyConsumed { register, by: winner } = lost else { panic!("{lost}") };
    assert_eq!((register, winner), (id, by));
}

#[test]
fn runs_that_are_not_in_each_others_way_take_effect_together() {
    let manager = world();
    let ids = issue(&manager, [coin(ALICE, 10, 0), coin(ALICE, 10, 1)]);
    let spend = |id, nonce| {
        let mut run = started(&manager, ALICE, &[everything(ALICE)], &[(id, Intent::Consume)]).unwrap();
        run.consume(id).unwrap();
        run.create(RegisterDraft { predecessor: Some(id), ..coin(BOB, 10, nonce) }).unwrap();
        run.finish_host().finalize().unwrap().verify().unwrap()
    };
    let (first, second, again) = (spend(ids[0], 10), spend(ids[1], 11), spend(ids[0], 12));
    let before = roots(&manager);
    let mut joint = Commit::new();
    let first = first.add_to(&mut joint).unwrap();
    let again = *again.add_to(&mut joint).unwrap_err();
    let second = second.add_to(&mut joint).unwrap();
    assert_eq!(roots(&manager), before, "nothing has happened yet");
    let after = manager.store().commit(joint).unwrap();
    assert_eq!(after.commits, before.commits + 1);
    for joined in [first, second] {
        let standing = manager.standing(&joined.record).unwrap();
        assert!(standing.is_committed(), "{:?}", standing.contradictions);
        assert_eq!(standing.committed, Some(after));
    }
    // What could not come after them is as it was, and does not take effect now either.
    assert!(
        matches!(error(again.commit().unwrap_err()), RunError::AlreadyConsumed { register, .. } if register == ids[0])
    );
}

#[test]
fn a_list_of_revocations_can_be_passed_in() {
    let manager = world();
    let [id] = issue(&manager, [note(ALICE, "one")])[..] else { panic!("one note") };
    let capability = everything(ALICE);
    let block = capability.verify().expect("verifies").revocation_ids()[0];
    let mut run = manager.begin(who(ALICE)).expect("begins");
    run.capability(&capability).expect("verifies");
    run.revocations(&[block].into_iter().collect());
    run.declare(id, Intent::Read).expect("it is there");
    let mut run = run.start().expect("starts");
    let denied = run.read(id).map(|_| ());
    assert!(matches!(denied, Err(AccessError::Denied { reason: DenyReason::Revoked(_), .. })), "{denied:?}");
}

#[test]
fn a_run_cannot_ask_for_more_decisions_than_can_be_kept() {
    let manager = world();
    let [id] = issue(&manager, [note(ALICE, "one")])[..] else { panic!("one note") };
    let manager = manager.with_limits(RunLimits { decisions: 4, ..RunLimits::default() });
    let mut run = started(&manager, ALICE, &[everything(ALICE)], &[(id, Intent::Read)]).expect("starts");
    for _ in 0..4 {
        run.read(id).expect("allowed");
    }
    let denied = run.read(id).map(|_| ());
    assert!(
        matches!(denied, Err(AccessError::Denied { reason: DenyReason::TooManyDecisions, .. })),
        "{denied:?}"
    );
    assert_eq!(run.decisions().len(), 4);
    assert!(done(run).is_err());
}

/// Two threads consume each of these; what became of both, by register.
fn contend(manager: &ResourceManager, ids: &[ContentId]) -> Vec<[Result<(), RunError>; 2]> {
    let barrier = Arc::new(std::sync::Barrier::new(2));
    let threads = [0, 1].map(|_| {
        let (manager, ids, barrier) = (manager.clone(), ids.to_vec(), Arc::clone(&barrier));
        thread::spawn(move || {
            let each = ids.into_iter().map(|id| {
                barrier.wait();
                manager
                    .transition(who(ALICE), &[everything(ALICE)], id, causality_resource::Transition::Consume)
                    .map(|_| ())
            });
            each.collect::<Vec<_>>()
        })
    });
    let [first, second] = threads.map(|thread| thread.join().expect("no panic"));
    first.into_iter().zip(second).map(|(first, second)| [first, second]).collect()
}

#[test]
fn one_use_is_one_use_for_two_runs_at_once() {
    let manager = world();
    let ids = issue(&manager, [note(ALICE, "one"), note(ALICE, "two")]);
    let once = limited(ALICE, Limits { max_uses: Some(1), ..Limits::default() });
    let runs = [ids[0], ids[1]].map(|id| {
        let accesses = [(id, Intent::Consume)];
        let mut run = started(&manager, ALICE, std::slice::from_ref(&once), &accesses).expect("starts");
        run.consume(id).expect("the use is there, as far as this run knows");
        run.finish_host().finalize().expect("fine").verify().expect("fine")
    });
    let results = runs.map(|run| run.commit());
    assert!(results[0].is_ok());
    let lost = results[1].as_ref().expect_err("it is taken");
    assert!(matches!(*lost.error, RunError::BudgetChanged(_)), "{lost}");
    let mut run = started(&manager, ALICE, &[once], &[(ids[1], Intent::Consume)]).expect("starts");
    let denied = run.consume(ids[1]);
    assert!(
        matches!(denied, Err(AccessError::Denied { reason: DenyReason::UsesExhausted { .. }, .. })),
        "{denied:?}"
    );
}

#[test]
fn a_run_that_is_rejected_gives_its_uses_back() {
    let manager = world();
    let [id] = issue(&manager, [note(ALICE, "one")])[..] else { panic!("one note") };
    let once = limited(ALICE, Limits { max_uses: Some(1), ..Limits::default() });
    for _ in 0..3 {
        let accesses = [(id, Intent::Consume)];
        let mut run = started(&manager, ALICE, std::slice::from_ref(&once), &accesses).expect("starts");
        run.read(id).expect("allowed");
        done(run).expect_err("it was not consumed");
    }
    let mut run = started(&manager, ALICE, &[once], &[(id, Intent::Consume)]).expect("starts");
    run.consume(id).expect("the use is still there");
    let done = done(run).expect("fine");
    assert_eq!(done.record.budgets[0].after.uses, 1);
}

#[test]
fn revoking_takes_effect_in_runs_that_are_under_way() {
    let manager = world();
    let [id] = issue(&manager, [note(ALICE, "one")])[..] else { panic!("one note") };
    let capability = everything(ALICE);
    let block = capability.verify().expect("verifies").revocation_ids()[0];
    let accesses = [(id, Intent::Consume)];
    let start = || {
        let mut run = started(&manager, ALICE, std::slice::from_ref(&capability), &accesses).expect("starts");
        run.read(id).expect("allowed");
        run
    };
    let (mut before_use, mut before_verify, mut before_commit) = (start(), start(), start());
    before_verify.consume(id).expect("allowed");
    before_commit.consume(id).expect("allowed");
    let before_commit = before_commit.finish_host().finalize().expect("fine").verify().expect("fine");
    manager.revoke([block]).expect("the store works");
    let denied = before_use.consume(id);
    let revoked = DenyReason::Revoked(block);
    assert!(
        matches!(denied, Err(AccessError::Denied { ref reason, .. }) if *reason == revoked),
        "{denied:?}"
    );
    for late in [done(before_verify).expect_err("revoked"), before_commit.commit().expect_err("revoked")] {
        assert!(matches!(*late.error, RunError::Denied { ref reason, .. } if *reason == revoked), "{late}");
    }
    assert!(manager.is_revoked(block).expect("works"));
}

#[test]
fn time_that_has_passed_makes_a_run_stale() {
    let manager = world();
    let [id] = issue(&manager, [note(ALICE, "one")])[..] else { panic!("one note") };
    let brief = limited(ALICE, Limits { expires_at: Some(1), ..Limits::default() });
    let mut run = started(&manager, ALICE, &[brief], &[(id, Intent::Consume)]).expect("starts");
    run.consume(id).expect("not expired in epoch 0");
    let verified = run.finish_host().finalize().expect("fine").verify().expect("fine");
    manager.store().advance_epoch().expect("time passes");
    let late = error(verified.commit().expect_err("expired meanwhile"));
    assert!(matches!(late, RunError::EpochChanged { run: 0, now: 1 }), "{late}");
}

#[test]
fn a_register_that_was_read_must_not_have_changed() {
    let manager = world();
    let [id] = issue(&manager, [note(ALICE, "one")])[..] else { panic!("one note") };
    let mut run = started(&manager, ALICE, &[everything(ALICE)], &[(id, Intent::Read)]).expect("starts");
    run.read(id).expect("allowed");
    let verified = run.finish_host().finalize().expect("fine").verify().expect("fine");
    let freeze = causality_resource::Transition::Freeze { reason: "audit".to_owned() };
    manager.transition(who(ALICE), &[everything(ALICE)], id, freeze).expect("alice may");
    let stale = error(verified.commit().expect_err("stale"));
    assert!(matches!(stale, RunError::RegisterChanged(changed) if changed == id), "{stale}");
}

#[test]
fn there_is_no_logic_but_those_that_are_there() {
    let manager = world();
    let foreign = ContentId::of(ObjectKind::Program, b"somebody's logic");
    let create = |manager: &ResourceManager| {
        let mut run = started(manager, ALICE, &[everything(ALICE)], &[]).expect("starts");
        run.create(RegisterDraft { logic: foreign, ..note(ALICE, "odd") }).expect("within limits");
        done(run)
    };
    let refused = error(create(&manager).expect_err("unknown"));
    assert!(matches!(refused, RunError::Logic(LogicError::Unknown(id)) if id == foreign), "{refused}");
    let lenient = Logics::native().with_fallback(Arc::new(causality_resource::Data));
    create(&manager.clone().with_logics(lenient)).expect("the embedder has said so");
    let mut logics = Logics::native();
    let twice = logics.register(Arc::new(Token));
    assert_eq!(twice, Err(LogicError::Duplicate(Token::logic_id())));
}

/// A logic of a test: registers under it hold the successor of the number that was consumed.
#[derive(Debug)]
struct Counter;

impl ResourceLogic for Counter {
    fn id(&self) -> ContentId {
        ContentId::of(ObjectKind::Program, b"counter")
    }

    fn validate(&self, operation: &Operation) -> Result<(), Refusal> {
        let counts = (operation.consumed.len(), operation.created.len());
        if matches!(counts, (0 | 1, 1)) { Ok(()) } else { Err(Refusal::new("one at a time")) }
    }

    fn apply(&self, operation: &Operation) -> Result<Vec<causality_resource::ResourceRegister>, Refusal> {
        let count = operation.consumed.first().map_or(0, |input| input.register.metadata[0] + 1);
        let mut created = operation.created[0].register.clone();
        created.metadata = vec![count];
        Ok(vec![created])
    }
}

#[test]
fn what_a_logic_comes_to_must_be_what_was_built() {
    let mut logics = Logics::native();
    logics.register(Arc::new(Counter)).expect("it is new");
    let manager = world().with_logics(logics);
    let draft = |count: u8| RegisterDraft { logic: Counter.id(), metadata: vec![count], ..note(ALICE, "") };
    let [id] = issue(&manager, [draft(0)])[..] else { panic!("one counter") };
    for (count, is_right) in [(0, false), (2, false), (1, true)] {
        let mut run =
            started(&manager, ALICE, &[everything(ALICE)], &[(id, Intent::Update)]).expect("starts");
        run.update(id, draft(count)).expect("allowed");
        assert_eq!(done(run).is_ok(), is_right, "{count}");
    }
}

/// Knows one logic, and gives it for whatever is asked.
#[derive(Debug)]
struct Shelf;

impl LogicLoader for Shelf {
    fn load(&self, _: ContentId) -> Result<Option<Arc<dyn ResourceLogic>>, LogicError> {
        Ok(Some(Arc::new(Counter)))
    }
}

#[test]
fn a_logic_is_loaded_by_its_identifier_and_another_one_is_not_taken_for_it() {
    let manager = world().with_logics(Logics::native().with_loader(Arc::new(Shelf)));
    let create = |logic| {
        let mut run = started(&manager, ALICE, &[], &[]).expect("starts");
        run.create(RegisterDraft { logic, metadata: vec![0], ..note(ALICE, "") }).expect("within limits");
        done(run)
    };
    create(Counter.id()).expect("it is on the shelf");
    let other = ContentId::of(ObjectKind::Program, b"another logic");
    let refused = error(create(other).expect_err("it is not"));
    assert!(
        matches!(refused, RunError::Logic(LogicError::Mismatch { asked, .. }) if asked == other),
        "{refused}"
    );
}

#[test]
fn who_may_issue_under_one_logic_may_not_under_another() {
    let mut logics = Logics::native();
    logics.register(Arc::new(Counter)).expect("it is new");
    let manager = world().with_logics(logics);
    let token_only = Grant::new(who(ALICE), Target::Logic(Token::logic_id()), Rights::ALL);
    let drafts =
        [coin(ALICE, 5, 0), RegisterDraft { logic: Counter.id(), metadata: vec![0], ..coin(ALICE, 5, 1) }];
    for (number, is_right) in [(1, true), (2, false)] {
        let mut run = started(&manager, ALICE, &[capability(&token_only)], &[]).expect("starts");
        for draft in drafts.iter().take(number).cloned() {
            run.create(draft).expect("within limits");
        }
        assert_eq!(done(run).is_ok(), is_right);
    }
}

#[test]
fn what_is_locked_cannot_be_read() {
    let manager = world();
    let [id] = issue(&manager, [note(ALICE, "one")])[..] else { panic!("one note") };
    let lock = causality_resource::Transition::Lock { expires_at: 9 };
    manager.transition(who(ALICE), &[everything(ALICE)], id, lock).expect("alice may");
    let mut run = started(&manager, ALICE, &[everything(ALICE)], &[(id, Intent::Read)]).expect("starts");
    assert!(matches!(run.read(id), Err(AccessError::NotReadable { .. })));
    // A run that declares to read it cannot unlock it either: its locker does that in another one, by that intent.
    let unlock = causality_resource::Transition::Unlock;
    let denied = run.transition(id, unlock.clone());
    assert!(matches!(denied, Err(AccessError::Denied { reason: DenyReason::NotDeclared, .. })), "{denied:?}");
    manager.transition(who(ALICE), &[everything(ALICE)], id, unlock).expect("alice locked it");
    let mut run = started(&manager, ALICE, &[everything(ALICE)], &[(id, Intent::Read)]).expect("starts");
    assert!(run.read(id).is_ok());
    done(run).expect("it was read");
}

#[test]
fn the_host_changes_states_as_declared_only() {
    let manager = world();
    let [id] = issue(&manager, [note(ALICE, "one")])[..] else { panic!("one note") };
    use causality_resource::Transition::{Freeze, Lock, Suspend, Unfreeze};
    for intent in [Intent::Read, Intent::Consume, Intent::Update] {
        for transition in
            [Lock { expires_at: 9 }, Suspend { until: 9 }, Freeze { reason: String::new() }, Unfreeze]
        {
            let mut run = started(&manager, ALICE, &[everything(ALICE)], &[(id, intent)]).expect("starts");
            let denied = run.transition(id, transition.clone());
            assert!(
                matches!(denied, Err(AccessError::Denied { reason: DenyReason::NotDeclared, .. })),
                "{transition} under {intent}: {denied:?}"
            );
        }
    }
    let mut run = started(&manager, ALICE, &[everything(ALICE)], &[(id, Intent::Control)]).expect("starts");
    let consumed = run.transition(id, causality_resource::Transition::Consume);
    assert!(matches!(consumed, Err(AccessError::Denied { reason: DenyReason::NotDeclared, .. })));
}

#[test]
fn a_successor_names_its_predecessor_and_no_other() {
    let manager = world();
    let [one, other] = issue(&manager, [note(ALICE, "one"), note(ALICE, "other")])[..] else { panic!("two") };
    let accesses = [(one, Intent::Update), (other, Intent::Read)];
    let mut run = started(&manager, ALICE, &[everything(ALICE)], &accesses).expect("starts");
    run.read(other).expect("allowed");
    run.update(one, note(ALICE, "next")).expect("allowed");
    run.create(RegisterDraft { predecessor: Some(other), ..note(ALICE, "liar") }).expect("within limits");
    let refused = error(done(run).expect_err("other is still there"));
    assert!(matches!(refused, RunError::WrongPredecessor { .. }), "{refused}");
}

#[test]
fn limits_are_limits() {
    let limits = RunLimits { registers: 1, outputs: 1, journal: 3, decisions: 10, ..RunLimits::default() };
    let manager = world();
    let ids = issue(&manager, [note(ALICE, "one"), note(ALICE, "two")]);
    let manager = manager.with_limits(limits);
    let mut run = manager.begin(who(ALICE)).expect("begins");
    run.declare(ids[0], Intent::Read).expect("one is allowed");
    assert!(matches!(run.declare(ids[1], Intent::Read), Err(RunError::Limit { .. })));
    let mut run = run.start().expect("starts");
    run.create(note(ALICE, "three")).expect("one is allowed");
    assert!(matches!(run.create(note(ALICE, "four")), Err(AccessError::Limit { .. })));
    run.append_journal(b"abc").expect("three are allowed");
    assert!(matches!(run.append_journal(b"d"), Err(AccessError::Limit { .. })));
    assert_eq!(run.journal(), b"abc");
}

#[test]
fn an_input_that_is_not_there_or_damaged_stops_a_run_before_it_starts() {
    let manager = world();
    let mut run = manager.begin(who(ALICE)).expect("begins");
    let unknown = ContentId::of(ObjectKind::Register, b"nothing");
    assert!(matches!(run.declare(unknown, Intent::Read), Err(RunError::NoRegister(id)) if id == unknown));
    let [id] = issue(&manager, [note(ALICE, "one")])[..] else { panic!("one note") };
    let mut run = manager.begin(who(ALICE)).expect("begins");
    run.declare(id, Intent::Read).expect("it is there");
    assert!(matches!(run.declare(id, Intent::Consume), Err(RunError::DeclaredTwice(_))));
}

#[test]
fn that_nothing_is_revoked_can_be_proven_to_others() {
    let manager = world();
    let capability = everything(ALICE);
    let block = capability.verify().expect("verifies").revocation_ids()[0];
    let key: StateKey = causality_resource::revocation_key(block);
    let snapshot = manager.store().snapshot().expect("works");
    let (value, proof) = snapshot.prove_state(key).expect("works");
    assert_eq!(value, None);
    causality_store::verify_state(snapshot.roots().state, key, None, &proof).expect("it is not there");
}

#[test]
fn what_has_no_quantity_is_not_exchanged_without_the_right_to_transfer() {
    let manager = world();
    let fixed = capability(&grant(ALICE, Rights::ALL.without(Right::Transfer)));
    let [mine, yours] = issue(&manager, [note(ALICE, "mine"), note(BOB, "yours")])[..] else { panic!("two") };
    let again = |owner, text| RegisterDraft { nonce: [7; 32], ..note(owner, text) };
    // One for another, which each of them has as many of afterwards, and one handed on as if it were new.
    let exchanged = (vec![mine, yours], vec![again(BOB, "mine"), again(ALICE, "yours")]);
    let handed_on = (vec![mine], vec![again(BOB, "something else")]);
    for (consumed, created) in [exchanged, handed_on] {
        let accesses: Vec<_> = consumed.iter().map(|id| (*id, Intent::Consume)).collect();
        for (capability, is_allowed) in [(fixed.clone(), false), (everything(ALICE), true)] {
            let mut run = started(&manager, ALICE, &[capability], &accesses).expect("starts");
            consumed.iter().for_each(|id| run.consume(*id).expect("allowed"));
            created.iter().for_each(|draft| _ = run.create(draft.clone()).expect("within limits"));
            let verified = run.finish_host().finalize().expect("fine").verify();
            match verified {
                Ok(_) => assert!(is_allowed),
                Err(rejected) => {
                    assert!(!is_allowed, "{rejected}");
                    assert!(matches!(error(rejected), RunError::Denied { right: Right::Transfer, .. }));
                }
            }
        }
    }
    // Another text for the same controller is no transfer.
    let mut run = started(&manager, ALICE, &[fixed], &[(mine, Intent::Consume)]).expect("starts");
    run.consume(mine).expect("allowed");
    run.create(again(ALICE, "still mine")).expect("within limits");
    done(run).expect("nothing is transferred");
}

#[test]
fn a_run_does_not_outlast_a_revocation_of_what_it_could_have_used() {
    let manager = world();
    let [id] = issue(&manager, [note(ALICE, "read")])[..] else { panic!("one") };
    let (used, spare) = (everything(ALICE), capability(&grant(ALICE, Rights::from_iter([Right::Lock]))));
    let mut run = started(&manager, ALICE, &[used, spare.clone()], &[(id, Intent::Read)]).expect("starts");
    run.read(id).expect("allowed");
    let block = spare.verify().expect("genuine").revocation_ids()[0];
    manager.revoke([block]).expect("the store works");
    let refused = error(done(run).expect_err("it could not be repeated"));
    assert!(matches!(refused, RunError::RevokedMeanwhile(revoked) if revoked == block), "{refused}");
}

#[test]
fn bytes_left_behind_capabilities_and_parents_are_bounded() {
    let manager = world();
    let length = issue(&manager, [note(ALICE, "12345")])[0];
    let length = manager.register(length).expect("it is there").0;
    let length = causality_store::Object::to_bytes(&length).expect("encodes").len();
    let limits = RunLimits { output_bytes: 2 * length, capabilities: 1, parents: 1, ..RunLimits::default() };
    let manager = manager.with_limits(limits);
    let mut run = started(&manager, ALICE, &[], &[]).expect("starts");
    for nonce in [1, 2] {
        run.create(RegisterDraft { nonce: [nonce; 32], ..note(ALICE, "12345") }).expect("within limits");
    }
    let one_more = run.create(RegisterDraft { nonce: [3; 32], ..note(ALICE, "") });
    assert!(matches!(one_more, Err(AccessError::Limit { limit, .. }) if limit == 2 * length));
    let first = done(run).expect("fine");
    let two = started(&manager, ALICE, &[everything(ALICE), everything(ALICE)], &[]);
    assert!(matches!(two, Err(RunError::Limit { what: "capabilities", limit: 1 })));
    let mut run = manager.begin(who(ALICE)).expect("begins");
    run.parent(first.id);
    run.parent(first.id);
    let error = run.start().expect_err("too many").to_string();
    assert!(error.contains("`parents`"), "{error}");
}

#[test]
fn those_who_watch_are_told_of_revocations() {
    use std::sync::Arc;
    use std::sync::atomic::{AtomicUsize, Ordering};
    let manager = world();
    let told = Arc::new(AtomicUsize::new(0));
    let counter = Arc::clone(&told);
    let watch = manager.on_revocation(move || _ = counter.fetch_add(1, Ordering::SeqCst));
    let revoke = || {
        let blocks = everything(ALICE).verify().expect("genuine").revocation_ids().to_vec();
        manager.clone().revoke(blocks).expect("the store works");
    };
    revoke();
    assert_eq!(told.load(Ordering::SeqCst), 1);
    drop(watch);
    revoke();
    assert_eq!(told.load(Ordering::SeqCst), 1);
}
