//! What the embedder gives a guest process: arguments, streams, directories and a seed.

use std::io::{self, Read, Write};
use std::path::Path;
use std::sync::{Arc, Mutex, PoisonError};

use cap_std::ambient_authority;
use cap_std::fs::Dir;
use causality_machine::Limits;

use crate::linux::Input;

/// Everything a guest process is given. The default is nothing: no arguments, no environment, empty
/// standard input, discarded output, no directories, seed 0.
///
/// ```
/// use causality_vm::{Capture, Engine, Exit, Linker, Module, Options};
///
/// # fn main() -> Result<(), Box<dyn std::error::Error>> {
/// let engine = Engine::default();
/// let module = Module::from_file(&engine, "../testkit/guests/cat.elf")?;
/// let stdout = Capture::new(4096);
/// let options = Options::new()
///     .args(["cat"])
///     .env("LANG", "C")
///     .seed(7)
///     .fuel(1_000_000)
///     .stdin(&b"to be read"[..])
///     .stdout(stdout.clone());
/// let mut guest = Linker::new(&engine).instantiate(&module, options, ())?;
/// assert_eq!(guest.run()?, Exit::Completed(0));
/// assert!(stdout.text().starts_with("to be read"));
/// # Ok(())
/// # }
/// ```
pub struct Options {
    pub(crate) args: Vec<Vec<u8>>,
    pub(crate) env: Vec<Vec<u8>>,
    pub(crate) cwd: Vec<u8>,
    pub(crate) seed: u64,
    pub(crate) preopens: Vec<Preopen>,
    pub(crate) stdin: Input,
    pub(crate) stdout: Box<dyn Write + Send>,
    pub(crate) stderr: Box<dyn Write + Send>,
    pub(crate) limits: Option<Limits>,
    pub(crate) fuel: Option<u64>,
}

/// What a guest may do in a directory.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Default)]
pub enum Access {
    /// Look and read; every change is `EROFS`.
    #[default]
    ReadOnly,
    /// Everything but links and special files.
    ReadWrite,
}

/// A host directory that the guest sees at a path of its own.
#[derive(Clone, Debug)]
pub(crate) struct Preopen {
    pub(crate) dir: Arc<Dir>,
    pub(crate) guest: Vec<u8>,
    pub(crate) access: Access,
}

/// Why a directory cannot be given to a guest.
#[derive(Debug, thiserror::Error)]
#[non_exhaustive]
pub enum PreopenError {
    /// The guest path is relative, has a `.` or `..` component, or lies in `/dev` or `/proc`.
    #[error("`{0}` is no absolute, normal guest path outside /dev and /proc")]
    GuestPath(String),
    /// The guest path is taken.
    #[error("the guest path `{0}` is given twice")]
    Twice(String),
    /// The host directory cannot be opened.
    #[error("cannot open the directory `{path}`: {source}")]
    Host {
        /// The host path.
        path: String,
        /// What the host said.
        source: io::Error,
    },
}

impl Default for Options {
    fn default() -> Self {
        Options {
            args: Vec::new(),
            env: Vec::new(),
            cwd: b"/".to_vec(),
            seed: 0,
            preopens: Vec::new(),
            stdin: Input::new(io::empty(), false),
            stdout: Box::new(io::sink()),
            stderr: Box::new(io::sink()),
            limits: None,
            fuel: None,
        }
    }
}

impl std::fmt::Debug for Options {
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        let guests: Vec<_> = self.preopens.iter().map(|p| String::from_utf8_lossy(&p.guest)).collect();
        f.debug_struct("Options")
            .field("args", &self.args.len())
            .field("env", &self.env.len())
            .field("seed", &self.seed)
            .field("directories", &guests)
            .finish_non_exhaustive()
    }
}

impl Options {
    /// Nothing at all.
    #[must_use]
    pub fn new() -> Self {
        Self::default()
    }

    /// Adds one argument. The first is the program's own name, also what `/proc/self/exe` links to.
    #[must_use]
    pub fn arg(mut self, arg: impl AsRef<[u8]>) -> Self {
        self.args.push(arg.as_ref().to_vec());
        self
    }

    /// Adds arguments.
    #[must_use]
    pub fn args<A: AsRef<[u8]>>(self, args: impl IntoIterator<Item = A>) -> Self {
        args.into_iter().fold(self, Options::arg)
    }

