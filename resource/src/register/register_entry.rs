//! What the state says of a register.

use borsh::{BorshDeserialize, BorshSerialize};
use causality_store::{Object, ObjectKind};

use crate::LifecycleState;

/// The value under a register's identifier in the state. It stays there when the register is consumed, so that the
/// same register never comes to be again.
#[derive(Clone, Debug, PartialEq, Eq, Hash, BorshSerialize, BorshDeserialize)]
pub struct RegisterEntry {
    /// Where it is in its life.
    pub lifecycle: LifecycleState,
    /// The section it belongs to: a name for a group of registers.
    pub section: String,
}

impl RegisterEntry {
    /// The section of registers that nobody put into another.
    pub const DEFAULT_SECTION: &'static str = "resources";

    /// An entry in the default section.
    #[must_use]
    pub fn new(lifecycle: LifecycleState) -> Self {
        RegisterEntry { lifecycle, section: Self::DEFAULT_SECTION.to_owned() }
    }
}

impl Object for RegisterEntry {
    const KIND: ObjectKind = ObjectKind::RegisterEntry;
}
