//! From pc to published code.

use std::io;
use std::sync::atomic::{AtomicUsize, Ordering};
use std::sync::{Arc, Mutex, PoisonError};
use std::time::Instant;

use causality_machine::Memory;
use causality_machine::memory::{Perms, SegmentKind};

use crate::cache::{Cache, Key};
use crate::code::{Listener, Space};
use crate::cranelift::Runtime;
use crate::region::{Source, discover};
use crate::{Layout, TranslateError, Translator, Tunables};

/// Why there is no code for a pc.
#[derive(Debug, thiserror::Error)]
#[non_exhaustive]
pub enum CompileError {
    /// The translator failed.
    #[error(transparent)]
    Translate(#[from] TranslateError),
    /// The host has no memory for code.
    #[error("no memory for code: {0}")]
    Memory(#[from] io::Error),
}

/// Makes code for one space. Can be shared by threads, which then take turns.
#[derive(Debug)]
pub struct Compiler {
    space: Arc<Space>,
    translator: Mutex<Translator>,
    kept: Option<Kept>,
}

/// Where code is kept when the process ends.
#[derive(Debug)]
struct Kept {
    cache: Cache,
    key: Key,
    /// How many of the regions translated here are there already.
    count: AtomicUsize,
}

/// What has not been saved is, if that can be done.
impl Drop for Compiler {
    fn drop(&mut self) {
        if let Err(error) = self.save() {
            tracing::warn!(%error, "translated code cannot be kept");
        }
    }
}

impl Compiler {
    /// A compiler with an empty space.
    ///
    /// # Errors
    /// If the host is not supported or has no memory.
    pub fn new(tunables: &Tunables) -> Result<Self, CompileError> {
        Compiler::listened(tunables, None)
    }

    /// As [`Compiler::new`]; `listener` is told about all code.
    ///
    /// # Errors
    /// As [`Compiler::new`].
    pub fn listened(tunables: &Tunables, listener: Option<Listener>) -> Result<Self, CompileError> {
        let mut translator = Translator::new(tunables)?;
        let runtime: Runtime = translator.runtime()?;
        let space = Arc::new(Space::new(tunables.clone(), &runtime, listener)?);
        Ok(Compiler { space, translator: Mutex::new(translator), kept: None })
    }

    /// As [`Compiler::listened`], with the code that `cache` has for the text that `program` identifies.
    ///
    /// # Errors
    /// As [`Compiler::new`].
    pub fn cached(
        tunables: &Tunables,
        listener: Option<Listener>,
        cache: &Cache,
        program: &[u8; 32],
    ) -> Result<Self, CompileError> {
        let mut translator = Translator::new(tunables)?;
        let key = Key::new(program, &translator);
        let saved = cache.load(&key);
        let runtime = match &saved {
            Some(saved) => saved.runtime(),
            None => translator.runtime()?,
        };
        let space = Arc::new(Space::new(tunables.clone(), &runtime, listener)?);
        let kept = Some(Kept { cache: cache.clone(), key, count: AtomicUsize::new(0) });
        if let Some(saved) = saved {
            space.publish_saved(saved);
        }
        Ok(Compiler { space, translator: Mutex::new(translator), kept })
    }

    /// Adds what was translated to the cache, if there is one and anything was.
    ///
    /// # Errors
    /// If the cache cannot be written.
    pub fn save(&self) -> io::Result<()> {
        let Some(kept) = &self.kept else { return Ok(()) };
        let count = self.space.translated();
        if count > kept.count.load(Ordering::Relaxed) {
            kept.cache.save(&kept.key, &self.space.runtime(), self.space.translations())?;
            kept.count.store(count, Ordering::Relaxed);
        }
        Ok(())
    }

    /// Where its code goes.
    #[must_use]
    pub fn space(&self) -> &Arc<Space> {
        &self.space
    }

    /// Makes and publishes code for the region at `pc`; `false` if there is nothing that could be executed.
    ///
    /// # Errors
    /// If it cannot be translated, or the host has no memory.
    pub fn compile(&self, source: &dyn Source, pc: u64) -> Result<bool, CompileError> {
        let region = discover(source, pc, self.space.tunables().bounds);
        if region.is_empty() {
            return Ok(false);
        }
        let mut translator = self.translator.lock().unwrap_or_else(PoisonError::into_inner);
        let start = Instant::now();
        let translation = translator.translate(&region)?;
        self.space.publish(pc, &translation, start.elapsed())?;
        Ok(true)
    }
}

impl Layout {
    /// The most text there is a table for.
    const TEXT: u64 = 32 << 20;

    /// The layout that suits what is mapped now.
    #[must_use]
    pub fn of(memory: &Memory) -> Self {
        let mut layout = Layout::default();
        let mut readable: std::ops::Range<u64> = 0..0;
        let mut has_data = false;
        for segment in memory.segments() {
            let range = &segment.range;
            if segment.perms.is_readable() {
                if readable.end != range.start {
                    readable = range.clone();
                }
                readable.end = range.end;
            }
            if segment.kind == SegmentKind::Stack {
                layout.stack = range.start;
            } else if segment.perms.is_writable() && !has_data {
                (layout.write, layout.read) = (range.start, readable.start);
                has_data = true;
            }
        }
        let text = memory.hull(Perms::RX);
        layout.text = text.start;
        layout.text_len = (text.end - text.start).min(Self::TEXT);
        layout
    }
}

/// Code as a machine sees it now.
#[derive(Debug)]
pub struct Text<'a> {
    /// The memory it is in.
    pub memory: &'a Memory,
    /// Where control must be given back.
    pub breakpoints: &'a causality_machine::Breakpoints,
}

impl Source for Text<'_> {
    fn fetch(&self, pc: u64) -> Option<u32> {
        self.memory.fetch(pc).ok()
    }

    fn data(&self, addr: u64, size: usize) -> Option<u64> {
        if self.memory.perms_at(addr).is_writable() {
            return None;
        }
        let bytes = self.memory.slice(addr, size as u64).ok()?;
        Some(bytes.iter().rev().fold(0, |value, &byte| value << 8 | u64::from(byte)))
    }

    fn breaks_at(&self, pc: u64) -> bool {
        self.breakpoints.contains(pc)
    }
}
