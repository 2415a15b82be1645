//! Capabilities: what is granted, what narrows, what is refused.

use causality_resource::{
    AccessRequest, Attenuation, Capability, CapabilityError, DenyReason, Grant, KeyPair, Limits, Phase,
    Phases, Principal, ReferenceMonitor, ResourceFacts, Right, Rights, Target, TrustedRoots,
};
use causality_store::{ContentId, ObjectKind};
use proptest::prelude::*;

fn id(name: &str) -> ContentId {
    ContentId::of(ObjectKind::Program, name.as_bytes())
}

fn key(number: u8) -> KeyPair {
    KeyPair::from_secret(&[number; 32]).expect("any 32 bytes are a secret")
}

fn coin() -> ResourceFacts {
    ResourceFacts {
        id: id("coin"),
        domain: id("gold"),
        logic: id("token"),
        quantity: 10,
        controller: Some(key(2).principal()),
    }
}

fn request(initiator: Principal, right: Right) -> AccessRequest {
    AccessRequest { initiator, resource: coin(), right, phase: Phase::Execution, epoch: 5 }
}

const ROOT: u8 = 1;
const ALICE: u8 = 2;
const BOB: u8 = 3;
const CAROL: u8 = 4;

fn alice_may(rights: Rights) -> Grant {
    Grant::new(key(ALICE).principal(), Target::Any, rights)
}

fn issue(grant: &Grant) -> Capability {
    grant.issue(&key(ROOT)).expect("the grant is in range")
}

fn monitor(initiator: u8) -> ReferenceMonitor {
    let roots = TrustedRoots::new().with_root(key(ROOT).principal());
    ReferenceMonitor::new(key(initiator).principal(), 5, roots)
}

fn decide(monitor: &mut ReferenceMonitor, right: Right) -> Result<(), DenyReason> {
    monitor.decide(&coin(), right, Phase::Execution).map(|_| ())
}

fn admitted(initiator: u8, capability: &Capability) -> ReferenceMonitor {
    let mut monitor = monitor(initiator);
    monitor.admit(capability).expect("it verifies");
    monitor
}

fn limits(limits: Limits) -> Attenuation {
    Attenuation { limits, ..Attenuation::default() }
}

#[test]
fn without_a_capability_everything_is_denied() {
    for right in Right::ALL {
        assert_eq!(decide(&mut monitor(ALICE), right), Err(DenyReason::NoCapability));
    }
}

#[test]
fn exactly_the_rights_that_are_granted_are_allowed() {
    let capability = issue(&alice_may(Rights::from_iter([Right::Read, Right::Consume])));
    for right in Right::ALL {
        let granted = matches!(right, Right::Read | Right::Consume);
        let decision = decide(&mut admitted(ALICE, &capability), right);
        assert_eq!(decision, if granted { Ok(()) } else { Err(DenyReason::NotGranted) }, "{right}");
    }
}

#[test]
fn only_the_holder_may_use_it() {
    let capability = issue(&alice_may(Rights::ALL));
    assert_eq!(decide(&mut admitted(BOB, &capability), Right::Read), Err(DenyReason::NotHolder));
}

#[test]
fn an_issuer_that_nobody_trusts_grants_nothing() {
    let capability = alice_may(Rights::ALL).issue(&key(BOB)).expect("anybody can sign");
    let decision = decide(&mut admitted(ALICE, &capability), Right::Read);
    assert_eq!(decision, Err(DenyReason::IssuerNotTrusted(key(BOB).principal())));
}

#[test]
fn a_controller_grants_access_to_what_it_controls_if_controllers_are_roots() {
    let grant = Grant::new(key(BOB).principal(), Target::Any, Rights::ALL);
    let capability = grant.issue(&key(ALICE)).expect("anybody can sign");
    let roots = TrustedRoots::new().with_controllers();
    let mut monitor = ReferenceMonitor::new(key(BOB).principal(), 5, roots);
    monitor.admit(&capability).expect("it verifies");
    assert_eq!(decide(&mut monitor, Right::Consume), Ok(()));
    let other = ResourceFacts { controller: Some(key(CAROL).principal()), ..coin() };
    let denied = monitor.decide(&other, Right::Consume, Phase::Execution);
    assert_eq!(denied, Err(DenyReason::IssuerNotTrusted(key(ALICE).principal())));
}

