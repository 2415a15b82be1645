//! One Linux call in flight: what its handler gets and how it ends.

use std::io;

use causality_machine::{Fault, Flow, HostError, Memory};

use super::{Errno, Linux};

/// What a handler works on.
pub(super) struct Call<'a> {
    /// The kernel's side of the process.
    pub(super) linux: &'a mut Linux,
    /// The guest's memory.
    pub(super) memory: &'a mut Memory,
    /// `hart.time()` at the call.
    pub(super) time: u64,
}

/// What a handler returns: the value for `a0`, or why there is none.
pub(super) type Answer = Result<u64, Stop>;

/// Why a call has no value.
#[derive(Debug)]
pub(super) enum Stop {
    /// It failed; the guest is told.
    Errno(Errno),
    /// It does not return.
    Flow(Flow),
    /// The host failed.
    Host(HostError),
}

impl From<Errno> for Stop {
    fn from(errno: Errno) -> Self {
        Stop::Errno(errno)
    }
}

/// A bad pointer is `EFAULT`, as in Linux, and no trap.
impl From<Fault> for Stop {
    fn from(_: Fault) -> Self {
        Stop::Errno(Errno::FAULT)
    }
}

/// What the host's files and streams report is the guest's to cope with.
impl From<io::Error> for Stop {
    fn from(error: io::Error) -> Self {
        Stop::Errno(Errno::from(&error))
    }
}

/// A type that an argument register can hold.
pub(super) trait Argument {
    /// The argument in this register.
    fn of(register: u64) -> Self;
}

macro_rules! arguments {
    ($($ty:ty),*) => {$(
        impl Argument for $ty {
            fn of(register: u64) -> Self {
                register as $ty
            }
        }
    )*};
}
arguments!(u64, i64, u32, i32);
