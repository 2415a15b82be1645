//! Quantity is conserved, whatever is tried, and by however many at once.

mod world;

use std::sync::Arc;
use std::thread;

use causality_resource::{
    Capability, Grant, Intent, LogicError, Logics, Operation, Refusal, RegisterDraft, ResourceLogic,
    ResourceManager, Right, Rights, RunError, Target, Token,
};
use causality_store::{ContentId, ObjectKind};
use proptest::prelude::*;
use world::*;

/// All gold there is.
fn total(manager: &ResourceManager) -> u128 {
    let registers = manager.registers().expect("readable");
    let coins = registers.iter().filter(|(_, register, _)| register.domain == gold());
    coins.map(|(_, register, _)| u128::from(register.quantity)).sum()
}

/// Consumes some registers of alice's, and creates others.
fn exchange(manager: &ResourceManager, inputs: &[ContentId], outputs: &[(u64, u64)]) -> Result<(), RunError> {
    let thrifty = capability(&grant(ALICE, Rights::ALL.without(Right::Issue)));
    let accesses: Vec<_> = inputs.iter().map(|id| (*id, Intent::Consume)).collect();
    let mut run = started(manager, ALICE, &[thrifty], &accesses)?;
    for id in inputs {
        run.consume(*id)?;
    }
    for (quantity, nonce) in outputs {
        run.create(RegisterDraft { predecessor: inputs.first().copied(), ..coin(ALICE, *quantity, *nonce) })?;
    }
    done(run).map(|_| ()).map_err(|rejected| *rejected.error)
}

proptest! {
    #![proptest_config(ProptestConfig { cases: 48, ..ProptestConfig::default() })]

    /// Random splits and merges, right and wrong ones: those that are in balance take effect, the others do not.
    #[test]
    fn only_what_is_in_balance_takes_effect(
        coins in proptest::collection::vec(1u64..20, 1..5),
        steps in proptest::collection::vec(
            (proptest::collection::vec(any::<prop::sample::Index>(), 0..3),
             proptest::collection::vec(0u64..20, 0..3), any::<bool>()), 1..8),
    ) {
        let manager = world();
        issue(&manager, (0..).zip(&coins).map(|(nonce, quantity)| coin(ALICE, *quantity, nonce)));
        let all: u128 = coins.iter().copied().map(u128::from).sum();
        for (number, (picks, mut created, is_balanced)) in (0u64..).zip(steps) {
            let live = manager.registers().expect("readable");
            let mut inputs: Vec<_> = picks.iter().map(|pick| live[pick.index(live.len())].0).collect();
            inputs.sort();
            inputs.dedup();
            let consumed: u64 = inputs
                .iter()
                .map(|id| live.iter().find(|(other, ..)| other == id).map_or(0, |(_, it, _)| it.quantity))
                .sum();
            if is_balanced && consumed > 0 {
                created = vec![consumed - consumed / 2, consumed / 2];
                created.retain(|quantity| *quantity > 0);
            }
            let is_right = consumed == created.iter().sum::<u64>() && !created.contains(&0);
            let outputs: Vec<_> =
                created.iter().enumerate().map(|(index, it)| (*it, 1000 + number * 10 + index as u64)).collect();
            let result = exchange(&manager, &inputs, &outputs);
            prop_assert_eq!(result.is_ok(), is_right, "{:?} -> {:?}: {:?}", inputs, created, result);
            prop_assert_eq!(total(&manager), all);
        }
    }
}

/// A logic of a test: whoever wrote it allows whatever adds up for it, or was issued under it.
#[derive(Debug)]
struct Lax;

impl ResourceLogic for Lax {
    fn id(&self) -> ContentId {
        ContentId::of(ObjectKind::Program, b"lax")
    }

    fn validate(&self, operation: &Operation) -> Result<(), Refusal> {
        for (domain, balance) in &operation.balances {
            let sum = operation.created.iter().filter(|it| it.register.domain == *domain);
            let sum: u128 = sum.map(|it| u128::from(it.register.quantity)).sum();
            if sum != balance.created || operation.issues.contains(domain) == balance.is_even() {
                return Err(Refusal::new(format!("{balance:?} is not what it is shown")));
            }
        }
        Ok(())
    }
}

fn lax(owner: u8, quantity: u64, nonce: u64) -> RegisterDraft {
    RegisterDraft { logic: Lax.id(), ..coin(owner, quantity, nonce) }
}

