//! Running children in turn and keeping what each took.

use std::fmt::Write;

use crate::child::{self, Used};
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
    used: Used,
}

/// All that was measured.
#[derive(Debug, Default)]
pub(crate) struct Measurements {
    samples: Vec<Sample>,
}

/// Has every engine run every guest that it can, `rounds` times, in turn.
pub(crate) fn measure(guests: &[Guest], engines: &[Engine], rounds: u32) -> Result<Measurements, Error> {
    let mut measurements = Measurements::default();
    for round in 1..=rounds {
        for guest in guests {
            eprint!("\rround {round} of {rounds}: {:<12}", guest.name);
            let engines = engines.iter().filter(|engine| engine.runs(guest));
            for (engine, load) in engines.flat_map(|e| [(e, Load::Full), (e, Load::One)]) {
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
        let used = child::run(&mut engine.command(guest.name, guest_rounds))?;
        Ok(Sample { round, guest: guest.name, engine: engine.name.clone(), load, guest_rounds, used })
    }
}

impl Measurements {
    /// Keeps a sample, if its checksum is what the first engine, native, had.
    fn add(&mut self, sample: Sample) -> Result<(), Error> {
        let first = self.samples.iter().find(|s| s.guest == sample.guest && s.load == sample.load);
        if let Some(first) = first.filter(|first| first.used.checksum != sample.used.checksum) {
            return Err(Error::WrongChecksum {
                guest: sample.guest,
                engine: sample.engine,
                is: sample.used.checksum,
                wants: first.used.checksum.clone(),
            });
        }
        self.samples.push(sample);
        Ok(())
    }

    /// Start-up, compiling and all rounds, in seconds, if it ran.
    pub(crate) fn total(&self, guest: &Guest, engine: &Engine) -> Option<f64> {
        self.median(guest, engine, Load::Full, |used| used.seconds)
    }

    /// Start-up, compiling and one round, in seconds.
    pub(crate) fn start(&self, guest: &Guest, engine: &Engine) -> Option<f64> {
        self.median(guest, engine, Load::One, |used| used.seconds)
    }

    /// All rounds but the first, in seconds.
    pub(crate) fn steady(&self, guest: &Guest, engine: &Engine) -> Option<f64> {
        Some(self.total(guest, engine)? - self.start(guest, engine)?)
    }

    /// Most memory that was resident at once, in bytes.
    pub(crate) fn memory(&self, guest: &Guest, engine: &Engine) -> Option<f64> {
        self.median(guest, engine, Load::Full, |used| used.memory as f64)
    }

    fn median(&self, guest: &Guest, engine: &Engine, load: Load, what: impl Fn(&Used) -> f64) -> Option<f64> {
        let is_meant = |s: &&Sample| s.guest == guest.name && s.engine == engine.name && s.load == load;
        let mut values: Vec<f64> = self.samples.iter().filter(is_meant).map(|s| what(&s.used)).collect();
        peers::median(&mut values)
    }

    /// A row for each time a child ran.
    pub(crate) fn tsv(&self) -> String {
        let mut text = "round\tguest\tengine\tload\tguest_rounds\tseconds\tmemory\tchecksum\n".to_owned();
        for Sample { round, guest, engine, load, guest_rounds, used } in &self.samples {
            let load = if *load == Load::Full { "full" } else { "one" };
            let Used { seconds, memory, checksum } = used;
            let _ = writeln!(
                text,
                "{round}\t{guest}\t{engine}\t{load}\t{guest_rounds}\t{seconds:.6}\t{memory}\t{checksum}"
            );
        }
        text
    }
}
