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

impl Roots {
    pub(crate) fn to_bytes(self) -> [u8; 80] {
        let mut bytes = [0; 80];
        bytes[..32].copy_from_slice(self.state.as_bytes());
        bytes[32..64].copy_from_slice(self.nullifiers.as_bytes());
        bytes[64..72].copy_from_slice(&self.epoch.to_le_bytes());
        bytes[72..].copy_from_slice(&self.commits.to_le_bytes());
        bytes
    }

    pub(crate) fn from_bytes(bytes: &[u8; 80]) -> Self {
        let commitment = |at: usize| Commitment::from_bytes(std::array::from_fn(|i| bytes[at + i]));
        let number = |at: usize| u64::from_le_bytes(std::array::from_fn(|i| bytes[at + i]));
        Roots { state: commitment(0), nullifiers: commitment(32), epoch: number(64), commits: number(72) }
    }
}
