//! What engines count, for whoever installs a recorder of the `metrics` facade; `docs/observability.md` has the names.
//!
//! All of it happens at the edges of a run, never within one. Without a recorder it costs a few nanoseconds a run.

use std::time::Duration;

use causality_machine::{Exit, PauseReason};
use metrics::{counter, histogram};

/// A program was read.
pub(crate) fn loaded(time: Duration) {
    counter!("causality_modules").increment(1);
    histogram!("causality_load_seconds").record(time);
}

/// An instance was made.
pub(crate) fn instantiated() {
    counter!("causality_instances").increment(1);
}

/// A run has ended; `None` if the host failed.
pub(crate) fn ran(exit: Option<Exit>, instructions: u64, time: Duration) {
    counter!("causality_runs").increment(1);
    counter!("causality_instructions").increment(instructions);
    histogram!("causality_run_seconds").record(time);
    histogram!("causality_run_instructions").record(instructions as f64);
    counter!("causality_exits", "kind" => kind(exit)).increment(1);
    if let Some(Exit::Trap(trap)) = exit {
        counter!("causality_traps", "cause" => trap.cause.description()).increment(1);
    }
}

/// A transaction was to take effect.
pub(crate) fn committed(is_done: bool, time: Duration) {
    let outcome = if is_done { "committed" } else { "refused" };
    counter!("causality_commits", "outcome" => outcome).increment(1);
    histogram!("causality_commit_seconds").record(time);
}

/// Why a run ended, as a label.
pub(crate) fn kind(exit: Option<Exit>) -> &'static str {
    match exit {
        Some(Exit::Completed(_)) => "completed",
        Some(Exit::Trap(_)) => "trap",
        Some(Exit::OutOfFuel) => "out_of_fuel",
        Some(Exit::Paused(PauseReason::Breakpoint)) => "breakpoint",
        Some(Exit::Paused(PauseReason::Step)) => "step",
        Some(Exit::Paused(PauseReason::Requested)) => "requested",
        Some(Exit::Paused(PauseReason::Host)) => "host",
        Some(Exit::Paused(PauseReason::Returned)) => "returned",
        None => "failed",
    }
}
