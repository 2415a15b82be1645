//! The name under which a block of a capability is revoked.

use core::fmt;
use core::str::FromStr;

use borsh::{BorshDeserialize, BorshSerialize};

/// BLAKE3 of a block's signature. Revoking it revokes every capability that contains the block.
///
/// Written as `revocation:` and 64 lower-case hexadecimal digits.
#[derive(Clone, Copy, PartialEq, Eq, Hash, PartialOrd, Ord, BorshSerialize, BorshDeserialize)]
pub struct RevocationId([u8; 32]);

impl RevocationId {
    /// What the text form begins with.
    pub const PREFIX: &'static str = "revocation:";
    const CONTEXT: &'static str = "causality-vm 2026-11-22 revocation id v1";

    /// The identifier of the block that has this signature.
    #[must_use]
    pub fn of_signature(signature: &[u8]) -> Self {
        RevocationId(blake3::derive_key(Self::CONTEXT, signature))
    }

    /// The identifier with these bytes.
    #[must_use]
    pub const fn from_bytes(bytes: [u8; 32]) -> Self {
        RevocationId(bytes)
    }

    /// The bytes.
    #[must_use]
    pub const fn as_bytes(&self) -> &[u8; 32] {
        &self.0
    }
}

impl fmt::Display for RevocationId {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str(Self::PREFIX)?;
        self.0.iter().try_for_each(|byte| write!(f, "{byte:02x}"))
    }
}

impl fmt::Debug for RevocationId {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(f, "RevocationId({self})")
    }
}

/// A text is not a [`RevocationId`].
#[derive(Clone, Copy, Debug, PartialEq, Eq, thiserror::Error)]
#[error("a revocation id is `{}` and 64 lower-case hexadecimal digits", RevocationId::PREFIX)]
pub struct ParseRevocationIdError;

impl FromStr for RevocationId {
    type Err = ParseRevocationIdError;

    fn from_str(text: &str) -> Result<Self, Self::Err> {
        let digits = text.strip_prefix(Self::PREFIX).ok_or(ParseRevocationIdError)?;
        crate::hex::bytes32(digits).map(RevocationId).ok_or(ParseRevocationIdError)
    }
}
