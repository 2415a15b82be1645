//! Two executors run the same wild program, and everything is compared.

use std::collections::BTreeMap;
use std::fmt::Write;

use causality_isa::{Inst, Opcode, decode};
use causality_machine::{Executor, Exit, Machine, PauseReason};

use crate::digest::digest;
use crate::operands::{Class, class};
use crate::program::CODE;
use crate::vm::wild::{self, Meddler};
use crate::{Program, Shape, Source, generate};

/// A program and how it is run.
#[derive(Clone, Debug)]
pub struct Duel {
    /// The program.
    pub program: Program,
    /// What it gets in all.
    pub fuel: u64,
    /// The most that it gets at once.
    pub slice: u64,
    /// Whether a slice bounds the run instead of its fuel.
    pub steps: bool,
    /// Where it pauses, and goes on.
    pub breakpoints: Vec<u64>,
}

/// Pauses at breakpoints, after which they are taken away.
const PAUSES: u32 = 300;

/// How a duel ended on the first executor.
#[derive(Clone, Copy, Debug)]
pub struct Ended {
    /// Why it stopped.
    pub exit: Exit,
    /// Instructions retired.
    pub retired: u64,
    /// Calls the host answered.
    pub calls: u64,
}

impl Duel {
    /// A made-up program with made-up fuel; half of them with enough for most programs, `most`.
    #[must_use]
    pub fn generate(source: &mut Source<'_>, most: u64) -> Self {
        Self::of(Shape::wild, source, most)
    }

    /// The same with a program of this shape, for so many statements.
    #[must_use]
    pub fn of(shape: impl FnOnce(usize) -> Shape, source: &mut Source<'_>, most: u64) -> Self {
        let statements = 5 + source.below(56);
        let fuel = match source.below(8) {
            0..4 => most,
            4 | 5 => source.bits() % most.max(1),
            _ => source.bits() % 2000,
        };
        let slice = match source.below(8) {
            0..4 => u64::MAX,
            4 => 1 + source.below(10) as u64,
            5 => 1 + source.below(300) as u64,
            _ => 1 + source.below(20_000) as u64,
        };
        let steps = source.chance(50);
        let program = generate(source, &shape(statements));
        // Last, so that the same seed gives the same program as without.
        let count = if source.chance(25) { 1 + source.below(4) } else { 0 };
        let offset = |source: &mut Source<'_>| (source.bits() % program.code.len().max(2) as u64) & !1;
        let breakpoints = (0..count).map(|_| CODE + offset(source)).collect();
        Duel { program, fuel, slice, steps, breakpoints }
    }

    /// Runs both.
    ///
    /// # Errors
    /// What differs, and the program.
    pub fn fight(&self, first: &mut dyn Executor, second: &mut dyn Executor) -> Result<Ended, String> {
        let (exit, one, calls) = self.run(first);
        let (other_exit, other, _) = self.run(second);
        if digest(&exit, &one) == digest(&other_exit, &other) {
            return Ok(Ended { exit, retired: one.hart.instret(), calls });
        }
        Err(self.difference((exit, &one), (other_exit, &other)))
    }

    fn run(&self, executor: &mut dyn Executor) -> (Exit, Machine, u64) {
        let (mut machine, mut host) = (wild::machine(&self.program), Meddler::of(&self.program));
        if self.steps {
            machine.hart.add_fuel(self.fuel);
        }
        for &pc in &self.breakpoints {
            machine.breakpoints.insert(pc);
        }
        let mut pauses = 0;
        // Counted here, as calls grant and take fuel too.
        let mut given = if self.steps { self.fuel } else { 0 };
        loop {
            if !self.steps {
                let grant = self.slice.min(self.fuel - given);
                given += grant;
                machine.hart.add_fuel(grant);
            }
            let max = if self.steps { self.slice } else { u64::MAX };
            let exit = executor.execute(&mut machine, &mut host, max).expect("the host answers");
            let goes_on = match exit {
                Exit::OutOfFuel => given < self.fuel,
                Exit::Paused(PauseReason::Step) => true,
                Exit::Paused(PauseReason::Breakpoint) => {
                    pauses += 1;
                    machine.pass_breakpoint();
                    if pauses == PAUSES {
                        for &pc in &self.breakpoints {
                            machine.breakpoints.remove(pc);
                        }
                    }
                    true
                }
                _ => false,
            };
            if !goes_on {
                return (exit, machine, host.calls());
            }
        }
    }

