//! `register`.

use std::path::PathBuf;

use causality_vm::ContentId;
use causality_vm::resource::Principal;
use clap::{Args, Subcommand};

use super::{DomainArg, LogicArg, Place, RootArg};

#[derive(Debug, Args)]
pub(crate) struct RegisterArgs {
    #[command(flatten)]
    pub(crate) place: Place,
    #[command(subcommand)]
    pub(crate) command: RegisterCommand,
}

#[derive(Debug, Subcommand)]
pub(crate) enum RegisterCommand {
    /// Create a register, as a run of its own, and print its identifier
    Create(CreateArgs),
    /// Print the registers that have not been consumed
    List,
    /// Print what a register holds, and where it is in its life
    Show {
        /// The register
        id: ContentId,
    },
    /// Reserve a register until an epoch: nobody can use it before
    Lock {
        /// The register
        id: ContentId,
        /// In this epoch it is active again
        #[arg(long, value_name = "EPOCH")]
        until: u64,
        #[command(flatten)]
        signed: SignedArgs,
    },
    /// End a lock of one's own
    Unlock {
        /// The register
        id: ContentId,
        #[command(flatten)]
        signed: SignedArgs,
    },
    /// Allow nothing but reading a register
    Freeze {
        /// The register
        id: ContentId,
        /// Why
        #[arg(long, default_value = "")]
        reason: String,
        #[command(flatten)]
        signed: SignedArgs,
    },
    /// End that
    Unfreeze {
        /// The register
        id: ContentId,
        #[command(flatten)]
        signed: SignedArgs,
    },
}

/// Who does it, and what allows it.
#[derive(Debug, Args)]
pub(crate) struct SignedArgs {
    /// The secret key of whoever does it
    #[arg(long, visible_alias = "as", value_name = "KEYFILE")]
    pub(crate) key: PathBuf,
    /// A file with a capability. Repeatable
    #[arg(long, value_name = "FILE")]
    pub(crate) capability: Vec<PathBuf>,
    /// Write the record of the run, also of one that is refused
    #[arg(long, value_name = "FILE")]
    pub(crate) record: Option<PathBuf>,
    /// Whose capabilities are believed, instead of those that the store trusts. Repeatable
    #[arg(long, visible_alias = "roots", value_name = "PRINCIPAL", value_delimiter = ',')]
    pub(crate) root: Vec<RootArg>,
}

#[derive(Debug, Args)]
pub(crate) struct CreateArgs {
    #[command(flatten)]
    pub(crate) signed: SignedArgs,
    /// What governs it: `token`, `data`, or the identifier of a program in the store
    #[arg(long, value_name = "LOGIC")]
    pub(crate) logic: LogicArg,
    /// Within which quantities are the same: a name, or an identifier
    #[arg(long, value_name = "NAME|ID")]
    pub(crate) domain: DomainArg,
    /// How much it holds
    #[arg(long, value_name = "N", default_value_t = 0)]
    pub(crate) quantity: u64,
    /// Who controls it
    #[arg(long, value_name = "PRINCIPAL")]
    pub(crate) to: Principal,
    /// A file with its metadata
    #[arg(long, value_name = "FILE")]
    pub(crate) metadata: Option<PathBuf>,
}
