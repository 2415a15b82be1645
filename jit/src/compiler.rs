//! From pc to published code.

use std::collections::hash_map::Entry;
use std::collections::{BTreeSet, HashMap};
use std::io;
use std::sync::atomic::{AtomicBool, AtomicUsize, Ordering};
use std::sync::{Arc, Mutex, MutexGuard, PoisonError};
use std::time::{Duration, Instant};

use causality_machine::Memory;
use causality_machine::isa::reg::X;
use causality_machine::memory::{PAGE_SIZE, Perms, SegmentKind};

use crate::cache::{Cache, Key, Saved};
use crate::code::{CodeMemory, Listener, SharedCode, Space};
use crate::hot;
use crate::region::{Asked, Region, Source, discover};
use crate::statistics::{Compiled, Statistics};
use crate::{Layout, NativeTier, Snapshot, TranslateError, Translation, Translator, Tunables, baseline};

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
    /// Made when something is to be translated.
    translator: Mutex<Option<Box<Translator>>>,
    /// What the baseline tier works in.
    buffers: Mutex<baseline::Buffers>,
    /// Where code was asked for because it is hot.
    requests: Mutex<HashMap<u64, Request>>,
    /// Where regions are to begin, as soon as control comes there and shows what is in registers.
    awaited: Mutex<BTreeSet<u64>>,
    is_awaiting: AtomicBool,
    statistics: Arc<Statistics>,
    kept: Option<Kept>,
    is_retired: AtomicBool,
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

/// Where code is hot.
#[derive(Clone, Copy, Debug)]
pub(crate) struct Place {
    /// An instruction that is executed often.
    pub(crate) pc: u64,
    /// Whether something jumps there.
    pub(crate) is_target: bool,
    /// Whether a region is to begin there and nowhere else.
    pub(crate) is_exact: bool,
    /// Registers that held stack addresses.
    pub(crate) stack_pointers: u32,
}

/// What has become of a request.
#[derive(Clone, Copy, Debug)]
enum Request {
    /// Nothing yet.
    Waiting,
    /// A region was made that should help; this many requests have come since.
    Answered(u32),
    /// A region was made that begins there.
    Exact,
}

