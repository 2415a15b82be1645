//! How code is executed: the choice, and what the choice makes.
//!
//! A tier is one variant of [`Tier`] and an executor behind [`Executor`]; nothing else in this crate
//! knows which one runs. All tiers are the same machine.

use causality_interp::{Interpreter, Retired};
use causality_jit::{Compiled, NativeTier, Promoted};
use causality_machine::{Executor, Exit, Host, HostError, Machine};

use crate::{CodeReport, Engine, InstructionReport, Module, Native};

/// How guest code is executed. The result is the same; only the time it takes differs.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Hash, Default)]
#[non_exhaustive]
pub enum Tier {
    /// The interpreter at first, native code made in one pass for what is executed again, and where the program spends
    /// its time, code by Cranelift if that is likely to be faster, which is made on another thread while the guest goes
    /// on. Without a baseline tier for the host, native code is Cranelift's.
    #[default]
    Auto,
    /// The reference interpreter, for everything.
    Interpreter,
    /// Native code made in one pass, for everything, when it is first needed.
    Baseline,
    /// Native code by Cranelift, for everything, made when it is first needed.
    Cranelift,
}

impl Tier {
    /// All of them; without a baseline tier for the host, its own fails where it is chosen.
    pub const ALL: [Tier; 4] = [Tier::Auto, Tier::Interpreter, Tier::Baseline, Tier::Cranelift];

    /// What makes its native code.
    pub(crate) const fn native(self) -> NativeTier {
        match self {
            Tier::Baseline => NativeTier::Baseline,
            Tier::Auto if Self::HAS_BASELINE => NativeTier::Baseline,
            Tier::Auto | Tier::Interpreter | Tier::Cranelift => NativeTier::Cranelift,
        }
    }

    /// Whether there is a baseline tier for this host.
    pub(crate) const HAS_BASELINE: bool = cfg!(target_arch = "x86_64");

    /// Whether its native code is replaced by better code.
    pub(crate) fn promotes(self) -> bool {
        self == Tier::Auto && Self::HAS_BASELINE
    }
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
    /// What the engine's tier needs.
    pub(crate) fn new(engine: &Engine) -> Self {
        match engine.config().get_tier() {
            Tier::Interpreter => Execution::Interpreter(Interpreter::new(), InstructionReport::default()),
            Tier::Baseline | Tier::Cranelift => Execution::Native(Box::new(engine.native())),
            Tier::Auto => Execution::Native(Box::new(engine.native().in_background(engine.hot()))),
        }
    }

    /// The machine is about to run `module` from its start.
    pub(crate) fn start(&mut self, engine: &Engine, module: &Module, machine: &Machine) {
        if let Execution::Native(native) = self
            && let Some(code) = module.code(engine, &machine.memory)
        {
            native.share(code, machine.memory.code_version());
        }
    }

    /// From now on interprets everything and shows each retired instruction to `observer`.
    pub(crate) fn observe(&mut self, observer: impl FnMut(Retired<'_>) + Send + 'static) {
        *self = Execution::Interpreter(Interpreter::with_observer(observer), self.instructions());
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
            Execution::Native(native) => native.code_report(),
        }
    }

    /// What translating has cost.
    pub(crate) fn compiled(&self) -> Compiled {
        match self {
            Execution::Interpreter(..) => Compiled::default(),
            Execution::Native(native) => native.compiled(),
        }
    }

    /// Which regions were promoted.
    pub(crate) fn promotions(&self) -> Vec<Promoted> {
        match self {
            Execution::Interpreter(..) => Vec::new(),
            Execution::Native(native) => native.promotions(),
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
