//! One conversation with GDB.

use std::io::{self, Write};
use std::marker::PhantomData;
use std::net::TcpStream;
use std::path::Path;
use std::sync::Arc;

use causality_vm::Instance;
use gdbstub::common::Signal;
use gdbstub::conn::ConnectionExt;
use gdbstub::stub::run_blocking::{BlockingEventLoop, Event, WaitForStopReasonError};
use gdbstub::stub::{DisconnectReason, GdbStub};

use crate::debugger::{Debugger, Stop};
use crate::process::Process;
use crate::target::Guest;
use crate::{Ended, Error};

/// Lets GDB, at the other end of `connection`, debug a guest that has not run. `elf` is the file at `path` that it was
/// made from. Returns the guest and how the conversation ended.
///
/// # Errors
/// If the connection fails, GDB breaks the rules of the protocol, or the host fails.
pub fn debug<T: Clone>(
    instance: Instance<T>,
    path: &Path,
    elf: impl Into<Arc<[u8]>>,
    connection: TcpStream,
) -> Result<(Instance<T>, Ended), Error> {
    let process = Process::new(&instance, path, elf.into());
    let mut guest = Guest::new(Debugger::new(instance, process));
    let mut last_word = connection.try_clone()?;
    let reason = GdbStub::new(connection).run_blocking::<Conversation<T>>(&mut guest);
    let ended = match reason {
        Ok(DisconnectReason::TargetExited(_) | DisconnectReason::TargetTerminated(_)) => Ended::Guest,
        Ok(DisconnectReason::Disconnect) => Ended::Detached,
        Ok(DisconnectReason::Kill) => {
            // An answer that `gdbstub` leaves out, and that whoever asked for the end may not wait for.
            let _ = last_word.write_all(b"$OK#9a");
            Ended::Killed
        }
        Err(error) if error.is_target_error() => {
            return Err(error.into_target_error().unwrap_or_else(|| Error::Protocol("unknown".to_owned())));
        }
        // GDB went away without a word.
        Err(error) if error.is_connection_error() => match error.into_connection_error() {
            Some((error, _)) if error.kind() != io::ErrorKind::UnexpectedEof => return Err(error.into()),
            _ => Ended::Killed,
        },
        Err(error) => return Err(Error::Protocol(error.to_string())),
    };
    Ok((guest.debugger.timeline.into_instance(), ended))
}

/// Runs the guest while GDB waits for it to stop.
struct Conversation<T>(PhantomData<T>);

impl<T: Clone> BlockingEventLoop for Conversation<T> {
    type Target = Guest<T>;
    type Connection = TcpStream;
    type StopReason = Stop;

    fn wait_for_stop_reason(
        guest: &mut Guest<T>,
        connection: &mut TcpStream,
    ) -> Result<Event<Stop>, WaitForStopReasonError<Error, io::Error>> {
        let mut is_interrupted = || Ok(connection.peek()?.is_some());
        let stop = guest.debugger.advance(&mut is_interrupted).map_err(WaitForStopReasonError::Target)?;
        match stop {
            Some(stop) => Ok(Event::TargetStopped(stop)),
            None => connection.read().map(Event::IncomingData).map_err(WaitForStopReasonError::Connection),
        }
    }

    fn on_interrupt(_: &mut Guest<T>) -> Result<Option<Stop>, Error> {
        Ok(Some(Stop::Signal(Signal::SIGINT)))
    }
}
