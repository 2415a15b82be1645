//! Running: trace after trace while nothing special happens, else instruction by instruction.

use causality_machine::{
    Cause, Executor, Exit, Fault, Flow, Hart, Host, HostError, Machine, Memory, Otherwise, PauseReason,
    Tracked, Trap, call_host,
};

use crate::beside::{Alone, Beside};
use crate::dispatch::{self, Op};
use crate::exec::Stop;
use crate::hostfloat;
use crate::trace::{Traces, decode_at};

/// One retired instruction, as an observer sees it.
#[derive(Clone, Copy, Debug)]
pub struct Retired<'a> {
    /// Its address.
    pub pc: u64,
    /// Its word; a compressed one has zero in its upper half.
    pub word: u32,
    /// The hart before it.
    pub before: &'a Hart,
    /// The hart after it.
    pub after: &'a Hart,
    /// Memory after it.
    pub memory: &'a Memory,
}

type Observer = Box<dyn FnMut(Retired<'_>) + Send>;

/// The reference executor. One may run any number of machines in turn, but keeps decoded code only for
/// the last.
#[derive(Default)]
pub struct Interpreter {
    traces: Traces,
    observer: Option<Observer>,
    retired: u64,
}

impl std::fmt::Debug for Interpreter {
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        f.debug_struct("Interpreter").field("retired", &self.retired).finish_non_exhaustive()
    }
}

impl Interpreter {
    /// An interpreter with nothing decoded yet.
    #[must_use]
    pub fn new() -> Self {
        Interpreter::default()
    }

    /// Calls `observer` after each instruction that retires. Much slower; changes nothing else.
    #[must_use]
    pub fn with_observer(observer: impl FnMut(Retired<'_>) + Send + 'static) -> Self {
        Interpreter { observer: Some(Box::new(observer)), ..Interpreter::default() }
    }

    /// Instructions this interpreter has retired.
    #[must_use]
    pub const fn retired(&self) -> u64 {
        self.retired
    }
}

impl Executor for Interpreter {
    fn execute(&mut self, machine: &mut Machine, host: &mut dyn Host, max: u64) -> Result<Exit, HostError> {
        let mut left = max;
        let mut at_breakpoint = machine.breaks_at_start();
        loop {
            if let Some(exit) = machine.stop_before_next(at_breakpoint, left) {
                return Ok(exit);
            }
            // Not by `instret`, which a host may change.
            let before = self.retired;
            let (hart, memory, ..) = machine.parts();
            if let Some(exit) = self.step(hart, memory, host)? {
                return Ok(exit);
            }
            if self.observer.is_none() {
                self.run_traces(machine, left - 1, &mut Alone);
            }
            left -= self.retired - before;
            at_breakpoint = machine.breakpoints.contains(machine.hart.pc);
        }
    }
}

impl Interpreter {
    /// Runs beside another executor, until that takes over; `None` if it does, at `hart.pc`. Otherwise as
    /// [`Executor::execute`], except that the caller has made sure that nothing stops the run before the
    /// first instruction: no pause, no breakpoint, and fuel and `max` are not 0.
    ///
    /// # Errors
    /// As [`Executor::execute`].
    pub fn execute_beside(
        &mut self,
        machine: &mut Machine,
        host: &mut dyn Host,
        max: u64,
        beside: &mut impl Beside,
    ) -> Result<Option<Exit>, HostError> {
        let mut left = max;
        loop {
            let before = self.retired;
            if self.observer.is_none() {
                self.run_traces(machine, left, beside);
            }
            if self.retired == before {
                let (hart, memory, ..) = machine.parts();
                if let Some(exit) = self.step(hart, memory, host)? {
                    return Ok(Some(exit));
                }
            }
            left -= self.retired - before;
            let at_breakpoint = machine.breakpoints.contains(machine.hart.pc);
            if let Some(exit) = machine.stop_before_next(at_breakpoint, left) {
                return Ok(Some(exit));
            }
            if beside.takes_over(machine) {
                return Ok(None);
            }
        }
    }
}

impl Interpreter {
    /// Runs at most `max` instructions, until there is one that takes more than its handler.
    fn run_traces(&mut self, machine: &mut Machine, max: u64, beside: &mut impl Beside) {
        // Handlers compute with the host's floating point.
        if !hostfloat::is_ieee() {
            return;
        }
        let (hart, memory, breakpoints, pause) = machine.parts();
        self.traces.keep_only_current(memory, breakpoints);
        self.traces.end_before_entries(beside);
        let budget = hart.fuel.min(max);
        let mut left = budget;
        while left > 0 && !pause.is_requested() {
            let Some(trace) = self.traces.at(hart.pc, memory, breakpoints, beside) else { break };
            let mut ops = self.traces.ops(trace);
            // Where control goes unless an instruction says otherwise.
            hart.pc = trace.end;
            if ops.len() as u64 > left {
                hart.pc = ops[left as usize].pc;
                ops = &ops[..left as usize];
            }
            let retired = dispatch::run(ops, hart, memory);
            if retired == 0 {
                break;
            }
            left -= retired as u64;
            let gave_up = ops.get(retired).is_some_and(|op| op.pc == hart.pc);
            let is_target = retired < ops.len() || hart.pc != trace.end;
            if !gave_up && beside.arrives(hart.pc, is_target) {
                break;
            }
        }
        hart.fuel -= budget - left;
        self.retired += budget - left;
    }

