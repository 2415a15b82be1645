//! Execution records: what they say, and that nothing in them can be changed unnoticed.

mod world;

use causality_resource::{
    Committed, Executing, Intent, Limits, Record, RegisterDraft, ResourceManager, RunContext, RunError,
    RunExit,
};
use causality_store::{ContentId, Object, ObjectKind, StateUpdateProof};
use world::*;

/// A run that does a bit of everything.
fn busy(manager: &ResourceManager) -> Committed {
    done(acted(manager)).expect("fine")
}

/// The same, before its end.
fn acted(manager: &ResourceManager) -> RunContext<Executing> {
    let ids = issue(manager, [coin(ALICE, 10, 0), note(ALICE, "read"), note(ALICE, "consumed")]);
    let mut run = manager.begin(who(ALICE)).expect("begins");
    run.input("args", b"one two");
    run.height("elsewhere", 7);
    run.capability(&limited(ALICE, Limits { max_uses: Some(9), ..Limits::default() })).expect("verifies");
    run.declare(ids[0], Intent::Update).expect("it is there");
    run.declare(ids[1], Intent::Read).expect("it is there");
    run.declare(ids[2], Intent::Consume).expect("it is there");
    let mut run = run.program_bytes(b"a program", 1).start().expect("starts");
    act(&mut run, &ids);
    run
}

fn act(run: &mut RunContext<Executing>, ids: &[ContentId]) {
    run.update(ids[0], coin(BOB, 4, 1)).expect("allowed");
    run.create(RegisterDraft { predecessor: Some(ids[0]), ..coin(ALICE, 6, 2) }).expect("allowed");
    run.read(ids[1]).expect("allowed");
    run.consume(ids[2]).expect("allowed");
    run.append_journal(b"done").expect("within limits");
    let _ = run.consume(ids[1]);
}

#[test]
fn a_record_says_what_happened() {
    let manager = world();
    let record = busy(&manager).record;
    assert_eq!((record.updated.len(), record.consumed.len(), record.created.len()), (1, 1, 2));
    assert_eq!(record.exit, RunExit::Host);
    assert!(record.decisions.iter().any(|decision| !decision.is_allowed()));
    assert_eq!(record.journal, ContentId::of(ObjectKind::Journal, b"done"));
    let text = record.to_string();
    for word in ["consumed", "updated", "created", "allowed", "denied", "budget", "journal", "nullifier"] {
        assert!(text.contains(word), "`{word}` is missing in\n{text}");
    }
}

#[test]
fn repeating_a_run_gives_the_same_record() {
    let manager = world();
    let original = busy(&manager).record;
    let ids: Vec<_> = original.accesses.iter().map(|access| access.register).collect();
    // Everything it used is gone or has changed by now; the record knows what it was.
    manager.store().advance_epoch().expect("time passes");
    let mut run = manager.replay(&original).expect("all is in the store").start().expect("starts");
    act(&mut run, &ids);
    let repeated = run.finish_host().finalize().expect("fine").verify().expect("fine");
    assert_eq!(repeated.record().diff(&original), []);
    assert_eq!(repeated.record().content_id(), original.content_id());
    repeated.commit().expect_err("it is a repetition");
}

#[test]
fn a_repetition_that_differs_is_told_where() {
    let manager = world();
    let original = busy(&manager).record;
    let ids: Vec<_> = original.accesses.iter().map(|access| access.register).collect();
    let mut run = manager.replay(&original).expect("all is in the store").start().expect("starts");
    act(&mut run, &ids);
    run.append_journal(b"!").expect("within limits");
    let repeated = run.finish_host().finalize().expect("fine").verify().expect("fine");
    let fields: Vec<_> = repeated.record().diff(&original).into_iter().map(|it| it.field).collect();
    assert_eq!(fields, ["journal"]);
}

