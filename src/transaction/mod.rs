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
//!
//! ```
//! use causality_vm::resource::{Grant, Intent, KeyPair, RegisterDraft, ResourceManager, Rights, Target, Token, TrustedRoots};
//! use causality_vm::store::Store;
//! use causality_vm::transaction::{Job, Transactions};
//! use causality_vm::{Config, ContentId, ObjectKind};
//!
//! # fn main() -> Result<(), Box<dyn std::error::Error>> {
//! let alice = KeyPair::generate();
//! let roots = TrustedRoots::new().with_root(alice.principal());
//! let manager = ResourceManager::new(Store::in_memory()?).with_roots(roots);
//! let everything = Grant::new(alice.principal(), Target::Any, Rights::ALL).issue(&alice)?;
//!
//! // A hundred pieces of gold.
//! let mut run = manager.begin(alice.principal())?;
//! run.capability(&everything)?;
//! let mut run = run.start()?;
//! let gold = run.create(RegisterDraft {
//!     logic: Token::logic_id(),
//!     domain: ContentId::of(ObjectKind::Blob, b"gold"),
//!     quantity: 100,
//!     controller: alice.principal(),
//!     nullifier_key: [1; 32],
//!     nonce: [0; 32],
//!     predecessor: None,
//!     metadata: Vec::new(),
//! })?;
//! run.finish_host().finalize()?.verify()?.commit()?;
//!
//! // A guest pays 30 of them to somebody, once.
//! let bob: String = KeyPair::generate().principal().as_bytes().iter().map(|byte| format!("{byte:02x}")).collect();
//! let job = Job::new(alice.principal(), std::fs::read("examples/transfer.elf")?)
//!     .args(["transfer", "30", &bob])
//!     .register(gold, Intent::Consume)
//!     .capability(everything);
//! let transactions = Transactions::new(manager, Config::new().fuel(1_000_000));
//! let outcome = transactions.run(&job)?;
//! let record = &outcome.committed.record;
//! assert_eq!((record.consumed.len(), record.created.len()), (1, 2));
//! assert!(transactions.run(&job).is_err(), "it has been spent");
//! assert!(transactions.verify(outcome.id())?.is_confirmed());
//! # Ok(())
//! # }
//! ```

mod error;
mod guest;
mod identity;
mod job;
mod logic;
mod modules;
mod settings;
mod streams;

pub use error::TransactionError;
pub use job::Job;
pub use logic::GuestLogics;
pub use streams::Streams;

use std::sync::Arc;
use std::time::Instant;

use causality_machine::{Exit, Hart, Memory, PauseHandle, PauseReason, Trap};
use causality_resource::{
    AccessError, Committed, FieldDifference, Preparing, Record, ResourceManager, RevocationWatch, RunContext,
    RunError, RunExit, VerifiedRun,
};
use causality_store::{ContentId, Object, ObjectKind, StoreError};
use causality_zk::{DeferredHashing, FinalizedHashes, HashLimits};

use self::guest::Guest;
use self::modules::Modules;
use self::settings::{Bounds, Settings};
use crate::{Config, Engine, Instance, Module, Report};

/// The version of what programs do: it changes when a program could come to another result than before.
pub const SEMANTICS: u32 = 1;

/// Instructions between two looks at whether other processes have revoked capabilities. This process tells at once.
const SLICE: u64 = 2_000_000;

/// The largest input that is read back for a repetition.
const INPUT: u64 = 1 << 30;

/// The largest record that is read back.
const RECORD: u64 = 256 << 20;

/// Runs guests as transactions over the registers of a store.
#[derive(Clone, Debug)]
pub struct Transactions {
    manager: ResourceManager,
    config: Config,
    hashes: HashLimits,
    /// For runs with just the limits of `config`.
    modules: Modules,
}

