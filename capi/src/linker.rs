//! What guests may call, and the making of instances.

use std::ffi::{c_char, c_void};
use std::sync::{Arc, RwLock, RwLockReadGuard};

use causality_vm::Caller;

use crate::callback::{CFunction, Data, Delete, HostFunction, InstanceData};
use crate::error::Failure;
use crate::pointer::{Handle, Out, given, put, text};
use crate::{Engine, Error, Instance, Module, Options};

/// Host functions, and what makes instances that may call them. May be used by several threads at once.
#[derive(Debug)]
pub struct Linker(RwLock<causality_vm::Linker<InstanceData>>);

impl Linker {
    /// What it is now.
    pub(crate) fn read(&self) -> Result<RwLockReadGuard<'_, causality_vm::Linker<InstanceData>>, Failure> {
        self.0.read().map_err(|_| Failure::Argument("a thread panicked in it"))
    }
}

/// A linker without functions. NULL if `engine` is.
#[unsafe(no_mangle)]
pub extern "C" fn cvm_linker_new(engine: Option<&Engine>) -> Option<Box<Linker>> {
    Some(Box::new(Linker(RwLock::new(causality_vm::Linker::new(&engine?.0)))))
}

/// Deletes a linker; instances made by it stay. NULL is none.
#[unsafe(no_mangle)]
pub extern "C" fn cvm_linker_delete(linker: Option<Box<Linker>>) {
    drop(linker);
}

/// Adds a function under a name and the lowest free number, from 0x10000 on, which goes to `number` if that is not NULL. It is
/// called with `data`; `drop_data`, if not NULL, is called with that when neither the linker nor any instance needs it any
/// more, also if this fails.
///
/// # Safety
/// `name` is NULL or a string that ends with a zero. `function` may be called with `data` from any thread, by
/// several at once if there are several instances; `drop_data` from any thread.
#[unsafe(no_mangle)]
pub unsafe extern "C" fn cvm_linker_function(
    linker: Option<&Linker>,
    name: *const c_char,
    function: HostFunction,
    data: *mut c_void,
    drop_data: Delete,
    number: Out<'_, u64>,
) -> Option<Box<Error>> {
    // SAFETY: by contract.
    let data = unsafe { Data::new(data, drop_data) };
    Error::catch(|| {
        // SAFETY: by contract.
        let name = unsafe { text(name) }?;
        let function = Arc::new(CFunction::new(function, data)?);
        // What it is called with is dropped, if the function is refused, when nobody holds the linker any more.
        let _kept = Arc::clone(&function);
        let mut linker =
            given(linker)?.0.write().map_err(|_| Failure::Argument("a thread panicked in it"))?;
        let call = move |caller: &mut Caller<'_, InstanceData>, a, b, c, d, e, f, g| {
            function.call(caller, &[a, b, c, d, e, f, g])
        };
        let added = linker.function(name, call)?;
        if let Some(number) = number {
            number.write(added);
        }
        Ok(())
    })
}

/// Makes an instance of `module` that is ready to run. Takes `options` over, also if it fails; NULL stands for none. `data` is what
/// `cvm_caller_data` gives to host functions.
#[unsafe(no_mangle)]
pub extern "C" fn cvm_linker_instantiate(
    linker: Option<&Linker>,
    module: Option<&Module>,
    options: Option<Box<Options>>,
    data: *mut c_void,
    out: Out<'_, Handle<Instance>>,
) -> Option<Box<Error>> {
    put(out, || {
        let options = Options::finished(options)?;
        let linker = given(linker)?.read()?;
        let instance = linker.instantiate(&given(module)?.0, options, InstanceData(data))?;
        Ok(Some(Box::new(Instance(instance))))
    })
}
