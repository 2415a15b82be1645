//! Why a snapshot cannot be made, read or resumed.

use std::io;

use causality_abi::{RestoreError, SaveError};
use causality_machine::VmState;
use causality_store::ContentId;

use super::Root;

/// Why a snapshot cannot be made, read or resumed.
#[derive(Debug, thiserror::Error)]
#[non_exhaustive]
pub enum SnapshotError {
    /// The instance has ended, or never began.
    #[error("an instance that is {0:?} has no snapshot")]
    State(VmState),
    /// The host has loaded resource registers: they are also elsewhere, and nobody may use them twice.
    #[error("{0} resource registers were loaded: they cannot be copied")]
    LoadedRegisters(usize),
    /// Functions have been called that have not returned: what waits for them is the embedder's.
    #[error("{0} calls have not returned")]
    Called(usize),
    /// The process cannot be saved.
    #[error(transparent)]
    Save(SaveError),
    /// Reading or writing failed.
    #[error("cannot read or write a snapshot: {0}")]
    Io(io::Error),
    /// The bytes are no snapshot.
    #[error("not a snapshot")]
    Magic,
    /// The bytes are a snapshot of another version.
    #[error("a snapshot of version {0}, and this is version {ours}", ours = super::VERSION)]
    Version(u32),
    /// Bytes are missing at the end.
    #[error("the snapshot is cut off")]
    Truncated,
    /// There are bytes after the end.
    #[error("something follows the snapshot")]
    Trailing,
    /// No snapshot has such contents.
    #[error("no snapshot is like that: {0}")]
    Malformed(&'static str),
    /// The contents are not those that the snapshot says it has.
    #[error("the snapshot says that it is {claimed}, and is {found}")]
    Root {
        /// What it says.
        claimed: Root,
        /// What it is.
        found: Root,
    },
    /// It holds changes of another snapshot only.
    #[error("the snapshot holds changes of the snapshot {0}, which is not the one given")]
    Base(Root),
    /// It holds changes of no snapshot: it is a whole one.
    #[error("a whole snapshot, which has no base")]
    Whole,
    /// The program is another one.
    #[error("a snapshot of the program {snapshot}, not of {given}")]
    Module {
        /// The snapshot's.
        snapshot: ContentId,
        /// The one given.
        given: ContentId,
    },
    /// The engine has another limit.
    #[error("the limit `{name}` is {snapshot} in the snapshot and {engine} in the engine")]
    Limit {
        /// The field of [`Limits`](crate::Limits).
        name: &'static str,
        /// The snapshot's.
        snapshot: u64,
        /// The engine's.
        engine: u64,
    },
    /// Its memory cannot be mapped.
    #[error("the snapshot's memory cannot be mapped: {0}")]
    Memory(String),
    /// A resource register cannot be put into its slot.
    #[error("the resource register in slot {0} cannot be restored")]
    Register(u32),
    /// The process cannot go on here.
    #[error(transparent)]
    Restore(RestoreError),
}

impl From<io::Error> for SnapshotError {
    fn from(error: io::Error) -> Self {
        match error.kind() {
            io::ErrorKind::UnexpectedEof => SnapshotError::Truncated,
            _ => SnapshotError::Io(error),
        }
    }
}
