//! One Linux call in flight: what its handler gets and how it ends.

use std::io;

use bytemuck::Pod;
use causality_machine::memory::{PAGE_SIZE, Perms};
use causality_machine::{Cause, Fault, Flow, HostError, Memory};

use super::{DEADLOCK, Errno, Linux};

/// The most bytes one call moves, so that one unit of fuel buys little of the host's time. Linux has
/// such a limit too, `MAX_RW_COUNT`, and programs cope with short counts.
pub(super) const MAX_TRANSFER: u64 = 16 << 20;

/// The most bytes a path has, with its zero (Linux `PATH_MAX`).
pub(super) const PATH_MAX: u64 = 4096;

/// What a handler works on.
pub(super) struct Call<'a> {
    /// The kernel's side of the process.
    pub(super) linux: &'a mut Linux,
    /// The guest's memory.
    pub(super) memory: &'a mut Memory,
    /// `hart.time()` at the call.
    pub(super) time: u64,
}

impl Call<'_> {
    /// A copy of the value at `addr`, at any alignment.
    pub(super) fn load<P: Pod>(&self, addr: u64) -> Result<P, Stop> {
        Ok(bytemuck::pod_read_unaligned(self.memory.slice(addr, size_of::<P>() as u64)?))
    }

    /// Stores a value at `addr`, at any alignment.
    pub(super) fn store<P: Pod>(&mut self, addr: u64, value: P) -> Result<(), Stop> {
        self.store_bytes(addr, bytemuck::bytes_of(&value))
    }

    /// Stores a value at `addr` unless that is null: how most calls return what may not be wanted.
    pub(super) fn store_if_wanted<P: Pod>(&mut self, addr: u64, value: P) -> Result<(), Stop> {
        if addr == 0 { Ok(()) } else { self.store(addr, value) }
    }

    /// Stores bytes at `addr`.
    pub(super) fn store_bytes(&mut self, addr: u64, bytes: &[u8]) -> Result<(), Stop> {
        self.memory.slice_mut(addr, bytes.len() as u64)?.copy_from_slice(bytes);
        Ok(())
    }

    /// The path at `addr`, without its zero.
    pub(super) fn path(&self, addr: u64) -> Result<Vec<u8>, Stop> {
        match self.memory.c_str(addr, PATH_MAX)? {
            Some(path) => Ok(path.to_vec()),
            None => Err(Errno::NAMETOOLONG.into()),
        }
    }
}

/// How many of `len` bytes at `addr` allow `perms`, counted from the first, which must.
///
/// # Errors
/// `EFAULT` if not even the first byte does. Nothing is needed for `len` 0.
pub(super) fn accessible(memory: &Memory, addr: u64, len: u64, perms: Perms) -> Result<u64, Errno> {
    let len = len.min(MAX_TRANSFER);
    if memory.check(addr, len, perms).is_ok() {
        return Ok(len);
    }
    let mut end = addr;
    while end - addr < len && memory.perms_at(end).contains(perms) {
        // Beyond the last page that can exist nothing has permissions, so this cannot wrap.
        end = (end & !(PAGE_SIZE - 1)) + PAGE_SIZE;
    }
    if end == addr { Err(Errno::FAULT) } else { Ok(len.min(end - addr)) }
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

impl Stop {
    /// The guest waits for what can never happen.
    pub(super) const fn deadlock() -> Self {
        Stop::Flow(Flow::Trap(Cause::HostFunction, DEADLOCK))
    }
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
