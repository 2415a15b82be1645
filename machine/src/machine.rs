//! One machine: a hart, its memory, its life cycle, and what may stop it.

use std::sync::Arc;

use crate::memory::{Frozen, ResidentHart};
use crate::{
    Breakpoints, Executor, Exit, Hart, Host, HostError, IllegalTransition, Limits, Memory, PauseHandle,
    PauseReason, Tracked, VmState, settle_registers,
};

/// Where functions return to that the embedder has called. No guest has anything there: to every executor, control that
/// comes there is a trap like any other, which the machine takes for what it is.
pub const RETURN_GATE: u64 = !0xfff;

/// The virtual machine that executors run.
#[derive(Debug)]
pub struct Machine {
    /// Registers, pc and fuel.
    pub hart: ResidentHart,
    /// Guest memory. Change it in place: pause requests reach generated code through the doorbell of the
    /// memory that this machine was made with.
    pub memory: Tracked<Memory>,
    /// Where to pause.
    pub breakpoints: Breakpoints,
    state: VmState,
    pause: PauseHandle,
    /// The breakpoint this machine is paused at: it must not trigger again at once.
    paused_at: Option<u64>,
    /// Whether a function has been called that has not returned.
    is_called: bool,
}

/// All of a machine but its memory, as it is between two runs.
#[derive(Clone, Debug)]
pub struct Standing {
    hart: Hart,
    breakpoints: Breakpoints,
    state: VmState,
    paused_at: Option<u64>,
}

impl Standing {
    /// Registers, pc and fuel.
    #[must_use]
    pub const fn hart(&self) -> &Hart {
        &self.hart
    }
}

/// Dropped only when the host panics: the machine must not stay `Running` for ever.
struct FailOnUnwind<'a>(&'a mut Machine);

impl Drop for FailOnUnwind<'_> {
    fn drop(&mut self) {
        self.0.state = VmState::Error;
    }
}

/// What a machine was before a function was called.
#[derive(Clone, Copy, Debug)]
pub struct BeforeCall {
    state: VmState,
    paused_at: Option<u64>,
}

