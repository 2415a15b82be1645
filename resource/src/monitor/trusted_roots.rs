//! Whose word counts.

use std::collections::BTreeSet;

use borsh::{BorshDeserialize, BorshSerialize};

use crate::{DenyReason, Principal, ResourceFacts};

/// The issuers that are believed. By default nobody is.
#[derive(Clone, Debug, Default, PartialEq, Eq, BorshSerialize, BorshDeserialize)]
pub struct TrustedRoots {
    roots: BTreeSet<Principal>,
    controllers: bool,
}

impl TrustedRoots {
    /// Nobody.
    #[must_use]
    pub fn new() -> Self {
        Self::default()
    }

    /// Also believes this issuer, about every resource.
    #[must_use]
    pub fn with_root(mut self, root: Principal) -> Self {
        self.roots.insert(root);
        self
    }

    /// Also believes each controller, about the resources that it controls.
    #[must_use]
    pub fn with_controllers(mut self) -> Self {
        self.controllers = true;
        self
    }

    /// The issuers that are believed about every resource.
    pub fn iter(&self) -> impl Iterator<Item = Principal> {
        self.roots.iter().copied()
    }

    /// Whether each controller is believed about what it controls.
    #[must_use]
    pub const fn trusts_controllers(&self) -> bool {
        self.controllers
    }

    /// Whether a capability of this issuer about this resource is believed.
    ///
    /// # Errors
    ///
    /// [`DenyReason::IssuerNotTrusted`].
    pub fn trusts(&self, issuer: Principal, resource: &ResourceFacts) -> Result<(), DenyReason> {
        let is_controller = self.controllers && resource.controller == Some(issuer);
        if self.roots.contains(&issuer) || is_controller {
            return Ok(());
        }
        Err(DenyReason::IssuerNotTrusted(issuer))
    }
}
