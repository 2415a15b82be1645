//! The engine for C: the nouns of the Rust API behind opaque handles, and errors as objects.
//!
//! This crate is an island of `unsafe`, and a thin one: it turns pointers into references, which only its callers can
//! vouch for, and has no other work to do. A handle is a `Box` of one of ours; NULL is `None`, and an error where a handle is
//! needed. No panic leaves a function: it becomes an error, or ends the process where a function returns none.
//! `include/causality_vm.h` is generated from here.

pub mod callback;
pub mod config;
pub mod engine;
pub mod error;
pub mod exit;
pub mod instance;
pub mod linker;
pub mod options;
mod pointer;
pub mod snapshot;

pub use callback::{Caller, Delete, Flow, HostFunction, InstanceData, Write};
pub use config::{Config, Tier};
pub use engine::{Engine, Module};
pub use error::{Error, ErrorKind};
pub use exit::{Exit, ExitKind, State};
pub use instance::{Instance, PauseHandle, Registers, Text};
pub use linker::Linker;
pub use options::Options;
pub use snapshot::{Bytes, Snapshot};
