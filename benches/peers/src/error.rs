//! Why there is no table.

use std::path::{Path, PathBuf};

use peers::section;
use thiserror::Error;

/// Why there is no table.
#[derive(Debug, Error)]
pub(crate) enum Error {
    #[error("{}: {source}", path.display())]
    File { path: PathBuf, source: std::io::Error },
    #[error("guests.tsv: not a guest: `{0}`")]
    Row(String),
    #[error("guests.tsv has no guest `{0}`")]
    Guest(String),
    #[error("`{0}` is not NAME=OPTIONS")]
    Variant(String),
    #[error("two columns would be called `{0}`")]
    Twice(String),
    #[error("cannot run `{command}`: {source}")]
    Run { command: String, source: std::io::Error },
    #[error("`{command}` failed, {status}: {said}")]
    Failed { command: String, status: std::process::ExitStatus, said: String },
    #[error("`{command}` printed no checksum")]
    NoChecksum { command: String },
    #[error("WRONG RESULT of {guest}: {engine} has checksum {is}, native has {wants}")]
    WrongChecksum { guest: &'static str, engine: String, is: String, wants: String },
    #[error(transparent)]
    Section(#[from] section::Error),
    #[error("no plot: {0}")]
    Plot(String),
}

impl Error {
    /// For `map_err`: what went wrong with this file.
    pub(crate) fn of_file(path: &Path) -> impl FnOnce(std::io::Error) -> Error + '_ {
        |source| Error::File { path: path.to_owned(), source }
    }
}