/// How many requests show that a region that should help does not.
const PATIENCE: u32 = 16;

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
        Compiler::counted(tunables, listener, None, Arc::default(), None)
    }

    /// As [`Compiler::listened`], with the code that a cache has for the text that a hash identifies. What it does is
    /// counted, and its code is part of `memory`.
    pub(crate) fn counted(
        tunables: &Tunables,
        listener: Option<Listener>,
        cached: Option<&(Cache, [u8; 32])>,
        statistics: Arc<Statistics>,
        memory: Option<Arc<CodeMemory>>,
    ) -> Result<Self, CompileError> {
        let mut kept = None;
        let mut saved = None;
        if let Some((cache, program)) = cached.filter(|_| tunables.tier == NativeTier::Cranelift) {
            let key = Key::new(program, tunables);
            saved = cache.load(&key).map(|saved| {
                Ok::<_, CompileError>((shared_code(NativeTier::Cranelift, Some(&saved))?, saved))
            });
            kept = Some(Kept { cache: cache.clone(), key, count: AtomicUsize::new(0) });
        }
        let saved = saved.transpose()?;
        let space = Arc::new(Space::new(tunables.clone(), listener, saved, memory));
        Ok(Compiler {
            space,
            translator: Mutex::default(),
            buffers: Mutex::default(),
            requests: Mutex::default(),
            awaited: Mutex::default(),
            is_awaiting: AtomicBool::new(false),
            statistics,
            kept,
            is_retired: AtomicBool::new(false),
        })
    }

    /// Adds what was translated to the cache, if there is one and anything was.
    ///
    /// # Errors
    /// If the cache cannot be written.
    pub fn save(&self) -> io::Result<()> {
        let Some(kept) = &self.kept else { return Ok(()) };
        let count = self.space.translated();
        if count > kept.count.load(Ordering::Relaxed)
            && let Some(runtime) = self.space.runtime()
        {
            kept.cache.save(&kept.key, &runtime, self.space.translations())?;
            kept.count.store(count, Ordering::Relaxed);
        }
        Ok(())
    }

    /// Where its code goes.
    #[must_use]
    pub fn space(&self) -> &Arc<Space> {
        &self.space
    }

    /// Whether this code is to be used no more: another compiler has its place, and this one's memory is wanted back.
    #[must_use]
    pub fn is_retired(&self) -> bool {
        self.is_retired.load(Ordering::Relaxed)
    }

    pub(crate) fn retire(&self) {
        self.is_retired.store(true, Ordering::Relaxed);
        self.space.change_version();
    }

    /// Makes and publishes code for the region at `pc`; `false` if there is nothing that could be executed.
    ///
    /// # Errors
    /// If it cannot be translated, or the host has no memory.
    pub fn compile(&self, source: &dyn Source, pc: u64) -> Result<bool, CompileError> {
        if !self.space.covers(pc) {
            return Ok(false);
        }
        if self.space.tunables().tier == NativeTier::Baseline {
            return self.compile_baseline(source, pc);
        }
        let (region, discover) = self.discover(source, pc);
        if region.is_empty() {
            return Ok(false);
        }
        self.publish(&region, Compiled { discover, ..Compiled::default() })?;
        Ok(true)
    }

    /// Takes note of a request for code at `pc`. Returns whether it is worth an attempt, and if so, whether that is to
    /// begin there and nowhere else.
    pub(crate) fn wants(&self, pc: u64) -> Option<bool> {
        if self.is_retired() {
            return None;
        }
        match self.requests().entry(pc) {
            Entry::Vacant(entry) => {
                entry.insert(Request::Waiting);
                Some(false)
            }
            Entry::Occupied(mut entry) => match entry.get_mut() {
                Request::Answered(more) if *more < PATIENCE => {
                    *more += 1;
                    None
                }
                Request::Answered(_) => {
                    entry.insert(Request::Exact);
                    Some(true)
                }
                Request::Waiting | Request::Exact => None,
            },
        }
    }

    /// Whether a region is to begin at `pc` when control comes there, which should then be asked for.
    #[must_use]
    pub fn awaits(&self, pc: u64) -> bool {
        self.is_awaiting.load(Ordering::Relaxed) && self.awaited().contains(&pc)
    }

    /// Control has come to `pc`: whether a region was to begin there. Says so once.
    pub(crate) fn has_awaited(&self, pc: u64) -> bool {
        self.is_awaiting.load(Ordering::Relaxed) && {
            let mut awaited = self.awaited();
            let was_there = awaited.remove(&pc);
            self.is_awaiting.store(!awaited.is_empty(), Ordering::Relaxed);
            was_there
        }
    }

    fn wait_for(&self, pc: u64) {
        let mut awaited = self.awaited();
        awaited.insert(pc);
        self.is_awaiting.store(true, Ordering::Relaxed);
        self.space.change_version();
    }

    fn awaited(&self) -> MutexGuard<'_, BTreeSet<u64>> {
        self.awaited.lock().unwrap_or_else(PoisonError::into_inner)
    }

    fn requests(&self) -> MutexGuard<'_, HashMap<u64, Request>> {
        self.requests.lock().unwrap_or_else(PoisonError::into_inner)
    }

    /// Makes and publishes code for a region that helps where a request says that code is hot.
    pub(crate) fn compile_hot(&self, text: &Snapshot, place: Place) -> Result<(), CompileError> {
        let result = self.compile_for(text, place);
        if !place.is_exact {
            self.requests().insert(place.pc, Request::Answered(0));
        }
        result
    }

    fn compile_for(&self, text: &Snapshot, place: Place) -> Result<(), CompileError> {
        let Place { pc, is_target, is_exact, stack_pointers } = place;
        if self.space.has(pc) || self.is_retired() {
            return Ok(());
        }
        let mut found = Compiled { background: 1, ..Compiled::default() };
        let mut discover = |start, entry| {
            // Elsewhere than where it is hot, nothing is known but where the stack pointer points.
            let stack_pointers =
                if start == pc { stack_pointers } else { stack_pointers & 1 << X::SP.index() };
            let (region, time) = self.discover(&Asked { source: text, stack_pointers, entry }, start);
            found.discover += time;
            region
        };
        let mut region = None;
        // Whether it is entered elsewhere than at its start.
        let mut is_entered = false;
        if !is_exact {
            let candidates = hot::Candidates::of(text, pc);
            let function = candidates.function.map(|start| discover(start, None));
            let function = function.filter(|function| function.has_inst(pc));
            let header = || hot::loop_around(function.as_ref()?, pc);
            region = match (candidates.header.or_else(header), function) {
                (None, function) => function,
                (Some(header), function) => {
                    // A loop on its own makes the better code, unless only the function knows where it leads.
                    let alone = Some(discover(header, None)).filter(|region| region.has_inst(pc));
                    is_entered = alone.is_none();
                    alone.or_else(|| function.map(|function| discover(function.start, Some(header))))
                }
            };
        }
        let region = match region {
            Some(region) => region,
            // Control comes here by a jump that no region knows.
            None if is_target || is_exact => discover(pc, None),
            // It passes here, and will be somewhere better soon.
            None => return Ok(()),
        };
        if region.is_empty() || region.entries().all(|(pc, _)| self.space.has(pc)) {
            return Ok(());
        }
        if region.start != pc && !is_entered {
            self.wait_for(region.start);
            return Ok(());
        }
        self.publish(&region, found)
    }

    fn discover(&self, source: &dyn Source, pc: u64) -> (Region, Duration) {
        let start = Instant::now();
        (discover(source, pc, self.space.tunables().bounds), start.elapsed())
    }

    fn publish(&self, region: &Region, so_far: Compiled) -> Result<(), CompileError> {
        let mut translator = self.translator.lock().unwrap_or_else(PoisonError::into_inner);
        let start = Instant::now();
        let translated = translate(&mut translator, self.space.tunables(), region);
        let translate = start.elapsed();
        drop(translator);
        self.add(region.start, translated, Compiled { translate, ..so_far })
    }

    /// One pass finds and translates.
    fn compile_baseline(&self, source: &dyn Source, pc: u64) -> Result<bool, CompileError> {
        let mut buffers = self.buffers.lock().unwrap_or_else(PoisonError::into_inner);
        let start = Instant::now();
        let translated =
            baseline::translate(self.space.tunables(), source, pc, self.space.is_watched(), &mut buffers)?;
        let translate = start.elapsed();
        drop(buffers);
        let Some(translation) = translated else { return Ok(false) };
        self.add(pc, Ok(translation), Compiled { translate, ..Compiled::default() })?;
        Ok(true)
    }

    /// Publishes and counts.
    fn add(
        &self,
        at: u64,
        translated: Result<Translation, CompileError>,
        so_far: Compiled,
    ) -> Result<(), CompileError> {
        let start = Instant::now();
        let published = translated.and_then(|translation| {
            let (insts, bytes) = (translation.insts as u64, translation.code.len() as u64);
            let shared = shared_code(self.space.tunables().tier, None)?;
            self.space.publish(&shared, at, translation, Some(so_far.translate))?;
            Ok((insts, bytes))
        });
        let (insts, bytes) = match published {
            Ok(sizes) => sizes,
            Err(error) => {
                self.statistics.add(&Compiled { failed: 1, ..Compiled::default() });
                return Err(error);
            }
        };
        self.statistics.add(&Compiled { regions: 1, insts, bytes, publish: start.elapsed(), ..so_far });
        Ok(())
    }
}

