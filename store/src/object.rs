//! What can be stored.

use borsh::{BorshDeserialize, BorshSerialize};

use crate::encoding::{self, EncodingError};
use crate::{ContentId, ObjectKind};

/// A value that is stored and named by its content.
///
/// Every field is part of the encoding, so any change of any field is another object. Types with fields that
/// have several spellings (maps without order, floats) do not belong here; decoding refuses any but
/// the canonical one.
pub trait Object: BorshSerialize + BorshDeserialize {
    /// What it is. Types of different meaning have different kinds.
    const KIND: ObjectKind;

    /// The objects that this one needs to be understood. They stay as long as it does. They must be in the
    /// store when this one is committed, or be committed with it.
    fn references(&self) -> Vec<ContentId> {
        Vec::new()
    }

    /// The canonical encoding.
    ///
    /// # Errors
    ///
    /// [`EncodingError::Unencodable`].
    fn to_bytes(&self) -> Result<Vec<u8>, EncodingError> {
        encoding::encode(self)
    }

    /// The value that these bytes are the canonical encoding of.
    ///
    /// # Errors
    ///
    /// [`EncodingError::Malformed`] if they spell no value, or something follows it;
    /// [`EncodingError::NotCanonical`] if the value is spelt otherwise.
    fn from_bytes(bytes: &[u8]) -> Result<Self, EncodingError> {
        encoding::decode(bytes)
    }

    /// The identifier. Computed each time: it cannot be out of date.
    ///
    /// # Errors
    ///
    /// [`EncodingError::Unencodable`].
    fn content_id(&self) -> Result<ContentId, EncodingError> {
        Ok(ContentId::of(Self::KIND, &self.to_bytes()?))
    }
}
