//! Calling functions of a guest.
//!
//! A call borrows the hart: arguments go into registers as the calling convention says, the function returns to
//! [`RETURN_GATE`](causality_machine::RETURN_GATE), and whatever the guest was doing is as it was before, but for fuel, memory and what
//! the host did. What it was doing *rests* meanwhile; it goes back into the hart when somebody wants that to be there,
//! not after each call.

mod error;
mod typed_function;

use causality_machine::isa::reg::X;
use causality_machine::{BeforeCall, Exit, Hart, RETURN_GATE};

pub use error::CallError;
pub use typed_function::TypedFunction;

/// What rests while functions are called.
#[derive(Debug, Default)]
pub(crate) struct Calls {
    /// The hart as it is outside the innermost call. What is in the machine is left over from a call that has returned,
    /// or belongs to one that has not begun.
    resting: Option<Box<Hart>>,
    /// Calls that have stopped before they returned, the innermost last.
    pending: Vec<Pending>,
}

/// A call that has stopped before the function returned.
#[derive(Debug)]
pub(crate) struct Pending {
    rest: Box<Hart>,
    /// What the machine was before.
    pub(crate) before: BeforeCall,
    /// Address of the function.
    pub(crate) address: u64,
    /// How many calls of asynchronous host functions had not ended before.
    pub(crate) waiting: usize,
    /// Why the machine had last stopped.
    pub(crate) exit: Option<Exit>,
}

impl Calls {
    /// The hart as everybody but the function called should see it.
    pub(crate) fn hart<'a>(&'a self, hart: &'a Hart) -> &'a Hart {
        self.resting.as_deref().unwrap_or(hart)
    }

    /// How many calls have stopped before they returned.
    pub(crate) fn pending(&self) -> usize {
        self.pending.len()
    }

    /// How many calls of asynchronous host functions had not ended before the innermost of them.
    #[inline]
    pub(crate) fn waiting(&self) -> usize {
        self.pending.last().map_or(0, |pending| pending.waiting)
    }

    /// The innermost of them.
    pub(crate) fn innermost(&self) -> Option<&Pending> {
        self.pending.last()
    }

    /// Gives back what rests.
    pub(crate) fn wake(&mut self, hart: &mut Hart) {
        if let Some(rest) = self.resting.take() {
            restore(hart, &rest);
        }
    }

    /// Sets the hart up for a call, except for arguments.
    #[inline]
    pub(crate) fn begin(&mut self, hart: &mut Hart, address: u64) {
        let rest = self.resting.get_or_insert_with(|| Box::new(hart.clone()));
        // All of it before anything is written: for all that compilers know, the two may be one.
        let [sp, gp, tp] = [X::SP, X::GP, X::TP].map(|r| rest.x[r.index()]);
        let (fcsr, reservation) = (rest.fcsr, rest.reservation);
        hart.x[X::RA.index()] = RETURN_GATE;
        hart.x[X::SP.index()] = sp & !15;
        hart.x[X::GP.index()] = gp;
        hart.x[X::TP.index()] = tp;
        (hart.fcsr, hart.reservation) = (fcsr, reservation);
        hart.pc = address;
    }

    /// What was granted and used up in the call is so for what rests.
    #[inline]
    pub(crate) fn paid(&mut self, hart: &Hart) {
        let (fuel, granted) = (hart.fuel, hart.granted);
        if let Some(rest) = self.resting.as_deref_mut() {
            (rest.fuel, rest.granted) = (fuel, granted);
        }
    }

    /// The call has stopped, and can go on.
    pub(crate) fn stopped(&mut self, address: u64, before: BeforeCall, waiting: usize, exit: Option<Exit>) {
        self.pending.extend(self.resting.take().map(|rest| Pending { rest, before, address, waiting, exit }));
    }

    /// Ends the innermost call that has stopped, and says what was before.
    pub(crate) fn end(&mut self, hart: &mut Hart) -> Option<Pending> {
        let pending = self.pending.pop()?;
        self.resting = None;
        restore(hart, &pending.rest);
        Some(pending)
    }

    /// The guest has ended, or starts anew: nothing is to go on.
    pub(crate) fn forget(&mut self) {
        *self = Calls::default();
    }
}

/// Everything but fuel, which goes on being used up.
fn restore(hart: &mut Hart, rest: &Hart) {
    *hart = Hart { fuel: hart.fuel, granted: hart.granted, ..rest.clone() };
}