#[test]
fn a_target_covers_one_resource_one_domain_or_one_logic() {
    let cases = [
        (Target::Any, true),
        (Target::Resource(id("coin")), true),
        (Target::Resource(id("other coin")), false),
        (Target::Domain(id("gold")), true),
        (Target::Domain(id("silver")), false),
        (Target::Logic(id("token")), true),
        (Target::Logic(id("data")), false),
        // The same bytes as another kind of target cover nothing.
        (Target::Domain(id("coin")), false),
        (Target::Resource(id("gold")), false),
    ];
    for (target, covers) in cases {
        let capability = issue(&Grant::new(key(ALICE).principal(), target, Rights::ALL));
        let decision = decide(&mut admitted(ALICE, &capability), Right::Read);
        assert_eq!(decision, if covers { Ok(()) } else { Err(DenyReason::NotCovered) }, "{target}");
    }
}

#[test]
fn it_expires_when_the_epoch_is_reached_and_not_before() {
    let capability = issue(&alice_may(Rights::ALL).valid_from(3).expires_at(5));
    let verified = capability.verify().expect("it verifies");
    for epoch in 0..8 {
        let request = AccessRequest { epoch, ..request(key(ALICE).principal(), Right::Read) };
        let expected = match epoch {
            0..3 => Err(DenyReason::NotYetValid { valid_from: 3 }),
            3 | 4 => Ok(()),
            _ => Err(DenyReason::Expired { expires_at: 5 }),
        };
        assert_eq!(verified.allows(&request), expected, "epoch {epoch}");
    }
}

#[test]
fn it_is_good_in_its_phases_only() {
    let capability = issue(&alice_may(Rights::ALL).phases(Phases::only(Phase::Execution)));
    let verified = capability.verify().expect("it verifies");
    for phase in Phase::ALL {
        let allows =
            verified.allows(&AccessRequest { phase, ..request(key(ALICE).principal(), Right::Read) });
        assert_eq!(allows.is_ok(), phase == Phase::Execution, "{phase}");
    }
}

#[test]
fn a_child_cannot_be_wider_than_its_parent() {
    let rights = Rights::from_iter([Right::Read, Right::Delegate]);
    let grant = Grant::new(key(ALICE).principal(), Target::Resource(id("coin")), rights);
    let parent = issue(&grant.expires_at(10).max_uses(3).max_quantity(50));
    let wider = [
        Attenuation { rights: Some(Rights::ALL), ..Attenuation::default() },
        Attenuation { target: Some(Target::Any), ..Attenuation::default() },
        Attenuation { target: Some(Target::Resource(id("other"))), ..Attenuation::default() },
        limits(Limits { expires_at: Some(11), ..Limits::default() }),
        limits(Limits { max_uses: Some(4), ..Limits::default() }),
        limits(Limits { max_quantity: Some(51), ..Limits::default() }),
    ];
    for child in wider {
        assert!(parent.attenuate(&child).is_err(), "{child:?}");
        let handed_on = parent.delegate(&key(ALICE), key(BOB).principal(), &child);
        assert!(handed_on.is_err(), "{child:?}");
    }
}

#[test]
fn a_child_without_an_expiry_of_its_own_expires_with_its_parent() {
    let parent = issue(&alice_may(Rights::ALL).expires_at(5));
    let child = parent.delegate(&key(ALICE), key(BOB).principal(), &Attenuation::default());
    let child = child.expect("alice may hand it on").verify().expect("it verifies");
    assert_eq!(child.expires_at(), Some(5));
    assert_eq!(
        child.allows(&request(key(BOB).principal(), Right::Read)),
        Err(DenyReason::Expired { expires_at: 5 })
    );
}

