//! Any bytes as an executable: refused with a reason, or placed in memory without one.
#![no_main]

use causality_vm::elf::Program;
use causality_vm::{Hart, Limits, Memory};
use libfuzzer_sys::fuzz_target;

fuzz_target!(|file: &[u8]| {
    let limits = Limits { address_space: 16 << 20, memory: 1 << 20, segments: 16, ..Limits::default() };
    let Ok(program) = Program::parse(file, &limits) else { return };
    let (mut hart, mut memory) = (Hart::default(), Memory::new(limits).expect("16 MiB of addresses"));
    program.image().load(&mut hart, &mut memory).expect("it has a place");
    assert!(memory.perms_at(hart.pc).is_executable());
    let _ = (program.check_extensions(), program.symbols().at(hart.pc));
});
