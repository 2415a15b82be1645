//! What a hash is for.

use core::fmt;

/// Bytes of a tag: four elements of three.
const BYTES: usize = 12;

/// A tag of one to twelve printable ASCII characters that is hashed along: the same bytes in two domains
/// have unrelated hashes.
#[derive(Clone, Copy, PartialEq, Eq, Hash, PartialOrd, Ord)]
pub struct Domain([u8; BYTES]);

/// The text is empty, longer than twelve bytes, or not printable ASCII.
#[derive(Clone, Copy, Debug, PartialEq, Eq, thiserror::Error)]
#[error("a domain is one to twelve printable ASCII characters")]
pub struct InvalidDomain;

impl Domain {
    /// Objects: what guests ask for.
    pub const OBJECT: Domain = Domain(*b"object\0\0\0\0\0\0");

    /// The domain with this tag.
    ///
    /// # Errors
    /// [`InvalidDomain`].
    pub const fn new(tag: &str) -> Result<Self, InvalidDomain> {
        let tag = tag.as_bytes();
        if tag.is_empty() || tag.len() > BYTES {
            return Err(InvalidDomain);
        }
        let mut bytes = [0; BYTES];
        let mut i = 0;
        while i < tag.len() {
            if !tag[i].is_ascii_graphic() && tag[i] != b' ' {
                return Err(InvalidDomain);
            }
            bytes[i] = tag[i];
            i += 1;
        }
        Ok(Domain(bytes))
    }

    /// The tag.
    #[must_use]
    pub fn tag(&self) -> &str {
        let end = self.0.iter().position(|&byte| byte == 0).unwrap_or(BYTES);
        core::str::from_utf8(&self.0[..end]).unwrap_or_default()
    }

    /// The tag, with zeros after it.
    pub(super) const fn padded(&self) -> &[u8; BYTES] {
        &self.0
    }
}

/// [`Domain::OBJECT`].
impl Default for Domain {
    fn default() -> Self {
        Domain::OBJECT
    }
}

impl fmt::Debug for Domain {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(f, "Domain({:?})", self.tag())
    }
}
