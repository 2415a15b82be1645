//! Batches in turn.

use std::time::Duration;

use serde::Serialize;

use crate::subject::{Failure, Quantity, Subject};

/// All batches of one thing on one engine.
#[derive(Debug, Serialize)]
pub(crate) struct Series {
    pub(crate) engine: &'static str,
    pub(crate) version: String,
    pub(crate) quantity: Quantity,
    /// In a batch.
    times: u32,
    /// For one time, batch by batch.
    nanoseconds: Vec<f64>,
}

/// Nothing is done more often than this in a batch.
const MOST_TIMES: u32 = 1 << 24;

impl Series {
    /// Finds out how many times make a batch of that length; nothing if the engine has no such thing.
    fn calibrated(
        subject: &mut dyn Subject,
        quantity: Quantity,
        batch: Duration,
    ) -> Result<Option<Series>, Failure> {
        let mut times = 1;
        while let Some(time) = subject.time(quantity, times)? {
            if time >= batch || times >= MOST_TIMES {
                let (engine, version) = (subject.name(), subject.version());
                return Ok(Some(Series { engine, version, quantity, times, nanoseconds: Vec::new() }));
            }
            times *= 2;
        }
        Ok(None)
    }

    fn add_batch(&mut self, subject: &mut dyn Subject) -> Result<(), Failure> {
        if let Some(time) = subject.time(self.quantity, self.times)? {
            self.nanoseconds.push(time.as_nanos() as f64 / f64::from(self.times));
        }
        Ok(())
    }

    /// The batch that was disturbed least.
    pub(crate) fn best(&self) -> Option<f64> {
        self.nanoseconds.iter().copied().min_by(f64::total_cmp)
    }

    pub(crate) fn median(&self) -> Option<f64> {
        peers::median(&mut self.nanoseconds.clone())
    }
}

/// Has every engine do everything that it can, `rounds` batches each, in turn.
pub(crate) fn measure(
    subjects: &mut [Box<dyn Subject>],
    rounds: u32,
    batch: Duration,
) -> Result<Vec<Series>, Failure> {
    let mut measured = Vec::new();
    for quantity in Quantity::ALL {
        let mut turns = Vec::new();
        for (place, subject) in subjects.iter_mut().enumerate() {
            let series = Series::calibrated(subject.as_mut(), quantity, batch);
            let series = series.map_err(|error| failed(subject.name(), quantity, error.as_ref()))?;
            turns.extend(series.map(|series| (place, series)));
        }
        for round in 1..=rounds {
            eprint!("\r{quantity:?}: round {round} of {rounds}          ");
            for (place, series) in &mut turns {
                series.add_batch(subjects[*place].as_mut())?;
            }
        }
        measured.extend(turns.into_iter().map(|(_, series)| series));
    }
    eprintln!();
    Ok(measured)
}

fn failed(engine: &str, quantity: Quantity, error: &dyn std::error::Error) -> Failure {
    format!("{engine}, {quantity:?}: {error}").into()
}

#[cfg(test)]
mod tests {
    use super::*;

    /// Takes a microsecond for each call, and has nothing else.
    struct Clockwork;

    impl Subject for Clockwork {
        fn name(&self) -> &'static str {
            "clockwork"
        }

        fn version(&self) -> String {
            "clockwork 1".to_owned()
        }

        fn time(&mut self, quantity: Quantity, times: u32) -> Result<Option<Duration>, Failure> {
            Ok((quantity == Quantity::Call).then(|| Duration::from_micros(times.into())))
        }
    }

    #[test]
    fn batches_are_as_long_as_asked_for_and_what_is_missing_is_left_out() {
        let mut subjects: Vec<Box<dyn Subject>> = vec![Box::new(Clockwork)];
        let measured =
            measure(&mut subjects, 3, Duration::from_micros(1000)).expect("clockwork does not fail");
        let [series] = &measured[..] else { panic!("{measured:?}") };
        assert_eq!((series.quantity, series.times), (Quantity::Call, 1024));
        assert_eq!(series.nanoseconds, [1000.0; 3]);
        assert_eq!((series.best(), series.median()), (Some(1000.0), Some(1000.0)));
    }
}