    /// Adds one environment variable.
    #[must_use]
    pub fn env(mut self, name: impl AsRef<[u8]>, value: impl AsRef<[u8]>) -> Self {
        self.env.push([name.as_ref(), b"=", value.as_ref()].concat());
        self
    }

    /// Sets the working directory the guest starts in; `/` unless set. It need not exist.
    ///
    /// ```
    /// use causality_vm::{Access, Capture};
    /// # use causality_vm::{Engine, Linker, Module, Options};
    /// # fn main() -> Result<(), Box<dyn std::error::Error>> {
    /// # let engine = Engine::default();
    /// # let module = Module::from_file(&engine, "../testkit/guests/files.elf")?;
    /// let folder = tempfile::tempdir()?;
    /// let stdout = Capture::new(4096);
    /// let options = Options::new().directory(folder.path(), "/data", Access::ReadWrite)?.stdout(stdout.clone());
    /// // It works in the folder that its argument names, here by a relative path.
    /// let mut guest = Linker::new(&engine).instantiate(&module, options.cwd("/data").args(["files", "."]), ())?;
    /// guest.run()?;
    /// assert!(stdout.text().contains("create what exists"));
    /// # Ok(())
    /// # }
    /// ```
    #[must_use]
    pub fn cwd(mut self, guest: impl AsRef<[u8]>) -> Self {
        self.cwd = guest.as_ref().to_vec();
        self
    }

    /// Sets the seed of everything random: `getrandom`, `/dev/urandom`, `AT_RANDOM`.
    #[must_use]
    pub fn seed(mut self, seed: u64) -> Self {
        self.seed = seed;
        self
    }

    /// Sets this guest's limits, in the place of the engine's.
    #[must_use]
    pub fn limits(mut self, limits: Limits) -> Self {
        self.limits = Some(limits);
        self
    }

    /// Sets how many instructions this guest may retire, in the place of what the engine grants.
    #[must_use]
    pub fn fuel(mut self, instructions: u64) -> Self {
        self.fuel = Some(instructions);
        self
    }

    /// The limits of its own, if it has any.
    #[must_use]
    pub fn get_limits(&self) -> Option<&Limits> {
        self.limits.as_ref()
    }

    /// The fuel of its own, if it has any.
    #[must_use]
    pub fn get_fuel(&self) -> Option<u64> {
        self.fuel
    }

    /// Sets where standard input comes from. A read returns all that it asks for, unless the input
    /// ends: how a pipe cuts its bytes never shows.
    #[must_use]
    pub fn stdin(mut self, stdin: impl Read + Send + 'static) -> Self {
        self.stdin = Input::new(stdin, false);
        self
    }

    /// Sets where standard input comes from when someone types it: a read returns at most one line, so
    /// that the guest can answer before the next. That too depends on nothing but the bytes.
    ///
    /// ```
    /// # use causality_vm::{Engine, Linker, Module, Options};
    /// # fn main() -> Result<(), Box<dyn std::error::Error>> {
    /// # let engine = Engine::default();
    /// # let module = Module::from_file(&engine, "../testkit/guests/cat.elf")?;
    /// let reads = |options: Options| -> Result<u64, causality_vm::Error> {
    ///     let mut guest = Linker::new(&engine).instantiate(&module, options, ())?;
    ///     guest.run()?;
    ///     Ok(guest.report().calls.iter().filter(|call| call.name.as_deref() == Some("read")).map(|call| call.count).sum())
    /// };
    /// let lines = &b"one\ntwo\n"[..];
    /// assert_eq!(reads(Options::new().stdin(lines))?, 2, "everything, and the end");
    /// assert_eq!(reads(Options::new().typed_stdin(lines))?, 3, "each line, and the end");
    /// # Ok(())
    /// # }
    /// ```
    #[must_use]
    pub fn typed_stdin(mut self, stdin: impl Read + Send + 'static) -> Self {
        self.stdin = Input::new(stdin, true);
        self
    }

    /// Sets where standard output goes.
    #[must_use]
    pub fn stdout(mut self, stdout: impl Write + Send + 'static) -> Self {
        self.stdout = Box::new(stdout);
        self
    }

    /// Sets where standard error goes.
    #[must_use]
    pub fn stderr(mut self, stderr: impl Write + Send + 'static) -> Self {
        self.stderr = Box::new(stderr);
        self
    }

