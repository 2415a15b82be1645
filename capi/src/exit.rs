//! Why a run returned.

use causality_vm::{Exit as VmExit, PauseReason, VmState};

/// Why a run returned: whatever a guest does ends in one of these.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
#[repr(C)]
pub enum ExitKind {
    /// The guest ended itself, with `code`.
    Completed = 0,
    /// The guest trapped: `cause`, `tval`, `pc`.
    Trap = 1,
    /// The next instruction cannot be paid; with more fuel it goes on.
    OutOfFuel = 2,
    /// Paused at a breakpoint.
    Breakpoint = 3,
    /// Paused after as many instructions as were asked for.
    Step = 4,
    /// Paused because a pause handle asked for it.
    Requested = 5,
    /// Paused because a host function asked for it.
    Host = 6,
    /// The function that was called has returned.
    Returned = 7,
}

/// Why a run returned, with what belongs to it.
#[derive(Clone, Copy, Debug)]
#[repr(C)]
pub struct Exit {
    /// Which of the fields below mean anything.
    pub kind: ExitKind,
    /// The exit code of `CVM_EXIT_KIND_COMPLETED`.
    pub code: i32,
    /// The exception code of `CVM_EXIT_KIND_TRAP`, as in the RISC-V manual; 24 and more are the engine's own.
    pub cause: u64,
    /// What belongs to the cause, such as the address that was accessed.
    pub tval: u64,
    /// The address of the instruction that trapped.
    pub pc: u64,
}

/// Where an instance is in its life.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
#[repr(C)]
pub enum State {
    /// Not yet run.
    Ready = 0,
    /// Running.
    Running = 1,
    /// Stopped; can go on.
    Paused = 2,
    /// Trapped, aborted, or failed by its host.
    Failed = 3,
    /// The guest ended itself.
    Completed = 4,
}

impl From<VmExit> for Exit {
    fn from(exit: VmExit) -> Self {
        let kind = match exit {
            VmExit::Completed(_) => ExitKind::Completed,
            VmExit::Trap(_) => ExitKind::Trap,
            VmExit::OutOfFuel => ExitKind::OutOfFuel,
            VmExit::Paused(PauseReason::Breakpoint) => ExitKind::Breakpoint,
            VmExit::Paused(PauseReason::Step) => ExitKind::Step,
            VmExit::Paused(PauseReason::Requested) => ExitKind::Requested,
            VmExit::Paused(PauseReason::Host) => ExitKind::Host,
            VmExit::Paused(PauseReason::Returned) => ExitKind::Returned,
        };
        let mut all = Exit { kind, code: 0, cause: 0, tval: 0, pc: 0 };
        match exit {
            VmExit::Completed(code) => all.code = code,
            VmExit::Trap(trap) => {
                (all.cause, all.tval, all.pc) = (trap.cause.code().into(), trap.tval, trap.pc)
            }
            _ => {}
        }
        all
    }
}

impl From<VmState> for State {
    fn from(state: VmState) -> Self {
        match state {
            VmState::Ready => State::Ready,
            VmState::Running => State::Running,
            VmState::Paused => State::Paused,
            VmState::Error => State::Failed,
            VmState::Completed => State::Completed,
        }
    }
}
