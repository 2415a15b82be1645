//! `run --profile`: telling `perf` whose code it has found.

use std::path::Path;

use causality_vm::codegen::Listener;
use causality_vm::codegen::profile::{JitDump, Names, PerfMap, listener};
use causality_vm::elf::Program;
use causality_vm::{Config, Limits};

use crate::args::ProfileArg;
use crate::failure::Failure;
use crate::location::Locations;

/// Where `perf report` looks for names.
const MAPS: &str = "/tmp";

/// Has native code noted, if that was asked for.
pub(crate) fn listen(what: Option<ProfileArg>, elf: &[u8], config: Config) -> Result<Config, Failure> {
    let Some(what) = what else {
        return Ok(config);
    };
    let names = Guest::new(elf);
    let failed = |error| eprintln!("causality-vm: the profile is incomplete: {error}");
    let cannot = |error| Failure::new(format!("cannot create the profile: {error}"));
    let listener: Listener = match what {
        ProfileArg::Perfmap => listener(PerfMap::create(Path::new(MAPS)).map_err(cannot)?, names, failed),
        ProfileArg::Jitdump => {
            let here = std::env::current_dir().map_err(cannot)?;
            listener(JitDump::create(&here).map_err(cannot)?, names, failed)
        }
    };
    Ok(config.code_listener(listener))
}

/// The names in a program; none if it cannot be read, for which running it will say why.
struct Guest(Option<Locations<'static>>);

impl Guest {
    fn new(elf: &[u8]) -> Self {
        let Ok(program) = Program::parse(elf, &Limits::default()) else {
            return Guest(None);
        };
        // This process runs one program and names are needed until its end.
        let (elf, program): (&'static [u8], &'static Program) =
            (Vec::leak(elf.to_vec()), Box::leak(Box::new(program)));
        Guest(Some(Locations::new(elf, program)))
    }
}

impl Names for Guest {
    fn name(&self, pc: u64) -> String {
        let name = self.0.as_ref().and_then(|locations| locations.symbol(pc));
        name.unwrap_or_else(|| format!("{pc:#x}"))
    }

    fn line(&self, pc: u64) -> Option<(String, u32)> {
        let (file, line) = self.0.as_ref()?.source(pc)?;
        Some((file.to_owned(), line?))
    }
}
