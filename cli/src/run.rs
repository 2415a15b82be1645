//! `causality-vm run`.

use std::fs::File;
use std::io::{self, BufWriter, Write};
use std::os::unix::ffi::OsStrExt;
use std::path::Path;
use std::sync::atomic::{AtomicBool, Ordering};
use std::sync::{Arc, Mutex, PoisonError};
use std::time::Duration;

use causality_vm::{
    Config, Engine, Error, Exit, Instance, Limits, Linker, Module, Options, PauseHandle, PauseReason, VmState,
};

use crate::args::{DirArg, EngineArgs, GuestArgs, RunArgs, StopArgs};
use crate::ending::{self, Ending};
use crate::failure::{Failure, read_program};
use crate::streams::{Errors, Input, Output, stdin_is_file};
use crate::{exit_code, profile, snapshot, trace, transaction};

/// How long a guest has to stop after Ctrl-C; it may be waiting for input.
const PATIENCE: Duration = Duration::from_millis(300);

/// Runs a program and gives the exit code.
pub(crate) fn run(args: &RunArgs) -> Result<u8, Failure> {
    match &args.transaction.initiator {
        Some(_) if args.stop.snapshot.is_some() => {
            Err(Failure::new("a transaction takes effect as a whole: it has no snapshot"))
        }
        Some(key) => transaction::run(args, key),
        None => run_plain(args),
    }
}

fn run_plain(args: &RunArgs) -> Result<u8, Failure> {
    let path = Path::new(&args.guest.program[0]);
    let elf = read_program(path)?;
    let engine =
        Engine::new(profile::listen(args.profile, &elf, config(&args.guest.engine).metering(!args.no_fuel))?);
    let module = Module::new(&engine, &elf).map_err(|error| Failure::of_program(path, error))?;
    let output = Output::new();
    let options = options(&args.guest, &output)?;
    let mut instance = Linker::new(&engine)
        .instantiate(&module, options, ())
        .map_err(|error| Failure::of_program(path, error))?;
    let trace = start_trace(args, &mut instance)?;
    tracing::info!(program = %path.display(), id = %module.id(), "running");
    let files = (&args.stop, args.report.as_deref());
    drive(&mut instance, &elf, &output, files, || end_trace(trace))
}

/// Runs a guest until it ends or is to stop, calls `stopped`, tells how it was, writes snapshot and report, and gives the
/// exit code.
pub(crate) fn drive(
    instance: &mut Instance<()>,
    elf: &[u8],
    output: &Output,
    (stop, report): (&StopArgs, Option<&Path>),
    stopped: impl FnOnce() -> Result<(), Failure>,
) -> Result<u8, Failure> {
    output.stop_when_broken(instance.pause_handle());
    stop_on_ctrl_c(instance.pause_handle())?;
    let left = stop.snapshot_at.map_or(u64::MAX, |at| at.saturating_sub(instance.retired()));
    let result = instance.run_for(left);
    stopped()?;
    let code = match result {
        Ok(Exit::Paused(PauseReason::Step)) => ending::flush(output).map(|()| 0),
        result => finish(result, instance, elf, output),
    };
    let is_paused = instance.state() == VmState::Paused;
    if let Some(path) = stop.snapshot.as_deref().filter(|_| is_paused && !output.is_broken()) {
        snapshot::write(path, instance)?;
    }
    if report.is_some() {
        ending::write_report(report, &instance.report(), output.clone())?;
    }
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
pub(crate) fn config(args: &EngineArgs) -> Config {
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
    let options = Options::new().args(args.program.iter().map(|arg| arg.as_bytes())).seed(args.seed);
    let options = args.env.iter().fold(options, |options, (name, value)| options.env(name, value));
    directories(streams(options, output), &args.dir)
}

/// With this command's own streams.
pub(crate) fn streams(options: Options, output: &Output) -> Options {
    let options = options.stdout(output.clone()).stderr(Errors);
    // Whoever is at the other end of a terminal or a pipe may wait for an answer to each line.
    if stdin_is_file() { options.stdin(Input) } else { options.typed_stdin(Input) }
}

/// With these directories.
pub(crate) fn directories(options: Options, dirs: &[DirArg]) -> Result<Options, Failure> {
    let add = |options: Options, dir: &DirArg| options.directory(&dir.host, &dir.guest, dir.access);
    dirs.iter().try_fold(options, add).map_err(Failure::new)
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
