//! A program that has been read and checked.

use std::path::Path;
use std::sync::{Arc, OnceLock};
use std::time::Instant;

use causality_abi::Abi;
use causality_jit::code::Code;
use causality_jit::{Functions, Layout, Tunables};
use causality_machine::memory::Frozen;
use causality_machine::{Image, Limits, Memory};
use causality_store::{ContentId, ObjectKind};

use tracing::field::{Empty, display};

use crate::elf::{Program, Symbols};
use crate::{Engine, Error, measured};

/// A program ready to be instantiated any number of times. Cheap to clone; clones share the program.
///
/// ```
/// use causality_vm::{ContentId, Engine, Module, ObjectKind};
///
/// # fn main() -> Result<(), Box<dyn std::error::Error>> {
/// let elf = std::fs::read("examples/hello.elf")?;
/// let module = Module::new(&Engine::default(), &elf)?;
/// assert_eq!(module.id(), ContentId::of(ObjectKind::Program, &elf));
/// let entry = module.image().entry;
/// assert!(module.program().code().iter().any(|text| text.contains(&entry)));
/// # Ok(())
/// # }
/// ```
#[derive(Clone, Debug)]
pub struct Module {
    inner: Arc<Inner>,
}

#[derive(Debug)]
struct Inner {
    id: ContentId,
    program: Arc<Program>,
    engine: Engine,
    /// The native code for the program as it is loaded.
    code: OnceLock<Arc<Code>>,
    /// Memory with the program in it, as its engine's instances start.
    start: OnceLock<Arc<Frozen>>,
}

impl Module {
    /// Reads an ELF executable and checks that this engine can run it.
    ///
    /// ```
    /// use causality_vm::{Engine, ErrorKind, Module};
    ///
    /// let refused = Module::new(&Engine::default(), b"#!/bin/sh").unwrap_err();
    /// assert!(matches!(refused.kind(), ErrorKind::Load(_)));
    /// ```
    ///
    /// # Errors
    /// [`ErrorKind::Load`](crate::ErrorKind::Load) with the reason it cannot.
    pub fn new(engine: &Engine, elf: &[u8]) -> Result<Self, Error> {
        let span = tracing::debug_span!("load", module = Empty, bytes = elf.len(), microseconds = Empty);
        let _entered = span.enter();
        let start = Instant::now();
        let program = Program::parse(elf, engine.config().get_limits())?;
        program.check_extensions()?;
        let (program, id) = (Arc::new(program), ContentId::of(ObjectKind::Program, elf));
        let time = start.elapsed();
        measured::loaded(time);
        span.record("module", display(id)).record("microseconds", time.as_micros() as u64);
        tracing::debug!(%id, entry = program.image().entry, arch = program.arch(), "module read");
        let engine = engine.clone();
        let inner = Inner { id, program, engine, code: OnceLock::new(), start: OnceLock::new() };
        Ok(Module { inner: Arc::new(inner) })
    }

    /// As [`Module::new`], for a file.
    ///
    /// ```
    /// use causality_vm::{Engine, ErrorKind, Module};
    ///
    /// # fn main() -> Result<(), Box<dyn std::error::Error>> {
    /// let engine = Engine::default();
    /// let module = Module::from_file(&engine, "examples/hello.elf")?;
    /// assert_eq!(module.id(), Module::new(&engine, &std::fs::read("examples/hello.elf")?)?.id());
    /// let missing = Module::from_file(&engine, "examples/missing.elf").unwrap_err();
    /// assert!(matches!(missing.kind(), ErrorKind::Io { .. }));
    /// # Ok(())
    /// # }
    /// ```
    ///
    /// # Errors
    /// If the file cannot be read, and as [`Module::new`].
    pub fn from_file(engine: &Engine, path: impl AsRef<Path>) -> Result<Self, Error> {
        let path = path.as_ref();
        let elf =
            std::fs::read(path).map_err(|error| Error::io(format!("read {}", path.display()), error))?;
        Module::new(engine, &elf)
    }

    /// Whether both are the same program.
    #[inline]
    pub(crate) fn is(&self, other: &Module) -> bool {
        Arc::ptr_eq(&self.inner, &other.inner) || self.id() == other.id()
    }

    /// The identifier of the file it was read from.
    #[must_use]
    pub fn id(&self) -> ContentId {
        self.inner.id
    }

    /// What the file holds.
    #[must_use]
    pub fn program(&self) -> &Program {
        &self.inner.program
    }

    /// What is placed where in an instance's memory.
    #[must_use]
    pub fn image(&self) -> &Image {
        self.inner.program.image()
    }

    /// The names in it.
    ///
    /// ```
    /// use causality_vm::{Engine, Linker, Module, Options};
    ///
    /// # fn main() -> Result<(), Box<dyn std::error::Error>> {
    /// # let engine = Engine::default();
    /// # let module = Module::from_file(&engine, "testkit/guests/calls.elf")?;
    /// # let linker = Linker::new(&engine);
    /// let mut guest = linker.instantiate(&module, Options::new().arg("calls"), ())?;
    /// assert!(module.symbols().function("main").is_some());
    /// # guest.run()?;
    /// # Ok(())
    /// # }
    /// ```
    #[must_use]
    pub fn symbols(&self) -> &Symbols {
        self.inner.program.symbols()
    }

    /// Memory with the program and a stack in it, as all instances start that are the same engine's and have its limits.
    ///
    /// # Errors
    /// If the program does not fit the engine's limits, or the host has no memory.
    pub(crate) fn start(&self, engine: &Engine, limits: &Limits) -> Result<Arc<Frozen>, Error> {
        /// Bytes of heap that come with the program.
        const ROOM: u64 = 1 << 20;
        let is_own = engine.is(&self.inner.engine) && limits == engine.config().get_limits();
        if is_own && let Some(start) = self.inner.start.get() {
            return Ok(Arc::clone(start));
        }
        limits.check()?;
        let refused = |error| Error::io("reserve the guest address space", error);
        let mut memory = Memory::new(limits.clone()).map_err(refused)?;
        Abi::<()>::lay_out(self.image(), &mut memory)?;
        memory.make_room(ROOM).map_err(refused)?;
        let start =
            memory.freeze().map_err(|error| Error::io("keep the program", std::io::Error::other(error)))?;
        Ok(if is_own { Arc::clone(self.inner.start.get_or_init(|| start)) } else { start })
    }

    /// The native code that all its instances share, if they are the same engine's. `memory` is that of one that is
    /// about to start.
    pub(crate) fn code(&self, engine: &Engine, memory: &Memory) -> Option<Arc<Code>> {
        let make = || {
            let layout = self.layout(memory);
            let config = engine.config();
            let tunables = Tunables { layout, ..config.get_tunables().clone() };
            let cached = config.get_cache().map(|cache| (cache.clone(), *self.id().as_bytes()));
            let functions: Arc<dyn Functions> = Arc::clone(&self.inner.program) as _;
            Code::new(engine.code_memory(), tunables, config.get_code_listener(), cached, Some(functions))
        };
        engine.is(&self.inner.engine).then(|| Arc::clone(self.inner.code.get_or_init(make)))
    }

    /// The layout of its native code. `memory` is that of an instance that is about to start.
    pub(crate) fn layout(&self, memory: &Memory) -> Layout {
        let layout = Layout::of(memory);
        self.program().relro().map_or(layout, |relro| layout.with_relro(relro))
    }
}
