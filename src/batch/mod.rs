//! Many works at once, on all cores, with the result of doing one after the other.
//!
//! A [`Work`] is a [`Task`](crate::Task), whose result depends on nothing but what it is given, or a transaction, which declares
//! the registers that it uses. Transactions that are in each other's way happen in the declared order, others side by side. What comes out
//! is the same, bit for bit, for any number of threads:
//!
//! 1. Transactions are taken in windows of 256, in *rounds*: all of a round begin on the same state of the store, run and are verified
//!    side by side, and take effect in one commit, in the declared order. In a round are those that no earlier one of the window that
//!    is not done conflicts with. So what a transaction sees, of time too, is decided by what was declared.
//! 2. Tasks run beside the rounds, each equal one once. Their results are kept in the store under the identifier of all that they depend
//!    on, and are found there the next time. There is nothing of the kind for transactions: what consumes a register happens or is
//!    refused, and is never served from anywhere.
//! 3. Workers run; the thread that called commits, plans and tells. With a [`Journal`], each commit also has the results, so that a batch
//!    that was killed at any point goes on there and comes to the same.
//!
//! ```
//! use causality_vm::batch::Batch;
//! use causality_vm::store::Store;
//! use causality_vm::{Config, Executable, Task};
//!
//! let batch = Batch::over(Store::in_memory()?, Config::new().fuel(1_000_000));
//! let program = Executable::new(std::fs::read("examples/hello.elf")?);
//! let works: Vec<_> = ["Ada", "Grace", "Ada"].map(|name| Task::new(program.clone()).args(["hello", name]).into()).into();
//! let finished = batch.run(&works)?;
//! assert!(finished.iter().all(|finished| finished.result.is_success()));
//! // The third is the first again, and was not run.
//! assert_eq!(finished[2].result, finished[0].result);
//! assert!(finished[2].is_cached && !finished[0].is_cached);
//! # Ok::<(), Box<dyn std::error::Error>>(())
//! ```

mod error;
mod finished;
mod journal;
mod plan;
mod progress;
mod queue;
mod result;
mod running;
mod scribe;
mod stop_handle;
mod work;
mod worker;

pub use error::BatchError;
pub use finished::Finished;
pub use journal::Journal;
pub use progress::Progress;
pub use result::{Effect, Output, WorkResult};
pub use stop_handle::StopHandle;
pub use work::Work;

use std::num::NonZero;

use causality_resource::ResourceManager;
use causality_store::{Commit, ContentId, Store};

use crate::Config;
use crate::transaction::Transactions;

/// The most bytes of each stream of a program that are kept, if nobody says.
const OUTPUT: u64 = 1 << 20;

/// Does many works.
///
/// ```
/// use causality_vm::batch::Batch;
/// use causality_vm::store::Store;
/// use causality_vm::{Config, Executable, Task};
///
/// # fn main() -> Result<(), Box<dyn std::error::Error>> {
/// let batch = Batch::over(Store::in_memory()?, Config::new().fuel(1_000_000));
/// let program = Executable::new(std::fs::read("examples/hello.elf")?);
/// # use std::num::NonZero;
/// let batch = batch.threads(NonZero::<usize>::MIN).caching(false).output(5);
/// let task = Task::new(program).args(["hello", "Ada"]).into();
/// let finished = batch.run(&[task])?;
/// let stdout = finished[0].result.stdout.expect("it greets");
/// assert_eq!((stdout.length, finished[0].is_cached), (5, false));
/// assert_eq!(batch.store().snapshot()?.bytes(stdout.id, 5)?, b"Hello");
/// # Ok(())
/// # }
/// ```
#[derive(Clone, Debug)]
pub struct Batch {
    transactions: Transactions,
    threads: Option<NonZero<usize>>,
    caching: bool,
    output: u64,
    stop: StopHandle,
}

impl Batch {
    /// With the registers, the configuration and the limits of `transactions`, and results in their store.
    #[must_use]
    pub fn new(transactions: Transactions) -> Self {
        Batch { transactions, threads: None, caching: true, output: OUTPUT, stop: StopHandle::default() }
    }

    /// The same over a store where nobody's capabilities are believed: for tasks.
    #[must_use]
    pub fn over(store: Store, config: Config) -> Self {
        Batch::new(Transactions::new(ResourceManager::new(store), config))
    }

    /// Sets the number of threads that run works. If nobody says, there is one for each processor.
    #[must_use]
    pub fn threads(self, threads: NonZero<usize>) -> Self {
        Batch { threads: Some(threads), ..self }
    }

    /// Sets whether equal tasks are run once, and their results looked up in the store and kept there. It is on if nobody says.
    #[must_use]
    pub fn caching(self, is_on: bool) -> Self {
        Batch { caching: is_on, ..self }
    }

    /// Sets the most bytes of each stream of a program that are kept: 1 MiB if nobody says. Part of what a result depends on.
    #[must_use]
    pub fn output(self, bytes: u64) -> Self {
        Batch { output: bytes, ..self }
    }

    /// The store.
    #[must_use]
    pub fn store(&self) -> &Store {
        self.transactions.manager().store()
    }

