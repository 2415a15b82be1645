//! Errors as objects.

use std::any::Any;
use std::ffi::{CString, c_char};
use std::panic::{AssertUnwindSafe, catch_unwind};

use causality_vm::{CallError, EnvironmentError, ErrorKind as Kind, RegisterError};

/// Why something could not be done. Made by functions that return it; deleted by who called them.
#[derive(Debug)]
pub struct Error {
    kind: ErrorKind,
    message: CString,
}

/// What kind of error it is.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
#[repr(C)]
pub enum ErrorKind {
    /// An argument is NULL that must not be.
    Null = 1,
    /// Text is not UTF-8.
    NotUtf8 = 2,
    /// An argument has a value that it cannot have.
    Argument = 3,
    /// The file is not a program that can be run.
    Load = 4,
    /// The program could not be placed in memory or given its arguments, or limits are impossible.
    Start = 5,
    /// A host function could not be registered.
    Register = 6,
    /// The instance cannot do that in the state it is in.
    State = 7,
    /// There is no such function, it is another program's, or no call of it is waiting.
    Function = 8,
    /// An access to guest memory that the guest itself could not make.
    Access = 9,
    /// A host function, a stream or a directory failed, or the operating system refused.
    Host = 10,
    /// A bug in the engine, or in what it called back: something panicked.
    Panic = 11,
    /// A snapshot could not be made, read or resumed.
    Snapshot = 12,
}

/// What stands in the way of doing what was asked for.
#[derive(Debug)]
pub(crate) enum Failure {
    Null,
    NotUtf8,
    Argument(&'static str),
    Access(causality_vm::Fault),
    Function(String),
    Vm(causality_vm::Error),
    Register(RegisterError),
    Environment(EnvironmentError),
    Io(std::io::Error),
}

impl From<causality_vm::Error> for Failure {
    fn from(error: causality_vm::Error) -> Self {
        Failure::Vm(error)
    }
}

impl From<causality_vm::Fault> for Failure {
    fn from(fault: causality_vm::Fault) -> Self {
        Failure::Access(fault)
    }
}

impl From<RegisterError> for Failure {
    fn from(error: RegisterError) -> Self {
        Failure::Register(error)
    }
}

impl From<EnvironmentError> for Failure {
    fn from(error: EnvironmentError) -> Self {
        Failure::Environment(error)
    }
}

impl Failure {
    /// A call that stopped is no failure here: whoever called it is told how.
    pub(crate) fn of_call(error: CallError) -> Result<causality_vm::Exit, Failure> {
        match error {
            CallError::Stopped(exit) => Ok(exit),
            CallError::Host(error) => Err(Failure::Vm(error)),
            other => Err(Failure::Function(other.to_string())),
        }
    }

    fn kind(&self) -> ErrorKind {
        match self {
            Failure::Null => ErrorKind::Null,
            Failure::NotUtf8 => ErrorKind::NotUtf8,
            Failure::Argument(_) | Failure::Environment(_) => ErrorKind::Argument,
            Failure::Access(_) => ErrorKind::Access,
            Failure::Function(_) => ErrorKind::Function,
            Failure::Register(_) => ErrorKind::Register,
            Failure::Io(_) => ErrorKind::Host,
            Failure::Vm(error) => match error.kind() {
                Kind::Load(_) => ErrorKind::Load,
                Kind::Start(_) | Kind::Limits(_) => ErrorKind::Start,
                Kind::Register(_) => ErrorKind::Register,
                Kind::State(_) | Kind::Checkpoint(_) => ErrorKind::State,
                Kind::Snapshot(_) => ErrorKind::Snapshot,
                _ => ErrorKind::Host,
            },
        }
    }

    fn message(&self) -> String {
        match self {
            Failure::Null => "an argument is NULL that must not be".to_owned(),
            Failure::NotUtf8 => "a text is not UTF-8".to_owned(),
            Failure::Argument(what) => (*what).to_owned(),
            Failure::Access(fault) => format!("{} at {:#x}", fault.cause, fault.tval),
            Failure::Function(what) => what.clone(),
            Failure::Vm(error) => error.to_string(),
            Failure::Register(error) => error.to_string(),
            Failure::Environment(error) => error.to_string(),
            Failure::Io(error) => error.to_string(),
        }
    }
}

impl Error {
    /// Does something that may fail or panic.
    pub(crate) fn catch(run: impl FnOnce() -> Result<(), Failure>) -> Option<Box<Error>> {
        let (kind, message) = match catch_unwind(AssertUnwindSafe(run)) {
            Ok(Ok(())) => return None,
            Ok(Err(failure)) => (failure.kind(), failure.message()),
            Err(panic) => (ErrorKind::Panic, said(&*panic).to_owned()),
        };
        let message = CString::new(message.replace('\0', " ")).unwrap_or_default();
        Some(Box::new(Error { kind, message }))
    }
}

/// What a panic said.
fn said(panic: &(dyn Any + Send)) -> &str {
    let text = panic.downcast_ref::<String>().map(String::as_str);
    text.or(panic.downcast_ref::<&str>().copied()).unwrap_or("it panicked")
}

/// What kind of error it is; for NULL, `CVM_ERROR_KIND_NULL`.
#[unsafe(no_mangle)]
pub extern "C" fn cvm_error_kind_of(error: Option<&Error>) -> ErrorKind {
    error.map_or(ErrorKind::Null, |error| error.kind)
}

/// What went wrong, for people; valid until the error is deleted. For NULL, an empty text.
#[unsafe(no_mangle)]
pub extern "C" fn cvm_error_message(error: Option<&Error>) -> *const c_char {
    error.map_or(c"".as_ptr(), |error| error.message.as_ptr())
}

/// Deletes an error; NULL is none.
#[unsafe(no_mangle)]
pub extern "C" fn cvm_error_delete(error: Option<Box<Error>>) {
    drop(error);
}
