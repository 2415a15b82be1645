//! What is to be run as a transaction.

use borsh::{BorshDeserialize, BorshSerialize};
use causality_resource::{Capability, Intent, Principal};
use causality_store::ContentId;

use crate::Task;

/// A register that the program will use.
#[derive(Clone, Copy, Debug, PartialEq, Eq, BorshSerialize, BorshDeserialize)]
pub(super) struct Declared {
    pub(super) register: ContentId,
    pub(super) intent: Intent,
    /// Whether the program itself puts it into a slot.
    pub(super) is_later: bool,
}

/// A program, what it is given, and what it may do.
///
/// ```
/// use causality_vm::resource::{Intent, KeyPair};
/// use causality_vm::transaction::Job;
/// use causality_vm::{ContentId, ObjectKind};
///
/// let register = ContentId::of(ObjectKind::Blob, b"a register");
/// let job = Job::new(KeyPair::generate().principal(), std::fs::read("examples/transfer.elf")?)
///     .args(["transfer", "30"])
///     .register(register, Intent::Consume);
/// assert!(job.accesses().eq([(register, Intent::Consume)]));
/// assert!(job.capabilities().is_empty() && job.parents().is_empty());
/// # Ok::<(), std::io::Error>(())
/// ```
#[derive(Clone, Debug)]
pub struct Job {
    pub(super) initiator: Principal,
    pub(super) task: Task,
    pub(super) accesses: Vec<Declared>,
    pub(super) capabilities: Vec<Capability>,
    pub(super) parents: Vec<ContentId>,
}

impl Job {
    /// To run an ELF executable for somebody whom the embedder has authenticated.
    #[must_use]
    pub fn new(initiator: Principal, program: impl Into<Vec<u8>>) -> Self {
        Job::of(initiator, Task::new(program.into()))
    }

    /// The same for a program with all that it is given.
    #[must_use]
    pub fn of(initiator: Principal, task: Task) -> Self {
        let (accesses, capabilities, parents) = Default::default();
        Job { initiator, task, accesses, capabilities, parents }
    }

    /// Adds arguments, the name of the program first.
    #[must_use]
    pub fn args<A: AsRef<[u8]>>(self, args: impl IntoIterator<Item = A>) -> Self {
        Job { task: self.task.args(args), ..self }
    }

    /// Adds an environment variable.
    #[must_use]
    pub fn env(self, name: impl AsRef<[u8]>, value: impl AsRef<[u8]>) -> Self {
        Job { task: self.task.env(name, value), ..self }
    }

    /// Sets the seed of all randomness.
    #[must_use]
    pub fn seed(self, seed: u64) -> Self {
        Job { task: self.task.seed(seed), ..self }
    }

    /// Sets what the program reads from its standard input.
    #[must_use]
    pub fn stdin(self, bytes: impl Into<Vec<u8>>) -> Self {
        Job { task: self.task.stdin(bytes.into()), ..self }
    }

    /// Declares that the program will use a register. The first declared one is in slot 0, and so on.
    #[must_use]
    pub fn register(mut self, register: ContentId, intent: Intent) -> Self {
        self.accesses.push(Declared { register, intent, is_later: false });
        self
    }

    /// Declares that the program will put a register into a slot of its choice, by `causality_load`, and then use it. The
    /// capabilities are asked then. It has to do that, as with any register that is declared.
    #[must_use]
    pub fn register_later(mut self, register: ContentId, intent: Intent) -> Self {
        self.accesses.push(Declared { register, intent, is_later: true });
        self
    }

    /// Gives the program a capability. The first one has handle 0, and so on.
    #[must_use]
    pub fn capability(mut self, capability: Capability) -> Self {
        self.capabilities.push(capability);
        self
    }

    /// Names a record that the run relies on.
    #[must_use]
    pub fn parent(mut self, record: ContentId) -> Self {
        self.parents.push(record);
        self
    }

    /// The program, and what it is given.
    #[must_use]
    pub const fn task(&self) -> &Task {
        &self.task
    }

    /// The registers that it declares, and what for.
    pub fn accesses(&self) -> impl Iterator<Item = (ContentId, Intent)> {
        self.accesses.iter().map(|declared| (declared.register, declared.intent))
    }

    /// The records that it relies on.
    #[must_use]
    pub fn parents(&self) -> &[ContentId] {
        &self.parents
    }

    /// Its capabilities, in the order of their handles.
    #[must_use]
    pub fn capabilities(&self) -> &[Capability] {
        &self.capabilities
    }
}
