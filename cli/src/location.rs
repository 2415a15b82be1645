//! From an address to the function and source line it belongs to.

use std::fmt;

use addr2line::Context;
use addr2line::gimli::{Dwarf, EndianSlice, LittleEndian};
use causality_vm::elf::Program;
use object::{Object, ObjectSection};

type Reader<'a> = EndianSlice<'a, LittleEndian>;

/// Names the places of one program.
pub(crate) struct Locations<'a> {
    program: &'a Program,
    lines: Option<Context<Reader<'a>>>,
}

/// A place, as far as it is known: `main+0x10 (main.c:12)`.
#[derive(Debug, Default)]
pub(crate) struct Location {
    /// Function and offset.
    pub(crate) symbol: Option<String>,
    /// File and line.
    pub(crate) line: Option<String>,
}

impl<'a> Locations<'a> {
    /// `elf` is the file that `program` was read from. Debug information that is missing or
    /// malformed is none.
    pub(crate) fn new(elf: &'a [u8], program: &'a Program) -> Self {
        Locations { program, lines: read_dwarf(elf) }
    }

    pub(crate) fn at(&self, pc: u64) -> Location {
        Location { symbol: self.symbol(pc), line: self.line(pc) }
    }

    pub(crate) fn symbol(&self, pc: u64) -> Option<String> {
        let (symbol, offset) = self.program.symbols().at(pc)?;
        Some(describe(symbol.name, offset))
    }

    pub(crate) fn line(&self, pc: u64) -> Option<String> {
        let (file, line) = self.source(pc)?;
        Some(match line {
            Some(line) => format!("{file}:{line}"),
            None => file.to_owned(),
        })
    }

    /// The source file, and the line in it.
    pub(crate) fn source(&self, pc: u64) -> Option<(&str, Option<u32>)> {
        // The reader of debug information adds one to it.
        let address = Some(pc.wrapping_sub(self.program.base())).filter(|&address| address != u64::MAX)?;
        let location = self.lines.as_ref()?.find_location(address).ok()??;
        Some((location.file?, location.line))
    }
}

fn describe(symbol: &str, offset: u64) -> String {
    let name = demangle(symbol);
    match offset {
        0 => name,
        _ => format!("{name}+{offset:#x}"),
    }
}

/// A name as it stands in the source, if its language is known.
pub(crate) fn demangle(name: &str) -> String {
    addr2line::demangle_auto(name.into(), None).into_owned()
}

fn read_dwarf(elf: &[u8]) -> Option<Context<Reader<'_>>> {
    let file = object::read::elf::ElfFile64::<object::LittleEndian>::parse(elf).ok()?;
    let section = |id: addr2line::gimli::SectionId| {
        let section = file.section_by_name(id.name());
        let data = section.and_then(|section| section.data().ok()).unwrap_or_default();
        Ok::<_, addr2line::gimli::Error>(EndianSlice::new(data, LittleEndian))
    };
    Context::from_dwarf(Dwarf::load(section).ok()?).ok()
}

impl fmt::Display for Location {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        match (&self.symbol, &self.line) {
            (Some(symbol), Some(line)) => write!(f, "{symbol} ({line})"),
            (Some(name), None) | (None, Some(name)) => f.write_str(name),
            (None, None) => f.write_str("no symbol"),
        }
    }
}
