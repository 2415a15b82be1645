//! How code is executed: the choice, and what the choice makes.
//!
//! A tier is one variant of [`Tier`] and an executor behind [`Executor`]; nothing else in this crate
//! knows which one runs. All tiers are the same machine.

use causality_interp::{Interpreter, Retired};
use causality_machine::{Executor, Exit, Host, HostError, Machine};

use crate::InstructionReport;

/// How guest code is executed. The result is the same; only the time it takes differs.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Hash, Default)]
#[non_exhaustive]
pub enum Tier {
    /// Whatever is fastest on this host.
    #[default]
    Auto,
    /// The reference interpreter, for everything.
    Interpreter,
}

/// The executor of one instance.
#[derive(Debug)]
pub(crate) struct Execution {
    interpreter: Interpreter,
    /// Instructions retired by executors that are no longer in use.
    interpreted_before: u64,
}

impl Execution {
    /// What the chosen tier needs.
    pub(crate) fn new(tier: Tier) -> Self {
        match tier {
            Tier::Auto | Tier::Interpreter => {
                Execution { interpreter: Interpreter::new(), interpreted_before: 0 }
            }
        }
    }

    /// From now on interprets everything and shows each retired instruction to `observer`.
    pub(crate) fn observe(&mut self, observer: impl FnMut(Retired<'_>) + Send + 'static) {
        self.interpreted_before += self.interpreter.retired();
        self.interpreter = Interpreter::with_observer(observer);
    }

    /// How many instructions each kind of executor has retired.
    pub(crate) fn instructions(&self) -> InstructionReport {
        InstructionReport { interpreted: self.interpreted_before + self.interpreter.retired(), native: 0 }
    }
}

impl Executor for Execution {
    fn execute(&mut self, machine: &mut Machine, host: &mut dyn Host, max: u64) -> Result<Exit, HostError> {
        self.interpreter.execute(machine, host, max)
    }
}