fn translate(
    translator: &mut Option<Box<Translator>>,
    tunables: &Tunables,
    region: &Region,
) -> Result<Translation, CompileError> {
    let translator = match translator {
        Some(translator) => translator,
        None => translator.insert(Box::new(Translator::new(tunables)?)),
    };
    Ok(translator.translate(region)?)
}

/// The code that is the same for all compilers of this process, made when it is first needed.
fn shared_code(tier: NativeTier, saved: Option<&Saved>) -> Result<Arc<SharedCode>, CompileError> {
    if tier == NativeTier::Baseline && !cfg!(target_arch = "x86_64") {
        return Err(TranslateError::Host("the baseline tier is for x86-64".to_owned()).into());
    }
    static SHARED: [Mutex<Option<Arc<SharedCode>>>; 2] = [const { Mutex::new(None) }; 2];
    let mut shared = SHARED[tier as usize].lock().unwrap_or_else(PoisonError::into_inner);
    if let Some(shared) = &*shared {
        return Ok(Arc::clone(shared));
    }
    let code = match (tier, saved) {
        (NativeTier::Baseline, _) => SharedCode::new(&baseline::runtime())?,
        (NativeTier::Cranelift, Some(saved)) => SharedCode::new(saved.runtime())?,
        (NativeTier::Cranelift, None) => SharedCode::new(&Translator::new(&Tunables::default())?.runtime()?)?,
    };
    Ok(Arc::clone(shared.insert(Arc::new(code))))
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

    /// The same for a program that will make a range read-only when it has started (`PT_GNU_RELRO`). What is writable
    /// then begins behind it.
    #[must_use]
    pub fn with_relro(self, relro: std::ops::Range<u64>) -> Self {
        let end = relro.end & !(PAGE_SIZE - 1);
        let begins_there = (relro.start & !(PAGE_SIZE - 1)..end).contains(&self.write);
        Layout { write: if begins_there { end } else { self.write }, ..self }
    }
}
