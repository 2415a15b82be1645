//! An untrusted guest under limits: of instructions, memory and time, each ending in a value, never in the host.

use std::time::Duration;

use causality_vm::{CallError, Config, Engine, Exit, Limits, Linker, Module, Options, PauseReason};

/// The example.
pub fn main() -> Result<(), Box<dyn std::error::Error>> {
    let engine = Engine::new(Config::new().fuel(1_000_000).memory(64 << 20));
    let module = Module::from_file(&engine, "testkit/guests/calls.elf")?;
    let linker = Linker::new(&engine);

    // Fuel is exact: it runs out at the same instruction everywhere, and more of it continues right there.
    let limits = Limits { memory: 2 << 20, stack: 64 << 10, ..Limits::default() };
    let options = Options::new().limits(limits).fuel(100_000);
    let mut guest = linker.instantiate(&module, options, ())?;
    let spin = guest.function::<u64, u64>("spin")?;
    let Err(CallError::Stopped(Exit::OutOfFuel)) = spin.call(&mut guest, 1_000_000) else { unreachable!() };
    println!("out of fuel after {} instructions", guest.retired());
    assert!(guest.abandon_call());

    // The stack is as large as it was said to be; the host's is not touched.
    guest.add_fuel(1_000_000);
    let Err(CallError::Stopped(Exit::Trap(trap))) = guest.call::<_, u64>("depth", 1_000_000_u64) else {
        unreachable!()
    };
    println!("{} at {:#x}", trap.cause, trap.pc);
    assert!(guest.abandon_call());

    // Time is the host's business: any thread may pause a guest.
    guest.add_fuel(u64::MAX);
    let watchdog = guest.pause_handle();
    std::thread::spawn(move || {
        std::thread::sleep(Duration::from_millis(10));
        watchdog.pause();
    });
    let Err(CallError::Stopped(exit)) = spin.call(&mut guest, u64::MAX) else { unreachable!() };
    assert_eq!(exit, Exit::Paused(PauseReason::Requested));
    println!("paused after {} instructions", guest.retired());
    Ok(())
}
