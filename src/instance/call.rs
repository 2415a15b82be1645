//! Functions of the guest, called by the embedder.

use std::any::Any;
use std::hint::cold_path;
use std::panic::{AssertUnwindSafe, catch_unwind, resume_unwind};

use causality_abi::{CallArguments, CallResult, give_arguments};
use causality_jit::abi::{Entered, Outcome};
use causality_machine::{BeforeCall, Exit, PauseReason, settle_registers};

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

    /// What it returns is in registers on the way here, which a `Result` of the caller's types is not.
    #[inline(always)]
    pub(crate) fn call_at<A: CallArguments, R: CallResult>(
        &mut self,
        address: u64,
        arguments: A,
    ) -> Result<R, CallError> {
        match self.call_function(address, arguments) {
            None => Ok(R::take(&self.machine.hart)),
            Some(error) => Err(*error),
        }
    }

    /// Leaves the result in the hart.
    fn call_function<A: CallArguments>(&mut self, address: u64, arguments: A) -> Option<Box<CallError>> {
        // After a call that left everything as it was, there is next to nothing to do but the call.
        let Some(machine) = self.machine.as_left() else {
            cold_path();
            return self.call_first(address, arguments);
        };
        self.calls.begin(&mut machine.hart, address);
        give_arguments(&mut machine.hart, arguments);
        if !self.execution.call_again(machine, &mut self.host) {
            cold_path();
            return self.not_as_left(address);
        }
        self.calls.paid(&machine.hart);
        settle_registers(&mut machine.memory, &machine.hart);
        None
    }

    /// Whatever there is to be made sure of.
    #[inline(never)]
    fn call_first<A: CallArguments>(&mut self, address: u64, arguments: A) -> Option<Box<CallError>> {
        let before = match self.begin_call(address, arguments) {
            Ok(before) => before,
            Err(error) => return Some(Box::new(error.into())),
        };
        self.enter(before, address)
    }

    /// Runs a function whose call has begun.
    fn enter(&mut self, before: BeforeCall, address: u64) -> Option<Box<CallError>> {
        let mut entered = Entered::Closed;
        if self.crosscheck.is_none() {
            // Code is made, of which the embedder is told.
            let call = AssertUnwindSafe(|| self.execution.call(&mut self.machine, &mut self.host));
            match catch_unwind(call) {
                Ok(found) => entered = found,
                Err(panic) => return self.panicked(before, address, panic),
            }
        }
        match entered {
            Entered::Returned(is_as_left) => self.came_back(before, is_as_left),
            entered => self.go_on(before, address, entered),
        }
    }

    /// A function has returned by the short way.
    fn came_back(&mut self, before: BeforeCall, is_as_left: bool) -> Option<Box<CallError>> {
        self.returned(before);
        if is_as_left && self.calls.pending() == 0 && self.host.waiting() == 0 {
            self.machine.leave();
        }
        None
    }

    /// Goes on after a function was called in a machine that was as it was left, and is not so any more.
    #[inline(never)]
    fn not_as_left(&mut self, address: u64) -> Option<Box<CallError>> {
        let entered = self.execution.take_entered();
        let before = match self.machine.begin_call() {
            Ok(before) => before,
            Err(error) => return Some(Box::new(Error::from(error).into())),
        };
        match entered {
            Entered::Returned(is_as_left) => self.came_back(before, is_as_left),
            Entered::Stopped(_) => self.go_on(before, address, entered),
            Entered::Closed => self.enter(before, address),
        }
    }

    /// The embedder's code has panicked in a call.
    #[cold]
    fn panicked(
        &mut self,
        before: BeforeCall,
        address: u64,
        panic: Box<dyn Any + Send>,
    ) -> Option<Box<CallError>> {
        self.go_with(before, address, |_| resume_unwind(panic)).err().map(Box::new)
    }

    /// Goes on with a function that has not returned by the short way.
    #[cold]
    fn go_on(&mut self, before: BeforeCall, address: u64, entered: Entered) -> Option<Box<CallError>> {
        let ended = self.go_with(before, address, |instance| {
            let outcome = match entered {
                Entered::Stopped(stopped) => stopped.outcome(),
                _ => Ok(Outcome::Left),
            };
            instance.machine.go_on();
            let result = match outcome {
                Ok(Outcome::Exit(exit)) => Ok(exit),
                Ok(Outcome::NoCode | Outcome::Left) => return instance.go(u64::MAX),
                Err(error) => Err(error),
            };
            Ok(instance.machine.ran(result)?)
        });
        if let Err(error) = ended {
            return Some(Box::new(error));
        }
        self.returned(before);
        None
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
        self.returned(before);
        Ok(R::take(&self.machine.hart))
    }

    fn begin_call(&mut self, address: u64, arguments: impl CallArguments) -> Result<BeforeCall, Error> {
        let before = self.machine.begin_call()?;
        let waiting = self.host.waiting();
        self.host.set_waiting_before(waiting);
        self.calls.begin(&mut self.machine.hart, address);
        give_arguments(&mut self.machine.hart, arguments);
        Ok(before)
    }

    fn returned(&mut self, before: BeforeCall) {
        self.calls.paid(&self.machine.hart);
        self.host.set_waiting_before(self.calls.waiting());
        self.machine.end_call(before, self.calls.pending() > 0);
    }

    /// Runs a function as any guest is run, for at most so many instructions.
    fn go_for(&mut self, before: BeforeCall, address: u64, most: u64) -> Result<(), CallError> {
        self.go_with(before, address, |instance| {
            instance.machine.go_on();
            instance.go(most)
        })
    }

    /// Runs a function. If it does not return, the call has stopped, also if it ends with a panic of the embedder's code.
    fn go_with(
        &mut self,
        before: BeforeCall,
        address: u64,
        go: impl FnOnce(&mut Self) -> Result<Exit, Error>,
    ) -> Result<(), CallError> {
        let ended = catch_unwind(AssertUnwindSafe(|| go(self)));
        if let Ok(Ok(RETURNED)) = ended {
            return Ok(());
        }
        self.calls.stopped(address, before, self.host.waiting_before(), self.exit);
        let exit = ended.unwrap_or_else(|panic| resume_unwind(panic))?;
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
