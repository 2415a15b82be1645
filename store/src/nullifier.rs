//! What is left of a resource that was consumed.

use borsh::{BorshDeserialize, BorshSerialize};

use crate::hexadecimal::bytes32;

/// The mark that consuming a resource leaves. It is the same each time the same resource is consumed, so that
/// the second time is refused; it does not tell which resource it was.
///
/// Written as 64 lower-case hexadecimal digits.
#[derive(Clone, Copy, PartialEq, Eq, Hash, PartialOrd, Ord, BorshSerialize, BorshDeserialize)]
pub struct Nullifier([u8; 32]);

bytes32!(Nullifier);
