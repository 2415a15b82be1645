//! What came of a work.

use borsh::{BorshDeserialize, BorshSerialize};
use causality_resource::RunExit;
use causality_store::{ContentId, Object, ObjectKind};

/// The bytes that a result begins with in the store.
const FORMAT: [u8; 8] = *b"result 1";

/// What a program wrote to one of its streams: a blob in the store.
#[derive(Clone, Copy, Debug, PartialEq, Eq, BorshSerialize, BorshDeserialize)]
pub struct Output {
    /// The blob.
    pub id: ContentId,
    /// Bytes that were kept.
    pub length: u64,
    /// Bytes beyond the limit, which were not.
    pub dropped: u64,
}

/// What a work changed.
#[derive(Clone, Debug, PartialEq, Eq, BorshSerialize, BorshDeserialize)]
pub enum Effect {
    /// Nothing, as it was a task.
    None,
    /// The transaction took effect, as this record says.
    Committed {
        /// Its identifier.
        record: ContentId,
    },
    /// Nothing: the program cannot be run, or the transaction must not take effect.
    Refused {
        /// Why.
        reason: String,
    },
}

/// How a work ended. The same for any number of threads and on every tier.
///
/// ```
/// use causality_vm::batch::{Batch, Effect};
/// use causality_vm::resource::RunExit;
/// use causality_vm::store::Store;
/// use causality_vm::{Config, Task};
///
/// # fn main() -> Result<(), Box<dyn std::error::Error>> {
/// let batch = Batch::over(Store::in_memory()?, Config::new().fuel(100));
/// let works = [Task::new(std::fs::read("examples/hello.elf")?).into(), Task::new(b"#!/bin/sh".as_slice()).into()];
/// let finished = batch.run(&works)?;
/// let [poor, wrong] = [&finished[0].result, &finished[1].result];
/// assert_eq!((poor.exit.clone(), poor.fuel, &poor.effect), (Some(RunExit::OutOfFuel), 100, &Effect::None));
/// assert!(matches!(&wrong.effect, Effect::Refused { reason } if reason.contains("ELF")));
/// assert!(!poor.is_success() && !wrong.is_success());
/// # Ok(())
/// # }
/// ```
#[derive(Clone, Debug, PartialEq, Eq, BorshSerialize, BorshDeserialize)]
pub struct WorkResult {
    format: [u8; 8],
    /// The identifier of the work, by all that its result depends on but the store.
    pub work: ContentId,
    /// How its program ended; nothing if it did not begin.
    pub exit: Option<RunExit>,
    /// Instructions that it retired.
    pub fuel: u64,
    /// What it wrote to standard output, if anything.
    pub stdout: Option<Output>,
    /// What it wrote to standard error, if anything.
    pub stderr: Option<Output>,
    /// What it changed.
    pub effect: Effect,
}

impl WorkResult {
    /// That of a work that did not begin.
    pub(super) fn refused(work: ContentId, reason: String) -> Self {
        let effect = Effect::Refused { reason };
        WorkResult { format: FORMAT, work, exit: None, fuel: 0, stdout: None, stderr: None, effect }
    }

    /// That of one that ended.
    pub(super) fn ended(work: ContentId, exit: RunExit, fuel: u64) -> Self {
        let (stdout, stderr, effect) = (None, None, Effect::None);
        WorkResult { format: FORMAT, work, exit: Some(exit), fuel, stdout, stderr, effect }
    }

    /// Whether the program exited with 0, and took effect if it was to.
    #[must_use]
    pub fn is_success(&self) -> bool {
        self.exit == Some(RunExit::Exited(0)) && !matches!(self.effect, Effect::Refused { .. })
    }

    /// Whether these are the bytes of a result, and of this work's.
    pub(super) fn is_of(&self, work: ContentId) -> bool {
        self.format == FORMAT && self.work == work
    }

    /// The blobs that it names.
    pub(super) fn outputs(&self) -> impl Iterator<Item = ContentId> {
        self.stdout.into_iter().chain(self.stderr).map(|output| output.id)
    }
}

/// What it wrote stays with it.
impl Object for WorkResult {
    const KIND: ObjectKind = ObjectKind::Blob;

    fn references(&self) -> Vec<ContentId> {
        self.outputs().collect()
    }
}