/// A transaction that has been prepared and not yet taken effect. Dropping it leaves the store as it was.
///
/// ```
/// use causality_vm::resource::{KeyPair, ResourceManager};
/// use causality_vm::store::Store;
/// use causality_vm::transaction::{Job, TransactionError, Transactions};
/// use causality_vm::Config;
///
/// # fn main() -> Result<(), Box<dyn std::error::Error>> {
/// let manager = ResourceManager::new(Store::in_memory()?);
/// let transactions = Transactions::new(manager, Config::new().fuel(1_000_000));
/// let job = Job::new(KeyPair::generate().principal(), std::fs::read("examples/hello.elf")?).args(["hello", "reader"]);
/// # use causality_vm::{Exit, PauseReason};
/// let mut transaction = transactions.begin(&job)?;
/// transaction.pause_handle().pause();
/// assert_eq!(transaction.run()?, Exit::Paused(PauseReason::Requested));
/// assert!(matches!(transaction.commit(), Err(TransactionError::NotEnded)));
///
/// let mut transaction = transactions.begin(&job)?;
/// assert_eq!(transaction.run()?, Exit::Completed(0));
/// transaction.commit()?;
/// # Ok(())
/// # }
/// ```
#[derive(Debug)]
pub struct Transaction {
    instance: Instance<Guest>,
    fuel: u64,
    /// For the embedder. The instance's own handle is for revocations, which must not be taken for the embedder's pauses.
    pause: PauseHandle,
    /// Pauses the guest when capabilities are revoked.
    _watch: RevocationWatch,
}

/// A transaction that took effect.
#[derive(Debug)]
pub struct Outcome {
    /// What was committed.
    pub committed: Committed,
    /// The hashes that the guest asked for. The store has their batch too, under `deferred_hashes` of the record.
    pub hashes: FinalizedHashes,
}

/// What repeating a recorded run has shown, and what the store says about the record.
#[derive(Debug)]
pub struct Verification {
    /// Whether the record is in the store's list of those of runs that took effect.
    pub committed: bool,
    /// The record that the repetition came to.
    pub record: Record,
    /// In which fields it is not the one that was to be verified: none, if all is well. On the left is the repetition.
    pub differences: Vec<FieldDifference>,
    /// Which fields the store contradicts: registers that another run has used up, for example. On the left is the store.
    pub contradictions: Vec<FieldDifference>,
    /// Why the repetition must not take effect, if so: those of runs that failed do not.
    pub refusal: Option<Box<RunError>>,
    /// The hashes that the guest asked for; none if the repetition must not take effect.
    pub hashes: FinalizedHashes,
}

impl Transactions {
    /// Over the registers of `manager`, executed as `config` says; always metered.
    ///
    /// Fuel and limits, of `config` and of `manager`, are those of each run. They are also a ceiling for what is
    /// [verified](Self::verify): a record that asks for more is refused, as somebody else has written it.
    #[must_use]
    pub fn new(manager: ResourceManager, config: Config) -> Self {
        let hashes = HashLimits::default();
        let bounds = Bounds::of(&config, manager.limits(), hashes);
        let modules = Modules::new(bounds.configure(&config));
        Transactions { manager, config, hashes, modules }
    }

    /// The same with other limits for the hashes that guests ask for.
    ///
    /// ```
    /// use causality_vm::resource::{KeyPair, ResourceManager};
    /// use causality_vm::store::Store;
    /// use causality_vm::transaction::{Job, TransactionError, Transactions};
    /// use causality_vm::zk::HashLimits;
    /// use causality_vm::Config;
    ///
    /// # fn main() -> Result<(), Box<dyn std::error::Error>> {
    /// let manager = ResourceManager::new(Store::in_memory()?);
    /// let transactions = Transactions::new(manager, Config::new().fuel(1_000_000));
    /// let job = Job::new(KeyPair::generate().principal(), std::fs::read("examples/hello.elf")?).args(["hello", "reader"]);
    /// let record = transactions.run(&job)?.committed.record;
    /// // Who allows less does not repeat what was allowed more.
    /// let strict = transactions.hash_limits(HashLimits { requests: 1, ..HashLimits::default() });
    /// assert!(matches!(strict.verify_record(&record), Err(TransactionError::Record { .. })));
    /// # Ok(())
    /// # }
    /// ```
    #[must_use]
    pub fn hash_limits(self, hashes: HashLimits) -> Self {
        Transactions { hashes, ..self }
    }

