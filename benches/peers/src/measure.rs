//! Running children in turn and keeping what each took.

use std::fmt::Write;
use std::process::Command;

use nix::sys::resource::{Usage, UsageWho, getrusage};
use nix::sys::time::TimeValLike;

use crate::engine::Engine;
use crate::error::Error;
use crate::guest::Guest;

/// How much a guest is told to do.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(crate) enum Load {
    /// The rounds of `guests.tsv`.
    Full,
    /// One round: start-up, and compiling what the guest executes.
    One,
}

impl Load {
    fn rounds(self, guest: &Guest) -> u32 {
        match self {
            Load::Full => guest.rounds,
            Load::One => 1,
        }
    }
}

#[derive(Debug)]
struct Sample {
    round: u32,
    guest: &'static str,
    engine: String,
    load: Load,
    guest_rounds: u32,
    seconds: f64,
    checksum: String,
}

/// All that was measured.
#[derive(Debug, Default)]
pub(crate) struct Measurements {
    samples: Vec<Sample>,
}

/// Has every engine run every guest, `rounds` times, in turn.
pub(crate) fn measure(guests: &[Guest], engines: &[Engine], rounds: u32) -> Result<Measurements, Error> {
    let mut measurements = Measurements::default();
    for round in 1..=rounds {
        for guest in guests {
            eprint!("\rround {round} of {rounds}: {:<12}", guest.name);
            for (engine, load) in engines.iter().flat_map(|e| [(e, Load::Full), (e, Load::One)]) {
                measurements.add(Sample::take(round, guest, engine, load)?)?;
            }
        }
    }
    eprintln!();
    Ok(measurements)
}

impl Sample {
    fn take(round: u32, guest: &Guest, engine: &Engine, load: Load) -> Result<Sample, Error> {
        let guest_rounds = load.rounds(guest);
        let (seconds, checksum) = run(&mut engine.command(guest.name, guest_rounds))?;
        let engine = engine.name.clone();
        Ok(Sample { round, guest: guest.name, engine, load, guest_rounds, seconds, checksum })
    }
}

/// Seconds of processor time, and the checksum printed.
fn run(command: &mut Command) -> Result<(f64, String), Error> {
    let before = getrusage(UsageWho::RUSAGE_CHILDREN)?;
    let output = command.output().map_err(|source| Error::Start { command: text_of(command), source })?;
    let after = getrusage(UsageWho::RUSAGE_CHILDREN)?;
    if !output.status.success() {
        let stderr = String::from_utf8_lossy(&output.stderr).trim().to_owned();
        return Err(Error::Failed { command: text_of(command), status: output.status, stderr });
    }
    let stdout = String::from_utf8_lossy(&output.stdout);
    let checksum = stdout.trim_end().rsplit_once("checksum ").map(|(_, checksum)| checksum.to_owned());
    let checksum = checksum.ok_or_else(|| Error::NoChecksum { command: text_of(command) })?;
    Ok((seconds(&after) - seconds(&before), checksum))
}

fn seconds(usage: &Usage) -> f64 {
    (usage.user_time() + usage.system_time()).num_microseconds() as f64 / 1e6
}

fn text_of(command: &Command) -> String {
    let words = std::iter::once(command.get_program()).chain(command.get_args());
    words.map(|word| word.to_string_lossy()).collect::<Vec<_>>().join(" ")
}

impl Measurements {
    /// Keeps a sample, if its checksum is what the first engine, native, had.
    fn add(&mut self, sample: Sample) -> Result<(), Error> {
        let first = self.samples.iter().find(|s| s.guest == sample.guest && s.load == sample.load);
        if let Some(first) = first.filter(|first| first.checksum != sample.checksum) {
            return Err(Error::WrongChecksum {
                guest: sample.guest,
                engine: sample.engine,
                is: sample.checksum,
                wants: first.checksum.clone(),
            });
        }
        self.samples.push(sample);
        Ok(())
    }

    /// Start-up, compiling and all rounds, in seconds.
    pub(crate) fn total(&self, guest: &Guest, engine: &Engine) -> f64 {
        self.median(guest, engine, Load::Full)
    }

    /// Start-up, compiling and one round, in seconds.
    pub(crate) fn start(&self, guest: &Guest, engine: &Engine) -> f64 {
        self.median(guest, engine, Load::One)
    }

    /// All rounds but the first, in seconds.
    pub(crate) fn steady(&self, guest: &Guest, engine: &Engine) -> f64 {
        self.total(guest, engine) - self.start(guest, engine)
    }

    fn median(&self, guest: &Guest, engine: &Engine, load: Load) -> f64 {
        let is_meant = |s: &&Sample| s.guest == guest.name && s.engine == engine.name && s.load == load;
        let mut seconds: Vec<f64> = self.samples.iter().filter(is_meant).map(|s| s.seconds).collect();
        seconds.sort_by(f64::total_cmp);
        let middle = seconds.len() / 2;
        if seconds.len() % 2 == 1 { seconds[middle] } else { (seconds[middle - 1] + seconds[middle]) / 2.0 }
    }

    /// A row for each time a child ran.
    pub(crate) fn tsv(&self) -> String {
        let mut text = "round\tguest\tengine\tload\tguest_rounds\tseconds\tchecksum\n".to_owned();
        for Sample { round, guest, engine, load, guest_rounds, seconds, checksum } in &self.samples {
            let load = if *load == Load::Full { "full" } else { "one" };
            let _ = writeln!(
                text,
                "{round}\t{guest}\t{engine}\t{load}\t{guest_rounds}\t{seconds:.6}\t{checksum}"
            );
        }
        text
    }
}
