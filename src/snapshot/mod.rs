//! Snapshots: an instance to bytes and back.
//!
//! A [`Snapshot`] holds all that the future of a guest follows from: hart, memory, resource registers, and the process as
//! its host knows it. Resumed, in this process or another, on this tier or another, the guest does what it would have done,
//! to the last bit. Its [root](Snapshot::root) names all of it: equal roots are equal snapshots.
//!
//! ```
//! use causality_vm::snapshot::Snapshot;
//! use causality_vm::{Config, Engine, Exit, Linker, Module, Options, Tier};
//!
//! # fn main() -> Result<(), Box<dyn std::error::Error>> {
//! let elf = std::fs::read("testkit/guests/fib.elf")?;
//! let engine = Engine::new(Config::new().tier(Tier::Interpreter));
//! let module = Module::new(&engine, &elf)?;
//! let mut instance = Linker::new(&engine).instantiate(&module, Options::new().arg("fib"), ())?;
//! instance.run_for(100_000)?;
//! let bytes = Snapshot::of(&mut instance)?.to_bytes();
//!
//! let engine = Engine::new(Config::new().tier(Tier::Cranelift));
//! let module = Module::new(&engine, &elf)?;
//! let snapshot = Snapshot::from_bytes(&bytes)?;
//! let mut resumed = Linker::new(&engine).resume(&module, Options::new(), (), &snapshot)?;
//! assert_eq!(resumed.run()?, Exit::Completed(0));
//! # Ok(())
//! # }
//! ```
//!
//! # What is in it, and what is not
//!
//! In it are registers, fuel, memory with its peaks and what fetches see of writable code, registers that the guest made,
//! the arguments, environment, working directory and seed it was started with, its descriptors and their places, numbers and
//! times of files, signals, clocks, randomness, counts of calls, and numbers and names of host functions.
//!
//! The world is not:
//!
//! - *Standard streams* are those of the options it is resumed with. What it has read of standard input is not there again;
//!   [`Snapshot::stdin_read`] says how much that is.
//! - *Directories* are those of the options, and must be given under the same guest paths with the same access. Open files
//!   are opened again by their guest paths, and must have as many bytes as they had. What files hold is the world's.
//! - *Host functions* are those of the linker: each that there was must be there under its number and name.
//! - *Calls of asynchronous host functions* that have not ended are the embedder's: a guest that waits makes its call again
//!   when it is resumed, and the function begins anew.
//! - *The embedder's data* is given anew, as are breakpoints, observers, pause requests and the engine's settings. The limits
//!   must be the same, since the guest can tell.
//!
//! Resource registers that the host has loaded are also elsewhere, and may be used once: an instance that has, or had, any
//! has no snapshot. Those that the guest made exist nowhere else, and are part of its memory. So whatever is done with snapshots,
//! nothing is consumed twice that anybody else knows of.
//!
//! Bytes are hostile until shown otherwise: [`Snapshot::from_bytes`] takes host memory in proportion to their number, and
//! never to a number in them; resuming is bound by the engine's limits. Whoever makes up a snapshot gets a guest in a state of
//! their choice, which is all they get.

mod error;
mod format;
mod pages;
mod root;
mod state;

use std::io::{Read, Write};

use causality_store::ContentId;

use crate::{Error, Instance, Limits};

pub use causality_abi::{FileProblem, RestoreError, SaveError};
pub use error::SnapshotError;
pub(crate) use pages::PageTables;
pub use root::Root;
pub(crate) use state::State;

/// The version of the format. Others are refused.
pub const VERSION: u32 = 1;

