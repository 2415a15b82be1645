//! Which transactions can run at once.

use std::collections::{BTreeMap, BTreeSet};

use causality_resource::{Capability, Intent, RevocationId};
use causality_store::{ContentId, Object, Snapshot, StateKey, StoreError};

use crate::transaction::Job;

/// Transactions that are planned together: a later window begins when all of an earlier one is done. A constant, because what a
/// transaction sees of time depends on it, and must not depend on the number of threads.
pub(super) const WINDOW: usize = 256;

/// Something that two transactions can get into each other's way over.
#[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord)]
enum Key {
    Register(ContentId),
    Budget(RevocationId),
}

/// What a transaction declares to use.
#[derive(Debug, Default)]
struct Claims {
    reads: Vec<Key>,
    changes: Vec<Key>,
    /// Registers and parents that have not been seen in the store yet. An earlier transaction may make them.
    unknown: Unknown,
}

#[derive(Debug, Default)]
struct Unknown {
    registers: Vec<ContentId>,
    parents: Vec<ContentId>,
}

impl Unknown {
    /// Forgets what is in the store, for good: registers that are consumed stay in the state. Whether anything is left.
    fn look_up(&mut self, snapshot: &Snapshot) -> Result<bool, StoreError> {
        while let Some(register) = self.registers.last() {
            if snapshot.state(StateKey::from(*register))?.is_none() {
                return Ok(true);
            }
            self.registers.pop();
        }
        while let Some(parent) = self.parents.last() {
            if snapshot.roots_after(*parent)?.is_none() {
                return Ok(true);
            }
            self.parents.pop();
        }
        Ok(false)
    }
}

/// The transactions of a window that are not done, by number in the declared order.
#[derive(Debug, Default)]
pub(super) struct Plan {
    waiting: BTreeMap<usize, Claims>,
    /// The budgets of capabilities, which many jobs share.
    budgets: BTreeMap<ContentId, Vec<RevocationId>>,
}

impl Plan {
    pub(super) fn is_empty(&self) -> bool {
        self.waiting.is_empty()
    }

    /// Adds a transaction.
    pub(super) fn add(&mut self, number: usize, job: &Job) {
        let mut claims = Claims::default();
        for (register, intent) in job.accesses() {
            let list = if intent == Intent::Read { &mut claims.reads } else { &mut claims.changes };
            list.push(Key::Register(register));
            claims.unknown.registers.push(register);
        }
        for capability in job.capabilities() {
            claims.changes.extend(self.budgets_of(capability).iter().copied().map(Key::Budget));
        }
        claims.unknown.parents.extend(job.parents());
        self.waiting.insert(number, claims);
    }

    /// The blocks with a budget. Of what is no capability there are none, and the transaction is refused.
    fn budgets_of(&mut self, capability: &Capability) -> &[RevocationId] {
        let id = capability.content_id().unwrap_or_else(|_| ContentId::from_bytes([0; 32]));
        self.budgets.entry(id).or_insert_with(|| {
            let verified = capability.verify();
            verified.map_or_else(|_| Vec::new(), |it| it.budgets().map(|budget| budget.block).collect())
        })
    }

    /// The transactions that can run now, on this state of the store: those that no earlier one that is not done gets into the way of.
    /// One that names what is not in the store waits for all before it, and all after it wait for it.
    pub(super) fn round(&mut self, snapshot: &Snapshot) -> Result<Vec<usize>, StoreError> {
        let (mut read, mut changed) = (BTreeSet::new(), BTreeSet::new());
        let mut round = Vec::new();
        for (position, (number, claims)) in self.waiting.iter_mut().enumerate() {
            if claims.unknown.look_up(snapshot)? && position > 0 {
                break;
            }
            let is_free = claims.reads.iter().all(|key| !changed.contains(key))
                && claims.changes.iter().all(|key| !changed.contains(key) && !read.contains(key));
            if is_free {
                round.push(*number);
            }
            read.extend(claims.reads.iter().copied());
            changed.extend(claims.changes.iter().copied());
        }
        Ok(round)
    }

    /// A transaction is done.
    pub(super) fn remove(&mut self, number: usize) {
        self.waiting.remove(&number);
    }
}
