//! Running guests.

use std::ffi::{CString, c_char, c_void};

use causality_vm::CallRegisters;
use causality_vm::isa::reg::X;

use crate::callback::InstanceData;
use crate::error::Failure;
use crate::pointer::{Handle, Out, bytes, bytes_mut, given, put};
use crate::{Error, Exit, Module, State};

/// One running guest. Used by one thread at a time, and by any. While it runs, which is until the function returns that runs it,
/// nobody may use or delete it, host functions and writers that it calls included; they have a `cvm_caller`.
#[derive(Debug)]
pub struct Instance(pub(crate) causality_vm::Instance<InstanceData>);

/// Pauses an instance from any thread; may outlive it.
#[derive(Debug)]
pub struct PauseHandle(causality_vm::PauseHandle);

/// Text that belongs to whoever asked for it.
#[derive(Debug)]
pub struct Text(CString);

/// Registers of a call: what `a0` to `a7` and `fa0` to `fa7` hold.
#[derive(Clone, Copy, Debug)]
#[repr(C)]
pub struct Registers {
    /// Integers, each extended to 64 bits as the calling convention says.
    pub x: [u64; 8],
    /// Bits of floats; a single is in the low half, the high one being all ones.
    pub f: [u64; 8],
}

impl From<Registers> for CallRegisters {
    fn from(Registers { x, f }: Registers) -> Self {
        CallRegisters { x, f }
    }
}

impl From<CallRegisters> for Registers {
    fn from(CallRegisters { x, f }: CallRegisters) -> Self {
        Registers { x, f }
    }
}

impl Instance {
    fn with(
        instance: Option<&mut Instance>,
        act: impl FnOnce(&mut causality_vm::Instance<InstanceData>) -> Result<(), Failure>,
    ) -> Option<Box<Error>> {
        Error::catch(|| act(&mut given(instance)?.0))
    }
}

/// Deletes an instance; NULL is none.
#[unsafe(no_mangle)]
pub extern "C" fn cvm_instance_delete(instance: Option<Box<Instance>>) {
    drop(instance);
}

/// Runs, or goes on, until there is a reason to stop, which goes to `exit`.
#[unsafe(no_mangle)]
pub extern "C" fn cvm_instance_run(
    instance: Option<&mut Instance>,
    exit: Out<'_, Exit>,
) -> Option<Box<Error>> {
    cvm_instance_run_for(instance, u64::MAX, exit)
}

/// The same for at most `instructions`.
#[unsafe(no_mangle)]
pub extern "C" fn cvm_instance_run_for(
    instance: Option<&mut Instance>,
    instructions: u64,
    exit: Out<'_, Exit>,
) -> Option<Box<Error>> {
    put(exit, || Ok(given(instance)?.0.run_for(instructions)?.into()))
}

/// Calls the function of the guest that begins at `function`: `registers` are its arguments, and then its results. In
/// `exit` is CVM_EXIT_KIND_RETURNED, or why the function has stopped before it returned; then the registers are as they were.
/// A call that has stopped goes on with `cvm_instance_resume_call`, or is given up with `cvm_instance_abandon_call`.
#[unsafe(no_mangle)]
pub extern "C" fn cvm_instance_call(
    instance: Option<&mut Instance>,
    function: u64,
    registers: Option<&mut Registers>,
    exit: Out<'_, Exit>,
) -> Option<Box<Error>> {
    put(exit, || {
        let (instance, registers) = (&mut given(instance)?.0, given(registers)?);
        let function = instance.function_at::<CallRegisters, CallRegisters>(function);
        let ended = function.call(instance, (*registers).into());
        returned(ended, registers)
    })
}

/// Goes on with the last call that has stopped, which was of `function`.
#[unsafe(no_mangle)]
pub extern "C" fn cvm_instance_resume_call(
    instance: Option<&mut Instance>,
    function: u64,
    registers: Option<&mut Registers>,
    exit: Out<'_, Exit>,
) -> Option<Box<Error>> {
    put(exit, || {
        let (instance, registers) = (&mut given(instance)?.0, given(registers)?);
        let ended = instance.function_at::<CallRegisters, CallRegisters>(function).resume(instance);
        returned(ended, registers)
    })
}

