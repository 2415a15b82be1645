//! What is called back: host functions and writers.

use std::ffi::c_void;
use std::io;

use causality_vm::{Caller as VmCaller, Fault, HostFault};

use crate::Error;
use crate::error::Failure;
use crate::pointer::{bytes, bytes_mut, given};

/// What calls a host function: its registers and memory. It is valid until that function returns.
#[derive(Debug)]
pub struct Caller<'a, 'b> {
    caller: &'a mut VmCaller<'b, InstanceData>,
    /// The last access that was refused.
    fault: Option<Fault>,
}

/// The pointer that an embedder keeps with an instance.
#[derive(Clone, Debug)]
pub struct InstanceData(pub(crate) *mut c_void);

// SAFETY: it is a number here; whoever gave it has promised that host functions may use it on any thread.
unsafe impl Send for InstanceData {}

/// Called with `data` when nobody needs that any more.
pub type Delete = Option<unsafe extern "C" fn(data: *mut c_void)>;

/// Where output goes: takes all of the bytes. Returns 0, or an error number of the operating system.
pub type Write = Option<unsafe extern "C" fn(data: *mut c_void, bytes: *const u8, len: usize) -> i32>;

/// A function that guests can call. `arguments` are the seven integer arguments `a0` to `a6`; what it stores to
/// `result`, which is `a0` at first, is what it returns there, or what belongs to the `cvm_flow` that it returns. It must
/// not jump out, nor use the instance that calls it.
pub type HostFunction = Option<
    unsafe extern "C" fn(
        data: *mut c_void,
        caller: &mut Caller<'_, '_>,
        arguments: &[u64; 7],
        result: &mut u64,
    ) -> u32,
>;

/// How a host function ends. Any other value counts as `CVM_FLOW_FAIL`.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
#[repr(C)]
pub enum Flow {
    /// The guest goes on with `result`.
    Return = 0,
    /// The guest gets the error number `result`, as Linux calls return it.
    Errno = 1,
    /// The call traps with the reason `result`.
    Trap = 2,
    /// The call traps as the last access through the caller that was refused.
    Fault = 3,
    /// The guest ends with the code `result`.
    Exit = 4,
    /// The guest pauses before the call, which is made again when it runs on.
    Pause = 5,
    /// The host failed: the run ends with an error.
    Fail = 6,
}

/// A pointer of the embedder's, and who deletes what it points to.
#[derive(Debug)]
pub(crate) struct Data {
    data: *mut c_void,
    delete: Delete,
}

// SAFETY: it is only handed back to functions whose owner has promised that they may be called with it from any thread.
unsafe impl Send for Data {}
// SAFETY: as above; host functions may be called by several threads at once.
unsafe impl Sync for Data {}

impl Data {
    /// # Safety
    /// `delete` may be called with `data`, once, from any thread, when this is dropped.
    pub(crate) const unsafe fn new(data: *mut c_void, delete: Delete) -> Self {
        Data { data, delete }
    }
}

impl Drop for Data {
    fn drop(&mut self) {
        if let Some(delete) = self.delete {
            // SAFETY: promised to `new`.
            unsafe { delete(self.data) };
        }
    }
}

/// Calls a C function with what is written.
#[derive(Debug)]
pub(crate) struct CallbackWriter {
    write: Write,
    data: Data,
}

impl CallbackWriter {
    pub(crate) fn new(write: Write, data: Data) -> Result<Self, Failure> {
        given(write)?;
        Ok(CallbackWriter { write, data })
    }
}

impl io::Write for CallbackWriter {
    fn write(&mut self, bytes: &[u8]) -> io::Result<usize> {
        // SAFETY: the bytes are there, and the function may be called with its data.
        let write = |write: unsafe extern "C" fn(_, _, _) -> _| unsafe {
            write(self.data.data, bytes.as_ptr(), bytes.len())
        };
        match self.write.map_or(0, write) {
            0 => Ok(bytes.len()),
            error => Err(io::Error::from_raw_os_error(error)),
        }
    }

    fn flush(&mut self) -> io::Result<()> {
        Ok(())
    }
}

/// A host function in C, and what it is called with.
pub(crate) struct CFunction {
    function: HostFunction,
    data: Data,
}

