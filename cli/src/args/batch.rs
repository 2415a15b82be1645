//! `batch`: many runs.

use std::num::NonZero;
use std::path::PathBuf;

use clap::Args;

use super::{LimitArgs, OnMemoryLimitArg, RootArg, TierArg};
use crate::quantity::parse_size;

#[derive(Debug, Args)]
pub(crate) struct BatchArgs {
    /// A file with a JSON object on each line: what is to be run. See docs/cli.md
    pub(crate) jobs: PathBuf,
    /// The directory of the store, which is made if it is not there
    #[arg(long, value_name = "DIR", env = "CAUSALITY_STORE", default_value = "causality-store")]
    pub(crate) store: PathBuf,
    /// Append results to a file, and go on where it ends if it is there; otherwise they go to stdout
    #[arg(long, value_name = "FILE")]
    pub(crate) results: Option<PathBuf>,
    /// Number of threads; the results are the same [default: one per processor]
    #[arg(long, value_name = "N")]
    pub(crate) threads: Option<NonZero<usize>>,
    /// How code is executed; the results are the same
    #[arg(long, value_enum, default_value_t = TierArg::Auto)]
    pub(crate) tier: TierArg,
    /// Run each task, even if the result of an equal one is known, and keep no results for others
    #[arg(long)]
    pub(crate) no_cache: bool,
    /// Most bytes that are kept of each stream of a program
    #[arg(long, value_name = "SIZE", value_parser = parse_size, default_value = "1M")]
    pub(crate) output_limit: u64,
    #[command(flatten)]
    pub(crate) limits: LimitArgs,
    /// What a program sees when it asks for more memory or segments than it may have
    #[arg(long, value_name = "WHAT", value_enum, default_value_t = OnMemoryLimitArg::Trap)]
    pub(crate) on_memory_limit: OnMemoryLimitArg,
    /// Keep native code in a directory, and start with what is there; trusted like an executable
    #[arg(long, value_name = "DIR", env = "CAUSALITY_CACHE")]
    pub(crate) cache: Option<PathBuf>,
    /// Whose capabilities are believed, instead of those that the store trusts. Repeatable
    #[arg(long, visible_alias = "roots", value_name = "PRINCIPAL", value_delimiter = ',')]
    pub(crate) root: Vec<RootArg>,
}
