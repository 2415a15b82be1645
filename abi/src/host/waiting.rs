//! Calls of asynchronous host functions that have not ended.
//!
//! The machine pauses before the `ecall`, and makes it again when it runs on: by then the future has ended, and the
//! call returns what it left. Which call a future belongs to is told by where the guest is, and by what the embedder has
//! called since.

use std::fmt;
use std::future::Future;
use std::pin::Pin;
use std::sync::{Mutex, PoisonError};
use std::task::{Context, Poll};

use causality_machine::Hart;
use causality_machine::isa::reg::X;

use super::{Caller, HostFault};

/// Puts the result into registers.
pub(crate) type Ended<T> = Box<dyn FnOnce(&mut Caller<'_, T>) -> Result<(), HostFault> + Send>;

/// Where a guest waits.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
struct Place {
    pc: u64,
    sp: u64,
}

impl Place {
    fn of(hart: &Hart) -> Self {
        Place { pc: hart.pc, sp: hart.x[X::SP.index()] }
    }
}

enum State<T> {
    Pending(Pin<Box<dyn Future<Output = Ended<T>> + Send>>),
    Ended(Ended<T>),
}

/// The calls that have not ended: one of the guest itself, and one more of each function that was called meanwhile.
pub(crate) struct Waiting<T> {
    /// Never waited for: futures may be sent to other threads, not shared.
    calls: Mutex<Vec<(Place, State<T>)>>,
    /// How many of them were there before the embedder called the function that is running.
    before: usize,
}

impl<T> Default for Waiting<T> {
    fn default() -> Self {
        Waiting { calls: Mutex::default(), before: 0 }
    }
}

impl<T> fmt::Debug for Waiting<T> {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        let calls = self.calls.lock().unwrap_or_else(PoisonError::into_inner);
        f.debug_list().entries(calls.iter().map(|(place, _)| place)).finish()
    }
}

impl<T> Waiting<T> {
    #[inline]
    fn calls(&mut self) -> &mut Vec<(Place, State<T>)> {
        self.calls.get_mut().unwrap_or_else(PoisonError::into_inner)
    }

    /// How many there are.
    #[inline]
    pub(crate) fn len(&mut self) -> usize {
        self.calls().len()
    }

    /// The first `before` belong to what was going on before the function was called that is running now.
    #[inline]
    pub(crate) fn set_before(&mut self, before: usize) {
        self.before = before;
    }

    /// How many of them were there before.
    pub(crate) fn before(&self) -> usize {
        self.before
    }

    /// Forgets all but the first `len`, whose futures are dropped.
    pub(crate) fn truncate(&mut self, len: usize) {
        self.calls().truncate(len);
        self.before = self.before.min(len);
    }

    /// The call at `hart.pc` waits for `future`.
    pub(crate) fn begin(&mut self, hart: &Hart, future: impl Future<Output = Ended<T>> + Send + 'static) {
        self.calls().push((Place::of(hart), State::Pending(Box::pin(future))));
    }

    /// What the call at `hart.pc` has ended with; `Err` if it has not ended, `Ok(None)` if it has not begun.
    pub(crate) fn end(&mut self, hart: &Hart) -> Result<Option<Ended<T>>, HostFault> {
        if self.here(hart).is_none() {
            return Ok(None);
        }
        match self.calls().pop() {
            Some((_, State::Ended(ended))) => Ok(Some(ended)),
            pending => {
                self.calls().extend(pending);
                Err(HostFault::Pause)
            }
        }
    }

    /// The state of the call at `hart.pc`, if that has begun.
    fn here(&mut self, hart: &Hart) -> Option<&State<T>> {
        let before = self.before;
        let calls = self.calls();
        let (place, state) = calls[before.min(calls.len())..].last()?;
        (*place == Place::of(hart)).then_some(state)
    }

    /// Whether the guest, which is paused, waits for a future.
    pub(crate) fn is_pending_at(&mut self, hart: &Hart) -> bool {
        matches!(self.here(hart), Some(State::Pending(_)))
    }

    /// Goes on with the last of them.
    pub(crate) fn poll(&mut self, context: &mut Context<'_>) -> Poll<()> {
        let Some((_, state)) = self.calls().last_mut() else { return Poll::Ready(()) };
        if let State::Pending(future) = state {
            match future.as_mut().poll(context) {
                Poll::Ready(ended) => *state = State::Ended(ended),
                Poll::Pending => return Poll::Pending,
            }
        }
        Poll::Ready(())
    }
}
