//! An executable file taken apart and checked.

use std::ops::Range;

use causality_machine::isa::IsaString;
use causality_machine::memory::PAGE_SIZE;
use causality_machine::{Image, Limits};
use object::LittleEndian as LE;
use object::elf::{FileHeader64, PT_GNU_RELRO, PT_INTERP, PT_LOAD, ProgramHeader64, SHF_EXECINSTR};
use object::read::elf::{ProgramHeader as _, SectionHeader as _, SectionTable};

use super::debug::DebugSections;
use super::header::{Header, check_end};
use super::segment::Load;
use super::symbols::Symbols;
use super::{LoadError, attributes, layout};

/// Where position-independent programs are placed, unless their alignment asks for more.
const DYN_BASE: u64 = 0x10000;

/// An executable file: what to place where, and what is known about it.
///
/// Everything in it has been checked except whether this machine has the instructions it needs; that
/// is [`Program::check_extensions`], apart so that a program can be inspected that cannot be run.
///
/// ```
/// use causality_vm::Limits;
/// use causality_vm::elf::Program;
///
/// # fn main() -> Result<(), Box<dyn std::error::Error>> {
/// let elf = std::fs::read("examples/hello.elf")?;
/// let program = Program::parse(&elf, &Limits::default())?;
/// program.check_extensions()?;
/// assert!(program.arch().is_some_and(|arch| arch.starts_with("rv64")));
/// assert_eq!(program.base(), 0, "it lies where it says");
/// assert!(program.code().iter().any(|text| text.contains(&program.image().entry)));
/// # Ok(())
/// # }
/// ```
#[derive(Clone, Debug)]
pub struct Program {
    image: Image,
    base: u64,
    symbols: Symbols,
    arch: Option<String>,
    flags: u32,
    code: Vec<Range<u64>>,
    relro: Option<Range<u64>>,
    debug: DebugSections,
}

impl causality_jit::Functions for Program {
    fn function_of(&self, pc: u64) -> Option<u64> {
        self.symbols.sized_function_of(pc)
    }
}

impl Program {
    /// Reads an ELF executable. Position-dependent ones lie where they say, static
    /// position-independent ones from 0x10000 on.
    ///
    /// # Errors
    /// A [`LoadError`] for everything that is not a statically linked RV64 program within `limits`.
    pub fn parse(bytes: &[u8], limits: &Limits) -> Result<Self, LoadError> {
        let header = Header::parse(bytes)?;
        let headers = header.program_headers()?;
        refuse_interpreter(bytes, headers)?;
        let base = if header.is_position_independent() { base_for(headers) } else { 0 };
        let loads = parse_loads(bytes, headers, base, limits)?;
        let table = header.program_headers_offset();
        let table = loads.iter().find_map(|load| load.addr_of_offset(table));
        let sections = header.sections()?;
        let mut program = Program {
            image: Image {
                entry: header.entry().wrapping_add(base),
                segments: layout::place(loads, limits)?,
                program_headers: table.map_or((0, 0), |addr| (addr, headers.len() as u64)),
            },
            base,
            symbols: Symbols::parse(bytes, &sections, base)?,
            arch: attributes::arch(bytes, &sections)?,
            flags: header.flags(),
            code: Vec::new(),
            relro: find_relro(headers, base),
            debug: DebugSections::of(bytes, &sections),
        };
        program.check_entry()?;
        program.code = program.find_code(&sections);
        Ok(program)
    }

    fn check_entry(&self) -> Result<(), LoadError> {
        let entry = self.image.entry;
        if !entry.is_multiple_of(2) {
            return Err(LoadError::EntryMisaligned { entry });
        }
        let mut text = self.image.segments.iter().filter(|s| s.perms.is_executable());
        match text.any(|s| s.addr <= entry && entry - s.addr < s.size) {
            true => Ok(()),
            false => Err(LoadError::EntryOutsideText { entry }),
        }
    }

    /// Checks that this machine has every extension the program was built for. A program that does
    /// not say passes; what it lacks then traps where it is used.
    ///
    /// # Errors
    /// [`LoadError::Extensions`] with the names of what is missing, and [`LoadError::Attributes`] if
    /// the ISA string is none.
    pub fn check_extensions(&self) -> Result<(), LoadError> {
        let Some(arch) = self.arch() else {
            return Ok(());
        };
        let missing = missing_extensions(arch)?;
        if missing.is_empty() {
            return Ok(());
        }
        Err(LoadError::Extensions { arch: arch.to_owned(), missing: missing.join(", ") })
    }

    /// What goes where.
    #[must_use]
    pub fn image(&self) -> &Image {
        &self.image
    }

