//! Starts a guest once and goes on from there many times: `cargo run --example fork`.
//!
//! The guest has done whatever it does first when it is frozen; each fork goes on from that moment with its own memory, registers,
//! fuel and data, and costs about as much as the pages that it writes to.

use causality_vm::{Config, Engine, Exit, Linker, Module, Options};

pub(crate) fn main() -> Result<(), Box<dyn std::error::Error>> {
    let engine = Engine::new(Config::new().fuel(1_000_000));
    let module = Module::from_file(&engine, "examples/hello.elf")?;
    let options = Options::new().args(["hello", "fork"]).stdout(std::io::stdout());
    let mut guest = Linker::new(&engine).instantiate(&module, options, "the first")?;

    // It stops after so many instructions; a host function could pause it at a better place.
    assert!(matches!(guest.run_for(100)?, Exit::Paused(_)));
    let checkpoint = guest.checkpoint()?;

    for name in ["the second", "the third"] {
        let mut fork = checkpoint.fork()?;
        *fork.data_mut() = name;
        assert_eq!(fork.run()?, Exit::Completed(0));
        println!("{} retired {} instructions, as all do", fork.data(), fork.retired());
    }
    assert_eq!(guest.run()?, Exit::Completed(0));
    println!("{} retired {}", guest.data(), guest.retired());
    Ok(())
}
