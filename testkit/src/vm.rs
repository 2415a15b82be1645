//! Running test programs on an executor of this project.

pub mod wild;

use causality_isa::reg::X;
use causality_machine::memory::{Perms, SegmentKind};
use causality_machine::{
    Cause, Executor, Exit, Flow, Hart, Host, HostError, Limits, Machine, Memory, PauseReason, Tracked, Trap,
};

use crate::program::{CODE, DATA, DATA_END, Program, WINDOW, WINDOW_SIZE};
use crate::{Batch, Record};

/// What the harness of a [`Batch`] needs of Linux: writing, and an end. Every other call is unknown.
#[derive(Clone, Debug, Default)]
pub struct Console {
    /// All that was written.
    pub output: Vec<u8>,
}

impl Host for Console {
    fn ecall(&mut self, hart: &mut Hart, memory: &mut Tracked<Memory>) -> Result<Flow, HostError> {
        const ENOSYS: u64 = -38_i64 as u64;
        hart.x[10] = match hart.x[17] {
            64 => {
                self.output.extend_from_slice(memory.slice(hart.x[11], hart.x[12])?);
                hart.x[12]
            }
            93 => return Ok(Flow::Exit(hart.x[10] as i32)),
            132 | 134 => 0,
            _ => ENOSYS,
        };
        Ok(Flow::Continue)
    }
}

/// A host that answers calls by a function; with 93 in `a7`, one ends the machine with the exit code in `a0`.
#[derive(Clone, Copy, Debug)]
pub struct Answer<F>(pub F);

impl<F: FnMut(&mut Hart, &mut Memory)> Host for Answer<F> {
    fn ecall(&mut self, hart: &mut Hart, memory: &mut Tracked<Memory>) -> Result<Flow, HostError> {
        if hart.x[17] == 93 {
            return Ok(Flow::Exit(hart.x[10] as i32));
        }
        (self.0)(hart, memory);
        Ok(Flow::Continue)
    }
}

/// A host for which any `ecall` is the end.
#[derive(Clone, Copy, Debug)]
pub struct End;

impl Host for End {
    fn ecall(&mut self, _: &mut Hart, _: &mut Tracked<Memory>) -> Result<Flow, HostError> {
        Ok(Flow::Exit(0))
    }
}

/// An executor that runs every instruction by itself, so that what executors do for stretches of them is left out.
#[derive(Debug)]
pub struct Stepping<E>(pub E);

impl<E: Executor> Executor for Stepping<E> {
    fn execute(&mut self, machine: &mut Machine, host: &mut dyn Host, max: u64) -> Result<Exit, HostError> {
        for _ in 0..max {
            let exit = self.0.execute(machine, host, 1)?;
            if exit != Exit::Paused(PauseReason::Step) {
                return Ok(exit);
            }
        }
        Ok(Exit::Paused(PauseReason::Step))
    }
}

/// The signal Linux sends for a trap.
#[must_use]
pub const fn signal(cause: Cause) -> u64 {
    match cause {
        Cause::IllegalInstruction => 4,
        Cause::Breakpoint => 5,
        Cause::LoadAddressMisaligned | Cause::StoreAddressMisaligned => 7,
        _ => 11,
    }
}

/// The address Linux gives with the signal for a trap.
const fn signal_address(trap: Trap) -> u64 {
    match trap.cause {
        Cause::IllegalInstruction | Cause::Breakpoint => trap.pc,
        _ => trap.tval,
    }
}

const ADDRESS_SPACE: u64 = 512 << 20;

/// Slots for resource registers.
pub const SLOTS: u32 = 8;
/// The most bytes of a resource register.
pub const SLOT_BYTES: u64 = 8192;
/// Address of the first window.
pub const WINDOWS: u64 = ADDRESS_SPACE;

fn limits() -> Limits {
    Limits { address_space: ADDRESS_SPACE, registers: SLOTS, register_bytes: SLOT_BYTES, ..Limits::default() }
}

