//! Functions of the guest, called by the embedder.

use std::hint::cold_path;

use causality_abi::{CallArguments, CallResult};
use causality_jit::abi::Entered;
use causality_machine::{BeforeCall, Exit, PauseReason};

use super::Instance;
use crate::{CallError, Error, TypedFunction};

const RETURNED: Exit = Exit::Paused(PauseReason::Returned);

impl<T> Instance<T> {
    /// Calls a function of the guest by its name. Who does so often looks it up [once](Instance::function).
    ///
    /// ```
    /// use causality_vm::CallError;
    /// # use causality_vm::{Engine, Linker, Module, Options};
    /// # fn main() -> Result<(), Box<dyn std::error::Error>> {
    /// # let engine = Engine::default();
    /// # let module = Module::from_file(&engine, "testkit/guests/calls.elf")?;
    /// # let mut guest = Linker::new(&engine).instantiate(&module, Options::new().arg("guest"), ())?;
    /// guest.run()?;
    /// assert_eq!(guest.call::<_, u64>("add", (40_u64, 2_u64))?, 42);
    /// assert_eq!(guest.call::<_, f64>("mix", (3_i32, 0.5_f64, 2.0_f32))?, 3.0);
    /// assert!(matches!(guest.call::<_, ()>("subtract", ()), Err(CallError::NoFunction(_))));
    /// # Ok(())
    /// # }
    /// ```
    ///
    /// # Errors
    /// As [`Instance::function`] and [`TypedFunction::call`].
    pub fn call<A: CallArguments, R: CallResult>(
        &mut self,
        name: &str,
        arguments: A,
    ) -> Result<R, CallError> {
        self.function(name)?.call(self, arguments)
    }

    /// A function of the program.
    ///
    /// # Errors
    /// [`CallError::NoFunction`] if the program's symbols do not have it.
    pub fn function<A: CallArguments, R: CallResult>(
        &self,
        name: &str,
    ) -> Result<TypedFunction<A, R>, CallError> {
        let symbol = self.module.symbols().function(name);
        let symbol = symbol.ok_or_else(|| CallError::NoFunction(name.to_owned()))?;
        Ok(self.function_at(symbol))
    }

    /// The function that begins at `address`, such as one that the guest has told a host function about.
    ///
    /// ```
    /// # use causality_vm::{Engine, Linker, Module, Options};
    /// # fn main() -> Result<(), Box<dyn std::error::Error>> {
    /// # let engine = Engine::default();
    /// # let module = Module::from_file(&engine, "testkit/guests/calls.elf")?;
    /// # let mut guest = Linker::new(&engine).instantiate(&module, Options::new().arg("guest"), ())?;
    /// let address = module.symbols().function("add").expect("it has one");
    /// let add = guest.function_at::<(u64, u64), u64>(address);
    /// assert_eq!(add.call(&mut guest, (40, 2))?, 42);
    /// # Ok(())
    /// # }
    /// ```
    #[must_use]
    pub fn function_at<A: CallArguments, R: CallResult>(&self, address: u64) -> TypedFunction<A, R> {
        TypedFunction::new(self.module.clone(), address)
    }

    /// How many calls have stopped before the function returned. As long as there are any, running goes on in the
    /// innermost, and pauses ([`PauseReason::Returned`]) where that returns.
    #[must_use]
    pub fn pending_calls(&self) -> usize {
        self.calls.pending()
    }

    /// Gives up the innermost call that has stopped, and whatever the function was doing: registers are as they were
    /// before the call, and so is whether the instance can run. `false` if there is none.
    ///
    /// Memory is as the function has left it. After a trap, that may be in the middle of a change.
    ///
    /// ```
    /// use causality_vm::{Engine, Linker, Module, Options};
    ///
    /// # fn main() -> Result<(), Box<dyn std::error::Error>> {
    /// # let engine = Engine::default();
    /// # let module = Module::from_file(&engine, "testkit/guests/calls.elf")?;
    /// # let linker = Linker::new(&engine);
    /// let mut guest = linker.instantiate(&module, Options::new().arg("calls"), ())?;
    /// let spin = guest.function::<u64, u64>("spin")?;
    /// guest.pause_handle().pause();
    /// assert!(spin.call(&mut guest, 10).is_err());
    /// assert_eq!(guest.pending_calls(), 1);
    /// assert!(guest.abandon_call());
    /// assert_eq!(spin.call(&mut guest, 10)?, 285);
    /// # Ok(())
    /// # }
    /// ```
    pub fn abandon_call(&mut self) -> bool {
        let Some(ended) = self.calls.end(&mut self.machine.hart) else { return false };
        self.exit = ended.exit;
        self.host.forget_waiting(ended.waiting);
        self.host.set_waiting_before(self.calls.waiting());
        self.machine.end_call(ended.before, self.calls.pending() > 0);
        true
    }

