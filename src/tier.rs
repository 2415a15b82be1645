//! How code is executed: the choice, and what the choice makes.
//!
//! A tier is one variant of [`Tier`] and an executor behind [`Executor`]; nothing else in this crate
//! knows which one runs. All tiers are the same machine.

use std::hint::cold_path;
use std::sync::Arc;

use causality_interp::{Interpreter, Retired};
use causality_jit::abi::Entered;
use causality_jit::code::Code;
use causality_jit::{Compiled, NativeTier, Promoted};
use causality_machine::memory::Frozen;
use causality_machine::{Executor, Exit, Host, HostError, Machine};

use crate::{CodeReport, Engine, InstructionReport, Module, Native};

/// How guest code is executed. The result is the same; only the time it takes differs.
///
/// ```
/// use causality_vm::{Config, Engine, Linker, Module, Options, Tier};
///
/// # fn main() -> Result<(), Box<dyn std::error::Error>> {
/// let mut retired = Vec::new();
/// for tier in Tier::ALL {
///     let engine = Engine::new(Config::new().tier(tier));
///     let module = Module::from_file(&engine, "examples/hello.elf")?;
///     let mut guest = Linker::new(&engine).instantiate(&module, Options::new().arg("hello"), ())?;
///     guest.run()?;
///     retired.push(guest.retired());
/// }
/// assert!(retired.iter().all(|&count| count == retired[0]));
/// assert_eq!(Tier::ALL.map(Tier::name), ["auto", "interpreter", "baseline", "cranelift"]);
/// # Ok(())
/// # }
/// ```
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

    /// Its name: `auto`, `interpreter`, `baseline` or `cranelift`.
    #[must_use]
    pub const fn name(self) -> &'static str {
        match self {
            Tier::Auto => "auto",
            Tier::Interpreter => "interpreter",
            Tier::Baseline => "baseline",
            Tier::Cranelift => "cranelift",
        }
    }

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
pub(crate) struct Execution {
    tier: OfTier,
    /// Runs instead of the other while somebody watches each instruction.
    observed: Option<Interpreter>,
    /// Instructions of those that did so before.
    observed_before: u64,
}

/// What the tier is executed by.
#[derive(Debug)]
enum OfTier {
    Interpreter(Interpreter),
    Native(Box<Native>),
}

impl Execution {
    /// What the engine's tier needs.
    pub(crate) fn new(engine: &Engine) -> Self {
        let tier = match engine.config().get_tier() {
            Tier::Interpreter => OfTier::Interpreter(Interpreter::new()),
            Tier::Baseline | Tier::Cranelift => OfTier::Native(Box::new(engine.native())),
            Tier::Auto => OfTier::Native(Box::new(engine.native().in_background(engine.hot()))),
        };
        Execution { tier, observed: None, observed_before: 0 }
    }

    fn native(&self) -> Option<&Native> {
        match &self.tier {
            OfTier::Interpreter(_) => None,
            OfTier::Native(native) => Some(native),
        }
    }

    /// The machine is about to run `module` from its start.
    pub(crate) fn start(&mut self, engine: &Engine, module: &Module, origin: &Frozen, machine: &Machine) {
        // What is shared is for the program as it was loaded, and nothing else.
        if let OfTier::Native(native) = &mut self.tier
            && machine.memory.code_version() == origin.code_version()
            && let Some(code) = module.code(engine, &machine.memory)
        {
            native.share(code, machine.memory.code_version());
        }
    }

    /// The machine goes on from where another stood, which had this code.
    pub(crate) fn go_on(&mut self, code: Option<Arc<Code>>, machine: &Machine) {
        if let OfTier::Native(native) = &mut self.tier
            && let Some(code) = code
        {
            native.share(code, machine.memory.code_version());
        }
    }

    /// Code for others that go on from where the machine stands.
    pub(crate) fn shareable(&self, machine: &Machine) -> Option<Arc<Code>> {
        self.native()?.shareable(machine.memory.code_version(), machine)
    }

    /// From now on interprets everything and shows each retired instruction to `observer`.
    pub(crate) fn observe(&mut self, observer: impl FnMut(Retired<'_>) + Send + 'static) {
        self.stop_observing();
        self.observed = Some(Interpreter::with_observer(observer));
    }

    /// Goes back to what the tier is executed by.
    pub(crate) fn stop_observing(&mut self) {
        self.observed_before += self.observed.take().map_or(0, |interpreter| interpreter.retired());
    }

    /// Runs a function that was just called, if there is a short way. If it has not returned, it is run as always.
    pub(crate) fn call<H: Host>(&mut self, machine: &mut Machine, host: &mut H) -> Entered {
        match self {
            Execution { tier: OfTier::Native(native), observed: None, .. } => native.call(machine, host),
            _ => Entered::Closed,
        }
    }

    /// The same in a machine that [is as a call has left it](Entered::Returned), as is how it is executed: whether it has
    /// returned, and that still holds. If not, what became of it can be [taken](Execution::take_entered).
    #[inline(always)]
    pub(crate) fn call_again<H: Host>(&mut self, machine: &mut Machine, host: &mut H) -> bool {
        match &mut self.tier {
            OfTier::Native(native) => native.call_again(machine, host),
            OfTier::Interpreter(_) => {
                cold_path();
                false
            }
        }
    }

    /// What became of the last [call](Execution::call_again).
    #[cold]
    pub(crate) fn take_entered(&mut self) -> Entered {
        match &mut self.tier {
            OfTier::Native(native) => native.take_entered(),
            OfTier::Interpreter(_) => Entered::Closed,
        }
    }

    /// Adds what was translated to the code cache, if there is one.
    pub(crate) fn save(&self) -> std::io::Result<()> {
        self.native().map_or(Ok(()), Native::save)
    }

    /// What there is of native code.
    pub(crate) fn code(&self) -> CodeReport {
        self.native().map_or_else(CodeReport::default, Native::code_report)
    }

    /// What translating has cost.
    pub(crate) fn compiled(&self) -> Compiled {
        self.native().map_or_else(Compiled::default, Native::compiled)
    }

    /// Which regions were promoted.
    pub(crate) fn promotions(&self) -> Vec<Promoted> {
        self.native().map_or_else(Vec::new, Native::promotions)
    }

    /// How many instructions each kind of executor has retired.
    pub(crate) fn instructions(&self) -> InstructionReport {
        let mut all = match &self.tier {
            OfTier::Interpreter(interpreter) => {
                InstructionReport { interpreted: interpreter.retired(), ..InstructionReport::default() }
            }
            OfTier::Native(native) => native.instructions(),
        };
        all.interpreted += self.observed_before + self.observed.as_ref().map_or(0, Interpreter::retired);
        all
    }
}

impl Executor for Execution {
    fn execute(&mut self, machine: &mut Machine, host: &mut dyn Host, max: u64) -> Result<Exit, HostError> {
        if let Some(observed) = &mut self.observed {
            return observed.execute(machine, host, max);
        }
        match &mut self.tier {
            OfTier::Interpreter(interpreter) => interpreter.execute(machine, host, max),
            OfTier::Native(native) => native.execute(machine, host, max),
        }
    }
}
