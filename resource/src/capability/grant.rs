//! What an issuer grants.

use crate::{CapabilityError, Limits, Phases, Principal, Rights, Target};

/// The content of a capability's first block.
///
/// ```
/// use causality_resource::{Grant, KeyPair, Rights, Target};
///
/// let (issuer, holder) = (KeyPair::generate(), KeyPair::generate());
/// let rights: Rights = "read,consume".parse()?;
/// let grant = Grant::new(holder.principal(), Target::Any, rights).expires_at(100).max_uses(3);
/// let capability = grant.issue(&issuer)?;
/// assert_eq!(capability.verify()?.holder(), holder.principal());
/// # Ok::<(), Box<dyn std::error::Error>>(())
/// ```
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Grant {
    /// Who may use it.
    pub holder: Principal,
    /// What it is about.
    pub target: Target,
    /// What it allows.
    pub rights: Rights,
    /// Further limits.
    pub limits: Limits,
}

impl Grant {
    /// A grant without further limits.
    #[must_use]
    pub fn new(holder: Principal, target: Target, rights: Rights) -> Self {
        Grant { holder, target, rights, limits: Limits::default() }
    }

    /// Not valid before this epoch.
    #[must_use]
    pub fn valid_from(mut self, epoch: u64) -> Self {
        self.limits.valid_from = Some(epoch);
        self
    }

    /// Not valid any more in this epoch, nor in any after it.
    #[must_use]
    pub fn expires_at(mut self, epoch: u64) -> Self {
        self.limits.expires_at = Some(epoch);
        self
    }

    /// Only in these phases of a run.
    #[must_use]
    pub fn phases(mut self, phases: Phases) -> Self {
        self.limits.phases = Some(phases);
        self
    }

    /// At most so many uses, by the holder and by whoever it is handed on to, together.
    #[must_use]
    pub fn max_uses(mut self, uses: u64) -> Self {
        self.limits.max_uses = Some(uses);
        self
    }

    /// At most this quantity consumed, updated or issued, over all uses.
    #[must_use]
    pub fn max_quantity(mut self, quantity: u64) -> Self {
        self.limits.max_quantity = Some(quantity);
        self
    }

    /// The capability, signed.
    ///
    /// # Errors
    ///
    /// [`CapabilityError::OutOfRange`]: a number is above `i64::MAX`.
    pub fn issue(&self, issuer: &crate::KeyPair) -> Result<crate::Capability, CapabilityError> {
        crate::Capability::issue(issuer, self)
    }
}
