//! What an embedder allows one machine.

/// What happens when a guest asks for more memory or segments than its limits allow.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Default)]
pub enum OnMemoryLimit {
    /// The asking instruction traps with `MemoryLimit` or `SegmentLimit`.
    #[default]
    Trap,
    /// The guest is told `ENOMEM` and may cope.
    Errno,
}

/// Bounds of one machine. Reaching one is a trap or an [`Exit`](crate::Exit), never a host failure. A machine is not made with
/// bounds that no machine can have: [`Limits::check`].
///
/// ```
/// use causality_machine::{Limits, Memory};
///
/// let limits = Limits { address_space: 64 << 20, memory: 16 << 20, ..Limits::default() };
/// assert_eq!(Memory::new(limits)?.limits().memory, 16 << 20);
///
/// let wrong = Limits { registers: Limits::MOST_REGISTERS + 1, ..Limits::default() };
/// assert!(wrong.check().is_err());
/// # Ok::<(), std::io::Error>(())
/// ```
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Limits {
    /// Size of the guest address space in bytes; addresses from here on do not exist. Rounded up to
    /// whole pages. Only address space of the host is used up by it. Default 4 GiB.
    pub address_space: u64,
    /// Bytes of all segments together, but guards and what is only reserved. Pages that are never touched cost nothing.
    /// Default 1 GiB.
    pub memory: u64,
    /// Bytes of the stack segment. Default 8 MiB.
    pub stack: u64,
    /// Number of segments. Each costs the host two of the mappings that it allows a process, if the guest puts them apart from each
    /// other. Default 1024.
    pub segments: usize,
    /// What a guest sees when `memory` or `segments` is reached. Default: a trap.
    pub on_memory_limit: OnMemoryLimit,
    /// Whether a segment may be writable and executable at once. Default: no. Each page of such a segment
    /// costs the host a second one, for what fetches see until the next `fence.i`.
    pub allow_writable_code: bool,
    /// Slots for resource registers, at most 65,536. Default 256.
    pub registers: u32,
    /// The most bytes of a resource register, at most 1 GiB; rounded up to a power of two of at least a page. As much of
    /// the host's address space is used up for each slot. Pages count as `memory` from the first register on that needs them, until
    /// the machine is reset. Default 1 MiB.
    pub register_bytes: u64,
}

impl Limits {
    /// The most slots for resource registers that a machine can have.
    pub const MOST_REGISTERS: u32 = 1 << 16;

    /// The most bytes that a resource register can have.
    pub const MOST_REGISTER_BYTES: u64 = 1 << 30;

    /// Whether a machine can have these bounds. Whether the host has the address space shows when one is made.
    ///
    /// # Errors
    /// Which of them it cannot.
    pub const fn check(&self) -> Result<(), InvalidLimits> {
        if self.registers > Self::MOST_REGISTERS {
            return Err(InvalidLimits::Registers(self.registers));
        }
        if self.register_bytes > Self::MOST_REGISTER_BYTES {
            return Err(InvalidLimits::RegisterBytes(self.register_bytes));
        }
        Ok(())
    }
}

/// Bounds that no machine can have.
#[derive(Clone, Copy, Debug, PartialEq, Eq, thiserror::Error)]
#[non_exhaustive]
pub enum InvalidLimits {
    /// Too many slots.
    #[error("a machine has {most} resource registers at most, not {0}", most = Limits::MOST_REGISTERS)]
    Registers(u32),
    /// Registers of too many bytes.
    #[error("a resource register has {most} bytes at most, not {0}", most = Limits::MOST_REGISTER_BYTES)]
    RegisterBytes(u64),
}

impl Default for Limits {
    fn default() -> Self {
        Limits {
            address_space: 4 << 30,
            memory: 1 << 30,
            stack: 8 << 20,
            segments: 1024,
            on_memory_limit: OnMemoryLimit::Trap,
            allow_writable_code: false,
            registers: 256,
            register_bytes: 1 << 20,
        }
    }
}
