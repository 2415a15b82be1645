//! What stands for a value, or for a whole tree of them.

use borsh::{BorshDeserialize, BorshSerialize};

use crate::ContentId;
use crate::hexadecimal::bytes32;

/// A hash that stands for something: the value under a key of the state, or the root of a tree.
///
/// The value under a key is usually the [`ContentId`] of an object; that object is then reachable.
///
/// Written as 64 lower-case hexadecimal digits.
#[derive(Clone, Copy, PartialEq, Eq, Hash, PartialOrd, Ord, BorshSerialize, BorshDeserialize)]
pub struct Commitment([u8; 32]);

bytes32!(Commitment);

impl From<ContentId> for Commitment {
    fn from(id: ContentId) -> Self {
        Commitment(*id.as_bytes())
    }
}
