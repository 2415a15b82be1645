//! What `ecall` means: a deterministic subset of the Linux riscv64 user ABI, and host functions.
//!
//! An [`Abi`] is the [`Host`](causality_machine::Host) of one guest. It answers the calls that
//! unmodified static Linux programs make, and the typed functions that the embedder registered in
//! [`HostFunctions`]. For the same image, [`Options`], host functions and fuel it answers the same on
//! every host and every executor: time is counted in retired instructions, randomness comes from a
//! seed, and what the host's file system could leak is normalised.
//!
//! Every register and every byte that a guest hands over is hostile. A bad pointer is `EFAULT` to the
//! guest, never a panic; no call takes host memory in proportion to a number the guest chose.
//!
//! `docs/abi.md` in the repository describes the whole for people who write guests.

#![forbid(unsafe_code)]

mod abi;
mod host;
mod linux;
mod options;
mod report;
mod signal;

pub use abi::{Abi, AbiCopy};
pub use host::{
    CallArguments, CallRegisters, CallResult, Caller, FIRST_HOST_FUNCTION, HostFault, HostFunctions,
    IntoAsyncHostFunction, IntoHostFunction, Parameter, Ptr, RESOLVE, RegisterError, Returns, give_arguments,
};
pub use linux::{
    DEADLOCK, Errno, FileProblem, ProcessState, RestoreError, SaveError, StartError, Syscall, TABLE,
    syscall_name,
};
pub use options::{Access, Capture, Options, PreopenError};
pub use report::Report;
pub use signal::Signal;
