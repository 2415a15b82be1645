//! A record, told to people; with what the store adds to it, if there is one.

use std::collections::BTreeMap;
use std::fmt;

use causality_store::{Roots, Store};
use causality_vm::ContentId;
use causality_vm::resource::{
    AccessRecord, Decision, Record, ResourceRegister, RunError, TimeContext, Transition, Verdict,
};

use crate::failure::Failure;
use crate::names;

/// The most bytes that a run can have published.
const JOURNAL: u64 = 64 << 20;
/// How many of them are shown.
const SHOWN: usize = 32;

/// What there is to tell of a record.
pub(crate) struct Account<'a> {
    pub(crate) record: &'a Record,
    pub(crate) id: ContentId,
    /// Whether the store has it as that of a run that took effect.
    pub(crate) took_effect: Option<bool>,
    /// The roots of the store right after it, if so.
    pub(crate) roots: Option<Roots>,
    /// The registers in it that the store has.
    pub(crate) registers: BTreeMap<ContentId, ResourceRegister>,
    /// The names of their domains, or what they are instead of one.
    pub(crate) domains: BTreeMap<ContentId, String>,
    /// What was published.
    pub(crate) journal: Option<Vec<u8>>,
    /// When it was.
    pub(crate) time: Option<TimeContext>,
}

impl<'a> Account<'a> {
    pub(crate) fn new(record: &'a Record, id: ContentId, store: Option<&Store>) -> Result<Self, Failure> {
        let (registers, domains) = Default::default();
        let (took_effect, roots, journal, time) = (None, None, None, None);
        let mut account = Account { record, id, took_effect, roots, registers, domains, journal, time };
        if let Some(store) = store {
            account.look_up(store).map_err(Failure::new)?;
        }
        Ok(account)
    }

    fn look_up(&mut self, store: &Store) -> Result<(), RunError> {
        let snapshot = store.snapshot()?;
        self.roots = snapshot.roots_after(self.id)?;
        self.took_effect = Some(self.roots.is_some());
        let record = self.record;
        let used = record.accesses.iter().map(|it| it.register);
        let gone = record.consumed.iter().map(|it| it.register);
        let replaced = record.updated.iter().map(|it| it.register);
        for id in used.chain(gone).chain(replaced).chain(record.created.iter().map(|it| it.register)) {
            if snapshot.kind(id)?.is_some() {
                let register: ResourceRegister = snapshot.get(id)?;
                self.domains.insert(register.domain, names::domain(&snapshot, register.domain));
                self.registers.insert(id, register);
            }
        }
        if snapshot.kind(record.journal)?.is_some() {
            self.journal = Some(snapshot.bytes(record.journal, JOURNAL)?);
        }
        if snapshot.kind(record.time_context)?.is_some() {
            self.time = Some(snapshot.get(record.time_context)?);
        }
        Ok(())
    }

    /// What a register holds, if that is known.
    fn holds(&self, id: ContentId) -> String {
        self.registers.get(&id).map_or_else(String::new, |register| {
            let (quantity, controller) = (register.quantity, register.controller);
            let domain = self.domains.get(&register.domain).map_or("", String::as_str);
            let logic = names::logic(register.logic);
            format!("\n            {quantity} {domain}, of {controller}, {logic}")
        })
    }
}

impl fmt::Display for Account<'_> {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        let record = self.record;
        line(f, "record", self.id)?;
        match (self.took_effect, record.exit.is_success()) {
            (Some(true), _) => line(f, "effect", "all of it took effect")?,
            (Some(false), _) => line(f, "effect", "none: the store has no such run")?,
            (None, false) => line(f, "effect", "none: it did not succeed")?,
            (None, true) => {}
        }
        line(f, "exit", names::exit(&record.exit))?;
        line(f, "initiator", record.initiator)?;
        match record.program {
            Some(program) => line(f, "program", program)?,
            None => line(f, "program", "none, the host did it")?,
        }
        line(f, "fuel", record.fuel)?;
        if let Some(time) = &self.time {
            line(f, "epoch", time.epoch)?;
        }
        self.registers(f)?;
        self.decisions(f)?;
        self.rest(f)
    }
}

