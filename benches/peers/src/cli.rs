//! The command line, and which engines it asks for.

use std::collections::BTreeSet;
use std::path::PathBuf;
use std::str::FromStr;

use clap::Parser;
use clap::builder::PossibleValuesParser;

use crate::engine::{self, Engine};
use crate::error::Error;

/// Run the same guests on several engines in turn and print their speed as a table
#[derive(Debug, Parser)]
pub(crate) struct Args {
    /// Where table.sh put the guests and the peers' host programs
    #[arg(long, value_name = "DIR", default_value = "target/peers")]
    built: PathBuf,
    /// The causality-vm executable
    #[arg(long, value_name = "FILE", default_value = "target/release/causality-vm")]
    engine: PathBuf,
    /// Its tiers; empty for none
    #[arg(long, value_name = "TIERS", value_delimiter = ',', default_value = "auto")]
    tier: Vec<String>,
    /// A column for the engine with other options: `no-fuel=--tier cranelift --no-fuel`. Repeatable
    #[arg(long, value_name = "NAME=OPTIONS")]
    variant: Vec<Variant>,
    /// The other engines; `all` are those that are installed
    #[arg(long, value_delimiter = ',', default_value = "wasmtime,wasmtime-fuel,qemu",
        value_parser = PossibleValuesParser::new(engine::peer_names().chain([ALL])))]
    peer: Vec<String>,
    /// Only these guests
    #[arg(long, value_name = "GUESTS", value_delimiter = ',')]
    pub(crate) only: Vec<String>,
    /// How often each engine runs each guest
    #[arg(long, value_name = "N", default_value_t = 5, value_parser = clap::value_parser!(u32).range(1..))]
    pub(crate) rounds: u32,
    /// Multiplies the guests' own rounds: 0.1 for a quick look
    #[arg(long, value_name = "FACTOR", default_value_t = 1.0)]
    pub(crate) scale: f64,
    /// Write every single measurement
    #[arg(long, value_name = "FILE")]
    pub(crate) tsv: Option<PathBuf>,
    /// Also put the tables into a Markdown file, between its lines `<!-- PART -->` and `<!-- end of PART -->`
    #[arg(long, value_name = "FILE.md")]
    pub(crate) write: Option<PathBuf>,
    /// Which part of that file
    #[arg(long, value_name = "PART", default_value = "peers")]
    pub(crate) part: String,
    /// No table but that of the steady state
    #[arg(long)]
    pub(crate) steady: bool,
    /// Draw the steady state, guest by guest; with `--write`, the Markdown file shows it
    #[arg(long, value_name = "FILE.svg")]
    pub(crate) plot: Option<PathBuf>,
    /// The command that the tables are said to come from
    #[arg(long, hide = true)]
    command: Option<String>,
}

/// Stands for all peers.
const ALL: &str = "all";

/// A name and the options of `causality-vm run` that it stands for.
#[derive(Clone, Debug)]
struct Variant {
    name: String,
    options: Vec<String>,
}

impl FromStr for Variant {
    type Err = Error;

    fn from_str(text: &str) -> Result<Self, Error> {
        let (name, options) = text.split_once('=').ok_or_else(|| Error::Variant(text.to_owned()))?;
        let options = options.split_whitespace().map(str::to_owned).collect();
        Ok(Variant { name: name.to_owned(), options })
    }
}

impl Variant {
    fn of_tier(tier: &str) -> Variant {
        Variant { name: tier.to_owned(), options: vec!["--tier".to_owned(), tier.to_owned()] }
    }
}

impl Args {
    /// The columns of the table: both native builds, this engine, its peers.
    ///
    /// # Errors
    ///
    /// If two would have the same name.
    pub(crate) fn engines(&self) -> Result<Vec<Engine>, Error> {
        let tiers = self.tier.iter().filter(|tier| !tier.is_empty()).map(|tier| Variant::of_tier(tier));
        let variants = tiers.chain(self.variant.iter().cloned());
        let ours = variants.map(|variant| Engine::ours(&variant.name, &self.engine, variant.options));
        let peers = self.peers();
        let engines: Vec<Engine> =
            Engine::natives(&self.built).into_iter().chain(ours).chain(peers).collect();
        let mut names = BTreeSet::new();
        match engines.iter().find(|engine| !names.insert(&engine.name)) {
            Some(twice) => Err(Error::Twice(twice.name.clone())),
            None => Ok(engines),
        }
    }

    /// The peers asked for. One that is only one of all may be missing.
    fn peers(&self) -> Vec<Engine> {
        let of = |name: &str| Engine::peer(name, &self.built);
        if self.peer.iter().all(|name| name != ALL) {
            return self.peer.iter().filter_map(|name| of(name)).collect();
        }
        let (there, missing): (Vec<Engine>, Vec<Engine>) =
            engine::peer_names().filter_map(of).partition(Engine::is_there);
        for engine in missing {
            eprintln!("peers: {} is not installed: no such column", engine.name);
        }
        there
    }

    /// What shows the plot in the Markdown file, if there are both.
    pub(crate) fn picture(&self) -> String {
        let (Some(page), Some(plot)) = (&self.write, &self.plot) else { return String::new() };
        let folder = page.parent().unwrap_or(page);
        let link = plot.strip_prefix(folder).unwrap_or(plot);
        format!("\n![Steady state, guest by guest]({})\n", link.display())
    }

    /// The command that makes the tables again.
    pub(crate) fn command(&self) -> String {
        let own = || std::env::args().collect::<Vec<_>>().join(" ");
        self.command.clone().unwrap_or_else(own)
    }
}
