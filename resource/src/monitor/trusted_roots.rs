//! Whose word counts.

use std::collections::BTreeSet;

use crate::{DenyReason, Principal, ResourceFacts};

/// The issuers that are believed. By default nobody is.
#[derive(Clone, Debug, Default, PartialEq, Eq)]
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
