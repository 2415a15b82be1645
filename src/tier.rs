//! How code is executed: the choice, and what the choice makes.
//!
//! A tier is one variant of [`Tier`] and an executor behind [`Executor`]; nothing else in this crate
//! knows which one runs. All tiers are the same machine.

use causality_interp::{Interpreter, Retired};
use causality_jit::code::Listener;
use causality_machine::{Executor, Exit, Host, HostError, Machine};

use crate::{InstructionReport, Native};

/// How guest code is executed. The result is the same; only the time it takes differs.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Hash, Default)]
#[non_exhaustive]
pub enum Tier {
    /// Whatever is fastest on this host.
    #[default]
    Auto,
    /// The reference interpreter, for everything.
    Interpreter,
    /// Native code by Cranelift, made when it is first needed.
    Cranelift,
}

/// The executor of one instance.
#[derive(Debug)]
pub(crate) enum Execution {
    /// Interprets; the count is of instructions retired by executors that are no longer in use.
    Interpreter(Interpreter, InstructionReport),
    /// Runs native code.
    Native(Box<Native>),
}

impl Execution {
    /// What the chosen tier needs; `listener` is told about native code.
    pub(crate) fn new(tier: Tier, listener: Option<Listener>) -> Self {
        match tier {
            Tier::Interpreter => Execution::Interpreter(Interpreter::new(), InstructionReport::default()),
            Tier::Auto | Tier::Cranelift => Execution::Native(Box::new(Native::default().listened(listener))),
        }
    }

    /// From now on interprets everything and shows each retired instruction to `observer`.
    pub(crate) fn observe(&mut self, observer: impl FnMut(Retired<'_>) + Send + 'static) {
        *self = Execution::Interpreter(Interpreter::with_observer(observer), self.instructions());
    }

    /// How many instructions each kind of executor has retired.
    pub(crate) fn instructions(&self) -> InstructionReport {
        match self {
            Execution::Interpreter(interpreter, before) => {
                InstructionReport { interpreted: before.interpreted + interpreter.retired(), ..*before }
            }
            Execution::Native(native) => native.instructions(),
        }
    }
}

impl Executor for Execution {
    fn execute(&mut self, machine: &mut Machine, host: &mut dyn Host, max: u64) -> Result<Exit, HostError> {
        match self {
            Execution::Interpreter(interpreter, _) => interpreter.execute(machine, host, max),
            Execution::Native(native) => native.execute(machine, host, max),
        }
    }
}
