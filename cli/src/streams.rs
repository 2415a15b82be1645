//! The guest's standard streams on top of this process's.
//!
//! Output is buffered unless a terminal shows it, and written out before the guest reads, before it
//! writes to stderr, and at the end, so that nobody sees things in another order than they happened.

use std::fs::File;
use std::io::{self, BufWriter, IsTerminal, Read, Stdout, Write};
use std::os::fd::AsFd;
use std::sync::atomic::{AtomicBool, Ordering};
use std::sync::{Arc, Mutex, MutexGuard, OnceLock, PoisonError};

use causality_vm::PauseHandle;

/// Standard output; clones are the same stream.
#[derive(Clone)]
pub(crate) struct Output {
    shared: Arc<Shared>,
}

struct Shared {
    out: Mutex<BufWriter<Stdout>>,
    is_terminal: bool,
    /// Nobody reads any more; the rest is dropped.
    broken: AtomicBool,
    /// What to pause then.
    guest: OnceLock<PauseHandle>,
}

impl Output {
    pub(crate) fn new() -> Self {
        let out = Mutex::new(BufWriter::with_capacity(64 << 10, io::stdout()));
        let shared = Shared {
            out,
            is_terminal: io::stdout().is_terminal(),
            broken: AtomicBool::new(false),
            guest: OnceLock::new(),
        };
        Output { shared: Arc::new(shared) }
    }

    /// Pauses this guest when nobody reads its output any more, as SIGPIPE would end a process.
    pub(crate) fn stop_when_broken(&self, guest: PauseHandle) {
        let _ = self.shared.guest.set(guest);
    }

    /// Whether nobody reads any more.
    pub(crate) fn is_broken(&self) -> bool {
        self.shared.broken.load(Ordering::Relaxed)
    }

    fn lock(&self) -> MutexGuard<'_, BufWriter<Stdout>> {
        self.shared.out.lock().unwrap_or_else(PoisonError::into_inner)
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
        let written = self.lock().write_all(bytes);
        self.note_broken(written)?;
        if self.shared.is_terminal {
            self.flush()?;
        }
        Ok(bytes.len())
    }

    fn flush(&mut self) -> io::Result<()> {
        if self.is_broken() {
            return Ok(());
        }
        let flushed = self.lock().flush();
        self.note_broken(flushed)
    }
}

/// Standard input; what was printed before is seen before it is read.
pub(crate) struct Input(pub(crate) Output);

impl Read for Input {
    fn read(&mut self, buffer: &mut [u8]) -> io::Result<usize> {
        self.0.flush()?;
        io::stdin().lock().read(buffer)
    }
}

/// Whether standard input is a regular file, which is all there before it is read.
pub(crate) fn stdin_is_file() -> bool {
    let file = io::stdin().as_fd().try_clone_to_owned().map(File::from);
    file.and_then(|file| file.metadata()).is_ok_and(|metadata| metadata.is_file())
}

/// Standard error; what was printed before is seen before it.
pub(crate) struct Errors(pub(crate) Output);

impl Write for Errors {
    fn write(&mut self, bytes: &[u8]) -> io::Result<usize> {
        self.0.flush()?;
        match io::stderr().write(bytes) {
            Err(error) if error.kind() == io::ErrorKind::BrokenPipe => Ok(bytes.len()),
            other => other,
        }
    }

    fn flush(&mut self) -> io::Result<()> {
        io::stderr().flush()
    }
}
