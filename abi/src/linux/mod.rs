//! A deterministic subset of the Linux riscv64 user ABI.
//!
//! `table` is the list of calls; the other modules hold one group of handlers each, and the part of
//! the process' state that only they touch.

mod call;
mod errno;
mod files;
mod futex;
mod memory;
mod outside;
mod process;
mod random;
mod saved;
mod signal;
mod start;
mod table;
#[cfg(test)]
mod tests;
mod time;

use std::collections::BTreeMap;

use causality_machine::{Flow, Hart, HostError, Image, Limits, Machine, Memory};

pub use errno::Errno;
pub use files::FileProblem;
pub use saved::{ProcessState, RestoreError, SaveError};
pub use start::StartError;
pub(crate) use start::lay_out;
pub use table::{Syscall, TABLE, syscall_name};

use crate::host::index_of;
use crate::{FIRST_HOST_FUNCTION, Options, Report};
use call::{Call, Stop};
pub(crate) use files::Input;
use files::{Files, Streams};
use memory::Areas;
use outside::Outside;
use process::Process;
use random::Random;
use signal::Signals;

/// The reason code of the `HostFunction` trap that ends a guest which waits for something that can
/// never happen, such as a futex that no other thread can wake.
pub const DEADLOCK: u64 = 0xdead_10cc;

/// Calls with numbers below this are counted one by one.
const COUNTED: usize = 512;

/// The kernel's side of one process.
#[derive(Clone, Debug)]
pub(crate) struct Linux {
    args: Vec<Vec<u8>>,
    env: Vec<Vec<u8>>,
    cwd: Vec<u8>,
    seed: u64,
    areas: Areas,
    files: Files,
    process: Process,
    random: Random,
    /// `None` as long as they are what they are at first, as for most guests. More than all the rest.
    signals: Option<Box<Signals>>,
    /// Nanoseconds that sleeps have moved the clocks on.
    slept: u64,
    /// By number, up to the highest that was called.
    counts: Vec<u64>,
    host_functions: BTreeMap<u64, u64>,
    /// Calls of host functions with the first numbers.
    first_functions: Vec<u64>,
    unknown: u64,
}

impl Linux {
    pub(crate) fn new(options: Options) -> Self {
        let streams = Streams { stdin: options.stdin, stdout: options.stdout, stderr: options.stderr };
        Linux {
            args: options.args,
            env: options.env,
            cwd: options.cwd,
            seed: options.seed,
            areas: Areas::default(),
            files: Files::new(options.preopens, streams),
            process: Process::new(&Limits::default()),
            random: Random::new(options.seed),
            signals: None,
            slept: 0,
            counts: Vec::new(),
            host_functions: BTreeMap::new(),
            first_functions: Vec::new(),
            unknown: 0,
        }
    }

    /// See [`Abi::enter`](crate::Abi::enter).
    pub(crate) fn start(&mut self, image: &Image, machine: &mut Machine) -> Result<(), StartError> {
        let name = self.args.first().map_or(&b"/guest"[..], |name| name);
        self.files.reset(&self.cwd, name);
        self.process = Process::new(machine.memory.limits());
        self.random.go_to(0);
        self.signals = None;
        self.slept = 0;
        self.counts.fill(0);
        self.host_functions.clear();
        self.first_functions.clear();
        self.unknown = 0;
        start::start(self, image, machine)
    }

    fn signals(&mut self) -> &mut Signals {
        self.signals.get_or_insert_default()
    }

    pub(crate) fn outside(&self) -> &Outside {
        &self.files.outside
    }

    pub(crate) fn outside_mut(&mut self) -> &mut Outside {
        &mut self.files.outside
    }

    /// Counts a call of one of the host functions with the first numbers, which has this place.
    #[inline]
    pub(crate) fn count_first(&mut self, index: usize) {
        match self.first_functions.get_mut(index) {
            Some(count) => *count += 1,
            None => self.count(FIRST_HOST_FUNCTION + index as u64),
        }
    }

    /// Counts a call of a number that a host function answers.
    #[cold]
    pub(crate) fn count(&mut self, number: u64) {
        *self.counter(number) += 1;
    }

    fn counter(&mut self, number: u64) -> &mut u64 {
        let Some(index) = index_of(number) else {
            return self.host_functions.entry(number).or_default();
        };
        if self.first_functions.len() <= index {
            self.first_functions.resize(index + 1, 0);
        }
        &mut self.first_functions[index]
    }

    /// How often host functions were called, by number.
    fn function_counts(&self) -> BTreeMap<u64, u64> {
        let first = (FIRST_HOST_FUNCTION..).zip(self.first_functions.iter().copied());
        first.filter(|&(_, count)| count > 0).chain(self.host_functions.clone()).collect()
    }

    /// Answers one call.
    pub(crate) fn ecall(&mut self, hart: &mut Hart, memory: &mut Memory) -> Result<Flow, HostError> {
        let number = hart.x[17];
        let index = usize::try_from(number).unwrap_or(usize::MAX);
        if index < COUNTED {
            if self.counts.len() <= index {
                self.counts.resize(index + 1, 0);
            }
            self.counts[index] += 1;
        }
        let arguments = std::array::from_fn(|i| hart.x[10 + i]);
        let mut call = Call { linux: self, memory, time: hart.time() };
        let answer = table::dispatch(&mut call, number, arguments).unwrap_or_else(|| {
            self.unknown += 1;
            Err(Errno::NOSYS.into())
        });
        self.areas.note(memory);
        match answer {
            Ok(value) => hart.x[10] = value,
            Err(Stop::Errno(errno)) => hart.x[10] = errno.to_register(),
            Err(Stop::Flow(flow)) => return Ok(flow),
            Err(Stop::Host(error)) => return Err(error),
        }
        Ok(Flow::Continue)
    }

    pub(crate) fn report(&self) -> Report {
        let linux = (0..).zip(&self.counts).filter(|&(_, &count)| count > 0);
        let mut calls: BTreeMap<u64, u64> = linux.map(|(number, &count)| (number, count)).collect();
        calls.extend(self.function_counts());
        Report {
            calls,
            unknown: self.unknown,
            peak_heap: self.areas.peak,
            bytes_read: self.files.bytes_read,
            bytes_written: self.files.bytes_written,
            signal: self.signals.as_ref().and_then(|signals| signals.ended),
        }
    }
}
