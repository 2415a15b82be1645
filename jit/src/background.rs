//! Translating on another thread while the guest is interpreted.

use std::collections::VecDeque;
use std::panic::{AssertUnwindSafe, catch_unwind};
use std::sync::{Arc, Condvar, Mutex, MutexGuard, PoisonError, Weak};

use crate::compiler::Place;
use crate::{Compiler, Snapshot};

/// Requests that may wait. More are refused: what is hot will be asked for again.
const QUEUE: usize = 256;

/// A thread that translates what it is asked to, first come, first served. It is started by the first request and ends
/// soon after this is dropped; nobody waits for it.
#[derive(Debug, Default)]
pub struct Background {
    shared: Arc<Shared>,
}

#[derive(Debug, Default)]
struct Shared {
    state: Mutex<State>,
    changed: Condvar,
}

#[derive(Debug, Default)]
struct State {
    requests: VecDeque<Request>,
    is_started: bool,
    is_closed: bool,
    is_busy: bool,
}

#[derive(Debug)]
struct Request {
    /// Nothing is translated for a program that is gone.
    compiler: Weak<Compiler>,
    text: Arc<Snapshot>,
    place: Place,
}

impl Background {
    /// Asks for code where `pc` is hot; `is_target` says that something jumps there, `stack_pointers` what
    /// [`stack_pointers`](crate::region::stack_pointers) says now. Nothing happens if that was tried already, unless it is
    /// asked for so often that the attempt cannot have helped.
    pub fn request(
        &self,
        compiler: &Arc<Compiler>,
        text: &Arc<Snapshot>,
        pc: u64,
        is_target: bool,
        stack_pointers: u32,
    ) {
        self.push(compiler, text, Place { pc, is_target, stack_pointers, executed: 0 }, || {
            compiler.wants(pc)
        });
    }

    /// Asks for better code where so many instructions seem to have been executed; makes it here and now if it is to be so.
    pub fn promote(
        &self,
        compiler: &Arc<Compiler>,
        text: &Arc<Snapshot>,
        pc: u64,
        stack_pointers: u32,
        executed: u64,
    ) {
        let place = Place { pc, is_target: false, stack_pointers, executed };
        if compiler.promotes_in_background() {
            self.push(compiler, text, place, || true);
        } else {
            // What cannot be translated is counted, and stays as it is.
            let _ = compiler.compile_hot(text, place);
        }
    }

    fn push(
        &self,
        compiler: &Arc<Compiler>,
        text: &Arc<Snapshot>,
        place: Place,
        is_wanted: impl FnOnce() -> bool,
    ) {
        let mut state = self.shared.lock();
        if state.requests.len() < QUEUE && self.start(&mut state) && is_wanted() {
            let (compiler, text) = (Arc::downgrade(compiler), Arc::clone(text));
            state.requests.push_back(Request { compiler, text, place });
            self.shared.changed.notify_all();
        }
    }

    fn start(&self, state: &mut State) -> bool {
        if !state.is_started {
            let shared = Arc::clone(&self.shared);
            let thread = std::thread::Builder::new().name("translator".to_owned());
            state.is_started = thread.spawn(move || shared.work()).is_ok();
        }
        state.is_started
    }

    /// Waits until all requests so far have been dealt with.
    pub fn wait(&self) {
        let mut state = self.shared.lock();
        while state.is_busy || !state.requests.is_empty() {
            state = self.shared.changed.wait(state).unwrap_or_else(PoisonError::into_inner);
        }
    }
}

impl Drop for Background {
    fn drop(&mut self) {
        let mut state = self.shared.lock();
        state.is_closed = true;
        state.requests.clear();
        self.shared.changed.notify_all();
    }
}

impl Shared {
    fn lock(&self) -> MutexGuard<'_, State> {
        self.state.lock().unwrap_or_else(PoisonError::into_inner)
    }

    fn work(&self) {
        while let Some(request) = self.next() {
            if let Some(compiler) = request.compiler.upgrade() {
                // What cannot be translated is counted, and interpreted for ever. So is what makes the embedder's listener
                // panic, which has been reported by now: others wait for what they have asked for.
                let compile = || compiler.compile_hot(&request.text, request.place);
                let _ = catch_unwind(AssertUnwindSafe(compile));
            }
        }
    }

    /// Waits for a request; `None` when there will be no more.
    fn next(&self) -> Option<Request> {
        let mut state = self.lock();
        state.is_busy = false;
        self.changed.notify_all();
        loop {
            if state.is_closed {
                return None;
            }
            if let Some(request) = state.requests.pop_front() {
                state.is_busy = true;
                return Some(request);
            }
            state = self.changed.wait(state).unwrap_or_else(PoisonError::into_inner);
        }
    }
}
