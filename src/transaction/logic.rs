//! Logics that are guest programs.

use std::sync::Arc;

use causality_machine::{Exit, Limits};
use causality_resource::{LogicError, LogicLoader, Operation, Refusal, ResourceLogic, RunLimits};
use causality_store::{ContentId, ObjectKind, Store};
use causality_zk::HashLimits;

use super::modules::Modules;
use super::settings::Bounds;
use crate::{Capture, Config, Engine, Error, Linker, Module, Options};

/// The most bytes of a program that is a logic.
const PROGRAM: u64 = 64 << 20;

/// The most bytes that a logic says.
const WORDS: usize = 4096;

/// Finds logics that are programs in a store: a register names one by its identifier.
///
/// A logic reads the canonical bytes of an [`Operation`] from its standard input, and exits with 0 if it allows it.
/// Otherwise what it has written says why not. It has no registers, no files, and fuel of its own.
///
/// ```
/// use std::sync::Arc;
///
/// use causality_vm::resource::{KeyPair, Logics, RegisterDraft, ResourceManager};
/// use causality_vm::store::Store;
/// use causality_vm::transaction::GuestLogics;
/// use causality_vm::{Config, ContentId, ObjectKind};
///
/// # fn main() -> Result<(), Box<dyn std::error::Error>> {
/// let store = Store::in_memory()?;
/// // A program that allows a hundred in each register at most.
/// let capped = store.put_stream(ObjectKind::Program, std::fs::File::open("examples/capped.elf")?)?;
/// let logics = Logics::native().with_loader(Arc::new(GuestLogics::new(store.clone(), Config::new(), 1_000_000)));
/// let manager = ResourceManager::new(store).with_logics(logics);
/// let alice = KeyPair::generate().principal();
/// let create = |quantity: u64| -> Result<(), Box<dyn std::error::Error>> {
///     let mut run = manager.begin(alice)?.start()?;
///     run.create(RegisterDraft {
///         logic: capped,
///         domain: ContentId::of(ObjectKind::Blob, b"gold"),
///         quantity,
///         controller: alice,
///         nullifier_key: [1; 32],
///         nonce: [0; 32],
///         predecessor: None,
///         metadata: Vec::new(),
///     })?;
///     run.finish_host().finalize()?.verify()?.commit()?;
///     Ok(())
/// };
/// assert!(create(101).is_err());
/// # Ok(())
/// # }
/// ```
#[derive(Clone, Debug)]
pub struct GuestLogics {
    store: Store,
    modules: Modules,
}

impl GuestLogics {
    /// Logics in `store`, executed as `config` says, with its limits and with this fuel for each question. That is all that
    /// bounds the time of a run's verification, so it should be little. They have no slots for registers.
    #[must_use]
    pub fn new(store: Store, config: Config, fuel: u64) -> Self {
        let limits = Limits { registers: 0, ..config.get_limits().clone() };
        GuestLogics { store, modules: Modules::new(config.limits(limits).fuel(fuel).metering(true)) }
    }
}

/// Why a program cannot be had.
struct Unusable(String);

impl From<Error> for Unusable {
    fn from(error: Error) -> Self {
        Unusable(error.to_string())
    }
}

impl LogicLoader for GuestLogics {
    fn load(&self, id: ContentId) -> Result<Option<Arc<dyn ResourceLogic>>, LogicError> {
        let failed = |reason: String| LogicError::Failed { logic: id, reason };
        if !self.store.contains(id).map_err(|error| failed(error.to_string()))? {
            return Ok(None);
        }
        let snapshot = self.store.snapshot().map_err(|error| failed(error.to_string()))?;
        if !matches!(snapshot.kind(id), Ok(Some(ObjectKind::Program))) {
            return Ok(None);
        }
        let elf = || snapshot.bytes(id, PROGRAM).map_err(|error| Unusable(error.to_string()));
        let module = self.modules.module(id, elf).map_err(|Unusable(reason)| failed(reason))?;
        Ok(Some(Arc::new(GuestLogic { module, engine: self.modules.engine().clone() })))
    }

    /// Limits and fuel.
    fn terms(&self) -> Vec<u8> {
        let bounds = Bounds::of(self.modules.engine().config(), RunLimits::default(), HashLimits::default());
        borsh::to_vec(&(super::SEMANTICS, bounds)).unwrap_or_default()
    }
}

/// One of them.
#[derive(Debug)]
struct GuestLogic {
    module: Module,
    engine: Engine,
}

impl ResourceLogic for GuestLogic {
    fn id(&self) -> ContentId {
        self.module.id()
    }

    fn validate(&self, operation: &Operation) -> Result<(), Refusal> {
        let refuse = |words: String| Refusal::new(words);
        let bytes = operation.to_bytes().map_err(|error| refuse(error.to_string()))?;
        let said = Capture::new(WORDS);
        let options = Options::new().args(["logic"]).stdin(std::io::Cursor::new(bytes));
        let options = options.stdout(said.clone()).stderr(said.clone());
        let instance = Linker::new(&self.engine).instantiate(&self.module, options, ());
        let mut instance = instance.map_err(|error| refuse(error.to_string()))?;
        match instance.run().map_err(|error| refuse(error.to_string()))? {
            Exit::Completed(0) => Ok(()),
            Exit::Completed(code) => {
                let words = said.text();
                let words = words.trim();
                Err(refuse(if words.is_empty() { format!("exit code {code}") } else { words.to_owned() }))
            }
            Exit::Trap(trap) => Err(refuse(trap.to_string())),
            Exit::OutOfFuel => Err(refuse("it is out of fuel".to_owned())),
            Exit::Paused(_) => Err(refuse("it was paused".to_owned())),
        }
    }
}
