//! What a store says about a record.

use causality_store::{Commitment, ContentId, Nullifier, Object, Roots, Snapshot, StateKey};

use super::{FieldDifference, Record};
use crate::run::{NAMED, decode_spent, revocation_key, spent_key};
use crate::{LifecycleState, RegisterEntry, RunError, TimeContext};

/// Whether a run took effect, as far as a store can tell without repeating it.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Standing {
    /// The roots right after the run, if it is in the store's list of records.
    pub committed: Option<Roots>,
    /// The fields that the store contradicts: a register that something else has consumed, for example. On the left is what
    /// the store has.
    pub contradictions: Vec<FieldDifference>,
}

impl Standing {
    /// What `snapshot` says about `record`. When a block was revoked is not in the state, so
    /// that nothing can be said of one that is revoked and was used.
    pub(crate) fn of(record: &Record, snapshot: &Snapshot) -> Result<Self, RunError> {
        let id = record.content_id()?;
        let mut standing = Standing { committed: snapshot.roots_after(id)?, contradictions: Vec::new() };
        standing.check_parents(record, snapshot)?;
        standing.check_time(record, snapshot)?;
        standing.check_nullifiers(record, id, snapshot)?;
        standing.check_created(record, snapshot)?;
        standing.check_budgets(record, snapshot)?;
        standing.check_revoked(record, snapshot)?;
        Ok(standing)
    }

    /// Whether it took effect, and all of it is as the record says.
    #[must_use]
    pub fn is_committed(&self) -> bool {
        self.committed.is_some() && self.contradictions.is_empty()
    }

    fn contradict(&mut self, field: impl Into<String>, store: impl Into<String>, record: impl Into<String>) {
        let (field, left, right) = (field.into(), store.into(), record.into());
        self.contradictions.push(FieldDifference { field, left, right });
    }

    fn check_parents(&mut self, record: &Record, snapshot: &Snapshot) -> Result<(), RunError> {
        for (index, parent) in record.parents.iter().enumerate() {
            if snapshot.roots_after(*parent)?.is_none() {
                self.contradict(format!("parents[{index}]"), "no such record", parent.to_string());
            }
        }
        Ok(())
    }

    fn check_time(&mut self, record: &Record, snapshot: &Snapshot) -> Result<(), RunError> {
        let time: TimeContext = match snapshot.get_within(record.time_context, NAMED) {
            Ok(time) => time,
            Err(error) if error.is_about_object() => {
                self.contradict("time_context", error.to_string(), record.time_context.to_string());
                return Ok(());
            }
            Err(error) => return Err(error.into()),
        };
        let latest = self.committed.map_or(snapshot.epoch(), |roots| roots.epoch);
        if time.epoch > latest || self.committed.is_some() && time.epoch != latest {
            self.contradict("time_context", format!("epoch {latest}"), format!("epoch {}", time.epoch));
        }
        let roots = [
            ("state_root", time.state, record.state_root),
            ("nullifier_root", time.nullifiers, record.nullifier_root),
        ];
        for (field, store, claimed) in roots {
            if store != claimed {
                self.contradict(field, store.to_string(), claimed.to_string());
            }
        }
        Ok(())
    }

    /// Each register was used up by this run, and by no other.
    fn check_nullifiers(
        &mut self,
        record: &Record,
        id: ContentId,
        snapshot: &Snapshot,
    ) -> Result<(), RunError> {
        let consumed = record.consumed.iter().map(|it| (it.register, it.nullifier)).enumerate();
        let consumed = consumed.map(|(index, it)| (format!("consumed[{index}]"), it));
        let updated = record.updated.iter().map(|it| (it.register, it.nullifier)).enumerate();
        let updated = updated.map(|(index, it)| (format!("updated[{index}]"), it));
        for (field, (register, nullifier)) in consumed.chain(updated) {
            self.check_nullifier(&field, id, nullifier, snapshot)?;
            if self.committed.is_none() {
                continue;
            }
            match entry(register, snapshot)? {
                Some(entry) if matches!(entry.lifecycle, LifecycleState::Consumed { .. }) => {}
                Some(entry) => self.contradict(field, entry.lifecycle.to_string(), "consumed"),
                None => self.contradict(field, "no such register", register.to_string()),
            }
        }
        Ok(())
    }

    fn check_nullifier(
        &mut self,
        field: &str,
        id: ContentId,
        nullifier: Nullifier,
        snapshot: &Snapshot,
    ) -> Result<(), RunError> {
        let found = snapshot.consumed_by(nullifier)?;
        if found != self.committed.map(|_| id) {
            let found = found.map_or("not consumed".to_owned(), |by| format!("consumed by {by}"));
            self.contradict(field, found, format!("consumed by {id}"));
        }
        Ok(())
    }

    fn check_created(&mut self, record: &Record, snapshot: &Snapshot) -> Result<(), RunError> {
        for (index, created) in record.created.iter().enumerate() {
            let is_there = snapshot.state(StateKey::from(created.register))?.is_some();
            if is_there != self.committed.is_some() {
                let found = if is_there { "it exists" } else { "no such register" };
                self.contradict(format!("created[{index}]"), found, created.register.to_string());
            }
        }
        Ok(())
    }

    /// What was revoked still is. Of a run without a guest nothing can be said: the host can have had a list of its own.
    fn check_revoked(&mut self, record: &Record, snapshot: &Snapshot) -> Result<(), RunError> {
        for (index, block) in record.revoked.iter().enumerate().filter(|_| record.program.is_some()) {
            if snapshot.state(revocation_key(*block))?.is_none() {
                self.contradict(format!("revoked[{index}]"), "not revoked", block.to_string());
            }
        }
        Ok(())
    }

    /// What is spent only grows.
    fn check_budgets(&mut self, record: &Record, snapshot: &Snapshot) -> Result<(), RunError> {
        if self.committed.is_none() {
            return Ok(());
        }
        for (index, budget) in record.budgets.iter().enumerate() {
            let value: Option<Commitment> = snapshot.state(spent_key(budget.block))?;
            let spent = value.and_then(decode_spent).unwrap_or_default();
            if spent.uses < budget.after.uses || spent.quantity < budget.after.quantity {
                self.contradict(
                    format!("budgets[{index}]"),
                    format!("{spent:?}"),
                    format!("{:?}", budget.after),
                );
            }
        }
        Ok(())
    }
}

fn entry(register: ContentId, snapshot: &Snapshot) -> Result<Option<RegisterEntry>, RunError> {
    let value = snapshot.state(StateKey::from(register))?;
    let entry = |value: Commitment| snapshot.get_within(ContentId::from_bytes(*value.as_bytes()), NAMED);
    Ok(value.map(entry).transpose()?)
}
