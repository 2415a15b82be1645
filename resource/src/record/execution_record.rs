//! The record of a run.

use borsh::BorshSerialize;
use causality_store::{Commitment, ContentId, EncodingError, Object, ObjectKind};

use super::field::{compare_whole, named_fields};
use crate::{
    AccessRecord, BudgetRecord, ConsumedRecord, CreatedRecord, Decision, Principal, RevocationId, RunExit,
    RunInput, TransitionRecord, UpdatedRecord,
};

named_fields! {
    /// All that a run was given, did, and was allowed and denied.
    ///
    /// Its identifier stands for all of it: a change of any bit is another record. Executing the same program on
    /// the same inputs gives the same record, on every tier and machine, so that whoever doubts it can
    /// [compare](Record::diff).
    ///
    /// The roots in it are of the moment that the run saw. `state_root_after` is that of the state with this run's changes and
    /// nobody else's: the store's, if nothing was committed in between. There is no such root of the nullifiers: it
    /// contains the record's own identifier. [`Committed`](crate::Committed) has the roots of the store after the run.
    #[derive(Clone, Debug, PartialEq, Eq, BorshSerialize)]
    pub struct Record {
        /// Version of this format.
        pub version: u32,
        /// Version of the engine's semantics: what programs do does not depend on anything else of the engine.
        pub semantics: u32,
        /// The program; none if the host did it.
        pub program: Option<ContentId>,
        /// Who it was for.
        pub initiator: Principal,
        /// What the program was given.
        pub inputs: Vec<RunInput>,
        /// Records that this run relies on.
        pub parents: Vec<ContentId>,
        /// The [`TimeContext`](crate::TimeContext).
        pub time_context: ContentId,
        /// Root of the state that the run saw.
        pub state_root: Commitment,
        /// Root of the nullifiers that the run saw.
        pub nullifier_root: Commitment,
        /// Root of the state that the run saw, with what it changed.
        pub state_root_after: Commitment,
        /// The [`StateUpdateProof`](causality_store::StateUpdateProof) that the changes lead from one to the other; none if
        /// there are none.
        pub state_proof: Option<ContentId>,
        /// Hash of all changes of the state and of all nullifiers.
        pub effects: Commitment,
        /// The registers it used.
        pub accesses: Vec<AccessRecord>,
        /// The registers it used up.
        pub consumed: Vec<ConsumedRecord>,
        /// The registers it replaced.
        pub updated: Vec<UpdatedRecord>,
        /// The registers it left behind.
        pub created: Vec<CreatedRecord>,
        /// The changes of registers' states.
        pub transitions: Vec<TransitionRecord>,
        /// The capabilities it had, by handle.
        pub capabilities: Vec<ContentId>,
        /// The blocks of these that were revoked, as far as the run knew.
        pub revoked: Vec<RevocationId>,
        /// What it took from their budgets.
        pub budgets: Vec<BudgetRecord>,
        /// Every decision of the reference monitor.
        pub decisions: Vec<Decision>,
        /// What the guest published.
        pub journal: ContentId,
        /// How it ended.
        pub exit: RunExit,
        /// How much fuel it took.
        pub fuel: u64,
        /// The batch of the hashes that were asked for during the run and computed after it; none if there are none.
        pub deferred_hashes: Option<ContentId>,
        /// How many registers existed during the run, those that did not outlive it included.
        pub in_run_registers: u64,
    }
}

compare_whole!(u32, u64, Option<ContentId>, ContentId, Principal, Commitment, RunExit);

impl Record {
    /// The version of the format that this crate writes.
    pub const VERSION: u32 = 2;
}

impl Object for Record {
    const KIND: ObjectKind = ObjectKind::Record;

    /// Records of another version are refused by this field.
    fn from_bytes(bytes: &[u8]) -> Result<Self, EncodingError> {
        let version = bytes.first_chunk().map(|bytes| u32::from_le_bytes(*bytes));
        match version.filter(|version| *version != Record::VERSION) {
            Some(version) => Err(EncodingError::Malformed(format!(
                "field `version`: it is {version}, and this program knows {}",
                Record::VERSION
            ))),
            None => causality_store::decode(bytes),
        }
    }

    /// Whatever it takes to repeat the run, and what it came to besides.
    fn references(&self) -> Vec<ContentId> {
        let inputs = self.inputs.iter().map(|input| input.blob);
        let registers = self.accesses.iter().flat_map(|access| [access.register, access.entry]);
        let single = [self.time_context, self.journal].into_iter().chain(self.program);
        let single = single.chain(self.state_proof).chain(self.deferred_hashes);
        let lists = self.parents.iter().chain(&self.capabilities).copied();
        inputs.chain(registers).chain(single).chain(lists).collect()
    }
}
