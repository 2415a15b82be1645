//! How code is executed: the choice, and what the choice makes.
//!
//! A tier is one variant of [`Tier`] and an executor behind [`Executor`]; nothing else in this crate
//! knows which one runs. All tiers are the same machine.

use causality_interp::{Interpreter, Retired};
use causality_machine::{Executor, Exit, Host, HostError, Machine, Memory};
use causality_store::ContentId;

use crate::{CodeReport, Config, InstructionReport, Native};

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
    /// What the engine's tier needs for `program`.
    pub(crate) fn new(config: &Config, program: ContentId) -> Self {
        match config.get_tier() {
            Tier::Interpreter => Execution::Interpreter(Interpreter::new(), InstructionReport::default()),
            Tier::Auto | Tier::Cranelift => {
                let native = Native::default().listened(config.get_code_listener());
                Execution::Native(Box::new(native.cached(config.get_cache(), program)))
            }
        }
    }

    /// From now on interprets everything and shows each retired instruction to `observer`.
    pub(crate) fn observe(&mut self, observer: impl FnMut(Retired<'_>) + Send + 'static) {
        *self = Execution::Interpreter(Interpreter::with_observer(observer), self.instructions());
    }

    /// Says that the program has just been placed in memory.
    pub(crate) fn placed(&mut self, memory: &Memory) {
        if let Execution::Native(native) = self {
            native.placed(memory);
        }
    }

    /// Adds what was translated to the code cache, if there is one.
    pub(crate) fn save(&self) -> std::io::Result<()> {
        match self {
            Execution::Interpreter(..) => Ok(()),
            Execution::Native(native) => native.save(),
        }
    }

    /// What there is of native code.
    pub(crate) fn code(&self) -> CodeReport {
        match self {
            Execution::Interpreter(..) => CodeReport::default(),
            Execution::Native(native) => native.code(),
        }
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
