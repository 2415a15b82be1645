//! What commands print on stdout: for people, or as JSON.

use std::io::{self, Write};

use serde_json::Value;

use crate::failure::Failure;

/// Prints one or the other. That nobody reads it is no failure.
pub(crate) fn print(is_json: bool, json: &Value, text: &str) -> Result<u8, Failure> {
    let json = if is_json { format!("{json:#}\n") } else { String::new() };
    let bytes = if is_json { &json } else { text };
    match io::stdout().write_all(bytes.as_bytes()).and_then(|()| io::stdout().flush()) {
        Err(error) if error.kind() != io::ErrorKind::BrokenPipe => Err(Failure::new(error)),
        _ => Ok(0),
    }
}

/// Something and how many of it; nothing if there is none.
pub(crate) fn count(what: &str, number: usize) -> Option<String> {
    (number > 0).then(|| format!("{what} {number}"))
}
