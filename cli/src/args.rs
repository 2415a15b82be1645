//! The command line.

mod batch;
mod capability;
mod engine;
mod guest;
mod key;
mod limits;
mod place;
mod record;
mod register;
mod snapshot;
mod transaction;
mod verify;

pub(crate) use batch::BatchArgs;
pub(crate) use capability::{CapabilityArgs, CapabilityCommand, GrantArgs};
pub(crate) use engine::EngineArgs;
pub(crate) use guest::GuestArgs;
pub(crate) use key::{KeyArgs, KeyCommand};
pub(crate) use limits::LimitArgs;
pub(crate) use place::{DomainArg, InputArg, LogicArg, Place, RecordArg, RootArg, TargetArg};
pub(crate) use record::{RecordArgs, RecordCommand};
pub(crate) use register::{CreateArgs, RegisterArgs, RegisterCommand, SignedArgs};
pub(crate) use snapshot::{ResumeArgs, SnapshotArgs, SnapshotCommand, StopArgs};
pub(crate) use transaction::TransactionArgs;
pub(crate) use verify::VerifyArgs;

use std::ffi::OsString;
use std::net::SocketAddr;
use std::num::NonZero;
use std::ops::Range;
use std::path::PathBuf;
use std::str::FromStr;

use causality_store::{ContentId, ObjectKind};
use causality_vm::{Access, OnMemoryLimit, Tier};
use clap::{Args, Parser, Subcommand, ValueEnum};

use crate::exit_code;
use crate::quantity::{parse_count, parse_number, parse_size};

/// Run, disassemble and inspect RISC-V programs, safely and reproducibly
#[derive(Debug, Parser)]
#[command(name = "causality-vm", version, about, max_term_width = 100)]
pub(crate) struct Cli {
    #[command(subcommand)]
    pub(crate) command: Command,
    /// Say on stderr what is going on; twice or three times for more
    #[arg(short, long, action = clap::ArgAction::Count, global = true)]
    pub(crate) verbose: u8,
}

#[derive(Debug, Subcommand)]
pub(crate) enum Command {
    /// Run a program; its standard streams and exit code become this command's
    #[command(after_help = exit_code::TABLE)]
    Run(RunArgs),
    /// Go on with a program where a snapshot was made; streams and exit code as with `run`
    Resume(ResumeArgs),
    /// Look at snapshots. See docs/snapshots.md
    Snapshot(SnapshotArgs),
    /// Run many programs at once, with the results of running one after the other; exit code 1 if not all of them succeeded
    Batch(BatchArgs),
    /// Run a program under GDB, forwards and backwards. See docs/debugging.md
    Debug(DebugArgs),
    /// Translate a program to native code ahead of time
    Compile(CompileArgs),
    /// Print a program's instructions, and the host code made for them
    Disasm(DisasmArgs),
    /// Make a page that shows a program's instructions beside the code made for them
    Explore(ExploreArgs),
    /// Print what is known about a program without running it
    Inspect(InspectArgs),
    /// Put objects into a store, get, check and collect them; say who is believed; tell the time
    Store(StoreArgs),
    /// Make secret keys, and tell whose they are
    Key(KeyArgs),
    /// Issue, narrow, hand on, show and revoke capabilities
    Capability(CapabilityArgs),
    /// Issue registers, show them, and change their state
    Register(RegisterArgs),
    /// Tell what runs did, and what they were allowed and denied
    Record(RecordArgs),
    /// Repeat a recorded run and compare it bit for bit; exit code 1 if anything differs
    Verify(VerifyArgs),
}

#[derive(Debug, Args)]
pub(crate) struct RunArgs {
    #[command(flatten)]
    pub(crate) guest: GuestArgs,
    /// Do not meter native code: a little faster, but neither fuel nor the clock counts it
    #[arg(long, conflicts_with_all = ["fuel", "initiator", "snapshot"])]
    pub(crate) no_fuel: bool,
    /// Write a record of the run as JSON; `-` is stdout. See docs/report.md
    #[arg(long, value_name = "FILE")]
    pub(crate) report: Option<PathBuf>,
    /// Write a line for every retired instruction, to stderr or a file; implies the interpreter
    #[arg(long, value_name = "FILE", num_args = 0..=1, require_equals = true, conflicts_with = "initiator")]
    pub(crate) trace: Option<Option<PathBuf>>,
    /// Tell Linux `perf` the names of native code: `perfmap` writes /tmp/perf-PID.map, `jitdump`
    /// writes jit-PID.dump here. See docs/cli.md
    #[arg(long, value_name = "FORMAT", value_enum, conflicts_with = "initiator")]
    pub(crate) profile: Option<ProfileArg>,
    #[command(flatten)]
    pub(crate) stop: StopArgs,
    #[command(flatten)]
    pub(crate) transaction: TransactionArgs,
}

