//! What is asked of the monitor.

use crate::{Phase, Principal, ResourceFacts, Right};

/// May this initiator do this to this resource, in this phase and epoch?
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct AccessRequest {
    /// Who asks. The embedder has authenticated them.
    pub initiator: Principal,
    /// What it is about.
    pub resource: ResourceFacts,
    /// What is to be done.
    pub right: Right,
    /// Where the run is.
    pub phase: Phase,
    /// When: the epoch that the run has frozen.
    pub epoch: u64,
}