    fn difference(&self, (exit, one): (Exit, &Machine), (other_exit, other): (Exit, &Machine)) -> String {
        let mut text = self.program.listing(CODE);
        let _ = writeln!(text, "fuel {}, slices of {}, steps {}", self.fuel, self.slice, self.steps);
        let _ = writeln!(text, "breakpoints {:x?}", self.breakpoints);
        let mut line = |name: &str, a: &dyn std::fmt::Debug, b: &dyn std::fmt::Debug| {
            let (a, b) = (format!("{a:x?}"), format!("{b:x?}"));
            if a != b {
                let _ = writeln!(text, "  {name:>12}  first {a}  second {b}");
            }
        };
        let (a, b) = (&one.hart, &other.hart);
        line("exit", &exit, &other_exit);
        line("pc", &a.pc, &b.pc);
        line("fuel", &a.fuel, &b.fuel);
        line("granted", &a.granted, &b.granted);
        line("fcsr", &a.fcsr, &b.fcsr);
        line("reservation", &a.reservation, &b.reservation);
        for i in 0..32 {
            line(&format!("x{i}"), &a.x[i], &b.x[i]);
            line(&format!("f{i}"), &a.f[i], &b.f[i]);
        }
        let now = (a.instret(), b.instret());
        let (a, b) = (one.memory.registers_at(now.0), other.memory.registers_at(now.1));
        for (number, (a, b)) in (0..).zip(a.slots().iter().zip(b.slots())) {
            line(&format!("slot {number}"), a, b);
            let bytes = |machine: &Machine| machine.memory.register_bytes(number).map(<[u8]>::to_vec);
            line(&format!("window {number}"), &bytes(one), &bytes(other));
        }
        for segment in one.memory.segments() {
            let bytes = |machine: &Machine| {
                machine.memory.slice(segment.range.start, segment.size()).map(<[u8]>::to_vec).ok()
            };
            if let (Some(a), Some(b)) = (bytes(one), bytes(other)) {
                for at in (0..a.len()).filter(|&at| a[at] != b[at]).take(8) {
                    line(&format!("{:#x}", segment.range.start + at as u64), &a[at], &b[at]);
                }
            }
        }
        text
    }
}

/// Whether an instruction ends a block.
#[must_use]
pub fn ends_block(word: u32) -> bool {
    let ends = |inst: Inst| {
        matches!(class(inst.opcode()), Class::Branch | Class::Jal | Class::Jalr)
            || inst.opcode() == Opcode::Ecall
    };
    decode(word).is_some_and(|decoded| ends(decoded.inst))
}

/// What was done in many duels.
#[derive(Clone, Debug, Default)]
pub struct Tally {
    /// Programs run.
    pub programs: u64,
    /// Instructions that one executor retired.
    pub instructions: u64,
    /// Blocks that one executor executed.
    pub blocks: u64,
    /// Calls of the host.
    pub calls: u64,
    /// By how they ended.
    pub ends: BTreeMap<String, u64>,
}

impl Tally {
    /// Counts one.
    pub fn add(&mut self, ended: Ended, blocks: u64) {
        self.programs += 1;
        self.instructions += ended.retired;
        self.blocks += blocks;
        self.calls += ended.calls;
        let end = match ended.exit {
            Exit::Trap(trap) => format!("{:?}", trap.cause),
            Exit::Completed(_) => "completed".to_owned(),
            other => format!("{other:?}"),
        };
        *self.ends.entry(end).or_default() += 1;
    }
}