#[derive(Debug, Args)]
pub(crate) struct DebugArgs {
    /// Wait here for GDB; port 0 is any that is free. Whoever can connect controls the program
    #[arg(long, value_name = "ADDR:PORT", default_value = "127.0.0.1:0")]
    pub(crate) gdb: SocketAddr,
    #[command(flatten)]
    pub(crate) guest: GuestArgs,
}

#[derive(Clone, Copy, Debug, PartialEq, Eq, ValueEnum)]
pub(crate) enum ProfileArg {
    /// Names of addresses, for `perf report`
    Perfmap,
    /// Names, code and source lines, for `perf inject --jit`
    Jitdump,
}

#[derive(Debug, Args)]
pub(crate) struct ExploreArgs {
    /// The page to write
    #[arg(short, long, value_name = "FILE")]
    pub(crate) output: PathBuf,
    /// Instructions the program may retire while it is watched; 0 does not run it
    #[arg(long, value_name = "N", value_parser = parse_count, default_value = "20M")]
    pub(crate) fuel: u64,
    /// Show this many regions: the hottest, or the first if the program is not run
    #[arg(long, value_name = "N", default_value_t = 60)]
    pub(crate) regions: usize,
    /// Only the region that starts at this function
    #[arg(long, value_name = "NAME")]
    pub(crate) function: Option<String>,
    /// Copy source lines into the page, from the files that the debug information names
    #[arg(long)]
    pub(crate) source: bool,
    /// The executable and its arguments
    #[arg(required = true, num_args = 1.., trailing_var_arg = true, value_names = ["PROGRAM", "ARGS"])]
    pub(crate) program: Vec<OsString>,
}

#[derive(Debug, Args)]
pub(crate) struct CompileArgs {
    /// The executable
    pub(crate) program: PathBuf,
    /// Where to keep the code, for `run` with the same directory and limits
    #[arg(long, value_name = "DIR", env = "CAUSALITY_CACHE")]
    pub(crate) cache: PathBuf,
    /// Number of threads [default: one per processor]
    #[arg(long, value_name = "N")]
    pub(crate) jobs: Option<NonZero<usize>>,
    /// Size of the stack it will run with [default: 8M]
    #[arg(long, value_name = "SIZE", value_parser = parse_size)]
    pub(crate) stack: Option<u64>,
    /// Size of the guest address space it will run with [default: 4G]
    #[arg(long, value_name = "SIZE", value_parser = parse_size)]
    pub(crate) address_space: Option<u64>,
}

#[derive(Debug, Args)]
pub(crate) struct DisasmArgs {
    /// The executable
    pub(crate) program: PathBuf,
    /// Only this function
    #[arg(long, visible_alias = "function", value_name = "NAME", conflicts_with = "range")]
    pub(crate) symbol: Option<String>,
    /// Only these addresses, the second one excluded: `0x10000..0x10020`
    #[arg(long, value_name = "A..B", value_parser = parse_range)]
    pub(crate) range: Option<Range<u64>>,
    /// Print the host code made for each region too, in the order in which it lies in memory
    #[arg(long, conflicts_with = "range")]
    pub(crate) native: bool,
    /// With --native: only the region that starts here
    #[arg(long, value_name = "ADDR", value_parser = parse_number, requires = "native", conflicts_with = "symbol")]
    pub(crate) pc: Option<u64>,
    /// With --native: what makes the host code
    #[arg(long, value_enum, default_value_t = NativeTierArg::Cranelift, requires = "native")]
    pub(crate) tier: NativeTierArg,
    /// Print instructions as encoded, not as pseudo-instructions
    #[arg(long)]
    pub(crate) no_aliases: bool,
}

