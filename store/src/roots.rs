//! What stands for the whole store at one point in time.

use borsh::{BorshDeserialize, BorshSerialize};
use serde::{Deserialize, Serialize};

use crate::Commitment;

/// The roots of both trees and the time, of one and the same moment.
#[derive(
    Clone, Copy, Debug, PartialEq, Eq, Hash, Serialize, Deserialize, BorshSerialize, BorshDeserialize,
)]
pub struct Roots {
    /// Root of the state's tree.
    pub state: Commitment,
    /// Root of the nullifiers' tree.
    pub nullifiers: Commitment,
    /// Logical time.
    pub epoch: u64,
    /// Number of commits so far.
    pub commits: u64,
}
