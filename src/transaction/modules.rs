//! Programs that are kept ready.

use std::collections::BTreeMap;
use std::sync::{Arc, Mutex, MutexGuard, PoisonError};

use causality_store::ContentId;

use crate::{Config, Engine, Error, Module};

/// The most programs that are kept ready.
const KEPT: usize = 64;

/// An engine, and the modules of it that have been used last: with the native code that they came to. Clones share them.
#[derive(Clone, Debug)]
pub(super) struct Modules {
    engine: Engine,
    known: Arc<Mutex<Known>>,
}

/// The modules, each with the number of its last use.
#[derive(Debug, Default)]
struct Known {
    modules: BTreeMap<ContentId, (u64, Module)>,
    uses: u64,
}

impl Known {
    fn get(&mut self, id: ContentId) -> Option<Module> {
        self.uses += 1;
        let (last, module) = self.modules.get_mut(&id)?;
        *last = self.uses;
        Some(module.clone())
    }

    /// Keeps one more, instead of that whose last use is longest ago if there are too many.
    fn keep(&mut self, id: ContentId, module: Module) {
        self.modules.insert(id, (self.uses, module));
        if self.modules.len() > KEPT {
            let oldest = self.modules.iter().min_by_key(|(_, (last, _))| *last).map(|(id, _)| *id);
            oldest.map(|id| self.modules.remove(&id));
        }
    }
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
        if let Some(module) = self.known().get(id) {
            return Ok(module);
        }
        let module = Module::new(&self.engine, elf()?.as_ref())?;
        // Another thread may have been faster, and its native code is the one to share.
        let mut known = self.known();
        if let Some(module) = known.get(id) {
            return Ok(module);
        }
        known.keep(id, module.clone());
        Ok(module)
    }

    fn known(&self) -> MutexGuard<'_, Known> {
        self.known.lock().unwrap_or_else(PoisonError::into_inner)
    }
}

#[cfg(test)]
mod tests {
    use causality_store::ObjectKind;

    use super::*;
    use crate::Tier;

    #[test]
    fn the_program_that_was_used_longest_ago_makes_room() {
        let elf = std::fs::read("examples/hello.elf").unwrap();
        let modules = Modules::new(Config::new().tier(Tier::Interpreter));
        let id = |number: usize| ContentId::of(ObjectKind::Program, &number.to_le_bytes());
        let is_new = |number| {
            let mut is_new = false;
            let read = || {
                is_new = true;
                Ok::<_, Error>(&elf)
            };
            modules.module(id(number), read).unwrap();
            is_new
        };
        assert!((0..KEPT).all(is_new));
        assert!((0..KEPT).all(|number| !is_new(number)), "all of them are kept");
        assert!(!is_new(0));
        assert!(is_new(KEPT));
        assert!((2..=KEPT).chain([0]).all(|number| !is_new(number)), "only the second one made room");
        assert!(is_new(1));
        assert!(is_new(2), "it was then used longest ago");
    }
}
