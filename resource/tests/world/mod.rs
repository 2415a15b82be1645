//! A store with a mint, and two people in it.
#![allow(dead_code, reason = "each test file uses some of it")]
#![allow(unreachable_pub, reason = "shared between test files")]

use causality_resource::{
    Capability, Committed, Data, Executing, Grant, Intent, KeyPair, Limits, Principal, RegisterDraft,
    Rejected, ResourceManager, Rights, RunContext, RunError, Target, Token, TrustedRoots,
};
use causality_store::{ContentId, ObjectKind, Store};

pub const ROOT: u8 = 1;
pub const ALICE: u8 = 2;
pub const BOB: u8 = 3;

pub fn key(number: u8) -> KeyPair {
    KeyPair::from_secret(&[number; 32]).expect("any 32 bytes are a secret")
}

pub fn who(number: u8) -> Principal {
    key(number).principal()
}

pub fn gold() -> ContentId {
    ContentId::of(ObjectKind::Blob, b"gold")
}

pub fn grant(holder: u8, rights: Rights) -> Grant {
    Grant::new(who(holder), Target::Any, rights)
}

pub fn capability(grant: &Grant) -> Capability {
    grant.issue(&key(ROOT)).expect("in range")
}

pub fn everything(holder: u8) -> Capability {
    capability(&grant(holder, Rights::ALL))
}

pub fn limited(holder: u8, limits: Limits) -> Capability {
    capability(&Grant { limits, ..grant(holder, Rights::ALL) })
}

pub fn in_store(store: Store) -> ResourceManager {
    ResourceManager::new(store).with_roots(TrustedRoots::new().with_root(who(ROOT)))
}

pub fn world() -> ResourceManager {
    in_store(Store::in_memory().expect("memory is there"))
}

pub fn coin(owner: u8, quantity: u64, nonce: u64) -> RegisterDraft {
    let mut bytes = [0; 32];
    bytes[..8].copy_from_slice(&nonce.to_le_bytes());
    RegisterDraft {
        logic: Token::logic_id(),
        domain: gold(),
        quantity,
        controller: who(owner),
        nullifier_key: [owner; 32],
        nonce: bytes,
        predecessor: None,
        metadata: Vec::new(),
    }
}

pub fn note(owner: u8, text: &str) -> RegisterDraft {
    let domain = ContentId::of(ObjectKind::Blob, b"notes");
    let metadata = text.as_bytes().to_vec();
    RegisterDraft { logic: Data::logic_id(), domain, quantity: 0, metadata, ..coin(owner, 0, 0) }
}

/// A run with these capabilities and accesses, under way.
pub fn started(
    manager: &ResourceManager,
    initiator: u8,
    capabilities: &[Capability],
    accesses: &[(ContentId, Intent)],
) -> Result<RunContext<Executing>, RunError> {
    let mut run = manager.begin(who(initiator))?;
    for capability in capabilities {
        run.capability(capability)?;
    }
    for (id, intent) in accesses {
        run.declare(*id, *intent)?;
    }
    run.start()
}

pub fn done(run: RunContext<Executing>) -> Result<Committed, Rejected> {
    run.finish_host().finalize()?.verify()?.commit()
}

/// Issues registers, by the root's authority.
pub fn issue(manager: &ResourceManager, drafts: impl IntoIterator<Item = RegisterDraft>) -> Vec<ContentId> {
    let mut run = started(manager, ROOT, &[everything(ROOT)], &[]).expect("starts");
    let ids = drafts.into_iter().map(|draft| run.create(draft).expect("within limits")).collect();
    done(run).expect("the root may issue");
    ids
}
