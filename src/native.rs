//! Native code with the interpreter beside it.
//!
//! Generated code does what instructions usually do and gives control back before one that may do anything else; the
//! interpreter executes that one, and traps if it has to. So what a trap, a limit of fuel or a breakpoint does is
//! decided in one place.

use std::sync::Arc;
use std::time::{Duration, Instant};

use causality_interp::Interpreter;
use causality_jit::abi::{self, Outcome, Retired, Step};
use causality_jit::cache::Cache;
use causality_jit::code::{Listener, Space};
use causality_jit::{Compiler, Layout, Text, Tunables};
use causality_machine::{Executor, Exit, Host, HostError, Machine, Memory, PauseReason};
use causality_store::ContentId;

use crate::{CodeReport, InstructionReport};

/// The most instructions interpreted one by one in search of a place where native code may begin.
const STRAIGHT: usize = 64;

/// Runs native code, made the first time control comes to it.
#[derive(Debug, Default)]
pub struct Native {
    interpreter: Interpreter,
    tunables: Tunables,
    listener: Option<Listener>,
    keeping: Option<Keeping>,
    current: Option<Current>,
    retired: Retired,
    started: Option<Instant>,
    first: Option<Duration>,
}

/// Whose code is kept in the code cache.
#[derive(Debug)]
struct Keeping {
    cache: Cache,
    program: ContentId,
    /// The version of code that is the program's as it was read.
    code: Option<u64>,
}

/// The code for what the machine sees now.
#[derive(Debug)]
struct Current {
    compiler: Arc<Compiler>,
    code: u64,
    breakpoints: u64,
}

impl Native {
    /// An executor whose code is generated in this way; the layout is found out.
    #[must_use]
    pub fn new(tunables: Tunables) -> Self {
        Native { tunables, ..Native::default() }
    }

    /// The same, telling `listener` about all code.
    #[must_use]
    pub fn listened(self, listener: Option<Listener>) -> Self {
        Native { listener, ..self }
    }

    /// The same, with the code of `program` from and for a cache.
    #[must_use]
    pub(crate) fn cached(self, cache: Option<&Cache>, program: ContentId) -> Self {
        let keeping = cache.map(|cache| Keeping { cache: cache.clone(), program, code: None });
        Native { keeping, ..self }
    }

    /// Says that the program has just been placed in memory.
    pub(crate) fn placed(&mut self, memory: &Memory) {
        if let Some(keeping) = &mut self.keeping {
            keeping.code = Some(memory.code_version());
        }
    }

    /// Adds what was translated to the cache.
    pub(crate) fn save(&self) -> std::io::Result<()> {
        self.current.as_ref().map_or(Ok(()), |current| current.compiler.save())
    }

    /// What there is of native code.
    pub(crate) fn code(&self) -> CodeReport {
        let Some(current) = &self.current else {
            return CodeReport::default();
        };
        let space = current.compiler.space();
        let (all, translated) = (space.published().len(), space.translated());
        let first = self.first.map(|time| time.as_micros() as u64);
        CodeReport {
            translated_regions: translated,
            cached_regions: all - translated,
            bytes: space.bytes(),
            microseconds_to_first: first,
        }
    }

    /// How many instructions were retired, and how.
    #[must_use]
    pub fn instructions(&self) -> InstructionReport {
        InstructionReport { interpreted: self.interpreter.retired(), native: self.retired.native }
    }

    /// The compiler for what the machine sees now.
    fn compiler(&mut self, machine: &Machine) -> Result<Arc<Compiler>, HostError> {
        let (code, breakpoints) = (machine.memory.code_version(), machine.breakpoints.version());
        if let Some(current) = &self.current
            && (current.code, current.breakpoints) == (code, breakpoints)
        {
            return Ok(Arc::clone(&current.compiler));
        }
        let tunables = Tunables { layout: Layout::of(&machine.memory), ..self.tunables.clone() };
        let has_breakpoints = machine.breakpoints.iter().next().is_some();
        let keeping = self.keeping.as_ref().filter(|keeping| keeping.code == Some(code) && !has_breakpoints);
        let listener = self.listener.clone();
        let compiler = Arc::new(match keeping {
            Some(keeping) => {
                Compiler::cached(&tunables, listener, &keeping.cache, keeping.program.as_bytes())?
            }
            None => Compiler::listened(&tunables, listener)?,
        });
        self.current = Some(Current { compiler: Arc::clone(&compiler), code, breakpoints });
        Ok(compiler)
    }

