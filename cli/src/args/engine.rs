//! What executes a guest, and within which limits.

use std::path::PathBuf;

use clap::Args;

use super::{LimitArgs, OnMemoryLimitArg, TierArg};
use crate::quantity::parse_count;

#[derive(Debug, Args)]
pub(crate) struct EngineArgs {
    #[command(flatten)]
    pub(crate) limits: LimitArgs,
    /// How code is executed; the result is the same
    #[arg(long, value_enum, default_value_t = TierArg::Auto)]
    pub(crate) tier: TierArg,
    /// With `--tier auto`: how often the interpreter comes to a place before that gets native code [default: 0; 200 on hosts without a baseline tier]
    #[arg(long, value_name = "N", value_parser = parse_count)]
    pub(crate) threshold: Option<u64>,
    /// Make guards of native code hold on mispredicted paths too (Spectre variant 1)
    #[arg(long)]
    pub(crate) speculation_safe: bool,
    /// What the program sees when it asks for more memory or segments than it may have
    #[arg(long, value_name = "WHAT", value_enum, default_value_t = OnMemoryLimitArg::Trap)]
    pub(crate) on_memory_limit: OnMemoryLimitArg,
    /// Keep native code in a directory, and start with what is there; trusted like an executable
    #[arg(long, value_name = "DIR", env = "CAUSALITY_CACHE")]
    pub(crate) cache: Option<PathBuf>,
}
