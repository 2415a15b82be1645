//! Any bytes as an executable.

use causality_vm::elf::Program;
use causality_vm::{Config, Engine, Hart, Limits, Linker, Memory, Module, Options, Tier};

use crate::digest::of_memory;

/// How many instructions of it are run.
const LENGTH: u64 = 500;

fn limits() -> Limits {
    Limits { address_space: 16 << 20, memory: 1 << 20, stack: 64 << 10, segments: 16, ..Limits::default() }
}

/// Refused with a reason, or placed in memory without one; then run a little, the same in native code as interpreted.
///
/// # Panics
/// If not.
pub fn elf(file: &[u8]) {
    let limits = limits();
    let Ok(program) = Program::parse(file, &limits) else { return };
    let (mut hart, mut memory) = (Hart::default(), Memory::new(limits).expect("16 MiB of addresses"));
    program.image().load(&mut hart, &mut memory).expect("it has a place");
    assert!(memory.perms_at(hart.pc).is_executable());
    let _ = (program.check_extensions(), program.symbols().at(hart.pc));
    assert_eq!(run(file, Tier::Interpreter), run(file, Tier::Baseline));
}

/// How it ends, or why it does not start.
fn run(file: &[u8], tier: Tier) -> Result<String, String> {
    let engine = Engine::new(Config::new().limits(limits()).tier(tier));
    let module = Module::new(&engine, file).map_err(|error| error.to_string())?;
    let linker = Linker::<()>::new(&engine);
    let mut instance =
        linker.instantiate(&module, Options::new().arg("file"), ()).map_err(|error| error.to_string())?;
    let exit = instance.run_for(LENGTH).map_err(|error| error.to_string())?;
    Ok(format!("{exit:?} {:?} {} {:?}", instance.hart(), of_memory(instance.memory()), instance.backtrace()))
}
