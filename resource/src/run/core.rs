//! What a run carries through all phases.

use core::fmt;
use std::collections::BTreeMap;

use causality_store::{
    Commitment, ContentId, Object, ObjectKind, Snapshot, StateChange, StateKey, StateUpdateProof,
};

use super::access::{Access, Output};
use super::{decode_spent, revocation_key, spent_key};
use crate::{
    AccessError, AccessRecord, BudgetRecord, Capability, DenyReason, Phase, Record, ReferenceMonitor,
    RegisterEntry, Rejected, ResourceManager, RevocationId, Right, RunError, RunExit, RunInput, Spent,
    TimeContext, TransitionRecord,
};

/// The most bytes of what a record names, besides its program and inputs, that are read to repeat it.
pub(crate) const NAMED: u64 = 64 << 20;

/// Where a run has the past from.
pub(crate) enum History {
    /// It happens now, to the store as it is.
    Live(Box<Snapshot>),
    /// It is repeated, as this record says it was, which has this proof.
    Recorded(Box<Record>, Option<StateUpdateProof>),
}

impl History {
    /// What the state has, or had, for a register.
    fn entry(&self, id: ContentId) -> Result<Option<ContentId>, RunError> {
        match self {
            History::Live(snapshot) => {
                let value = snapshot.state(StateKey::from(id))?;
                Ok(value.map(|value| ContentId::from_bytes(*value.as_bytes())))
            }
            History::Recorded(record, _) => {
                Ok(record.accesses.iter().find(|access| access.register == id).map(|access| access.entry))
            }
        }
    }

    fn spent(&self, block: RevocationId) -> Result<Spent, RunError> {
        match self {
            History::Live(snapshot) => match snapshot.state(spent_key(block))? {
                Some(value) => {
                    decode_spent(value).ok_or_else(|| RunError::Damaged(format!("what was spent of {block}")))
                }
                None => Ok(Spent::default()),
            },
            History::Recorded(record, _) => {
                let budget = record.budgets.iter().find(|budget| budget.block == block);
                Ok(budget.map(|budget| budget.before).unwrap_or_default())
            }
        }
    }
}

impl fmt::Debug for History {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        match self {
            History::Live(snapshot) => write!(f, "Live({:?})", snapshot.roots()),
            History::Recorded(..) => f.write_str("Recorded"),
        }
    }
}

/// More than a run may have.
#[derive(Debug)]
pub(crate) struct Excess {
    what: &'static str,
    limit: usize,
}

impl From<Excess> for RunError {
    fn from(Excess { what, limit }: Excess) -> Self {
        RunError::Limit { what, limit }
    }
}

impl From<Excess> for AccessError {
    fn from(Excess { what, limit }: Excess) -> Self {
        AccessError::Limit { what, limit }
    }
}

/// The state of a run.
#[derive(Debug)]
pub(crate) struct Core {
    pub(crate) manager: ResourceManager,
    pub(crate) history: History,
    pub(crate) monitor: ReferenceMonitor,
    pub(crate) program: Option<ContentId>,
    pub(crate) semantics: u32,
    /// Objects that are new and go into the store with the run.
    pub(crate) objects: Vec<(ObjectKind, Vec<u8>)>,
    pub(crate) inputs: Vec<RunInput>,
    pub(crate) parents: Vec<ContentId>,
    pub(crate) capabilities: Vec<Capability>,
    pub(crate) accesses: Vec<Access>,
    pub(crate) outputs: Vec<Output>,
    /// Bytes of these.
    pub(crate) output_bytes: usize,
    pub(crate) journal: Vec<u8>,
    pub(crate) transitions: Vec<TransitionRecord>,
    pub(crate) time: TimeContext,
    pub(crate) time_id: ContentId,
    /// The batch of them, which is among the objects.
    pub(crate) deferred_hashes: Option<ContentId>,
    pub(crate) in_run_registers: u64,
    pub(crate) fuel: u64,
    /// The blocks that were revoked when the execution began.
    pub(crate) revoked_before: Vec<RevocationId>,
    /// After how many commits revocations were looked up last.
    pub(crate) revocations_of: Option<u64>,
}

impl Core {
    pub(crate) fn index_of(&self, id: ContentId) -> Option<usize> {
        self.accesses.iter().position(|access| access.id == id)
    }

    /// The entry of a register, and its identifier.
    pub(crate) fn entry_of(&self, id: ContentId) -> Result<(ContentId, RegisterEntry), RunError> {
        let entry_id = self.history.entry(id)?.ok_or(RunError::NoRegister(id))?;
        let entry = match &self.history {
            History::Live(snapshot) => snapshot.get(entry_id)?,
            History::Recorded(..) => self.manager.store().snapshot()?.get_within(entry_id, NAMED)?,
        };
        Ok((entry_id, entry))
    }

    /// Sets what was spent, for all blocks with a budget of the capability admitted last.
    pub(crate) fn load_budgets(&mut self) -> Result<(), RunError> {
        let last = self.monitor.capabilities().last();
        let blocks: Vec<_> = last.into_iter().flat_map(|c| c.budgets()).map(|budget| budget.block).collect();
        for block in blocks {
            let spent = self.history.spent(block)?;
            self.monitor.set_spent(block, spent);
        }
        Ok(())
    }

