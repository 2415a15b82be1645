//! What a guest may do with a page.

use core::fmt;

/// Read, write and execute permission. Both write and execute imply read.
#[derive(Clone, Copy, PartialEq, Eq, Hash, Default)]
#[repr(transparent)]
pub struct Perms(u8);

impl Perms {
    /// Nothing.
    pub const NONE: Perms = Perms(0);
    /// Read.
    pub const R: Perms = Perms(1);
    /// Write, and so read.
    pub const RW: Perms = Perms(1 | 2);
    /// Execute, and so read.
    pub const RX: Perms = Perms(1 | 4);
    /// Everything; only where [`Limits::allow_writable_code`](crate::Limits) says so.
    pub const RWX: Perms = Perms(1 | 2 | 4);

    /// From three flags; write and execute imply read.
    #[must_use]
    pub const fn new(read: bool, write: bool, execute: bool) -> Self {
        let bits = read as u8 | (write as u8 * 3) | (execute as u8 * 5);
        Perms(bits)
    }

    #[inline(always)]
    pub(super) const fn bits(self) -> u8 {
        self.0
    }

    #[inline(always)]
    pub(super) const fn from_bits(bits: u8) -> Self {
        Perms(bits)
    }

    /// Whether all of `other` is allowed.
    #[inline(always)]
    #[must_use]
    pub const fn contains(self, other: Perms) -> bool {
        self.0 & other.0 == other.0
    }

    /// Whether nothing is allowed.
    #[must_use]
    pub const fn is_none(self) -> bool {
        self.0 == 0
    }

    /// Whether reading is allowed.
    #[must_use]
    pub const fn is_readable(self) -> bool {
        self.contains(Perms::R)
    }

    /// Whether writing is allowed.
    #[must_use]
    pub const fn is_writable(self) -> bool {
        self.contains(Perms::RW)
    }

    /// Whether fetching is allowed.
    #[must_use]
    pub const fn is_executable(self) -> bool {
        self.contains(Perms::RX)
    }
}

/// As `ls -l` writes it: `r-x`.
impl fmt::Display for Perms {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        let bit = |allowed, letter| if allowed { letter } else { "-" };
        write!(
            f,
            "{}{}{}",
            bit(self.is_readable(), "r"),
            bit(self.is_writable(), "w"),
            bit(self.is_executable(), "x")
        )
    }
}

impl fmt::Debug for Perms {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(f, "Perms({self})")
    }
}
