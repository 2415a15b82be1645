//! What a record says of the state, checked without the store.

use std::collections::{BTreeMap, BTreeSet};

use causality_store::{Commitment, Nullifier, Object, StateChange, StateKey, StateUpdateProof};

use super::Record;
use crate::RunError;
use crate::run::{encode_spent, spent_key, spent_value};

const EFFECTS: &str = "causality-vm 2026-11-23 effects of a run v2";

/// What stands for all changes of the state and all nullifiers of a run.
pub(crate) fn effects(
    changes: &BTreeMap<StateKey, StateChange>,
    nullifiers: BTreeSet<Nullifier>,
) -> Result<Commitment, RunError> {
    let bytes = borsh::to_vec(&(changes, nullifiers));
    let bytes = bytes.map_err(|error| RunError::Damaged(error.to_string()))?;
    Ok(Commitment::from_bytes(blake3::derive_key(EFFECTS, &bytes)))
}

impl Record {
    /// The marks that the run left.
    #[must_use]
    pub fn nullifiers(&self) -> BTreeSet<Nullifier> {
        let consumed = self.consumed.iter().map(|it| it.nullifier);
        consumed.chain(self.updated.iter().map(|it| it.nullifier)).collect()
    }

    /// Checks that just what the run changed leads from the state that it saw to [`state_root_after`](Record#structfield.state_root_after):
    /// that each register it changed was as the record says, each that it created new, each budget what it was. Takes the
    /// object that `state_proof` names, or none, and no store.
    ///
    /// # Errors
    ///
    /// [`RunError::Field`]: this is not shown.
    pub fn check_state(&self, proof: Option<&StateUpdateProof>) -> Result<(), RunError> {
        let fails = |field: &str, why: String| RunError::Damaged(why).of_field(field);
        let id = proof.map(Object::content_id).transpose()?;
        if id != self.state_proof {
            return Err(fails("state_proof", format!("the object is {id:?}")));
        }
        let nothing = StateUpdateProof::default();
        let proof = proof.unwrap_or(&nothing);
        if effects(proof.changes(), self.nullifiers())? != self.effects {
            return Err(fails("effects", "the proof is of other changes".to_owned()));
        }
        let found: Vec<_> = proof.changes().iter().map(|(key, change)| (*key, change.before)).collect();
        let expected = self.values_before();
        if !found.iter().copied().eq(expected) {
            return Err(fails("state_proof", "it is of other keys, or of other values before".to_owned()));
        }
        let budgets = self.budgets.iter().map(|budget| (spent_key(budget.block), encode_spent(budget.after)));
        if budgets
            .into_iter()
            .any(|(key, after)| proof.changes().get(&key).is_none_or(|it| it.after != after))
        {
            return Err(fails("budgets", "the proof is of other amounts".to_owned()));
        }
        match proof.root_after(self.state_root) {
            Ok(after) if after == self.state_root_after => Ok(()),
            Ok(after) => Err(fails("state_root_after", format!("the changes lead to {after}"))),
            Err(error) => Err(fails("state_proof", error.to_string())),
        }
    }

    /// What the state had under each key that the run changed.
    fn values_before(&self) -> BTreeMap<StateKey, Option<Commitment>> {
        let changed: BTreeSet<_> = self.transitions.iter().map(|it| it.register).collect();
        let accesses = self.accesses.iter().filter(|it| changed.contains(&it.register));
        let accesses = accesses.map(|it| (StateKey::from(it.register), Some(Commitment::from(it.entry))));
        let created = self.created.iter().map(|it| (StateKey::from(it.register), None));
        let budgets = self.budgets.iter().map(|it| (spent_key(it.block), spent_value(it.before)));
        accesses.chain(created).chain(budgets).collect()
    }
}