#[derive(Debug, Args)]
pub(crate) struct InspectArgs {
    /// The executable
    pub(crate) program: PathBuf,
    /// Print JSON
    #[arg(long)]
    pub(crate) json: bool,
}

#[derive(Debug, Args)]
pub(crate) struct StoreArgs {
    #[command(flatten)]
    pub(crate) place: Place,
    #[command(subcommand)]
    pub(crate) command: StoreCommand,
}

#[derive(Debug, Subcommand)]
pub(crate) enum StoreCommand {
    /// Store a file of any size, make it stay, and print its identifier
    Put {
        /// The file; `-` is stdin
        file: PathBuf,
        /// What it is
        #[arg(long, value_name = "KIND", default_value = "blob")]
        kind: ObjectKind,
        /// Let the next `gc` drop it if nothing refers to it
        #[arg(long)]
        no_pin: bool,
    },
    /// Write the bytes of an object; none is written before it was checked
    Get {
        /// The object
        id: ContentId,
        /// Where to; stdout if it is not given
        #[arg(short, long, value_name = "FILE")]
        output: Option<PathBuf>,
    },
    /// Check objects against their identifiers, or everything there is; exit code 1 if something is wrong
    Verify {
        /// These objects only
        ids: Vec<ContentId>,
    },
    /// Drop what neither state, records, nullifiers nor pins lead to
    Gc {
        /// Only count it
        #[arg(long)]
        dry_run: bool,
    },
    /// Print numbers and roots of the store, or what is known of an object
    Stat {
        /// The object
        id: Option<ContentId>,
    },
    /// Make objects stay
    Pin {
        /// The objects
        #[arg(required = true)]
        ids: Vec<ContentId>,
    },
    /// Let objects go if nothing refers to them
    Unpin {
        /// The objects
        #[arg(required = true)]
        ids: Vec<ContentId>,
    },
    /// Print logical time
    Epoch {
        /// Advance it by one first: what expires then has expired
        #[arg(long)]
        advance: bool,
    },
    /// Believe these issuers of capabilities; print who is believed. At first nobody is
    Trust {
        /// Public keys; `controllers` for whoever controls a register, about that register
        #[arg(value_name = "PRINCIPAL")]
        roots: Vec<RootArg>,
        /// Believe them no more
        #[arg(long, requires = "roots")]
        remove: bool,
    },
}

#[derive(Clone, Copy, Debug, ValueEnum)]
pub(crate) enum TierArg {
    /// Native code where the program spends its time, made in the background
    Auto,
    /// The interpreter only
    Interp,
    /// Native code made in one pass, for everything, before it runs
    Baseline,
    /// Native code by Cranelift for everything, made before it runs
    Cranelift,
}

#[derive(Clone, Copy, Debug, PartialEq, Eq, ValueEnum)]
pub(crate) enum NativeTierArg {
    /// One pass
    Baseline,
    /// Cranelift
    Cranelift,
}

impl From<NativeTierArg> for Tier {
    fn from(tier: NativeTierArg) -> Self {
        match tier {
            NativeTierArg::Baseline => Tier::Baseline,
            NativeTierArg::Cranelift => Tier::Cranelift,
        }
    }
}

impl From<TierArg> for Tier {
    fn from(tier: TierArg) -> Self {
        match tier {
            TierArg::Auto => Tier::Auto,
            TierArg::Interp => Tier::Interpreter,
            TierArg::Baseline => Tier::Baseline,
            TierArg::Cranelift => Tier::Cranelift,
        }
    }
}

#[derive(Clone, Copy, Debug, ValueEnum)]
pub(crate) enum OnMemoryLimitArg {
    /// The call that asks traps
    Trap,
    /// The call fails with ENOMEM
    Errno,
}

impl From<OnMemoryLimitArg> for OnMemoryLimit {
    fn from(what: OnMemoryLimitArg) -> Self {
        match what {
            OnMemoryLimitArg::Trap => OnMemoryLimit::Trap,
            OnMemoryLimitArg::Errno => OnMemoryLimit::Errno,
        }
    }
}

/// A host directory and where the guest sees it.
#[derive(Clone, Debug, PartialEq, Eq)]
pub(crate) struct DirArg {
    pub(crate) host: String,
    pub(crate) guest: String,
    pub(crate) access: Access,
}

