//! Identifiers of what is to be run, by all that the result depends on.

use borsh::BorshSerialize;
use causality_resource::RunLimits;
use causality_store::{ContentId, EncodingError, Object, ObjectKind};
use causality_zk::HashLimits;

use super::settings::{Bounds, Settings};
use super::{Job, SEMANTICS, TransactionError, Transactions};
use crate::{Engine, Error, Module, Task};

/// What they are hashed with. Another meaning of the bytes needs another text.
const TASK: &str = "causality-vm 2026-11-23 work v1: task";
const TRANSACTION: &str = "causality-vm 2026-11-23 work v1: transaction";

impl Transactions {
    /// The engine of runs within the limits of this object.
    pub(crate) fn engine(&self) -> &Engine {
        self.modules.engine()
    }

    /// The program of a task.
    pub(crate) fn module(&self, task: &Task) -> Result<Module, Error> {
        let program = task.program();
        self.modules.module(program.id(), || Ok(program.bytes()))
    }

    /// The identifier of a task, of which at most `output` bytes of each stream are kept.
    pub(crate) fn task_id(&self, task: &Task, output: u64) -> Result<ContentId, TransactionError> {
        let bounds = Bounds::of(&self.config, RunLimits::default(), HashLimits::default());
        let stdin = ContentId::of(ObjectKind::Blob, task.get_stdin());
        let given = (task.get_args(), task.get_env(), task.get_seed(), stdin);
        hash(&(TASK, SEMANTICS, output, bounds, task.program().id(), given))
    }

    /// The same of a job.
    pub(crate) fn job_id(&self, job: &Job, output: u64) -> Result<ContentId, TransactionError> {
        let settings = Settings::of(job, self.bounds(), &self.manager);
        let stdin = ContentId::of(ObjectKind::Blob, job.task.get_stdin());
        let capabilities: Result<Vec<_>, EncodingError> =
            job.capabilities.iter().map(Object::content_id).collect();
        let capabilities = capabilities.map_err(|_| TransactionError::SettingsTooLong(Settings::MOST))?;
        let allowed = (capabilities, &job.parents);
        hash(&(TRANSACTION, SEMANTICS, output, settings, job.task.program().id(), stdin, allowed))
    }
}

fn hash(of: &impl BorshSerialize) -> Result<ContentId, TransactionError> {
    let bytes = borsh::to_vec(of).map_err(|_| TransactionError::SettingsTooLong(Settings::MOST))?;
    Ok(ContentId::of(ObjectKind::Blob, &bytes))
}