/// An instance at one moment, without the world. Cheap to clone but for a few pointers a page; clones, and snapshots made
/// since others, share pages.
///
/// ```
/// use causality_vm::snapshot::Snapshot;
/// # use causality_vm::{Engine, Linker, Module, Options};
/// # fn main() -> Result<(), Box<dyn std::error::Error>> {
/// # let engine = Engine::default();
/// # let module = Module::from_file(&engine, "testkit/guests/fib.elf")?;
/// # let mut guest = Linker::new(&engine).instantiate(&module, Options::new().arg("guest"), ())?;
/// guest.run_for(1000)?;
/// let snapshot = Snapshot::of(&mut guest)?;
/// assert_eq!((snapshot.module(), snapshot.pc()), (module.id(), guest.pc()));
/// assert_eq!((snapshot.retired(), snapshot.fuel()), (1000, guest.fuel()));
/// assert!(snapshot.segments().eq(guest.memory().segments().cloned()));
/// assert_eq!(&snapshot.limits(), guest.memory().limits());
/// # Ok(())
/// # }
/// ```
#[derive(Clone)]
pub struct Snapshot {
    root: Root,
    state: State,
    tables: PageTables,
}

impl std::fmt::Debug for Snapshot {
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        let mut debug = f.debug_struct("Snapshot");
        debug.field("root", &self.root).field("state", &self.state).field("pages", &self.pages());
        debug.finish_non_exhaustive()
    }
}

/// Equal roots are equal snapshots.
impl PartialEq for Snapshot {
    fn eq(&self, other: &Self) -> bool {
        self.root == other.root
    }
}

impl Eq for Snapshot {}

impl Snapshot {
    /// An instance as it is now: ready, or paused, also for want of fuel. It stays as it is.
    ///
    /// ```
    /// use causality_vm::ErrorKind;
    /// use causality_vm::snapshot::{Snapshot, SnapshotError};
    /// # use causality_vm::{Engine, Linker, Module, Options};
    /// # fn main() -> Result<(), Box<dyn std::error::Error>> {
    /// # let engine = Engine::default();
    /// # let module = Module::from_file(&engine, "testkit/guests/calls.elf")?;
    /// # let mut guest = Linker::new(&engine).instantiate(&module, Options::new().arg("guest"), ())?;
    /// let ready = Snapshot::of(&mut guest)?;
    /// assert_eq!(ready.root(), Snapshot::of(&mut guest)?.root());
    /// guest.run()?;
    /// let refused = Snapshot::of(&mut guest).unwrap_err();
    /// assert!(matches!(refused.kind(), ErrorKind::Snapshot(SnapshotError::State(_))), "it has ended");
    /// # Ok(())
    /// # }
    /// ```
    ///
    /// # Errors
    /// If it has ended, is in a call that has not returned, has loaded registers, has a file open that cannot be found again, or is to hear answers again that
    /// were [kept](Instance::keep_answers).
    pub fn of<T>(instance: &mut Instance<T>) -> Result<Self, Error> {
        Self::made(instance, None)
    }

    /// The same; pages that have not changed since `base` are shared with it and not hashed again.
    ///
    /// ```
    /// use causality_vm::snapshot::Snapshot;
    /// # use causality_vm::{Engine, Linker, Module, Options};
    /// # fn main() -> Result<(), Box<dyn std::error::Error>> {
    /// # let engine = Engine::default();
    /// # let module = Module::from_file(&engine, "testkit/guests/fib.elf")?;
    /// # let mut guest = Linker::new(&engine).instantiate(&module, Options::new().arg("guest"), ())?;
    /// let first = Snapshot::of(&mut guest)?;
    /// guest.run_for(1000)?;
    /// let second = Snapshot::since(&mut guest, &first)?;
    /// let changes = second.to_bytes_since(&first);
    /// assert!(changes.len() < second.to_bytes().len());
    /// assert_eq!(Snapshot::from_bytes_on(&first, &changes)?, second);
    /// assert!(Snapshot::from_bytes(&changes).is_err(), "they are nothing without the first");
    /// # Ok(())
    /// # }
    /// ```
    ///
    /// # Errors
    /// As [`Snapshot::of`].
    pub fn since<T>(instance: &mut Instance<T>, base: &Snapshot) -> Result<Self, Error> {
        Self::made(instance, Some(&base.tables))
    }