    /// Looks up which blocks are revoked, in the store as it is now, if it has changed since the last time.
    pub(crate) fn refresh_revocations(&mut self) -> Result<(), RunError> {
        let revoked: Vec<RevocationId> = match &self.history {
            History::Live(_) => {
                let store = self.manager.store();
                if self.revocations_of.is_some() && self.revocations_of == Some(store.commits()?) {
                    return Ok(());
                }
                let now = store.snapshot()?;
                let mut revoked = Vec::new();
                for block in self.monitor.capabilities().iter().flat_map(|c| c.revocation_ids()) {
                    if now.state(revocation_key(*block))?.is_some() {
                        revoked.push(*block);
                    }
                }
                self.revocations_of = Some(now.roots().commits);
                revoked
            }
            History::Recorded(record, _) => record.revoked.clone(),
        };
        self.monitor.revoke(revoked);
        Ok(())
    }

    /// The root of the state that the run saw after these changes, and what shows it.
    ///
    /// A repetition takes the proof from the record. If that does not show where its own changes lead, it has
    /// another one than the record says: none, or an empty one.
    pub(crate) fn state_after(
        &self,
        changes: &BTreeMap<StateKey, StateChange>,
    ) -> Result<(Commitment, Option<StateUpdateProof>), RunError> {
        let before = self.time.state;
        if changes.is_empty() {
            return Ok((before, None));
        }
        let (after, proof) = match &self.history {
            History::Live(snapshot) => {
                let (after, proof) = snapshot
                    .prove_update(&changes.iter().map(|(key, change)| (*key, change.after)).collect())?;
                (Some(after), proof)
            }
            History::Recorded(_, Some(proof)) => (proof.root_after(before).ok(), proof.clone()),
            History::Recorded(_, None) => return Ok((before, Some(StateUpdateProof::default()))),
        };
        match after.filter(|_| proof.changes() == changes) {
            Some(after) => Ok((after, Some(proof))),
            None => Ok((before, None)),
        }
    }

    /// Counts a register that the run leaves behind, or says that it is one too many.
    pub(crate) fn leave_behind(&mut self, output: Output) -> Result<(), Excess> {
        let limits = self.manager.limits();
        if self.outputs.len() >= limits.outputs {
            return Err(Excess { what: "registers left behind", limit: limits.outputs });
        }
        self.check_output_bytes(output.bytes.len() as u64)?;
        self.output_bytes += output.bytes.len();
        self.outputs.push(output);
        Ok(())
    }

    /// Whether a register of so many bytes can be left behind.
    pub(crate) fn check_output_bytes(&self, length: u64) -> Result<(), Excess> {
        let limit = self.manager.limits().output_bytes;
        match length > limit.saturating_sub(self.output_bytes) as u64 {
            true => Err(Excess { what: "bytes of registers left behind", limit }),
            false => Ok(()),
        }
    }

    /// Asks the monitor, and keeps by which capability an access was allowed.
    pub(crate) fn decide(&mut self, index: usize, right: Right, phase: Phase) -> Result<(), DenyReason> {
        let Some(access) = self.accesses.get_mut(index) else { return Err(DenyReason::NotDeclared) };
        let handle = self.monitor.decide(&access.facts(), right, phase)?;
        access.grant(right, handle);
        Ok(())
    }

    /// A record without effects, for a run that has none.
    pub(crate) fn reject(self, error: RunError, exit: RunExit) -> Rejected {
        let exit = if exit.is_success() { RunExit::Rejected(error.to_string()) } else { exit };
        let record = self.blank_record(exit);
        let mut objects = self.objects;
        let capabilities = self.capabilities.iter().filter_map(|it| Object::to_bytes(it).ok());
        objects.extend(capabilities.map(|bytes| (Capability::KIND, bytes)));
        objects.push((ObjectKind::Journal, self.journal));
        Rejected { error: Box::new(error), record: Box::new(record), objects }
    }

    /// The part of a record that does not depend on what the run did to registers.
    pub(crate) fn blank_record(&self, exit: RunExit) -> Record {
        // Blobs and capabilities that are within their limits can be encoded.
        let capabilities = self.capabilities.iter().filter_map(|capability| capability.content_id().ok());
        let accesses = self.accesses.iter();
        let accesses =
            accesses.map(|it| AccessRecord { register: it.id, intent: it.intent, entry: it.entry_id });
        Record {
            version: Record::VERSION,
            semantics: self.semantics,
            program: self.program,
            initiator: self.monitor.initiator(),
            inputs: self.inputs.clone(),
            parents: self.parents.clone(),
            time_context: self.time_id,
            state_root: self.time.state,
            nullifier_root: self.time.nullifiers,
            state_root_after: self.time.state,
            state_proof: None,
            effects: Commitment::from_bytes([0; 32]),
            accesses: accesses.collect(),
            consumed: Vec::new(),
            updated: Vec::new(),
            created: Vec::new(),
            transitions: Vec::new(),
            capabilities: capabilities.collect(),
            revoked: self.monitor.revoked(),
            budgets: Vec::new(),
            decisions: self.monitor.decisions().to_vec(),
            journal: ContentId::of(ObjectKind::Journal, &self.journal),
            exit,
            fuel: self.fuel,
            deferred_hashes: self.deferred_hashes,
            in_run_registers: self.in_run_registers,
        }
    }

    /// What the run takes from budgets.
    pub(crate) fn budgets(&self) -> Result<Vec<BudgetRecord>, RunError> {
        let taken = self.monitor.taken().map(|(block, before, after)| {
            let overflow = || RunError::Damaged(format!("what was spent of {block} cannot be counted"));
            Ok(BudgetRecord { block, before, after: after.ok_or_else(overflow)? })
        });
        taken.collect()
    }
}
