//! Why a file cannot be a guest program.

use causality_machine::memory::PAGE_SIZE;

/// Why an executable was refused. Nothing has been run and nothing mapped then.
///
/// Segments are named as `PT_LOAD 2 (r-x, 0x10000..0x10400)`: their index among the program headers,
/// permissions and addresses as the file states them.
///
/// ```
/// use causality_vm::Limits;
/// use causality_vm::elf::{LoadError, Program};
///
/// let refused = Program::parse(b"#!/bin/sh", &Limits::default());
/// assert!(matches!(refused, Err(LoadError::NotElf)));
/// ```
#[derive(Clone, Debug, PartialEq, Eq, thiserror::Error)]
#[non_exhaustive]
pub enum LoadError {
    /// Some other kind of file.
    #[error("not an ELF file: it does not begin with the bytes 7f 45 4c 46")]
    NotElf,
    /// The file ends before something it says it has.
    #[error("truncated: {part} ends at byte {end:#x}, but the file has {size:#x} bytes")]
    Truncated {
        /// What lies beyond the end.
        part: String,
        /// Where it would end.
        end: u64,
        /// Size of the file.
        size: u64,
    },
    /// A program for a 32-bit machine.
    #[error("a 32-bit program (EI_CLASS is ELFCLASS32); this machine is RV64")]
    Class32,
    /// A program for a big-endian machine.
    #[error("a big-endian program (EI_DATA is ELFDATA2MSB); this machine is little-endian")]
    BigEndian,
    /// A program for another architecture.
    #[error("a program for another architecture: e_machine is {machine}, RISC-V is 243")]
    Machine {
        /// `e_machine`.
        machine: u16,
    },
    /// An object file, a core dump...
    #[error("not an executable: e_type is {kind}, executables have 2 (ET_EXEC) or 3 (ET_DYN)")]
    NotExecutable {
        /// `e_type`.
        kind: u16,
    },
    /// A field of the file header with a value that no executable has.
    #[error("the file header's {field} is {value:#x}, which is not valid")]
    Header {
        /// The field by its name in the ELF specification.
        field: &'static str,
        /// What it holds.
        value: u64,
    },
    /// A calling convention this machine cannot follow.
    #[error("the program needs {what} (e_flags {flags:#x}), which this machine does not have")]
    Abi {
        /// What is missing.
        what: &'static str,
        /// `e_flags`.
        flags: u32,
    },
    /// A dynamically linked program.
    #[error("dynamically linked: it asks for the interpreter `{interpreter}`; link it with -static")]
    DynamicallyLinked {
        /// `PT_INTERP`.
        interpreter: String,
    },
    /// No `PT_LOAD` with any bytes.
    #[error("nothing to load: the file has no PT_LOAD program header that occupies memory")]
    NoSegments,
    /// More segments than the limits allow.
    #[error("the program has {count} segments; the limit is {limit}")]
    TooManySegments {
        /// How many there are.
        count: usize,
        /// How many may be.
        limit: usize,
    },
    /// `p_align` is not a power of two.
    #[error("{segment}: p_align {align:#x} is not a power of two")]
    Alignment {
        /// The segment.
        segment: String,
        /// `p_align`.
        align: u64,
    },
    /// More bytes in the file than in memory.
    #[error("{segment}: p_filesz {file:#x} is more than p_memsz {memory:#x}")]
    Sizes {
        /// The segment.
        segment: String,
        /// `p_filesz`.
        file: u64,
        /// `p_memsz`.
        memory: u64,
    },
    /// Addresses that do not exist.
    #[error("{segment}: outside the guest address space of {limit:#x} bytes")]
    OutsideAddressSpace {
        /// The segment.
        segment: String,
        /// Size of the address space in bytes.
        limit: u64,
    },
    /// Two segments claim one byte.
    #[error("{first} and {second} overlap")]
    Overlap {
        /// The lower one.
        first: String,
        /// The higher one.
        second: String,
    },
    /// A segment that is writable and executable.
    #[error("{segment}: writable and executable at once, which this machine does not allow")]
    WritableCode {
        /// The segment.
        segment: String,
    },
    /// Two segments on one page would make it writable and executable.
    #[error(
        "{first} and {second} share the page at {page:#x}, which would be writable and executable at once; \
         link with segments on pages of {PAGE_SIZE} bytes (-z separate-code, or without -n and -N)"
    )]
    SharedPage {
        /// The lower one.
        first: String,
        /// The higher one.
        second: String,
        /// Address of the page.
        page: u64,
    },
    /// More memory than the limits allow.
    #[error("the segments occupy {needed:#x} bytes; the memory limit is {limit:#x}")]
    TooMuchMemory {
        /// Size of all segments in bytes, in whole pages.
        needed: u64,
        /// The limit in bytes.
        limit: u64,
    },
    /// Execution would begin where there is no code.
    #[error("the entry point {entry:#x} is not in an executable segment")]
    EntryOutsideText {
        /// Its address.
        entry: u64,
    },
    /// Execution would begin at an odd address.
    #[error("the entry point {entry:#x} is not a multiple of two")]
    EntryMisaligned {
        /// Its address.
        entry: u64,
    },
    /// The section table contradicts itself.
    #[error("the section table is malformed: {reason}")]
    Sections {
        /// What is wrong with it.
        reason: String,
    },
    /// The attributes section contradicts itself.
    #[error("the section .riscv.attributes is malformed: {reason}")]
    Attributes {
        /// What is wrong with it.
        reason: String,
    },
    /// Instructions this machine does not have.
    #[error("the program is built for `{arch}` and needs what this machine does not have: {missing}")]
    Extensions {
        /// `Tag_RISCV_arch`.
        arch: String,
        /// Names of what is missing, separated by commas.
        missing: String,
    },
}
