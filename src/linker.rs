//! What guests may call, and the making of instances.

use causality_abi::{HostFunctions, IntoAsyncHostFunction, IntoHostFunction, Options, RegisterError};

use crate::snapshot::Snapshot;
use crate::{Engine, Error, Instance, Module};

/// Host functions over the embedder's own data `T`, one `T` per instance.
///
/// A guest finds a function by its name, or knows its number. See [`IntoHostFunction`] for what can be
/// one: any `Fn(&mut Caller<'_, T>, A, B, ...) -> R` with up to seven parameters.
///
/// A function has its caller until it returns, and no longer:
///
/// ```compile_fail,E0521
/// # use std::sync::Mutex;
/// # use causality_vm::{Caller, Engine, Linker};
/// # let mut linker = Linker::<u64>::new(&Engine::default());
/// let kept = Mutex::new(None);
/// linker.function("keep", move |caller: &mut Caller<'_, u64>| {
///     *kept.lock().unwrap() = Some(caller.data());
/// });
/// ```
#[derive(Debug)]
pub struct Linker<T> {
    engine: Engine,
    functions: HostFunctions<T>,
}

impl<T> Clone for Linker<T> {
    fn clone(&self) -> Self {
        Linker { engine: self.engine.clone(), functions: self.functions.clone() }
    }
}

impl<T> Linker<T> {
    /// No host functions: guests have the Linux calls only.
    #[must_use]
    pub fn new(engine: &Engine) -> Self {
        Linker { engine: engine.clone(), functions: HostFunctions::new() }
    }

    /// Adds a function under a name and the lowest free number, which it returns.
    ///
    /// ```
    /// use causality_vm::{Caller, Engine, HostFault, Linker, Ptr};
    ///
    /// # fn main() -> Result<(), Box<dyn std::error::Error>> {
    /// let mut linker = Linker::<Vec<String>>::new(&Engine::default());
    /// linker.function(
    ///     "note",
    ///     |caller: &mut Caller<'_, Vec<String>>, text: Ptr, len: u64| -> Result<(), HostFault> {
    ///         let bytes = caller.bytes(text.0, len)?;
    ///         let text = String::from_utf8_lossy(bytes).into_owned();
    ///         caller.data_mut().push(text);
    ///         Ok(())
    ///     },
    /// )?;
    /// # Ok(())
    /// # }
    /// ```
    ///
    /// # Errors
    /// If the name is taken or cannot be asked for.
    pub fn function<Types>(
        &mut self,
        name: &str,
        function: impl IntoHostFunction<T, Types>,
    ) -> Result<u64, RegisterError> {
        self.functions.register(name, function)
    }

    /// Adds an asynchronous function under a name and the lowest free number, which it returns: the guest that calls it is
    /// paused until the future has ended, and its thread is free if it runs [as a future](Instance::run_async). If it does not,
    /// the run ends with [`PauseReason::Host`](crate::PauseReason::Host).
    ///
    /// ```
    /// use std::time::Duration;
    ///
    /// use causality_vm::{Caller, Engine, Linker};
    ///
    /// # fn main() -> Result<(), Box<dyn std::error::Error>> {
    /// let mut linker = Linker::<()>::new(&Engine::default());
    /// linker.function_async("sleep", |_: &mut Caller<'_, ()>, milliseconds: u64| async move {
    ///     tokio::time::sleep(Duration::from_millis(milliseconds)).await;
    /// })?;
    /// # Ok(())
    /// # }
    /// ```
    ///
    /// # Errors
    /// As [`Linker::function`].
    pub fn function_async<Types>(
        &mut self,
        name: &str,
        function: impl IntoAsyncHostFunction<T, Types>,
    ) -> Result<u64, RegisterError> {
        self.functions.register_async(name, function)
    }

    /// Adds a function under a number that guests have built in, from
    /// [`FIRST_HOST_FUNCTION`](crate::FIRST_HOST_FUNCTION) on, and a name.
    ///
    /// ```
    /// use causality_vm::{Caller, Engine, FIRST_HOST_FUNCTION, Linker, Module, Options};
    ///
    /// # fn main() -> Result<(), Box<dyn std::error::Error>> {
    /// let engine = Engine::default();
    /// let mut linker = Linker::new(&engine);
    /// linker.function_at(FIRST_HOST_FUNCTION, "next", |_: &mut Caller<'_, ()>, value: u64| value + 1)?;
    /// let module = Module::from_file(&engine, "testkit/guests/calls.elf")?;
    /// let mut guest = linker.instantiate(&module, Options::new(), ())?;
    /// guest.run()?;
    /// // A function of the guest that makes an `ecall` with this number.
    /// assert_eq!(guest.call::<_, u64>("ask", 41_u64)?, 42);
    /// # Ok(())
    /// # }
    /// ```
    ///
    /// # Errors
    /// If the number is taken or not a host function's, or the name is taken or cannot be asked for.
    pub fn function_at<Types>(
        &mut self,
        number: u64,
        name: &str,
        function: impl IntoHostFunction<T, Types>,
    ) -> Result<(), RegisterError> {
        self.functions.register_at(number, name, function)
    }

