//! wasmi as a child process of the table: `peer-wasmi GUEST.wasm ROUNDS`. All its defaults; no fuel.

use std::error::Error;
use std::path::PathBuf;

use clap::Parser;
use wasmi::{Engine, Linker, Module, Store};

/// Run a computing guest on wasmi
#[derive(Parser)]
struct Args {
    /// The guest, a WebAssembly module that exports `run`
    guest: PathBuf,
    /// How many rounds it is to do
    rounds: u32,
}

fn main() -> Result<(), Box<dyn Error>> {
    let args = Args::parse();
    let engine = Engine::default();
    let module = Module::new(&engine, std::fs::read(&args.guest)?)?;
    let mut store = Store::new(&engine, ());
    let instance = Linker::new(&engine).instantiate_and_start(&mut store, &module)?;
    let run = instance.get_typed_func::<u32, u32>(&store, "run")?;
    let checksum = run.call(&mut store, args.rounds)?;
    println!("rounds {} checksum {checksum:08x}", args.rounds);
    Ok(())
}
