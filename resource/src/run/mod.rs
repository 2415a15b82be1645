//! Runs as transactions.
//!
//! A [`RunContext`] goes through its phases by type: what belongs to one phase cannot be called in another.
//!
//! ```text
//! Preparing ──start──► Executing ──finish──► Finalizing ──finalize──► Verifying ──verify──► VerifiedRun ──commit──► Committed
//!     │                    │                     │                        │                     │
//!     └────────────────────┴── dropped, or failed: nothing has happened ──┴─────────────────────┘
//! ```
//!
//! Nothing is written before the one commit at the end, so there is nothing to roll back.

mod access;
mod access_error;
mod context;
mod context_id;
mod core;
mod executing;
mod finalizing;
mod integration;
mod intent;
mod preparing;
mod register_draft;
mod run_error;
mod run_limits;
mod state_keys;
mod time_context;
mod verified_run;
mod verifying;

pub use access_error::AccessError;
pub use context::RunContext;
pub use context_id::ContextId;
pub use executing::Executing;
pub use finalizing::Finalizing;
pub use integration::ResourceVmIntegration;
pub use intent::Intent;
pub use preparing::Preparing;
pub use register_draft::RegisterDraft;
pub use run_error::{Rejected, RunError};
pub use run_limits::RunLimits;
pub use state_keys::{revocation_key, spent_key};
pub use time_context::TimeContext;
pub use verified_run::{Committed, Joined, VerifiedRun};
pub use verifying::Verifying;

pub(crate) use self::core::{Core, History, NAMED};
pub(crate) use state_keys::{decode_spent, encode_spent, spent_value};
