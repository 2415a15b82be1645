//! What happened in an instance, for people and programs. `docs/report.md` describes the JSON form.

use std::ops::AddAssign;
use std::time::Duration;

use causality_abi::{Abi, Signal, syscall_name};
use causality_jit::{Compiled, Promoted, Translated};
use causality_machine::memory::{Segment, SegmentKind};
use causality_machine::{Exit, Hart, Memory, PauseReason};
use causality_store::ContentId;
use serde::{Serialize, Serializer};

use crate::tier::Execution;
use crate::{Backtrace, Module};

/// The record of a run. Everything but [`host`](Report::host) is the same whenever the same program
/// runs with the same input, on any host and any tier.
///
/// ```
/// use causality_vm::ExitReport;
/// # use causality_vm::{Engine, Linker, Module, Options};
/// # fn main() -> Result<(), Box<dyn std::error::Error>> {
/// # let engine = Engine::default();
/// # let module = Module::from_file(&engine, "examples/hello.elf")?;
/// # let mut guest = Linker::new(&engine).instantiate(&module, Options::new().arg("guest"), ())?;
/// guest.run()?;
/// let report = guest.report();
/// assert!(matches!(report.exit, Some(ExitReport::Completed { code: 0, .. })));
/// assert!(report.calls.iter().any(|call| call.name.as_deref() == Some("write")));
/// assert_eq!(report.bytes_written, "Hello, world! This is RV64GC speaking.\n".len() as u64);
/// assert!(report.segments.iter().any(|segment| segment.kind == "stack" && segment.peak > 0));
/// assert_eq!(report.host.instructions.all(), report.fuel_used);
/// # Ok(())
/// # }
/// ```
#[derive(Clone, Debug, PartialEq, Serialize)]
#[non_exhaustive]
pub struct Report {
    /// The program.
    pub program: ContentId,
    /// Why it last stopped; `None` if it has not run.
    pub exit: Option<ExitReport>,
    /// Where it trapped, and who called that; `None` if it did not.
    pub backtrace: Option<Backtrace>,
    /// Instructions retired, each of which costs one.
    pub fuel_used: u64,
    /// Instructions that can still be paid.
    pub fuel_left: u64,
    /// Memory in total.
    pub memory: MemoryReport,
    /// The address space as it is now, ascending.
    pub segments: Vec<SegmentReport>,
    /// What it asked of its host, by number.
    pub calls: Vec<CallReport>,
    /// How many calls had a number that nothing answers.
    pub unknown_calls: u64,
    /// Bytes that read calls delivered.
    pub bytes_read: u64,
    /// Bytes that write calls took.
    pub bytes_written: u64,
    /// What depends on the host and its mood.
    pub host: HostReport,
}

/// An [`Exit`] by name.
#[derive(Clone, Debug, PartialEq, Eq, Serialize)]
#[serde(tag = "kind", rename_all = "snake_case")]
#[non_exhaustive]
pub enum ExitReport {
    /// The guest ended itself.
    Completed {
        /// Its exit code; 128 + the signal's number if it was a signal.
        code: i32,
        /// The signal it sent itself; `None` if it exited. JSON leaves it out then.
        #[serde(skip_serializing_if = "Option::is_none")]
        signal: Option<SignalReport>,
    },
    /// The guest trapped.
    Trap {
        /// The cause in words.
        cause: String,
        /// The exception code.
        cause_code: u8,
        /// The instruction that trapped.
        #[serde(serialize_with = "hex")]
        pc: u64,
        /// Address or word, by cause.
        #[serde(serialize_with = "hex")]
        tval: u64,
    },
    /// No fuel was left.
    OutOfFuel {
        /// The instruction that could not be paid.
        #[serde(serialize_with = "hex")]
        pc: u64,
    },
    /// It was paused.
    Paused {
        /// By what: `breakpoint`, `step`, `requested` or `host`.
        reason: &'static str,
        /// The next instruction.
        #[serde(serialize_with = "hex")]
        pc: u64,
    },
}

/// The signal that a guest ended itself with.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Serialize)]
#[non_exhaustive]
pub struct SignalReport {
    /// Its number.
    pub number: u32,
    /// Its name, as `SIGABRT`; `None` for a real-time signal.
    pub name: Option<&'static str>,
    /// Whether the guest had set a handler, which was not run: handlers never are.
    pub had_handler: bool,
}

/// Instructions retired, by the kind of executor.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq, Serialize)]
#[non_exhaustive]
pub struct InstructionReport {
    /// By the interpreter.
    pub interpreted: u64,
    /// By native code of the baseline tier.
    pub baseline: u64,
    /// By native code of the Cranelift tier.
    pub cranelift: u64,
}

impl InstructionReport {
    /// By native code.
    #[must_use]
    pub const fn native(&self) -> u64 {
        self.baseline + self.cranelift
    }

