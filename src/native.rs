//! Native code with the interpreter beside it.
//!
//! Generated code does what instructions usually do and gives control back before one that may do anything else; the
//! interpreter executes that one, and traps if it has to. So what a trap, a limit of fuel or a breakpoint does is
//! decided in one place. The two change places only between instructions and are exact in everything, so when code
//! is ready makes no difference but to time.

mod beside;

use std::hint::cold_path;
use std::sync::Arc;
use std::time::{Duration, Instant};

use causality_interp::Interpreter;
use causality_jit::abi::{self, Door, Entered, Outcome, Retired, Step, Stopped};
use causality_jit::code::{Code, CodeMemory, Listener};
use causality_jit::region::{Asked, stack_pointers};
use causality_jit::{Compiled, Compiler, Layout, Promoted, Snapshot, Text, Tunables};
use causality_machine::{Executor, Exit, Hart, Host, HostError, Machine, Memory, Tracked};

use crate::{CodeReport, InstructionReport};
pub use beside::Hot;
use beside::NativeCode;

/// Runs native code: made the first time control comes to it, or in the background where the interpreter is often.
#[derive(Debug, Default)]
pub struct Native {
    single: Single,
    tunables: Tunables,
    listener: Option<Listener>,
    memory: Arc<CodeMemory>,
    shared: Option<Shared>,
    /// Code for what only this machine sees.
    own: Option<Own>,
    /// What own code cost that is gone.
    before: Compiled,
    hot: Option<Hot>,
    /// By which functions are called.
    door: Option<Door>,
    /// What native code had retired when that was opened.
    opened: u64,
    /// What became of the last call through it.
    entered: Entered,
    started: Option<Instant>,
    first: Option<Duration>,
}

/// Instructions for which a way in stays prepared, whenever a sample is due.
const LEAST_OPEN: u64 = 1 << 20;

/// The code that all instances of a program share, and the version of code memory it is for.
#[derive(Debug)]
struct Shared {
    code: Arc<Code>,
    version: u64,
}

/// Code of an instance that is gone is in the cache.
impl Drop for Shared {
    fn drop(&mut self) {
        if let Err(error) = self.code.save() {
            tracing::warn!(%error, "translated code cannot be kept");
        }
    }
}

/// The code for one state of code memory and breakpoints.
#[derive(Debug)]
struct Own {
    code: Arc<Code>,
    versions: (u64, u64),
}

/// What is used while the machine sees the same code. Held by running machines only: code whose memory is wanted
/// back is not kept by those that stand still.
struct Current {
    code: Arc<Code>,
    compiler: Arc<Compiler>,
    versions: (u64, u64),
}

impl Current {
    /// A copy of the code, for other threads.
    fn text(&self, machine: &Machine) -> &Arc<Snapshot> {
        self.code.text(|| Snapshot::of(&machine.memory, &machine.breakpoints))
    }
}

impl Native {
    /// An executor whose code is generated in this way; the layout is found out.
    #[must_use]
    pub fn new(tunables: Tunables) -> Self {
        // What is promoted on this thread needs nobody else, but samples.
        let is_alone = tunables.promotion.is_some_and(|promotion| !promotion.in_background);
        let hot = is_alone.then(|| Hot::new(Arc::default(), 0));
        Native { tunables, hot, ..Native::default() }
    }

    /// The same, telling `listener` about all code.
    #[must_use]
    pub fn listened(self, listener: Option<Listener>) -> Self {
        Native { listener, ..self }
    }

    /// The same, its code being part of `memory`.
    #[must_use]
    pub(crate) fn within(self, memory: Arc<CodeMemory>) -> Self {
        Native { memory, ..self }
    }

    /// The same, interpreting what is not hot and having the rest translated in the background.
    #[must_use]
    pub fn in_background(self, hot: Hot) -> Self {
        Native { hot: Some(hot), ..self }
    }

    /// From now on `code` is used as long as code memory has this version and nobody sets breakpoints.
    pub(crate) fn share(&mut self, code: Arc<Code>, version: u64) {
        self.shared = Some(Shared { code, version });
    }

    /// Code that others can share whose code memory has this version, if there is some.
    pub(crate) fn shareable(&self, version: u64, machine: &Machine) -> Option<Arc<Code>> {
        let shared = self.shared.as_ref().filter(|shared| shared.version == version);
        let has_breakpoints = machine.breakpoints.iter().next().is_some();
        let own = self.own.as_ref().filter(|own| own.versions == versions(machine) && !has_breakpoints);
        shared.map(|shared| &shared.code).or(own.map(|own| &own.code)).cloned()
    }

    /// How many instructions were retired, and how.
    #[must_use]
    pub fn instructions(&self) -> InstructionReport {
        let Retired { native, optimised, .. } = self.single.retired;
        InstructionReport {
            interpreted: self.single.interpreter.retired(),
            baseline: native.saturating_sub(optimised),
            cranelift: optimised,
        }
    }

