//! Resource registers: what they hold, who may use them, and how a run that used them takes effect.
//!
//! A resource register is used once. Runs read and consume registers and create others; each access is
//! decided by one [`ReferenceMonitor`] from signed [`Capability`] tokens.

#![forbid(unsafe_code)]

mod capability;
mod hex;
mod logic;
mod monitor;
mod phase;
mod principal;
mod record;
mod register;
mod resource_manager;
mod right;
mod rights;
mod run;
mod watch;

pub use capability::{
    Attenuation, Budget, Capability, CapabilityError, Grant, KeyPair, Limits, ParseRevocationIdError,
    ParseTargetError, Phases, RevocationId, Target, VerifiedCapability,
};
pub use logic::{
    Balance, BalanceSheet, ConsumedInput, CreatedOutput, Data, LogicError, LogicLoader, Logics, Operation,
    Refusal, ResourceLogic, Token,
};
pub use monitor::{
    AccessRequest, Decision, DenyReason, Handle, ReferenceMonitor, ResourceFacts, RevocationList, Spent,
    TrustedRoots, Verdict,
};
pub use phase::Phase;
pub use principal::{ParsePrincipalError, Principal};
pub use record::{
    AccessRecord, BudgetRecord, ConsumedRecord, CreatedRecord, FieldDifference, Record, RunExit, RunInput,
    Standing, UpdatedRecord,
};
pub use register::{
    IllegalTransition, LifecycleState, RegisterEntry, ResourceRegister, Transition, TransitionRecord,
};
pub use resource_manager::ResourceManager;
pub use right::Right;
pub use rights::{ParseRightsError, Rights};
pub use run::{
    AccessError, Committed, ContextId, Executing, Finalizing, Intent, Joined, Preparing, RegisterDraft,
    Rejected, ResourceVmIntegration, RunContext, RunError, RunLimits, TimeContext, VerifiedRun, Verifying,
    revocation_key, spent_key,
};
pub use watch::RevocationWatch;
