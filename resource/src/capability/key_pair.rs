//! The secret key of a principal.

use core::fmt;

use biscuit_auth::builder::Algorithm;

use crate::{CapabilityError, Principal};

/// An Ed25519 key pair: it issues capabilities and hands on those that its principal holds.
pub struct KeyPair(pub(super) biscuit_auth::KeyPair);

impl KeyPair {
    /// The key pair with this secret.
    ///
    /// # Errors
    ///
    /// [`CapabilityError::Malformed`]: not a secret key.
    pub fn from_secret(secret: &[u8; 32]) -> Result<Self, CapabilityError> {
        let key = biscuit_auth::PrivateKey::from_bytes(secret, Algorithm::Ed25519);
        let key = key.map_err(|error| CapabilityError::Malformed(error.to_string()))?;
        Ok(KeyPair(biscuit_auth::KeyPair::from(&key)))
    }

    /// A new key pair, from the randomness of the operating system.
    #[must_use]
    pub fn generate() -> Self {
        KeyPair(biscuit_auth::KeyPair::new())
    }

    /// Whose key this is.
    #[must_use]
    pub fn principal(&self) -> Principal {
        Principal::from_bytes(fixed(&self.0.public().to_bytes()))
    }

    /// The secret: keep it.
    #[must_use]
    pub fn secret(&self) -> [u8; 32] {
        fixed(&self.0.private().to_bytes())
    }
}

/// Ed25519 keys have 32 bytes; missing ones would be zero, and such a key verifies nothing.
fn fixed(bytes: &[u8]) -> [u8; 32] {
    let mut fixed = [0; 32];
    fixed.iter_mut().zip(bytes).for_each(|(to, from)| *to = *from);
    fixed
}

impl fmt::Debug for KeyPair {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(f, "KeyPair({})", self.principal())
    }
}
