//! `verify`.

use clap::Args;

use super::{LimitArgs, Place, RecordArg, RootArg, TierArg};

#[derive(Debug, Args)]
pub(crate) struct VerifyArgs {
    /// A file, or the identifier of a record in the store
    #[arg(value_name = "FILE|ID")]
    pub(crate) record: RecordArg,
    /// How code is executed; the result is the same
    #[arg(long, value_enum, default_value_t = TierArg::Auto)]
    pub(crate) tier: TierArg,
    /// Whose capabilities are believed, instead of those that the store trusts. Repeatable
    #[arg(long, visible_alias = "roots", value_name = "PRINCIPAL", value_delimiter = ',')]
    pub(crate) root: Vec<RootArg>,
    /// More than these is not used for the repetition: a record that asks for more is refused
    #[command(flatten)]
    pub(crate) limits: LimitArgs,
    #[command(flatten)]
    pub(crate) place: Place,
}
