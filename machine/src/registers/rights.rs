//! What a guest may do with a register.

use core::fmt;

/// A set of rights.
#[derive(Clone, Copy, PartialEq, Eq, Hash, Default)]
pub struct Rights(u8);

impl Rights {
    /// None.
    pub const NONE: Self = Self(0);
    /// To read its bytes.
    pub const READ: Self = Self(1);
    /// To write its bytes while it is being built.
    pub const WRITE: Self = Self(1 << 1);
    /// To consume it.
    pub const CONSUME: Self = Self(1 << 2);
    /// To replace it by a successor.
    pub const UPDATE: Self = Self(1 << 3);
    /// To give it to another controller.
    pub const TRANSFER: Self = Self(1 << 4);
    /// To lock and unlock it.
    pub const LOCK: Self = Self(1 << 5);
    /// To freeze and unfreeze it.
    pub const FREEZE: Self = Self(1 << 6);
    /// To pass rights on.
    pub const DELEGATE: Self = Self(1 << 7);
    /// All: what the creator of a register has.
    pub const ALL: Self = Self(u8::MAX);

    /// Their names, from the lowest bit.
    const NAMES: [&'static str; 8] =
        ["read", "write", "consume", "update", "transfer", "lock", "freeze", "delegate"];

    /// The rights with these bits.
    #[must_use]
    pub const fn from_bits(bits: u8) -> Self {
        Self(bits)
    }

    /// One bit for each.
    #[must_use]
    pub const fn bits(self) -> u8 {
        self.0
    }

    /// What either set has.
    #[must_use]
    pub const fn union(self, other: Self) -> Self {
        Self(self.0 | other.0)
    }

    /// What both sets have.
    #[must_use]
    pub const fn intersection(self, other: Self) -> Self {
        Self(self.0 & other.0)
    }

    /// This set without the other.
    #[must_use]
    pub const fn without(self, other: Self) -> Self {
        Self(self.0 & !other.0)
    }

    /// Whether all of `other` are in this set.
    #[must_use]
    pub const fn contains(self, other: Self) -> bool {
        self.0 & other.0 == other.0
    }
}

impl fmt::Display for Rights {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        let names: Vec<_> = Self::NAMES
            .iter()
            .enumerate()
            .filter(|(i, _)| self.0 >> i & 1 != 0)
            .map(|(_, name)| *name)
            .collect();
        f.pad(&if names.is_empty() { "none".to_owned() } else { names.join(" ") })
    }
}

impl fmt::Debug for Rights {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(f, "Rights({self})")
    }
}
