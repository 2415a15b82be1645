//! From pc to published code.

use std::collections::hash_map::Entry;
use std::collections::{BTreeMap, BTreeSet, HashMap, HashSet};
use std::io;
use std::ops::Range;
use std::sync::atomic::{AtomicBool, AtomicUsize, Ordering};
use std::sync::{Arc, Mutex, MutexGuard, PoisonError};
use std::time::{Duration, Instant};

use causality_machine::Memory;
use causality_machine::isa::reg::X;
use causality_machine::memory::{PAGE_SIZE, Perms, SegmentKind};

use crate::cache::{Cache, Key, Saved};
use crate::code::{CodeMemory, Listener, SharedCode, Space};
use crate::hot;
use crate::promotion::{Promoted, Sample, Samples, Verdict};
use crate::region::{Asked, Functions, Region, Source, discover};
use crate::statistics::{Statistics, Translated};
use crate::tunables::Promotion;
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
    baseline: Mutex<Baseline>,
    /// Makes the code that takes the place of baseline code where that is hot.
    optimising: Option<Box<Compiler>>,
    samples: Samples,
    waiting: Mutex<Waiting>,
    /// Whether anything is waited for.
    is_waiting: AtomicBool,
    /// Where code was asked for because it is hot.
    requests: Mutex<HashMap<u64, Request>>,
    functions: Option<Arc<dyn Functions>>,
    statistics: Arc<Statistics>,
    kept: Option<Kept>,
    is_retired: AtomicBool,
}

/// The baseline tier's state.
#[derive(Debug, Default)]
struct Baseline {
    buffers: baseline::Buffers,
    /// Code that was translated at once, by the pc that was asked for, with the registers that held stack addresses then.
    units: BTreeMap<u64, (Range<u64>, u32)>,
    /// Where units begin that were asked for elsewhere.
    middles: BTreeSet<u64>,
    /// Where other code has taken over.
    elsewhere: BTreeSet<u64>,
}

/// Code that will be better if it is translated when control comes to where its function begins and shows what is in
/// registers.
#[derive(Debug, Default)]
struct Waiting {
    functions: BTreeSet<u64>,
    /// Where code was wanted that had to wait.
    places: HashSet<u64>,
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
    /// Registers that held stack addresses.
    pub(crate) stack_pointers: u32,
    /// Instructions that seem to have been executed there, if it is to be promoted.
    pub(crate) executed: u64,
}

/// What has become of a request.
#[derive(Clone, Copy, Debug)]
enum Request {
    /// Nothing yet.
    Waiting,
    /// A region was made that should help; this many requests have come since.
    Answered(u32),
    /// A region is to be made that begins there.
    Exact,
}

/// The most instructions of a function that is promoted as a whole.
const MOST_PROMOTED: usize = 1500;

/// How many requests show that a region that should help does not.
const PATIENCE: u32 = 16;

