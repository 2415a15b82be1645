//! Resource registers: what they hold, who may use them, and how a run that used them takes effect.
//!
//! A resource register is used once. Runs read and consume registers and create others; each access is
//! decided by one [`ReferenceMonitor`] from signed [`Capability`] tokens.

#![forbid(unsafe_code)]

mod capability;
mod hex;
mod monitor;
mod phase;
mod principal;
mod right;
mod rights;

pub use capability::{
    Attenuation, Budget, Capability, CapabilityError, Grant, KeyPair, Limits, ParseRevocationIdError,
    ParseTargetError, Phases, RevocationId, Target, VerifiedCapability,
};
pub use monitor::{
    AccessRequest, Decision, DenyReason, Handle, ReferenceMonitor, ResourceFacts, RevocationList, Spent,
    TrustedRoots, Verdict,
};
pub use phase::Phase;
pub use principal::{ParsePrincipalError, Principal};
pub use right::Right;
pub use rights::{ParseRightsError, Rights};
