//! The command line.

use std::path::PathBuf;
use std::time::Duration;

use clap::Parser;
use clap::builder::PossibleValuesParser;

use crate::engines;

/// Time how engines start a tiny guest and call into it and out of it, and print a table
#[derive(Debug, Parser)]
pub(crate) struct Args {
    /// Where table.sh put the guests
    #[arg(long, value_name = "DIR", default_value = "target/peers")]
    pub(crate) built: PathBuf,
    /// The engines beside this one, or all
    #[arg(long, value_delimiter = ',', default_value = ALL,
        value_parser = PossibleValuesParser::new(engines::peer_names().chain([ALL])))]
    peer: Vec<String>,
    /// How many batches of everything
    #[arg(long, value_name = "N", default_value_t = 100, value_parser = clap::value_parser!(u32).range(1..))]
    pub(crate) rounds: u32,
    /// How long a batch takes at least
    #[arg(long, value_name = "MICROSECONDS", default_value_t = 2000)]
    batch: u64,
    /// Write every single measurement
    #[arg(long, value_name = "FILE")]
    pub(crate) json: Option<PathBuf>,
    /// Also put the table into a Markdown file, between its lines `<!-- latency -->` and `<!-- end of latency -->`
    #[arg(long, value_name = "FILE.md")]
    pub(crate) write: Option<PathBuf>,
    /// The command that the table is said to come from
    #[arg(long, hide = true)]
    command: Option<String>,
}

/// Stands for all engines.
const ALL: &str = "all";

impl Args {
    /// The engines asked for, this one first.
    pub(crate) fn names(&self) -> Vec<&str> {
        let is_asked = |name: &&str| self.peer.iter().any(|asked| asked == name || asked == ALL);
        std::iter::once(engines::OURS).chain(engines::peer_names().filter(is_asked)).collect()
    }

    pub(crate) fn batch(&self) -> Duration {
        Duration::from_micros(self.batch)
    }

    /// The command that makes the table again.
    pub(crate) fn command(&self) -> String {
        let own = || std::env::args().collect::<Vec<_>>().join(" ");
        self.command.clone().unwrap_or_else(own)
    }
}
