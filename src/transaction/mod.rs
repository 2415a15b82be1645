//! Runs that are transactions: guests that use the registers of a store.
//!
//! A run goes through five phases, in an order in which nothing is lost and nothing leaks:
//!
//! 1. *Preparation*: what the guest is given and may use is read from one moment of the store, and time is frozen.
//! 2. *Execution*: the guest runs. Nothing outside its own memory changes.
//! 3. *Finalization*: what it left in its slots is taken over, and the hashes it asked for are computed.
//! 4. *Verification*: it did what was declared, and that is allowed.
//! 5. One atomic commit, with the [`Record`] of the run.
//!
//! Whatever goes wrong before the end, the store is as it was. Who has the store can [repeat](Transactions::verify) the
//! run by its record, on any tier, and must come to the same record.

mod error;
mod guest;
mod job;
mod logic;
mod settings;

pub use error::TransactionError;
pub use job::Job;
pub use logic::GuestLogics;

use std::io::Read;

use causality_machine::{Exit, Hart, Memory, PauseHandle, PauseReason};
use causality_resource::{
    Committed, FieldDifference, Preparing, Record, Rejected, ResourceManager, RunContext, RunExit,
    VerifiedRun,
};
use causality_store::{Commitment, ContentId, Object};
use causality_zk::FinalizedHashes;

use self::guest::Guest;
use self::settings::Settings;
use crate::{Config, Engine, Instance, Module, Report};

/// The version of what programs do: it changes when a program could come to another result than before.
pub const SEMANTICS: u32 = 1;

/// Instructions between two looks at whether capabilities have been revoked.
const SLICE: u64 = 100_000_000;

/// The largest input that is read back for a repetition.
const INPUT: u64 = 1 << 30;

/// Runs guests as transactions over the registers of a store.
#[derive(Clone, Debug)]
pub struct Transactions {
    manager: ResourceManager,
    config: Config,
}

/// A transaction that has been prepared and not yet taken effect. Dropping it leaves the store as it was.
#[derive(Debug)]
pub struct Transaction {
    instance: Instance<Guest>,
    fuel: u64,
}

/// A transaction that took effect.
#[derive(Debug)]
pub struct Outcome {
    /// What was committed.
    pub committed: Committed,
    /// The hashes that the guest asked for.
    pub hashes: FinalizedHashes,
}

/// What repeating a recorded run has shown.
#[derive(Debug)]
pub struct Verification {
    /// The record that the repetition came to.
    pub record: Record,
    /// In which fields it is not the one that was to be verified: none, if all is well.
    pub differences: Vec<FieldDifference>,
    /// The hashes that the guest asked for.
    pub hashes: FinalizedHashes,
}

impl Transactions {
    /// Over the registers of `manager`, executed as `config` says; always metered.
    #[must_use]
    pub fn new(manager: ResourceManager, config: Config) -> Self {
        Transactions { manager, config }
    }

    /// The registers.
    #[must_use]
    pub fn manager(&self) -> &ResourceManager {
        &self.manager
    }

    /// Prepares a run. All its registers are mapped, the first into slot 0.
    ///
    /// # Errors
    /// The program cannot be run; a register is not there, has been consumed, or may not be used; a capability is not
    /// genuine.
    pub fn begin(&self, job: &Job) -> Result<Transaction, TransactionError> {
        self.begin_with(job, |options| options)
    }

    /// The same; `streams` says where the guest's output goes. Nothing of that is recorded.
    ///
    /// # Errors
    /// As [`Transactions::begin`].
    pub fn begin_with(
        &self,
        job: &Job,
        streams: impl FnOnce(crate::Options) -> crate::Options,
    ) -> Result<Transaction, TransactionError> {
        let settings = Settings::of(job, &self.config);
        let bytes = borsh::to_vec(&settings).map_err(|error| TransactionError::Record(error.to_string()))?;
        let mut run = self.manager.begin(job.initiator)?;
        run.input(Settings::NAME, &bytes);
        run.input(STDIN, &job.stdin);
        job.parents.iter().for_each(|&parent| run.parent(parent));
        for capability in &job.capabilities {
            run.capability(capability)?;
        }
        for &(register, intent) in &job.accesses {
            run.declare(register, intent)?;
        }
        let run = run.program_bytes(&job.program, SEMANTICS);
        self.start(run, &settings, &job.program, job.stdin.clone(), streams)
    }

