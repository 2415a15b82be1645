//! Why `run` returned.

use crate::Trap;

/// Why an executor stopped. Whatever a guest does ends in one of these; host failure is an error.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Hash)]
pub enum Exit {
    /// The guest ended itself with this exit code. The ending `ecall` has retired.
    Completed(i32),
    /// The guest trapped.
    Trap(Trap),
    /// The next instruction cannot be paid. Adding fuel and running again continues exactly here.
    OutOfFuel,
    /// Stopped before the instruction at pc; running again continues exactly here.
    Paused(PauseReason),
}

/// Why a machine paused.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Hash)]
pub enum PauseReason {
    /// pc is at a breakpoint.
    Breakpoint,
    /// A single step is done.
    Step,
    /// A [`PauseHandle`](crate::PauseHandle) asked for it.
    Requested,
    /// A host function asked for it; its `ecall` has not retired and will be made again.
    Host,
    /// The function that the embedder called has returned: pc is at [`RETURN_GATE`](crate::RETURN_GATE).
    Returned,
}
