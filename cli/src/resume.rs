//! `causality-vm resume`.

use std::io::{self, Read};

use causality_vm::snapshot::Snapshot;
use causality_vm::{Engine, Linker, Module, Options};

use crate::args::ResumeArgs;
use crate::failure::{Failure, read_program};
use crate::run::{config, directories, drive, streams};
use crate::snapshot;
use crate::streams::{Input, Output, stdin_is_file};

/// Goes on where a snapshot was made, and gives the exit code.
pub(crate) fn resume(args: &ResumeArgs) -> Result<u8, Failure> {
    let elf = read_program(&args.program)?;
    let snapshot = snapshot::read(&args.file)?;
    let engine = Engine::new(config(&args.engine));
    let module = Module::new(&engine, &elf).map_err(|error| Failure::of_program(&args.program, error))?;
    let output = Output::new();
    let options = directories(streams(Options::new(), &output), &args.dir)?;
    skip_input(&snapshot)?;
    let mut instance = Linker::new(&engine)
        .resume(&module, options, (), &snapshot)
        .map_err(|error| Failure::new(error).at(args.file.display()))?;
    if let Some(fuel) = args.engine.limits.fuel {
        instance.take_fuel();
        instance.add_fuel(fuel);
    }
    tracing::info!(snapshot = %snapshot.root(), retired = snapshot.retired(), "resuming");
    drive(&mut instance, &elf, &output, (&args.stop, args.report.as_deref()), || Ok(()))
}

/// A file is the same that the program has read from; a pipe or a terminal goes on with what comes.
fn skip_input(snapshot: &Snapshot) -> Result<(), Failure> {
    if stdin_is_file() {
        io::copy(&mut Input.take(snapshot.stdin_read()), &mut io::sink())
            .map_err(|error| Failure::new(format!("cannot read standard input: {error}")))?;
    }
    Ok(())
}
