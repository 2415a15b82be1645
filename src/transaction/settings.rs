//! What a guest is given besides its program and input, as far as what it does may depend on it.

use borsh::{BorshDeserialize, BorshSerialize};
use causality_machine::{Limits, OnMemoryLimit};

use super::Job;
use crate::{Config, Options};

/// In the store, as an input of the run: who repeats it has to use the same.
#[derive(Clone, Debug, PartialEq, Eq, BorshSerialize, BorshDeserialize)]
pub(super) struct Settings {
    args: Vec<Vec<u8>>,
    env: Vec<(Vec<u8>, Vec<u8>)>,
    seed: u64,
    pub(super) fuel: u64,
    address_space: u64,
    memory: u64,
    stack: u64,
    segments: u64,
    traps_on_memory_limit: bool,
    allow_writable_code: bool,
    registers: u32,
    register_bytes: u64,
}

impl Settings {
    /// The name of this input.
    pub(super) const NAME: &'static str = "settings";

    pub(super) fn of(job: &Job, config: &Config) -> Self {
        let limits = config.get_limits();
        Settings {
            args: job.args.clone(),
            env: job.env.clone(),
            seed: job.seed,
            fuel: config.get_fuel(),
            address_space: limits.address_space,
            memory: limits.memory,
            stack: limits.stack,
            segments: limits.segments as u64,
            traps_on_memory_limit: limits.on_memory_limit == OnMemoryLimit::Trap,
            allow_writable_code: limits.allow_writable_code,
            registers: limits.registers,
            register_bytes: limits.register_bytes,
        }
    }

    /// The same configuration but for what results depend on. It is metered in any case.
    pub(super) fn configure(&self, config: &Config) -> Config {
        let on_memory_limit =
            if self.traps_on_memory_limit { OnMemoryLimit::Trap } else { OnMemoryLimit::Errno };
        let limits = Limits {
            address_space: self.address_space,
            memory: self.memory,
            stack: self.stack,
            segments: usize::try_from(self.segments).unwrap_or(usize::MAX),
            on_memory_limit,
            allow_writable_code: self.allow_writable_code,
            registers: self.registers,
            register_bytes: self.register_bytes,
        };
        config.clone().limits(limits).fuel(self.fuel).metering(true)
    }

    pub(super) fn options(&self) -> Options {
        let options = Options::new().args(&self.args).seed(self.seed);
        self.env.iter().fold(options, |options, (name, value)| options.env(name, value))
    }
}