    /// Runs code at `hart.pc` if there is any or can be.
    fn run(
        &mut self,
        machine: &mut Machine,
        host: &mut dyn Host,
        max: u64,
        may_compile: bool,
    ) -> Result<Outcome, HostError> {
        let compiler = self.compiler(machine)?;
        let space: &Space = compiler.space();
        let pc = machine.hart.pc;
        if !space.has(pc) {
            let text = Text { memory: &machine.memory, breakpoints: &machine.breakpoints };
            if !may_compile || !compiler.compile(&text, pc)? {
                return Ok(Outcome::Left);
            }
        }
        if self.first.is_none() {
            self.first = self.started.map(|started| started.elapsed());
        }
        let mut step = Single(&mut self.interpreter);
        abi::run(space, machine, host, &mut step, max, &mut self.retired)
    }
}

/// Executes single instructions.
struct Single<'a>(&'a mut Interpreter);

impl Step for Single<'_> {
    fn step(&mut self, machine: &mut Machine, host: &mut dyn Host) -> Result<Option<Exit>, HostError> {
        let exit = self.0.execute(machine, host, 1)?;
        Ok((exit != Exit::Paused(PauseReason::Step)).then_some(exit))
    }
}

impl Executor for Native {
    fn execute(&mut self, machine: &mut Machine, host: &mut dyn Host, max: u64) -> Result<Exit, HostError> {
        self.started.get_or_insert_with(Instant::now);
        let mut left = max;
        let mut at_breakpoint = machine.breaks_at_start();
        // Instructions since control went anywhere but to the next one.
        let mut straight = STRAIGHT;
        loop {
            if machine.pause_requested() && machine.take_pause() {
                return Ok(Exit::Paused(PauseReason::Requested));
            }
            if at_breakpoint {
                return Ok(Exit::Paused(PauseReason::Breakpoint));
            }
            if machine.hart.fuel == 0 {
                return Ok(Exit::OutOfFuel);
            }
            if left == 0 {
                return Ok(Exit::Paused(PauseReason::Step));
            }
            if machine.hart.fuel.min(left) <= self.longest() {
                return self.interpreter.execute(machine, host, left);
            }
            let before = self.all_retired();
            let outcome = { self.run(machine, host, left, straight >= STRAIGHT)? };
            left -= self.all_retired() - before;
            match outcome {
                Outcome::Exit(exit) => return Ok(exit),
                Outcome::NoCode => straight = STRAIGHT,
                Outcome::Left => {
                    if machine.breakpoints.contains(machine.hart.pc) && self.all_retired() != before {
                        at_breakpoint = true;
                        continue;
                    }
                    if machine.hart.fuel == 0 || left == 0 {
                        continue;
                    }
                    let pc = machine.hart.pc;
                    let before = self.interpreter.retired();
                    let exit = self.interpreter.execute(machine, host, 1)?;
                    left -= self.interpreter.retired() - before;
                    if exit != Exit::Paused(PauseReason::Step) {
                        return Ok(exit);
                    }
                    let is_next = machine.hart.pc.wrapping_sub(pc) <= 4;
                    straight = if is_next { straight.saturating_add(1) % (STRAIGHT + 1) } else { STRAIGHT };
                }
            }
            at_breakpoint = machine.breakpoints.contains(machine.hart.pc);
        }
    }
}

impl Native {
    /// Below this much fuel, native code may do nothing but leave.
    fn longest(&self) -> u64 {
        self.current.as_ref().map_or(1, |current| current.compiler.space().longest().max(1))
    }

    fn all_retired(&self) -> u64 {
        self.interpreter.retired() + self.retired.native
    }
}
