//! Copies of an instance that go on by themselves.
//!
//! A checkpoint is an instance that stands still: memory, hart, process, the embedder's data. A fork goes on from there, and
//! has the same future as the instance it was made from, and as all other forks, as far as the world outside gives all the same
//! answers. Pages are copied when they are written, so that neither costs much.
//!
//! Nothing that can be used once is copied: instances with resource registers have no forks.

use std::fmt;
use std::sync::Arc;
use std::time::Duration;

use causality_abi::Abi;
use causality_jit::code::Code;
use causality_machine::memory::{FreezeError, Frozen};
use causality_machine::{Exit, Machine, Standing};

use super::{Instance, Watched, no_memory};
use crate::call::Calls;
use crate::crosscheck::Crosscheck;
use crate::tier::Execution;
use crate::{Engine, Error, Module, measured};

/// An instance as it was at one moment, to [fork](Checkpoint::fork) from. Cheap to clone; clones are the same.
///
/// ```
/// use causality_vm::{Engine, Exit, Linker, Module, Options};
///
/// let engine = Engine::default();
/// let module = Module::from_file(&engine, "examples/hello.elf")?;
/// let mut guest = Linker::new(&engine).instantiate(&module, Options::new().arg("hello"), ())?;
/// guest.run_for(100)?;
/// let checkpoint = guest.checkpoint()?;
/// for mut fork in [checkpoint.fork()?, checkpoint.fork()?] {
///     assert_eq!(fork.run()?, Exit::Completed(0));
/// }
/// # Ok::<(), causality_vm::Error>(())
/// ```
pub struct Checkpoint<T> {
    inner: Arc<Stem<T>>,
}

/// What forks are made from.
struct Stem<T> {
    engine: Engine,
    module: Module,
    origin: Arc<Frozen>,
    memory: Arc<Frozen>,
    standing: Standing,
    host: Abi<T>,
    code: Option<Arc<Code>>,
    exit: Option<Exit>,
    fuel: u64,
}

impl<T> Clone for Checkpoint<T> {
    fn clone(&self) -> Self {
        Checkpoint { inner: Arc::clone(&self.inner) }
    }
}

impl<T> fmt::Debug for Checkpoint<T> {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        let Stem { module, memory, standing, exit, .. } = &*self.inner;
        let mut shown = f.debug_struct("Checkpoint");
        shown.field("module", &module.id()).field("memory", memory).field("standing", standing);
        shown.field("exit", exit).finish_non_exhaustive()
    }
}

impl<T: Clone> Checkpoint<T> {
    /// A new instance that goes on from here. Fuel, breakpoints and the way it last stopped are those of the instance that the
    /// checkpoint was made of; the embedder's data is a clone.
    ///
    /// A call of an asynchronous host function that has not ended is made again by each fork. Like processes that are forked, all share the streams, directories and open files: what one reads of standard input the
    /// others do not get, and what is written comes out in one place. Descriptors, offsets and everything else of the process
    /// are its own. Nobody observes it, and [pause handles](Instance::pause_handle) are its own; its report says what
    /// it executed itself.
    ///
    /// # Errors
    /// If the host has no memory.
    pub fn fork(&self) -> Result<Instance<T>, Error> {
        let Stem { engine, module, origin, memory, standing, host, code, exit, fuel } = &*self.inner;
        let stem = Stem {
            engine: engine.clone(),
            module: module.clone(),
            origin: Arc::clone(origin),
            memory: Arc::clone(memory),
            standing: standing.clone(),
            host: host.fork(),
            code: code.clone(),
            exit: *exit,
            fuel: *fuel,
        };
        stem.grow()
    }
}