impl CFunction {
    pub(crate) fn new(function: HostFunction, data: Data) -> Result<Self, Failure> {
        given(function)?;
        Ok(CFunction { function, data })
    }

    /// Calls it.
    pub(crate) fn call(
        &self,
        caller: &mut VmCaller<'_, InstanceData>,
        arguments: &[u64; 7],
    ) -> Result<u64, HostFault> {
        const FLOWS: [Flow; 6] =
            [Flow::Return, Flow::Errno, Flow::Trap, Flow::Fault, Flow::Exit, Flow::Pause];
        let mut caller = Caller { caller, fault: None };
        let mut result = arguments[0];
        // SAFETY: the references live until it returns, and it may be called with its data.
        let flow = self.function.map_or(Flow::Fail as u32, |function| unsafe {
            function(self.data.data, &mut caller, arguments, &mut result)
        });
        match FLOWS.get(flow as usize) {
            Some(Flow::Return) => Ok(result),
            Some(Flow::Errno) => Err(HostFault::Errno(result as i32)),
            Some(Flow::Trap) => Err(HostFault::Trap(result)),
            Some(Flow::Exit) => Err(HostFault::Exit(result as i32)),
            Some(Flow::Pause) => Err(HostFault::Pause),
            Some(Flow::Fault) => Err(match caller.fault {
                Some(fault) => HostFault::Access(fault),
                None => HostFault::Fail("no access was refused".into()),
            }),
            Some(Flow::Fail) | None => {
                Err(HostFault::Fail(format!("the host function returned {flow}").into()))
            }
        }
    }
}

impl Caller<'_, '_> {
    /// Does something with guest memory, and remembers why it could not be done.
    fn access(
        caller: Option<&mut Self>,
        access: impl FnOnce(&mut VmCaller<'_, InstanceData>) -> Result<(), Failure>,
    ) -> Option<Box<Error>> {
        Error::catch(|| {
            let caller = given(caller)?;
            access(caller.caller).inspect_err(|failure| {
                if let Failure::Access(fault) = failure {
                    caller.fault = Some(*fault);
                }
            })
        })
    }
}

/// The pointer that was given when the instance was made.
#[unsafe(no_mangle)]
pub extern "C" fn cvm_caller_data(caller: Option<&mut Caller<'_, '_>>) -> *mut c_void {
    caller.map_or(std::ptr::null_mut(), |caller| caller.caller.data().0)
}

/// Copies `len` bytes at `address` of guest memory to `to`. If the guest could not read them, nothing is copied.
///
/// # Safety
/// `len` bytes are writable at `to`.
#[unsafe(no_mangle)]
pub unsafe extern "C" fn cvm_caller_read(
    caller: Option<&mut Caller<'_, '_>>,
    address: u64,
    to: *mut u8,
    len: usize,
) -> Option<Box<Error>> {
    Caller::access(caller, |caller| {
        // SAFETY: by contract.
        let to = unsafe { bytes_mut(to, len) }?;
        to.copy_from_slice(caller.bytes(address, len as u64)?);
        Ok(())
    })
}

/// Copies `len` bytes at `from` to `address` of guest memory. If the guest could not write them, nothing is copied.
///
/// # Safety
/// `len` bytes are readable at `from`.
#[unsafe(no_mangle)]
pub unsafe extern "C" fn cvm_caller_write(
    caller: Option<&mut Caller<'_, '_>>,
    address: u64,
    from: *const u8,
    len: usize,
) -> Option<Box<Error>> {
    Caller::access(caller, |caller| {
        // SAFETY: by contract.
        let from = unsafe { bytes(from, len) }?;
        caller.bytes_mut(address, len as u64)?.copy_from_slice(from);
        Ok(())
    })
}

/// Takes fuel for work that costs more than the call itself; says how much there was to take.
#[unsafe(no_mangle)]
pub extern "C" fn cvm_caller_charge(caller: Option<&mut Caller<'_, '_>>, instructions: u64) -> u64 {
    caller.map_or(0, |caller| caller.caller.charge(instructions))
}

/// The fuel that the guest has left.
#[unsafe(no_mangle)]
pub extern "C" fn cvm_caller_fuel(caller: Option<&mut Caller<'_, '_>>) -> u64 {
    caller.map_or(0, |caller| caller.caller.fuel())
}
