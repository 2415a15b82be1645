//! A guest that stops in one engine and goes on in another, by way of bytes.
//!
//!     cargo run --release --example snapshot

use causality_vm::snapshot::Snapshot;
use causality_vm::{Config, Engine, Linker, Module, Options, Tier};

/// The example.
pub fn main() -> Result<(), Box<dyn std::error::Error>> {
    let elf = std::fs::read("testkit/guests/sieve.elf")?;
    let interpreted = Engine::new(Config::new().tier(Tier::Interpreter));
    let module = Module::new(&interpreted, &elf)?;
    let options = Options::new().args(["sieve", "4"]).stdout(std::io::stdout());
    let mut instance = Linker::new(&interpreted).instantiate(&module, options, ())?;
    instance.run_for(1_000_000)?;
    let first = Snapshot::of(&mut instance)?;
    let bytes = first.to_bytes();
    println!("after {} instructions: {} bytes, {}", first.retired(), bytes.len(), first.root());

    // Later, only what has changed since.
    instance.run_for(1_000_000)?;
    let second = Snapshot::since(&mut instance, &first)?;
    let changes = second.to_bytes_since(&first);
    println!("after {} instructions: {} bytes more, {}", second.retired(), changes.len(), second.root());
    drop(instance);

    // Somewhere else, where there is nothing but the program and the bytes.
    let native = Engine::new(Config::new().tier(Tier::Cranelift));
    let module = Module::new(&native, &elf)?;
    let snapshot = Snapshot::from_bytes_on(&Snapshot::from_bytes(&bytes)?, &changes)?;
    let options = Options::new().stdout(std::io::stdout());
    let mut resumed = Linker::new(&native).resume(&module, options, (), &snapshot)?;
    println!("{:?} after {} instructions", resumed.run()?, resumed.retired());
    Ok(())
}
