//! How much code an engine has, and what has to go when that is too much.

use std::sync::atomic::{AtomicU64, AtomicUsize, Ordering};
use std::sync::{Arc, Mutex, MutexGuard, PoisonError, Weak};

use super::Listener;
use crate::cache::Cache;
use crate::compiler::{CompileError, Compiler};
use crate::region::Functions;
use crate::statistics::{Compiled, Statistics};
use crate::sys::Chunk;
use crate::{Snapshot, Tunables};

/// The code of an engine. When there is more than the limit, all code for the text that was used least recently goes,
/// and is made again when it is needed. Whoever runs in it keeps it until control leaves it.
#[derive(Debug)]
pub struct CodeMemory {
    limit: usize,
    /// Bytes mapped for code, also of retired code that still runs.
    mapped: AtomicUsize,
    /// Counts publications.
    clock: AtomicU64,
    codes: Mutex<Vec<Weak<Code>>>,
    /// Chunks with room behind code that is gone, all of the size that the first chunk of some code has.
    spare: Mutex<Vec<Chunk>>,
}

/// How many chunks are kept.
const SPARE: usize = 4;

impl Default for CodeMemory {
    fn default() -> Self {
        CodeMemory::new(usize::MAX)
    }
}

impl CodeMemory {
    /// No code, and a limit in bytes.
    #[must_use]
    pub fn new(limit: usize) -> Self {
        let (mapped, clock) = (AtomicUsize::new(0), AtomicU64::new(0));
        CodeMemory { limit, mapped, clock, codes: Mutex::default(), spare: Mutex::default() }
    }

    /// A chunk with room, if there is one.
    pub(super) fn spare(&self) -> Option<Chunk> {
        self.spare.lock().unwrap_or_else(PoisonError::into_inner).pop()
    }

    /// Takes a chunk with room, if it is to be kept.
    pub(super) fn keep(&self, chunk: Chunk) {
        let mut spare = self.spare.lock().unwrap_or_else(PoisonError::into_inner);
        if spare.len() < SPARE {
            spare.push(chunk);
        }
    }

    /// Bytes of host memory that hold code now.
    #[must_use]
    pub fn mapped(&self) -> usize {
        self.mapped.load(Ordering::Relaxed)
    }

    pub(crate) fn meter(&self) -> &AtomicUsize {
        &self.mapped
    }

    fn codes(&self) -> MutexGuard<'_, Vec<Weak<Code>>> {
        self.codes.lock().unwrap_or_else(PoisonError::into_inner)
    }

    fn register(&self, code: &Arc<Code>) {
        let mut codes = self.codes();
        // Amortised: looked through only when the list would have to grow.
        if codes.len() == codes.capacity() {
            codes.retain(|code| code.strong_count() > 0);
        }
        codes.push(Arc::downgrade(code));
    }

    /// Something was published: retires code until there is not too much.
    pub(crate) fn make_room(&self) {
        self.clock.fetch_add(1, Ordering::Relaxed);
        if self.mapped() <= self.limit {
            return;
        }
        let codes = self.codes();
        let mut live: Vec<_> =
            codes.iter().filter_map(Weak::upgrade).map(|code| (code.bytes(), code)).collect();
        drop(codes);
        live.retain(|(bytes, _)| *bytes > 0);
        live.sort_by_key(|(_, code)| code.used.load(Ordering::Relaxed));
        let mut total: usize = live.iter().map(|(bytes, _)| bytes).sum();
        for (bytes, code) in live {
            if total <= self.limit {
                break;
            }
            code.retire();
            total -= bytes;
        }
    }
}

/// The code for one guest text, and the text itself: one compiler after the other, each until its memory is wanted.
///
/// What comes from the code cache is published when control first comes to it.
#[derive(Debug)]
pub struct Code {
    tunables: Tunables,
    listener: Option<Listener>,
    /// Where it is kept, and what identifies the text.
    cached: Option<(Cache, [u8; 32])>,
    functions: Option<Arc<dyn Functions>>,
    memory: Arc<CodeMemory>,
    statistics: Arc<Statistics>,
    current: Mutex<Option<Arc<Compiler>>>,
    /// The memory's clock when somebody last wanted to run it.
    used: AtomicU64,
    text: std::sync::OnceLock<Arc<Snapshot>>,
}

impl Code {
    /// No code but what the cache has for the text that a hash identifies, in which `functions` knows its way. Cheap: nothing happens before somebody asks
    /// for the compiler.
    #[must_use]
    pub fn new(
        memory: &Arc<CodeMemory>,
        tunables: Tunables,
        listener: Option<Listener>,
        cached: Option<(Cache, [u8; 32])>,
        functions: Option<Arc<dyn Functions>>,
    ) -> Arc<Self> {
        let code = Arc::new(Code {
            tunables,
            listener,
            cached,
            functions,
            memory: Arc::clone(memory),
            statistics: Arc::default(),
            current: Mutex::default(),
            used: AtomicU64::new(0),
            text: std::sync::OnceLock::new(),
        });
        memory.register(&code);
        code
    }

    /// The compiler to use now. Whoever keeps it asks [`Compiler::is_retired`] from time to time.
    ///
    /// # Errors
    /// If the host is not supported or has no memory.
    pub fn compiler(&self) -> Result<Arc<Compiler>, CompileError> {
        self.used.store(self.memory.clock.load(Ordering::Relaxed), Ordering::Relaxed);
        let mut current = self.current();
        if let Some(compiler) = &*current {
            return Ok(Arc::clone(compiler));
        }
        let (listener, statistics) = (self.listener.clone(), Arc::clone(&self.statistics));
        let memory = Some(Arc::clone(&self.memory));
        let compiler = Compiler::counted(&self.tunables, listener, self.cached.as_ref(), statistics, memory)?;
        Ok(Arc::clone(current.insert(Arc::new(compiler.knowing(self.functions.clone())))))
    }

    /// The text: what `snapshot` gives, which is asked once.
    pub fn text(&self, snapshot: impl FnOnce() -> Snapshot) -> &Arc<Snapshot> {
        self.text.get_or_init(|| Arc::new(snapshot()))
    }

    /// What its translation has cost.
    #[must_use]
    pub fn compiled(&self) -> Compiled {
        self.statistics.read()
    }

    /// Adds what was translated to the cache, if there is one.
    ///
    /// # Errors
    /// If the cache cannot be written.
    pub fn save(&self) -> std::io::Result<()> {
        let compiler = self.present();
        compiler.map_or(Ok(()), |compiler| compiler.save())
    }

    /// The compiler in use, if there is one.
    #[must_use]
    pub fn present(&self) -> Option<Arc<Compiler>> {
        self.current().clone()
    }

    fn current(&self) -> MutexGuard<'_, Option<Arc<Compiler>>> {
        self.current.lock().unwrap_or_else(PoisonError::into_inner)
    }

    fn bytes(&self) -> usize {
        self.current().as_ref().map_or(0, |compiler| compiler.bytes())
    }

    fn retire(&self) {
        let compiler = self.current().take();
        if let Some(compiler) = compiler {
            compiler.retire();
        }
    }
}
