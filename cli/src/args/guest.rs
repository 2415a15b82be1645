//! What a guest is run with, whatever runs it.

use std::ffi::OsString;

use clap::Args;

use super::{DirArg, EngineArgs, parse_env};
use crate::quantity::parse_number;

#[derive(Debug, Args)]
pub(crate) struct GuestArgs {
    #[command(flatten)]
    pub(crate) engine: EngineArgs,
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
    /// The executable and its arguments
    #[arg(required = true, num_args = 1.., trailing_var_arg = true, value_names = ["PROGRAM", "ARGS"])]
    pub(crate) program: Vec<OsString>,
}
