//! `causality-vm run`.

use std::fs::File;
use std::io::{self, BufWriter, Write};
use std::os::unix::ffi::OsStrExt;
use std::path::{Path, PathBuf};
use std::sync::atomic::{AtomicBool, Ordering};
use std::sync::{Arc, Mutex, PoisonError};
use std::time::Duration;

use causality_vm::{
    Config, Engine, Error, Exit, ExitReport, Instance, Limits, Linker, Module, Options, PauseHandle,
    PauseReason, Trap,
};

use crate::args::RunArgs;
use crate::failure::{Failure, read_program};
use crate::location::Locations;
use crate::streams::{Errors, Input, Output, stdin_is_file};
use crate::{exit_code, profile, trace, trap_report};

/// How long a guest has to stop after Ctrl-C; it may be waiting for input.
const PATIENCE: Duration = Duration::from_millis(300);

/// Runs a program and gives the exit code.
pub(crate) fn run(args: &RunArgs) -> Result<u8, Failure> {
    let path = Path::new(&args.program[0]);
    let elf = read_program(path)?;
    let engine = Engine::new(profile::listen(args.profile, &elf, config(args))?);
    let module = Module::new(&engine, &elf).map_err(|error| Failure::of_program(path, error))?;
    let output = Output::new();
    let options = options(args, &output)?;
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
    write_report(args, &instance, output)?;
    code
}

fn config(args: &RunArgs) -> Config {
    let limits = Limits { on_memory_limit: args.on_memory_limit.into(), ..Limits::default() };
    let mut config = Config::new().tier(args.tier.into()).limits(limits);
    config = config.metering(!args.no_fuel).speculation_safe(args.speculation_safe);
    if let Some(times) = args.threshold {
        config = config.hot(times.try_into().unwrap_or(u32::MAX));
    }
    if let Some(fuel) = args.fuel {
        config = config.fuel(fuel);
    }
    if let Some(bytes) = args.memory {
        config = config.memory(bytes);
    }
    if let Some(bytes) = args.stack {
        config = config.stack(bytes);
    }
    if let Some(bytes) = args.address_space {
        config = config.address_space(bytes);
    }
    if let Some(directory) = &args.cache {
        config = config.cache(directory);
    }
    config
}

fn options(args: &RunArgs, output: &Output) -> Result<Options, Failure> {
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
fn stop_on_ctrl_c(guest: PauseHandle) -> Result<(), Failure> {
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

/// Says how the run ended, where that needs saying, and gives the exit code.
fn finish(
    result: Result<Exit, Error>,
    instance: &Instance<()>,
    elf: &[u8],
    output: &Output,
) -> Result<u8, Failure> {
    output.clone().flush().map_err(|error| Failure::new(format!("cannot write to stdout: {error}")))?;
    let exit = result.map_err(Failure::new)?;
    let locations = Locations::new(elf, instance.module().program());
    let place = format!("at {:#x} in {}", instance.pc(), locations.at(instance.pc()));
    Ok(match exit {
        Exit::Completed(code) => {
            if code > exit_code::SIGNAL {
                report_signal(instance);
            }
            // The low eight bits, as for every process.
            code as u8
        }
        Exit::Trap(trap) => {
            report_trap(&trap, instance, &locations);
            exit_code::of_trap(trap.cause)
        }
        Exit::OutOfFuel => {
            eprintln!("causality-vm: out of fuel after {} instructions, {place}", instance.retired());
            exit_code::OUT_OF_FUEL
        }
        Exit::Paused(_) if output.is_broken() => exit_code::BROKEN_PIPE,
        Exit::Paused(PauseReason::Requested) => {
            eprintln!("causality-vm: interrupted after {} instructions, {place}", instance.retired());
            exit_code::INTERRUPTED
        }
        Exit::Paused(reason) => return Err(Failure::new(format!("paused ({reason:?}), {place}"))),
    })
}

/// A program that aborts prints nothing by itself.
fn report_signal(instance: &Instance<()>) {
    let report = instance.report();
    let Some(ExitReport::Completed { signal: Some(signal), .. }) = report.exit else {
        return;
    };
    let number = signal.number;
    let what = signal.name.map_or_else(|| format!("signal {number}"), |name| format!("{name} ({number})"));
    let why = if signal.had_handler { "; it has a handler for it, but handlers are not run" } else { "" };
    eprintln!("causality-vm: the guest ended itself with {what}{why}");
}

fn report_trap(trap: &Trap, instance: &Instance<()>, locations: &Locations<'_>) {
    let text = trap_report::describe(trap, instance.hart(), instance.memory(), locations);
    eprint!("causality-vm: {text}");
}

fn write_report(args: &RunArgs, instance: &Instance<()>, mut output: Output) -> Result<(), Failure> {
    let Some(path) = &args.report else {
        return Ok(());
    };
    let mut json = serde_json::to_string_pretty(&instance.report()).map_err(Failure::new)?;
    json.push('\n');
    let written = if path == &PathBuf::from("-") {
        output.write_all(json.as_bytes()).and_then(|()| output.flush())
    } else {
        create(path)?.write_all(json.as_bytes())
    };
    written.map_err(|error| Failure::new(format!("cannot write the report: {error}")))
}