fn lax_world() -> ResourceManager {
    let mut logics = Logics::native();
    logics.register(Arc::new(Lax)).expect("it is new");
    world().with_logics(logics)
}

/// May do everything but issue, and issue what is under these logics.
fn issuer(logics: &[ContentId]) -> Vec<Capability> {
    let issues = |logic: &ContentId| {
        capability(&Grant::new(who(ALICE), Target::Logic(*logic), Rights::from_iter([Right::Issue])))
    };
    let rest = capability(&grant(ALICE, Rights::ALL.without(Right::Issue)));
    std::iter::once(rest).chain(logics.iter().map(issues)).collect()
}

#[test]
fn quantity_does_not_shed_its_logic() {
    let manager = lax_world();
    let (token, lax_id) = (Token::logic_id(), Lax.id());
    let cases: [(&[ContentId], Option<ContentId>); 4] = [
        (&[], Some(token.min(lax_id))),
        (&[token], Some(lax_id)),
        (&[lax_id], Some(token)),
        (&[token, lax_id], None),
    ];
    for (number, (issues, missing)) in (0u64..).zip(cases) {
        let [id] = issue(&manager, [coin(ALICE, 100, number)])[..] else { panic!("one coin") };
        let mut run = started(&manager, ALICE, &issuer(issues), &[(id, Intent::Update)]).expect("starts");
        run.update(id, lax(ALICE, 100, number)).expect("the monitor has nothing against it");
        let result = done(run).map(|_| ()).map_err(|rejected| *rejected.error);
        match (result, missing) {
            (Ok(()), None) => {}
            (Err(RunError::Logic(LogicError::NotConserved { logic, domain, .. })), Some(missing)) => {
                assert_eq!((logic, domain), (missing, gold()));
            }
            (result, missing) => panic!("{issues:?}: {result:?}, expected {missing:?}"),
        }
    }
}

#[test]
fn what_is_even_under_its_own_logic_is_nobody_elses_business() {
    let manager = lax_world();
    let ids = issue(&manager, [coin(ALICE, 10, 0), lax(ALICE, 5, 1)]);
    // The token is split; three more come to be under the other logic, and that is the only right it takes.
    let accesses: Vec<_> = ids.iter().map(|id| (*id, Intent::Consume)).collect();
    for (issues, is_right) in [(Token::logic_id(), false), (Lax.id(), true)] {
        let mut run = started(&manager, ALICE, &issuer(&[issues]), &accesses).expect("starts");
        ids.iter().for_each(|id| run.consume(*id).expect("allowed"));
        for draft in [coin(ALICE, 4, 2), coin(ALICE, 6, 3), lax(ALICE, 8, 4)] {
            run.create(draft).expect("within limits");
        }
        assert_eq!(done(run).is_ok(), is_right);
    }
}

#[test]
fn many_at_once_neither_make_nor_lose_gold() {
    const THREADS: u64 = 4;
    const ROUNDS: u64 = 60;
    let manager = world();
    issue(&manager, (0..6).map(|nonce| coin(ALICE, 16, nonce)));
    let threads: Vec<_> = (1..=THREADS)
        .map(|number| {
            let manager = manager.clone();
            thread::spawn(move || {
                let mut won = 0;
                for round in 0..ROUNDS {
                    let live = manager.registers().expect("readable");
                    let (id, register, _) = &live[(round * number) as usize % live.len()];
                    let half = register.quantity / 2;
                    let nonce = number * 1_000_000 + round * 10;
                    let outputs = [(half, nonce), (register.quantity - half, nonce + 1)];
                    let outputs = &outputs[usize::from(half == 0)..];
                    match exchange(&manager, &[*id], outputs) {
                        Ok(()) => won += 1,
                        Err(RunError::AlreadyConsumed { register, .. }) => assert_eq!(register, *id),
                        Err(other) => panic!("{other}"),
                    }
                }
                won
            })
        })
        .collect();
    let won: u64 = threads.into_iter().map(|thread| thread.join().expect("no panic")).sum();
    assert_eq!(total(&manager), 96);
    let snapshot = manager.store().snapshot().expect("works");
    assert_eq!(snapshot.nullifier_count().expect("works"), won);
    // One record for each run that took effect, and one for the issue.
    assert_eq!(snapshot.records().expect("works").count() as u64, won + 1);
}
