//! Traps: why the guest could not go on, exactly where, and at which address or word.

use core::fmt;

/// Why an instruction trapped.
///
/// Codes 0 to 8 are the RISC-V exception codes (privileged manual, table of `mcause` values); codes
/// 24 to 31 and 48 to 63 are the ones that table designates for custom use, and carry the causes
/// that are this machine's own.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Hash, PartialOrd, Ord)]
#[repr(u8)]
#[non_exhaustive]
pub enum Cause {
    /// The target of a jump was not a multiple of two.
    InstructionAddressMisaligned = 0,
    /// Fetch from memory that is not executable; `tval` is the address of the missing half-word.
    InstructionAccessFault = 1,
    /// A word that is no instruction of this machine; `tval` is the word.
    IllegalInstruction = 2,
    /// The guest executed `ebreak`; `tval` is its address.
    Breakpoint = 3,
    /// A misaligned `lr`; `tval` is the address.
    LoadAddressMisaligned = 4,
    /// A load from memory that is not readable; `tval` is the address of the access.
    LoadAccessFault = 5,
    /// A misaligned `sc` or AMO; `tval` is the address.
    StoreAddressMisaligned = 6,
    /// A store, `sc` or AMO to memory that is not writable; `tval` is the address of the access.
    StoreAccessFault = 7,
    /// An `ecall` that nothing answers; `tval` is zero.
    EnvironmentCall = 8,
    /// An access to the guard range below the stack; `tval` is the address.
    StackOverflow = 24,
    /// The guest asked for more memory than its limit allows; `tval` is the requested size in bytes.
    MemoryLimit = 25,
    /// The guest asked for more segments than its limit allows; `tval` is the requested address.
    SegmentLimit = 26,
    /// A host function refused to go on; `tval` is what it gave as the reason code.
    HostFunction = 27,
    /// The register has been consumed; `tval` is as for all causes from here on: the slot for what names
    /// one, the address for loads and stores, unless said otherwise.
    RegisterConsumed = 48,
    /// There is no register, or none that is ready to be used.
    RegisterNotActive = 49,
    /// The register is locked.
    RegisterLocked = 50,
    /// The register is frozen: it can only be read.
    RegisterFrozen = 51,
    /// An access beyond the bytes of a register; `tval` is the offset, for loads and stores the address.
    RegisterBounds = 52,
    /// The guest does not have the right.
    CapabilityDenied = 53,
    /// There is no such slot, or a register would be too long, then `tval` is the length.
    RegisterLimit = 54,
    /// The register is complete: its bytes do not change any more.
    RegisterNotInitial = 55,
    /// The slot has a register, which would be lost.
    RegisterOccupied = 56,
    /// The register is not locked, or not frozen, and cannot be freed from it.
    RegisterNotHeld = 57,
}

impl Cause {
    /// The exception code, as `mcause` would hold it.
    #[must_use]
    pub const fn code(self) -> u8 {
        self as u8
    }

    /// A short description in the words of the manual.
    #[must_use]
    pub const fn description(self) -> &'static str {
        match self {
            Cause::InstructionAddressMisaligned => "instruction address misaligned",
            Cause::InstructionAccessFault => "instruction access fault",
            Cause::IllegalInstruction => "illegal instruction",
            Cause::Breakpoint => "breakpoint",
            Cause::LoadAddressMisaligned => "load address misaligned",
            Cause::LoadAccessFault => "load access fault",
            Cause::StoreAddressMisaligned => "store/AMO address misaligned",
            Cause::StoreAccessFault => "store/AMO access fault",
            Cause::EnvironmentCall => "environment call",
            Cause::StackOverflow => "stack overflow",
            Cause::MemoryLimit => "memory limit reached",
            Cause::SegmentLimit => "segment limit reached",
            Cause::HostFunction => "host function refused",
            Cause::RegisterConsumed => "register consumed",
            Cause::RegisterNotActive => "register not active",
            Cause::RegisterLocked => "register locked",
            Cause::RegisterFrozen => "register frozen",
            Cause::RegisterBounds => "register bounds exceeded",
            Cause::CapabilityDenied => "capability denied",
            Cause::RegisterLimit => "register limit reached",
            Cause::RegisterNotInitial => "register already sealed",
            Cause::RegisterOccupied => "register slot occupied",
            Cause::RegisterNotHeld => "register neither locked nor frozen",
        }
    }
}

impl fmt::Display for Cause {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str(self.description())
    }
}

/// A trap before it has a place: what an access or a host function reports, without a pc.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Hash, thiserror::Error)]
#[error("{cause} at {tval:#x}")]
pub struct Fault {
    /// Why.
    pub cause: Cause,
    /// Address or word, as [`Cause`] says.
    pub tval: u64,
}

impl Fault {
    /// The trap of the instruction at `pc`.
    #[must_use]
    pub const fn at(self, pc: u64) -> Trap {
        Trap { cause: self.cause, pc, tval: self.tval }
    }
}

/// A precise trap: every instruction before `pc` has retired, the one at `pc` has had no effect.
///
/// ```
/// use causality_machine::{Cause, Fault};
///
/// let trap = Fault { cause: Cause::LoadAccessFault, tval: 8 }.at(0x10000);
/// assert_eq!(trap.to_string(), "load access fault (cause 5) at pc 0x10000, tval 0x8");
/// ```
#[derive(Clone, Copy, Debug, PartialEq, Eq, Hash, thiserror::Error)]
#[error("{cause} (cause {}) at pc {pc:#x}, tval {tval:#x}", cause.code())]
pub struct Trap {
    /// Why.
    pub cause: Cause,
    /// The instruction that trapped.
    pub pc: u64,
    /// Address or word, as [`Cause`] says.
    pub tval: u64,
}
