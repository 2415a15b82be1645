//! What a guest may do with a page.

use core::fmt;
use core::ops::Range;

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

    /// Set in an entry of the page table if that page and the next one may both be read.
    pub const READ_PAIR_BIT: u8 = Self::READ_BIT << Self::PAIR;
    /// Set in an entry of the page table if that page and the next one may both be written.
    pub const WRITE_PAIR_BIT: u8 = Self::WRITE_BIT << Self::PAIR;
    /// How far the bits of pairs are from those of pages.
    const PAIR: u32 = 3;

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

    /// [`Perms::READ_BIT`], [`Perms::WRITE_BIT`], [`Perms::EXECUTE_BIT`], as in an entry of the page table. Generated code
    /// tests them.
    #[inline(always)]
    #[must_use]
    pub const fn bits(self) -> u8 {
        self.0
    }

    /// What an entry of the page table says about its page.
    #[inline(always)]
    pub(super) const fn of_entry(entry: u8) -> Self {
        Perms(entry & Self::RWX.0)
    }

    /// The entry of a page in front of one with the permissions `next`.
    const fn entry(self, next: Perms) -> u8 {
        self.0 | (self.0 & next.0 & Self::RW.0) << Self::PAIR
    }

    /// Writes the entries of `pages`, and the one in front of them, which says something about the first.
    pub(super) fn write(self, table: &mut [u8], pages: Range<usize>) {
        let next =
            |table: &[u8], page: usize| table.get(page + 1).map_or(Perms::NONE, |&e| Perms::of_entry(e));
        table[pages.clone()].fill(self.entry(self));
        for page in [pages.end.checked_sub(1), pages.start.checked_sub(1)].into_iter().flatten() {
            table[page] = Perms::of_entry(table[page]).entry(next(table, page));
        }
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
