//! What comes out.

use core::fmt;

use borsh::{BorshDeserialize, BorshSerialize, io};

/// The order of the field.
pub(super) const PRIME: u32 = 0x7f00_0001;

/// Output of [`Poseidon2`](super::Poseidon2): eight field elements, four bytes each, little-endian.
///
/// Every element is below the prime, so that a hash has one spelling.
#[derive(Clone, Copy, PartialEq, Eq, Hash, PartialOrd, Ord, BorshSerialize)]
pub struct Poseidon2Hash([u8; 32]);

/// An element of what should be a hash is not below the prime.
#[derive(Clone, Copy, Debug, PartialEq, Eq, thiserror::Error)]
#[error("element {0} of the hash is not below the prime")]
pub struct NotCanonical(pub usize);

impl Poseidon2Hash {
    pub(super) fn from_elements(elements: [u32; 8]) -> Self {
        let mut bytes = [0; 32];
        for (four, element) in bytes.chunks_exact_mut(4).zip(elements) {
            four.copy_from_slice(&element.to_le_bytes());
        }
        Poseidon2Hash(bytes)
    }

    /// The hash that these bytes spell. Whether anything has it is another question.
    ///
    /// # Errors
    /// [`NotCanonical`].
    pub fn from_bytes(bytes: [u8; 32]) -> Result<Self, NotCanonical> {
        let hash = Poseidon2Hash(bytes);
        match hash.elements().iter().position(|&element| element >= PRIME) {
            Some(index) => Err(NotCanonical(index)),
            None => Ok(hash),
        }
    }

    /// The 32 bytes.
    #[must_use]
    pub const fn as_bytes(&self) -> &[u8; 32] {
        &self.0
    }

    /// The eight elements, each below the prime.
    #[must_use]
    pub fn elements(&self) -> [u32; 8] {
        core::array::from_fn(|i| {
            let at = 4 * i;
            u32::from_le_bytes([self.0[at], self.0[at + 1], self.0[at + 2], self.0[at + 3]])
        })
    }
}

impl fmt::Display for Poseidon2Hash {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str("poseidon2:")?;
        self.0.iter().try_for_each(|byte| write!(f, "{byte:02x}"))
    }
}

impl fmt::Debug for Poseidon2Hash {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(f, "Poseidon2Hash({self})")
    }
}

impl BorshDeserialize for Poseidon2Hash {
    fn deserialize_reader<R: io::Read>(reader: &mut R) -> io::Result<Self> {
        let bytes = <[u8; 32]>::deserialize_reader(reader)?;
        Self::from_bytes(bytes).map_err(|error| io::Error::new(io::ErrorKind::InvalidData, error))
    }
}
