//! The blocks that are revoked.

use std::collections::BTreeSet;

use borsh::{BorshDeserialize, BorshSerialize};

use crate::RevocationId;

/// A set of revoked blocks. It only grows.
#[derive(Clone, Debug, Default, PartialEq, Eq, BorshSerialize, BorshDeserialize)]
pub struct RevocationList(BTreeSet<RevocationId>);

impl RevocationList {
    /// The empty list.
    #[must_use]
    pub fn new() -> Self {
        Self::default()
    }

    /// Revokes a block. Returns whether it was not revoked before.
    pub fn revoke(&mut self, block: RevocationId) -> bool {
        self.0.insert(block)
    }

    /// Whether the block is revoked.
    #[must_use]
    pub fn contains(&self, block: &RevocationId) -> bool {
        self.0.contains(block)
    }

    /// The first of these blocks that is revoked.
    #[must_use]
    pub fn first_of(&self, blocks: &[RevocationId]) -> Option<RevocationId> {
        blocks.iter().copied().find(|block| self.contains(block))
    }

    /// The revoked blocks, sorted.
    pub fn iter(&self) -> impl Iterator<Item = RevocationId> {
        self.0.iter().copied()
    }
}

impl FromIterator<RevocationId> for RevocationList {
    fn from_iter<I: IntoIterator<Item = RevocationId>>(blocks: I) -> Self {
        RevocationList(blocks.into_iter().collect())
    }
}

impl Extend<RevocationId> for RevocationList {
    fn extend<I: IntoIterator<Item = RevocationId>>(&mut self, blocks: I) {
        self.0.extend(blocks);
    }
}
