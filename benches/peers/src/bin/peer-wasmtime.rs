//! Wasmtime as a child process of the table: `peer-wasmtime [--fuel] [--bounds-checks] GUEST.wasm ROUNDS`.
//!
//! The defaults are Wasmtime's own: optimised code, and unmapped pages around memory instead of checks.

use std::path::PathBuf;

use clap::Parser;
use wasmtime::{Config, Engine, Instance, Module, Result, Store};

/// Run a computing guest on Wasmtime
#[derive(Parser)]
struct Args {
    /// Meter the guest, with more fuel than it can use
    #[arg(long)]
    fuel: bool,
    /// Check addresses in the generated code instead of by unmapped pages
    #[arg(long)]
    bounds_checks: bool,
    /// The guest, a WebAssembly module that exports `run`
    guest: PathBuf,
    /// How many rounds it is to do
    rounds: u32,
}

fn main() -> Result<()> {
    let args = Args::parse();
    let engine = Engine::new(&config(&args))?;
    let module = Module::from_file(&engine, &args.guest)?;
    let mut store = Store::new(&engine, ());
    if args.fuel {
        store.set_fuel(u64::MAX)?;
    }
    let instance = Instance::new(&mut store, &module, &[])?;
    let run = instance.get_typed_func::<u32, u32>(&mut store, "run")?;
    let checksum = run.call(&mut store, args.rounds)?;
    println!("rounds {} checksum {checksum:08x}", args.rounds);
    Ok(())
}

fn config(args: &Args) -> Config {
    let mut config = Config::new();
    config.consume_fuel(args.fuel);
    if args.bounds_checks {
        config.memory_reservation(0).memory_guard_size(0);
    }
    config
}