#[test]
fn whoever_it_is_handed_on_to_holds_it_and_the_parent_stays() {
    let parent = issue(&alice_may(Rights::ALL));
    let child = parent.delegate(&key(ALICE), key(BOB).principal(), &Attenuation::default());
    let child = child.expect("alice may hand it on");
    assert_eq!(decide(&mut admitted(BOB, &child), Right::Read), Ok(()));
    assert_eq!(decide(&mut admitted(ALICE, &child), Right::Read), Err(DenyReason::NotHolder));
    assert_eq!(decide(&mut admitted(ALICE, &parent), Right::Read), Ok(()));
    let holders = [ALICE, BOB].map(|holder| key(holder).principal());
    assert_eq!(child.verify().expect("it verifies").holders(), holders);
}

#[test]
fn only_the_holder_hands_it_on_and_only_with_the_right_to() {
    let capability = issue(&alice_may(Rights::ALL));
    let (holder, signer) = (key(ALICE).principal(), key(BOB).principal());
    let stolen = capability.delegate(&key(BOB), signer, &Attenuation::default());
    assert_eq!(stolen, Err(CapabilityError::NotHolder { holder, signer }));
    let fixed = issue(&alice_may(Rights::ALL.without(Right::Delegate)));
    let refused = fixed.delegate(&key(ALICE), signer, &Attenuation::default());
    assert_eq!(refused, Err(CapabilityError::NotDelegable));
}

#[test]
fn the_right_to_delegate_is_lost_with_an_attenuation() {
    let capability = issue(&alice_may(Rights::ALL));
    let fixed = Attenuation { rights: Some(Rights::ALL.without(Right::Delegate)), ..Attenuation::default() };
    let child = capability.delegate(&key(ALICE), key(BOB).principal(), &fixed).expect("alice may");
    let grandchild = child.delegate(&key(BOB), key(CAROL).principal(), &Attenuation::default());
    assert_eq!(grandchild, Err(CapabilityError::NotDelegable));
}

#[test]
fn revoking_a_block_revokes_its_descendants_and_not_its_ancestors() {
    let parent = issue(&alice_may(Rights::ALL));
    let child = parent.delegate(&key(ALICE), key(BOB).principal(), &Attenuation::default()).expect("may");
    let grandchild = child.delegate(&key(BOB), key(CAROL).principal(), &Attenuation::default()).expect("may");
    let chain = [(ALICE, &parent), (BOB, &child), (CAROL, &grandchild)];
    for (index, (_, revoked)) in chain.iter().enumerate() {
        let block = *revoked.verify().expect("it verifies").revocation_ids().last().expect("a block");
        for (other, (holder, capability)) in chain.iter().enumerate() {
            let mut monitor = admitted(*holder, capability);
            assert_eq!(decide(&mut monitor, Right::Read), Ok(()));
            monitor.revoke([block]);
            let expected = if other < index { Ok(()) } else { Err(DenyReason::Revoked(block)) };
            assert_eq!(decide(&mut monitor, Right::Read), expected, "{index} revoked, {other} tried");
        }
    }
}

#[test]
fn uses_run_out() {
    let mut monitor = admitted(ALICE, &issue(&alice_may(Rights::ALL).max_uses(1)));
    assert_eq!(decide(&mut monitor, Right::Read), Ok(()));
    // The same register in another way is the same use.
    assert_eq!(decide(&mut monitor, Right::Consume), Ok(()));
    let other = ResourceFacts { id: id("other coin"), ..coin() };
    let denied = monitor.decide(&other, Right::Read, Phase::Execution);
    assert!(matches!(denied, Err(DenyReason::UsesExhausted { max_uses: 1, .. })), "{denied:?}");
}