/// Runs a batch and returns a record for each of its programs.
///
/// A trap is recorded as the harness's signal handler would, and the harness goes on with the next program.
///
/// # Panics
/// If the harness itself fails.
pub fn run(batch: &Batch, executor: &mut dyn Executor) -> Vec<Record> {
    run_to_end(batch, executor).0
}

/// The same, with the machine as it is at the end.
///
/// # Panics
/// If the harness itself fails.
pub fn run_to_end(batch: &Batch, executor: &mut dyn Executor) -> (Vec<Record>, Machine) {
    let linked = batch.link();
    let next = linked.next;
    let mut machine = Machine::new(limits()).expect("address space");
    linked.image().load(&mut machine.hart, &mut machine.memory).expect("the image fits");
    machine.hart.add_fuel(Hart::MAX_FUEL);
    let mut console = Console::default();
    let mut records = Vec::with_capacity(batch.programs.len());
    loop {
        let exit = executor.execute(&mut machine, &mut console, u64::MAX).expect("the host answers");
        records.append(&mut Record::parse_all(&std::mem::take(&mut console.output)));
        match exit {
            Exit::Completed(0) => return (records, machine),
            Exit::Trap(trap) => records.push(trapped(&machine, trap, batch.anchor)),
            other => panic!("the harness ended with {other:?}"),
        }
        machine.hart.pc = next;
    }
}

/// What the signal handler would record.
fn trapped(machine: &Machine, trap: Trap, anchor: X) -> Record {
    assert_eq!(machine.hart.pc, trap.pc, "a trap leaves pc where it happened");
    let mut record = Record {
        signal: signal(trap.cause),
        x: machine.hart.x,
        f: machine.hart.f,
        fcsr: u64::from(machine.hart.fcsr),
        pc: trap.pc,
        address: signal_address(trap),
        ..Record::default()
    };
    record.x[anchor.index()] = 0;
    let window = machine.memory.slice(WINDOW, WINDOW_SIZE as u64).expect("the window is mapped");
    record.window.copy_from_slice(window);
    record
}

/// A machine about to start `program`, which ends with an `ecall`: run it with [`End`].
///
/// # Panics
/// If the host has no memory.
#[must_use]
pub fn machine(program: &Program) -> Machine {
    let mut machine = Machine::new(limits()).expect("address space");
    load(program, &mut machine);
    machine
}

/// Takes a machine that has run `program` back to its start. Its code stays as it is, and so does what executors made
/// of it.
///
/// # Panics
/// If the machine was not made for this program.
pub fn rewind(program: &Program, machine: &mut Machine) {
    let data = machine.memory.slice_mut(DATA, DATA_END - DATA).expect("mapped");
    data.fill(0);
    let window = (WINDOW - DATA) as usize;
    data[window..window + WINDOW_SIZE].copy_from_slice(&*program.start.window);
    *machine.hart = start(program);
}

fn start(program: &Program) -> Hart {
    let mut hart = Hart::new(CODE);
    hart.x = program.start.x;
    hart.x[0] = 0;
    hart.f = program.start.f;
    hart.fcsr = program.start.fcsr as u32;
    hart
}

/// Puts `program` into an empty machine.
///
/// # Panics
/// If the machine is not empty or has no room.
pub fn load(program: &Program, machine: &mut Machine) {
    const ECALL: u32 = 0x73;
    let mut code = program.code.clone();
    if !code.len().is_multiple_of(4) {
        code.extend_from_slice(&[1, 0]);
    }
    code.extend_from_slice(&ECALL.to_le_bytes());
    let memory = &mut machine.memory;
    let end = CODE + (code.len() as u64).next_multiple_of(0x1000);
    memory.map(CODE..end, Perms::RW, SegmentKind::Text, "code").expect("room for code");
    memory.slice_mut(CODE, code.len() as u64).expect("mapped").copy_from_slice(&code);
    memory.protect(CODE..end, Perms::RX).expect("mapped");
    memory.map(DATA..DATA_END, Perms::RW, SegmentKind::Data, "data").expect("room for data");
    memory.slice_mut(WINDOW, WINDOW_SIZE as u64).expect("mapped").copy_from_slice(&*program.start.window);
    *machine.hart = start(program);
}
