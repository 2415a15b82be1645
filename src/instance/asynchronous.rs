//! Guests as futures: they wait for asynchronous host functions without a thread, and take turns.

use std::future::poll_fn;
use std::task::Poll;

use causality_abi::{CallArguments, CallResult};
use causality_machine::{Exit, PauseReason};

use super::Instance;
use crate::{CallError, Error, TypedFunction};

const SLICE_DONE: Exit = Exit::Paused(PauseReason::Step);
const HOST: Exit = Exit::Paused(PauseReason::Host);

impl<T> Instance<T> {
    /// Whether it is paused in a call of an [asynchronous host function](crate::Linker::function_async) that has not ended.
    ///
    /// ```
    /// use causality_vm::{CallError, Caller, Engine, Exit, Linker, Module, Options, PauseReason};
    ///
    /// # fn main() -> Result<(), Box<dyn std::error::Error>> {
    /// let engine = Engine::default();
    /// let module = Module::from_file(&engine, "testkit/guests/calls.elf")?;
    /// let mut linker = Linker::new(&engine);
    /// linker.function_async("answer", |_: &mut Caller<'_, ()>, value: u64| async move {
    ///     tokio::task::yield_now().await;
    ///     value + 1
    /// })?;
    /// let mut guest = linker.instantiate(&module, Options::new(), ())?;
    /// guest.run()?;
    /// let ask = guest.function::<u64, u64>("ask")?;
    /// // Nobody polls the future here.
    /// let stopped = ask.call(&mut guest, 1);
    /// assert!(matches!(stopped, Err(CallError::Stopped(Exit::Paused(PauseReason::Host)))));
    /// assert!(guest.waits());
    /// # Ok(())
    /// # }
    /// ```
    #[must_use]
    pub fn waits(&mut self) -> bool {
        self.exit == Some(HOST) && self.host.waits(self.calls.hart(&self.machine.hart))
    }

    /// As [`Instance::run`], as a future: where the guest waits for an asynchronous host function, the future waits, and
    /// after each [time slice](crate::Config::time_slice) others have their turn.
    ///
    /// If the future is dropped before it is done, the instance stays where it is; it can be run on in either way.
    ///
    /// ```
    /// use causality_vm::{Caller, Engine, Exit, Linker, Module, Options};
    ///
    /// # #[tokio::main(flavor = "current_thread")]
    /// # async fn main() -> Result<(), Box<dyn std::error::Error>> {
    /// let engine = Engine::default();
    /// let module = Module::from_file(&engine, "testkit/guests/calls.elf")?;
    /// let mut linker = Linker::new(&engine);
    /// linker.function_async("answer", |_: &mut Caller<'_, ()>, value: u64| async move {
    ///     tokio::task::yield_now().await;
    ///     value + 1
    /// })?;
    /// let mut instance = linker.instantiate(&module, Options::new(), ())?;
    /// assert_eq!(instance.run_async().await?, Exit::Completed(0));
    /// assert_eq!(instance.call_async::<_, u64>("ask", 1_u64).await?, 2);
    /// # Ok(())
    /// # }
    /// ```
    ///
    /// # Errors
    /// As [`Instance::run`].
    pub async fn run_async(&mut self) -> Result<Exit, Error> {
        let slice = self.engine.config().get_time_slice();
        loop {
            let exit = self.run_for(slice)?;
            if exit == SLICE_DONE {
                take_turns().await;
            } else if self.waits() {
                poll_fn(|context| self.host.poll_waiting(context)).await;
            } else {
                return Ok(exit);
            }
        }
    }

    /// As [`Instance::call`], as a future like [`Instance::run_async`]. If it is dropped before it is done, the call has
    /// stopped, and can go on or be given up.
    ///
    /// # Errors
    /// As [`Instance::call`].
    pub async fn call_async<A: CallArguments, R: CallResult>(
        &mut self,
        name: &str,
        arguments: A,
    ) -> Result<R, CallError> {
        self.function(name)?.call_async(self, arguments).await
    }
}

impl<A: CallArguments, R: CallResult> TypedFunction<A, R> {
    /// As [`TypedFunction::call`], as a future like [`Instance::run_async`]. If it is dropped before it is done, the call has
    /// stopped, and can go on or be given up.
    ///
    /// ```
    /// use causality_vm::{Caller, Engine, Linker, Module, Options};
    ///
    /// # #[tokio::main(flavor = "current_thread")]
    /// # async fn main() -> Result<(), Box<dyn std::error::Error>> {
    /// let engine = Engine::default();
    /// let module = Module::from_file(&engine, "testkit/guests/calls.elf")?;
    /// let mut linker = Linker::new(&engine);
    /// linker.function_async("answer", |_: &mut Caller<'_, ()>, value: u64| async move {
    ///     tokio::task::yield_now().await;
    ///     value + 1
    /// })?;
    /// let mut guest = linker.instantiate(&module, Options::new(), ())?;
    /// guest.run()?;
    /// let ask = guest.function::<u64, u64>("ask")?;
    /// assert_eq!(ask.call_async(&mut guest, 1).await?, 2);
    /// # Ok(())
    /// # }
    /// ```
    ///
    /// # Errors
    /// As [`TypedFunction::call`].
    pub async fn call_async<T>(&self, instance: &mut Instance<T>, arguments: A) -> Result<R, CallError> {
        let slice = instance.engine.config().get_time_slice();
        match self.call_for(instance, arguments, slice) {
            Err(CallError::Stopped(SLICE_DONE)) => take_turns().await,
            Err(CallError::Stopped(HOST)) if instance.waits() => {}
            ended => return ended,
        }
        let exit = instance.run_async().await?;
        match exit {
            Exit::Paused(PauseReason::Returned) => self.resume(instance),
            exit => Err(CallError::Stopped(exit)),
        }
    }
}

/// Lets others have their turn.
async fn take_turns() {
    let mut is_over = false;
    poll_fn(|context| {
        if std::mem::replace(&mut is_over, true) {
            return Poll::Ready(());
        }
        context.waker().wake_by_ref();
        Poll::Pending
    })
    .await;
}
