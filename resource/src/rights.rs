//! A set of rights.

use core::fmt;
use core::str::FromStr;

use borsh::{BorshDeserialize, BorshSerialize};

use crate::Right;

/// A set of [`Right`]s. Only bits that mean something are ever set.
///
/// ```
/// use causality_resource::{Right, Rights};
///
/// let rights: Rights = "read,consume".parse()?;
/// assert!(rights.has(Right::Consume) && !rights.has(Right::Update));
/// # Ok::<(), causality_resource::ParseRightsError>(())
/// ```
#[derive(Clone, Copy, Default, PartialEq, Eq, Hash, PartialOrd, Ord, BorshSerialize)]
pub struct Rights(u16);

impl Rights {
    /// No right.
    pub const NONE: Rights = Rights(0);
    /// Every right there is.
    pub const ALL: Rights = Rights((1 << Right::ALL.len()) - 1);

    /// The set with these bits, if each of them is a right.
    #[must_use]
    pub const fn from_bits(bits: u16) -> Option<Self> {
        if bits & !Self::ALL.0 == 0 { Some(Rights(bits)) } else { None }
    }

    /// The bits: those of [`Right::bit`].
    #[must_use]
    pub const fn bits(self) -> u16 {
        self.0
    }

    /// The bits of the rights that a slot of the register file knows.
    #[must_use]
    pub const fn slot_bits(self) -> u8 {
        (self.0 & 0xff) as u8
    }

    /// Whether the set contains this right.
    #[must_use]
    pub const fn has(self, right: Right) -> bool {
        self.0 & right.bit() != 0
    }

    /// Whether all of these rights are in `other` too.
    #[must_use]
    pub const fn is_subset_of(self, other: Rights) -> bool {
        self.0 & !other.0 == 0
    }

    /// What is in both sets.
    #[must_use]
    pub const fn and(self, other: Rights) -> Rights {
        Rights(self.0 & other.0)
    }

    /// This set and one right more.
    #[must_use]
    pub const fn with(self, right: Right) -> Rights {
        Rights(self.0 | right.bit())
    }

    /// This set less one right.
    #[must_use]
    pub const fn without(self, right: Right) -> Rights {
        Rights(self.0 & !right.bit())
    }

    /// Whether there is nothing in it.
    #[must_use]
    pub const fn is_empty(self) -> bool {
        self.0 == 0
    }

    /// The rights in it, in the order of their bits.
    pub fn iter(self) -> impl Iterator<Item = Right> {
        Right::ALL.into_iter().filter(move |right| self.has(*right))
    }
}

impl BorshDeserialize for Rights {
    fn deserialize_reader<R: borsh::io::Read>(reader: &mut R) -> borsh::io::Result<Self> {
        let unknown = || borsh::io::Error::new(borsh::io::ErrorKind::InvalidData, "unknown rights");
        Rights::from_bits(u16::deserialize_reader(reader)?).ok_or_else(unknown)
    }
}

impl FromIterator<Right> for Rights {
    fn from_iter<I: IntoIterator<Item = Right>>(rights: I) -> Self {
        rights.into_iter().fold(Rights::NONE, Rights::with)
    }
}

impl fmt::Display for Rights {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        if self.is_empty() {
            return f.write_str("none");
        }
        for (index, right) in self.iter().enumerate() {
            write!(f, "{}{right}", if index == 0 { "" } else { "," })?;
        }
        Ok(())
    }
}

impl fmt::Debug for Rights {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(f, "Rights({self})")
    }
}

/// A word is not the name of a right.
#[derive(Clone, Debug, PartialEq, Eq, thiserror::Error)]
#[error("`{0}` is not a right; there are {all}", all = Rights::ALL)]
pub struct ParseRightsError(pub String);

impl FromStr for Rights {
    type Err = ParseRightsError;

    /// Names between commas; `all` and `none` are what they say.
    fn from_str(text: &str) -> Result<Self, Self::Err> {
        match text {
            "all" => return Ok(Rights::ALL),
            "none" => return Ok(Rights::NONE),
            _ => {}
        }
        let named = |word: &str| {
            let right = Right::ALL.into_iter().find(|right| right.name() == word);
            right.ok_or_else(|| ParseRightsError(word.to_owned()))
        };
        text.split(',').map(|word| named(word.trim())).collect()
    }
}
