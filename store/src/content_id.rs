//! The identifier of an object: BLAKE3 of its bytes, under a key derived from its kind.

use core::fmt;
use core::str::FromStr;

use borsh::{BorshDeserialize, BorshSerialize};
use serde::{Deserialize, Deserializer, Serialize, Serializer};

use crate::ObjectKind;
use crate::hexadecimal::{self, ParseHexError};

/// Name of an object by its content.
///
/// Written as `blake3:` and 64 lower-case hexadecimal digits, in text and in serde's formats alike; as its 32
/// bytes in the canonical encoding of objects.
///
/// ```
/// use causality_store::{ContentId, ObjectKind};
///
/// let id = ContentId::of(ObjectKind::Program, b"some bytes");
/// assert_eq!(id.to_string().parse(), Ok(id));
/// ```
#[derive(Clone, Copy, PartialEq, Eq, Hash, PartialOrd, Ord, BorshSerialize, BorshDeserialize)]
pub struct ContentId([u8; 32]);

impl ContentId {
    /// What the text form begins with.
    pub const PREFIX: &'static str = "blake3:";

    /// The identifier of `bytes` as an object of this kind.
    #[must_use]
    pub fn of(kind: ObjectKind, bytes: &[u8]) -> Self {
        let mut hasher = blake3::Hasher::new_derive_key(kind.context());
        hasher.update(bytes);
        ContentId(*hasher.finalize().as_bytes())
    }

    /// The identifier that these bytes spell. Whether an object has it is another question.
    #[must_use]
    pub const fn from_bytes(bytes: [u8; 32]) -> Self {
        ContentId(bytes)
    }

    /// The 32 bytes of the hash.
    #[must_use]
    pub const fn as_bytes(&self) -> &[u8; 32] {
        &self.0
    }
}

impl fmt::Display for ContentId {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str(Self::PREFIX)?;
        hexadecimal::write(f, &self.0)
    }
}

impl fmt::Debug for ContentId {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(f, "ContentId({self})")
    }
}

/// Why a text is not a [`ContentId`].
#[derive(Clone, Copy, Debug, PartialEq, Eq, thiserror::Error)]
#[non_exhaustive]
pub enum ParseContentIdError {
    /// The prefix is missing.
    #[error("a content id begins with `{}`", ContentId::PREFIX)]
    Prefix,
    /// Not 64 digits.
    #[error("a content id has 64 hexadecimal digits, not {0}")]
    Length(usize),
    /// Something else than `0-9a-f`.
    #[error("a content id has lower-case hexadecimal digits only")]
    Digit,
}

impl FromStr for ContentId {
    type Err = ParseContentIdError;

    fn from_str(text: &str) -> Result<Self, Self::Err> {
        let digits = text.strip_prefix(Self::PREFIX).ok_or(ParseContentIdError::Prefix)?;
        hexadecimal::parse(digits).map(ContentId).map_err(|error| match error {
            ParseHexError::Length(length) => ParseContentIdError::Length(length),
            ParseHexError::Digit => ParseContentIdError::Digit,
        })
    }
}

impl Serialize for ContentId {
    fn serialize<S: Serializer>(&self, serializer: S) -> Result<S::Ok, S::Error> {
        serializer.collect_str(self)
    }
}

impl<'de> Deserialize<'de> for ContentId {
    fn deserialize<D: Deserializer<'de>>(deserializer: D) -> Result<Self, D::Error> {
        let text: std::borrow::Cow<'de, str> = Deserialize::deserialize(deserializer)?;
        text.parse().map_err(serde::de::Error::custom)
    }
}