/// Whoever has the two roots, what changed and the proof, and nothing else, can tell that one leads to the other.
#[test]
fn a_record_says_what_state_its_run_leads_to() {
    let manager = world();
    let run = busy(&manager);
    assert_eq!(run.record.state_root_after, run.roots.state, "nothing came in between");
    let proof = run.record.state_proof.expect("there is one");
    let proof: StateUpdateProof = manager.store().get(proof).expect("stored");
    // From here on without the store.
    let record = run.record;
    record.check_state(Some(&proof)).expect("it leads there");
    let field = |record: &Record, proof: Option<&StateUpdateProof>| match record.check_state(proof) {
        Err(RunError::Field { field, .. }) => field,
        other => panic!("{other:?}"),
    };
    assert_eq!(field(&record, None), "state_proof");
    let forged = |change: fn(&mut Record)| {
        let mut forged = record.clone();
        change(&mut forged);
        field(&forged, Some(&proof))
    };
    assert_eq!(forged(|it| it.state_root_after = it.state_root), "state_root_after");
    assert_eq!(forged(|it| it.state_root = it.state_root_after), "state_proof");
    assert_eq!(forged(|it| it.effects = it.state_root), "effects");
    assert_eq!(forged(|it| it.consumed.clear()), "effects", "a nullifier that is kept back");
    assert_eq!(forged(|it| it.accesses[0].entry = it.accesses[1].register), "state_proof");
    assert_eq!(forged(|it| it.created.truncate(1)), "state_proof", "a register that is kept back");
    assert_eq!(forged(|it| it.budgets[0].before.uses += 1), "state_proof");
    assert_eq!(forged(|it| it.budgets[0].after.uses += 1), "budgets");
}

/// What others commit meanwhile is not what this run leads to.
#[test]
fn what_others_commit_is_not_in_the_state_after_a_run() {
    let manager = world();
    let run = acted(&manager);
    issue(&manager, [coin(BOB, 7, 0)]);
    let committed = done(run).expect("fine");
    let ids: Vec<_> = committed.record.accesses.iter().map(|access| access.register).collect();
    assert_ne!(committed.record.state_root_after, committed.roots.state);
    let mut run = manager.replay(&committed.record).expect("all is there").start().expect("starts");
    act(&mut run, &ids);
    let repeated = run.finish_host().finalize().expect("fine").verify().expect("fine");
    assert_eq!(repeated.record().diff(&committed.record), []);
}

/// A run that changes nothing needs no proof.
#[test]
fn a_run_without_changes_leads_to_the_state_it_saw() {
    let manager = world();
    let run = manager.begin(who(ALICE)).expect("begins").start().expect("starts");
    let record = done(run).expect("fine").record;
    assert_eq!((record.state_root_after, record.state_proof), (record.state_root, None));
}

#[test]
fn any_changed_bit_is_noticed_and_named() {
    let manager = world();
    let original = busy(&manager).record;
    let (bytes, id) = (original.to_bytes().expect("encodes"), original.content_id().expect("encodes"));
    let mut named = std::collections::BTreeSet::new();
    for bit in 0..bytes.len() * 8 {
        let mut changed = bytes.clone();
        changed[bit / 8] ^= 1 << (bit % 8);
        assert_ne!(ContentId::of(ObjectKind::Record, &changed), id);
        match Record::from_bytes(&changed) {
            Ok(record) => {
                let differences = record.diff(&original);
                assert!(!differences.is_empty(), "bit {bit} is not noticed");
                named.extend(differences.into_iter().map(|it| it.field));
            }
            Err(error) => {
                let text = error.to_string();
                let field = Record::FIELDS.iter().find(|field| text.contains(&format!("`{field}`")));
                named.extend(field.map(|field| field.to_string()));
                let is_named = field.is_some();
                // Bytes that are left over at the end belong to no field.
                assert!(is_named || text.contains("Not all bytes read"), "bit {bit}: {text}");
            }
        }
    }
    for field in ["version", "fuel", "journal", "effects", "state_root", "in_run_registers", "initiator"] {
        assert!(named.contains(field), "{field}");
    }
    assert!(named.iter().any(|field| field.starts_with("decisions[")));
}

#[test]
fn the_store_says_whether_a_run_took_effect() {
    let manager = world();
    let honest = busy(&manager);
    let standing = manager.standing(&honest.record).expect("the store works");
    assert!(standing.is_committed(), "{standing:?}");
    assert_eq!(standing.committed, Some(honest.roots));
    // The same run, said to have gone otherwise: something else used up what it says it did.
    let forged = Record { fuel: 1, ..honest.record };
    let standing = manager.standing(&forged).expect("the store works");
    assert_eq!(standing.committed, None);
    let fields: Vec<_> = standing.contradictions.iter().map(|it| it.field.as_str()).collect();
    assert_eq!(fields, ["consumed[0]", "updated[0]", "created[0]", "created[1]"]);
}
