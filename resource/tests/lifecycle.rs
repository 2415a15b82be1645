//! The life of a register: the whole table, and that of the store.

mod world;

use causality_resource::{IllegalTransition, Intent, LifecycleState, RunError, Transition};
use proptest::prelude::*;
use world::*;

const NOW: u64 = 5;

fn states() -> Vec<LifecycleState> {
    vec![
        LifecycleState::Active,
        LifecycleState::Locked { locker: who(ALICE), expires_at: NOW + 1 },
        LifecycleState::Frozen { by: who(ALICE), reason: "why".to_owned() },
        LifecycleState::Pending { until: NOW + 1 },
        LifecycleState::Consumed { at: NOW },
    ]
}

fn transitions() -> Vec<Transition> {
    vec![
        Transition::Lock { expires_at: NOW + 1 },
        Transition::Unlock,
        Transition::Freeze { reason: "why".to_owned() },
        Transition::Unfreeze,
        Transition::Suspend { until: NOW + 1 },
        Transition::Consume,
    ]
}

#[test]
fn the_whole_table_is_as_documented() {
    // Rows: transitions; columns: active, locked, frozen, pending, consumed.
    let table = [
        ["locked", "", "", "", ""],
        ["", "active", "", "", ""],
        ["frozen", "", "", "", ""],
        ["", "", "active", "", ""],
        ["pending", "", "", "", ""],
        ["consumed", "", "", "", ""],
    ];
    for (transition, row) in transitions().iter().zip(table) {
        for (state, expected) in states().iter().zip(row) {
            let after = transition.apply(state, who(ALICE), NOW);
            let name = after.as_ref().map_or("", LifecycleState::name);
            assert_eq!(name, expected, "{transition} when {state}");
            if let Err(IllegalTransition { from, .. }) = after {
                assert_eq!(from, *state);
            }
        }
    }
}

#[test]
fn only_the_locker_unlocks_before_the_time() {
    let locked = LifecycleState::Locked { locker: who(ALICE), expires_at: NOW + 1 };
    assert!(Transition::Unlock.apply(&locked, who(BOB), NOW).is_err());
    assert!(Transition::Unlock.apply(&locked, who(ALICE), NOW).is_ok());
}

#[test]
fn a_lock_that_would_have_expired_is_refused() {
    for expires_at in [0, NOW] {
        assert!(Transition::Lock { expires_at }.apply(&LifecycleState::Active, who(ALICE), NOW).is_err());
    }
}

proptest! {
    /// A lock and a wait end in their epoch, and not before.
    #[test]
    fn what_is_timed_ends_in_its_epoch(end in 0u64..20, now in 0u64..20) {
        let locked = LifecycleState::Locked { locker: who(ALICE), expires_at: end };
        let expected = if end <= now { LifecycleState::Active } else { locked.clone() };
        prop_assert_eq!(locked.at(now), expected);
        let consumed = Transition::Consume.apply(&LifecycleState::Pending { until: end }, who(ALICE), now);
        prop_assert_eq!(consumed.is_ok(), end <= now);
    }

    /// Whatever is done to a register, once it is consumed nothing follows.
    #[test]
    fn consumed_is_the_end(index in 0usize..6, now in 0u64..20, at in 0u64..20) {
        let transition = &transitions()[index];
        let after = transition.apply(&LifecycleState::Consumed { at }, who(ALICE), now);
        prop_assert!(after.is_err());
    }
}

#[test]
fn a_lock_in_the_store_keeps_others_out_until_its_epoch() {
    let manager = world();
    let [id] = issue(&manager, [coin(ALICE, 10, 0)])[..] else { panic!("one coin") };
    let lock = Transition::Lock { expires_at: 2 };
    let locked = manager.transition(who(ALICE), &[everything(ALICE)], id, lock).expect("alice may");
    assert_eq!(locked.record.transitions.len(), 1);
    let denied = manager.transition(who(ALICE), &[everything(ALICE)], id, Transition::Consume);
    assert!(matches!(denied, Err(RunError::Illegal(_))), "{denied:?}");
    let stranger = manager.transition(who(BOB), &[everything(BOB)], id, Transition::Unlock);
    assert!(matches!(stranger, Err(RunError::Access(_))), "{stranger:?}");
    manager.store().advance_epoch().expect("time passes");
    assert!(manager.transition(who(ALICE), &[everything(ALICE)], id, Transition::Unfreeze).is_err());
    manager.store().advance_epoch().expect("time passes");
    let state = manager.register(id).expect("it is there").1.lifecycle;
    assert_eq!(state, LifecycleState::Active);
    manager
        .transition(
            who(ALICE),
            &[everything(ALICE), capability(&grant(ALICE, causality_resource::Rights::ALL))],
            id,
            Transition::Freeze { reason: "inspection".to_owned() },
        )
        .expect("the lock has expired");
    let run = started(&manager, ALICE, &[everything(ALICE)], &[(id, Intent::Read)]).expect("starts");
    let mut run = run;
    assert_eq!(run.read(id).expect("frozen is readable").quantity, 10);
    done(run).expect("reading takes effect on nothing");
    manager.transition(who(ALICE), &[everything(ALICE)], id, Transition::Unfreeze).expect("alice may");
}

#[test]
fn a_register_can_wait_for_its_epoch() {
    let manager = world();
    let [id] = issue(&manager, [note(ALICE, "later")])[..] else { panic!("one note") };
    let suspend = Transition::Suspend { until: 1 };
    manager.transition(who(ALICE), &[everything(ALICE)], id, suspend).expect("alice may");
    assert!(manager.transition(who(ALICE), &[everything(ALICE)], id, Transition::Consume).is_err());
    manager.store().advance_epoch().expect("time passes");
    manager.transition(who(ALICE), &[everything(ALICE)], id, Transition::Consume).expect("its time has come");
    let again = manager.transition(who(ALICE), &[everything(ALICE)], id, Transition::Consume);
    assert!(matches!(again, Err(RunError::AlreadyConsumed { register, .. }) if register == id), "{again:?}");
}
