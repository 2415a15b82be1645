//! The canonical encoding of objects: [borsh](https://borsh.io), with exactly one spelling of each value.

use borsh::{BorshDeserialize, BorshSerialize};

/// Why a value has no canonical encoding, or bytes are none.
#[derive(Clone, Debug, PartialEq, Eq, thiserror::Error)]
#[non_exhaustive]
pub enum EncodingError {
    /// The value cannot be encoded: a collection of more than 2^32 - 1 elements, a float that is no number.
    #[error("the value has no canonical encoding: {0}")]
    Unencodable(String),
    /// The bytes are no encoding of a value of this type.
    #[error("the bytes are no object of this type: {0}")]
    Malformed(String),
    /// The bytes decode to a value that is encoded otherwise.
    #[error("the bytes are not the canonical encoding of the object they spell")]
    NotCanonical,
}

/// The canonical encoding of a value.
pub(crate) fn encode<T: BorshSerialize + ?Sized>(value: &T) -> Result<Vec<u8>, EncodingError> {
    borsh::to_vec(value).map_err(|error| EncodingError::Unencodable(error.to_string()))
}

/// The value that these bytes are the canonical encoding of: all of them, and spelt in no other way.
///
/// # Errors
///
/// [`EncodingError`].
pub fn decode<T: BorshSerialize + BorshDeserialize>(bytes: &[u8]) -> Result<T, EncodingError> {
    let value = T::try_from_slice(bytes).map_err(|error| EncodingError::Malformed(error.to_string()))?;
    match encode(&value)? == bytes {
        true => Ok(value),
        false => Err(EncodingError::NotCanonical),
    }
}
