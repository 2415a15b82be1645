//! ckb-vm as a child process of the table: `peer-ckb GUEST.elf ROUNDS`. Its interpreter in assembly; cycles are counted, as
//! always, with the costs that its own runner has, and there are more than a guest can use.
//!
//! Guests are the freestanding ones, with a stack as Linux makes it and its calls `write` and `exit_group`.

use std::io::Write;
use std::path::PathBuf;

use ckb_vm::cost_model::estimate_cycles;
use ckb_vm::machine::VERSION2;
use ckb_vm::machine::asm::{AsmCoreMachine, AsmMachine};
use ckb_vm::registers::{A0, A1, A2, A7};
use ckb_vm::{
    Bytes, DefaultMachineBuilder, DefaultMachineRunner, Error, ISA_A, ISA_B, ISA_IMC, ISA_MOP, Memory,
    Register, SupportMachine, Syscalls,
};
use clap::Parser;

/// Run a computing guest on ckb-vm
#[derive(Parser)]
struct Args {
    /// The guest, a static executable for RV64IMC with B
    guest: PathBuf,
    /// How many rounds it is to do
    rounds: u32,
}

fn main() -> Result<(), Box<dyn std::error::Error>> {
    let args = Args::parse();
    let program: Bytes = std::fs::read(&args.guest)?.into();
    let isa = ISA_IMC | ISA_A | ISA_B | ISA_MOP;
    let core = <Box<AsmCoreMachine> as SupportMachine>::new(isa, VERSION2, u64::MAX);
    let machine = DefaultMachineBuilder::new(core)
        .instruction_cycle_func(Box::new(estimate_cycles))
        .syscall(Box::new(Calls))
        .build();
    let mut machine = AsmMachine::new(machine);
    let words = ["guest".to_owned(), args.rounds.to_string()];
    machine.load_program(&program, words.into_iter().map(|word| Ok(word.into())))?;
    match machine.run()? {
        0 => Ok(()),
        code => Err(format!("the guest ended with {code}").into()),
    }
}

/// The calls of Linux that a computing guest makes.
struct Calls;

impl<M: SupportMachine> Syscalls<M> for Calls {
    fn initialize(&mut self, _: &mut M) -> Result<(), Error> {
        Ok(())
    }

    fn ecall(&mut self, machine: &mut M) -> Result<bool, Error> {
        let [number, fd, address, len] =
            [A7, A0, A1, A2].map(|register| machine.registers()[register].to_u64());
        match (number, fd) {
            (64, 1) => {
                let bytes = machine.memory_mut().load_bytes(address, len)?;
                std::io::stdout().write_all(&bytes)?;
                machine.set_register(A0, M::REG::from_u64(len));
            }
            (94, 0) => machine.set_running(false),
            _ => return Ok(false),
        }
        Ok(true)
    }
}
