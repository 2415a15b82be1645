//! What a decision about a resource depends on.

use causality_store::ContentId;

use crate::{Principal, Target};

/// The fields of a resource register that capabilities are about.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct ResourceFacts {
    /// Its identifier.
    pub id: ContentId,
    /// Its fungibility domain.
    pub domain: ContentId,
    /// Its logic.
    pub logic: ContentId,
    /// How much of the domain it holds.
    pub quantity: u64,
    /// Who controls it; nobody controls a domain.
    pub controller: Option<Principal>,
}

impl ResourceFacts {
    /// The targets that cover it.
    #[must_use]
    pub fn targets(&self) -> [Target; 4] {
        [Target::Any, Target::Resource(self.id), Target::Domain(self.domain), Target::Logic(self.logic)]
    }

    /// Whether the target covers it.
    #[must_use]
    pub fn matches(&self, target: &Target) -> bool {
        self.targets().contains(target)
    }
}
