//! The signal that ended a guest, for the report.

use std::fmt;

/// A signal that the guest sent to itself and that ended it.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Hash)]
#[non_exhaustive]
pub struct Signal {
    /// Its number, 1 to 64. The exit code is 128 more.
    pub number: u32,
    /// Whether the guest had set a handler for it, which was not run: on Linux it might have gone on.
    pub had_handler: bool,
}

impl Signal {
    /// Its name, such as `SIGABRT`; none for the real-time signals from 32 on.
    #[must_use]
    pub fn name(&self) -> Option<&'static str> {
        NAMES.get((self.number as usize).checked_sub(1)?).copied()
    }
}

/// The name, or `signal 40`.
impl fmt::Display for Signal {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        match self.name() {
            Some(name) => f.pad(name),
            None => write!(f, "signal {}", self.number),
        }
    }
}

/// By number from 1 (Linux `asm-generic/signal.h`).
const NAMES: [&str; 31] = [
    "SIGHUP",
    "SIGINT",
    "SIGQUIT",
    "SIGILL",
    "SIGTRAP",
    "SIGABRT",
    "SIGBUS",
    "SIGFPE",
    "SIGKILL",
    "SIGUSR1",
    "SIGSEGV",
    "SIGUSR2",
    "SIGPIPE",
    "SIGALRM",
    "SIGTERM",
    "SIGSTKFLT",
    "SIGCHLD",
    "SIGCONT",
    "SIGSTOP",
    "SIGTSTP",
    "SIGTTIN",
    "SIGTTOU",
    "SIGURG",
    "SIGXCPU",
    "SIGXFSZ",
    "SIGVTALRM",
    "SIGPROF",
    "SIGWINCH",
    "SIGIO",
    "SIGPWR",
    "SIGSYS",
];
