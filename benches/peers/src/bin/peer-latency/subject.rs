//! What can be asked of an engine.

use std::error::Error;
use std::time::{Duration, Instant};

use serde::Serialize;

/// Why an engine did not do what it was asked.
pub(crate) type Failure = Box<dyn Error>;

/// A thing that is timed.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Serialize)]
pub(crate) enum Quantity {
    /// From the bytes of a program to the end of a tiny function, and everything dropped again; the engine is there.
    Cold,
    /// A new instance of a program that has been read and compiled as far as the engine does that ahead, of 1 MiB of memory,
    /// 64 KiB of which are touched by a call; and dropped again.
    Instance,
    /// A call of a function with two arguments and a result in an instance that is there.
    Call,
    /// A call of a function of the host's, with an argument and a result, by a guest that is running.
    HostCall,
}

impl Quantity {
    pub(crate) const ALL: [Quantity; 4] =
        [Quantity::Cold, Quantity::Instance, Quantity::Call, Quantity::HostCall];
}

/// An engine with the guest `calls`.
pub(crate) trait Subject {
    /// The head of its row.
    fn name(&self) -> &'static str;

    /// What it is in which version.
    fn version(&self) -> String;

    /// Does one thing so many times and says how long that took, or nothing if it has no such thing.
    fn time(&mut self, quantity: Quantity, times: u32) -> Result<Option<Duration>, Failure>;
}

/// What `add` is called with where only one call counts, and what comes back.
pub(crate) const ADDED: (u64, u64) = (1, 2);
pub(crate) const SUM: u64 = 3;

/// What `touch` says in a new instance: how many pages had not been written to.
pub(crate) const FRESH: u64 = 16;

/// Does something so many times; the result must be the same each time.
pub(crate) fn timed(
    times: u32,
    wanted: u64,
    mut once: impl FnMut() -> Result<u64, Failure>,
) -> Result<Option<Duration>, Failure> {
    let start = Instant::now();
    for _ in 0..times {
        check(once()?, wanted)?;
    }
    Ok(Some(start.elapsed()))
}

/// The same for something that is done so many times in one go, with that number as its result.
pub(crate) fn timed_once(
    times: u32,
    all: impl FnOnce(u64) -> Result<u64, Failure>,
) -> Result<Option<Duration>, Failure> {
    let start = Instant::now();
    let result = all(u64::from(times))?;
    let time = start.elapsed();
    check(result, u64::from(times))?;
    Ok(Some(time))
}

pub(crate) fn check(result: u64, wanted: u64) -> Result<(), Failure> {
    if result == wanted { Ok(()) } else { Err(format!("a guest's result is {result}, not {wanted}").into()) }
}