fn returned(
    ended: Result<CallRegisters, causality_vm::CallError>,
    registers: &mut Registers,
) -> Result<Exit, Failure> {
    let exit = match ended {
        Ok(results) => {
            *registers = results.into();
            causality_vm::Exit::Paused(causality_vm::PauseReason::Returned)
        }
        Err(error) => Failure::of_call(error)?,
    };
    Ok(exit.into())
}

/// Gives up the last call that has stopped; whether there was one.
#[unsafe(no_mangle)]
pub extern "C" fn cvm_instance_abandon_call(instance: Option<&mut Instance>) -> bool {
    instance.is_some_and(|instance| instance.0.abandon_call())
}

/// Makes an instance that has ended ready to run from the start.
#[unsafe(no_mangle)]
pub extern "C" fn cvm_instance_reset(instance: Option<&mut Instance>) -> Option<Box<Error>> {
    Instance::with(instance, |instance| Ok(instance.reset()?))
}

/// Ends a paused instance.
#[unsafe(no_mangle)]
pub extern "C" fn cvm_instance_abort(instance: Option<&mut Instance>) -> Option<Box<Error>> {
    Instance::with(instance, |instance| Ok(instance.abort()?))
}

/// Where it is in its life; NULL has failed.
#[unsafe(no_mangle)]
pub extern "C" fn cvm_instance_state(instance: Option<&Instance>) -> State {
    instance.map_or(State::Failed, |instance| instance.0.state().into())
}

/// Instructions that can still be paid.
#[unsafe(no_mangle)]
pub extern "C" fn cvm_instance_fuel(instance: Option<&Instance>) -> u64 {
    instance.map_or(0, |instance| instance.0.fuel())
}

/// Instructions retired since the start.
#[unsafe(no_mangle)]
pub extern "C" fn cvm_instance_retired(instance: Option<&Instance>) -> u64 {
    instance.map_or(0, |instance| instance.0.retired())
}

/// Pays for `instructions` more.
#[unsafe(no_mangle)]
pub extern "C" fn cvm_instance_add_fuel(
    instance: Option<&mut Instance>,
    instructions: u64,
) -> Option<Box<Error>> {
    Instance::with(instance, |instance| {
        instance.add_fuel(instructions);
        Ok(())
    })
}

/// Address of the next instruction.
#[unsafe(no_mangle)]
pub extern "C" fn cvm_instance_pc(instance: Option<&Instance>) -> u64 {
    instance.map_or(0, |instance| instance.0.pc())
}

/// The integer register `x0` to `x31`.
#[unsafe(no_mangle)]
pub extern "C" fn cvm_instance_x(
    instance: Option<&Instance>,
    register: u32,
    out: Out<'_, u64>,
) -> Option<Box<Error>> {
    put(out, || Ok(given(instance)?.0.x(x(register)?)))
}

/// Changes an integer register; writing to `x0` has no effect.
#[unsafe(no_mangle)]
pub extern "C" fn cvm_instance_set_x(
    instance: Option<&mut Instance>,
    register: u32,
    value: u64,
) -> Option<Box<Error>> {
    Instance::with(instance, |instance| {
        instance.set_x(x(register)?, value);
        Ok(())
    })
}

fn x(register: u32) -> Result<X, Failure> {
    let known = X::ALL.into_iter().find(|x| x.index() == register as usize);
    known.ok_or(Failure::Argument("there is no such register"))
}