    /// By anything.
    #[must_use]
    pub const fn all(&self) -> u64 {
        self.interpreted + self.native()
    }
}

impl AddAssign for InstructionReport {
    fn add_assign(&mut self, more: Self) {
        self.interpreted += more.interpreted;
        self.baseline += more.baseline;
        self.cranelift += more.cranelift;
    }
}

/// Memory in total, in bytes.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq, Serialize)]
#[non_exhaustive]
pub struct MemoryReport {
    /// In segments now.
    pub mapped: u64,
    /// The most that was ever in segments.
    pub peak: u64,
    /// The most that `brk` and `mmap` had in use at once.
    pub peak_heap: u64,
    /// The most that may be.
    pub limit: u64,
}

/// One segment of the address space.
#[derive(Clone, Debug, PartialEq, Eq, Serialize)]
#[non_exhaustive]
pub struct SegmentReport {
    /// Its name.
    pub name: String,
    /// What it is for.
    pub kind: String,
    /// Permissions, as `r-x`.
    pub perms: String,
    /// Its first address.
    #[serde(serialize_with = "hex")]
    pub start: u64,
    /// Its size in bytes.
    pub size: u64,
    /// The most bytes in use: of a stack, from the lowest page that holds anything but zeros to its end;
    /// of anything else, mapped under this name at any one time.
    pub peak: u64,
}

/// How often one call was made.
#[derive(Clone, Debug, PartialEq, Eq, Serialize)]
#[non_exhaustive]
pub struct CallReport {
    /// Its `ecall` number.
    pub number: u64,
    /// The Linux call or host function; `None` if nothing answers the number.
    pub name: Option<String>,
    /// How often.
    pub count: u64,
}

/// Native code.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq, Serialize)]
#[non_exhaustive]
pub struct CodeReport {
    /// Regions translated in this process.
    pub translated_regions: usize,
    /// Regions that came out of the code cache.
    pub cached_regions: usize,
    /// Host memory that code takes, in bytes.
    pub bytes: usize,
    /// Microseconds from the start of the first run to the first entry of native code; `None` if there was none.
    pub microseconds_to_first: Option<u64>,
}

/// What is not deterministic.
#[derive(Clone, Debug, Default, PartialEq, Serialize)]
#[non_exhaustive]
pub struct HostReport {
    /// Instructions by the kind of executor, which depends on the tier and on when code was ready.
    pub instructions: InstructionReport,
    /// Native code as it is now.
    pub code: CodeReport,
    /// What it took to make native code.
    pub compile: CompileReport,
    /// Where Cranelift's code took the place of baseline code, in that order, for all instances of the program so far.
    pub promotions: Vec<PromotionReport>,
    /// Wall time of all runs, in seconds.
    pub seconds: f64,
    /// Instructions retired per second of it; 0 if there was none.
    pub instructions_per_second: f64,
}

/// What it took to translate the program's code, for all its instances so far.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq, Serialize)]
#[non_exhaustive]
pub struct CompileReport {
    /// By the baseline tier.
    pub baseline: TranslationReport,
    /// By Cranelift.
    pub cranelift: TranslationReport,
}

/// What it took one tier.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq, Serialize)]
#[non_exhaustive]
pub struct TranslationReport {
    /// Regions translated.
    pub regions: u64,
    /// How many of them in the background.
    pub background: u64,
    /// Regions that could not be translated and are left to another tier.
    pub failed: u64,
    /// Guest instructions in the regions; one that is in several counts for each.
    pub guest_instructions: u64,
    /// Bytes of host code made of them.
    pub host_bytes: u64,
    /// Microseconds to find the regions.
    pub discover_us: u64,
    /// Microseconds to translate them.
    pub translate_us: u64,
    /// Microseconds to make their code executable and known.
    pub publish_us: u64,
}

/// A region whose baseline code was replaced.
#[derive(Clone, Debug, PartialEq, Serialize)]
#[non_exhaustive]
pub struct PromotionReport {
    /// Where it begins.
    #[serde(serialize_with = "hex")]
    pub start: u64,
    /// Its guest instructions, copies counted.
    pub guest_instructions: usize,
    /// Why: instructions that seem to have been executed there...
    pub executed: u64,
    /// ... and operands that baseline code has in memory, for each hundred instructions.
    pub pressure: u32,
    /// How long an instruction of the program took before, in nanoseconds: the median of samples.
    pub nanoseconds_before: Option<f32>,
    /// The same in the samples after it; null if there were not enough.
    pub nanoseconds_after: Option<f32>,
    /// Whether baseline code was put back, because the other was slower.
    pub demoted: bool,
}

impl CompileReport {
    fn new(compiled: &Compiled) -> Self {
        let tier = |translated: &Translated| TranslationReport {
            regions: translated.regions,
            background: translated.background,
            failed: translated.failed,
            guest_instructions: translated.insts,
            host_bytes: translated.bytes,
            discover_us: translated.discover.as_micros() as u64,
            translate_us: translated.translate.as_micros() as u64,
            publish_us: translated.publish.as_micros() as u64,
        };
        CompileReport { baseline: tier(&compiled.baseline), cranelift: tier(&compiled.cranelift) }
    }

