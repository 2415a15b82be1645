//! The last phase: everything is checked, against what was declared and against the store as it is now.

use std::collections::{BTreeMap, BTreeSet};

use causality_store::{Commit, Commitment, ContentId, Nullifier, Object, ObjectKind, StateChange, StateKey};

use super::{Core, History, RunContext, VerifiedRun, encode_spent, revocation_key, spent_key, spent_value};
use crate::record::effects;
use crate::{
    BalanceSheet, ConsumedInput, ConsumedRecord, CreatedOutput, CreatedRecord, DenyReason, Intent, Operation,
    Phase, Principal, Record, RegisterEntry, Rejected, ResourceFacts, ResourceRegister, Right, RunError,
    RunExit, UpdatedRecord,
};

/// Marks a run that is being verified.
#[derive(Debug)]
pub struct Verifying {
    pub(super) exit: RunExit,
    /// Of the accesses with these numbers.
    pub(super) nullifiers: Vec<(usize, Nullifier)>,
}

impl RunContext<Verifying> {
    /// Checks all that has to hold for the run to take effect, and prepares the one commit.
    ///
    /// # Errors
    ///
    /// [`Rejected`]: something does not hold. Nothing has happened.
    pub fn verify(mut self) -> Result<VerifiedRun, Rejected> {
        match self.settle() {
            Ok((record, commit)) => Ok(VerifiedRun::new(self.core, record, commit, self.phase.nullifiers)),
            Err(error) => Err(self.core.reject(error, self.phase.exit)),
        }
    }

    fn settle(&mut self) -> Result<(Record, Commit), RunError> {
        let core = &mut self.core;
        core.refresh_revocations()?;
        let limit = core.manager.limits().decisions;
        declared_is_used(core)?;
        outputs_are_right(core)?;
        not_consumed_meanwhile(core, &self.phase.nullifiers)?;
        confirm_capabilities(core)?;
        nothing_revoked_meanwhile(core)?;
        let balances = balances(core)?;
        let issues = conserved(core, &balances)?;
        transfers(core)?;
        logics_agree(core, &balances, &issues)?;
        if core.monitor.is_exhausted() {
            return Err(RunError::Limit { what: "decisions", limit });
        }
        let changes = changes(core)?;
        let (after, proof) = core.state_after(&changes.values)?;
        let mut record = self.record(&changes)?;
        record.state_root_after = after;
        record.state_proof = proof.as_ref().map(Object::content_id).transpose()?;
        let mut commit = self.commit(&record, changes)?;
        if let Some(proof) = &proof {
            commit.object(proof)?;
        }
        Ok((record, commit))
    }

    fn record(&self, changes: &Changes) -> Result<Record, RunError> {
        let core = &self.core;
        let mut record = core.blank_record(self.phase.exit.clone());
        for (index, nullifier) in self.phase.nullifiers.iter().copied() {
            let (register, intent) = (core.accesses[index].id, core.accesses[index].intent);
            if intent == Intent::Update {
                let successors = core.outputs.iter().filter(|it| it.register.predecessor == Some(register));
                let successors = successors.map(|output| output.id).collect();
                record.updated.push(UpdatedRecord { register, nullifier, successors });
            } else {
                record.consumed.push(ConsumedRecord { register, nullifier });
            }
        }
        let created = core.outputs.iter();
        record.created = created
            .map(|it| CreatedRecord { register: it.id, predecessor: it.register.predecessor })
            .collect();
        record.effects = effects(&changes.values, record.nullifiers())?;
        record.transitions.clone_from(&core.transitions);
        record.budgets = core.budgets()?;
        Ok(record)
    }

