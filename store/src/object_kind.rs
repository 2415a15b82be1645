//! What the bytes behind an identifier are.

/// The kind of an object. It is hashed along with the bytes: the same bytes as two kinds of object
/// have two identifiers, so that one can never pass for the other.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Hash, PartialOrd, Ord)]
#[non_exhaustive]
pub enum ObjectKind {
    /// An executable file, byte for byte.
    Program,
}

impl ObjectKind {
    /// All kinds.
    pub const ALL: [ObjectKind; 1] = [ObjectKind::Program];

    /// The BLAKE3 key derivation context of this kind. Never change one: identifiers are stored.
    #[must_use]
    pub const fn context(self) -> &'static str {
        match self {
            ObjectKind::Program => "causality-vm 2026-11-22 content id v1: program",
        }
    }
}
