//! Files with records: their canonical bytes.

use std::fs::File;
use std::io::Read;
use std::path::Path;

use causality_store::{ContentId, Object, Snapshot, StoreError};
use causality_vm::resource::Record;

use crate::failure::Failure;

/// The most bytes of a record that is read from a file.
const LONGEST: u64 = 256 << 20;

/// The record in a file. If its bytes are none, the error names the field where that shows.
pub(crate) fn read(path: &Path) -> Result<Record, Failure> {
    let named = |error: &dyn std::fmt::Display| Failure::new(format!("{}: {error}", path.display()));
    let mut bytes = Vec::new();
    let read = File::open(path).and_then(|file| file.take(LONGEST + 1).read_to_end(&mut bytes));
    read.map_err(|error| named(&error))?;
    if bytes.len() as u64 > LONGEST {
        return Err(named(&"this is too large for a record"));
    }
    Record::from_bytes(&bytes).map_err(|error| named(&error))
}

/// A record of the store, unless it is of a version that this program does not know.
pub(crate) fn in_store(snapshot: &Snapshot, id: ContentId) -> Result<Option<Record>, Failure> {
    match snapshot.get(id) {
        Ok(record) => Ok(Some(record)),
        Err(StoreError::Encoding(_)) => Ok(None),
        Err(error) => Err(Failure::new(error)),
    }
}

/// Writes a record to a file, if there is to be one.
pub(crate) fn write(record: &Record, path: Option<&Path>) -> Result<(), Failure> {
    let Some(path) = path else {
        return Ok(());
    };
    let bytes = record.to_bytes().map_err(Failure::new)?;
    let written = std::fs::write(path, bytes);
    written.map_err(|error| Failure::new(format!("cannot write the record to {}: {error}", path.display())))
}