impl<T> Checkpoint<T> {
    /// Instructions retired until then.
    ///
    /// ```
    /// # use causality_vm::{Engine, Linker, Module, Options};
    /// # fn main() -> Result<(), Box<dyn std::error::Error>> {
    /// # let engine = Engine::default();
    /// # let module = Module::from_file(&engine, "testkit/guests/calls.elf")?;
    /// # let mut guest = Linker::new(&engine).instantiate(&module, Options::new().arg("guest"), "the embedder's")?;
    /// guest.run_for(100)?;
    /// let checkpoint = guest.checkpoint()?;
    /// guest.run()?;
    /// assert_eq!((checkpoint.retired(), *checkpoint.data()), (100, "the embedder's"));
    /// assert_eq!(checkpoint.module().id(), module.id());
    /// # Ok(())
    /// # }
    /// ```
    #[must_use]
    pub fn retired(&self) -> u64 {
        self.inner.standing.hart().instret()
    }

    /// The embedder's data as it was.
    #[must_use]
    pub fn data(&self) -> &T {
        self.inner.host.data()
    }

    /// The program it runs.
    #[must_use]
    pub fn module(&self) -> &Module {
        &self.inner.module
    }
}

impl<T> Stem<T> {
    fn grow(self) -> Result<Instance<T>, Error> {
        let Stem { engine, module, origin, memory, standing, host, code, exit, fuel } = self;
        let memory = engine.pool().take(&memory).map_err(no_memory)?;
        let machine = Machine::with_memory(memory).map_err(no_memory)?.standing_at(standing);
        let mut execution = Execution::new(&engine);
        execution.go_on(code, &machine);
        measured::instantiated();
        let crosscheck = engine.config().get_crosscheck().then(Crosscheck::default);
        Ok(Instance {
            engine,
            module,
            origin,
            machine: Watched::new(machine),
            host,
            execution,
            crosscheck,
            fuel,
            calls: Calls::default(),
            exit,
            running_time: Duration::ZERO,
        })
    }
}

impl<T: Clone> Instance<T> {
    fn stem(&mut self) -> Result<Stem<T>, Error> {
        if self.calls.pending() > 0 {
            return Err(FreezeError::Called.into());
        }
        self.calls.wake(&mut self.machine.hart);
        Ok(Stem {
            memory: self.machine.memory.freeze()?,
            engine: self.engine.clone(),
            module: self.module.clone(),
            origin: Arc::clone(&self.origin),
            standing: self.machine.standing(),
            host: self.host.fork(),
            code: self.execution.shareable(&self.machine),
            exit: self.exit,
            fuel: self.fuel,
        })
    }

    /// What it is now, to make any number of instances from that go on from here, on whatever thread. The instance itself goes on
    /// as if nothing had happened.
    ///
    /// It costs the copying of pages that were written since the instance was made, once while it does not run. The copies are kept
    /// until the instance makes other ones, is reset or dropped, and nobody else has them.
    ///
    /// # Errors
    /// [`ErrorKind::Checkpoint`](crate::ErrorKind::Checkpoint) if it has had resource registers, which must not be there twice, or the
    /// host has no memory.
    pub fn checkpoint(&mut self) -> Result<Checkpoint<T>, Error> {
        Ok(Checkpoint { inner: Arc::new(self.stem()?) })
    }

    /// A [checkpoint](Instance::checkpoint) and one [fork](Checkpoint::fork) of it. As long as the instance does not run and nobody
    /// changes its memory, further forks find that there.
    ///
    /// ```
    /// # use causality_vm::{Engine, Linker, Module, Options};
    /// # fn main() -> Result<(), Box<dyn std::error::Error>> {
    /// # let engine = Engine::default();
    /// # let module = Module::from_file(&engine, "testkit/guests/calls.elf")?;
    /// # let mut guest = Linker::new(&engine).instantiate(&module, Options::new().arg("guest"), ())?;
    /// guest.run()?;
    /// let mut twin = guest.fork()?;
    /// twin.call::<_, ()>("set_count", 10_u64)?;
    /// assert_eq!(twin.call::<_, u64>("next_count", ())?, 11);
    /// assert_eq!(guest.call::<_, u64>("next_count", ())?, 2);
    /// # Ok(())
    /// # }
    /// ```
    ///
    /// # Errors
    /// As [`Instance::checkpoint`].
    pub fn fork(&mut self) -> Result<Instance<T>, Error> {
        self.stem()?.grow()
    }
}
