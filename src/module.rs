//! A program that has been read and checked.

use std::path::Path;
use std::sync::{Arc, Mutex, OnceLock, PoisonError};
use std::time::Instant;

use causality_jit::code::Code;
use causality_jit::{Functions, Layout, Tunables};
use causality_machine::memory::Frozen;
use causality_machine::{Image, Limits, Memory};
use causality_store::{ContentId, ObjectKind};

use tracing::field::{Empty, display};

use crate::elf::{Program, Symbols};
use crate::start::Start;
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
    id: OnceLock<ContentId>,
    /// The file, until somebody asks for the identifier, which takes longer to find out than a small program to be read.
    unnamed: Mutex<Option<Box<[u8]>>>,
    program: Arc<Program>,
    engine: Engine,
    /// The native code for the program as it is loaded.
    code: OnceLock<Arc<Code>>,
    /// How its engine's instances start.
    start: Start,
}

/// Bytes of a file that is kept until somebody asks for its identifier.
const UNNAMED: usize = 64 << 10;

fn identified(elf: &[u8]) -> ContentId {
    ContentId::of(ObjectKind::Program, elf)
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
        let began = Instant::now();
        let program = Program::parse(elf, engine.config().get_limits())?;
        program.check_extensions()?;
        let (id, engine) = (OnceLock::new(), engine.clone());
        let is_small = elf.len() <= UNNAMED;
        if !is_small {
            let _ = id.set(identified(elf));
        }
        let unnamed = Mutex::new(is_small.then(|| elf.into()));
        let (program, code, start) = (Arc::new(program), OnceLock::new(), Start::default());
        let module = Module { inner: Arc::new(Inner { id, unnamed, program, engine, code, start }) };
        let time = began.elapsed();
        measured::loaded(time);
        if !span.is_disabled() {
            span.record("module", display(module.id())).record("microseconds", time.as_micros() as u64);
        }
        let program = module.program();
        tracing::debug!(id = %module.id(), entry = program.image().entry, arch = program.arch(), "module read");
        Ok(module)
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
        *self.inner.id.get_or_init(|| {
            let mut unnamed = self.inner.unnamed.lock().unwrap_or_else(PoisonError::into_inner);
            identified(&unnamed.take().unwrap_or_default())
        })
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

    /// Memory with the program and a stack in it, as all instances start that are the same engine's and have its limits; and
    /// what it is restored to.
    ///
    /// # Errors
    /// If the program does not fit the engine's limits, or the host has no memory.
    pub(crate) fn memory(&self, engine: &Engine, limits: &Limits) -> Result<(Arc<Frozen>, Memory), Error> {
        let is_own = engine.is(&self.inner.engine) && limits == engine.config().get_limits();
        let other = Start::default();
        let start = if is_own { &self.inner.start } else { &other };
        start.memory(self.image(), limits, engine.pool())
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
