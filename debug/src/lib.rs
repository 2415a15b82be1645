//! Debugging guests with GDB, forwards and backwards.
//!
//! [`debug`] speaks GDB's remote protocol on one connection. The guest runs at the speed of its tier: breakpoints are
//! the machine's, not patches of its code, and only watchpoints have it interpreted. Because runs are deterministic, it
//! can go back: it keeps moments on the way and what the world outside answered, and any time in between is reached by
//! running again from the moment before.
//!
//! `access` and `watch` know what stops at data, `debugger` what stops a run in either direction, `timeline` how to be
//! at another time, and `target` what the packets of the protocol mean.

#![forbid(unsafe_code)]

mod access;
mod arch;
mod debugger;
mod edit;
mod ended;
mod error;
mod process;
mod registers;
mod session;
mod signal;
mod target;
mod timeline;
mod watch;

pub use ended::Ended;
pub use error::Error;
pub use session::debug;
