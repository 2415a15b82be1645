//! What an executor is, and what it asks of its host.

use std::hint::cold_path;

use crate::{Cause, Exit, Hart, Machine, Memory, Tracked};

/// A failure of the host, as opposed to guest behaviour.
pub type HostError = Box<dyn std::error::Error + Send + Sync>;

/// Runs a machine. All executors are the same machine: same exit, hart, memory for the same start.
///
/// Executors do not look at or change [`Machine::state`]; [`Machine::run`] does that around them.
pub trait Executor {
    /// Runs from `hart.pc` until there is a reason to stop, for at most `max` instructions.
    ///
    /// Before each instruction the first of these that applies ends the run: another thread asked for
    /// a pause; pc is at a breakpoint; there is no fuel; `max` instructions have retired
    /// (`Paused(Step)`); the fetch or the instruction traps. How promptly a pause is noticed is up to
    /// the executor; all else is exact.
    ///
    /// # Errors
    /// Only what the host itself reports; the hart is then as before the `ecall`.
    fn execute(&mut self, machine: &mut Machine, host: &mut dyn Host, max: u64) -> Result<Exit, HostError>;
}

/// What answers an `ecall`.
pub trait Host {
    /// Called with `hart.pc` at the `ecall`, its fuel not yet taken. Memory that is only looked at costs the executor nothing
    /// afterwards; whoever has it to change has the executor look at everything it relies on anew.
    ///
    /// # Errors
    /// If the host itself failed; the run ends with that error and the machine is in `Error`.
    fn ecall(&mut self, hart: &mut Hart, memory: &mut Tracked<Memory>) -> Result<Flow, HostError>;

    /// For executors: the same, with `None` for [`Flow::Continue`]. That is what mostly comes of it, and in a register.
    fn answer(&mut self, hart: &mut Hart, memory: &mut Tracked<Memory>) -> Option<Otherwise> {
        Otherwise::of(self.ecall(hart, memory))
    }
}

/// How a machine goes on after an `ecall`.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Flow {
    /// The `ecall` retires; execution continues after it.
    Continue,
    /// The `ecall` retires; the machine is completed with this exit code.
    Exit(i32),
    /// The `ecall` traps with this cause and `tval`.
    Trap(Cause, u64),
    /// The machine pauses before the `ecall`, which is made again when it runs on.
    Pause,
}

impl<H: Host + ?Sized> Host for &mut H {
    fn ecall(&mut self, hart: &mut Hart, memory: &mut Tracked<Memory>) -> Result<Flow, HostError> {
        (**self).ecall(hart, memory)
    }

    fn answer(&mut self, hart: &mut Hart, memory: &mut Tracked<Memory>) -> Option<Otherwise> {
        (**self).answer(hart, memory)
    }
}

/// What came of an `ecall` if it did not just retire.
#[derive(Debug)]
pub struct Otherwise(Box<Result<Flow, HostError>>);

impl Otherwise {
    /// `None` if it just retired.
    #[inline]
    #[must_use]
    pub fn of(came: Result<Flow, HostError>) -> Option<Self> {
        match came {
            Ok(Flow::Continue) => None,
            otherwise => Some(Otherwise(Box::new(otherwise))),
        }
    }

    /// What [`Host::ecall`] returned.
    ///
    /// # Errors
    /// Its error.
    pub fn came(otherwise: Option<Self>) -> Result<Flow, HostError> {
        otherwise.map_or(Ok(Flow::Continue), |otherwise| *otherwise.0)
    }
}

/// A host that knows no call: every `ecall` traps with [`Cause::EnvironmentCall`].
impl Host for () {
    fn ecall(&mut self, _: &mut Hart, _: &mut Tracked<Memory>) -> Result<Flow, HostError> {
        Ok(Flow::Trap(Cause::EnvironmentCall, 0))
    }
}

/// For executors: makes an `ecall`. The host may change the hart, but not what all executors rely on: `x0` is zero, the
/// `ecall` can be paid for, and no more fuel is left than was granted. Returns what [`Host::answer`] does.
#[inline(always)]
pub fn call_host<H: Host + ?Sized>(
    host: &mut H,
    hart: &mut Hart,
    memory: &mut Tracked<Memory>,
) -> Option<Otherwise> {
    settle_registers(memory, hart);
    let otherwise = host.answer(hart, memory);
    hart.x[0] = 0;
    if hart.fuel == 0 || hart.fuel > hart.granted {
        cold_path();
        hart.fuel = hart.fuel.max(1);
        hart.granted = hart.granted.max(hart.fuel);
    }
    otherwise
}

/// As [`Memory::settle_registers`] with what the hart has retired; nobody has memory to change if there is nothing to do.
#[inline(always)]
pub fn settle_registers(memory: &mut Tracked<Memory>, hart: &Hart) {
    if memory.registers().has_timed() {
        cold_path();
        memory.settle_registers(hart.instret());
    }
}