    fn start(
        &self,
        run: RunContext<Preparing>,
        settings: &Settings,
        elf: &[u8],
        stdin: Vec<u8>,
        streams: impl FnOnce(crate::Options) -> crate::Options,
    ) -> Result<Transaction, TransactionError> {
        let engine = Engine::new(settings.configure(&self.config));
        let module = Module::new(&engine, elf)?;
        let options = streams(settings.options()).stdin(std::io::Cursor::new(stdin));
        let run = run.start()?;
        let mut instance = guest::linker(&engine)?.instantiate(&module, options, Guest::new(run))?;
        let (memory, guest) = instance.parts();
        if let Some(run) = &mut guest.run
            && let Err(error) = run.map_all(memory)
        {
            let run = guest.run.take();
            let record = run.map(|run| run.abandon(&error.to_string(), 0));
            return Err(match record {
                Some(record) => Rejected { error: Box::new(error.into()), record: Box::new(record) }.into(),
                None => TransactionError::NotEnded,
            });
        }
        Ok(Transaction { instance, fuel: settings.fuel })
    }

    /// Prepares, runs and commits.
    ///
    /// # Errors
    /// [`TransactionError`]: nothing has happened.
    pub fn run(&self, job: &Job) -> Result<Outcome, TransactionError> {
        let mut transaction = self.begin(job)?;
        transaction.run()?;
        transaction.commit()
    }

    /// Repeats the run of a record in the store, and compares what comes out.
    ///
    /// # Errors
    /// It cannot be repeated: something is not in the store, or not what it should be. [`TransactionError::Rejected`]:
    /// the repetition would not have been allowed to take effect.
    pub fn verify(&self, id: ContentId) -> Result<Verification, TransactionError> {
        let record: Record = self.manager.store().get(id)?;
        self.verify_record(&record)
    }

    /// The same for a record from elsewhere.
    ///
    /// # Errors
    /// As [`Transactions::verify`].
    pub fn verify_record(&self, record: &Record) -> Result<Verification, TransactionError> {
        if record.semantics != SEMANTICS {
            let problem = format!("it is of semantics {}, and this engine has {SEMANTICS}", record.semantics);
            return Err(TransactionError::Record(problem));
        }
        let program = record.program.ok_or_else(|| TransactionError::Record("no guest ran".to_owned()))?;
        let input = |name: &str| -> Result<Vec<u8>, TransactionError> {
            let input = record.inputs.iter().find(|input| input.name == name);
            let input = input.ok_or_else(|| TransactionError::Record(format!("it has no input `{name}`")))?;
            self.bytes(input.blob)
        };
        let settings: Settings = borsh::from_slice(&input(Settings::NAME)?)
            .map_err(|error| TransactionError::Record(format!("its settings: {error}")))?;
        let (elf, stdin) = (self.bytes(program)?, input(STDIN)?);
        let run = self.manager.replay(record)?;
        let mut transaction = self.start(run, &settings, &elf, stdin, |options| options)?;
        transaction.run()?;
        let (verified, hashes) = transaction.verify()?;
        let record_now = verified.record().clone();
        Ok(Verification { differences: record_now.diff(record), record: record_now, hashes })
    }