#[test]
fn quantity_runs_out_and_reading_takes_none() {
    let mut monitor = admitted(ALICE, &issue(&alice_may(Rights::ALL).max_quantity(15)));
    let other = ResourceFacts { id: id("other coin"), ..coin() };
    assert_eq!(decide(&mut monitor, Right::Consume), Ok(()));
    assert!(monitor.decide(&other, Right::Read, Phase::Execution).is_ok());
    let denied = monitor.decide(&other, Right::Consume, Phase::Execution);
    assert!(matches!(denied, Err(DenyReason::QuantityExhausted { max_quantity: 15, .. })), "{denied:?}");
}

#[test]
fn children_share_the_budget_of_their_parent() {
    let parent = issue(&alice_may(Rights::ALL).max_uses(1));
    let narrow = Attenuation { rights: Some(Rights::ALL), ..Attenuation::default() };
    let mut monitor = monitor(ALICE);
    monitor.admit(&parent.attenuate(&narrow).expect("it is not wider")).expect("it verifies");
    monitor.admit(&parent.attenuate(&narrow).expect("it is not wider")).expect("it verifies");
    assert_eq!(decide(&mut monitor, Right::Read), Ok(()));
    let other = ResourceFacts { id: id("other coin"), ..coin() };
    assert!(monitor.decide(&other, Right::Read, Phase::Execution).is_err());
}

#[test]
fn any_one_capability_is_enough() {
    let mut monitor = monitor(ALICE);
    monitor.admit(&issue(&Grant::new(key(BOB).principal(), Target::Any, Rights::ALL))).expect("verifies");
    let second = monitor.admit(&issue(&alice_may(Rights::ALL))).expect("verifies");
    assert_eq!(monitor.decide(&coin(), Right::Read, Phase::Execution), Ok(second));
}

#[test]
fn every_decision_is_written_down() {
    let mut monitor = admitted(ALICE, &issue(&alice_may(Rights::NONE.with(Right::Read))));
    let _ = decide(&mut monitor, Right::Read);
    let _ = decide(&mut monitor, Right::Consume);
    let _ = monitor.decide_by(7, &coin(), Right::Read, Phase::Finalization);
    let written: Vec<_> = monitor.decisions().iter().map(|d| (d.right, d.phase, d.is_allowed())).collect();
    let expected = [
        (Right::Read, Phase::Execution, true),
        (Right::Consume, Phase::Execution, false),
        (Right::Read, Phase::Finalization, false),
    ];
    assert_eq!(written, expected);
    assert_eq!(monitor.decisions()[0].capability.len(), 1);
}

#[test]
fn text_and_bytes_round_trip() {
    let capability = issue(&alice_may(Rights::ALL));
    assert_eq!(capability.to_string().parse(), Ok(capability.clone()));
    assert_eq!(Capability::from_bytes(&capability.to_bytes()), Ok(capability));
}

#[test]
fn numbers_that_do_not_fit_are_refused_when_issuing() {
    let grant = alice_may(Rights::ALL).expires_at(u64::MAX);
    assert_eq!(grant.issue(&key(ROOT)), Err(CapabilityError::OutOfRange(u64::MAX)));
}

/// A token with blocks of foreign making, as somebody could write with the library directly.
mod foreign {
    use biscuit_auth::builder::Algorithm;
    use biscuit_auth::{BiscuitBuilder, BlockBuilder};

    use super::*;

    fn signed(first: &str, others: &[&str]) -> Capability {
        let secret = key(ROOT).secret();
        let root = biscuit_auth::PrivateKey::from_bytes(&secret, Algorithm::Ed25519).expect("a secret");
        let root = biscuit_auth::KeyPair::from(&root);
        let first = format!("holder(\"{}\"); {first}", key(ALICE).principal());
        let mut token = BiscuitBuilder::new().code(first).expect("datalog").build(&root).expect("signs");
        for other in others {
            token = token.append(BlockBuilder::new().code(other).expect("datalog")).expect("appends");
        }
        let bytes = [key(ROOT).principal().as_bytes().as_slice(), &token.to_vec().expect("encodes")].concat();
        Capability::from_bytes(&bytes).expect("long enough")
    }

    const ALL: &str = r#"grants("read"); grants("consume"); covers("any", "");"#;

