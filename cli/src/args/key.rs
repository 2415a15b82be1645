//! `key`.

use std::path::PathBuf;

use clap::{Args, Subcommand};

#[derive(Debug, Args)]
pub(crate) struct KeyArgs {
    #[command(subcommand)]
    pub(crate) command: KeyCommand,
}

#[derive(Debug, Subcommand)]
pub(crate) enum KeyCommand {
    /// Make a secret key that only you can read, and print whose it is
    New {
        /// The file, which must not be there yet
        file: PathBuf,
    },
    /// Print the public key of a secret one
    Show {
        /// The file
        file: PathBuf,
    },
}
