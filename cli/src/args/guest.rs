//! What a guest is run with, whatever runs it.

use std::ffi::OsString;
use std::path::PathBuf;

use clap::Args;

use super::{DirArg, LimitArgs, OnMemoryLimitArg, TierArg, parse_env};
use crate::quantity::{parse_count, parse_number};

#[derive(Debug, Args)]
pub(crate) struct GuestArgs {
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
    /// Let the program see a host directory. GUEST is an absolute path, by default HOST under `/`;
    /// read-only unless `:rw`. Repeatable
    #[arg(long, value_name = "HOST[:GUEST][:ro|:rw]")]
    pub(crate) dir: Vec<DirArg>,
    /// Set an environment variable; the program sees no others. Repeatable
    #[arg(long, value_name = "NAME=VALUE", value_parser = parse_env)]
    pub(crate) env: Vec<(String, String)>,
    /// Seed of all randomness the program can ask for
    #[arg(long, value_name = "N", default_value = "0", value_parser = parse_number)]
    pub(crate) seed: u64,
    /// Keep native code in a directory, and start with what is there; trusted like an executable
    #[arg(long, value_name = "DIR", env = "CAUSALITY_CACHE")]
    pub(crate) cache: Option<PathBuf>,
    /// The executable and its arguments
    #[arg(required = true, num_args = 1.., trailing_var_arg = true, value_names = ["PROGRAM", "ARGS"])]
    pub(crate) program: Vec<OsString>,
}