    fn commit(&mut self, record: &Record, changes: Changes) -> Result<Commit, RunError> {
        let core = &mut self.core;
        let mut commit = Commit::new();
        commit.expect_epoch(core.time.epoch);
        for (kind, bytes) in &core.objects {
            commit.bytes(*kind, bytes.clone(), Vec::new());
        }
        for capability in &core.capabilities {
            commit.object(capability)?;
        }
        for output in &mut core.outputs {
            // What the register cannot be used without stays as long as it does. Native logics are no objects.
            let logic = output.register.logic;
            let is_object = match &core.history {
                History::Live(snapshot) => snapshot.kind(logic)?.is_some(),
                History::Recorded(..) => false,
            };
            let references = is_object.then_some(logic).into_iter().collect();
            commit.bytes(ObjectKind::Register, core::mem::take(&mut output.bytes), references);
            commit.expect(StateKey::from(output.id), None);
        }
        for entry in &changes.entries {
            commit.object(entry)?;
        }
        for access in &core.accesses {
            commit.expect(StateKey::from(access.id), Some(Commitment::from(access.entry_id)));
        }
        // No capability that was used is revoked at the moment of the commit, nor is a budget overdrawn.
        let blocks = record.decisions.iter().filter(|it| it.is_allowed()).flat_map(|it| &it.capability);
        for block in blocks.collect::<BTreeSet<_>>() {
            commit.expect(revocation_key(*block), None);
        }
        for budget in &record.budgets {
            commit.expect(spent_key(budget.block), spent_value(budget.before));
        }
        for (key, value) in &changes.values {
            commit.set(*key, value.after);
        }
        commit.bytes(ObjectKind::Journal, core.journal.clone(), Vec::new());
        let id = commit.object(record)?;
        for (_, nullifier) in &self.phase.nullifiers {
            commit.consume(*nullifier, id);
        }
        commit.record(id);
        Ok(commit)
    }
}

/// What a run changes in the state.
struct Changes {
    values: BTreeMap<StateKey, StateChange>,
    entries: Vec<RegisterEntry>,
}

fn changes(core: &Core) -> Result<Changes, RunError> {
    let (mut values, mut entries) = (BTreeMap::new(), Vec::new());
    let mut set = |id: ContentId, before: Option<ContentId>, entry: RegisterEntry| -> Result<(), RunError> {
        let (before, after) = (before.map(Commitment::from), Commitment::from(entry.content_id()?));
        values.insert(StateKey::from(id), StateChange { before, after });
        entries.push(entry);
        Ok(())
    };
    let changed: BTreeSet<_> = core.transitions.iter().map(|transition| transition.register).collect();
    for access in core.accesses.iter().filter(|access| changed.contains(&access.id)) {
        let section = access.entry.section.clone();
        set(access.id, Some(access.entry_id), RegisterEntry { lifecycle: access.state.clone(), section })?;
    }
    for output in &core.outputs {
        let predecessor = output.register.predecessor.and_then(|id| core.index_of(id));
        let mut entry = RegisterEntry::new(output.state.clone());
        if let Some(predecessor) = predecessor {
            entry.section.clone_from(&core.accesses[predecessor].entry.section);
        }
        set(output.id, None, entry)?;
    }
    for budget in core.budgets()? {
        let (before, after) = (spent_value(budget.before), encode_spent(budget.after));
        values.insert(spent_key(budget.block), StateChange { before, after });
    }
    Ok(Changes { values, entries })
}

/// Every declared access was made, in full.
fn declared_is_used(core: &Core) -> Result<(), RunError> {
    for access in &core.accesses {
        let is_succeeded = access.intent != Intent::Update
            || core.outputs.iter().any(|output| output.register.predecessor == Some(access.id));
        let is_done = access.is_used && access.is_consumed == access.intent.consumes() && is_succeeded;
        if !is_done {
            return Err(RunError::NotUsed { register: access.id, intent: access.intent });
        }
    }
    Ok(())
}

/// Created registers are new, of this time, and say where they come from.
fn outputs_are_right(core: &Core) -> Result<(), RunError> {
    let mut ids = BTreeSet::new();
    for output in &core.outputs {
        let (id, register) = (output.id, &output.register);
        if !ids.insert(id) || core.index_of(id).is_some() {
            return Err(RunError::AlreadyExists(id));
        }
        if register.observed_at != core.time.epoch || register.time_context != core.time_id {
            return Err(RunError::WrongTime { register: id });
        }
        let found = register.predecessor;
        let expected = output.origin.map(|origin| core.accesses[origin].id);
        let was_consumed = |id| core.index_of(id).is_some_and(|index| core.accesses[index].is_consumed);
        // A successor names the register that it replaces. What was built anew may name one that was used up for it.
        let is_right = if expected.is_some() { found == expected } else { found.is_none_or(was_consumed) };
        if !is_right || !found.is_none_or(was_consumed) {
            return Err(RunError::WrongPredecessor { register: id, expected, found });
        }
    }
    Ok(())
}