    /// Puts a function in the place of a Linux call.
    ///
    /// ```
    /// use causality_vm::{Caller, Engine, Linker, Module, Options, Ptr};
    ///
    /// # fn main() -> Result<(), Box<dyn std::error::Error>> {
    /// let engine = Engine::default();
    /// let mut linker = Linker::<u64>::new(&engine);
    /// linker.replace_linux(64, "count", |caller: &mut Caller<'_, u64>, _descriptor: i32, _from: Ptr, len: u64| {
    ///     *caller.data_mut() += len;
    ///     len
    /// })?;
    /// let module = Module::from_file(&engine, "examples/hello.elf")?;
    /// let mut guest = linker.instantiate(&module, Options::new().arg("hello"), 0)?;
    /// guest.run()?;
    /// assert_eq!(*guest.data(), "Hello, world! This is RV64GC speaking.\n".len() as u64);
    /// # Ok(())
    /// # }
    /// ```
    ///
    /// # Errors
    /// If there is no Linux call of that number, or the name is taken or cannot be asked for.
    pub fn replace_linux<Types>(
        &mut self,
        number: u64,
        name: &str,
        function: impl IntoHostFunction<T, Types>,
    ) -> Result<(), RegisterError> {
        self.functions.replace_linux(number, name, function)
    }

    /// The functions by number.
    ///
    /// ```
    /// use causality_vm::{Caller, Engine, Linker};
    ///
    /// # fn main() -> Result<(), Box<dyn std::error::Error>> {
    /// let mut linker = Linker::new(&Engine::default());
    /// let number = linker.function("double", |_: &mut Caller<'_, ()>, value: u64| value * 2)?;
    /// assert_eq!(linker.functions().collect::<Vec<_>>(), [(number, "double")]);
    /// # Ok(())
    /// # }
    /// ```
    pub fn functions(&self) -> impl Iterator<Item = (u64, &str)> {
        self.functions.iter()
    }

    /// Makes an instance of `module` that is ready to run: memory laid out and filled, stack and
    /// arguments in place, fuel granted.
    ///
    /// ```
    /// use causality_vm::{Engine, Linker, Module, Options, VmState};
    ///
    /// # fn main() -> Result<(), Box<dyn std::error::Error>> {
    /// let engine = Engine::default();
    /// let module = Module::from_file(&engine, "examples/hello.elf")?;
    /// let options = Options::new().args(["hello", "reader"]).env("LANG", "C").seed(7);
    /// let guest = Linker::new(&engine).instantiate(&module, options, "the embedder's")?;
    /// assert_eq!(guest.state(), VmState::Ready);
    /// assert_eq!(guest.into_data(), "the embedder's");
    /// # Ok(())
    /// # }
    /// ```
    ///
    /// # Errors
    /// If the program or its arguments do not fit the limits, or the host has no memory.
    pub fn instantiate(&self, module: &Module, options: Options, data: T) -> Result<Instance<T>, Error> {
        Instance::new(&self.engine, module, options, self.functions.clone(), data)
    }

    /// Makes an instance that goes on where `snapshot` was made. The module must be the same program, and the limits, of
    /// `options` or the engine, the same; how code is executed does not matter. Arguments, environment, working directory, seed and fuel are the
    /// snapshot's, whatever `options` and the engine say; streams and directories are those of `options`, and host functions
    /// the linker's. [The module](crate::snapshot) says what else is whose.
    ///
    /// # Errors
    /// [`ErrorKind::Snapshot`](crate::ErrorKind::Snapshot) if it cannot go on here, and as [`Linker::instantiate`].
    pub fn resume(
        &self,
        module: &Module,
        options: Options,
        data: T,
        snapshot: &Snapshot,
    ) -> Result<Instance<T>, Error> {
        Instance::resumed(&self.engine, module, options, self.functions.clone(), data, snapshot)
    }
}
