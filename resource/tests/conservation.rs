//! Quantity is conserved, whatever is tried, and by however many at once.

mod world;

use std::thread;

use causality_resource::{Intent, RegisterDraft, ResourceManager, Right, Rights, RunError};
use causality_store::ContentId;
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
