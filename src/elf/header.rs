//! The file header: is this a file we can read at all?

use object::LittleEndian as LE;
use object::elf::{FileHeader64, ProgramHeader64};
use object::read::elf::{FileHeader as _, SectionTable};

use super::LoadError;

const ELFCLASS32: u8 = 1;
const ELFCLASS64: u8 = 2;
const ELFDATA2LSB: u8 = 1;
const ELFDATA2MSB: u8 = 2;
const EM_RISCV: u16 = 243;
const ET_EXEC: u16 = 2;
const ET_DYN: u16 = 3;

/// `e_flags`: the float ABI; both bits set is quad precision.
const FLOAT_ABI_QUAD: u32 = 0x6;
const RVE: u32 = 0x8;
const RV64ILP32: u32 = 0x20;

/// A file whose header has been found to be that of a 64-bit RISC-V executable.
#[derive(Clone, Copy)]
pub(super) struct Header<'a> {
    pub(super) bytes: &'a [u8],
    raw: &'a FileHeader64<LE>,
}

impl<'a> Header<'a> {
    pub(super) fn parse(bytes: &'a [u8]) -> Result<Self, LoadError> {
        if !bytes.starts_with(b"\x7fELF") {
            return Err(LoadError::NotElf);
        }
        check_end(bytes, "the file header", 0, size_of::<FileHeader64<LE>>() as u64)?;
        check_ident(bytes[4], bytes[5], bytes[6])?;
        // Cannot fail after the checks above; were it to, the file would not be ELF as we know it.
        let raw = FileHeader64::<LE>::parse(bytes).map_err(|_| LoadError::NotElf)?;
        let header = Header { bytes, raw };
        header.check_kind()?;
        header.check_flags()?;
        Ok(header)
    }

    fn check_kind(&self) -> Result<(), LoadError> {
        match self.raw.e_machine.get(LE).0 {
            EM_RISCV => {}
            machine => return Err(LoadError::Machine { machine }),
        }
        match self.raw.e_type.get(LE).0 {
            ET_EXEC | ET_DYN => {}
            kind => return Err(LoadError::NotExecutable { kind }),
        }
        match self.raw.e_version.get(LE) {
            1 => Ok(()),
            version => Err(LoadError::Header { field: "e_version", value: version.into() }),
        }
    }

    fn check_flags(&self) -> Result<(), LoadError> {
        let flags = self.flags();
        let what = if flags & RVE != 0 {
            "the RV64E base with 16 registers"
        } else if flags & FLOAT_ABI_QUAD == FLOAT_ABI_QUAD {
            "the quad-precision float ABI (extension Q)"
        } else if flags & RV64ILP32 != 0 {
            "the ILP32 ABI on RV64"
        } else {
            return Ok(());
        };
        Err(LoadError::Abi { what, flags })
    }

    /// `e_flags`.
    pub(super) fn flags(&self) -> u32 {
        self.raw.e_flags.get(LE).0
    }

    /// `e_entry`, not relocated.
    pub(super) fn entry(&self) -> u64 {
        self.raw.e_entry.get(LE)
    }

    /// `e_phoff`.
    pub(super) fn program_headers_offset(&self) -> u64 {
        self.raw.e_phoff.get(LE)
    }

    /// Whether the loader chooses the addresses.
    pub(super) fn is_position_independent(&self) -> bool {
        self.raw.e_type.get(LE).0 == ET_DYN
    }

    /// All program headers. No more than fit in the file.
    pub(super) fn program_headers(&self) -> Result<&'a [ProgramHeader64<LE>], LoadError> {
        let count = self.raw.phnum(LE, self.bytes).map_err(sections)?;
        let entry = self.raw.e_phentsize.get(LE);
        if count > 0 && usize::from(entry) != size_of::<ProgramHeader64<LE>>() {
            return Err(LoadError::Header { field: "e_phentsize", value: entry.into() });
        }
        let size = u64::from(count) * u64::from(entry);
        check_end(self.bytes, "the program header table", self.program_headers_offset(), size)?;
        self.raw.program_headers(LE, self.bytes).map_err(sections)
    }

    /// The section table; empty if the file has none.
    pub(super) fn sections(&self) -> Result<SectionTable<'a, FileHeader64<LE>>, LoadError> {
        let count = self.raw.shnum(LE, self.bytes).map_err(sections)?;
        let size = u64::from(count) * u64::from(self.raw.e_shentsize.get(LE));
        check_end(self.bytes, "the section header table", self.raw.e_shoff.get(LE), size)?;
        self.raw.sections(LE, self.bytes).map_err(sections)
    }
}

fn check_ident(class: u8, data: u8, version: u8) -> Result<(), LoadError> {
    let invalid = |field, value: u8| Err(LoadError::Header { field, value: value.into() });
    match (class, data, version) {
        (ELFCLASS32, ..) => Err(LoadError::Class32),
        (ELFCLASS64, ELFDATA2LSB, 1) => Ok(()),
        (ELFCLASS64, ELFDATA2LSB, _) => invalid("EI_VERSION", version),
        (ELFCLASS64, ELFDATA2MSB, _) => Err(LoadError::BigEndian),
        (ELFCLASS64, ..) => invalid("EI_DATA", data),
        _ => invalid("EI_CLASS", class),
    }
}

/// Checks that `size` bytes at `offset` are in the file.
pub(super) fn check_end(bytes: &[u8], part: &str, offset: u64, size: u64) -> Result<(), LoadError> {
    let end = offset.saturating_add(size);
    if end > bytes.len() as u64 {
        return Err(LoadError::Truncated { part: part.to_owned(), end, size: bytes.len() as u64 });
    }
    Ok(())
}

pub(super) fn sections(error: object::read::Error) -> LoadError {
    LoadError::Sections { reason: error.to_string() }
}