/// Says early, and by name, what the commit would find too.
fn not_consumed_meanwhile(core: &Core, nullifiers: &[(usize, Nullifier)]) -> Result<(), RunError> {
    let History::Live(_) = core.history else { return Ok(()) };
    let now = core.manager.store().snapshot()?;
    for (index, nullifier) in nullifiers {
        if let Some(by) = now.consumed_by(*nullifier)? {
            return Err(RunError::AlreadyConsumed { register: core.accesses[*index].id, by });
        }
    }
    let (run, now) = (core.time.epoch, now.epoch());
    if run == now { Ok(()) } else { Err(RunError::EpochChanged { run, now }) }
}

/// What was allowed during the run still is.
fn confirm_capabilities(core: &mut Core) -> Result<(), RunError> {
    for index in 0..core.accesses.len() {
        let facts = core.accesses[index].facts();
        for (right, handle) in core.accesses[index].granted.clone() {
            let confirmed = core.monitor.confirm(handle, &facts, right, Phase::Verification);
            confirmed.map_err(|reason| RunError::Denied { resource: facts.id, right, reason })?;
        }
    }
    Ok(())
}

/// A decision may have been another one before a block was revoked, used or not. The record says which are revoked, and not
/// since when, so such a run could not be repeated.
fn nothing_revoked_meanwhile(core: &Core) -> Result<(), RunError> {
    let revoked = core.monitor.revoked();
    match revoked.into_iter().find(|block| !core.revoked_before.contains(block)) {
        Some(block) => Err(RunError::RevokedMeanwhile(block)),
        None => Ok(()),
    }
}

/// The domains in which a run may issue, and under which logic.
type Issues = BTreeSet<(ContentId, ContentId)>;

fn consumed(core: &Core) -> impl Iterator<Item = &super::access::Access> {
    core.accesses.iter().filter(|access| access.is_consumed)
}

fn balances(core: &Core) -> Result<BalanceSheet, RunError> {
    let consumed = consumed(core).map(|access| &access.register);
    Ok(BalanceSheet::of(consumed, core.outputs.iter().map(|output| &output.register))?)
}

/// Domains are in balance under each logic, or the run may issue in them under those where they are not. Returns these. What
/// goes from one logic to another ceases to be under the first, which is shown its own registers only.
fn conserved(core: &mut Core, balances: &BalanceSheet) -> Result<Issues, RunError> {
    let mut issues = Issues::new();
    for (domain, logic, balance) in balances.uneven() {
        let not_conserved = || crate::LogicError::NotConserved { domain, logic, balance };
        let quantity = u64::try_from(balance.difference()).map_err(|_| not_conserved())?;
        // Nobody controls a domain: only roots can let a run issue in it.
        let facts = ResourceFacts { id: domain, domain, logic, quantity, controller: None };
        match core.monitor.decide(&facts, Right::Issue, Phase::Verification) {
            Ok(_) => _ = issues.insert((domain, logic)),
            // Nobody has let it issue: what is wrong is the balance.
            Err(reason) if reason <= DenyReason::NotGranted => return Err(not_conserved().into()),
            Err(reason) => return Err(RunError::Denied { resource: domain, right: Right::Issue, reason }),
        }
    }
    Ok(issues)
}

fn registers(core: &Core) -> impl Iterator<Item = &ResourceRegister> {
    consumed(core).map(|access| &access.register).chain(core.outputs.iter().map(|output| &output.register))
}

/// What a controller has in registers of one kind, before and after the run: quantity, and registers that have none.
#[derive(Clone, Copy, Default)]
struct Holding {
    quantity: [u128; 2],
    bare: [u64; 2],
}

