//! How fast is this engine, and how do others do, on the same C programs in one run?
//!
//!     benches/peers/table.sh                       # builds everything, prints the tables
//!     benches/peers/table.sh --peer all --write docs/performance.md --plot docs/performance.svg
//!     benches/peers/table.sh --tier interp --peer wasmi --steady --write docs/performance.md --part interpreter
//!     benches/peers/table.sh --tier cranelift,interp --peer wasmtime,wasmi --only fib,sieve --tsv raw.tsv
//!
//! Every engine is a child process, given a guest and a number of rounds; what counts is the processor time of the
//! child, all its threads, user and system. Each guest runs with the rounds `guests.tsv` gives, which take a native
//! build about 0.3 s, and with one round; the difference is the steady state, free of start-up and of compiling.
//! Engines take turns, so that a machine that slows down slows all of them. Figures are medians, then ratios to
//! native; all engines must print the same checksum. An engine that cannot run a guest has no figure there, and
//! no mean of all guests; all engines have a mean of those that it does run.
//!
//! `native` is `gcc -O2`, `native-novec` the same without auto-vectorisation, as no guest has vector instructions. Both
//! have the C library's `memcpy`, the guests their own.

mod child;
mod cli;
mod engine;
mod error;
mod guest;
mod measure;
mod plot;
mod report;

use std::process::ExitCode;

use clap::Parser;
use peers::section;

use cli::Args;
use error::Error;
use report::Report;

fn main() -> ExitCode {
    match table(&Args::parse()) {
        Ok(()) => ExitCode::SUCCESS,
        Err(error) => {
            eprintln!("peers: {error}");
            ExitCode::FAILURE
        }
    }
}

fn table(args: &Args) -> Result<(), Error> {
    let guests = guest::chosen(&args.only, args.scale)?;
    let engines = args.engines()?;
    let measured = measure::measure(&guests, &engines, args.rounds)?;
    if let Some(path) = &args.tsv {
        std::fs::write(path, measured.tsv()).map_err(Error::of_file(path))?;
    }
    if let Some(path) = &args.plot {
        plot::draw(path, &guests, &engines, &measured)?;
    }
    let report = Report { args, guests: &guests, engines: &engines, measured: &measured };
    let tables = report.markdown();
    print!("{tables}");
    if let Some(path) = &args.write {
        section::write(path, &args.part, &(tables + &args.picture()))?;
    }
    Ok(())
}
