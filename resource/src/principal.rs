//! Who acts: the public key of a controller, an issuer, a holder or an initiator.

use core::fmt;
use core::str::FromStr;

use borsh::{BorshDeserialize, BorshSerialize};

/// An Ed25519 public key that stands for whoever has its secret.
///
/// Written as `ed25519:` and 64 lower-case hexadecimal digits.
///
/// ```
/// use causality_resource::Principal;
///
/// let who = Principal::from_bytes([7; 32]);
/// assert_eq!(who.to_string().parse(), Ok(who));
/// ```
#[derive(Clone, Copy, PartialEq, Eq, Hash, PartialOrd, Ord, BorshSerialize, BorshDeserialize)]
pub struct Principal([u8; 32]);

impl Principal {
    /// What the text form begins with.
    pub const PREFIX: &'static str = "ed25519:";

    /// The principal with these 32 bytes for a key. Whether they are a point of the curve shows
    /// when a signature is verified.
    #[must_use]
    pub const fn from_bytes(bytes: [u8; 32]) -> Self {
        Principal(bytes)
    }

    /// The public key.
    #[must_use]
    pub const fn as_bytes(&self) -> &[u8; 32] {
        &self.0
    }
}

impl fmt::Display for Principal {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str(Self::PREFIX)?;
        self.0.iter().try_for_each(|byte| write!(f, "{byte:02x}"))
    }
}

impl fmt::Debug for Principal {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(f, "Principal({self})")
    }
}

/// A text is not a [`Principal`].
#[derive(Clone, Copy, Debug, PartialEq, Eq, thiserror::Error)]
#[error("a principal is `{}` and 64 lower-case hexadecimal digits", Principal::PREFIX)]
pub struct ParsePrincipalError;

impl FromStr for Principal {
    type Err = ParsePrincipalError;

    fn from_str(text: &str) -> Result<Self, Self::Err> {
        let digits = text.strip_prefix(Self::PREFIX).ok_or(ParsePrincipalError)?;
        crate::hex::bytes32(digits).map(Principal).ok_or(ParsePrincipalError)
    }
}