impl Holding {
    fn add(&mut self, when: usize, register: &ResourceRegister) -> Result<(), RunError> {
        let sum = self.quantity[when].checked_add(register.quantity.into());
        self.quantity[when] = sum.ok_or(crate::LogicError::Overflow { domain: register.domain })?;
        self.bare[when] += u64::from(register.quantity == 0);
        Ok(())
    }

    /// Whether what this loses, the other can have got.
    fn loses_to(&self, other: &Holding) -> bool {
        self.quantity[1] < self.quantity[0] && other.quantity[1] > other.quantity[0]
            || self.bare[1] < self.bare[0] && other.bare[1] > other.bare[0]
    }
}

/// By domain, by metadata if that is to count, and by controller.
type Holdings<'a> = BTreeMap<(ContentId, Option<&'a [u8]>), BTreeMap<Principal, Holding>>;

fn holdings(core: &Core) -> Result<Holdings<'_>, RunError> {
    let mut holdings = Holdings::new();
    let before = consumed(core).map(|access| (0, &access.register));
    let after = core.outputs.iter().map(|output| (1, &output.register));
    for (when, register) in before.chain(after) {
        for metadata in [None, Some(&register.metadata[..])] {
            let kind = holdings.entry((register.domain, metadata)).or_default();
            kind.entry(register.controller).or_default().add(when, register)?;
        }
    }
    Ok(holdings)
}

/// What goes to another controller, went with the right to do that: in a domain as a whole, and also among registers with the
/// same metadata, so that nobody's register is exchanged for another of the same quantity.
fn transfers(core: &mut Core) -> Result<(), RunError> {
    let holdings = holdings(core)?;
    let is_lost = |register: &ResourceRegister| {
        [None, Some(&register.metadata[..])].into_iter().any(|metadata| {
            let Some(kind) = holdings.get(&(register.domain, metadata)) else { return false };
            let Some(own) = kind.get(&register.controller) else { return false };
            kind.iter().any(|(who, other)| *who != register.controller && own.loses_to(other))
        })
    };
    let mut transferred = Vec::new();
    for (index, access) in core.accesses.iter().enumerate().filter(|(_, access)| access.is_consumed) {
        let mut successors = core.outputs.iter().filter(|it| it.register.predecessor == Some(access.id));
        let is_handed_on = successors.any(|it| it.register.controller != access.register.controller);
        if is_handed_on || is_lost(&access.register) {
            transferred.push(index);
        }
    }
    for index in transferred {
        let resource = core.accesses[index].id;
        let decision = core.decide(index, Right::Transfer, Phase::Verification);
        decision.map_err(|reason| RunError::Denied { resource, right: Right::Transfer, reason })?;
    }
    Ok(())
}

/// The logic of every register that was consumed or created is asked once.
fn logics_agree(core: &Core, balances: &BalanceSheet, issues: &Issues) -> Result<(), RunError> {
    let logics: BTreeSet<_> = registers(core).map(|register| register.logic).collect();
    for logic in logics {
        let inputs = consumed(core).filter(|access| access.register.logic == logic);
        let inputs = inputs.map(|access| ConsumedInput {
            id: access.id,
            register: access.register.clone(),
            authority: authority(core, access),
        });
        let outputs = core.outputs.iter().filter(|output| output.register.logic == logic);
        let outputs = outputs.map(|it| CreatedOutput { id: it.id, register: it.register.clone() });
        let (consumed, created): (Vec<_>, Vec<_>) = (inputs.collect(), outputs.collect());
        core.manager.logics().consult(&Operation {
            logic,
            initiator: core.monitor.initiator(),
            epoch: core.time.epoch,
            consumed,
            created,
            balances: balances.under(logic).collect(),
            issues: issues.iter().filter(|(_, under)| *under == logic).map(|(domain, _)| *domain).collect(),
        })?;
    }
    Ok(())
}

fn authority(core: &Core, access: &super::access::Access) -> Vec<Principal> {
    access.consumed_by().map(|handle| core.monitor.authority(handle)).unwrap_or_default()
}
