//! What a run did, as a logic sees it.

use borsh::{BorshDeserialize, BorshSerialize};
use causality_store::{ContentId, EncodingError};

use crate::{Balance, Principal, ResourceRegister};

/// A register that a run consumed.
#[derive(Clone, Debug, PartialEq, Eq, BorshSerialize, BorshDeserialize)]
pub struct ConsumedInput {
    /// Its identifier.
    pub id: ContentId,
    /// What it held.
    pub register: ResourceRegister,
    /// Whose authority the capability carried: of its issuer, and of each of its holders.
    pub authority: Vec<Principal>,
}

/// A register that a run created.
#[derive(Clone, Debug, PartialEq, Eq, BorshSerialize, BorshDeserialize)]
pub struct CreatedOutput {
    /// Its identifier.
    pub id: ContentId,
    /// What it holds.
    pub register: ResourceRegister,
}

/// All that a run did to the registers of one logic. The canonical encoding is what a logic that is a guest
/// program is given.
#[derive(Clone, Debug, PartialEq, Eq, BorshSerialize, BorshDeserialize)]
pub struct Operation {
    /// The logic.
    pub logic: ContentId,
    /// Who the run was for.
    pub initiator: Principal,
    /// The epoch of the run.
    pub epoch: u64,
    /// What it consumed, in the order in which it was declared.
    pub consumed: Vec<ConsumedInput>,
    /// What it created.
    pub created: Vec<CreatedOutput>,
    /// The domains that these registers are of, with the sums of these registers alone.
    pub balances: Vec<(ContentId, Balance)>,
    /// The domains among them in which the sums differ, and the run was allowed to issue under this logic.
    pub issues: Vec<ContentId>,
}

impl Operation {
    /// The canonical bytes.
    ///
    /// # Errors
    ///
    /// [`EncodingError::Unencodable`].
    pub fn to_bytes(&self) -> Result<Vec<u8>, EncodingError> {
        borsh::to_vec(self).map_err(|error| EncodingError::Unencodable(error.to_string()))
    }
}