    /// The registers.
    #[must_use]
    pub fn manager(&self) -> &ResourceManager {
        &self.manager
    }

    fn bounds(&self) -> Bounds {
        Bounds::of(&self.config, self.manager.limits(), self.hashes)
    }

    /// An engine for runs with these bounds.
    fn modules(&self, bounds: &Bounds) -> Modules {
        match *bounds == self.bounds() {
            true => self.modules.clone(),
            false => Modules::new(bounds.configure(&self.config)),
        }
    }

    /// Prepares a run. All its registers are mapped, the first into slot 0, but for those that the program is to load.
    ///
    /// # Errors
    /// The program cannot be run; a register is not there, has been consumed, or may not be used; a capability is not
    /// genuine; a parent is not the record of a run that took effect.
    pub fn begin(&self, job: &Job) -> Result<Transaction, TransactionError> {
        self.begin_with(job, Streams::new())
    }

    /// The same; `streams` says where the guest's output goes. Nothing of that is recorded.
    ///
    /// ```
    /// use causality_vm::resource::{KeyPair, ResourceManager};
    /// use causality_vm::store::Store;
    /// use causality_vm::transaction::{Job, Streams, Transactions};
    /// use causality_vm::Config;
    ///
    /// # fn main() -> Result<(), Box<dyn std::error::Error>> {
    /// let manager = ResourceManager::new(Store::in_memory()?);
    /// let transactions = Transactions::new(manager, Config::new().fuel(1_000_000));
    /// let job = Job::new(KeyPair::generate().principal(), std::fs::read("examples/hello.elf")?).args(["hello", "reader"]);
    /// # use causality_vm::{Capture, Exit};
    /// let stdout = Capture::new(4096);
    /// let mut transaction = transactions.begin_with(&job, Streams::new().stdout(stdout.clone()))?;
    /// assert_eq!(transaction.run()?, Exit::Completed(0));
    /// assert!(stdout.text().starts_with("Hello, reader!"));
    /// assert_eq!(transaction.report().fuel_used, transaction.fuel());
    /// transaction.commit()?;
    /// # Ok(())
    /// # }
    /// ```
    ///
    /// # Errors
    /// As [`Transactions::begin`].
    pub fn begin_with(&self, job: &Job, streams: Streams) -> Result<Transaction, TransactionError> {
        let settings = Settings::of(job, self.bounds(), &self.manager);
        let bytes = settings.to_bytes()?;
        let program = job.task.program();
        let module = self.modules.module(program.id(), || Ok::<_, TransactionError>(program.bytes()))?;
        let mut run = self.manager.begin(job.initiator)?;
        run.input(Settings::NAME, &bytes);
        run.input(STDIN, job.task.get_stdin());
        job.parents.iter().for_each(|&parent| run.parent(parent));
        for capability in &job.capabilities {
            run.capability(capability)?;
        }
        for declared in &job.accesses {
            run.declare(declared.register, declared.intent)?;
        }
        let run = run.program_bytes(program.bytes(), SEMANTICS);
        let stdin = Arc::clone(job.task.get_stdin());
        self.start(run, &settings, self.modules.engine(), &module, stdin, streams)
    }

