//! Files with secret keys: `ed25519-secret:` and 64 hexadecimal digits, for nobody else to read.

use std::fs::{File, OpenOptions};
use std::io::{self, Read, Write};
use std::os::unix::fs::{OpenOptionsExt, PermissionsExt};
use std::path::Path;

use causality_vm::resource::KeyPair;

use crate::failure::Failure;

const PREFIX: &str = "ed25519-secret:";
/// Longer than any key file.
const LONGEST: u64 = 256;
const OWNER_ONLY: u32 = 0o600;

/// Writes a secret to a file that was not there before.
pub(crate) fn create(path: &Path, key: &KeyPair) -> Result<(), Failure> {
    let opened = OpenOptions::new().write(true).create_new(true).mode(OWNER_ONLY).open(path);
    let digits: String = key.secret().iter().map(|byte| format!("{byte:02x}")).collect();
    let written = opened.and_then(|mut file| {
        let text = format!("{PREFIX}{digits}\n");
        file.write_all(text.as_bytes()).and_then(|()| file.sync_all()).inspect_err(|_| {
            // Half a key is none.
            let _ = std::fs::remove_file(path);
        })
    });
    written.map_err(|error| match error.kind() {
        io::ErrorKind::AlreadyExists => {
            Failure::new(format!("{} is there already, and may be a key in use", path.display()))
        }
        _ => Failure::new(format!("cannot create {}: {error}", path.display())),
    })
}

/// The key in a file. Warns if others can read it.
pub(crate) fn read(path: &Path) -> Result<KeyPair, Failure> {
    let named = |error: &dyn std::fmt::Display| Failure::new(format!("{}: {error}", path.display()));
    let file = File::open(path).map_err(|error| named(&error))?;
    let mode = file.metadata().map_err(|error| named(&error))?.permissions().mode();
    if mode & 0o077 != 0 {
        tracing::warn!("others can read the secret key in {}", path.display());
    }
    let mut text = String::new();
    file.take(LONGEST).read_to_string(&mut text).map_err(|error| named(&error))?;
    let secret = text.trim().strip_prefix(PREFIX).and_then(bytes);
    let secret = secret.ok_or_else(|| named(&"this is no secret key; `causality-vm key new` makes one"))?;
    KeyPair::from_secret(&secret).map_err(|error| named(&error))
}

fn bytes(digits: &str) -> Option<[u8; 32]> {
    let is_hex = digits.len() == 64 && digits.bytes().all(|digit| digit.is_ascii_hexdigit());
    let mut bytes = [0; 32];
    for (byte, at) in bytes.iter_mut().zip((0..64).step_by(2)) {
        *byte = u8::from_str_radix(digits.get(at..at + 2)?, 16).ok()?;
    }
    is_hex.then_some(bytes)
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn secrets_are_digits_and_nothing_else() {
        assert_eq!(bytes(&"0f".repeat(32)), Some([15; 32]));
        for text in ["", "0f", &"+f".repeat(32), &"0g".repeat(32), &"ä".repeat(32)] {
            assert_eq!(bytes(text), None, "{text}");
        }
    }
}
