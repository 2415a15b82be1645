//! Where large objects are if not in the database.

use std::fmt::Debug;

use crate::StoreError;

/// A place for bytes under numbers, which are never used twice.
pub(crate) trait Bulk: Debug + Send + Sync {
    /// Starts an upload.
    fn begin(&self, upload: u64) -> Result<Box<dyn BulkWriter>, StoreError>;

    /// `length` bytes from `offset`.
    fn read(&self, upload: u64, offset: u64, length: u64) -> Result<Vec<u8>, StoreError>;

    /// Removes an upload, finished or not. Nothing to remove is no failure.
    fn delete(&self, upload: u64) -> Result<(), StoreError>;
}

/// An upload under way.
pub(crate) trait BulkWriter {
    /// Appends bytes.
    fn write(&mut self, bytes: Vec<u8>) -> Result<(), StoreError>;

    /// Makes them readable, and durable as far as the place can tell.
    fn finish(self: Box<Self>) -> Result<(), StoreError>;
}
