//! Where something is in the state.

use borsh::{BorshDeserialize, BorshSerialize};

use crate::ContentId;
use crate::hexadecimal::bytes32;

/// A place in the state. Usually the [`ContentId`] of an object; that object is then reachable as long as
/// there is a value under the key.
///
/// Written as 64 lower-case hexadecimal digits.
#[derive(Clone, Copy, PartialEq, Eq, Hash, PartialOrd, Ord, BorshSerialize, BorshDeserialize)]
pub struct StateKey([u8; 32]);

bytes32!(StateKey);

impl From<ContentId> for StateKey {
    fn from(id: ContentId) -> Self {
        StateKey(*id.as_bytes())
    }
}
