//! The name of a run while it runs.

use core::fmt;

/// Hash of all that a run was given, time included. Mappings belong to it.
#[derive(Clone, Copy, PartialEq, Eq, Hash, PartialOrd, Ord)]
pub struct ContextId([u8; 32]);

impl ContextId {
    const CONTEXT: &'static str = "causality-vm 2026-11-23 run context v1";

    pub(super) fn of(given: &[u8]) -> Self {
        ContextId(blake3::derive_key(Self::CONTEXT, given))
    }

    /// The bytes.
    #[must_use]
    pub const fn as_bytes(&self) -> &[u8; 32] {
        &self.0
    }
}

impl fmt::Display for ContextId {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        self.0.iter().try_for_each(|byte| write!(f, "{byte:02x}"))
    }
}

impl fmt::Debug for ContextId {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(f, "ContextId({self})")
    }
}
