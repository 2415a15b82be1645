//! Copies of a whole instance, and going back to them.
//!
//! A moment is everything a run depends on: hart, memory, the process as the host keeps it, the embedder's data. Runs
//! are deterministic, so going back to a moment and running as many instructions leads to the same state again,
//! provided that the world outside answers as before, which [`Instance::keep_answers`] sees to.

use std::collections::BTreeMap;
use std::sync::Arc;

use causality_abi::AbiCopy;
use causality_machine::memory::{PAGE_SIZE, Perms, Segment};
use causality_machine::{Exit, Hart, VmState};

use super::{Instance, no_memory, pages};
use crate::Error;

type Page = Arc<[u8]>;

/// A copy of an instance, to [go back](Instance::go_back) to. Moments made one after the other share the pages that
/// have not changed.
///
/// ```
/// use causality_vm::{Capture, Engine, Exit, Linker, Module, Options};
///
/// # fn main() -> Result<(), Box<dyn std::error::Error>> {
/// let engine = Engine::default();
/// let module = Module::from_file(&engine, "examples/hello.elf")?;
/// let stdout = Capture::new(4096);
/// let options = Options::new().arg("hello").stdout(stdout.clone());
/// let mut guest = Linker::new(&engine).instantiate(&module, options, ())?;
/// guest.keep_answers();
/// guest.run_for(100)?;
/// let moment = guest.moment(None)?.expect("it has nothing that cannot be copied");
/// assert_eq!(guest.run()?, Exit::Completed(0));
///
/// guest.go_back(&moment)?;
/// assert_eq!(guest.retired(), moment.retired());
/// assert_eq!(guest.run()?, Exit::Completed(0));
/// guest.go_back_to_start()?;
/// assert_eq!(guest.retired(), 0);
/// assert_eq!(guest.run()?, Exit::Completed(0));
/// // It has run three times, and said it once.
/// assert_eq!(stdout.text().lines().count(), 1);
/// # Ok(())
/// # }
/// ```
#[derive(Clone, Debug)]
pub struct Moment<T> {
    hart: Hart,
    process: AbiCopy<T>,
    segments: Vec<Segment>,
    /// The pages that are not all zero, by address.
    pages: BTreeMap<u64, Page>,
}

impl<T> Moment<T> {
    /// Instructions retired until then.
    #[must_use]
    pub fn retired(&self) -> u64 {
        self.hart.instret()
    }

    /// Bytes of pages that it does not share with `other`.
    ///
    /// ```
    /// # use causality_vm::{Engine, Linker, Module, Options};
    /// # fn main() -> Result<(), Box<dyn std::error::Error>> {
    /// # let engine = Engine::default();
    /// # let module = Module::from_file(&engine, "testkit/guests/calls.elf")?;
    /// # let mut guest = Linker::new(&engine).instantiate(&module, Options::new().arg("guest"), ())?;
    /// let first = guest.moment(None)?.expect("it can be copied");
    /// guest.run_for(100)?;
    /// let second = guest.moment(Some(&first))?.expect("as above");
    /// assert!(second.bytes_beyond(Some(&first)) < second.bytes_beyond(None));
    /// # Ok(())
    /// # }
    /// ```
    #[must_use]
    pub fn bytes_beyond(&self, other: Option<&Moment<T>>) -> u64 {
        let is_shared = |addr: &u64, page: &Page| {
            other.and_then(|other| other.pages.get(addr)).is_some_and(|theirs| Arc::ptr_eq(theirs, page))
        };
        self.pages.iter().filter(|(addr, page)| !is_shared(addr, page)).count() as u64 * PAGE_SIZE
    }
}

impl<T: Clone> Instance<T> {
    /// Keeps what the world outside answers from now on: streams, files and directories. After going back, the guest
    /// hears the same answers again until it has heard all, and what it wrote is not written twice.
    pub fn keep_answers(&mut self) {
        self.host.keep_answers();
    }

    /// Bytes of host memory that kept answers take.
    ///
    /// ```
    /// # use causality_vm::{Engine, Linker, Module, Options};
    /// # fn main() -> Result<(), Box<dyn std::error::Error>> {
    /// # let engine = Engine::default();
    /// # let module = Module::from_file(&engine, "testkit/guests/cat.elf")?;
    /// # let mut guest = Linker::new(&engine).instantiate(&module, Options::new().arg("cat").stdin(&b"to be read"[..]), ())?;
    /// guest.keep_answers();
    /// let before = guest.kept_bytes();
    /// guest.run()?;
    /// assert!(guest.kept_bytes() > before);
    /// # Ok(())
    /// # }
    /// ```
    #[must_use]
    pub fn kept_bytes(&self) -> u64 {
        self.host.kept_bytes()
    }

    /// Forgets the answers that were kept after the present moment, so that the guest, which may have been changed,
    /// goes on with the world as it is. Standard input that it had read by then is read again; what it had written is
    /// written.
    ///
    /// ```
    /// use causality_vm::Capture;
    /// # use causality_vm::{Engine, Linker, Module, Options};
    /// # fn main() -> Result<(), Box<dyn std::error::Error>> {
    /// # let engine = Engine::default();
    /// # let module = Module::from_file(&engine, "testkit/guests/cat.elf")?;
    /// # let stdout = Capture::new(4096);
    /// let options = Options::new().arg("cat").stdin(&b"to be read"[..]).stdout(stdout.clone());
    /// let mut guest = Linker::new(&engine).instantiate(&module, options, ())?;
    /// guest.keep_answers();
    /// let moment = guest.moment(None)?.expect("it can be copied");
    /// guest.run()?;
    /// guest.go_back(&moment)?;
    /// guest.forget_later();
    /// guest.run()?;
    /// assert_eq!(stdout.text().matches("to be read").count(), 2, "it has written it again");
    /// # Ok(())
    /// # }
    /// ```
    pub fn forget_later(&mut self) {
        self.host.forget_later();
    }

