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
pub use value::{CallArguments, CallResult, Parameter, Ptr, Returns};

use causality_machine::{Cause, Flow, Hart, HostError, Memory};

use crate::linux::Errno;
pub(crate) use functions::index_of;
pub(crate) use waiting::Waiting;

use functions::Function;

/// The longest name a guest can ask for, in bytes.
const NAME_MAX: u64 = 255;

/// Makes one call and says how the machine goes on.
pub(crate) fn call<T>(
    function: &Function<T>,
    hart: &mut Hart,
    memory: &mut Memory,
    data: &mut T,
    waiting: &mut Waiting<T>,
) -> Result<Flow, HostError> {
    let (fuel, granted) = (hart.fuel, hart.granted);
    let ended = function(&mut Caller::new(hart, memory, data, waiting));
    if matches!(ended, Err(HostFault::Pause | HostFault::Fail(_))) {
        // The call has not happened, so it is not paid either.
        (hart.fuel, hart.granted) = (fuel, granted);
    }
    match ended {
        Ok(()) => Ok(Flow::Continue),
        Err(HostFault::Errno(errno)) => {
            hart.x[10] = i64::from(errno).wrapping_neg() as u64;
            Ok(Flow::Continue)
        }
        Err(HostFault::Trap(reason)) => Ok(Flow::Trap(Cause::HostFunction, reason)),
        Err(HostFault::Access(fault)) => Ok(Flow::Trap(fault.cause, fault.tval)),
        Err(HostFault::Exit(code)) => Ok(Flow::Exit(code)),
        Err(HostFault::Pause) => Ok(Flow::Pause),
        Err(HostFault::Fail(error)) => Err(error),
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
