//! PolkaVM as a child process of the table: `peer-polkavm [--gas sync|async] GUEST.polkavm ROUNDS`; and the linker that makes
//! its guests: `peer-polkavm --link GUEST.polkavm GUEST.elf`.
//!
//! The recompiler and the sandbox of its own choice, which on Linux is a worker process; never its interpreter. The linker
//! optimises, too, as it does by default.

use std::error::Error;
use std::path::{Path, PathBuf};

use clap::{Parser, ValueEnum};
use polkavm::{
    BackendKind, CallError, Config, Engine, GasMeteringKind, Linker, Module, ModuleConfig, ProgramBlob,
};

/// Run a computing guest on PolkaVM, or link one
#[derive(Parser)]
struct Args {
    /// How the guest is metered; it has more gas than it can use
    #[arg(long, value_enum, default_value = "none")]
    gas: Gas,
    /// Write the guest, an ELF file then, as PolkaVM's own format
    #[arg(long, value_name = "FILE", conflicts_with = "rounds")]
    link: Option<PathBuf>,
    /// The guest, which exports `run`
    guest: PathBuf,
    /// How many rounds it is to do
    #[arg(required_unless_present = "link")]
    rounds: Option<u32>,
}

#[derive(Clone, Copy, PartialEq, Eq, ValueEnum)]
enum Gas {
    /// Not at all
    None,
    /// Stops before the first block that cannot be paid for
    Sync,
    /// Looked at from outside, now and then
    Async,
}

fn main() -> Result<(), Box<dyn Error>> {
    let args = Args::parse();
    match (&args.link, args.rounds) {
        (Some(linked), _) => link(&args.guest, linked),
        (None, rounds) => run(&args.guest, rounds.unwrap_or(1), args.gas),
    }
}

fn link(elf: &Path, linked: &Path) -> Result<(), Box<dyn Error>> {
    let mut config = polkavm_linker::Config::default();
    config.set_strip(true);
    let target = polkavm_linker::TargetInstructionSet::Latest;
    let blob = polkavm_linker::program_from_elf(config, target, &std::fs::read(elf)?)?;
    Ok(std::fs::write(linked, blob)?)
}

fn run(guest: &Path, rounds: u32, gas: Gas) -> Result<(), Box<dyn Error>> {
    let engine = Engine::new(Config::new().set_backend(Some(BackendKind::Compiler)))?;
    let blob = ProgramBlob::parse(std::fs::read(guest)?.into())?;
    let module = Module::from_blob(&engine, &config(gas), blob)?;
    let linker: Linker = Linker::new();
    let mut instance = linker.instantiate_pre(&module)?.instantiate()?;
    if gas != Gas::None {
        instance.set_gas(i64::MAX);
    }
    let checksum: u32 = instance.call_typed_and_get_result(&mut (), "run", (rounds,)).map_err(why)?;
    println!("rounds {rounds} checksum {checksum:08x}");
    Ok(())
}

fn config(gas: Gas) -> ModuleConfig {
    let mut config = ModuleConfig::new();
    config.set_gas_metering(match gas {
        Gas::None => None,
        Gas::Sync => Some(GasMeteringKind::Sync),
        Gas::Async => Some(GasMeteringKind::Async),
    });
    config
}

/// Its errors of calls have no text of their own.
fn why(error: CallError) -> String {
    match error {
        CallError::Error(error) => error.to_string(),
        other => format!("{other:?}"),
    }
}
