//! Any bytes as an executable: refused with a reason, or placed in memory without one.
#![no_main]

use causality_vm::elf::Program;
use causality_vm::{Hart, Limits, Memory};
use libfuzzer_sys::fuzz_target;

fuzz_target!(|file: &[u8]| {
    let limits = Limits {
        address_space: 16 << 20,
        memory: 1 << 20,
        segments: 16,
        ..Limits::default()
    };
    let Ok(program) = Program::parse(file, &limits) else {
        return;
    };
    let (mut hart, mut memory) = (Hart::default(), Memory::new(limits).expect("16 MiB of addresses"));
    let image = program.image();
    image
        .load(&mut hart, &mut memory)
        .expect("what the loader accepts has a place");
    assert!(
        memory.fetch(hart.pc).is_ok() || memory.fetch(hart.pc + 2).is_err(),
        "the entry point is code"
    );
    for segment in &image.segments {
        assert!(segment.data.len() as u64 <= segment.size);
        let _ = program.symbols().at(segment.addr);
    }
    let _ = program.check_extensions();
    assert!(program.symbols().iter().all(|symbol| symbol.name.len() <= 4096));
});
