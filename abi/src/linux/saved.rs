//! The process without what is the host's: to be encoded, and to go on elsewhere.

use std::collections::BTreeMap;

use borsh::{BorshDeserialize, BorshSerialize};
use causality_machine::{Hart, Memory};

use super::files::{FileProblem, SavedFiles};
use super::memory::Areas;
use super::process::Process;
use super::random::Random;
use super::signal::Signals;
use super::{COUNTED, Linux};
use crate::Options;

/// A process as its host knows it, in a form that can be encoded: what it was started with, where its heap and mappings
/// are, its descriptors, signals, clocks, randomness and counts, and which host functions there were. Streams, directories,
/// what files hold and the embedder's data are not in it.
///
/// Decoding accepts states that no process has; they are refused when they are restored.
#[derive(Clone, Debug, PartialEq, Eq, BorshSerialize, BorshDeserialize)]
pub struct ProcessState {
    args: Vec<Vec<u8>>,
    env: Vec<Vec<u8>>,
    start_directory: Vec<u8>,
    seed: u64,
    areas: Areas,
    files: SavedFiles,
    process: Process,
    random: u64,
    signals: Signals,
    slept: u64,
    counts: BTreeMap<u16, u64>,
    function_counts: BTreeMap<u64, u64>,
    unknown: u64,
    pub(crate) functions: BTreeMap<u64, String>,
}

/// Why a process cannot be saved.
#[derive(Clone, Debug, PartialEq, Eq, thiserror::Error)]
#[non_exhaustive]
pub enum SaveError {
    /// It was put back to an earlier moment, and is yet to hear answers that the world gave then.
    #[error("the process is to hear earlier answers of the world again")]
    Rewound,
    /// It has a file open that cannot be found again.
    #[error("the open file `{path}` cannot be found again: {problem}")]
    File {
        /// The guest path.
        path: String,
        /// Why not.
        problem: FileProblem,
    },
}

/// Why a process cannot go on here.
#[derive(Clone, Debug, PartialEq, Eq, thiserror::Error)]
#[non_exhaustive]
pub enum RestoreError {
    /// No process has such a state.
    #[error("no process has such a state: {0}")]
    Malformed(&'static str),
    /// It had a host function that is not there, under this number and name.
    #[error("the host function `{name}`, number {number:#x}, is not there")]
    Function {
        /// Its number.
        number: u64,
        /// Its name.
        name: String,
    },
    /// Other directories are given than it had.
    #[error("the directory `{path}`, {}, {}",
        if *.writable { "writable" } else { "read-only" },
        if *.was_there { "was given and is not" } else { "is given and was not" })]
    Directory {
        /// The guest path.
        path: String,
        /// Whether the guest may change it.
        writable: bool,
        /// Whether the process had it; otherwise it is given now.
        was_there: bool,
    },
    /// A file it has open is not as it was.
    #[error("the open file `{path}` is not as it was: {problem}")]
    File {
        /// The guest path.
        path: String,
        /// Why not.
        problem: FileProblem,
    },
}

impl ProcessState {
    /// The options with what this process was started with: arguments, environment, working directory and seed.
    #[must_use]
    pub fn options(&self, options: Options) -> Options {
        Options {
            args: self.args.clone(),
            env: self.env.clone(),
            cwd: self.start_directory.clone(),
            seed: self.seed,
            ..options
        }
    }

    /// Bytes of standard input that it has read.
    #[must_use]
    pub const fn input_read(&self) -> u64 {
        self.files.input_read
    }

    /// The host functions by number.
    pub fn functions(&self) -> impl Iterator<Item = (u64, &str)> {
        self.functions.iter().map(|(&number, name)| (number, name.as_str()))
    }

    fn check(&self, memory: &Memory) -> Result<(), RestoreError> {
        let counts = self.counts.values().chain(self.function_counts.values());
        let mut numbers = counts.chain([&self.unknown, &self.random]);
        if numbers.any(|&count| count > Hart::MAX_FUEL) {
            return Err(RestoreError::Malformed("a count"));
        }
        if self.counts.keys().any(|&number| usize::from(number) >= COUNTED) {
            return Err(RestoreError::Malformed("the count of a call"));
        }
        match self.areas.are_sound(memory) {
            true => Ok(()),
            false => Err(RestoreError::Malformed("the place of the heap")),
        }
    }
}

impl Linux {
    /// All of the process; `functions` are the host functions there are.
    ///
    /// # Errors
    /// [`SaveError`].
    pub(crate) fn save(&self, functions: BTreeMap<u64, String>) -> Result<ProcessState, SaveError> {
        if !self.outside().is_live() {
            return Err(SaveError::Rewound);
        }
        let counts = (0..).zip(&self.counts).filter(|&(_, &count)| count > 0);
        Ok(ProcessState {
            args: self.args.clone(),
            env: self.env.clone(),
            start_directory: self.cwd.clone(),
            seed: self.seed,
            areas: self.areas.clone(),
            files: self.files.save()?,
            process: self.process.clone(),
            random: self.random.position(),
            signals: self.signals.as_deref().cloned().unwrap_or_default(),
            slept: self.slept,
            counts: counts.map(|(number, &count)| (number, count)).collect(),
            function_counts: self.function_counts(),
            unknown: self.unknown,
            functions,
        })
    }

    /// Becomes what was saved.
    ///
    /// # Errors
    /// [`RestoreError`]; nothing has changed then.
    pub(crate) fn restore(&mut self, saved: &ProcessState, memory: &Memory) -> Result<(), RestoreError> {
        saved.check(memory)?;
        self.files.restore(&saved.files)?;
        self.args.clone_from(&saved.args);
        self.env.clone_from(&saved.env);
        self.cwd.clone_from(&saved.start_directory);
        self.seed = saved.seed;
        self.areas = saved.areas.clone();
        self.process = saved.process.clone();
        self.random = Random::new(saved.seed);
        self.random.go_to(saved.random);
        self.signals().clone_from(&saved.signals);
        self.slept = saved.slept;
        self.counts = vec![0; saved.counts.keys().max().map_or(0, |&most| usize::from(most) + 1)];
        for (&number, &count) in &saved.counts {
            self.counts[usize::from(number)] = count;
        }
        saved.function_counts.iter().for_each(|(&number, &count)| *self.counter(number) = count);
        self.unknown = saved.unknown;
        Ok(())
    }
}
