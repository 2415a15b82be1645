//! `run --as`: a run that is a transaction.

use std::path::PathBuf;

use causality_vm::ContentId;
use clap::Args;

use super::{InputArg, RootArg};

#[derive(Debug, Args)]
#[command(next_help_heading = "Transactions")]
pub(crate) struct TransactionArgs {
    /// Run as a transaction, for whom this secret key is. It takes effect as a whole or not at all
    #[arg(id = "initiator", long = "as", value_name = "KEYFILE", conflicts_with = "dir")]
    pub(crate) initiator: Option<PathBuf>,
    /// The directory of the store [default: $CAUSALITY_STORE, or causality-store]
    #[arg(long, value_name = "DIR", requires = "initiator")]
    pub(crate) store: Option<PathBuf>,
    /// A register that the program will read (unless something else is said), consume, update, or
    /// lock and freeze (`control`). The first one is in slot 0; with `:later` the program puts it into one
    /// itself. Repeatable, or between commas
    #[arg(
        long,
        visible_alias = "inputs",
        value_name = "ID[:INTENT][:later]",
        value_delimiter = ',',
        requires = "initiator"
    )]
    pub(crate) input: Vec<InputArg>,
    /// A file with a capability. The first one has handle 0. Repeatable
    #[arg(long, value_name = "FILE", requires = "initiator")]
    pub(crate) capability: Vec<PathBuf>,
    /// A record that the run relies on. Repeatable
    #[arg(long, value_name = "RECORD", requires = "initiator")]
    pub(crate) parent: Vec<ContentId>,
    /// Write the record of the run, also of one that is refused. See `record show`
    #[arg(long, value_name = "FILE", requires = "initiator")]
    pub(crate) record: Option<PathBuf>,
    /// Whose capabilities are believed, instead of those that the store trusts. Repeatable
    #[arg(
        long,
        visible_alias = "roots",
        value_name = "PRINCIPAL",
        value_delimiter = ',',
        requires = "initiator"
    )]
    pub(crate) root: Vec<RootArg>,
}

impl TransactionArgs {
    /// Where the store is: what other commands call `--store`, which here must not make a transaction of a run.
    pub(crate) fn directory(&self) -> PathBuf {
        let named = self.store.clone().or_else(|| std::env::var_os("CAUSALITY_STORE").map(PathBuf::from));
        named.unwrap_or_else(|| PathBuf::from("causality-store"))
    }
}
