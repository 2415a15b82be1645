//! ckb-vm as a child process of the table: `peer-ckb GUEST.elf ROUNDS`. Cycles are counted, as always.
//!
//! Guests are the freestanding ones, with a stack as Linux makes it and its calls `write` and `exit_group`.

use std::io::Write;
use std::path::PathBuf;

use ckb_vm::registers::{A0, A1, A2, A7};
use ckb_vm::{Bytes, DefaultMachineRunner, Error, Memory, Register, SupportMachine, Syscalls};
use clap::Parser;
use peers::ckb;

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
    let mut machine = ckb::machine(Calls);
    machine.load_program(&program, ckb::arguments(&["guest", &args.rounds.to_string()]))?;
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
        let [number, first, address, len] =
            [A7, A0, A1, A2].map(|register| machine.registers()[register].to_u64());
        match (number, first) {
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
