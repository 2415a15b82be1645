//! The contract that every executor obeys: hart, memory, traps, exits, fuel and the machine's life cycle.
//!
//! Nothing here knows what an instruction does. The interpreter and the native tiers each bring
//! their own semantics and meet in these types, so that one can be checked against the other:
//! for the same [`Machine`] and the same host they must produce the same [`Exit`], the same
//! [`Hart`] and the same [`Memory`].
//!
//! `unsafe` is confined to `memory`, the island that owns the mapped guest memory.

pub use causality_isa as isa;

mod breakpoints;
mod executor;
mod exit;
mod hart;
mod image;
mod limits;
mod machine;
pub mod memory;
mod pause;
pub mod registers;
mod state;
mod tracked;
mod trap;
mod version;

pub use breakpoints::Breakpoints;
pub use executor::{Executor, Flow, Host, HostError, Otherwise, call_host, settle_registers};
pub use exit::{Exit, PauseReason};
pub use hart::{Hart, Reservation};
pub use image::{Image, ImageError, ImageSegment};
pub use limits::{InvalidLimits, Limits, OnMemoryLimit};
pub use machine::{BeforeCall, Machine, RETURN_GATE, RunError, Standing};
pub use memory::Memory;
pub use pause::PauseHandle;
pub use state::{IllegalTransition, VmState};
pub use tracked::Tracked;
pub use trap::{Cause, Fault, Trap};