impl Account<'_> {
    fn registers(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        let record = self.record;
        let is_gone = |id| {
            record.consumed.iter().any(|it| it.register == id)
                || record.updated.iter().any(|it| it.register == id)
        };
        // Of a run that was refused, nothing has become.
        let is_spared = |used: &&AccessRecord| used.intent.consumes() && !is_gone(used.register);
        for spared in record.accesses.iter().filter(is_spared) {
            let holds = self.holds(spared.register);
            line(f, "declared", format!("to {} {}{holds}", spared.intent, spared.register))?;
        }
        for used in record.accesses.iter().filter(|used| !used.intent.consumes()) {
            line(f, used.intent.name(), format!("{}{}", used.register, self.holds(used.register)))?;
        }
        for consumed in &record.consumed {
            line(f, "consumed", format!("{}{}", consumed.register, self.holds(consumed.register)))?;
            line(f, "", format!("nullifier {}", consumed.nullifier))?;
        }
        for updated in &record.updated {
            line(f, "updated", format!("{}{}", updated.register, self.holds(updated.register)))?;
            line(f, "", format!("nullifier {}", updated.nullifier))?;
            updated.successors.iter().try_for_each(|to| line(f, "", format!("to {to}")))?;
        }
        for created in &record.created {
            line(f, "created", format!("{}{}", created.register, self.holds(created.register)))?;
            created.predecessor.map_or(Ok(()), |from| line(f, "", format!("from {from}")))?;
        }
        let mut changes = record.transitions.iter().filter(|it| it.transition != Transition::Consume);
        changes.try_for_each(|change| line(f, "changed", change))
    }

    fn decisions(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        for Decision { resource, right, phase, verdict, capability, .. } in &self.record.decisions {
            match verdict {
                Verdict::Allowed => {
                    line(f, "allowed", format!("to {right} {resource}, in {phase}"))?;
                    capability.last().map_or(Ok(()), |block| line(f, "", format!("by {block}")))?;
                }
                Verdict::Denied(reason) => {
                    line(f, "denied", format!("to {right} {resource}, in {phase}"))?;
                    line(f, "", format!("because {reason}"))?;
                }
            }
        }
        Ok(())
    }

    fn rest(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        let record = self.record;
        record.capabilities.iter().try_for_each(|capability| line(f, "capability", capability))?;
        record.revoked.iter().try_for_each(|block| line(f, "revoked", block))?;
        for budget in &record.budgets {
            let (before, after) = (budget.before, budget.after);
            line(f, "budget", budget.block)?;
            let spent = format!("uses {} -> {}, ", before.uses, after.uses);
            line(f, "", spent + &format!("quantity {} -> {}", before.quantity, after.quantity))?;
        }
        record
            .inputs
            .iter()
            .try_for_each(|input| line(f, "input", format!("{} {}", input.name, input.blob)))?;
        record.parents.iter().try_for_each(|parent| line(f, "parent", parent))?;
        line(f, "journal", record.journal)?;
        if let Some(journal) = self.journal.as_deref().filter(|journal| !journal.is_empty()) {
            let shown: String = journal.iter().take(SHOWN).map(|byte| format!("{byte:02x}")).collect();
            let more = if journal.len() > SHOWN { "..." } else { "" };
            line(f, "", format!("{} bytes: {shown}{more}", journal.len()))?;
        }
        record.deferred_hashes.map_or(Ok(()), |hashes| line(f, "hashes", hashes))?;
        line(f, "in the run", format!("{} registers", record.in_run_registers))?;
        line(f, "time", record.time_context)?;
        line(f, "state", record.state_root)?;
        line(f, "  after it", record.state_root_after)?;
        record.state_proof.map_or(Ok(()), |proof| line(f, "  proof", proof))?;
        line(f, "nullifiers", record.nullifier_root)?;
        if let Some(roots) = &self.roots {
            line(f, "store after", format!("commit {}", roots.commits))?;
            line(f, "  state", roots.state)?;
            line(f, "  nullifiers", roots.nullifiers)?;
        }
        line(f, "effects", record.effects)?;
        line(f, "semantics", record.semantics)
    }
}

fn line(f: &mut fmt::Formatter<'_>, name: &str, what: impl fmt::Display) -> fmt::Result {
    writeln!(f, "{name:<11} {what}")
}
