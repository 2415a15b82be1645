//! The `causality-vm` command: a thin shell around the embedding API.

#![forbid(unsafe_code)]

mod account;
mod account_json;
mod args;
mod batch;
mod batch_jobs;
mod batch_results;
mod capability;
mod capability_file;
mod compile;
mod debug;
mod disasm;
mod ending;
mod exit_code;
mod explore;
mod failure;
mod hashes;
mod host_code;
mod inspect;
mod key;
mod key_file;
mod location;
mod names;
mod native_listing;
mod native_region;
mod printing;
mod profile;
mod quantity;
mod record;
mod record_file;
mod register;
mod resources;
mod resume;
mod roots;
mod run;
mod snapshot;
mod store;
mod streams;
mod trace;
mod transaction;
mod trap_report;
mod verify;

use std::process::ExitCode;

use clap::Parser;
use clap::error::ErrorKind;

use args::{Cli, Command};
use failure::Failure;

fn main() -> ExitCode {
    let cli = match Cli::try_parse() {
        Ok(cli) => cli,
        Err(error) => return usage(&error),
    };
    start_log(cli.verbose);
    let result = match &cli.command {
        Command::Run(args) => run::run(args),
        Command::Resume(args) => resume::resume(args),
        Command::Snapshot(args) => snapshot::snapshot(args),
        Command::Batch(args) => batch::batch(args),
        Command::Debug(args) => debug::debug(args),
        Command::Compile(args) => compile::compile(args),
        Command::Disasm(args) => disasm::disasm(args),
        Command::Explore(args) => explore::explore(args),
        Command::Inspect(args) => inspect::inspect(args),
        Command::Store(args) => store::store(args),
        Command::Key(args) => key::key(args),
        Command::Capability(args) => capability::capability(args),
        Command::Register(args) => register::register(args),
        Command::Record(args) => record::record(args),
        Command::Verify(args) => verify::verify(args),
    };
    result.map_or_else(Failure::report, ExitCode::from)
}

/// Help goes to stdout and is a success; a wrong command line is this command's own failure.
fn usage(error: &clap::Error) -> ExitCode {
    let _ = error.print();
    match error.kind() {
        ErrorKind::DisplayHelp | ErrorKind::DisplayVersion => ExitCode::SUCCESS,
        _ => ExitCode::from(exit_code::FAILURE),
    }
}

fn start_log(verbose: u8) {
    let level = match verbose {
        0 => tracing::Level::WARN,
        1 => tracing::Level::INFO,
        2 => tracing::Level::DEBUG,
        _ => tracing::Level::TRACE,
    };
    tracing_subscriber::fmt().with_max_level(level).with_writer(std::io::stderr).with_target(false).init();
}
