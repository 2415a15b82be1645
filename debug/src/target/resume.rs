//! Ways to let the guest run. They only say which; the session then runs it.

use gdbstub::common::Signal;
use gdbstub::target::ext::base::reverse_exec::{ReverseCont, ReverseContOps, ReverseStep, ReverseStepOps};
use gdbstub::target::ext::base::singlethread::{
    SingleThreadRangeStepping, SingleThreadRangeSteppingOps, SingleThreadResume, SingleThreadSingleStep,
    SingleThreadSingleStepOps,
};

use super::Guest;
use crate::Error;
use crate::debugger::Resume;
use crate::signal;

impl<T: Clone> Guest<T> {
    /// What to do when GDB hands on a signal: a guest that trapped dies of its own; there are no others.
    fn resume_with(&mut self, signal: Option<Signal>, resume: Resume) {
        let own = self.debugger.trap().map(|trap| signal::of_trap(trap.cause));
        self.debugger.resume = Some(match (signal, own) {
            (Some(signal), Some(own)) if signal == own => Resume::Die(signal),
            _ => resume,
        });
    }
}

impl<T: Clone> SingleThreadResume for Guest<T> {
    fn resume(&mut self, signal: Option<Signal>) -> Result<(), Error> {
        self.resume_with(signal, Resume::Continue);
        Ok(())
    }

    fn support_single_step(&mut self) -> Option<SingleThreadSingleStepOps<'_, Self>> {
        Some(self)
    }

    fn support_range_step(&mut self) -> Option<SingleThreadRangeSteppingOps<'_, Self>> {
        Some(self)
    }

    fn support_reverse_step(&mut self) -> Option<ReverseStepOps<'_, (), Self>> {
        Some(self)
    }

    fn support_reverse_cont(&mut self) -> Option<ReverseContOps<'_, (), Self>> {
        Some(self)
    }
}

impl<T: Clone> SingleThreadSingleStep for Guest<T> {
    fn step(&mut self, signal: Option<Signal>) -> Result<(), Error> {
        self.resume_with(signal, Resume::Step);
        Ok(())
    }
}

impl<T: Clone> SingleThreadRangeStepping for Guest<T> {
    fn resume_range_step(&mut self, start: u64, end: u64) -> Result<(), Error> {
        self.debugger.resume = Some(Resume::StepRange(start, end));
        Ok(())
    }
}

impl<T: Clone> ReverseStep<()> for Guest<T> {
    fn reverse_step(&mut self, (): ()) -> Result<(), Error> {
        self.debugger.resume = Some(Resume::StepBack);
        Ok(())
    }
}

impl<T: Clone> ReverseCont<()> for Guest<T> {
    fn reverse_cont(&mut self) -> Result<(), Error> {
        self.debugger.resume = Some(Resume::Back);
        Ok(())
    }
}
