//! `capability`.

use std::path::PathBuf;

use causality_vm::resource::{Attenuation, Limits, Principal, Rights};
use clap::{Args, Subcommand};

use super::{Place, TargetArg};

#[derive(Debug, Args)]
pub(crate) struct CapabilityArgs {
    #[command(subcommand)]
    pub(crate) command: CapabilityCommand,
}

#[derive(Debug, Subcommand)]
pub(crate) enum CapabilityCommand {
    /// Sign a capability
    Issue(IssueArgs),
    /// Make a narrower one for the same holder
    Attenuate {
        /// The capability
        file: PathBuf,
        #[command(flatten)]
        narrow: NarrowArgs,
        /// Where to write the new one; stdout if it is not given
        #[arg(short, long, value_name = "FILE")]
        output: Option<PathBuf>,
    },
    /// Hand one on to another holder, all of it or less
    Delegate {
        /// The capability
        file: PathBuf,
        /// The secret key of its holder
        #[arg(long, value_name = "KEYFILE")]
        key: PathBuf,
        /// The new holder
        #[arg(long, value_name = "PRINCIPAL")]
        to: Principal,
        #[command(flatten)]
        narrow: NarrowArgs,
        /// Where to write the new one; stdout if it is not given
        #[arg(short, long, value_name = "FILE")]
        output: Option<PathBuf>,
    },
    /// Check the signatures of a capability and print what it says
    Show {
        /// The capability
        file: PathBuf,
        /// Print JSON
        #[arg(long)]
        json: bool,
    },
    /// Revoke a capability, and whatever was made from it, for good
    Revoke {
        /// The capability
        file: PathBuf,
        #[command(flatten)]
        place: Place,
    },
}

#[derive(Debug, Args)]
pub(crate) struct IssueArgs {
    /// The secret key of the issuer
    #[arg(long, value_name = "KEYFILE")]
    pub(crate) key: PathBuf,
    #[command(flatten)]
    pub(crate) grant: GrantArgs,
    /// Where to write it; stdout if it is not given
    #[arg(short, long, value_name = "FILE")]
    pub(crate) output: Option<PathBuf>,
}

/// What is granted.
#[derive(Debug, Args)]
pub(crate) struct GrantArgs {
    /// The holder
    #[arg(long, value_name = "PRINCIPAL")]
    pub(crate) to: Principal,
    /// What it is about: `any`, `resource:ID`, `domain:ID`, `domain:NAME`, `logic:ID`, `logic:token` or `logic:data`
    #[arg(long)]
    pub(crate) target: TargetArg,
    /// What it allows, between commas, or `all`
    #[arg(long)]
    pub(crate) rights: Rights,
    #[command(flatten)]
    pub(crate) limits: LimitArgs,
}

/// What is taken away.
#[derive(Debug, Args)]
pub(crate) struct NarrowArgs {
    /// Only this: `any`, `resource:ID`, `domain:ID`, `domain:NAME`, `logic:ID`, `logic:token` or `logic:data`
    #[arg(long)]
    pub(crate) target: Option<TargetArg>,
    /// Only these rights, between commas
    #[arg(long)]
    pub(crate) rights: Option<Rights>,
    #[command(flatten)]
    pub(crate) limits: LimitArgs,
}

impl NarrowArgs {
    pub(crate) fn attenuation(&self) -> Attenuation {
        Attenuation {
            rights: self.rights,
            target: self.target.map(|target| target.0),
            limits: self.limits.limits(),
        }
    }
}

#[derive(Debug, Args)]
pub(crate) struct LimitArgs {
    /// Valid from this epoch on
    #[arg(long, value_name = "EPOCH")]
    pub(crate) valid_from: Option<u64>,
    /// Expired in this epoch and after it
    #[arg(long, value_name = "EPOCH")]
    pub(crate) expires_at: Option<u64>,
    /// At most so many uses
    #[arg(long, value_name = "N")]
    pub(crate) max_uses: Option<u64>,
    /// At most this quantity, over all uses
    #[arg(long, value_name = "N")]
    pub(crate) max_quantity: Option<u64>,
}

impl LimitArgs {
    pub(crate) fn limits(&self) -> Limits {
        Limits {
            valid_from: self.valid_from,
            expires_at: self.expires_at,
            phases: None,
            max_uses: self.max_uses,
            max_quantity: self.max_quantity,
        }
    }
}
