//! A program as bytes.

use core::fmt;
use std::sync::Arc;

use causality_store::{ContentId, ObjectKind};

/// The bytes of an ELF executable, with their identifier. Cheap to clone: many tasks share one. Nothing of it has been checked
/// before it is run.
///
/// ```
/// use causality_vm::{ContentId, Executable, ObjectKind};
///
/// let elf = std::fs::read("examples/hello.elf")?;
/// let program = Executable::new(elf.clone());
/// assert_eq!(program.id(), ContentId::of(ObjectKind::Program, &elf));
/// assert_eq!(program.bytes(), elf);
/// # Ok::<(), std::io::Error>(())
/// ```
#[derive(Clone, PartialEq, Eq)]
pub struct Executable {
    id: ContentId,
    bytes: Arc<[u8]>,
}

impl Executable {
    /// These bytes.
    #[must_use]
    pub fn new(bytes: impl Into<Arc<[u8]>>) -> Self {
        let bytes = bytes.into();
        Executable { id: ContentId::of(ObjectKind::Program, &bytes), bytes }
    }

    /// The identifier of the program.
    #[must_use]
    pub const fn id(&self) -> ContentId {
        self.id
    }

    /// The bytes.
    #[must_use]
    pub fn bytes(&self) -> &[u8] {
        &self.bytes
    }
}

impl From<Vec<u8>> for Executable {
    fn from(bytes: Vec<u8>) -> Self {
        Executable::new(bytes)
    }
}

impl From<&[u8]> for Executable {
    fn from(bytes: &[u8]) -> Self {
        Executable::new(bytes)
    }
}

impl fmt::Debug for Executable {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(f, "Executable({}, {} bytes)", self.id, self.bytes.len())
    }
}
