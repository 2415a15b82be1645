//! Running blocks: the loop that decides before each block whether to go on, and the loop over a block.

use causality_machine::{
    Cause, Executor, Exit, Fault, Flow, Hart, Host, HostError, Machine, Memory, PauseReason,
};

use crate::block::{Block, Blocks};
use crate::dispatch::{self, Op};
use crate::exec::Stop;

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
    blocks: Blocks,
    observer: Option<Observer>,
    retired: u64,
}

impl std::fmt::Debug for Interpreter {
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        f.debug_struct("Interpreter")
            .field("retired", &self.retired)
            .finish_non_exhaustive()
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
        Interpreter {
            observer: Some(Box::new(observer)),
            ..Interpreter::default()
        }
    }

    /// Instructions this interpreter has retired.
    #[must_use]
    pub const fn retired(&self) -> u64 {
        self.retired
    }
}

impl Executor for Interpreter {
    fn execute(&mut self, machine: &mut Machine, host: &mut dyn Host, max: u64) -> Result<Exit, HostError> {
        let start = machine.hart.instret();
        let exit = self.run(machine, host, max);
        self.retired += machine.hart.instret() - start;
        exit
    }
}

impl Interpreter {
    fn run(&mut self, machine: &mut Machine, host: &mut dyn Host, max: u64) -> Result<Exit, HostError> {
        let mut left = max;
        let mut at_breakpoint = machine.breaks_at_start();
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
            let block = match self
                .blocks
                .at(machine.hart.pc, &machine.memory, &machine.breakpoints)
            {
                Ok(block) => block,
                Err(fault) => return Ok(Exit::Trap(fault.at(machine.hart.pc))),
            };
            let before = machine.hart.fuel;
            if let Some(exit) = self.run_block(block, machine, host, left)? {
                return Ok(exit);
            }
            left -= before - machine.hart.fuel;
            at_breakpoint = machine.breakpoints.contains(machine.hart.pc);
        }
    }

    /// Runs as much of a block as may be run; leaves the hart exact.
    fn run_block(
        &mut self,
        block: Block,
        machine: &mut Machine,
        host: &mut dyn Host,
        max: u64,
    ) -> Result<Option<Exit>, HostError> {
        let ops = self.blocks.ops(block);
        let payable = machine.hart.fuel.min(max);
        let payable = if self.observer.is_some() {
            payable.min(1)
        } else {
            payable
        };
        let n = ops.len().min(usize::try_from(payable).unwrap_or(usize::MAX));
        let observed = self.observer.is_some().then(|| machine.hart.clone());
        // Where control goes unless a jump says otherwise, also when the block is cut short.
        machine.hart.pc = ops.get(n).map_or(block.end, |next| next.pc);
        let mut done = dispatch::run(&ops[..n], &mut machine.hart, &mut machine.memory);
        machine.hart.fuel -= done as u64;
        let mut exit = None;
        if let Some(op) = ops[..n].get(done) {
            machine.hart.pc = ops.get(done + 1).map_or(block.end, |next| next.pc);
            match execute_in_full(op, machine, host)? {
                Resolved::Retired(ended) => {
                    machine.hart.fuel -= 1;
                    done += 1;
                    exit = ended;
                }
                Resolved::Stopped(stopped) => exit = Some(stopped),
            }
        }
        if let (Some(before), Some(observer), 1) = (observed, &mut self.observer, done) {
            let word = machine.memory.fetch(before.pc).unwrap_or(0);
            let (after, memory) = (&machine.hart, &machine.memory);
            observer(Retired {
                pc: before.pc,
                word,
                before: &before,
                after,
                memory,
            });
        }
        Ok(exit)
    }
}

/// What became of an instruction that its handler gave up.
enum Resolved {
    /// It retired, and the machine goes on or is completed.
    Retired(Option<Exit>),
    /// It did not.
    Stopped(Exit),
}

#[cold]
fn execute_in_full(op: &Op, machine: &mut Machine, host: &mut dyn Host) -> Result<Resolved, HostError> {
    let Err(stop) = op.execute(&mut machine.hart, &mut machine.memory) else {
        return Ok(Resolved::Retired(None));
    };
    let pc = op.pc;
    machine.hart.pc = pc;
    let fault = match stop {
        Stop::Fault(fault) => fault,
        Stop::Illegal | Stop::Slow => {
            let word = machine.memory.fetch(pc).unwrap_or(0);
            Fault {
                cause: Cause::IllegalInstruction,
                tval: u64::from(word),
            }
        }
        Stop::Ebreak => Fault {
            cause: Cause::Breakpoint,
            tval: pc,
        },
        Stop::Ecall => match host.ecall(&mut machine.hart, &mut machine.memory)? {
            Flow::Continue => {
                machine.hart.pc = pc.wrapping_add(4);
                return Ok(Resolved::Retired(None));
            }
            Flow::Exit(code) => {
                machine.hart.pc = pc.wrapping_add(4);
                return Ok(Resolved::Retired(Some(Exit::Completed(code))));
            }
            Flow::Pause => return Ok(Resolved::Stopped(Exit::Paused(PauseReason::Host))),
            Flow::Trap(cause, tval) => Fault { cause, tval },
        },
    };
    Ok(Resolved::Stopped(Exit::Trap(fault.at(pc))))
}
