//! Host functions: what an embedder adds to the calls a guest can make.

mod caller;
mod fault;
mod functions;
#[cfg(test)]
mod tests;
mod value;
mod waiting;

pub use caller::Caller;
pub use fault::HostFault;
pub use functions::{
    FIRST_HOST_FUNCTION, HostFunctions, IntoAsyncHostFunction, IntoHostFunction, RESOLVE, RegisterError,
};
pub use value::{CallArguments, CallRegisters, CallResult, Parameter, Ptr, Returns, give_arguments};

use causality_machine::{Cause, Flow, Hart, HostError, Memory};

use crate::linux::Errno;
pub(crate) use functions::index_of;
pub(crate) use waiting::Waiting;

/// The longest name a guest can ask for, in bytes.
const NAME_MAX: u64 = 255;

/// How the machine goes on after a call that has failed, and has charged so much.
pub(crate) fn failed(fault: HostFault, hart: &mut Hart, charged: u64) -> Result<Flow, HostError> {
    // A call that has not happened is not paid either.
    if matches!(fault, HostFault::Pause | HostFault::Fail(_)) {
        hart.fuel += charged;
        hart.granted += charged;
    }
    match fault {
        HostFault::Errno(errno) => {
            hart.x[10] = i64::from(errno).wrapping_neg() as u64;
            Ok(Flow::Continue)
        }
        HostFault::Trap(reason) => Ok(Flow::Trap(Cause::HostFunction, reason)),
        HostFault::Access(fault) => Ok(Flow::Trap(fault.cause, fault.tval)),
        HostFault::Exit(code) => Ok(Flow::Exit(code)),
        HostFault::Pause => Ok(Flow::Pause),
        HostFault::Fail(error) => Err(error),
    }
}

/// What `causality_resolve` returns for the name at `addr`.
pub(crate) fn resolve<T>(functions: &HostFunctions<T>, memory: &Memory, addr: u64) -> u64 {
    let name = match memory.c_str(addr, NAME_MAX + 1) {
        Ok(name) => name,
        Err(_) => return Errno::FAULT.to_register(),
    };
    name.and_then(|bytes| std::str::from_utf8(bytes).ok())
        .and_then(|name| functions.number_of(name))
        .unwrap_or_else(|| Errno::NOSYS.to_register())
}
