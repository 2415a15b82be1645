//! Files with capabilities: one line that begins with `cap1:`.

use std::fs::File;
use std::io::Read;
use std::path::Path;

use causality_vm::resource::{Capability, VerifiedCapability};
use serde_json::Value;

use crate::failure::Failure;
use crate::printing;

/// More than the text of any capability.
const LONGEST: u64 = 64 << 10;

/// The capability in a file, and what it says. Its signatures have been verified.
pub(crate) fn read(path: &Path) -> Result<(Capability, VerifiedCapability), Failure> {
    let named = |error: &dyn std::fmt::Display| Failure::new(format!("{}: {error}", path.display()));
    let mut bytes = Vec::new();
    let read = File::open(path).and_then(|file| file.take(LONGEST).read_to_end(&mut bytes));
    read.map_err(|error| named(&error))?;
    let capability: Capability = String::from_utf8_lossy(&bytes).parse().map_err(|error| named(&error))?;
    let verified = capability.verify().map_err(|error| named(&error))?;
    Ok((capability, verified))
}

/// All of them, in order.
pub(crate) fn read_all(paths: &[impl AsRef<Path>]) -> Result<Vec<Capability>, Failure> {
    paths.iter().map(|path| read(path.as_ref()).map(|(capability, _)| capability)).collect()
}

/// Writes it to a file, or to stdout.
pub(crate) fn write(capability: &Capability, output: Option<&Path>) -> Result<u8, Failure> {
    let text = format!("{capability}\n");
    let Some(path) = output else {
        return printing::print(false, &Value::Null, &text);
    };
    let written = std::fs::write(path, text);
    written.map_err(|error| Failure::new(format!("cannot write {}: {error}", path.display())))?;
    Ok(0)
}
