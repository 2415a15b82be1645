//! Failure of this command: what to say, and the exit code.

use std::fmt::Display;
use std::path::Path;
use std::process::ExitCode;

use causality_vm::{Error, ErrorKind};

use crate::exit_code;

/// Why this command could not do what was asked.
#[derive(Debug)]
pub(crate) struct Failure {
    code: u8,
    message: String,
}

impl Failure {
    /// A failure of the host or of the command line.
    pub(crate) fn new(message: impl Display) -> Self {
        Failure { code: exit_code::FAILURE, message: message.to_string() }
    }

    /// A transaction was refused, or may not take effect.
    pub(crate) fn of_transaction(message: impl Display) -> Self {
        Failure { code: exit_code::NOT_COMMITTED, message: message.to_string() }
    }

    /// The program file could not be used.
    pub(crate) fn of_program(path: &Path, error: Error) -> Self {
        let code = match error.kind() {
            ErrorKind::Load(_) | ErrorKind::Start(_) => exit_code::REFUSED,
            _ => exit_code::FAILURE,
        };
        Failure { code, message: format!("{}: {error}", path.display()) }
    }

    /// This failure, about a place in a file.
    pub(crate) fn at(self, place: impl Display) -> Self {
        Failure { message: format!("{place}: {}", self.message), ..self }
    }

    /// Prints the message and gives the exit code.
    pub(crate) fn report(self) -> ExitCode {
        eprintln!("causality-vm: {}", self.message);
        ExitCode::from(self.code)
    }
}

/// Reads the program file.
pub(crate) fn read_program(path: &Path) -> Result<Vec<u8>, Failure> {
    std::fs::read(path).map_err(|error| {
        let code = match error.kind() {
            std::io::ErrorKind::NotFound => exit_code::NOT_FOUND,
            _ => exit_code::FAILURE,
        };
        Failure { code, message: format!("cannot read {}: {error}", path.display()) }
    })
}