    #[test]
    fn a_block_cannot_grant_itself_anything() {
        for widening in [
            r#"grants("update");"#,
            r#"grants("update"); covers("any", "");"#,
            r#"holder("ed25519:00");"#,
            r#"initiator("somebody");"#,
            r#"right("update");"#,
            r#"grants($o) <- operation($o);"#,
        ] {
            let refused = signed(ALL, &[widening]).verify();
            assert!(matches!(refused, Err(CapabilityError::Shape(_))), "{widening}: {refused:?}");
        }
    }

    #[test]
    fn a_check_of_foreign_making_is_enforced() {
        let capability = signed(ALL, &["check if quantity($q), $q < 10;"]);
        let verified = capability.verify().expect("the shape is allowed");
        let denied = verified.allows(&request(key(ALICE).principal(), Right::Read));
        assert_eq!(denied, Err(DenyReason::CheckFailed));
        let small = AccessRequest {
            resource: ResourceFacts { quantity: 9, ..coin() },
            ..request(key(ALICE).principal(), Right::Read)
        };
        assert_eq!(verified.allows(&small), Ok(()));
    }

    #[test]
    fn what_could_take_long_is_refused() {
        let joins = format!("check if {};", ["operation($o)"; 3].join(", "));
        let checks = "check if true;".repeat(9);
        let facts: String = (0..33).map(|n| format!("keeps(\"{n}\");")).collect();
        for block in [
            joins.as_str(),
            checks.as_str(),
            facts.as_str(),
            r#"check if operation($o), $o.matches("(a+)+$");"#,
            "check if [1, 2].any($x -> [1, 2].any($y -> $x == $y));",
            "check if epoch($t), $t * 1000 < 7;",
            "check if operation($o) trusting previous;",
        ] {
            let refused = signed(ALL, &[block]).verify();
            assert!(matches!(refused, Err(CapabilityError::Shape(_))), "{block}: {refused:?}");
        }
    }

    #[test]
    fn a_long_chain_is_refused() {
        assert!(signed(ALL, &["max_uses(1);"; 15]).verify().is_ok());
        assert!(matches!(signed(ALL, &["max_uses(1);"; 16]).verify(), Err(CapabilityError::Shape(_))));
    }

    #[test]
    fn a_key_whose_signatures_can_be_changed_is_refused() {
        let secret = key(ROOT).secret();
        let root = biscuit_auth::PrivateKey::from_bytes(&secret, Algorithm::Ed25519).expect("a secret");
        let root = biscuit_auth::KeyPair::from(&root);
        let ecdsa = biscuit_auth::KeyPair::new_with_algorithm(Algorithm::Secp256r1);
        let first = format!("holder(\"{}\"); {ALL}", key(ALICE).principal());
        let token = BiscuitBuilder::new().code(first).expect("datalog").build(&root).expect("signs");
        let block = BlockBuilder::new().code("max_uses(1);").expect("datalog");
        let token = token.append_with_keypair(&ecdsa, block).expect("appends");
        let bytes = [key(ROOT).principal().as_bytes().as_slice(), &token.to_vec().expect("encodes")].concat();
        let refused = Capability::from_bytes(&bytes).expect("long enough").verify();
        assert!(matches!(refused, Err(CapabilityError::Shape(_))), "{refused:?}");
    }
}

#[test]
fn any_changed_bit_makes_it_worthless() {
    let capability = issue(&alice_may(Rights::ALL)).to_bytes();
    let holder = key(ALICE).principal();
    for bit in 0..capability.len() * 8 {
        let mut changed = capability.clone();
        changed[bit / 8] ^= 1 << (bit % 8);
        let Ok(verified) = Capability::from_bytes(&changed).expect("long enough").verify() else { continue };
        // The hint for the root key is not signed, nor are the spellings of protocol buffers: what is
        // granted, and under which name it is revoked, stays.
        let original = Capability::from_bytes(&capability).expect("long enough").verify().expect("verifies");
        assert_eq!(verified.revocation_ids(), original.revocation_ids(), "bit {bit}");
        assert_eq!(verified.rights(), original.rights(), "bit {bit}");
        assert_eq!(verified.holder(), holder, "bit {bit}");
    }
}

