//! Programs that are kept ready.

use std::collections::BTreeMap;
use std::sync::{Arc, Mutex, PoisonError};

use causality_store::ContentId;

use crate::{Config, Engine, Error, Module};

/// The most programs that are kept ready.
const KEPT: usize = 64;

/// An engine, and the modules of it that have been used last: with the native code that they came to. Clones share them.
#[derive(Clone, Debug)]
pub(super) struct Modules {
    engine: Engine,
    known: Arc<Mutex<BTreeMap<ContentId, Module>>>,
}

impl Modules {
    pub(super) fn new(config: Config) -> Self {
        Modules { engine: Engine::new(config), known: Arc::default() }
    }

    pub(super) const fn engine(&self) -> &Engine {
        &self.engine
    }

    /// The program with this identifier, made of `elf` if it is not known.
    pub(super) fn module<E: From<Error>, B: AsRef<[u8]>>(
        &self,
        id: ContentId,
        elf: impl FnOnce() -> Result<B, E>,
    ) -> Result<Module, E> {
        let known = self.known.lock().unwrap_or_else(PoisonError::into_inner).get(&id).cloned();
        if let Some(module) = known {
            return Ok(module);
        }
        let module = Module::new(&self.engine, elf()?.as_ref())?;
        let mut known = self.known.lock().unwrap_or_else(PoisonError::into_inner);
        if known.len() >= KEPT {
            known.clear();
        }
        // Another thread may have been faster, and its native code is the one to share.
        Ok(known.entry(id).or_insert(module).clone())
    }
}
