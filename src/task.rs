//! A program and what it is given.

use std::sync::Arc;

use crate::{Executable, Options};

/// A program with arguments, environment, seed and standard input. Apart from fuel, limits and the version of the
/// [semantics](crate::transaction::SEMANTICS), its result depends on nothing else: it has no files, no host functions, no clock and no
/// registers of a store.
///
/// ```
/// use causality_vm::Task;
///
/// let task = Task::new(std::fs::read("examples/hello.elf")?).args(["hello", "reader"]).seed(7);
/// assert_eq!(task, task.clone().seed(7));
/// assert_ne!(task, task.clone().stdin(*b"something to read"));
/// # Ok::<(), std::io::Error>(())
/// ```
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Task {
    program: Executable,
    args: Vec<Vec<u8>>,
    env: Vec<(Vec<u8>, Vec<u8>)>,
    seed: u64,
    stdin: Arc<[u8]>,
}

impl Task {
    /// To run an ELF executable.
    #[must_use]
    pub fn new(program: impl Into<Executable>) -> Self {
        let (args, env) = Default::default();
        Task { program: program.into(), args, env, seed: 0, stdin: Arc::default() }
    }

    /// Adds arguments, the name of the program first.
    #[must_use]
    pub fn args<A: AsRef<[u8]>>(mut self, args: impl IntoIterator<Item = A>) -> Self {
        self.args.extend(args.into_iter().map(|arg| arg.as_ref().to_vec()));
        self
    }

    /// Adds an environment variable.
    #[must_use]
    pub fn env(mut self, name: impl AsRef<[u8]>, value: impl AsRef<[u8]>) -> Self {
        self.env.push((name.as_ref().to_vec(), value.as_ref().to_vec()));
        self
    }

    /// Sets the seed of all randomness.
    #[must_use]
    pub fn seed(self, seed: u64) -> Self {
        Task { seed, ..self }
    }

    /// Sets what the program reads from its standard input.
    #[must_use]
    pub fn stdin(self, bytes: impl Into<Arc<[u8]>>) -> Self {
        Task { stdin: bytes.into(), ..self }
    }

    /// The program.
    #[must_use]
    pub const fn program(&self) -> &Executable {
        &self.program
    }

    pub(crate) fn get_args(&self) -> &[Vec<u8>] {
        &self.args
    }

    pub(crate) fn get_env(&self) -> &[(Vec<u8>, Vec<u8>)] {
        &self.env
    }

    pub(crate) const fn get_seed(&self) -> u64 {
        self.seed
    }

    pub(crate) const fn get_stdin(&self) -> &Arc<[u8]> {
        &self.stdin
    }

    /// What an instance is given for it.
    pub(crate) fn options(&self) -> Options {
        let options = Options::new().args(&self.args).seed(self.seed);
        let options = self.env.iter().fold(options, |options, (name, value)| options.env(name, value));
        options.stdin(std::io::Cursor::new(Arc::clone(&self.stdin)))
    }
}