    /// Regions translated by any tier.
    #[must_use]
    pub const fn regions(&self) -> u64 {
        self.baseline.regions + self.cranelift.regions
    }

    /// Regions that a tier could not translate.
    #[must_use]
    pub const fn failed(&self) -> u64 {
        self.baseline.failed + self.cranelift.failed
    }
}

impl PromotionReport {
    fn new(promoted: &Promoted) -> Self {
        PromotionReport {
            start: promoted.start,
            guest_instructions: promoted.insts,
            executed: promoted.executed,
            pressure: promoted.pressure,
            nanoseconds_before: promoted.before,
            nanoseconds_after: promoted.after,
            demoted: promoted.demoted,
        }
    }
}

impl Report {
    pub(crate) fn new<T>(
        module: &Module,
        exit: Option<Exit>,
        hart: &Hart,
        memory: &Memory,
        host: HostReport,
        abi: &Abi<T>,
    ) -> Self {
        let calls = abi.report();
        let trapped = matches!(exit, Some(Exit::Trap(_)));
        Report {
            program: module.id(),
            backtrace: trapped.then(|| Backtrace::new(module.program(), hart, memory)),
            exit: exit.map(|exit| ExitReport::new(exit, hart.pc, calls.signal)),
            fuel_used: hart.instret(),
            fuel_left: hart.fuel,
            memory: MemoryReport {
                mapped: memory.mapped(),
                peak: memory.peak(),
                peak_heap: calls.peak_heap,
                limit: memory.limits().memory,
            },
            segments: memory.segments().map(|segment| SegmentReport::new(segment, memory)).collect(),
            calls: calls.calls.iter().map(|(&number, &count)| CallReport::new(number, count, abi)).collect(),
            unknown_calls: calls.unknown,
            bytes_read: calls.bytes_read,
            bytes_written: calls.bytes_written,
            host,
        }
    }
}

impl ExitReport {
    fn new(exit: Exit, pc: u64, signal: Option<Signal>) -> Self {
        match exit {
            Exit::Completed(code) => ExitReport::Completed { code, signal: signal.map(SignalReport::new) },
            Exit::Trap(trap) => ExitReport::Trap {
                cause: trap.cause.to_string(),
                cause_code: trap.cause.code(),
                pc: trap.pc,
                tval: trap.tval,
            },
            Exit::OutOfFuel => ExitReport::OutOfFuel { pc },
            Exit::Paused(reason) => ExitReport::Paused { reason: pause_name(reason), pc },
        }
    }
}

impl SignalReport {
    fn new(signal: Signal) -> Self {
        SignalReport { number: signal.number, name: signal.name(), had_handler: signal.had_handler }
    }
}

fn pause_name(reason: PauseReason) -> &'static str {
    match reason {
        PauseReason::Breakpoint => "breakpoint",
        PauseReason::Step => "step",
        PauseReason::Requested => "requested",
        PauseReason::Host => "host",
        PauseReason::Returned => "returned",
    }
}

fn peak(segment: &Segment, memory: &Memory) -> u64 {
    match segment.kind {
        SegmentKind::Stack => memory.depth(segment.range.clone()).unwrap_or(0),
        _ => memory.peak_of(&segment.name),
    }
}

impl SegmentReport {
    fn new(segment: &Segment, memory: &Memory) -> Self {
        SegmentReport {
            name: segment.name.clone(),
            kind: segment.kind.to_string(),
            perms: segment.perms.to_string(),
            start: segment.range.start,
            size: segment.size(),
            peak: peak(segment, memory),
        }
    }
}

impl CallReport {
    fn new<T>(number: u64, count: u64, host: &Abi<T>) -> Self {
        let name = host.functions().name_of(number).or_else(|| syscall_name(number));
        CallReport { number, name: name.map(str::to_owned), count }
    }
}

impl HostReport {
    pub(crate) fn new(execution: &Execution, running_time: Duration) -> Self {
        let (instructions, code) = (execution.instructions(), execution.code());
        let compile = CompileReport::new(&execution.compiled());
        let promotions = execution.promotions().iter().map(PromotionReport::new).collect();
        let seconds = running_time.as_secs_f64();
        let instructions_per_second = if seconds > 0.0 { instructions.all() as f64 / seconds } else { 0.0 };
        HostReport { instructions, code, compile, promotions, seconds, instructions_per_second }
    }
}

/// Addresses as `"0x1f"`: a JSON number loses bits beyond 2^53 in many readers.
pub(crate) fn hex<S: Serializer>(value: &u64, serializer: S) -> Result<S::Ok, S::Error> {
    serializer.collect_str(&format_args!("{value:#x}"))
}