/// Why a run could not be made or did not end in an [`Exit`].
#[derive(Debug, thiserror::Error)]
#[non_exhaustive]
pub enum RunError {
    /// The machine was not `Ready` or `Paused`.
    #[error(transparent)]
    State(#[from] IllegalTransition),
    /// The memory is another machine's: somebody has swapped the two.
    #[error("the memory is another machine's")]
    Swapped,
    /// The host failed.
    #[error("the host failed: {0}")]
    Host(#[source] HostError),
}

impl Machine {
    /// A machine with nothing mapped.
    ///
    /// # Errors
    /// If the host cannot reserve the address space.
    pub fn new(limits: Limits) -> std::io::Result<Self> {
        Machine::with_memory(Memory::new(limits)?)
    }

    /// A machine with this memory.
    ///
    /// # Errors
    /// If it is another machine's, whose hart is in it.
    pub fn with_memory(mut memory: Memory) -> std::io::Result<Self> {
        Ok(Machine {
            hart: memory.take_hart().ok_or(std::io::ErrorKind::ResourceBusy)?,
            pause: PauseHandle::new(memory.doorbell()),
            memory: Tracked::new(memory),
            breakpoints: Breakpoints::default(),
            state: VmState::Ready,
            paused_at: None,
            is_called: false,
        })
    }

    /// Where it stands, for others to go on from there.
    #[must_use]
    pub fn standing(&self) -> Standing {
        Standing {
            hart: self.hart.clone(),
            breakpoints: self.breakpoints.clone(),
            state: self.state,
            paused_at: self.paused_at,
        }
    }

    /// Goes on from where another machine stood, whose memory this one has a copy of. Pause requests are its own.
    #[must_use]
    pub fn standing_at(mut self, standing: Standing) -> Self {
        let Standing { hart, breakpoints, state, paused_at } = standing;
        *self.hart = hart;
        Machine { breakpoints, state, paused_at, ..self }
    }

    /// Where the machine is in its life.
    #[must_use]
    pub const fn state(&self) -> VmState {
        self.state
    }

    /// A handle that pauses this machine from any thread.
    #[must_use]
    pub fn pause_handle(&self) -> PauseHandle {
        self.pause.clone()
    }

    /// Runs until there is a reason to stop.
    ///
    /// # Errors
    /// [`RunError::State`] if the machine is neither `Ready` nor `Paused`; [`RunError::Swapped`]; [`RunError::Host`] if the
    /// host failed, after which the machine is in `Error`. It is so too after a panic in the host.
    pub fn run(&mut self, executor: &mut dyn Executor, host: &mut dyn Host) -> Result<Exit, RunError> {
        self.run_for(executor, host, u64::MAX)
    }

    /// Executes exactly one instruction, unless there is another reason to stop first.
    ///
    /// # Errors
    /// As [`Machine::run`].
    pub fn step(&mut self, executor: &mut dyn Executor, host: &mut dyn Host) -> Result<Exit, RunError> {
        self.run_for(executor, host, 1)
    }

    /// Runs for at most `max` instructions: after so many it pauses ([`PauseReason::Step`]).
    ///
    /// # Errors
    /// As [`Machine::run`].
    pub fn run_for(
        &mut self,
        executor: &mut dyn Executor,
        host: &mut dyn Host,
        max: u64,
    ) -> Result<Exit, RunError> {
        if !self.is_whole() {
            return Err(RunError::Swapped);
        }
        self.state.become_state(VmState::Running)?;
        let retired_before = self.hart.instret();
        let running = FailOnUnwind(self);
        let result = executor.execute(running.0, host, max);
        std::mem::forget(running);
        self.ended(result, retired_before)
    }

    /// Takes over what became of a run that was not made by [`Machine::run_for`], of a machine that is `Paused`.
    ///
    /// # Errors
    /// As [`Machine::run`], but for [`RunError::Swapped`].
    pub fn ran(&mut self, result: Result<Exit, HostError>) -> Result<Exit, RunError> {
        self.state.become_state(VmState::Running)?;
        self.ended(result, self.hart.instret())
    }

    fn ended(&mut self, result: Result<Exit, HostError>, retired_before: u64) -> Result<Exit, RunError> {
        let result = result.map(|exit| {
            if self.is_called && self.hart.pc == RETURN_GATE { self.returned(exit) } else { exit }
        });
        // What can be seen of registers from outside does not depend on who looked at them last.
        self.memory.settle_registers(self.hart.instret());
        let to = match result {
            Ok(Exit::Completed(_)) => VmState::Completed,
            Ok(Exit::Trap(_)) | Err(_) => VmState::Error,
            Ok(Exit::OutOfFuel | Exit::Paused(_)) => VmState::Paused,
        };
        if matches!(result, Ok(Exit::Paused(PauseReason::Breakpoint))) {
            self.paused_at = Some(self.hart.pc);
        } else if self.hart.instret() != retired_before {
            self.paused_at = None;
        }
        self.state.become_state(to)?;
        result.map_err(RunError::Host)
    }

    /// Control has come to the gate, and nothing that an executor says of it there matters any more, but that it has
    /// taken a request to pause: that is for whatever is run next.
    fn returned(&self, exit: Exit) -> Exit {
        if exit == Exit::Paused(PauseReason::Requested) {
            self.pause.pause();
        }
        Exit::Paused(PauseReason::Returned)
    }

    /// Begins a call of a function of the guest, of a machine that is not running and has not failed: the caller then sets
    /// pc and registers, with [`RETURN_GATE`] as return address, and [goes on](Machine::go_on), or has an executor go there by
    /// a short way. Until then the machine is in `Error`, and stays so if the host panics. Returns what is to be given back
    /// at the end.
    ///
    /// # Errors
    /// If the machine is `Running` or in `Error`.
    #[inline]
    pub fn begin_call(&mut self) -> Result<BeforeCall, IllegalTransition> {
        if matches!(self.state, VmState::Running | VmState::Error) {
            return Err(IllegalTransition { from: self.state, to: VmState::Running });
        }
        self.is_called = true;
        let state = std::mem::replace(&mut self.state, VmState::Error);
        Ok(BeforeCall { state, paused_at: self.paused_at.take() })
    }

    /// The machine of a call that has begun is `Paused`, to be run. Control that comes to the gate pauses it again
    /// ([`PauseReason::Returned`]).
    pub fn go_on(&mut self) {
        self.state = VmState::Paused;
    }

    /// The call that [`Machine::begin_call`] began has ended, however it did; whether one that it interrupted has not.
    #[inline]
    pub fn end_call(&mut self, before: BeforeCall, is_called: bool) {
        (self.state, self.paused_at) = (before.state, before.paused_at);
        self.is_called = is_called;
        settle_registers(&mut self.memory, &self.hart);
    }

    /// The guest has ended itself in a call: no other will return.
    pub fn forget_calls(&mut self) {
        self.is_called = false;
    }

    /// Ends a paused machine.
    ///
    /// # Errors
    /// If the machine is not `Paused`.
    pub fn abort(&mut self) -> Result<(), IllegalTransition> {
        self.state.become_state(VmState::Error)
    }

    /// Makes a completed or failed machine `Ready` again: hart zeroed, memory unmapped, breakpoints
    /// kept. A pause request that nobody took is dropped.
    ///
    /// # Errors
    /// If the machine is not `Completed` or in `Error`.
    pub fn reset(&mut self) -> Result<(), IllegalTransition> {
        self.state.become_state(VmState::Ready)?;
        self.restart();
        Ok(())
    }

    /// As [`Machine::reset`], whatever the state.
    pub fn restart(&mut self) {
        self.begin_again();
        self.memory.clear();
    }

    /// As [`Machine::reset`], but memory becomes what `frozen` was.
    ///
    /// # Errors
    /// If the machine is not `Completed` or in `Error`, or the host refuses, after which the machine is in `Error`.
    pub fn reset_to(&mut self, frozen: &Arc<Frozen>) -> Result<(), RunError> {
        self.state.become_state(VmState::Ready)?;
        self.restart_as(frozen).map_err(|error| RunError::Host(Box::new(error)))
    }

    /// As [`Machine::reset_to`], whatever the state.
    ///
    /// # Errors
    /// If the host refuses, after which the machine is in `Error`.
    pub fn restart_as(&mut self, frozen: &Arc<Frozen>) -> std::io::Result<()> {
        self.begin_again();
        let restored = self.memory.restore(frozen);
        match restored {
            Ok(()) => self.memory.narrow(),
            Err(_) => self.state = VmState::Error,
        }
        restored
    }

    fn begin_again(&mut self) {
        self.state = VmState::Ready;
        *self.hart = Hart::new(0);
        self.is_called = false;
        self.paused_at = None;
        let _ = self.pause.take();
    }

    /// Makes a machine that has ended `Ready`, for one whose hart and memory are put back to an earlier moment. A pause
    /// request that nobody took is dropped. One that has not ended stays as it is.
    pub fn revive(&mut self) {
        if self.state.can_become(VmState::Ready) {
            self.state = VmState::Ready;
        }
        self.paused_at = None;
        let _ = self.pause.take();
    }

    /// A breakpoint at `hart.pc` does not pause the next run before its first instruction, as if the machine had paused
    /// there already.
    pub fn pass_breakpoint(&mut self) {
        self.paused_at = Some(self.hart.pc);
    }

    /// For executors: whether to pause before the instruction at `hart.pc` when a run starts.
    /// A breakpoint the machine is already paused at does not count.
    #[must_use]
    pub fn breaks_at_start(&self) -> bool {
        self.paused_at != Some(self.hart.pc) && self.breakpoints.contains(self.hart.pc)
    }

    /// For executors: why to stop before the next instruction, in the order that [`Executor::execute`] promises, if it
    /// is at a breakpoint or not and `left` more may retire. A pause request is taken.
    #[must_use]
    pub fn stop_before_next(&self, at_breakpoint: bool, left: u64) -> Option<Exit> {
        if self.pause_requested() && self.take_pause() {
            Some(Exit::Paused(PauseReason::Requested))
        } else if at_breakpoint {
            Some(Exit::Paused(PauseReason::Breakpoint))
        } else if self.hart.fuel == 0 {
            Some(Exit::OutOfFuel)
        } else if left == 0 {
            Some(Exit::Paused(PauseReason::Step))
        } else {
            None
        }
    }

    /// Whether hart and memory belong together. Memory can be swapped for another machine's through a reference to it; generated
    /// code must not run then, as it finds the hart by the memory.
    #[inline]
    #[must_use]
    pub fn is_whole(&self) -> bool {
        self.memory.has(&self.hart)
    }

    /// For executors: everything they need at once.
    pub fn parts(&mut self) -> (&mut Hart, &mut Tracked<Memory>, &Breakpoints, &PauseHandle) {
        (&mut self.hart, &mut self.memory, &self.breakpoints, &self.pause)
    }

    /// For executors: whether another thread wants a pause. Cheap enough for every block.
    #[inline]
    #[must_use]
    pub fn pause_requested(&self) -> bool {
        self.pause.is_requested()
    }

    /// For executors: takes the pause request.
    #[must_use]
    pub fn take_pause(&self) -> bool {
        self.pause.take()
    }
}
