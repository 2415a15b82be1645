//! One number for all that a machine is: two machines with the same digest can be told apart by nothing.

use std::fmt::Debug;

use causality_machine::memory::Perms;
use causality_machine::{Machine, Memory};

/// BLAKE3 over why the machine stopped, its hart with fuel and reservation, all readable memory, and resource registers.
pub fn digest(exit: &impl Debug, machine: &Machine) -> blake3::Hash {
    let mut hasher = blake3::Hasher::new();
    let hart = &machine.hart;
    hasher.update(format!("{exit:?} {:?}", hart.reservation).as_bytes());
    let rest = [hart.pc, hart.fuel, hart.granted, u64::from(hart.fcsr)];
    for word in hart.x.iter().chain(&hart.f).chain(&rest) {
        hasher.update(&word.to_le_bytes());
    }
    hasher.update(of_memory(&machine.memory).as_bytes());
    let registers = machine.memory.registers_at(hart.instret());
    if !registers.is_unused() {
        hasher.update(format!("{:?}", registers.inputs().collect::<Vec<_>>()).as_bytes());
        for (number, slot) in (0..).zip(registers.slots()) {
            hasher.update(format!("{slot:?}").as_bytes());
            hasher.update(machine.memory.register_bytes(number).unwrap_or_default());
        }
    }
    hasher.finalize()
}

/// BLAKE3 over all segments and what can be read of them.
#[must_use]
pub fn of_memory(memory: &Memory) -> blake3::Hash {
    let mut hasher = blake3::Hasher::new();
    for segment in memory.segments() {
        hasher.update(format!("{segment:?}").as_bytes());
        if segment.perms.contains(Perms::R)
            && let Ok(bytes) = memory.slice(segment.range.start, segment.size())
        {
            hasher.update(bytes);
        }
    }
    hasher.finalize()
}
