//! What a guest is given besides its program and input, as far as what it does may depend on it.

use borsh::{BorshDeserialize, BorshSerialize};
use causality_machine::{Limits, OnMemoryLimit};
use causality_resource::{Principal, ResourceManager, RunLimits, TrustedRoots};
use causality_zk::HashLimits;

use super::job::Declared;
use super::{Job, TransactionError};
use crate::{Config, Options};

/// In the store, as an input of the run: who repeats it has to use the same.
#[derive(Clone, Debug, PartialEq, Eq, BorshSerialize, BorshDeserialize)]
pub(super) struct Settings {
    pub(super) initiator: Principal,
    args: Vec<Vec<u8>>,
    env: Vec<(Vec<u8>, Vec<u8>)>,
    seed: u64,
    /// What was declared.
    pub(super) accesses: Vec<Declared>,
    pub(super) bounds: Bounds,
    /// Whose capabilities are believed.
    trusted: TrustedRoots,
    /// What the answers of logics depend on.
    logics: Vec<u8>,
}

/// What bounds a run.
#[derive(Clone, Debug, PartialEq, Eq, BorshSerialize, BorshDeserialize)]
pub(super) struct Bounds {
    pub(super) fuel: u64,
    address_space: u64,
    memory: u64,
    stack: u64,
    segments: u64,
    traps_on_memory_limit: bool,
    allow_writable_code: bool,
    registers: u32,
    register_bytes: u64,
    run_registers: u64,
    run_outputs: u64,
    run_output_bytes: u64,
    run_journal: u64,
    run_decisions: u64,
    run_capabilities: u64,
    run_parents: u64,
    hash_requests: u64,
    hash_bytes: u64,
}

impl Bounds {
    pub(super) fn of(config: &Config, run: RunLimits, hashes: HashLimits) -> Self {
        let limits = config.get_limits();
        Bounds {
            fuel: config.get_fuel(),
            address_space: limits.address_space,
            memory: limits.memory,
            stack: limits.stack,
            segments: limits.segments as u64,
            traps_on_memory_limit: limits.on_memory_limit == OnMemoryLimit::Trap,
            allow_writable_code: limits.allow_writable_code,
            registers: limits.registers,
            register_bytes: limits.register_bytes,
            run_registers: run.registers as u64,
            run_outputs: run.outputs as u64,
            run_output_bytes: run.output_bytes as u64,
            run_journal: run.journal as u64,
            run_decisions: run.decisions as u64,
            run_capabilities: run.capabilities as u64,
            run_parents: run.parents as u64,
            hash_requests: hashes.requests,
            hash_bytes: hashes.bytes,
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
            segments: size(self.segments),
            on_memory_limit,
            allow_writable_code: self.allow_writable_code,
            registers: self.registers,
            register_bytes: self.register_bytes,
        };
        config.clone().limits(limits).fuel(self.fuel).metering(true)
    }

    pub(super) fn run_limits(&self) -> RunLimits {
        RunLimits {
            registers: size(self.run_registers),
            outputs: size(self.run_outputs),
            output_bytes: size(self.run_output_bytes),
            journal: size(self.run_journal),
            decisions: size(self.run_decisions),
            capabilities: size(self.run_capabilities),
            parents: size(self.run_parents),
        }
    }

    pub(super) fn hash_limits(&self) -> HashLimits {
        HashLimits { requests: self.hash_requests, bytes: self.hash_bytes }
    }

    /// The numbers, by name.
    fn numbers(&self) -> [(&'static str, u64); 16] {
        [
            ("fuel", self.fuel),
            ("address_space", self.address_space),
            ("memory", self.memory),
            ("stack", self.stack),
            ("segments", self.segments),
            ("registers", self.registers.into()),
            ("register_bytes", self.register_bytes),
            ("run_registers", self.run_registers),
            ("run_outputs", self.run_outputs),
            ("run_output_bytes", self.run_output_bytes),
            ("run_journal", self.run_journal),
            ("run_decisions", self.run_decisions),
            ("run_capabilities", self.run_capabilities),
            ("run_parents", self.run_parents),
            ("hash_requests", self.hash_requests),
            ("hash_bytes", self.hash_bytes),
        ]
    }

    /// Refuses to do for a record what `ceiling` does not allow.
    fn check(&self, ceiling: &Bounds) -> Result<(), TransactionError> {
        for ((name, recorded), (_, most)) in self.numbers().into_iter().zip(ceiling.numbers()) {
            if recorded > most {
                let problem =
                    format!("the record has {recorded}, and whoever repeats it allows {most} at most");
                return Err(TransactionError::record(Settings::field(name), problem));
            }
        }
        if self.allow_writable_code && !ceiling.allow_writable_code {
            let problem = "the record has writable code, and whoever repeats it does not allow that";
            return Err(TransactionError::record(Settings::field("allow_writable_code"), problem));
        }
        Ok(())
    }
}

fn size(number: u64) -> usize {
    usize::try_from(number).unwrap_or(usize::MAX)
}

impl Settings {
    /// The name of this input, which is the first.
    pub(super) const NAME: &'static str = "settings";

    /// The most bytes of it.
    pub(super) const MOST: u64 = 16 << 20;

    /// What errors call one of the settings.
    pub(super) fn field(name: &str) -> String {
        format!("inputs[0].{name}")
    }

    pub(super) fn of(job: &Job, bounds: Bounds, manager: &ResourceManager) -> Self {
        Settings {
            initiator: job.initiator,
            args: job.task.get_args().to_vec(),
            env: job.task.get_env().to_vec(),
            seed: job.task.get_seed(),
            accesses: job.accesses.clone(),
            bounds,
            trusted: manager.trusted_roots().clone(),
            logics: manager.logics().terms(),
        }
    }

    pub(super) fn to_bytes(&self) -> Result<Vec<u8>, TransactionError> {
        let bytes = borsh::to_vec(self).unwrap_or_default();
        match bytes.is_empty() || bytes.len() as u64 > Settings::MOST {
            true => Err(TransactionError::SettingsTooLong(Settings::MOST)),
            false => Ok(bytes),
        }
    }

    /// Whether a record with these settings can be repeated by somebody who allows no more than `ceiling`.
    pub(super) fn check(&self, ceiling: &Bounds, manager: &ResourceManager) -> Result<(), TransactionError> {
        self.bounds.check(ceiling)?;
        if self.trusted != *manager.trusted_roots() {
            let of = |trusted: &TrustedRoots| {
                let roots: Vec<_> = trusted.iter().map(|root| root.to_string()).collect();
                let controllers = if trusted.trusts_controllers() { " and controllers" } else { "" };
                if roots.is_empty() { format!("nobody{controllers}") } else { roots.join(", ") + controllers }
            };
            let (recorded, here) = (of(&self.trusted), of(manager.trusted_roots()));
            let problem = format!("the run believed {recorded}, and whoever repeats it believes {here}");
            return Err(TransactionError::record(Settings::field("trusted"), problem));
        }
        if self.logics != manager.logics().terms() {
            let problem = "logics are not loaded on the same terms by whoever repeats it";
            return Err(TransactionError::record(Settings::field("logics"), problem));
        }
        Ok(())
    }

    pub(super) fn options(&self) -> Options {
        let options = Options::new().args(&self.args).seed(self.seed);
        self.env.iter().fold(options, |options, (name, value)| options.env(name, value))
    }
}
