//! Bytes without a meaning of their own.

use borsh::{BorshDeserialize, BorshSerialize};

use crate::{EncodingError, Object, ObjectKind};

/// Bytes, stored as they are. Large ones are better streamed: [`Store::stage`](crate::Store::stage).
#[derive(Clone, Debug, Default, PartialEq, Eq, Hash, PartialOrd, Ord, BorshSerialize, BorshDeserialize)]
pub struct Blob(Vec<u8>);

impl Blob {
    /// These bytes.
    #[must_use]
    pub const fn new(bytes: Vec<u8>) -> Self {
        Blob(bytes)
    }

    /// The bytes.
    #[must_use]
    pub fn as_slice(&self) -> &[u8] {
        &self.0
    }

    /// The bytes.
    #[must_use]
    pub fn into_vec(self) -> Vec<u8> {
        self.0
    }
}

impl<T: AsRef<[u8]> + ?Sized> From<&T> for Blob {
    fn from(bytes: &T) -> Self {
        Blob(bytes.as_ref().to_vec())
    }
}

/// The encoding of a blob is its bytes, without a length before them.
impl Object for Blob {
    const KIND: ObjectKind = ObjectKind::Blob;

    fn to_bytes(&self) -> Result<Vec<u8>, EncodingError> {
        Ok(self.0.clone())
    }

    fn from_bytes(bytes: &[u8]) -> Result<Self, EncodingError> {
        Ok(Blob(bytes.to_vec()))
    }
}