    /// The identifier of a work, by all that its result depends on but the store: the program, what it is given, what it may use, fuel and
    /// limits.
    ///
    /// ```
    /// use causality_vm::batch::Batch;
    /// use causality_vm::store::Store;
    /// use causality_vm::{Config, Executable, Task};
    ///
    /// # fn main() -> Result<(), Box<dyn std::error::Error>> {
    /// let batch = Batch::over(Store::in_memory()?, Config::new().fuel(1_000_000));
    /// let program = Executable::new(std::fs::read("examples/hello.elf")?);
    /// let work = |name: &str| Task::new(program.clone()).args(["hello", name]).into();
    /// assert_eq!(batch.id(&work("Ada"))?, batch.id(&work("Ada"))?);
    /// assert_ne!(batch.id(&work("Ada"))?, batch.id(&work("Grace"))?);
    /// # Ok(())
    /// # }
    /// ```
    ///
    /// # Errors
    /// [`BatchError::Work`] if it is given more than can be written down.
    pub fn id(&self, work: &Work) -> Result<ContentId, BatchError> {
        let id = match work {
            Work::Task(task) => self.transactions.task_id(task, self.output),
            Work::Transaction(job) => self.transactions.job_id(job, self.output),
        };
        id.map_err(|error| BatchError::of_work(0, error))
    }

    fn ids(&self, works: &[Work]) -> Result<Vec<ContentId>, BatchError> {
        let id = |(index, work)| {
            self.id(work).map_err(|error| match error {
                BatchError::Work { error, .. } => BatchError::Work { index, error },
                error => error,
            })
        };
        works.iter().enumerate().map(id).collect()
    }

    /// A handle that stops this batch and its clones from any thread, between works.
    #[must_use]
    pub fn stop_handle(&self) -> StopHandle {
        self.stop.clone()
    }

    /// Does all works. Results are in the declared order; if it was stopped, some at the end are missing.
    ///
    /// # Errors
    /// The host failed. What was finished before has happened, and a task of that is not run again.
    pub fn run(&self, works: &[Work]) -> Result<Vec<Finished>, BatchError> {
        let mut all = Vec::new();
        self.run_with(works, |progress| all.extend_from_slice(progress.ready))?;
        Ok(all)
    }

    /// The same, telling after each commit what is finished. The thread that calls does that, and commits, while others run works.
    ///
    /// ```
    /// use causality_vm::batch::Batch;
    /// use causality_vm::store::Store;
    /// use causality_vm::{Config, Executable, Task};
    ///
    /// # fn main() -> Result<(), Box<dyn std::error::Error>> {
    /// let batch = Batch::over(Store::in_memory()?, Config::new().fuel(1_000_000));
    /// let program = Executable::new(std::fs::read("examples/hello.elf")?);
    /// let works: Vec<_> = ["Ada", "Grace"].map(|name| Task::new(program.clone()).args(["hello", name]).into()).into();
    /// let mut results = Vec::new();
    /// batch.run_with(&works, |progress| {
    ///     eprintln!("{} of {}", progress.done, progress.total);
    ///     results.extend(progress.ready.iter().map(|finished| finished.result.clone()));
    /// })?;
    /// assert!(results.len() == 2 && results[0].work == batch.id(&works[0])?);
    /// # Ok(())
    /// # }
    /// ```
    ///
    /// # Errors
    /// As [`Batch::run`].
    pub fn run_with(&self, works: &[Work], tell: impl FnMut(Progress<'_>)) -> Result<(), BatchError> {
        scribe::run(self, None, 0, works, tell)
    }

    /// A new journal, for a batch that can go on after its process was killed.
    ///
    /// # Errors
    /// Failures of the store.
    pub fn open(&self) -> Result<Journal, BatchError> {
        Ok(Journal::after(&self.store().commit(Commit::new())?))
    }

    /// As [`Batch::run_with`], with a journal: what it has is not done again, and what is finished is noted in it. `known` is how many
    /// results, the first ones, the caller has already; they are not told again.
    ///
    /// If it is called again with the same journal and works, after whatever happened, all results together are those of a run that was
    /// not disturbed, provided that nobody else changed what transactions rely on.
    ///
    /// ```
    /// use causality_vm::batch::Batch;
    /// use causality_vm::store::Store;
    /// use causality_vm::{Config, Executable, Task};
    ///
    /// # fn main() -> Result<(), Box<dyn std::error::Error>> {
    /// let batch = Batch::over(Store::in_memory()?, Config::new().fuel(1_000_000));
    /// let program = Executable::new(std::fs::read("examples/hello.elf")?);
    /// let works: Vec<_> = ["Ada", "Grace"].map(|name| Task::new(program.clone()).args(["hello", name]).into()).into();
    /// let journal = batch.open()?;
    /// let mut first = Vec::new();
    /// batch.run_from(journal, 0, &works, |progress| first.extend_from_slice(progress.ready))?;
    ///
    /// // The process was killed, say, and only the journal's name was written down.
    /// let journal = journal.to_string().parse()?;
    /// let mut again = Vec::new();
    /// batch.run_from(journal, 0, &works, |progress| again.extend_from_slice(progress.ready))?;
    /// assert_eq!(again, first);
    /// batch.close(journal, works.len())?;
    /// # Ok(())
    /// # }
    /// ```
    ///
    /// # Errors
    /// As [`Batch::run`]; [`BatchError::OtherWork`].
    pub fn run_from(
        &self,
        journal: Journal,
        known: usize,
        works: &[Work],
        tell: impl FnMut(Progress<'_>),
    ) -> Result<(), BatchError> {
        scribe::run(self, Some(journal), known, works, tell)
    }

    /// Ends a journal of so many works, when the caller has all results and has written them down. What it kept can then be collected.
    ///
    /// # Errors
    /// Failures of the store.
    pub fn close(&self, journal: Journal, works: usize) -> Result<(), BatchError> {
        self.store().commit(journal.removal(works))?;
        Ok(())
    }
}
