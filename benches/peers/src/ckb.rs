//! How ckb-vm is set up: its interpreter in assembly, version 2, all its extensions, more cycles than a guest can use, counted
//! with the costs that its own runner has.

use ckb_vm::cost_model::estimate_cycles;
use ckb_vm::machine::VERSION2;
use ckb_vm::machine::asm::{AsmCoreMachine, AsmMachine};
use ckb_vm::{
    Bytes, DefaultMachineBuilder, DefaultMachineRunner, ISA_A, ISA_B, ISA_IMC, ISA_MOP, SupportMachine,
    Syscalls,
};

/// What a machine has of the state that calls see.
pub type Core = Box<AsmCoreMachine>;

/// A machine without a program.
#[must_use]
pub fn machine(calls: impl Syscalls<Core> + 'static) -> AsmMachine {
    let core = <Core as SupportMachine>::new(ISA_IMC | ISA_A | ISA_B | ISA_MOP, VERSION2, u64::MAX);
    let machine = DefaultMachineBuilder::new(core).instruction_cycle_func(Box::new(estimate_cycles));
    AsmMachine::new(machine.syscall(Box::new(calls)).build())
}

/// What a program is called with.
pub fn arguments<'a>(
    words: &'a [&'a str],
) -> impl ExactSizeIterator<Item = Result<Bytes, ckb_vm::Error>> + 'a {
    words.iter().map(|word| Ok(Bytes::copy_from_slice(word.as_bytes())))
}