    #[inline]
    pub(crate) fn call_at<A: CallArguments, R: CallResult>(
        &mut self,
        address: u64,
        arguments: A,
    ) -> Result<R, CallError> {
        // After a call that left everything as it was, there is next to nothing to do but the call.
        let Some(machine) = self.machine.as_left() else {
            cold_path();
            let before = self.begin_call(address, arguments)?;
            return self.enter(before, address);
        };
        self.calls.begin(&mut machine.hart, address);
        arguments.give(&mut machine.hart);
        let is_as_left = match self.execution.call(machine, &mut self.host, true) {
            Entered::Returned(is_as_left) => is_as_left,
            entered => return self.not_returned(address, entered),
        };
        self.calls.returned(&machine.hart);
        machine.memory.settle_registers(machine.hart.instret());
        if !is_as_left {
            self.machine.touch();
        }
        Ok(R::take(&self.machine.hart))
    }

    /// Runs a function whose call has begun.
    fn enter<R: CallResult>(&mut self, before: BeforeCall, address: u64) -> Result<R, CallError> {
        let mut entered = Entered::Closed;
        if self.crosscheck.is_none() {
            entered = self.execution.call(&mut self.machine, &mut self.host, false);
        }
        let Entered::Returned(is_as_left) = entered else { return self.go_on(before, address, entered) };
        let result = self.returned(before);
        if is_as_left && self.calls.pending() == 0 && self.host.waiting() == 0 {
            self.machine.leave();
        }
        Ok(result)
    }

    /// Goes on with a function that was called in a machine that was as it was left, and has not returned.
    #[cold]
    fn not_returned<R: CallResult>(&mut self, address: u64, entered: Entered) -> Result<R, CallError> {
        let before = self.machine.begin_call().map_err(Error::from)?;
        match entered {
            Entered::Stopped(_) => self.go_on(before, address, entered),
            Entered::Closed | Entered::Returned(_) => self.enter(before, address),
        }
    }

    /// Goes on with a function that has not returned by the short way.
    #[cold]
    fn go_on<R: CallResult>(
        &mut self,
        before: BeforeCall,
        address: u64,
        entered: Entered,
    ) -> Result<R, CallError> {
        if let Entered::Stopped(stopped) = entered {
            self.execution.stop(stopped);
        }
        self.go_for(before, address, u64::MAX)?;
        Ok(self.returned(before))
    }

    /// As [`Instance::call_at`], for at most so many instructions.
    pub(crate) fn call_for<A: CallArguments, R: CallResult>(
        &mut self,
        address: u64,
        arguments: A,
        most: u64,
    ) -> Result<R, CallError> {
        let before = self.begin_call(address, arguments)?;
        self.go_for(before, address, most)?;
        Ok(self.returned(before))
    }

    #[inline]
    fn begin_call(&mut self, address: u64, arguments: impl CallArguments) -> Result<BeforeCall, Error> {
        let before = self.machine.begin_call()?;
        let waiting = self.host.waiting();
        self.host.set_waiting_before(waiting);
        self.calls.begin(&mut self.machine.hart, address);
        arguments.give(&mut self.machine.hart);
        Ok(before)
    }

    #[inline]
    fn returned<R: CallResult>(&mut self, before: BeforeCall) -> R {
        let result = R::take(&self.machine.hart);
        self.calls.returned(&self.machine.hart);
        self.host.set_waiting_before(self.calls.waiting());
        self.machine.end_call(before, self.calls.pending() > 0);
        result
    }

    /// Runs a function as any guest is run, for at most so many instructions.
    fn go_for(&mut self, before: BeforeCall, address: u64, most: u64) -> Result<(), CallError> {
        self.machine.go_on();
        let ended = self.go(most);
        if let Ok(RETURNED) = ended {
            return Ok(());
        }
        self.calls.stopped(address, before, self.host.waiting_before(), self.exit);
        let exit = ended?;
        self.ended(exit);
        Err(CallError::Stopped(exit))
    }

    pub(crate) fn resume_call<R: CallResult>(&mut self, address: u64) -> Result<R, CallError> {
        if self.calls.innermost().is_none_or(|pending| pending.address != address) {
            return Err(CallError::NotCalled);
        }
        let exit = self.run()?;
        if exit != RETURNED {
            return Err(CallError::Stopped(exit));
        }
        let result = R::take(&self.machine.hart);
        self.abandon_call();
        Ok(result)
    }
}
