//! A program that has been read and checked.

use std::path::Path;
use std::sync::Arc;

use causality_machine::Image;
use causality_store::{ContentId, ObjectKind};

use crate::elf::{Program, Symbols};
use crate::{Engine, Error};

/// A program ready to be instantiated any number of times. Cheap to clone; clones share the program.
#[derive(Clone, Debug)]
pub struct Module {
    inner: Arc<Inner>,
}

#[derive(Debug)]
struct Inner {
    id: ContentId,
    program: Program,
}

impl Module {
    /// Reads an ELF executable and checks that this engine can run it.
    ///
    /// # Errors
    /// [`ErrorKind::Load`](crate::ErrorKind::Load) with the reason it cannot.
    pub fn new(engine: &Engine, elf: &[u8]) -> Result<Self, Error> {
        let program = Program::parse(elf, engine.config().get_limits())?;
        program.check_extensions()?;
        let id = ContentId::of(ObjectKind::Program, elf);
        tracing::debug!(%id, entry = program.image().entry, arch = program.arch(), "module read");
        Ok(Module { inner: Arc::new(Inner { id, program }) })
    }

    /// As [`Module::new`], for a file.
    ///
    /// # Errors
    /// If the file cannot be read, and as [`Module::new`].
    pub fn from_file(engine: &Engine, path: impl AsRef<Path>) -> Result<Self, Error> {
        let path = path.as_ref();
        let elf =
            std::fs::read(path).map_err(|error| Error::io(format!("read {}", path.display()), error))?;
        Module::new(engine, &elf)
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
    #[must_use]
    pub fn symbols(&self) -> &Symbols {
        self.inner.program.symbols()
    }
}