/// Copies `len` bytes at `address` of guest memory to `to`. If the guest could not read them, nothing is copied.
///
/// # Safety
/// `len` bytes are writable at `to`.
#[unsafe(no_mangle)]
pub unsafe extern "C" fn cvm_instance_read(
    instance: Option<&Instance>,
    address: u64,
    to: *mut u8,
    len: usize,
) -> Option<Box<Error>> {
    Error::catch(|| {
        // SAFETY: by contract.
        let to = unsafe { bytes_mut(to, len) }?;
        to.copy_from_slice(given(instance)?.0.memory().slice(address, len as u64)?);
        Ok(())
    })
}

/// Copies `len` bytes at `from` to `address` of guest memory. If the guest could not write them, nothing is copied.
///
/// # Safety
/// `len` bytes are readable at `from`.
#[unsafe(no_mangle)]
pub unsafe extern "C" fn cvm_instance_write(
    instance: Option<&mut Instance>,
    address: u64,
    from: *const u8,
    len: usize,
) -> Option<Box<Error>> {
    Instance::with(instance, |instance| {
        // SAFETY: by contract.
        let from = unsafe { bytes(from, len) }?;
        instance.memory_mut().slice_mut(address, len as u64)?.copy_from_slice(from);
        Ok(())
    })
}

/// The pointer that was given when the instance was made.
#[unsafe(no_mangle)]
pub extern "C" fn cvm_instance_data(instance: Option<&Instance>) -> *mut c_void {
    instance.map_or(std::ptr::null_mut(), |instance| instance.0.data().0)
}

/// The program it runs, as a handle of its own. NULL if the instance is.
#[unsafe(no_mangle)]
pub extern "C" fn cvm_instance_module(instance: Option<&Instance>) -> Option<Box<Module>> {
    Some(Box::new(Module(instance?.0.module().clone())))
}

/// What pauses it from any thread. NULL if the instance is.
#[unsafe(no_mangle)]
pub extern "C" fn cvm_instance_pause_handle(instance: Option<&Instance>) -> Option<Box<PauseHandle>> {
    Some(Box::new(PauseHandle(instance?.0.pause_handle())))
}

/// Asks the instance to pause before one of its next instructions. May be called from any thread, also by several at once.
#[unsafe(no_mangle)]
pub extern "C" fn cvm_pause_handle_pause(handle: Option<&PauseHandle>) {
    if let Some(handle) = handle {
        handle.0.pause();
    }
}

/// Deletes a handle; NULL is none.
#[unsafe(no_mangle)]
pub extern "C" fn cvm_pause_handle_delete(handle: Option<Box<PauseHandle>>) {
    drop(handle);
}

/// What has happened so far, as JSON (docs/report.md), to `out`.
#[unsafe(no_mangle)]
pub extern "C" fn cvm_instance_report(
    instance: Option<&Instance>,
    out: Out<'_, Handle<Text>>,
) -> Option<Box<Error>> {
    put(out, || {
        let report = given(instance)?.0.report();
        let json = serde_json::to_string(&report).map_err(|error| Failure::Io(error.into()))?;
        Ok(Some(Box::new(Text::new(json))))
    })
}

/// The functions that are being executed and who called them, for people, to `out`.
#[unsafe(no_mangle)]
pub extern "C" fn cvm_instance_backtrace(
    instance: Option<&Instance>,
    out: Out<'_, Handle<Text>>,
) -> Option<Box<Error>> {
    put(out, || Ok(Some(Box::new(Text::new(given(instance)?.0.backtrace().to_string())))))
}

impl Text {
    fn new(text: String) -> Self {
        Text(CString::new(text.replace('\0', " ")).unwrap_or_default())
    }
}

/// The characters of a text, which end with a zero; valid until it is deleted. An empty one for NULL.
#[unsafe(no_mangle)]
pub extern "C" fn cvm_text_chars(text: Option<&Text>) -> *const c_char {
    text.map_or(c"".as_ptr(), |text| text.0.as_ptr())
}

/// Deletes a text; NULL is none.
#[unsafe(no_mangle)]
pub extern "C" fn cvm_text_delete(text: Option<Box<Text>>) {
    drop(text);
}