    fn start(
        &self,
        run: RunContext<Preparing>,
        settings: &Settings,
        engine: &Engine,
        module: &Module,
        stdin: Arc<[u8]>,
        streams: Streams,
    ) -> Result<Transaction, TransactionError> {
        let options = streams.of(settings.options()).stdin(std::io::Cursor::new(stdin));
        let guest = Guest::new(run.start()?, settings.bounds.hash_limits());
        let mut instance = guest::linker(engine)?.instantiate(module, options, guest)?;
        let handle = instance.pause_handle();
        // Before the first look at revocations, so that none is missed.
        let watch = self.manager.on_revocation(move || handle.pause());
        let (memory, guest) = instance.parts();
        let run = guest.run.as_mut().ok_or(TransactionError::NotEnded)?;
        let accesses = settings.accesses.iter().enumerate();
        let mut now = (0..).zip(accesses.filter(|(_, declared)| !declared.is_later));
        let mapped = now.try_for_each(|(slot, (index, _))| run.map(memory, index, slot));
        if let Err(error) = mapped {
            let run = guest.run.take().ok_or(TransactionError::NotEnded)?;
            return Err(run.reject(error.into()).into());
        }
        let (fuel, pause) = (settings.bounds.fuel, PauseHandle::default());
        Ok(Transaction { instance, fuel, pause, _watch: watch })
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

    /// Whether a run took effect, and as its record says: looks it up in the store, repeats it, and compares what
    /// comes out. See [`Verification::is_confirmed`].
    ///
    /// # Errors
    /// As [`Transactions::verify_record`]; the record is not in the store.
    pub fn verify(&self, id: ContentId) -> Result<Verification, TransactionError> {
        let bytes = self.manager.store().snapshot()?.bytes(id, RECORD)?;
        let record = Record::from_bytes(&bytes).map_err(StoreError::from)?;
        self.verify_record(&record)
    }

    /// The same for a record from wherever. It is confirmed only if this store has it, too.
    ///
    /// What the record names has to be in the store. Fuel and limits of this object's configuration are a ceiling: time and
    /// memory that this takes are bounded by them, whatever the record says.
    ///
    /// ```
    /// use causality_vm::resource::{KeyPair, ResourceManager};
    /// use causality_vm::store::Store;
    /// use causality_vm::transaction::{Job, TransactionError, Transactions};
    /// use causality_vm::Config;
    ///
    /// # fn main() -> Result<(), Box<dyn std::error::Error>> {
    /// let manager = ResourceManager::new(Store::in_memory()?);
    /// let transactions = Transactions::new(manager, Config::new().fuel(1_000_000));
    /// let job = Job::new(KeyPair::generate().principal(), std::fs::read("examples/hello.elf")?).args(["hello", "reader"]);
    /// let mut record = transactions.run(&job)?.committed.record;
    /// assert!(transactions.verify_record(&record)?.is_confirmed());
    ///
    /// // Somebody says that another version of the engine did it.
    /// record.semantics += 1;
    /// assert!(matches!(transactions.verify_record(&record), Err(TransactionError::Record { field, .. }) if field == "semantics"));
    /// # Ok(())
    /// # }
    /// ```
    ///
    /// # Errors
    /// [`TransactionError::Record`]: it cannot be repeated, because something is not in the store, not what it should be, or
    /// more than is allowed here. Failures of the host.
    pub fn verify_record(&self, record: &Record) -> Result<Verification, TransactionError> {
        if record.version != Record::VERSION {
            let problem = format!("this engine repeats version {}", Record::VERSION);
            return Err(TransactionError::record("version", problem));
        }
        if record.semantics != SEMANTICS {
            let problem = format!("it is {}, and this engine has {SEMANTICS}", record.semantics);
            return Err(TransactionError::record("semantics", problem));
        }
        let program = record.program.ok_or_else(|| TransactionError::record("program", "no guest ran"))?;
        let settings = self.settings_of(record)?;
        let standing = self.manager.standing(record)?;
        let modules = self.modules(&settings.bounds);
        let elf = self.object("program", program, ObjectKind::Program, INPUT)?;
        let module = modules.module(program, || Ok::<_, crate::Error>(&elf));
        let module = module.map_err(|error| TransactionError::record("program", error))?;
        let stdin = self.object("inputs[1].blob", record.inputs[1].blob, ObjectKind::Blob, INPUT)?;
        let manager = self.manager.clone().with_limits(settings.bounds.run_limits());
        let run = manager.replay(record).map_err(field_of)?;
        let repeated =
            match self.start(run, &settings, modules.engine(), &module, stdin.into(), Streams::new()) {
                Ok(mut transaction) => {
                    transaction.run()?;
                    transaction.verify()
                }
                Err(TransactionError::Engine(error)) => {
                    return Err(TransactionError::record(Settings::field("limits"), error));
                }
                Err(TransactionError::Run(error)) => return Err(field_of(error)),
                Err(error) => Err(error),
            };
        let (repeated, refusal, hashes) = match repeated {
            Ok((verified, hashes)) => (verified.record().clone(), None, hashes),
            Err(TransactionError::Rejected(rejected)) if !is_host_failure(&rejected.error) => {
                (*rejected.record, Some(rejected.error), DeferredHashing::new().finalize())
            }
            Err(error) => return Err(error),
        };
        Ok(Verification {
            committed: standing.committed.is_some(),
            differences: repeated.diff(record),
            contradictions: standing.contradictions,
            record: repeated,
            refusal,
            hashes,
        })
    }

    /// The settings of a record, which has them and the standard input as its inputs and nothing else.
    fn settings_of(&self, record: &Record) -> Result<Settings, TransactionError> {
        let names = [Settings::NAME, STDIN];
        for (index, name) in names.into_iter().enumerate() {
            let found = record.inputs.get(index).map(|input| input.name.as_str());
            if found != Some(name) {
                let problem = format!("it must be `{name}` and is {found:?}");
                return Err(TransactionError::record(format!("inputs[{index}].name"), problem));
            }
        }
        if record.inputs.len() > names.len() {
            let problem = "there is nothing that a program is given besides";
            return Err(TransactionError::record(format!("inputs[{}]", names.len()), problem));
        }
        let bytes = self.object("inputs[0].blob", record.inputs[0].blob, ObjectKind::Blob, Settings::MOST)?;
        let settings: Settings =
            borsh::from_slice(&bytes).map_err(|error| TransactionError::record("inputs[0].blob", error))?;
        if settings.initiator != record.initiator {
            let problem = format!("the run was for {}", settings.initiator);
            return Err(TransactionError::record("initiator", problem));
        }
        for index in 0..settings.accesses.len().max(record.accesses.len()) {
            let declared = settings.accesses.get(index).map(|it| (it.register, it.intent));
            let recorded = record.accesses.get(index).map(|it| (it.register, it.intent));
            if declared != recorded {
                let problem = "this is not what was declared when the run began";
                return Err(TransactionError::record(format!("accesses[{index}]"), problem));
            }
        }
        settings.check(&self.bounds(), &self.manager)?;
        Ok(settings)
    }

    /// The bytes of an object that a field of a record names.
    fn object(
        &self,
        field: &str,
        id: ContentId,
        kind: ObjectKind,
        most: u64,
    ) -> Result<Vec<u8>, TransactionError> {
        let named = |error: StoreError| TransactionError::record(field, error);
        let snapshot = self.manager.store().snapshot()?;
        match snapshot.kind(id).map_err(named)? {
            Some(found) if found != kind => {
                let error = StoreError::WrongKind { id, expected: kind, found };
                Err(named(error))
            }
            _ => snapshot.bytes(id, most).map_err(named),
        }
    }
}

/// The name of the input that the program reads.
const STDIN: &str = "stdin";

/// What repeating found wrong with a record.
fn field_of(error: RunError) -> TransactionError {
    match error {
        RunError::Field { field, error } => TransactionError::record(field, error),
        error => TransactionError::Run(error),
    }
}

/// How a record writes down that a guest ended; nothing of one that has not.
pub(crate) fn recorded(exit: Exit) -> Option<RunExit> {
    match exit {
        Exit::Completed(code) => Some(RunExit::Exited(code)),
        Exit::Trap(Trap { cause, pc, tval }) => {
            Some(RunExit::Trapped { cause: u64::from(cause.code()), pc, tval })
        }
        Exit::OutOfFuel => Some(RunExit::OutOfFuel),
        Exit::Paused(_) => None,
    }
}

/// Whether a repetition was refused for no reason that is in the record.
fn is_host_failure(error: &RunError) -> bool {
    matches!(error, RunError::Store(_) | RunError::Access(AccessError::Store(_)))
}

impl Transaction {
    /// Runs the guest until it ends, or somebody pauses it. Capabilities that are revoked meanwhile are taken from it: at once
    /// if this process revokes them through the same [`ResourceManager`], otherwise before the guest has executed two million
    /// instructions more.
    ///
    /// # Errors
    /// The host failed, the store among it.
    pub fn run(&mut self) -> Result<Exit, TransactionError> {
        loop {
            let (memory, guest) = self.instance.parts();
            if let Some(run) = &mut guest.run {
                run.refresh(memory).map_err(RunError::from)?;
            }
            if self.pause.take() {
                self.instance.pause_handle().pause();
                return Ok(self.instance.run_for(1)?);
            }
            let exit = self.instance.run_for(SLICE)?;
            // The instance is paused for revocations only.
            if !matches!(exit, Exit::Paused(PauseReason::Step | PauseReason::Requested)) {
                return Ok(exit);
            }
        }
    }

