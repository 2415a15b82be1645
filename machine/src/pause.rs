//! Pausing a running machine from another thread.

use std::sync::Arc;
use std::sync::atomic::{AtomicBool, Ordering};

use crate::memory::Doorbell;

/// Asks a machine to pause; clone it and send it to any thread. It may outlive the machine.
///
/// A request made while the machine is not running pauses the next run before its first instruction.
/// The default belongs to no machine.
///
/// ```
/// use causality_machine::{Limits, Machine};
///
/// let machine = Machine::new(Limits { address_space: 1 << 20, ..Limits::default() })?;
/// let handle = machine.pause_handle();
/// std::thread::spawn(move || handle.pause()).join().expect("it does not panic");
/// assert!(machine.pause_handle().is_requested());
/// # Ok::<(), std::io::Error>(())
/// ```
#[derive(Clone, Debug, Default)]
pub struct PauseHandle(Arc<Request>);

#[derive(Debug, Default)]
struct Request {
    is_pending: AtomicBool,
    /// Stops generated code, which looks at its floor only.
    bell: Doorbell,
}

impl PauseHandle {
    /// A handle whose requests ring `bell`.
    pub(crate) fn new(bell: Doorbell) -> Self {
        PauseHandle(Arc::new(Request { is_pending: AtomicBool::new(false), bell }))
    }

    /// Asks for a pause. The machine stops before one of its next instructions.
    pub fn pause(&self) {
        // In this order; `Memory::set_floor` says why.
        self.0.is_pending.store(true, Ordering::SeqCst);
        self.0.bell.ring();
    }

    /// Whether a pause is wanted and has not been taken. One load; `SeqCst`, as
    /// [`Memory::set_floor`](crate::Memory::set_floor) needs.
    #[inline]
    #[must_use]
    pub fn is_requested(&self) -> bool {
        self.0.is_pending.load(Ordering::SeqCst)
    }

    /// Takes the request: `true` once for each time a pause was wanted. The floor stays raised until the
    /// executor sets it.
    #[must_use]
    pub fn take(&self) -> bool {
        self.0.is_pending.swap(false, Ordering::SeqCst)
    }
}
