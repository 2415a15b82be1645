//! How a host function ends when it does not return.

use causality_machine::{Fault, HostError};

use crate::linux::Errno;

/// Why a host function does not return a value to the guest.
///
/// Made from a [`Fault`] by `?`, so that a bad pointer traps exactly as the guest's own access would,
/// at the `ecall`.
///
/// ```
/// use causality_vm::{CallError, Caller, Cause, Engine, Exit, FIRST_HOST_FUNCTION, HostFault, Linker, Module, Options, Ptr};
///
/// # fn main() -> Result<(), Box<dyn std::error::Error>> {
/// fn first(caller: &mut Caller<'_, ()>, at: Ptr) -> Result<u8, HostFault> {
///     if at.is_null() {
///         return Err(HostFault::Errno(14));
///     }
///     Ok(caller.bytes(at.0, 1)?[0])
/// }
///
/// let engine = Engine::default();
/// let module = Module::from_file(&engine, "../testkit/guests/calls.elf")?;
/// let mut linker = Linker::<()>::new(&engine);
/// linker.function_at(FIRST_HOST_FUNCTION, "first", first)?;
/// let mut guest = linker.instantiate(&module, Options::new(), ())?;
/// assert_eq!(guest.call::<_, i64>("ask", Ptr(0))?, -14);
/// // What the guest could not have read itself.
/// let Err(CallError::Stopped(Exit::Trap(trap))) = guest.call::<_, i64>("ask", Ptr(8)) else { panic!() };
/// assert_eq!((trap.cause, trap.tval), (Cause::LoadAccessFault, 8));
/// # Ok(())
/// # }
/// ```
#[derive(Debug, thiserror::Error)]
#[non_exhaustive]
pub enum HostFault {
    /// The `ecall` traps with `Cause::HostFunction` and this reason code as `tval`.
    #[error("the host function refused with reason {0:#x}")]
    Trap(u64),
    /// The `ecall` traps with this access fault.
    #[error(transparent)]
    Access(#[from] Fault),
    /// The guest gets `-errno` in `a0` and goes on.
    #[error("errno {0}")]
    Errno(i32),
    /// The guest ends with this exit code.
    #[error("exit with code {0}")]
    Exit(i32),
    /// The machine pauses before the `ecall`, which is made again when it runs on. The function must
    /// not have changed anything it cannot change twice.
    #[error("pause")]
    Pause,
    /// The host itself failed: the run ends with this error.
    #[error(transparent)]
    Fail(HostError),
}

impl From<Errno> for HostFault {
    fn from(errno: Errno) -> Self {
        HostFault::Errno(errno.number())
    }
}