proptest! {
    #![proptest_config(ProptestConfig { cases: 64, ..ProptestConfig::default() })]

    /// Whatever is built on a capability allows nothing that the capability does not.
    #[test]
    fn a_child_allows_a_subset(
        parent in 0u16..512, child in 0u16..512,
        parent_expiry in proptest::option::of(0u64..10), child_expiry in proptest::option::of(0u64..10),
        epoch in 0u64..10, right in 0usize..9,
    ) {
        let mut grant = alice_may(Rights::from_bits(parent).expect("in range"));
        grant.limits.expires_at = parent_expiry;
        let parent = issue(&grant);
        let attenuation = Attenuation {
            rights: Rights::from_bits(child),
            limits: Limits { expires_at: child_expiry, ..Limits::default() },
            ..Attenuation::default()
        };
        let Ok(child) = parent.attenuate(&attenuation) else { return Ok(()) };
        let request = AccessRequest { epoch, ..request(key(ALICE).principal(), Right::ALL[right]) };
        let (parent, child) = (parent.verify().expect("verifies"), child.verify().expect("verifies"));
        if child.allows(&request).is_ok() {
            prop_assert!(parent.allows(&request).is_ok());
            prop_assert!(attenuation.rights.is_none_or(|rights| rights.has(request.right)));
            prop_assert!(child_expiry.is_none_or(|expiry| epoch < expiry));
        }
    }

    /// A guest that makes numbers up gets what its run has, by another name, or nothing.
    #[test]
    fn guessed_handles_gain_nothing(number in prop_oneof![0u64..4, any::<u64>()], right in 0usize..9) {
        let mut monitor = monitor(ALICE);
        let read = Rights::NONE.with(Right::Read);
        monitor.admit(&issue(&alice_may(read))).expect("verifies");
        monitor.admit(&issue(&Grant::new(key(BOB).principal(), Target::Any, Rights::ALL))).expect("verifies");
        let right = Right::ALL[right];
        let decision = monitor.decide_by(number, &coin(), right, Phase::Execution);
        prop_assert_eq!(decision.is_ok(), number == 0 && right == Right::Read);
        prop_assert_eq!(monitor.decisions().len(), 1);
    }

    /// Bytes that nobody signed are no capability, and do no harm.
    #[test]
    fn arbitrary_bytes_are_refused(bytes in proptest::collection::vec(any::<u8>(), 0..300)) {
        prop_assert!(Capability::from_bytes(&bytes).and_then(|capability| capability.verify()).is_err());
    }
}

#[test]
fn the_heaviest_token_that_is_accepted_is_decided_on() {
    use biscuit_auth::builder::Algorithm;
    use biscuit_auth::{BiscuitBuilder, BlockBuilder};
    let root =
        biscuit_auth::PrivateKey::from_bytes(&key(ROOT).secret(), Algorithm::Ed25519).expect("a secret");
    let root = biscuit_auth::KeyPair::from(&root);
    let grants: String = Right::ALL.iter().map(|right| format!("grants(\"{right}\");")).collect();
    let first = format!("holder(\"{}\"); covers(\"any\", \"\"); {grants}", key(ALICE).principal());
    let query = "grants($a), grants($b), $a == \"none\", $b == $a";
    let block = format!("check if {query} or operation($a);").repeat(8);
    let mut token = BiscuitBuilder::new().code(first).expect("datalog").build(&root).expect("signs");
    for _ in 1..16 {
        token = token.append(BlockBuilder::new().code(&block).expect("datalog")).expect("appends");
    }
    let bytes = [key(ROOT).principal().as_bytes().as_slice(), &token.to_vec().expect("encodes")].concat();
    let capability = Capability::from_bytes(&bytes).expect("long enough");
    assert_eq!(decide(&mut admitted(ALICE, &capability), Right::Read), Ok(()));
}