impl FromStr for DirArg {
    type Err = String;

    fn from_str(text: &str) -> Result<Self, String> {
        let (rest, access) = match text.rsplit_once(':') {
            Some((rest, "ro")) => (rest, Access::ReadOnly),
            Some((rest, "rw")) => (rest, Access::ReadWrite),
            _ => (text, Access::ReadOnly),
        };
        // A guest path is absolute, so a colon that is part of the host path is seen as such.
        let (host, guest) = match rest.rfind(":/") {
            Some(at) => (&rest[..at], rest[at + 1..].to_owned()),
            None => (rest, guest_path(rest)?),
        };
        if host.is_empty() {
            return Err("the host directory is missing".to_owned());
        }
        Ok(DirArg { host: host.to_owned(), guest, access })
    }
}

/// Where a host path lies in the guest if nobody says.
fn guest_path(host: &str) -> Result<String, String> {
    let parts: Vec<_> = host.split('/').filter(|part| !matches!(*part, "" | ".")).collect();
    if parts.contains(&"..") {
        return Err(format!("say where the guest sees it: {host}:/GUEST"));
    }
    Ok(format!("/{}", parts.join("/")))
}

fn parse_env(text: &str) -> Result<(String, String), String> {
    match text.split_once('=') {
        Some((name, value)) if !name.is_empty() => Ok((name.to_owned(), value.to_owned())),
        _ => Err("it has the form NAME=VALUE".to_owned()),
    }
}

fn parse_range(text: &str) -> Result<Range<u64>, String> {
    let (start, end) = text.split_once("..").ok_or("a range has the form A..B")?;
    let range = parse_number(start)?..parse_number(end)?;
    if range.is_empty() {
        return Err("the range is empty".to_owned());
    }
    Ok(range)
}

#[cfg(test)]
mod tests {
    use super::*;

    fn dir(text: &str) -> (String, String, Access) {
        let dir: DirArg = text.parse().unwrap();
        (dir.host, dir.guest, dir.access)
    }

    #[test]
    fn directories_have_four_forms() {
        use Access::{ReadOnly, ReadWrite};
        let is = |host: &str, guest: &str, access| (host.to_owned(), guest.to_owned(), access);
        assert_eq!(dir("data"), is("data", "/data", ReadOnly));
        assert_eq!(dir("./a//b/"), is("./a//b/", "/a/b", ReadOnly));
        assert_eq!(dir("."), is(".", "/", ReadOnly));
        assert_eq!(dir("/srv/x:rw"), is("/srv/x", "/srv/x", ReadWrite));
        assert_eq!(dir("data:/in"), is("data", "/in", ReadOnly));
        assert_eq!(dir("../data:/in:ro"), is("../data", "/in", ReadOnly));
        assert_eq!(dir("a:b:/in:rw"), is("a:b", "/in", ReadWrite));
        assert_eq!(dir("a:b"), is("a:b", "/a:b", ReadOnly));
        assert!("../data".parse::<DirArg>().is_err());
        assert!(":/x".parse::<DirArg>().is_err());
    }

    #[test]
    fn ranges_and_variables_are_checked() {
        assert_eq!(parse_range("0x10..32"), Ok(16..32));
        assert!(parse_range("0x10").is_err() && parse_range("8..8").is_err() && parse_range("9..8").is_err());
        assert_eq!(parse_env("A=b=c"), Ok(("A".to_owned(), "b=c".to_owned())));
        assert!(parse_env("=x").is_err() && parse_env("x").is_err());
    }

    #[test]
    fn the_command_line_is_consistent() {
        use clap::CommandFactory;
        Cli::command().debug_assert();
    }

    #[test]
    fn what_follows_the_program_is_the_programs() {
        let cli =
            Cli::parse_from(["causality-vm", "run", "--fuel", "5", "a.elf", "--fuel", "6", "-v", "--", "x"]);
        let Command::Run(run) = cli.command else { panic!("not run") };
        assert_eq!((run.guest.engine.limits.fuel, cli.verbose), (Some(5), 0));
        assert_eq!(run.guest.program, ["a.elf", "--fuel", "6", "-v", "--", "x"]);
    }
}
