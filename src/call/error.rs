//! Why a call has no result.

use causality_machine::Exit;

use crate::Error;

/// Why a function of the guest was not called, or has not returned.
///
/// ```
/// use causality_vm::{CallError, Exit};
/// # use causality_vm::{Engine, Linker, Module, Options};
/// # fn main() -> Result<(), Box<dyn std::error::Error>> {
/// # let engine = Engine::default();
/// # let module = Module::from_file(&engine, "testkit/guests/calls.elf")?;
/// # let mut guest = Linker::new(&engine).instantiate(&module, Options::new().arg("guest"), ())?;
/// guest.run()?;
/// match guest.call::<_, ()>("leave", 3) {
///     Err(CallError::Stopped(Exit::Completed(code))) => assert_eq!(code, 3),
///     other => panic!("{other:?}"),
/// }
/// # Ok(())
/// # }
/// ```
#[derive(Debug, thiserror::Error)]
#[non_exhaustive]
pub enum CallError {
    /// The program has no function of this name; perhaps its symbols were stripped.
    #[error("the program has no function `{0}`")]
    NoFunction(String),
    /// The function belongs to another [`Module`](crate::Module).
    #[error("the function is another program's")]
    OtherProgram,
    /// There is no such call that could go on.
    #[error("no call of this function is waiting to go on")]
    NotCalled,
    /// The function has stopped before it returned. After [`Exit::OutOfFuel`] and [`Exit::Paused`] it can
    /// [go on](crate::TypedFunction::resume); after a trap it can be [given up](crate::Instance::abandon_call). After
    /// [`Exit::Completed`] the guest has ended itself.
    #[error("the function did not return: {0:?}")]
    Stopped(Exit),
    /// The host could not do its part, or the instance cannot be called in its present state.
    #[error(transparent)]
    Host(#[from] Error),
}
