//! Time, as a run has it.

use std::collections::BTreeMap;

use borsh::{BorshDeserialize, BorshSerialize};
use causality_store::{Commitment, Object, ObjectKind};

/// What a run sees of time: frozen before it starts, and part of its record. There is no other time in a run.
#[derive(Clone, Debug, PartialEq, Eq, Hash, BorshSerialize, BorshDeserialize)]
pub struct TimeContext {
    /// Logical time of the store.
    pub epoch: u64,
    /// Root of the state.
    pub state: Commitment,
    /// Root of the nullifiers.
    pub nullifiers: Commitment,
    /// Heights of other domains, as the embedder observed them, by name.
    pub heights: BTreeMap<String, u64>,
}

impl Object for TimeContext {
    const KIND: ObjectKind = ObjectKind::TimeContext;
}