    /// Adds what was translated to the cache.
    pub(crate) fn save(&self) -> std::io::Result<()> {
        self.shared.as_ref().map_or(Ok(()), |shared| shared.code.save())
    }

    /// What there is of native code.
    pub(crate) fn code_report(&self) -> CodeReport {
        let first = self.first.map(|time| time.as_micros() as u64);
        let Some(compiler) = self.present() else {
            return CodeReport { microseconds_to_first: first, ..CodeReport::default() };
        };
        let spaces = || [Some(compiler.space()), compiler.promoted()].into_iter().flatten();
        CodeReport {
            translated_regions: spaces().map(|space| space.translated()).sum(),
            cached_regions: spaces().map(|space| space.found()).sum(),
            bytes: compiler.bytes(),
            microseconds_to_first: first,
        }
    }

    /// Which regions of the code in use were promoted.
    pub(crate) fn promotions(&self) -> Vec<Promoted> {
        self.present().map_or(Vec::new(), |compiler| compiler.promotions())
    }

    /// The compiler of the code in use.
    fn present(&self) -> Option<Arc<Compiler>> {
        let code = self.own.as_ref().map(|own| &own.code);
        let code = code.or(self.shared.as_ref().map(|shared| &shared.code));
        code.and_then(|code| code.present())
    }

    /// What it has cost to translate all code this executor has used, by whomever it was.
    #[must_use]
    pub fn compiled(&self) -> Compiled {
        let mut all = self.before;
        let codes = self.shared.iter().map(|shared| &shared.code).chain(self.own.iter().map(|own| &own.code));
        codes.for_each(|code| all += code.compiled());
        all
    }

    fn all_retired(&self) -> u64 {
        self.single.interpreter.retired() + self.single.retired.native
    }

    /// The code for what the machine sees now.
    fn code(&mut self, machine: &Machine) -> Arc<Code> {
        if let Some(Shared { code, version }) = &self.shared
            && *version == machine.memory.code_version()
            && machine.breakpoints.iter().next().is_none()
        {
            return Arc::clone(code);
        }
        let versions = versions(machine);
        if let Some(own) = &self.own
            && own.versions == versions
        {
            return Arc::clone(&own.code);
        }
        if let Some(own) = self.own.take() {
            self.before += own.code.compiled();
        }
        let tunables = Tunables { layout: Layout::of(&machine.memory), ..self.tunables.clone() };
        let code = Code::new(&self.memory, tunables, self.listener.clone(), None, None);
        self.own = Some(Own { code: Arc::clone(&code), versions });
        code
    }

    fn refresh(&mut self, current: Option<Current>, machine: &Machine) -> Result<Current, HostError> {
        if let Some(current) = current
            && current.versions == versions(machine)
            && !current.compiler.is_retired()
        {
            return Ok(current);
        }
        let code = self.code(machine);
        let compiler = code.compiler()?;
        Ok(Current { code, compiler, versions: versions(machine) })
    }
}

fn versions(machine: &Machine) -> (u64, u64) {
    (machine.memory.code_version(), machine.breakpoints.version())
}

/// Executes single instructions.
#[derive(Debug, Default)]
struct Single {
    interpreter: Interpreter,
    retired: Retired,
}

impl Step for Single {
    fn step(
        &mut self,
        hart: &mut Hart,
        memory: &mut Tracked<Memory>,
        host: &mut dyn Host,
    ) -> Result<Option<Exit>, HostError> {
        self.interpreter.step(hart, memory, host)
    }

    fn retired(&mut self) -> &mut Retired {
        &mut self.retired
    }
}

