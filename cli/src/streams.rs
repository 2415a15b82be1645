//! The guest's standard streams on top of this process's.
//!
//! What the guest writes is written out at once, call by call: buffering is for the guest's own library to
//! decide, as it is on Linux.

use std::fs::File;
use std::io::{self, Read, Write};
use std::os::fd::AsFd;
use std::sync::atomic::{AtomicBool, Ordering};
use std::sync::{Arc, OnceLock};

use causality_vm::PauseHandle;

/// Standard output; clones are the same stream.
#[derive(Clone)]
pub(crate) struct Output {
    shared: Arc<Shared>,
}

struct Shared {
    /// Nobody reads any more; the rest is dropped.
    broken: AtomicBool,
    /// What to pause then.
    guest: OnceLock<PauseHandle>,
}

impl Output {
    pub(crate) fn new() -> Self {
        Output { shared: Arc::new(Shared { broken: AtomicBool::new(false), guest: OnceLock::new() }) }
    }

    /// Pauses this guest when nobody reads its output any more, as SIGPIPE would end a process.
    pub(crate) fn stop_when_broken(&self, guest: PauseHandle) {
        let _ = self.shared.guest.set(guest);
    }

    /// Whether nobody reads any more.
    pub(crate) fn is_broken(&self) -> bool {
        self.shared.broken.load(Ordering::Relaxed)
    }

    /// Takes note of a broken pipe, which is no error here.
    fn note_broken<R: Default>(&self, result: io::Result<R>) -> io::Result<R> {
        match result {
            Err(error) if error.kind() == io::ErrorKind::BrokenPipe => {
                self.shared.broken.store(true, Ordering::Relaxed);
                if let Some(guest) = self.shared.guest.get() {
                    guest.pause();
                }
                Ok(R::default())
            }
            other => other,
        }
    }
}

impl Write for Output {
    fn write(&mut self, bytes: &[u8]) -> io::Result<usize> {
        if self.is_broken() {
            return Ok(bytes.len());
        }
        self.note_broken(io::stdout().write_all(bytes))?;
        Ok(bytes.len())
    }

    fn flush(&mut self) -> io::Result<()> {
        if self.is_broken() {
            return Ok(());
        }
        self.note_broken(io::stdout().flush())
    }
}

/// Standard input, which nothing in this process reads but the guest.
pub(crate) struct Input;

impl Read for Input {
    fn read(&mut self, buffer: &mut [u8]) -> io::Result<usize> {
        io::stdin().lock().read(buffer)
    }
}

/// Whether standard input is a regular file, which is all there before it is read.
pub(crate) fn stdin_is_file() -> bool {
    let file = io::stdin().as_fd().try_clone_to_owned().map(File::from);
    file.and_then(|file| file.metadata()).is_ok_and(|metadata| metadata.is_file())
}

/// Standard error; that nobody reads it stops no guest.
pub(crate) struct Errors;

impl Write for Errors {
    fn write(&mut self, bytes: &[u8]) -> io::Result<usize> {
        match io::stderr().write(bytes) {
            Err(error) if error.kind() == io::ErrorKind::BrokenPipe => Ok(bytes.len()),
            other => other,
        }
    }

    fn flush(&mut self) -> io::Result<()> {
        io::stderr().flush()
    }
}
