//! Snapshots: making them, going on from them, and looking at them.

use std::path::PathBuf;

use clap::{Args, Subcommand};

use super::{DirArg, EngineArgs};
use crate::quantity::parse_count;

/// Where a run stops, to be gone on with.
#[derive(Debug, Args)]
pub(crate) struct StopArgs {
    /// Write a snapshot where the program stops without having ended: at --snapshot-at, out of fuel, by Ctrl-C.
    /// See docs/snapshots.md
    #[arg(long, value_name = "FILE")]
    pub(crate) snapshot: Option<PathBuf>,
    /// Stop when so many instructions have retired since the program's start
    #[arg(long, value_name = "N", value_parser = parse_count, requires = "snapshot")]
    pub(crate) snapshot_at: Option<u64>,
}

#[derive(Debug, Args)]
pub(crate) struct ResumeArgs {
    #[command(flatten)]
    pub(crate) engine: EngineArgs,
    /// Let the program see a host directory: the same ones as before, at the same guest paths. Repeatable
    #[arg(long, value_name = "HOST[:GUEST][:ro|:rw]")]
    pub(crate) dir: Vec<DirArg>,
    /// Write a record of the run as JSON; `-` is stdout. See docs/report.md
    #[arg(long, value_name = "FILE")]
    pub(crate) report: Option<PathBuf>,
    #[command(flatten)]
    pub(crate) stop: StopArgs,
    /// The snapshot
    pub(crate) file: PathBuf,
    /// The executable that it is of
    pub(crate) program: PathBuf,
}

#[derive(Debug, Args)]
pub(crate) struct SnapshotArgs {
    #[command(subcommand)]
    pub(crate) command: SnapshotCommand,
}

#[derive(Debug, Subcommand)]
pub(crate) enum SnapshotCommand {
    /// Print what a snapshot is of, and what is in it
    Show {
        /// Print JSON
        #[arg(long)]
        json: bool,
        /// The snapshot
        file: PathBuf,
    },
}
