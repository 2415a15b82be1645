//! What does it take to start a tiny guest, and to call into it and out of it, here and elsewhere?
//!
//!     benches/peers/table.sh --latency
//!     benches/peers/table.sh --latency --peer wasmtime,wasmi --rounds 100 --json raw.json
//!
//! One process has all engines and one guest, `guests/calls.c`, compiled for each. What is timed, by the wall clock, are short
//! batches of one thing, engines taking turns, many times over; what counts is the best batch of each, and the
//! median. Every result is checked.

mod cli;
mod engines;
mod measure;
mod report;
mod subject;

use std::error::Error;
use std::process::ExitCode;

use clap::Parser;
use peers::section;

use cli::Args;

fn main() -> ExitCode {
    match table(&Args::parse()) {
        Ok(()) => ExitCode::SUCCESS,
        Err(error) => {
            eprintln!("peer-latency: {error}");
            ExitCode::FAILURE
        }
    }
}

fn table(args: &Args) -> Result<(), Box<dyn Error>> {
    let mut subjects = engines::named(&args.names(), &args.built)?;
    let measured = measure::measure(&mut subjects, args.rounds, args.batch())?;
    if let Some(path) = &args.json {
        std::fs::write(path, serde_json::to_string_pretty(&measured)?)?;
    }
    let table = report::markdown(args, &measured);
    print!("{table}");
    if let Some(path) = &args.write {
        section::write(path, "latency", &table)?;
    }
    Ok(())
}