    /// A handle that pauses the guest from any thread, within two million instructions. It can then be run on, or dropped.
    #[must_use]
    pub fn pause_handle(&self) -> PauseHandle {
        self.pause.clone()
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
        let span = tracing::debug_span!("commit", module = %self.instance.module().id(), microseconds = tracing::field::Empty);
        let _entered = span.enter();
        let start = Instant::now();
        let outcome = self.take_effect();
        let time = start.elapsed();
        crate::measured::committed(outcome.is_ok(), time);
        span.record("microseconds", time.as_micros() as u64);
        outcome
    }

    fn take_effect(self) -> Result<Outcome, TransactionError> {
        let (verified, hashes) = self.verify()?;
        Ok(Outcome { committed: verified.commit()?, hashes })
    }

    /// How the guest ended.
    pub(crate) fn exit(&self) -> Result<RunExit, TransactionError> {
        self.instance.exit().and_then(recorded).ok_or(TransactionError::NotEnded)
    }

    /// Finalization and verification.
    pub(crate) fn verify(mut self) -> Result<(VerifiedRun, FinalizedHashes), TransactionError> {
        let fuel = self.fuel();
        let exit = self.exit()?;
        let run = self.instance.data_mut().run.take().ok_or(TransactionError::NotEnded)?;
        let run = run.finish(self.instance.memory(), exit, fuel)?;
        let hashes = self.instance.into_data().hashing.finalize();
        let run = match hashes.batch().entries().is_empty() {
            true => run,
            false => run.deferred_hashes(hashes.batch())?,
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
    /// Whether the run took effect in this store, and as the record says: the record is in the list of those of runs that did,
    /// what it used up was used up by it, and repeating the run comes to the very record.
    #[must_use]
    pub fn is_confirmed(&self) -> bool {
        self.committed && self.contradictions.is_empty() && self.is_reproduced()
    }

    /// Whether repeating the run came to the very record, which says nothing of whether it ever took effect: anybody can
    /// write a record that can be repeated.
    #[must_use]
    pub fn is_reproduced(&self) -> bool {
        self.differences.is_empty()
    }

    /// The identifier of the record that the repetition came to.
    ///
    /// # Errors
    /// If it cannot be encoded.
    pub fn id(&self) -> Result<ContentId, TransactionError> {
        self.record.content_id().map_err(|error| RunError::from(error).into())
    }
}
