//! What a guest may do with a page.

use core::fmt;

/// Read, write and execute permission. Both write and execute imply read.
///
/// ```
/// use causality_machine::memory::Perms;
///
/// assert!(Perms::RW.contains(Perms::R) && !Perms::RW.is_executable());
/// assert_eq!(Perms::new(false, false, true), Perms::RX);
/// assert_eq!(Perms::RX.to_string(), "r-x");
/// ```
#[derive(Clone, Copy, PartialEq, Eq, Hash, Default)]
#[repr(transparent)]
pub struct Perms(u8);

impl Perms {
    /// Set in [`Perms::bits`] if reading is allowed.
    pub const READ_BIT: u8 = 1;
    /// Set in [`Perms::bits`] if writing is allowed; never without [`Perms::READ_BIT`].
    pub const WRITE_BIT: u8 = 2;
    /// Set in [`Perms::bits`] if fetching is allowed; never without [`Perms::READ_BIT`].
    pub const EXECUTE_BIT: u8 = 4;

    /// Nothing.
    pub const NONE: Perms = Perms(0);
    /// Read.
    pub const R: Perms = Perms(Self::READ_BIT);
    /// Write, and so read.
    pub const RW: Perms = Perms(Self::READ_BIT | Self::WRITE_BIT);
    /// Execute, and so read.
    pub const RX: Perms = Perms(Self::READ_BIT | Self::EXECUTE_BIT);
    /// Everything; only where [`Limits::allow_writable_code`](crate::Limits) says so.
    pub const RWX: Perms = Perms(Self::RW.0 | Self::RX.0);

    /// From three flags; write and execute imply read.
    #[must_use]
    pub const fn new(read: bool, write: bool, execute: bool) -> Self {
        let bits = (read as u8 * Self::R.0) | (write as u8 * Self::RW.0) | (execute as u8 * Self::RX.0);
        Perms(bits)
    }

    /// As a byte of the page table: [`Perms::READ_BIT`], [`Perms::WRITE_BIT`], [`Perms::EXECUTE_BIT`].
    /// Generated code tests them.
    #[inline(always)]
    #[must_use]
    pub const fn bits(self) -> u8 {
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