    fn made<T>(instance: &mut Instance<T>, base: Option<&PageTables>) -> Result<Self, Error> {
        let (state, tables) = instance.capture(base)?;
        Ok(Snapshot { root: Root::of(&state, &tables), state, tables })
    }

    /// The name of all that it holds.
    #[must_use]
    pub const fn root(&self) -> Root {
        self.root
    }

    /// The program.
    #[must_use]
    pub const fn module(&self) -> ContentId {
        self.state.module
    }

    /// The limits of the engine that it is resumed by.
    #[must_use]
    pub fn limits(&self) -> Limits {
        self.state.limits.limits().unwrap_or_default()
    }

    /// Address of the next instruction.
    #[must_use]
    pub const fn pc(&self) -> u64 {
        self.state.hart.pc
    }

    /// Instructions retired.
    #[must_use]
    pub fn retired(&self) -> u64 {
        self.state.hart.hart().instret()
    }

    /// Instructions that can still be paid. [`Instance::take_fuel`] takes them from an instance that is resumed.
    #[must_use]
    pub const fn fuel(&self) -> u64 {
        self.state.hart.fuel
    }

    /// Bytes of standard input that the guest has read.
    #[must_use]
    pub const fn stdin_read(&self) -> u64 {
        self.state.process.input_read()
    }

    /// The host functions that must be there, by number.
    pub fn functions(&self) -> impl Iterator<Item = (u64, &str)> {
        self.state.process.functions()
    }

    /// What is mapped, ascending.
    pub fn segments(&self) -> impl Iterator<Item = crate::memory::Segment> {
        self.state.segments()
    }

    /// How many pages it has that are not all zero.
    #[must_use]
    pub fn pages(&self) -> usize {
        self.tables.all().iter().map(|table| table.len()).sum()
    }

    /// As bytes. Equal snapshots have equal bytes.
    #[must_use]
    pub fn to_bytes(&self) -> Vec<u8> {
        let mut bytes = Vec::new();
        // A vector takes everything.
        let _ = self.encode(&mut bytes, None);
        bytes
    }

    /// The same to a writer, page by page.
    ///
    /// ```
    /// use causality_vm::snapshot::Snapshot;
    /// # use causality_vm::{Engine, Linker, Module, Options};
    /// # fn main() -> Result<(), Box<dyn std::error::Error>> {
    /// # let engine = Engine::default();
    /// # let module = Module::from_file(&engine, "testkit/guests/calls.elf")?;
    /// # let mut guest = Linker::new(&engine).instantiate(&module, Options::new().arg("guest"), ())?;
    /// let snapshot = Snapshot::of(&mut guest)?;
    /// let mut file = tempfile::tempfile()?;
    /// snapshot.write_to(&mut file)?;
    /// # use std::io::Seek;
    /// file.rewind()?;
    /// assert_eq!(Snapshot::read_from(&file)?, snapshot);
    /// # Ok(())
    /// # }
    /// ```
    ///
    /// # Errors
    /// As the writer's.
    pub fn write_to(&self, mut out: impl Write) -> std::io::Result<()> {
        self.encode(&mut out, None)
    }

    /// What has changed since `base`, as bytes: the pages that it does not have, and all else.
    #[must_use]
    pub fn to_bytes_since(&self, base: &Snapshot) -> Vec<u8> {
        let mut bytes = Vec::new();
        // As above.
        let _ = self.encode(&mut bytes, Some(base));
        bytes
    }