impl Executor for Native {
    fn execute(&mut self, machine: &mut Machine, host: &mut dyn Host, max: u64) -> Result<Exit, HostError> {
        self.started.get_or_insert_with(Instant::now);
        let mut left = max;
        let mut at_breakpoint = machine.breaks_at_start();
        // Whether code is to be made where control is, if there is none.
        let mut arrived = self.is_at_once();
        if let Some(hot) = &mut self.hot {
            hot.begin();
        }
        // Fuel that native code needs to get anywhere, as far as that is known.
        let mut needed = 0;
        let mut current = None;
        loop {
            if let Some(exit) = machine.stop_before_next(at_breakpoint, left) {
                return Ok(exit);
            }
            let fresh = self.refresh(current.take(), machine)?;
            let now = current.insert(fresh);
            let before = self.all_retired();
            let pc = machine.hart.pc;
            if left > 1 && machine.hart.fuel > needed && self.has_code(now, machine, arrived)? {
                if self.first.is_none() {
                    self.first = self.started.map(|started| started.elapsed());
                }
                let compiler = &now.compiler;
                let takes_samples = self.tunables.fuel && self.hot.is_some();
                let slice = if takes_samples { compiler.until_sample() } else { None };
                let most = slice.map_or(left, |slice| left.min(slice.max(2 * compiler.longest())));
                let outcome = abi::run(compiler, machine, host, &mut self.single, most)?;
                let retired = self.all_retired() - before;
                left -= retired;
                if let Outcome::Exit(exit) = outcome {
                    return Ok(exit);
                }
                at_breakpoint = machine.hart.pc != pc && machine.breakpoints.contains(machine.hart.pc);
                let longest = compiler.longest();
                // Code that has changed meanwhile is not what is on trial.
                let is_sample = matches!(outcome, Outcome::Left)
                    && most - retired <= longest
                    && machine.hart.fuel.min(left) > longest
                    && !at_breakpoint
                    && now.versions == versions(machine);
                if is_sample && let Some(hot) = &mut self.hot {
                    let all = self.single.interpreter.retired() + self.single.retired.native;
                    hot.sample(now, machine, self.single.retired, all);
                    arrived = false;
                    continue;
                }
                if slice.is_some() {
                    compiler.retired(retired);
                }
                let is_missing = matches!(outcome, Outcome::NoCode);
                arrived = is_missing && self.is_wanted(now, machine);
                if is_missing
                    || at_breakpoint
                    || machine.hart.fuel == 0
                    || left == 0
                    || machine.pause_requested()
                {
                    continue;
                }
                if retired == 0 && machine.hart.fuel.min(left) <= longest {
                    // The interpreter finishes what is left, unless it is fuel that is short and the host gives some.
                    needed = if left > longest { longest } else { u64::MAX };
                }
            }
            let before = self.all_retired();
            let mut native = NativeCode::new(now, self.hot.as_mut(), needed);
            let exit = self.single.interpreter.execute_beside(machine, host, left, &mut native)?;
            arrived = native.arrived();
            left -= self.all_retired() - before;
            if let Some(exit) = exit {
                return Ok(exit);
            }
            at_breakpoint = false;
        }
    }
}

impl Native {
    /// Runs a function that was just called, by a way in that stays prepared for the next call. If it has not returned,
    /// [`Executor::execute`] goes on.
    ///
    /// As long as the instance lives and calls functions, it holds on to the code, also if that has been evicted.
    pub(crate) fn call<H: Host>(&mut self, machine: &mut Machine, host: &mut H) -> Entered {
        for _ in 0..2 {
            if let Some(door) = &mut self.door {
                match door.enter(machine, host, &mut self.single) {
                    Entered::Closed => {}
                    entered => return entered,
                }
            }
            if let Err(error) = self.open_door(machine) {
                return Entered::Stopped(Stopped::failed(error));
            }
        }
        Entered::Closed
    }

    /// The same, of a machine that nobody has had to change since such a call has returned, after which nothing but generated
    /// code had run. Whether that is so again; if not, what became of it can be [taken](Native::take_entered).
    #[inline(always)]
    pub(crate) fn call_again<H: Host>(&mut self, machine: &mut Machine, host: &mut H) -> bool {
        let Some(door) = &mut self.door else {
            cold_path();
            return false;
        };
        door.enter_again(machine, host, &mut self.single, &mut self.entered)
    }

    /// What became of the last [call](Native::call_again).
    pub(crate) fn take_entered(&mut self) -> Entered {
        std::mem::take(&mut self.entered)
    }

    #[cold]
    fn open_door(&mut self, machine: &mut Machine) -> Result<(), HostError> {
        if let Some(door) = self.door.take() {
            door.compiler().retired(self.single.retired.native - self.opened);
        }
        if machine.breakpoints.iter().next().is_some() {
            return Ok(());
        }
        let now = self.refresh(None, machine)?;
        if !self.has_code(&now, machine, self.is_at_once())? {
            return Ok(());
        }
        let takes_samples = self.tunables.fuel && self.hot.is_some();
        let most = if takes_samples { now.compiler.until_sample() } else { None };
        self.opened = self.single.retired.native;
        let most = most.map_or(u64::MAX, |most| most.max(LEAST_OPEN));
        self.door = Door::open(now.compiler, machine, most);
        Ok(())
    }

    /// Whether nothing is interpreted that could be translated.
    fn is_at_once(&self) -> bool {
        self.hot.as_ref().is_none_or(Hot::is_at_once)
    }

    /// Control came from native code, which knows of no code at `hart.pc`: whether it is to be made here and now.
    fn is_wanted(&mut self, now: &Current, machine: &Machine) -> bool {
        self.hot.as_mut().is_none_or(|hot| hot.is_wanted(now, machine))
    }

    /// Whether native code can run at `hart.pc`. Makes it if it is to be made here and now.
    fn has_code(&self, now: &Current, machine: &Machine, arrived: bool) -> Result<bool, HostError> {
        let pc = machine.hart.pc;
        if !abi::is_host_mode(machine.hart.fcsr) {
            return Ok(false);
        }
        if now.compiler.space().has(pc) {
            return Ok(true);
        }
        if !arrived {
            return Ok(false);
        }
        let text = Text { memory: &machine.memory, breakpoints: &machine.breakpoints };
        let stack = now.compiler.space().tunables().layout.stack_range();
        let asked = Asked::new(&text, stack_pointers(&machine.hart, &stack));
        Ok(now.compiler.compile(&asked, pc, self.is_at_once())?)
    }
}