    fn bytes(&self, id: ContentId) -> Result<Vec<u8>, TransactionError> {
        let mut bytes = Vec::new();
        let read = self.manager.store().open_object(id)?.take(INPUT + 1).read_to_end(&mut bytes);
        read.map_err(|error| TransactionError::Record(format!("{id}: {error}")))?;
        if bytes.len() as u64 > INPUT {
            return Err(TransactionError::Record(format!("{id} is too large")));
        }
        Ok(bytes)
    }
}

/// The name of the input that the program reads.
const STDIN: &str = "stdin";

impl Transaction {
    /// Runs the guest until it ends, or somebody pauses it. Capabilities that are revoked meanwhile are taken from it.
    ///
    /// # Errors
    /// The host failed, the store among it.
    pub fn run(&mut self) -> Result<Exit, TransactionError> {
        loop {
            let (memory, guest) = self.instance.parts();
            if let Some(run) = &mut guest.run {
                run.refresh(memory).map_err(causality_resource::RunError::from)?;
            }
            let exit = self.instance.run_for(SLICE)?;
            if exit != Exit::Paused(PauseReason::Step) {
                return Ok(exit);
            }
        }
    }

    /// A handle that pauses the guest from any thread. It can then be run on, or dropped.
    #[must_use]
    pub fn pause_handle(&self) -> PauseHandle {
        self.instance.pause_handle()
    }

    /// The guest's program.
    #[must_use]
    pub fn module(&self) -> &Module {
        self.instance.module()
    }

    /// The guest's machine registers.
    #[must_use]
    pub fn hart(&self) -> &Hart {
        self.instance.hart()
    }

    /// The guest's memory, and its register file.
    #[must_use]
    pub fn memory(&self) -> &Memory {
        self.instance.memory()
    }

    /// What has happened so far.
    #[must_use]
    pub fn report(&self) -> Report {
        self.instance.report()
    }

    /// Fuel used so far.
    #[must_use]
    pub fn fuel(&self) -> u64 {
        self.fuel - self.instance.fuel()
    }

    /// Makes the run take effect, all of it at once.
    ///
    /// # Errors
    /// [`TransactionError::Rejected`] with the reason why it must not; [`TransactionError::NotEnded`]. Nothing has
    /// happened.
    pub fn commit(self) -> Result<Outcome, TransactionError> {
        let (verified, hashes) = self.verify()?;
        Ok(Outcome { committed: verified.commit()?, hashes })
    }

    /// Finalization and verification.
    fn verify(mut self) -> Result<(VerifiedRun, FinalizedHashes), TransactionError> {
        let fuel = self.fuel();
        let exit = match self.instance.exit() {
            Some(Exit::Completed(code)) => RunExit::Exited(code),
            Some(Exit::Trap(trap)) => {
                RunExit::Trapped { cause: u64::from(trap.cause.code()), pc: trap.pc, tval: trap.tval }
            }
            Some(Exit::OutOfFuel) => RunExit::OutOfFuel,
            _ => return Err(TransactionError::NotEnded),
        };
        let run = self.instance.data_mut().run.take().ok_or(TransactionError::NotEnded)?;
        let run = run.finish(self.instance.memory(), exit, fuel)?;
        let hashes = self.instance.into_data().hashing.finalize();
        let run = match hashes.batch().entries().is_empty() {
            true => run,
            false => run.deferred_hashes(Commitment::from(hashes.commitment())),
        };
        Ok((run.finalize()?.verify()?, hashes))
    }
}

impl Outcome {
    /// The identifier of the record.
    #[must_use]
    pub fn id(&self) -> ContentId {
        self.committed.id
    }
}

impl Verification {
    /// Whether the repetition came to the very record.
    #[must_use]
    pub fn is_confirmed(&self) -> bool {
        self.differences.is_empty()
    }

    /// The identifier of the record that the repetition came to.
    ///
    /// # Errors
    /// [`TransactionError::Record`] if it cannot be encoded.
    pub fn id(&self) -> Result<ContentId, TransactionError> {
        self.record.content_id().map_err(|error| TransactionError::Record(error.to_string()))
    }
}
