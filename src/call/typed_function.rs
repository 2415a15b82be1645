//! A function of a guest, with its types.

use std::fmt;
use std::hint::cold_path;
use std::marker::PhantomData;

use causality_abi::{CallArguments, CallResult};

use crate::{CallError, Instance, Module};

/// A function of a program, looked up once and called often, in any instance of the program.
///
/// The types are the embedder's word: a guest knows of none, so wrong ones give wrong values, never more.
///
/// ```
/// use causality_vm::{CallError, Engine, Linker, Module, Options};
///
/// # fn main() -> Result<(), Box<dyn std::error::Error>> {
/// let engine = Engine::default();
/// let linker = Linker::new(&engine);
/// let module = Module::from_file(&engine, "testkit/guests/calls.elf")?;
/// let mut guests = [linker.instantiate(&module, Options::new(), ())?, linker.instantiate(&module, Options::new(), ())?];
/// let add = guests[0].function::<(u64, u64), u64>("add")?;
/// assert_eq!(Some(add.address()), module.symbols().function("add"));
/// for guest in &mut guests {
///     assert_eq!(add.call(guest, (40, 2))?, 42);
/// }
///
/// let module = Module::from_file(&engine, "examples/plugin.elf")?;
/// let mut other = linker.instantiate(&module, Options::new(), ())?;
/// assert!(matches!(add.call(&mut other, (40, 2)), Err(CallError::OtherProgram)));
/// # Ok(())
/// # }
/// ```
pub struct TypedFunction<Arguments, Result> {
    module: Module,
    address: u64,
    types: PhantomData<fn(Arguments) -> Result>,
}

impl<A, R> Clone for TypedFunction<A, R> {
    fn clone(&self) -> Self {
        TypedFunction::new(self.module.clone(), self.address)
    }
}

impl<A, R> fmt::Debug for TypedFunction<A, R> {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_struct("TypedFunction").field("address", &format_args!("{:#x}", self.address)).finish()
    }
}

impl<A, R> TypedFunction<A, R> {
    pub(crate) fn new(module: Module, address: u64) -> Self {
        TypedFunction { module, address, types: PhantomData }
    }

    /// Where it begins in guest memory.
    #[must_use]
    pub fn address(&self) -> u64 {
        self.address
    }
}

impl<A: CallArguments, R: CallResult> TypedFunction<A, R> {
    /// Calls it and waits for its result.
    ///
    /// The instance may be ready, paused or completed; what it was doing is as it was before when the function has
    /// returned, but for fuel and memory. The function runs on the guest's stack, below what is there.
    ///
    /// It begins with its arguments, a return address, the guest's `sp`, `gp`, `tp` and `fcsr`; other registers hold what the calling
    /// convention says: nothing to rely on, such as what an earlier call left there. Before a program has run to its `main`,
    /// `gp` and `tp` are mostly 0, and what it finds by them is not there; constructors have not run either.
    ///
    /// ```
    /// use causality_vm::{Engine, Linker, Module, Options};
    ///
    /// # fn main() -> Result<(), Box<dyn std::error::Error>> {
    /// let engine = Engine::default();
    /// let module = Module::from_file(&engine, "examples/plugin.elf")?;
    /// let mut instance = Linker::new(&engine).instantiate(&module, Options::new(), ())?;
    /// let add = instance.function::<(u64, u64), u64>("add")?;
    /// assert_eq!(add.call(&mut instance, (40, 2))?, 42);
    /// # Ok(())
    /// # }
    /// ```
    ///
    /// # Errors
    /// [`CallError::OtherProgram`], [`CallError::Stopped`], [`CallError::Host`].
    #[inline(always)]
    pub fn call<T>(&self, instance: &mut Instance<T>, arguments: A) -> Result<R, CallError> {
        if !self.module.is(instance.module()) {
            cold_path();
            return Err(CallError::OtherProgram);
        }
        instance.call_at(self.address, arguments)
    }

    /// Calls it, and stops after so many instructions.
    pub(crate) fn call_for<T>(
        &self,
        instance: &mut Instance<T>,
        arguments: A,
        most: u64,
    ) -> Result<R, CallError> {
        if !self.module.is(instance.module()) {
            return Err(CallError::OtherProgram);
        }
        instance.call_for(self.address, arguments, most)
    }

    /// Goes on with a call of this function that was the last to stop, and waits for its result.
    ///
    /// ```
    /// use causality_vm::{Engine, Linker, Module, Options};
    ///
    /// # fn main() -> Result<(), Box<dyn std::error::Error>> {
    /// # let engine = Engine::default();
    /// # let module = Module::from_file(&engine, "testkit/guests/calls.elf")?;
    /// # let linker = Linker::new(&engine);
    /// let mut guest = linker.instantiate(&module, Options::new().arg("calls"), ())?;
    /// use causality_vm::{CallError, Exit};
    /// let mut poor = linker.instantiate(&module, Options::new().fuel(100), ())?;
    /// let spin = poor.function::<u64, u64>("spin")?;
    /// assert!(matches!(spin.call(&mut poor, 1000), Err(CallError::Stopped(Exit::OutOfFuel))));
    /// poor.add_fuel(1_000_000);
    /// assert_eq!(spin.resume(&mut poor)?, 332_833_500);
    /// # guest.run()?;
    /// # Ok(())
    /// # }
    /// ```
    ///
    /// # Errors
    /// [`CallError::NotCalled`] if the last call that stopped was not of this function, and as [`TypedFunction::call`].
    pub fn resume<T>(&self, instance: &mut Instance<T>) -> Result<R, CallError> {
        if !self.module.is(instance.module()) {
            return Err(CallError::OtherProgram);
        }
        instance.resume_call(self.address)
    }
}
