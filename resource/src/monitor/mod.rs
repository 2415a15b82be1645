//! The reference monitor: the one place that decides who may do what, and writes down each decision.

mod access_request;
mod decision;
mod deny_reason;
mod handle;
mod reference_monitor;
mod resource_facts;
mod revocation_list;
mod spent;
mod trusted_roots;

pub use access_request::AccessRequest;
pub use decision::{Decision, Verdict};
pub use deny_reason::DenyReason;
pub use handle::Handle;
pub use reference_monitor::ReferenceMonitor;
pub use resource_facts::ResourceFacts;
pub use revocation_list::RevocationList;
pub use spent::Spent;
pub use trusted_roots::TrustedRoots;