    /// Forgets the answers that were kept before `moment`: nobody may go back to earlier ones any more.
    ///
    /// ```
    /// # use causality_vm::{Engine, Linker, Module, Options};
    /// # fn main() -> Result<(), Box<dyn std::error::Error>> {
    /// # let engine = Engine::default();
    /// # let module = Module::from_file(&engine, "testkit/guests/cat.elf")?;
    /// # let mut guest = Linker::new(&engine).instantiate(&module, Options::new().arg("cat").stdin(&b"to be read"[..]), ())?;
    /// guest.keep_answers();
    /// guest.run()?;
    /// let kept = guest.kept_bytes();
    /// let end = guest.moment(None)?.expect("it can be copied");
    /// guest.forget_before(&end);
    /// assert!(guest.kept_bytes() < kept);
    /// # Ok(())
    /// # }
    /// ```
    pub fn forget_before(&mut self, moment: &Moment<T>) {
        self.host.forget_before(&moment.process);
    }

    /// A copy of everything as it is now; `earlier` is one that probably shares pages with it. `None` if the guest has
    /// what cannot be copied: resource registers, writable code, or calls that have not returned.
    ///
    /// # Errors
    /// If the host refuses to show inaccessible pages.
    pub fn moment(&mut self, earlier: Option<&Moment<T>>) -> Result<Option<Moment<T>>, Error> {
        let memory = &mut self.machine.memory;
        let segments: Vec<_> = memory.segments().cloned().collect();
        let is_called = self.calls.pending() > 0;
        if is_called
            || !memory.registers().is_unused()
            || segments.iter().any(|segment| segment.perms == Perms::RWX)
        {
            return Ok(None);
        }
        let mut all = BTreeMap::new();
        let shared = |addr: u64, bytes: &[u8]| {
            earlier.and_then(|earlier| earlier.pages.get(&addr)).filter(|page| ***page == *bytes).cloned()
        };
        pages::visit(memory, |addr, bytes| {
            all.insert(addr, shared(addr, bytes).unwrap_or_else(|| bytes.into()));
        })
        .map_err(|error| Error::io("copy guest memory", std::io::Error::other(error)))?;
        let (hart, process) = (self.hart().clone(), self.host.copy());
        Ok(Some(Moment { hart, process, segments, pages: all }))
    }

    /// Makes everything what it was when `moment` was made, also if the guest has ended since. Breakpoints and
    /// observers stay.
    ///
    /// # Errors
    /// If the host refuses to map memory.
    pub fn go_back(&mut self, moment: &Moment<T>) -> Result<(), Error> {
        match self.machine.memory.registers().is_unused() {
            true => self.machine.revive(),
            false => self.machine.restart_as(&self.origin).map_err(no_memory)?,
        }
        let page = |addr| moment.pages.get(&addr).map(|page| &**page);
        pages::restore(&mut self.machine.memory, &moment.segments, page)
            .map_err(|error| Error::io("restore guest memory", std::io::Error::other(error)))?;
        self.calls.forget();
        self.machine.forget_calls();
        self.host.forget_waiting(0);
        self.machine.hart.clone_from(&moment.hart);
        self.host.put_back(&moment.process);
        self.exit = None;
        Ok(())
    }

    /// Starts anew, also if the guest has not ended, and has it hear all kept answers again.
    ///
    /// # Errors
    /// As [`Instance::reset`].
    pub fn go_back_to_start(&mut self) -> Result<(), Error> {
        self.machine.restart_as(&self.origin).map_err(no_memory)?;
        self.calls.forget();
        self.host.hear_again();
        self.exit = None;
        self.start()
    }
}

impl<T> Instance<T> {
    /// Makes an instance that has trapped able to run again, from the instruction that trapped.
    ///
    /// ```
    /// use causality_vm::{Cause, Exit};
    /// # use causality_vm::{Engine, Linker, Module, Options};
    /// # fn main() -> Result<(), Box<dyn std::error::Error>> {
    /// # let engine = Engine::default();
    /// # let module = Module::from_file(&engine, "testkit/guests/trap_ebreak.elf")?;
    /// # let mut guest = Linker::new(&engine).instantiate(&module, Options::new().arg("guest"), ())?;
    /// let Exit::Trap(trap) = guest.run()? else { panic!("it has a breakpoint") };
    /// assert_eq!(trap.cause, Cause::Breakpoint);
    /// guest.revive();
    /// // Behind the `ebreak`, which has two bytes or four.
    /// let is_short = guest.memory().load::<1>(trap.pc)?[0] & 3 != 3;
    /// guest.set_pc(trap.pc + if is_short { 2 } else { 4 });
    /// assert_eq!(guest.run()?, Exit::Completed(0));
    /// # Ok(())
    /// # }
    /// ```
    pub fn revive(&mut self) {
        if self.state() == VmState::Error && matches!(self.exit, Some(Exit::Trap(_))) {
            self.machine.revive();
        }
    }
}
