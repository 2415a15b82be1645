//! `causality-vm disasm --native`: guest instructions, each followed by the host code made for it.
//!
//! Host code is in the order in which it lies in memory, so that it can be read as it runs; a guest instruction whose
//! code is in several places is printed at each of them.

use std::collections::{HashMap, HashSet};
use std::io::{self, BufWriter, Write};

use causality_vm::codegen::Codegen;
use causality_vm::{Engine, Instance, Linker, Module, Options};

use crate::args::DisasmArgs;
use crate::disasm::{describe, find};
use crate::failure::Failure;
use crate::location::Locations;
use crate::native_region::{NativeRegion, for_each_region, insts};

/// Prints the regions that were asked for, or all.
pub(crate) fn list(args: &DisasmArgs, elf: &[u8]) -> Result<u8, Failure> {
    let failed = |error| Failure::of_program(&args.program, error);
    let engine = Engine::default();
    let module = Module::new(&engine, elf).map_err(failed)?;
    let instance = Linker::new(&engine).instantiate(&module, Options::new(), ()).map_err(failed)?;
    let mut codegen = Codegen::new(&instance, args.tier.into()).map_err(Failure::new)?;
    let locations = Locations::new(elf, module.program());
    let mut listing = Listing {
        instance: &instance,
        locations: &locations,
        pseudo: !args.no_aliases,
        out: BufWriter::new(io::stdout().lock()),
    };
    let start = match &args.symbol {
        Some(name) => Some(find(module.program(), name)?.addr),
        None => args.pc,
    };
    let written = match start {
        None => for_each_region(module.program(), &mut codegen, &mut |native| listing.print(&native)),
        Some(pc) => match NativeRegion::at(&mut codegen, pc)? {
            None => Err(Failure::new(format!("there is no instruction at {pc:#x}"))),
            Some(native) => listing.print(&native).map(drop),
        },
    };
    written?;
    let flushed = listing.out.flush();
    listing.is_open(flushed).map(|_| 0)
}

struct Listing<'a, W> {
    instance: &'a Instance<()>,
    locations: &'a Locations<'a>,
    pseudo: bool,
    out: W,
}

impl<W: Write> Listing<'_, W> {
    /// Prints a region; `false` if nobody reads on.
    fn print(&mut self, native: &NativeRegion) -> Result<bool, Failure> {
        let written = self.region(native);
        self.is_open(written)
    }

    fn is_open(&self, written: io::Result<()>) -> Result<bool, Failure> {
        match written {
            Err(error) if error.kind() == io::ErrorKind::BrokenPipe => Ok(false),
            other => other.map(|()| true).map_err(Failure::new),
        }
    }

    fn region(&mut self, native: &NativeRegion) -> io::Result<()> {
        let region = &native.region;
        let name = self.locations.symbol(region.start).unwrap_or_else(|| "code".to_owned());
        writeln!(
            self.out,
            "\n{:016x} <{name}>: {} instructions in {} blocks, {} bytes of host code, {:.1} for each",
            region.start,
            native.translation.insts,
            region.blocks.len(),
            native.translation.code.len(),
            native.bytes_per_inst(),
        )?;
        let host = native.host();
        let quiet = quiet_before(native, &host);
        let firsts: HashSet<_> =
            region.blocks.iter().filter_map(|block| insts(block).next()).map(|at| at.pc).collect();
        let (mut last, mut told) = (None, HashSet::new());
        for (inst, pc) in &host {
            if *pc != last {
                last = *pc;
                match *pc {
                    None => writeln!(self.out)?,
                    Some(pc) => {
                        let before = quiet.get(&pc).filter(|_| told.insert(pc));
                        for &pc in before.into_iter().flatten().chain([&pc]) {
                            if firsts.contains(&pc) {
                                writeln!(self.out)?;
                            }
                            self.guest(pc)?;
                        }
                    }
                }
            }
            writeln!(self.out, "{:>14x}  {:<22} {}", inst.offset, inst.raw, inst.text)?;
        }
        Ok(())
    }

    fn guest(&mut self, pc: u64) -> io::Result<()> {
        let word = self.instance.memory().fetch(pc).unwrap_or_default();
        let (raw, text) = describe(self.instance.module().program(), pc, word, self.pseudo);
        let line = self.locations.line(pc).map(|line| format!("   # {line}")).unwrap_or_default();
        writeln!(self.out, "{pc:>8x}:  {raw:<8}  {text}{line}")
    }
}

/// For each instruction with host code, those directly before it in its block that have none.
fn quiet_before(
    native: &NativeRegion,
    host: &[(crate::host_code::HostInst, Option<u64>)],
) -> HashMap<u64, Vec<u64>> {
    let loud: HashSet<u64> = host.iter().filter_map(|(_, pc)| *pc).collect();
    let mut before = HashMap::new();
    for block in &native.region.blocks {
        let mut quiet = Vec::new();
        for at in insts(block) {
            match loud.contains(&at.pc) {
                false => quiet.push(at.pc),
                true => drop(before.entry(at.pc).or_insert_with(|| std::mem::take(&mut quiet))),
            }
        }
    }
    before
}
