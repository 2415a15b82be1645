//! `record`.

use clap::{Args, Subcommand};

use super::{Place, RecordArg};

#[derive(Debug, Args)]
pub(crate) struct RecordArgs {
    #[command(flatten)]
    pub(crate) place: Place,
    #[command(subcommand)]
    pub(crate) command: RecordCommand,
}

#[derive(Debug, Subcommand)]
pub(crate) enum RecordCommand {
    /// Print what a run did: what it consumed and created, and what it was allowed and denied
    Show {
        /// A file, or the identifier of a record in the store
        #[arg(value_name = "FILE|ID")]
        record: RecordArg,
        /// Print the hashes too that the program asked for: number, length of what was hashed, hash
        #[arg(long)]
        hashes: bool,
    },
    /// Print the records of a store, the oldest first
    List,
}