    /// By how much the file's addresses were shifted: 0 for position-dependent programs.
    #[must_use]
    pub fn base(&self) -> u64 {
        self.base
    }

    /// The names in it.
    #[must_use]
    pub fn symbols(&self) -> &Symbols {
        &self.symbols
    }

    /// The ISA string it was built for, as the file's attributes have it.
    #[must_use]
    pub fn arch(&self) -> Option<&str> {
        self.arch.as_deref()
    }

    /// Where instructions lie, ascending: the executable sections, or the executable segments of a
    /// file without sections. Segments often hold constants along with the code.
    #[must_use]
    pub fn code(&self) -> &[Range<u64>] {
        &self.code
    }

    fn find_code(&self, sections: &SectionTable<'_, FileHeader64<LE>>) -> Vec<Range<u64>> {
        let mut code: Vec<_> = sections
            .iter()
            .filter(|section| section.sh_flags(LE).0 & SHF_EXECINSTR.0 != 0)
            .map(|section| {
                let start = section.sh_addr(LE).wrapping_add(self.base);
                start..start.saturating_add(section.sh_size(LE))
            })
            .collect();
        if code.is_empty() {
            let text = self.image.segments.iter().filter(|segment| segment.perms.is_executable());
            code.extend(text.map(|segment| segment.addr..segment.addr + segment.size));
        }
        code.sort_by_key(|range| range.start);
        code
    }

    /// What the program means to make read-only when it has started (`PT_GNU_RELRO`). Nothing enforces it.
    #[must_use]
    pub fn relro(&self) -> Option<Range<u64>> {
        self.relro.clone()
    }

    /// The debug information.
    pub(crate) fn debug(&self) -> &DebugSections {
        &self.debug
    }

    /// `e_flags` of the file header.
    #[must_use]
    pub fn flags(&self) -> u32 {
        self.flags
    }
}

/// The names in an ISA string that this machine does not have.
fn missing_extensions(arch: &str) -> Result<Vec<String>, LoadError> {
    let isa = IsaString::parse(arch)
        .map_err(|error| LoadError::Attributes { reason: format!("Tag_RISCV_arch `{arch}`: {error}") })?;
    let base = (isa.xlen() != 64).then(|| format!("rv{} as the base", isa.xlen()));
    Ok(base.into_iter().chain(isa.unsupported().map(str::to_owned)).collect())
}

fn refuse_interpreter(bytes: &[u8], headers: &[ProgramHeader64<LE>]) -> Result<(), LoadError> {
    let Some(header) = headers.iter().find(|header| header.p_type(LE) == PT_INTERP) else {
        return Ok(());
    };
    let (offset, size) = header.file_range(LE);
    check_end(bytes, "PT_INTERP", offset, size)?;
    let path = &bytes[offset as usize..(offset + size.min(256)) as usize];
    let path = path.split(|&byte| byte == 0).next().unwrap_or_default();
    Err(LoadError::DynamicallyLinked { interpreter: String::from_utf8_lossy(path).into_owned() })
}

fn find_relro(headers: &[ProgramHeader64<LE>], base: u64) -> Option<Range<u64>> {
    let header = headers.iter().find(|header| header.p_type(LE) == PT_GNU_RELRO)?;
    let start = header.p_vaddr(LE).wrapping_add(base);
    Some(start..start.checked_add(header.p_memsz(LE))?)
}

/// A base that respects every segment's alignment; whether it fits is checked with the segments.
fn base_for(headers: &[ProgramHeader64<LE>]) -> u64 {
    let aligns = headers.iter().filter(|h| h.p_type(LE) == PT_LOAD).map(|h| h.p_align(LE));
    aligns.fold(DYN_BASE.max(PAGE_SIZE), u64::max)
}

/// The segments that occupy memory.
fn parse_loads<'a>(
    bytes: &'a [u8],
    headers: &[ProgramHeader64<LE>],
    base: u64,
    limits: &Limits,
) -> Result<Vec<Load<'a>>, LoadError> {
    let loads = headers.iter().enumerate().filter(|(_, header)| header.p_type(LE) == PT_LOAD);
    let count = loads.clone().count();
    if count > limits.segments {
        return Err(LoadError::TooManySegments { count, limit: limits.segments });
    }
    let loads = loads.map(|load| Load::parse(bytes, load, base, limits));
    let loads: Vec<_> =
        loads.filter(|load| !matches!(load, Ok(load) if load.size == 0)).collect::<Result<_, _>>()?;
    if loads.is_empty() {
        return Err(LoadError::NoSegments);
    }
    Ok(loads)
}
