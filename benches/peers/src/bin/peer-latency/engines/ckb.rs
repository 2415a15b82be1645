//! ckb-vm. It runs whole programs, so there is no function to be called in a live instance, and `touch` and `ask` are the whole
//! of a program's run.

use std::sync::Arc;
use std::sync::atomic::{AtomicU64, Ordering};
use std::time::Duration;

use ckb_vm::elf::{ProgramMetadata, parse_elf};
use ckb_vm::machine::VERSION2;
use ckb_vm::machine::asm::AsmMachine;
use ckb_vm::registers::{A0, A7};
use ckb_vm::{Bytes, DefaultMachineRunner, Error, SupportMachine, Syscalls};
use peers::ckb;

use crate::subject::{FRESH, Failure, Quantity, SUM, Subject, timed, timed_once};

pub(super) const NAME: &str = "ckb-vm";

/// The numbers of `next` and of `exit_group`.
const NEXT: u64 = 0x1_0000;
const EXIT: u64 = 94;

pub(super) struct Ckb {
    program: Bytes,
    metadata: ProgramMetadata,
    result: Arc<AtomicU64>,
}

impl Ckb {
    pub(super) fn new(elf: Vec<u8>) -> Result<Self, Failure> {
        let program = Bytes::from(elf);
        let metadata = parse_elf::<u64>(&program, VERSION2)?;
        Ok(Ckb { program, metadata, result: Arc::default() })
    }

    fn machine(&self) -> AsmMachine {
        ckb::machine(Calls { result: Arc::clone(&self.result) })
    }

    /// A machine with the program, of which it is known what goes where.
    fn loaded(&self, words: &[&str]) -> Result<AsmMachine, Failure> {
        let mut machine = self.machine();
        machine.load_program_with_metadata(&self.program, &self.metadata, ckb::arguments(words))?;
        Ok(machine)
    }

    fn run(&self, mut machine: AsmMachine) -> Result<u64, Failure> {
        machine.run()?;
        Ok(self.result.load(Ordering::Relaxed))
    }

    fn cold(&self) -> Result<u64, Failure> {
        let mut machine = self.machine();
        machine.load_program(&self.program, ckb::arguments(&["calls", "add"]))?;
        self.run(machine)
    }
}

impl Subject for Ckb {
    fn name(&self) -> &'static str {
        NAME
    }

    fn version(&self) -> String {
        super::version("ckb-vm")
    }

    fn time(&mut self, quantity: Quantity, times: u32) -> Result<Option<Duration>, Failure> {
        match quantity {
            Quantity::Cold => timed(times, SUM, || self.cold()),
            Quantity::Instance => timed(times, FRESH, || self.run(self.loaded(&["calls", "touch"])?)),
            Quantity::Call => Ok(None),
            Quantity::HostCall => {
                let machine = self.loaded(&["calls", "ask", &times.to_string()])?;
                timed_once(times, |times| Ok(if self.run(machine)? == 0 { times } else { 0 }))
            }
        }
    }
}

/// The host: counts on, and keeps what a program ends with.
struct Calls {
    result: Arc<AtomicU64>,
}

impl<M: SupportMachine<REG = u64>> Syscalls<M> for Calls {
    fn initialize(&mut self, _: &mut M) -> Result<(), Error> {
        Ok(())
    }

    fn ecall(&mut self, machine: &mut M) -> Result<bool, Error> {
        let value = machine.registers()[A0];
        match machine.registers()[A7] {
            NEXT => machine.set_register(A0, value + 1),
            EXIT => {
                self.result.store(value, Ordering::Relaxed);
                machine.set_running(false);
            }
            _ => return Ok(false),
        }
        Ok(true)
    }
}