/// A region for code that is hot, and where the loop begins that is.
struct HotRegion {
    region: Region,
    header: u64,
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
        let mut optimising = None;
        let mut border = None;
        if tunables.promotion.is_some() {
            let (listener, statistics, memory) = (listener.clone(), Arc::clone(&statistics), memory.clone());
            let compiler = Compiler::counted(&tunables.optimising(), listener, cached, statistics, memory)?;
            optimising = Some(Box::new(compiler));
            border = Some(shared_border()?);
        }
        let space = Arc::new(Space::new(tunables.clone(), listener, saved, memory, border));
        Ok(Compiler {
            space,
            translator: Mutex::default(),
            baseline: Mutex::default(),
            optimising,
            samples: Samples::default(),
            waiting: Mutex::default(),
            is_waiting: AtomicBool::new(false),
            requests: Mutex::default(),
            functions: None,
            statistics,
            kept,
            is_retired: AtomicBool::new(false),
        })
    }

    /// The same, knowing where functions begin.
    #[must_use]
    pub(crate) fn knowing(mut self, functions: Option<Arc<dyn Functions>>) -> Self {
        self.functions = functions;
        self
    }

    /// Adds what was translated to the cache, if there is one and anything was.
    ///
    /// # Errors
    /// If the cache cannot be written.
    pub fn save(&self) -> io::Result<()> {
        if let Some(optimising) = &self.optimising {
            return optimising.save();
        }
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
    #[inline]
    #[must_use]
    pub fn space(&self) -> &Arc<Space> {
        &self.space
    }

    /// Where the code goes that takes the place of this one's where it is hot.
    #[inline]
    #[must_use]
    pub fn promoted(&self) -> Option<&Arc<Space>> {
        self.optimising.as_ref().map(|optimising| &optimising.space)
    }

    /// Bytes of all code.
    #[must_use]
    pub fn bytes(&self) -> usize {
        self.space.bytes() + self.promoted().map_or(0, |space| space.bytes())
    }

    /// Below this much fuel, code may do nothing but leave.
    #[inline]
    #[must_use]
    pub fn longest(&self) -> u64 {
        self.promoted().map_or(0, |space| space.longest()).max(self.space.longest())
    }

    /// Whether this code is to be used no more: another compiler has its place, and this one's memory is wanted back.
    #[inline]
    #[must_use]
    pub fn is_retired(&self) -> bool {
        self.is_retired.load(Ordering::Relaxed)
    }

    pub(crate) fn retire(&self) {
        self.is_retired.store(true, Ordering::Relaxed);
        self.space.change_version();
    }

    /// Makes and publishes code for the region at `pc`; `false` if there is nothing that could be executed, or, unless
    /// `is_entry`, if it is better entered elsewhere in the loop that `pc` is in.
    ///
    /// # Errors
    /// If it cannot be translated, or the host has no memory.
    pub fn compile(&self, source: &dyn Source, pc: u64, is_entry: bool) -> Result<bool, CompileError> {
        if !self.space.covers(pc) {
            return Ok(false);
        }
        if self.space.tunables().tier == NativeTier::Baseline {
            return self.compile_baseline(source, pc, is_entry);
        }
        let (region, discover) = self.discover(source, pc);
        if region.is_empty() {
            return Ok(false);
        }
        self.publish(&region, Translated { discover, ..Translated::default() })?;
        Ok(true)
    }

    /// Takes note of a request for code at `pc`. Returns whether it is worth an attempt.
    pub(crate) fn wants(&self, pc: u64) -> bool {
        if self.is_retired() {
            return false;
        }
        match self.requests().entry(pc) {
            Entry::Vacant(entry) => {
                entry.insert(Request::Waiting);
                true
            }
            Entry::Occupied(mut entry) => match entry.get_mut() {
                Request::Answered(more) if *more < PATIENCE => {
                    *more += 1;
                    false
                }
                Request::Answered(_) => {
                    entry.insert(Request::Exact);
                    true
                }
                Request::Waiting | Request::Exact => false,
            },
        }
    }

    fn requests(&self) -> MutexGuard<'_, HashMap<u64, Request>> {
        self.requests.lock().unwrap_or_else(PoisonError::into_inner)
    }

    /// Makes and publishes code for a region that helps where a request says that code is hot.
    pub(crate) fn compile_hot(&self, text: &Snapshot, place: Place) -> Result<(), CompileError> {
        if let Some(optimising) = &self.optimising {
            return self.promote(optimising, text, place);
        }
        let is_exact = matches!(self.requests().get(&place.pc), Some(Request::Exact));
        let result = self.compile_for(text, place, is_exact);
        if !is_exact {
            self.requests().insert(place.pc, Request::Answered(0));
        }
        result
    }

    fn compile_for(&self, text: &Snapshot, place: Place, is_exact: bool) -> Result<(), CompileError> {
        if self.space.has(place.pc) || self.is_retired() {
            return Ok(());
        }
        let mut found = Translated { background: 1, ..Translated::default() };
        match self.hot_region(text, place, is_exact, &mut found.discover) {
            Some(hot) if !hot.region.entries().all(|(pc, _)| self.space.has(pc)) => {
                self.publish(&hot.region, found)
            }
            _ => Ok(()),
        }
    }

    /// The region to be made where code is hot; `time` is what it takes to find it.
    fn hot_region(
        &self,
        text: &Snapshot,
        place: Place,
        is_exact: bool,
        time: &mut Duration,
    ) -> Option<HotRegion> {
        let Place { pc, is_target, stack_pointers, .. } = place;
        let mut discover = |start: u64, entry: Option<u64>| {
            // Around a loop registers change little.
            let in_loop = start == pc || entry.is_none();
            let stack_pointers = if in_loop { stack_pointers } else { stack_pointers & 1 << X::SP.index() };
            let (region, more) = self.discover(&Asked { entry, ..Asked::new(text, stack_pointers) }, start);
            *time += more;
            region
        };
        let mut found = None;
        if !is_exact {
            let candidates = hot::Candidates::of(text, pc);
            let function = candidates.function.map(|start| discover(start, None));
            let function = function.filter(|function| function.has_inst(pc));
            let header = || hot::loop_around(function.as_ref()?, pc);
            found = match (candidates.header.or_else(header), function) {
                (None, function) => function.map(|region| HotRegion { header: region.start, region }),
                (Some(header), function) => {
                    // A loop on its own makes the better code, unless only the function knows where it leads.
                    let alone = Some(discover(header, None)).filter(|region| region.has_inst(pc));
                    let region = alone.or_else(|| Some(discover(function?.start, Some(header))));
                    region.map(|region| HotRegion { header, region })
                }
            };
        }
        // Else control comes here by a jump that no region knows, or it passes here, and will be somewhere better soon.
        let here = || (is_target || is_exact).then(|| HotRegion { header: pc, region: discover(pc, None) });
        found.or_else(here).filter(|hot| !hot.region.is_empty())
    }

    /// Has `optimising` make code for what is hot, if that is likely to be better, and lets it take the place of what
    /// there is.
    fn promote(&self, optimising: &Compiler, text: &Snapshot, place: Place) -> Result<(), CompileError> {
        let Some(promotion) = &self.space.tunables().promotion else { return Ok(()) };
        let background = u64::from(promotion.in_background);
        let mut found = Translated { background, ..Translated::default() };
        let region = self.region_to_promote(promotion, text, place, &mut found.discover);
        let Some(HotRegion { region, header }) = region else { return Ok(()) };
        let is_there = || region.entries().any(|(pc, _)| optimising.space.function(pc).is_some());
        if self.is_retired() || !self.samples.is_worth(promotion, &region, place.executed) || is_there() {
            return Ok(());
        }
        if optimising.space.enter_at(region.start).is_none() {
            optimising.publish(&region, found)?;
        }
        // While this is held nobody removes code. What comes from the cache may have other entries.
        let mut baseline = self.baseline();
        let has_code = |&pc: &u64| optimising.space.function(pc).is_some();
        let entries: Vec<u64> = region.entries().map(|(pc, _)| pc).filter(has_code).collect();
        let heads: Vec<u64> = [region.start, header].into_iter().filter(has_code).collect();
        // Another thread may have been faster.
        if entries.is_empty() || !self.samples.is_worth(promotion, &region, place.executed) {
            return Ok(());
        }
        baseline.elsewhere.extend(&heads);
        self.space.promote(&entries);
        let translated = self.translate_again(&mut baseline, text, &heads);
        // Only now, for it may be demoted at once.
        self.samples.promoted(&region, place.executed, entries);
        translated
    }

    /// What to promote where control is often: a function that calls nothing, or else the largest loop that does not.
    fn region_to_promote(
        &self,
        promotion: &Promotion,
        text: &Snapshot,
        place: Place,
        time: &mut Duration,
    ) -> Option<HotRegion> {
        let Place { pc, stack_pointers, .. } = place;
        let mut discover = |start: u64, entry: Option<u64>, within: Option<&BTreeSet<u64>>| {
            // Around a loop registers change little.
            let in_loop = start == pc || within.is_some();
            let stack_pointers = if in_loop { stack_pointers } else { stack_pointers & 1 << X::SP.index() };
            let asked = Asked { entry, within, ..Asked::new(text, stack_pointers) };
            let (region, more) = self.discover(&asked, start);
            *time += more;
            region
        };
        let hot::Candidates { header, function } = hot::Candidates::of(text, pc);
        let function = function.map(|start| discover(start, None, None)).filter(|region| region.has_inst(pc));
        let whole = function.unwrap_or_else(|| discover(header.unwrap_or(pc), None, None));
        let hot = hot::outermost_loop(&whole, pc);
        // Where control comes soonest.
        let header = hot::loop_around(&whole, pc).unwrap_or(pc);
        let region = match hot {
            Some(_) if !whole.has_calls() && whole.len() <= MOST_PROMOTED => {
                discover(whole.start, Some(header), None)
            }
            Some(hot) => discover(hot.header, Some(header), Some(&hot.pcs)),
            None if promotion.least_pressure == 0 => discover(whole.start, Some(header), None),
            None => return None,
        };
        Some(HotRegion { region, header }).filter(|found| !found.region.is_empty())
    }

    /// Removes the code of a region that was promoted: baseline code runs there again.
    ///
    /// # Errors
    /// If the host has no memory.
    pub fn demote(&self, source: &dyn Source, number: usize) -> Result<(), CompileError> {
        let (Some(optimising), Some(region)) =
            (&self.optimising, self.samples.regions().get(number).cloned())
        else {
            return Ok(());
        };
        let mut baseline = self.baseline();
        // In this order: from a place that leads there, Cranelift's code must not be missing.
        self.space.clear(&region.entries);
        optimising.space.clear(&region.entries);
        baseline.elsewhere.retain(|pc| !region.entries.contains(pc));
        self.translate_again(&mut baseline, source, &region.entries)
    }

    /// Makes new baseline code where `pcs` are part of some, because control is to leave it there, or no longer is.
    fn translate_again(
        &self,
        baseline: &mut Baseline,
        source: &dyn Source,
        pcs: &[u64],
    ) -> Result<(), CompileError> {
        let units = baseline.units.iter().filter(|(_, (unit, _))| pcs.iter().any(|pc| unit.contains(pc)));
        // Those that were asked for where they begin are the best, and come last.
        for pc in units.rev().map(|(asked, _)| *asked).collect::<Vec<_>>() {
            self.translate_baseline(baseline, source, pc, true, true)?;
        }
        Ok(())
    }

    /// Whether code that is wanted at `pc` is better made when control comes to the start of its function. Says so once:
    /// what is wanted again is in a loop.
    #[must_use]
    pub fn waits_for(&self, pc: u64) -> bool {
        let Some(start) = self.functions.as_ref().and_then(|functions| functions.function_of(pc)) else {
            return false;
        };
        if start == pc || self.space.has(start) {
            return false;
        }
        let mut waiting = self.waiting();
        let is_new = waiting.places.insert(pc);
        if is_new && waiting.functions.insert(start) {
            self.is_waiting.store(true, Ordering::Relaxed);
            self.space.change_version();
        }
        is_new
    }

    /// Whether control was waited for at `pc`, where it is now if `is_there`.
    #[must_use]
    pub fn waits_at(&self, pc: u64, is_there: bool) -> bool {
        self.is_waiting.load(Ordering::Relaxed) && {
            let mut waiting = self.waiting();
            if !is_there {
                return waiting.functions.contains(&pc);
            }
            let was_there = waiting.functions.remove(&pc);
            self.is_waiting.store(!waiting.functions.is_empty(), Ordering::Relaxed);
            was_there
        }
    }

    fn waiting(&self) -> MutexGuard<'_, Waiting> {
        self.waiting.lock().unwrap_or_else(PoisonError::into_inner)
    }

    /// Which regions were promoted, in that order.
    #[must_use]
    pub fn promotions(&self) -> Vec<Promoted> {
        self.samples.regions()
    }

    /// Instructions until the next sample is due; `None` if nothing is ever promoted.
    #[must_use]
    pub fn until_sample(&self) -> Option<u64> {
        self.space.tunables().promotion.as_ref().map(|promotion| self.samples.left(promotion))
    }

    /// Whether better code is made on another thread.
    pub(crate) fn promotes_in_background(&self) -> bool {
        self.space.tunables().promotion.as_ref().is_none_or(|promotion| promotion.in_background)
    }

    /// So many instructions were retired without a sample.
    pub fn retired(&self, instructions: u64) {
        self.samples.retired(instructions);
    }

    /// What a sample says.
    pub fn sampled(&self, sample: &Sample) -> Verdict {
        match &self.space.tunables().promotion {
            Some(promotion) => {
                let functions = self.functions.as_ref();
                let function = functions.and_then(|functions| functions.function_of(sample.pc));
                self.samples.sampled(promotion, sample, function.unwrap_or(sample.pc))
            }
            None => Verdict::GoOn,
        }
    }

    fn discover(&self, source: &dyn Source, pc: u64) -> (Region, Duration) {
        let start = Instant::now();
        (discover(source, pc, self.space.tunables().bounds), start.elapsed())
    }

    fn publish(&self, region: &Region, so_far: Translated) -> Result<(), CompileError> {
        let _span = tracing::debug_span!("compile", pc = region.start, instructions = region.len()).entered();
        let mut translator = self.translator.lock().unwrap_or_else(PoisonError::into_inner);
        let start = Instant::now();
        let translated = translate(&mut translator, self.space.tunables(), region);
        let translate = start.elapsed();
        drop(translator);
        self.add(region.start, translated, Translated { translate, ..so_far }, false)
    }

    fn baseline(&self) -> MutexGuard<'_, Baseline> {
        self.baseline.lock().unwrap_or_else(PoisonError::into_inner)
    }

    fn compile_baseline(&self, source: &dyn Source, pc: u64, is_entry: bool) -> Result<bool, CompileError> {
        let mut baseline = self.baseline();
        if baseline.elsewhere.contains(&pc) {
            self.space.promote(&[pc]);
            return Ok(true);
        }
        self.translate_baseline(&mut baseline, source, pc, is_entry, false)
    }

    /// One pass finds and translates. `is_entry` as for [`Compiler::compile`]; asked again, it is one. `again`: it takes the place of code that there is.
    fn translate_baseline(
        &self,
        baseline: &mut Baseline,
        source: &dyn Source,
        pc: u64,
        is_entry: bool,
        again: bool,
    ) -> Result<bool, CompileError> {
        let Baseline { buffers, units, middles, elsewhere } = baseline;
        let known = units.get(&pc).map(|(_, stack_pointers)| *stack_pointers);
        let stack_pointers = known.unwrap_or_else(|| source.stack_pointers());
        let functions = self.functions.as_deref();
        let code = Some(&*self.space);
        let source =
            Asked { without: Some(elsewhere), functions, code, ..Asked::new(source, stack_pointers) };
        let (tunables, is_watched) = (self.space.tunables(), self.space.is_watched());
        let is_entry = is_entry || known.is_some();
        let start = Instant::now();
        let translated = baseline::translate(tunables, &source, pc, is_entry, is_watched, buffers)?;
        let translate = start.elapsed();
        let Some(mut translation) = translated else { return Ok(false) };
        let unit = buffers.range();
        if unit.start != pc && source.function_of(pc) == Some(unit.start) {
            // Whoever calls the function can say more about it.
            if let Some(first) = translation.entries.iter().position(|entry| *entry == unit.start) {
                translation.entries.remove(first);
                translation.offsets.remove(first);
            }
        }
        // What was asked for in the middle is not as good.
        let again = again || unit.start == pc && middles.remove(&pc);
        self.add(pc, Ok(translation), Translated { translate, ..Translated::default() }, again)?;
        if self.optimising.is_some() {
            if unit.start != pc {
                middles.insert(unit.start);
            }
            units.insert(pc, (unit, stack_pointers));
        }
        Ok(self.space.has(pc))
    }

    /// Publishes and counts.
    fn add(
        &self,
        at: u64,
        translated: Result<Translation, CompileError>,
        so_far: Translated,
        again: bool,
    ) -> Result<(), CompileError> {
        let start = Instant::now();
        let published = translated.and_then(|translation| {
            let (insts, bytes) = (translation.insts as u64, translation.code.len() as u64);
            let shared = shared_code(self.space.tunables().tier, None)?;
            self.space.publish_as(&shared, at, translation, Some(so_far.translate), again)?;
            Ok((insts, bytes))
        });
        let (insts, bytes) = match published {
            Ok(sizes) => sizes,
            Err(error) => {
                self.statistics
                    .add(self.space.tunables().tier, &Translated { failed: 1, ..Translated::default() });
                return Err(error);
            }
        };
        self.statistics.add(
            self.space.tunables().tier,
            &Translated { regions: 1, insts, bytes, publish: start.elapsed(), ..so_far },
        );
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

/// The same for what baseline code is promoted by.
fn shared_border() -> io::Result<Arc<SharedCode>> {
    static BORDER: Mutex<Option<Arc<SharedCode>>> = Mutex::new(None);
    let mut border = BORDER.lock().unwrap_or_else(PoisonError::into_inner);
    match &*border {
        Some(border) => Ok(Arc::clone(border)),
        None => Ok(Arc::clone(border.insert(Arc::new(SharedCode::border()?)))),
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

    /// The same for a program that will make a range read-only when it has started (`PT_GNU_RELRO`). What is writable
    /// then begins behind it.
    #[must_use]
    pub fn with_relro(self, relro: std::ops::Range<u64>) -> Self {
        let end = relro.end & !(PAGE_SIZE - 1);
        let begins_there = (relro.start & !(PAGE_SIZE - 1)..end).contains(&self.write);
        Layout { write: if begins_there { end } else { self.write }, ..self }
    }
}
