//! Native code with the interpreter beside it.
//!
//! Generated code does what instructions usually do and gives control back before one that may do anything else; the
//! interpreter executes that one, and traps if it has to. So what a trap, a limit of fuel or a breakpoint does is
//! decided in one place.

use std::sync::Arc;

use causality_interp::Interpreter;
use causality_jit::abi::{self, Outcome, Retired, Step};
use causality_jit::code::{Listener, Space};
use causality_jit::{Compiler, Layout, Text, Tunables};
use causality_machine::{Executor, Exit, Host, HostError, Machine, PauseReason};

use crate::InstructionReport;

/// The most instructions interpreted one by one in search of a place where native code may begin.
const STRAIGHT: usize = 64;

/// Runs native code, made the first time control comes to it.
#[derive(Debug, Default)]
pub struct Native {
    interpreter: Interpreter,
    tunables: Tunables,
    listener: Option<Listener>,
    current: Option<Current>,
    retired: Retired,
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
        let compiler = Arc::new(Compiler::listened(&tunables, self.listener.clone())?);
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