    /// The same to a writer.
    ///
    /// ```
    /// use causality_vm::snapshot::Snapshot;
    /// # use causality_vm::{Engine, Linker, Module, Options};
    /// # fn main() -> Result<(), Box<dyn std::error::Error>> {
    /// # let engine = Engine::default();
    /// # let module = Module::from_file(&engine, "testkit/guests/cat.elf")?;
    /// # let mut guest = Linker::new(&engine).instantiate(&module, Options::new().arg("cat").stdin(&b"to be read"[..]), ())?;
    /// let start = Snapshot::of(&mut guest)?;
    /// guest.run_for(500)?;
    /// let now = Snapshot::since(&mut guest, &start)?;
    /// assert_eq!((start.stdin_read(), now.stdin_read()), (0, 10));
    ///
    /// let mut changes = Vec::new();
    /// now.write_since(&start, &mut changes)?;
    /// assert!(changes.len() < now.to_bytes().len());
    /// assert_eq!(Snapshot::from_bytes_on(&start, &changes)?, now);
    /// # Ok(())
    /// # }
    /// ```
    ///
    /// # Errors
    /// As the writer's.
    pub fn write_since(&self, base: &Snapshot, mut out: impl Write) -> std::io::Result<()> {
        self.encode(&mut out, Some(base))
    }

    /// From bytes, all of them.
    ///
    /// ```
    /// use causality_vm::snapshot::Snapshot;
    /// # use causality_vm::{Engine, Linker, Module, Options};
    /// # fn main() -> Result<(), Box<dyn std::error::Error>> {
    /// # let engine = Engine::default();
    /// # let module = Module::from_file(&engine, "testkit/guests/calls.elf")?;
    /// # let mut guest = Linker::new(&engine).instantiate(&module, Options::new().arg("guest"), ())?;
    /// let mut bytes = Snapshot::of(&mut guest)?.to_bytes();
    /// assert!(Snapshot::from_bytes(&bytes).is_ok());
    /// *bytes.last_mut().expect("there are some") ^= 1;
    /// assert!(Snapshot::from_bytes(&bytes).is_err());
    /// # Ok(())
    /// # }
    /// ```
    ///
    /// # Errors
    /// [`SnapshotError`] if they are anything but a whole snapshot.
    pub fn from_bytes(bytes: &[u8]) -> Result<Self, SnapshotError> {
        Self::sealed(Self::all_of(bytes, None)?)
    }

    /// From a reader, which is left behind the snapshot's last byte. Takes host memory in proportion to what is read.
    ///
    /// # Errors
    /// As [`Snapshot::from_bytes`], and the reader's.
    pub fn read_from(mut input: impl Read) -> Result<Self, SnapshotError> {
        Self::sealed(Self::decode(&mut input, None)?)
    }

    /// From what has changed since `base`: a whole snapshot.
    ///
    /// # Errors
    /// [`SnapshotError::Base`] if they are changes of another snapshot, [`SnapshotError::Whole`] if of none, and as
    /// [`Snapshot::from_bytes`].
    pub fn from_bytes_on(base: &Snapshot, bytes: &[u8]) -> Result<Self, SnapshotError> {
        Self::sealed(Self::all_of(bytes, Some(base))?)
    }

    /// From bytes whose root nobody has computed: fuzzers do not find hashes.
    ///
    /// # Errors
    /// As [`Snapshot::from_bytes`], but for the root.
    #[doc(hidden)]
    pub fn from_unsealed_bytes(bytes: &[u8]) -> Result<Self, SnapshotError> {
        Self::all_of(bytes, None).map(|(_, snapshot)| snapshot)
    }

    fn all_of(mut bytes: &[u8], base: Option<&Snapshot>) -> Result<(Root, Self), SnapshotError> {
        let decoded = Self::decode(&mut bytes, base)?;
        if bytes.is_empty() { Ok(decoded) } else { Err(SnapshotError::Trailing) }
    }

    fn sealed((claimed, snapshot): (Root, Self)) -> Result<Self, SnapshotError> {
        match snapshot.root {
            found if found == claimed => Ok(snapshot),
            found => Err(SnapshotError::Root { claimed, found }),
        }
    }

    pub(crate) const fn state(&self) -> &State {
        &self.state
    }

    pub(crate) const fn tables(&self) -> &PageTables {
        &self.tables
    }
}