    /// Executes one instruction, whatever it takes, and whoever wants a pause or has a breakpoint there. The exit says why it
    /// did not retire, or that it was the last.
    ///
    /// # Errors
    /// If the host failed.
    pub fn step(
        &mut self,
        hart: &mut Hart,
        memory: &mut Tracked<Memory>,
        host: &mut dyn Host,
    ) -> Result<Option<Exit>, HostError> {
        if hart.fuel == 0 {
            return Ok(Some(Exit::OutOfFuel));
        }
        let before = self.observer.is_some().then(|| hart.clone());
        let pc = hart.pc;
        let decoded = match decode_at(pc, memory) {
            Ok(decoded) => decoded,
            Err(fault) => return Ok(Some(Exit::Trap(fault.at(pc)))),
        };
        let next = pc.wrapping_add(decoded.len() as u64);
        let mut exit = None;
        let target = match Op::new(decoded, pc).execute(hart, memory) {
            Ok(()) => next,
            Err(Stop::Jump(target)) => target,
            Err(Stop::Ecall) => {
                let otherwise = call_host(host, hart, memory);
                match Otherwise::came(otherwise)? {
                    Flow::Continue => next,
                    Flow::Exit(code) => {
                        exit = Some(Exit::Completed(code));
                        next
                    }
                    Flow::Pause => return Ok(Some(Exit::Paused(PauseReason::Host))),
                    Flow::Trap(cause, tval) => return Ok(Some(Exit::Trap(Trap { cause, pc, tval }))),
                }
            }
            Err(stop) => return Ok(Some(Exit::Trap(fault(stop, pc, memory).at(pc)))),
        };
        hart.pc = target;
        hart.fuel -= 1;
        self.retired += 1;
        if let (Some(before), Some(observer)) = (before, &mut self.observer) {
            let word = memory.fetch(pc).unwrap_or(0);
            observer(Retired { pc, word, before: &before, after: hart, memory });
        }
        Ok(exit)
    }
}

/// The fault of an instruction that traps.
fn fault(stop: Stop, pc: u64, memory: &Memory) -> Fault {
    match stop {
        Stop::Fault(fault) => fault,
        Stop::Ebreak => Fault { cause: Cause::Breakpoint, tval: pc },
        Stop::Illegal | Stop::Slow | Stop::Ecall | Stop::Jump(_) => {
            let word = memory.fetch(pc).unwrap_or(0);
            Fault { cause: Cause::IllegalInstruction, tval: u64::from(word) }
        }
    }
}
