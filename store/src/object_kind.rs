//! What the bytes behind an identifier are.

use core::fmt;
use core::str::FromStr;

/// The kind of an object. It is hashed along with the bytes: the same bytes as two kinds of object
/// have two identifiers, so that one can never pass for the other.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Hash, PartialOrd, Ord)]
#[non_exhaustive]
pub enum ObjectKind {
    /// An executable file, byte for byte. What governs a resource, its logic, is one too.
    Program,
    /// Bytes without a meaning of their own: inputs, metadata, archives.
    Blob,
    /// A resource register: contents that are used once.
    Register,
    /// What the state says of a register: where it is in its life.
    RegisterEntry,
    /// The record of a run: what it read, consumed, created and committed.
    Record,
    /// What a guest published during a run.
    Journal,
    /// The frozen view of time that a run had.
    TimeContext,
    /// A capability: who may do what to which register.
    Capability,
    /// A batch of hashes that were requested during a run and computed after it.
    HashBatch,
    /// An argument that can be checked without repeating what it is about.
    Proof,
}

/// Kind, name, code in the database, context of key derivation.
type Row = (ObjectKind, &'static str, u8, &'static str);

/// Never change a context or a code: identifiers and databases outlive this program.
const TABLE: [Row; 10] = [
    (ObjectKind::Program, "program", 0, "causality-vm 2026-11-22 content id v1: program"),
    (ObjectKind::Blob, "blob", 1, "causality-vm 2026-11-22 content id v1: blob"),
    (ObjectKind::Register, "register", 2, "causality-vm 2026-11-22 content id v1: register"),
    (ObjectKind::RegisterEntry, "register-entry", 3, "causality-vm 2026-11-22 content id v1: register-entry"),
    (ObjectKind::Record, "record", 4, "causality-vm 2026-11-22 content id v1: record"),
    (ObjectKind::Journal, "journal", 5, "causality-vm 2026-11-22 content id v1: journal"),
    (ObjectKind::TimeContext, "time-context", 6, "causality-vm 2026-11-22 content id v1: time-context"),
    (ObjectKind::Capability, "capability", 7, "causality-vm 2026-11-22 content id v1: capability"),
    (ObjectKind::HashBatch, "hash-batch", 8, "causality-vm 2026-11-22 content id v1: hash-batch"),
    (ObjectKind::Proof, "proof", 9, "causality-vm 2026-11-22 content id v1: proof"),
];

impl ObjectKind {
    /// All kinds.
    pub const ALL: [ObjectKind; TABLE.len()] = {
        let mut all = [ObjectKind::Program; TABLE.len()];
        let mut at = 0;
        while at < TABLE.len() {
            assert!(TABLE[at].0 as usize == at && TABLE[at].2 as usize == at, "rows are in order");
            all[at] = TABLE[at].0;
            at += 1;
        }
        all
    };

    /// The BLAKE3 key derivation context of this kind.
    #[must_use]
    pub const fn context(self) -> &'static str {
        TABLE[self as usize].3
    }

    /// The name of this kind, as [`FromStr`] reads it.
    #[must_use]
    pub const fn name(self) -> &'static str {
        TABLE[self as usize].1
    }

    /// How the database writes it.
    pub(crate) const fn code(self) -> u8 {
        TABLE[self as usize].2
    }

    /// The kind that the database wrote so.
    pub(crate) fn from_code(code: u8) -> Option<Self> {
        TABLE.iter().find(|row| row.2 == code).map(|row| row.0)
    }
}

impl fmt::Display for ObjectKind {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.pad(self.name())
    }
}

impl FromStr for ObjectKind {
    type Err = String;

    fn from_str(text: &str) -> Result<Self, String> {
        let row = TABLE.iter().find(|row| row.1 == text);
        row.map(|row| row.0).ok_or_else(|| {
            let names: Vec<_> = TABLE.iter().map(|row| row.1).collect();
            format!("no kind of object; kinds are {}", names.join(", "))
        })
    }
}
