//! Settings of an engine.

use std::ffi::c_char;

use crate::Error;
use crate::error::Failure;
use crate::pointer::{Handle, Out, given, put, text};

/// Settings of an engine, with the defaults of the Rust API.
#[derive(Debug)]
pub struct Config(pub(crate) causality_vm::Config);

/// How guest code is executed; the result is the same.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
#[repr(C)]
pub enum Tier {
    /// What is fastest, found out while the guest runs: the default.
    Auto = 0,
    /// The interpreter.
    Interpreter = 1,
    /// Native code made in one pass.
    Baseline = 2,
    /// Native code by Cranelift.
    Cranelift = 3,
}

impl Config {
    fn set(
        config: Option<&mut Config>,
        set: impl FnOnce(causality_vm::Config) -> Result<causality_vm::Config, Failure>,
    ) -> Option<Box<Error>> {
        Error::catch(|| {
            let config = given(config)?;
            config.0 = set(config.0.clone())?;
            Ok(())
        })
    }
}

/// The defaults.
#[unsafe(no_mangle)]
pub extern "C" fn cvm_config_new() -> Box<Config> {
    Box::new(Config(causality_vm::Config::new()))
}

/// The defaults, changed by the environment variables `CAUSALITY_TIER`, `CAUSALITY_FUEL`, `CAUSALITY_MEMORY` and others.
#[unsafe(no_mangle)]
pub extern "C" fn cvm_config_from_env(out: Out<'_, Handle<Config>>) -> Option<Box<Error>> {
    put(out, || Ok(Some(Box::new(Config(causality_vm::Config::from_env()?)))))
}

/// Deletes a configuration; NULL is none.
#[unsafe(no_mangle)]
pub extern "C" fn cvm_config_delete(config: Option<Box<Config>>) {
    drop(config);
}

/// Sets how code is executed: one of `cvm_tier`.
#[unsafe(no_mangle)]
pub extern "C" fn cvm_config_tier(config: Option<&mut Config>, tier: u32) -> Option<Box<Error>> {
    Config::set(config, |config| {
        let tiers = [
            causality_vm::Tier::Auto,
            causality_vm::Tier::Interpreter,
            causality_vm::Tier::Baseline,
            causality_vm::Tier::Cranelift,
        ];
        let tier = tiers.get(tier as usize).ok_or(Failure::Argument("there is no such tier"))?;
        Ok(config.tier(*tier))
    })
}

/// Sets how many instructions an instance may retire before it is out of fuel.
#[unsafe(no_mangle)]
pub extern "C" fn cvm_config_fuel(config: Option<&mut Config>, instructions: u64) -> Option<Box<Error>> {
    Config::set(config, |config| Ok(config.fuel(instructions)))
}

/// Sets how many bytes all memory of an instance may have.
#[unsafe(no_mangle)]
pub extern "C" fn cvm_config_memory(config: Option<&mut Config>, bytes: u64) -> Option<Box<Error>> {
    Config::set(config, |config| Ok(config.memory(bytes)))
}

/// Sets how many bytes the stack of an instance has.
#[unsafe(no_mangle)]
pub extern "C" fn cvm_config_stack(config: Option<&mut Config>, bytes: u64) -> Option<Box<Error>> {
    Config::set(config, |config| Ok(config.stack(bytes)))
}

/// Sets the size of the guest address space in bytes.
#[unsafe(no_mangle)]
pub extern "C" fn cvm_config_address_space(config: Option<&mut Config>, bytes: u64) -> Option<Box<Error>> {
    Config::set(config, |config| Ok(config.address_space(bytes)))
}

/// Sets whether native code is metered. Without, an endless loop ends by a pause only.
#[unsafe(no_mangle)]
pub extern "C" fn cvm_config_metering(config: Option<&mut Config>, is_on: bool) -> Option<Box<Error>> {
    Config::set(config, |config| Ok(config.metering(is_on)))
}

/// Sets whether native code withholds the host's memory also from mispredicted paths.
#[unsafe(no_mangle)]
pub extern "C" fn cvm_config_speculation_safe(
    config: Option<&mut Config>,
    is_on: bool,
) -> Option<Box<Error>> {
    Config::set(config, |config| Ok(config.speculation_safe(is_on)))
}

/// Sets how many bytes of native code an engine keeps.
#[unsafe(no_mangle)]
pub extern "C" fn cvm_config_code_memory(config: Option<&mut Config>, bytes: usize) -> Option<Box<Error>> {
    Config::set(config, |config| Ok(config.code_memory(bytes)))
}

/// Keeps native code in a directory, for other processes. Who can write there decides what code this process runs.
///
/// # Safety
/// `directory` is NULL or a string that ends with a zero.
#[unsafe(no_mangle)]
pub unsafe extern "C" fn cvm_config_cache(
    config: Option<&mut Config>,
    directory: *const c_char,
) -> Option<Box<Error>> {
    // SAFETY: by contract.
    Config::set(config, |config| Ok(config.cache(unsafe { text(directory) }?)))
}