    /// Gives the guest a host directory under an absolute guest path. It is opened now: whoever moves
    /// or replaces the host path later does not change what the guest sees.
    ///
    /// ```
    /// use causality_vm::{Access, Options};
    ///
    /// # fn main() -> Result<(), Box<dyn std::error::Error>> {
    /// let folder = tempfile::tempdir()?;
    /// let options = Options::new().directory(folder.path(), "/data", Access::ReadWrite)?;
    /// assert!(options.directory(folder.path(), "/data", Access::ReadOnly).is_err(), "the path is taken");
    /// assert!(Options::new().directory(folder.path(), "data/..", Access::ReadOnly).is_err(), "it is no absolute path");
    /// # Ok(())
    /// # }
    /// ```
    ///
    /// # Errors
    /// See [`PreopenError`].
    pub fn directory(
        mut self,
        host: impl AsRef<Path>,
        guest: impl AsRef<[u8]>,
        access: Access,
    ) -> Result<Self, PreopenError> {
        let guest = guest.as_ref();
        let shown = || String::from_utf8_lossy(guest).into_owned();
        let guest = preopen_path(guest).ok_or_else(|| PreopenError::GuestPath(shown()))?;
        if self.preopens.iter().any(|p| p.guest == guest) {
            return Err(PreopenError::Twice(shown()));
        }
        let host = host.as_ref();
        let dir = Dir::open_ambient_dir(host, ambient_authority())
            .map_err(|source| PreopenError::Host { path: host.display().to_string(), source })?;
        self.preopens.push(Preopen { dir: Arc::new(dir), guest, access });
        Ok(self)
    }
}

/// The path without superfluous slashes, `/` being empty; `None` if it is not acceptable.
fn preopen_path(guest: &[u8]) -> Option<Vec<u8>> {
    if guest.first() != Some(&b'/') || guest.contains(&0) {
        return None;
    }
    let parts: Vec<&[u8]> = guest.split(|&b| b == b'/').filter(|p| !p.is_empty()).collect();
    if parts.iter().any(|p| [&b"."[..], b".."].contains(p)) {
        return None;
    }
    if parts.first().is_some_and(|p| [&b"dev"[..], b"proc"].contains(p)) {
        return None;
    }
    Some(parts.iter().flat_map(|p| [&b"/"[..], p]).collect::<Vec<_>>().concat())
}

/// A writer that keeps what is written to it, up to a limit; clones share what they keep.
///
/// Beyond the limit bytes are counted and dropped, so that a guest cannot fill the host's memory.
///
/// ```
/// use std::io::Write;
///
/// use causality_abi::Capture;
///
/// let mut stdout = Capture::new(5);
/// let mine = stdout.clone();
/// stdout.write_all(b"Hello, world!")?;
/// assert_eq!((mine.text(), mine.dropped()), ("Hello".to_owned(), 8));
/// # Ok::<(), std::io::Error>(())
/// ```
#[derive(Clone, Debug)]
pub struct Capture {
    kept: Arc<Mutex<Kept>>,
    limit: usize,
}

#[derive(Debug, Default)]
struct Kept {
    bytes: Vec<u8>,
    dropped: u64,
}

impl Capture {
    /// Keeps at most `limit` bytes.
    #[must_use]
    pub fn new(limit: usize) -> Self {
        Capture { kept: Arc::default(), limit }
    }

    /// A copy of what was kept so far.
    #[must_use]
    pub fn bytes(&self) -> Vec<u8> {
        self.lock().bytes.clone()
    }

    /// What was kept so far as text; bytes that are no UTF-8 are replaced.
    #[must_use]
    pub fn text(&self) -> String {
        String::from_utf8_lossy(&self.lock().bytes).into_owned()
    }

    /// How many bytes did not fit.
    #[must_use]
    pub fn dropped(&self) -> u64 {
        self.lock().dropped
    }

    fn lock(&self) -> std::sync::MutexGuard<'_, Kept> {
        self.kept.lock().unwrap_or_else(PoisonError::into_inner)
    }
}

impl Write for Capture {
    fn write(&mut self, buf: &[u8]) -> io::Result<usize> {
        let mut kept = self.lock();
        let room = self.limit.saturating_sub(kept.bytes.len()).min(buf.len());
        kept.bytes.extend_from_slice(&buf[..room]);
        kept.dropped += (buf.len() - room) as u64;
        Ok(buf.len())
    }

    fn flush(&mut self) -> io::Result<()> {
        Ok(())
    }
}
