//! Host failure. What a guest does is never an error; it is an [`Exit`](crate::Exit).

use std::fmt;

use causality_abi::{PreopenError, RegisterError, StartError};
use causality_machine::memory::FreezeError;
use causality_machine::{HostError, IllegalTransition, InvalidLimits, RunError};

use crate::Engine;
use crate::crosscheck::Divergence;
use crate::elf::LoadError;
use crate::snapshot::SnapshotError;

/// Why the host could not do what was asked. One word wide, so that results stay small.
///
/// ```
/// use causality_vm::{Engine, ErrorKind, Module};
///
/// let error = Module::new(&Engine::default(), b"#!/bin/sh").unwrap_err();
/// assert!(matches!(error.kind(), ErrorKind::Load(_)));
/// assert_eq!(error.to_string(), error.into_kind().to_string());
/// ```
pub struct Error(Box<ErrorKind>);

/// What went wrong.
#[derive(Debug, thiserror::Error)]
#[non_exhaustive]
pub enum ErrorKind {
    /// The file is not a program that this machine can run.
    #[error(transparent)]
    Load(#[from] LoadError),
    /// The program could not be placed in an instance's memory or given its arguments.
    #[error("cannot start the program: {0}")]
    Start(#[from] StartError),
    /// No instance can have the limits of the configuration.
    #[error(transparent)]
    Limits(#[from] InvalidLimits),
    /// A host function could not be registered.
    #[error(transparent)]
    Register(#[from] RegisterError),
    /// A directory could not be given to the guest.
    #[error(transparent)]
    Preopen(#[from] PreopenError),
    /// A snapshot could not be made, or not be resumed.
    #[error(transparent)]
    Snapshot(#[from] SnapshotError),
    /// The instance cannot do that in the state it is in.
    #[error(transparent)]
    State(#[from] IllegalTransition),
    /// The instance cannot be copied.
    #[error(transparent)]
    Checkpoint(#[from] FreezeError),
    /// A host function, or a stream or directory given to the guest, failed.
    #[error("the host failed: {0}")]
    Host(#[source] HostError),
    /// Two executors that should do the same did not ([`Config::crosscheck`](crate::Config::crosscheck)).
    #[error(transparent)]
    Crosscheck(Box<Divergence>),
    /// Code was to be kept, but [`Config::cache`](crate::Config::cache) does not say where.
    #[error("the engine has no directory for native code")]
    NoCache,
    /// The host refused an operation.
    #[error("cannot {action}: {source}")]
    Io {
        /// What was tried.
        action: String,
        /// What the host said.
        source: std::io::Error,
    },
}

impl Error {
    /// What went wrong.
    #[must_use]
    pub fn kind(&self) -> &ErrorKind {
        &self.0
    }

    /// What went wrong, to keep.
    #[must_use]
    pub fn into_kind(self) -> ErrorKind {
        *self.0
    }

    pub(crate) fn io(action: impl Into<String>, source: std::io::Error) -> Self {
        ErrorKind::Io { action: action.into(), source }.into()
    }

    /// The engine's code cache cannot be written.
    pub(crate) fn cache(engine: &Engine, source: std::io::Error) -> Self {
        let folder = engine.config().get_cache().map(|cache| cache.folder().display().to_string());
        Error::io(format!("keep native code in {}", folder.unwrap_or_default()), source)
    }
}

impl<K: Into<ErrorKind>> From<K> for Error {
    fn from(kind: K) -> Self {
        Error(Box::new(kind.into()))
    }
}

impl From<RunError> for ErrorKind {
    fn from(error: RunError) -> Self {
        match error {
            RunError::State(error) => ErrorKind::State(error),
            RunError::Host(error) => match error.downcast() {
                Ok(divergence) => ErrorKind::Crosscheck(divergence),
                Err(error) => ErrorKind::Host(error),
            },
            other => ErrorKind::Host(Box::new(other)),
        }
    }
}

impl fmt::Display for Error {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        self.0.fmt(f)
    }
}

impl fmt::Debug for Error {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        self.0.fmt(f)
    }
}

impl std::error::Error for Error {
    fn source(&self) -> Option<&(dyn std::error::Error + 'static)> {
        self.0.source()
    }
}
