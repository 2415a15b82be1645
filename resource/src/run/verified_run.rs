//! A run that may take effect.

use causality_store::{Commit, CommitError, ContentId, Nullifier, Object, Roots, StateKey};

use super::{Core, History, revocation_key, spent_key};
use crate::{DenyReason, Record, Rejected, Right, RunError, RunExit};

/// A run whose checks have all passed. Dropping it leaves everything as it was.
#[derive(Debug)]
#[must_use = "nothing happens before it is committed"]
pub struct VerifiedRun {
    core: Core,
    record: Record,
    commit: Commit,
    nullifiers: Vec<(usize, Nullifier)>,
}

/// A run that took effect.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Committed {
    /// The identifier of its record.
    pub id: ContentId,
    /// Its record.
    pub record: Record,
    /// What was published.
    pub journal: Vec<u8>,
    /// The roots right after it.
    pub roots: Roots,
}

/// A run that is part of a commit of several.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Joined {
    /// The identifier of its record.
    pub id: ContentId,
    /// Its record.
    pub record: Record,
    /// What it publishes.
    pub journal: Vec<u8>,
}

impl VerifiedRun {
    pub(super) const fn new(
        core: Core,
        record: Record,
        commit: Commit,
        nullifiers: Vec<(usize, Nullifier)>,
    ) -> Self {
        VerifiedRun { core, record, commit, nullifiers }
    }

    /// The record, as it will be in the store.
    #[must_use]
    pub const fn record(&self) -> &Record {
        &self.record
    }

    /// Adds what the run does to a commit of several runs, as if it came after them. Gives what it will have been, once that commit
    /// took effect; the error of a commit that does not is the store's.
    ///
    /// # Errors
    ///
    /// The run, if it could not come after the others, because it relies on what they change or changes it too. So for a
    /// repetition, which is never committed. Nothing was added.
    pub fn add_to(mut self, joint: &mut Commit) -> Result<Joined, Box<VerifiedRun>> {
        let id = self.record.content_id();
        let (History::Live(_), Ok(id)) = (&self.core.history, id) else {
            return Err(Box::new(self));
        };
        match joint.append(core::mem::take(&mut self.commit)) {
            Ok(()) => Ok(Joined { id, record: self.record, journal: self.core.journal }),
            Err(commit) => {
                self.commit = *commit;
                Err(Box::new(self))
            }
        }
    }

    /// Makes the run take effect, all of it at once.
    ///
    /// # Errors
    ///
    /// [`Rejected`]: what the run relies on has changed meanwhile. Nothing has happened.
    pub fn commit(self) -> Result<Committed, Rejected> {
        let VerifiedRun { core, record, commit, nullifiers } = self;
        let committed = match core.history {
            History::Recorded(..) => Err(RunError::Replay),
            History::Live(_) => {
                let roots = core.manager.store().commit(commit);
                roots.map_err(|error| named(&core, &record, &nullifiers, error))
            }
        };
        match committed.and_then(|roots| Ok((record.content_id()?, roots))) {
            Ok((id, roots)) => Ok(Committed { id, record, journal: core.journal, roots }),
            Err(error) => {
                let exit = RunExit::Rejected(error.to_string());
                Err(core.reject(error, exit))
            }
        }
    }
}

/// The error of the store, in terms of registers and capabilities.
fn named(core: &Core, record: &Record, nullifiers: &[(usize, Nullifier)], error: CommitError) -> RunError {
    match error {
        CommitError::AlreadyConsumed { nullifier, by } => {
            match nullifiers.iter().find(|(_, known)| *known == nullifier) {
                Some((index, _)) => RunError::AlreadyConsumed { register: core.accesses[*index].id, by },
                None => CommitError::AlreadyConsumed { nullifier, by }.into(),
            }
        }
        CommitError::EpochChanged { expected: run, found: now } => RunError::EpochChanged { run, now },
        CommitError::Changed { key, expected, found } => {
            changed(core, record, key).unwrap_or_else(|| CommitError::Changed { key, expected, found }.into())
        }
        other => other.into(),
    }
}

fn changed(core: &Core, record: &Record, key: StateKey) -> Option<RunError> {
    let is_it = |id: &ContentId| StateKey::from(*id) == key;
    if let Some(access) = core.accesses.iter().find(|access| is_it(&access.id)) {
        return Some(RunError::RegisterChanged(access.id));
    }
    if let Some(output) = core.outputs.iter().find(|output| is_it(&output.id)) {
        return Some(RunError::AlreadyExists(output.id));
    }
    if let Some(budget) = record.budgets.iter().find(|budget| spent_key(budget.block) == key) {
        return Some(RunError::BudgetChanged(budget.block));
    }
    record.decisions.iter().find_map(|decision| {
        let block = decision.capability.iter().find(|block| revocation_key(**block) == key)?;
        let (resource, right): (ContentId, Right) = (decision.resource, decision.right);
        Some(RunError::Denied { resource, right, reason: DenyReason::Revoked(*block) })
    })
}
