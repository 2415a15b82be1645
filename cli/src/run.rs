//! `causality-vm run`.

use std::fs::File;
use std::io::{self, BufWriter, Write};
use std::os::unix::ffi::OsStrExt;
use std::path::Path;
use std::sync::atomic::{AtomicBool, Ordering};
use std::sync::{Arc, Mutex, PoisonError};
use std::time::Duration;

use causality_vm::{Config, Engine, Error, Exit, Instance, Limits, Linker, Module, Options, PauseHandle};

use crate::args::{GuestArgs, RunArgs};
use crate::ending::{self, Ending};
use crate::failure::{Failure, read_program};
use crate::streams::{Errors, Input, Output, stdin_is_file};
use crate::{exit_code, profile, trace, transaction};

/// How long a guest has to stop after Ctrl-C; it may be waiting for input.
const PATIENCE: Duration = Duration::from_millis(300);

/// Runs a program and gives the exit code.
pub(crate) fn run(args: &RunArgs) -> Result<u8, Failure> {
    match &args.transaction.initiator {
        Some(key) => transaction::run(args, key),
        None => run_plain(args),
    }
}

fn run_plain(args: &RunArgs) -> Result<u8, Failure> {
    let path = Path::new(&args.guest.program[0]);
    let elf = read_program(path)?;
    let engine =
        Engine::new(profile::listen(args.profile, &elf, config(&args.guest).metering(!args.no_fuel))?);
    let module = Module::new(&engine, &elf).map_err(|error| Failure::of_program(path, error))?;
    let output = Output::new();
    let options = options(&args.guest, &output)?;
    let mut instance = Linker::new(&engine)
        .instantiate(&module, options, ())
        .map_err(|error| Failure::of_program(path, error))?;
    let trace = start_trace(args, &mut instance)?;
    output.stop_when_broken(instance.pause_handle());
    stop_on_ctrl_c(instance.pause_handle())?;
    tracing::info!(program = %path.display(), id = %module.id(), "running");
    let result = instance.run();
    end_trace(trace)?;
    let code = finish(result, &instance, &elf, &output);
    ending::write_report(args.report.as_deref(), &instance.report(), output)?;
    code
}

pub(crate) fn finish(
    result: Result<Exit, Error>,
    instance: &Instance<()>,
    elf: &[u8],
    output: &Output,
) -> Result<u8, Failure> {
    ending::flush(output)?;
    let exit = result.map_err(Failure::new)?;
    let (hart, memory, module) = (instance.hart(), instance.memory(), instance.module());
    Ending { exit, hart, memory, module, report: instance.report(), elf }.tell(output)
}

/// How code is executed, and within which limits.
pub(crate) fn config(args: &GuestArgs) -> Config {
    let limits = Limits { on_memory_limit: args.on_memory_limit.into(), ..Limits::default() };
    let mut config = Config::new().tier(args.tier.into()).limits(limits);
    config = config.speculation_safe(args.speculation_safe);
    if let Some(times) = args.threshold {
        config = config.hot(times.try_into().unwrap_or(u32::MAX));
    }
    config = args.limits.of(config);
    if let Some(directory) = &args.cache {
        config = config.cache(directory);
    }
    config
}

pub(crate) fn options(args: &GuestArgs, output: &Output) -> Result<Options, Failure> {
    let mut options = Options::new()
        .args(args.program.iter().map(|arg| arg.as_bytes()))
        .seed(args.seed)
        .stdout(output.clone())
        .stderr(Errors);
    let input = Input;
    // Whoever is at the other end of a terminal or a pipe may wait for an answer to each line.
    options = if stdin_is_file() { options.stdin(input) } else { options.typed_stdin(input) };
    for (name, value) in &args.env {
        options = options.env(name, value);
    }
    for dir in &args.dir {
        options = options.directory(&dir.host, &dir.guest, dir.access).map_err(Failure::new)?;
    }
    Ok(options)
}

type TraceFile = Arc<Mutex<dyn Write + Send>>;

/// Where the trace goes, if there is one.
fn start_trace(args: &RunArgs, instance: &mut Instance<()>) -> Result<Option<TraceFile>, Failure> {
    let file: TraceFile = match &args.trace {
        None => return Ok(None),
        Some(None) => Arc::new(Mutex::new(BufWriter::new(io::stderr()))),
        Some(Some(path)) => Arc::new(Mutex::new(BufWriter::new(create(path)?))),
    };
    let (out, guest) = (Arc::clone(&file), instance.pause_handle());
    instance.observe(move |retired| {
        // A trace that cannot be written pauses the guest; flushing tells why.
        if trace::write_line(&mut *out.lock().unwrap_or_else(PoisonError::into_inner), &retired).is_err() {
            guest.pause();
        }
    });
    Ok(Some(file))
}

fn end_trace(file: Option<TraceFile>) -> Result<(), Failure> {
    let Some(file) = file else {
        return Ok(());
    };
    let flushed = file.lock().unwrap_or_else(PoisonError::into_inner).flush();
    flushed.map_err(|error| Failure::new(format!("cannot write the trace: {error}")))
}

fn create(path: &Path) -> Result<File, Failure> {
    File::create(path).map_err(|error| Failure::new(format!("cannot create {}: {error}", path.display())))
}

/// The first Ctrl-C pauses the guest. One that does not stop, or a second Ctrl-C, ends this process.
pub(crate) fn stop_on_ctrl_c(guest: PauseHandle) -> Result<(), Failure> {
    let pressed = Arc::new(AtomicBool::new(false));
    let handler = move || {
        if pressed.swap(true, Ordering::Relaxed) {
            std::process::exit(exit_code::INTERRUPTED.into());
        }
        guest.pause();
        std::thread::sleep(PATIENCE);
        if guest.is_requested() {
            std::process::exit(exit_code::INTERRUPTED.into());
        }
    };
    ctrlc::set_handler(handler).map_err(Failure::new)
}
