//! How a host function ends when it does not return.

use causality_machine::{Fault, HostError};

use crate::linux::Errno;

/// Why a host function does not return a value to the guest.
///
/// Made from a [`Fault`] by `?`, so that a bad pointer traps exactly as the guest's own access would,
/// at the `ecall`.
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
