//! Engines and programs.

use std::ffi::c_char;

use crate::error::Failure;
use crate::pointer::{Handle, Out, bytes, given, put, text};
use crate::{Config, Error};

/// What all modules and instances share: settings and native code. May be used by several threads at once.
#[derive(Debug)]
pub struct Engine(pub(crate) causality_vm::Engine);

/// A program that was read and checked. May be used by several threads at once.
#[derive(Debug)]
pub struct Module(pub(crate) causality_vm::Module);

/// The version of the engine, such as "0.1.0".
#[unsafe(no_mangle)]
pub extern "C" fn cvm_version() -> *const c_char {
    const VERSION: &str = concat!(env!("CARGO_PKG_VERSION"), "\0");
    VERSION.as_ptr().cast()
}

/// An engine. Takes `config` over; NULL stands for the defaults.
#[unsafe(no_mangle)]
pub extern "C" fn cvm_engine_new(config: Option<Box<Config>>) -> Box<Engine> {
    Box::new(Engine(causality_vm::Engine::new(config.map_or_else(Default::default, |config| config.0))))
}

/// Deletes an engine, or rather this handle: what was made with it goes on. NULL is none.
#[unsafe(no_mangle)]
pub extern "C" fn cvm_engine_delete(engine: Option<Box<Engine>>) {
    drop(engine);
}

/// Reads and checks a program: the `len` bytes of an ELF file at `elf`.
///
/// # Safety
/// `len` bytes are readable at `elf`.
#[unsafe(no_mangle)]
pub unsafe extern "C" fn cvm_module_new(
    engine: Option<&Engine>,
    elf: *const u8,
    len: usize,
    out: Out<'_, Handle<Module>>,
) -> Option<Box<Error>> {
    put(out, || {
        // SAFETY: by contract.
        let elf = unsafe { bytes(elf, len) }?;
        Ok(Some(Box::new(Module(causality_vm::Module::new(&given(engine)?.0, elf)?))))
    })
}

/// Deletes a module, or rather this handle. NULL is none.
#[unsafe(no_mangle)]
pub extern "C" fn cvm_module_delete(module: Option<Box<Module>>) {
    drop(module);
}

/// Writes the ContentId of the program, 32 bytes, to `out`.
#[unsafe(no_mangle)]
pub extern "C" fn cvm_module_id(module: Option<&Module>, out: Option<&mut [u8; 32]>) -> Option<Box<Error>> {
    Error::catch(|| {
        *given(out)? = *given(module)?.0.id().as_bytes();
        Ok(())
    })
}

/// Looks up where the function `name` begins.
///
/// # Safety
/// `name` is NULL or a string that ends with a zero.
#[unsafe(no_mangle)]
pub unsafe extern "C" fn cvm_module_function(
    module: Option<&Module>,
    name: *const c_char,
    out: Out<'_, u64>,
) -> Option<Box<Error>> {
    put(out, || {
        // SAFETY: by contract.
        let name = unsafe { text(name) }?;
        let function = given(module)?.0.symbols().function(name);
        function.ok_or_else(|| Failure::Function(format!("the program has no function `{name}`")))
    })
}
