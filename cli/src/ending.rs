//! What to say when a guest has ended, and the exit code.

use std::io::Write;
use std::path::Path;

use causality_vm::{Exit, ExitReport, Hart, Memory, Module, PauseReason, Report, Trap};

use crate::failure::Failure;
use crate::location::Locations;
use crate::streams::Output;
use crate::{exit_code, trap_report};

/// A guest that has ended, or was paused for good.
pub(crate) struct Ending<'a> {
    pub(crate) exit: Exit,
    pub(crate) hart: &'a Hart,
    pub(crate) memory: &'a Memory,
    pub(crate) module: &'a Module,
    pub(crate) report: Report,
    /// The file it was read from.
    pub(crate) elf: &'a [u8],
}

impl Ending<'_> {
    /// Says how the run ended, where that needs saying, and gives the exit code.
    pub(crate) fn tell(&self, output: &Output) -> Result<u8, Failure> {
        let locations = Locations::new(self.elf, self.module.program());
        let (pc, retired) = (self.hart.pc, self.hart.instret());
        let place = format!("at {pc:#x} in {}", locations.at(pc));
        Ok(match self.exit {
            Exit::Completed(code) => {
                if code > exit_code::SIGNAL {
                    self.tell_signal();
                }
                // The low eight bits, as for every process.
                code as u8
            }
            Exit::Trap(trap) => {
                self.tell_trap(&trap, &locations);
                exit_code::of_trap(trap.cause)
            }
            Exit::OutOfFuel => {
                eprintln!("causality-vm: out of fuel after {retired} instructions, {place}");
                exit_code::OUT_OF_FUEL
            }
            Exit::Paused(_) if output.is_broken() => exit_code::BROKEN_PIPE,
            Exit::Paused(PauseReason::Requested) => {
                eprintln!("causality-vm: interrupted after {retired} instructions, {place}");
                exit_code::INTERRUPTED
            }
            Exit::Paused(reason) => return Err(Failure::new(format!("paused ({reason:?}), {place}"))),
        })
    }

    /// A program that aborts prints nothing by itself.
    fn tell_signal(&self) {
        let Some(ExitReport::Completed { signal: Some(signal), .. }) = &self.report.exit else {
            return;
        };
        let number = signal.number;
        let what =
            signal.name.map_or_else(|| format!("signal {number}"), |name| format!("{name} ({number})"));
        let why = if signal.had_handler { "; it has a handler for it, but handlers are not run" } else { "" };
        eprintln!("causality-vm: the guest ended itself with {what}{why}");
    }

    fn tell_trap(&self, trap: &Trap, locations: &Locations<'_>) {
        let text =
            trap_report::describe(trap, self.hart, self.memory, locations, self.report.backtrace.as_ref());
        eprint!("causality-vm: {text}");
    }
}

/// Writes what the guest has printed and not been written yet.
pub(crate) fn flush(output: &Output) -> Result<(), Failure> {
    output.clone().flush().map_err(|error| Failure::new(format!("cannot write to stdout: {error}")))
}

/// Writes the report of a run, if there is to be one.
pub(crate) fn write_report(path: Option<&Path>, report: &Report, mut output: Output) -> Result<(), Failure> {
    let Some(path) = path else {
        return Ok(());
    };
    let mut json = serde_json::to_string_pretty(report).map_err(Failure::new)?;
    json.push('\n');
    let written = if path == Path::new("-") {
        output.write_all(json.as_bytes()).and_then(|()| output.flush())
    } else {
        let file = std::fs::File::create(path);
        let file = file.map_err(|error| Failure::new(format!("cannot create {}: {error}", path.display())));
        file?.write_all(json.as_bytes())
    };
    written.map_err(|error| Failure::new(format!("cannot write the report: {error}")))
}
