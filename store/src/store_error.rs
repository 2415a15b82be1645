//! Why the store could not do what was asked.

use std::io;

use crate::{ContentId, EncodingError, ObjectKind};

/// Failure of a store, or bytes that are not what they are said to be.
#[derive(Debug, thiserror::Error)]
#[non_exhaustive]
pub enum StoreError {
    /// There is no such object.
    #[error("{0} is not in the store")]
    Missing(ContentId),
    /// The object is of another kind than was asked for.
    #[error("{id} is a {found}, not a {expected}")]
    WrongKind {
        /// The object.
        id: ContentId,
        /// What was asked for.
        expected: ObjectKind,
        /// What it is.
        found: ObjectKind,
    },
    /// The bytes that are stored under an identifier do not have it.
    #[error("the bytes stored under {0} are others: their hash differs")]
    HashMismatch(ContentId),
    /// The object is not the encoding of a value of the type that was asked for.
    #[error(transparent)]
    Encoding(#[from] EncodingError),
    /// The object has more bytes than fit in memory, or than were asked for.
    #[error("{id} has {length} bytes: too many to read at once")]
    TooLarge {
        /// The object.
        id: ContentId,
        /// Its length.
        length: u64,
    },
    /// There is no store in this directory.
    #[error("there is no store in {0}")]
    NoStore(std::path::PathBuf),
    /// The store was made by a later version of this program.
    #[error("the store has format {0}, which this program does not know")]
    Format(u64),
    /// The object is in an object store, and the store was opened without one.
    #[error("{0} is in an object store, and none was given")]
    NoObjectStore(ContentId),
    /// Another process uses the store in a way that excludes this one: another version of this program.
    #[error("the store is in use by a process that does not share it")]
    Busy,
    /// Another collection is under way.
    #[error("another collection is under way")]
    Collecting,
    /// What a change of the state leads to cannot be shown. This is an error of this program.
    #[error("no proof can be made of a change of the state: {0}")]
    Proof(String),
    /// What the database says makes no sense.
    #[error("the store is damaged: {0}")]
    Corrupt(String),
    /// The host failed.
    #[error("the store cannot be used: {0}")]
    Io(#[from] io::Error),
    /// The database failed.
    #[error("the store's database failed: {0}")]
    Database(String),
}

impl StoreError {
    /// Whether the object that was asked for is not there, or another one; the store itself may be well.
    #[must_use]
    pub const fn is_about_object(&self) -> bool {
        matches!(
            self,
            StoreError::Missing(_)
                | StoreError::WrongKind { .. }
                | StoreError::Encoding(_)
                | StoreError::TooLarge { .. }
        )
    }
}

impl From<redb::Error> for StoreError {
    fn from(error: redb::Error) -> Self {
        match error {
            redb::Error::Corrupted(what) => StoreError::Corrupt(what),
            redb::Error::Io(error) if error.kind() == io::ErrorKind::InvalidData => {
                StoreError::Corrupt(error.to_string())
            }
            redb::Error::Io(error) => StoreError::Io(error),
            redb::Error::DatabaseAlreadyOpen | redb::Error::LockProtocolMismatch => StoreError::Busy,
            error @ (redb::Error::TableTypeMismatch { .. }
            | redb::Error::TableDoesNotExist(_)
            | redb::Error::TableIsMultimap(_)
            | redb::Error::TypeDefinitionChanged { .. }
            | redb::Error::RepairAborted
            | redb::Error::UpgradeRequired(_)) => StoreError::Corrupt(error.to_string()),
            error => StoreError::Database(error.to_string()),
        }
    }
}

/// The errors of the database's parts.
macro_rules! from_parts {
    ($($part:ident)*) => {
        $(impl From<redb::$part> for StoreError {
            fn from(error: redb::$part) -> Self {
                redb::Error::from(error).into()
            }
        })*
    };
}
from_parts!(DatabaseError TransactionError TableError StorageError CommitError CompactionError);

/// What reading an object as a stream fails with.
impl From<StoreError> for io::Error {
    fn from(error: StoreError) -> Self {
        let kind = match &error {
            StoreError::Io(error) => error.kind(),
            StoreError::Missing(_) | StoreError::NoStore(_) => io::ErrorKind::NotFound,
            StoreError::HashMismatch(_) | StoreError::Corrupt(_) => io::ErrorKind::InvalidData,
            _ => io::ErrorKind::Other,
        };
        io::Error::new(kind, error)
    }
}
