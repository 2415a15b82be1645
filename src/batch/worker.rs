//! What one thread of a batch does: runs works, and tells what came of them.

use causality_abi::{Capture, Options};
use causality_resource::{AccessError, RunError, RunExit, VerifiedRun};
use causality_store::{CommitError, ContentId, ObjectKind, StoreError};

use super::result::{Effect, Output, WorkResult};
use super::{Batch, Work};
use crate::transaction::{Job, Streams, TransactionError, recorded};
use crate::{ErrorKind, Linker, Module, Task};

/// What came of running a work, before anything is in the store.
#[derive(Debug)]
pub(super) struct Produced {
    pub(super) result: WorkResult,
    /// The blobs that the result names and the store may not have.
    pub(super) blobs: Vec<Vec<u8>>,
    pub(super) is_cached: bool,
    /// What is to take effect, if this is a transaction that may.
    pub(super) run: Option<Box<VerifiedRun>>,
}

impl Produced {
    fn new(result: WorkResult) -> Self {
        Produced { result, blobs: Vec::new(), is_cached: false, run: None }
    }

    fn refused(work: ContentId, reason: String) -> Self {
        Produced::new(WorkResult::refused(work, reason))
    }
}

/// Where both streams of a program go.
struct Captured {
    stdout: Capture,
    stderr: Capture,
}

impl Captured {
    fn new(limit: u64) -> Self {
        let limit = usize::try_from(limit).unwrap_or(usize::MAX);
        Captured { stdout: Capture::new(limit), stderr: Capture::new(limit) }
    }

    /// Adds what was written to the result.
    fn add_to(&self, produced: &mut Produced) {
        produced.result.stdout = output(&self.stdout, &mut produced.blobs);
        produced.result.stderr = output(&self.stderr, &mut produced.blobs);
    }
}

fn output(stream: &Capture, blobs: &mut Vec<Vec<u8>>) -> Option<Output> {
    let (bytes, dropped) = (stream.bytes(), stream.dropped());
    if bytes.is_empty() && dropped == 0 {
        return None;
    }
    let output = Output { id: ContentId::of(ObjectKind::Blob, &bytes), length: bytes.len() as u64, dropped };
    blobs.push(bytes);
    Some(output)
}

/// One of the threads of a batch.
pub(super) struct Worker<'a> {
    batch: &'a Batch,
    linker: Linker<()>,
    /// The program of the task before: the next one is often another run of it.
    last: Option<Module>,
}

impl<'a> Worker<'a> {
    pub(super) fn new(batch: &'a Batch) -> Self {
        Worker { batch, linker: Linker::new(batch.transactions.engine()), last: None }
    }

    /// Does what is to be done, but for what takes effect in the store.
    pub(super) fn run(&mut self, id: ContentId, work: &Work) -> Result<Produced, TransactionError> {
        match work {
            Work::Task(task) => match self.cached(id)? {
                Some(result) => Ok(Produced { is_cached: true, ..Produced::new(result) }),
                None => self.run_task(id, task),
            },
            Work::Transaction(job) => self.run_job(id, job),
        }
    }

    /// The result of an equal task, if it is known and all of it is there.
    fn cached(&self, id: ContentId) -> Result<Option<WorkResult>, StoreError> {
        if !self.batch.caching {
            return Ok(None);
        }
        let snapshot = self.batch.store().snapshot()?;
        let Some(object) = snapshot.result(id)? else {
            return Ok(None);
        };
        let result: WorkResult = match snapshot.get(object) {
            Ok(result) => result,
            Err(error) if error.is_about_object() || matches!(error, StoreError::HashMismatch(_)) => {
                tracing::warn!(%id, %error, "the result of a task cannot be used, so the task is run again");
                return Ok(None);
            }
            Err(error) => return Err(error),
        };
        for output in result.outputs() {
            if snapshot.kind(output)? != Some(ObjectKind::Blob) {
                return Ok(None);
            }
        }
        Ok(result.is_of(id).then_some(result))
    }

    fn run_task(&mut self, id: ContentId, task: &Task) -> Result<Produced, TransactionError> {
        match self.try_task(id, task) {
            Err(TransactionError::Engine(error))
                if matches!(error.kind(), ErrorKind::Load(_) | ErrorKind::Start(_)) =>
            {
                Ok(Produced::refused(id, error.to_string()))
            }
            tried => tried,
        }
    }

    fn try_task(&mut self, id: ContentId, task: &Task) -> Result<Produced, TransactionError> {
        let module = match &self.last {
            Some(last) if last.id() == task.program().id() => last,
            _ => self.last.insert(self.batch.transactions.module(task)?),
        };
        let captured = Captured::new(self.batch.output);
        let options: Options = task.options().stdout(captured.stdout.clone()).stderr(captured.stderr.clone());
        let mut instance = self.linker.instantiate(module, options, ())?;
        let exit = recorded(instance.run()?).ok_or(TransactionError::NotEnded)?;
        let mut produced = Produced::new(WorkResult::ended(id, exit, instance.retired()));
        captured.add_to(&mut produced);
        Ok(produced)
    }

    fn run_job(&self, id: ContentId, job: &Job) -> Result<Produced, TransactionError> {
        let captured = Captured::new(self.batch.output);
        let streams = Streams::new().stdout(captured.stdout.clone()).stderr(captured.stderr.clone());
        let mut transaction = match self.batch.transactions.begin_with(job, streams) {
            Ok(transaction) => transaction,
            Err(error) => return Ok(Produced::refused(id, reason(error)?)),
        };
        transaction.run()?;
        let exit: RunExit = transaction.exit()?;
        let mut produced = Produced::new(WorkResult::ended(id, exit, transaction.fuel()));
        match transaction.verify() {
            Ok((run, _)) => produced.run = Some(Box::new(run)),
            Err(error) => produced.result.effect = Effect::Refused { reason: reason(error)? },
        }
        captured.add_to(&mut produced);
        Ok(produced)
    }
}

/// Why a transaction is refused; the error itself if it says nothing about that.
fn reason(error: TransactionError) -> Result<String, TransactionError> {
    let is_refusal = match &error {
        TransactionError::Engine(error) => matches!(error.kind(), ErrorKind::Load(_) | ErrorKind::Start(_)),
        TransactionError::Run(error) => !is_host_failure(error),
        TransactionError::Rejected(rejected) => !is_host_failure(&rejected.error),
        TransactionError::SettingsTooLong(_) => true,
        TransactionError::NotEnded | TransactionError::Record { .. } => false,
    };
    if is_refusal { Ok(error.to_string()) } else { Err(error) }
}

/// Whether the host has failed, and another time it may go otherwise.
fn is_host_failure(error: &RunError) -> bool {
    match error {
        RunError::Store(_) | RunError::Damaged(_) | RunError::Encoding(_) => true,
        RunError::Access(error) => matches!(error, AccessError::Store(_) | AccessError::Encoding(_)),
        RunError::Commit(error) => matches!(**error, CommitError::Store(_)),
        _ => false,
    }
}
