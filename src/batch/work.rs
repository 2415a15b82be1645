//! What is to be done.

use crate::Task;
use crate::transaction::Job;

/// One of the works of a batch.
#[derive(Clone, Debug)]
pub enum Work {
    /// A program whose result depends on nothing but what it is given.
    Task(Task),
    /// A transaction over the registers of the store.
    Transaction(Job),
}

impl From<Task> for Work {
    fn from(task: Task) -> Self {
        Work::Task(task)
    }
}

impl From<Job> for Work {
    fn from(job: Job) -> Self {
        Work::Transaction(job)
    }
}
