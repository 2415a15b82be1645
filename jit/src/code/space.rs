//! Code by guest pc.

use std::io;
use std::ops::Range;
use std::sync::atomic::{AtomicU64, AtomicUsize, Ordering};
use std::sync::{Arc, Mutex, OnceLock, PoisonError};
use std::time::Duration;

use zerocopy::FromZeros;

use super::{Arena, CodeMemory, Listener, NewCode, Origin};
use crate::baseline;
use crate::cache::Saved;
use crate::context::Tier;
use crate::cranelift::{Runtime, Translation};
use crate::sys::CodeBlock;
use crate::tunables::Tunables;

/// The code made for one state of guest text, shared by all instances that see that text.
///
/// It only grows. Looking up and publishing are safe from any thread at any time; generated code reads the table
/// while others publish.
#[derive(Debug)]
pub struct Space {
    tunables: Tunables,
    /// Made when the first code is published.
    links: OnceLock<Links>,
    /// What the code cache had, published when control first comes to it.
    saved: Option<(Arc<SharedCode>, Saved)>,
    /// Held by who fetches from there.
    fetching: Mutex<()>,
    arena: Arena,
    blocks: Mutex<Vec<(CodeBlock, Published)>>,
    bytes: AtomicUsize,
    /// Where it is counted, perhaps with that of others.
    memory: Option<Arc<CodeMemory>>,
    longest: AtomicU64,
    version: AtomicU64,
    listener: Option<Listener>,
    /// What code of another tier is reached by, if any may take the place of this tier's.
    border: Option<Arc<SharedCode>>,
}

/// How code is reached.
#[derive(Debug)]
pub(crate) struct Links {
    shared: Arc<SharedCode>,
    border: Option<Arc<SharedCode>>,
    /// By pc, how far behind the function that is there where no code is, modulo 2^64.
    ///
    /// So 0 leads to that function, which returns its pc, and who jumps by the table has to test nothing. And because
    /// memory that nobody has written to is 0, a table takes the host's memory and time only where there is code.
    table: Box<[AtomicU64]>,
}

/// What is known about published code.
#[derive(Clone, Debug)]
pub struct Published {
    /// The pc its region starts at.
    pub start: u64,
    /// Where it is in the host.
    pub host: Range<usize>,
    /// Guest instructions in it.
    pub insts: usize,
    /// Host offset and guest pc; of the baseline tier only if there is a listener.
    pub map: Vec<(u32, u64)>,
    /// What it took to translate; `None` if it came out of the code cache.
    pub time: Option<Duration>,
    /// The pcs at which it can be entered.
    pub entries: Vec<u64>,
    /// Instructions on the longest way from one check of fuel to the next.
    pub longest: u64,
}

/// Code that no guest has a part in.
#[derive(Debug)]
pub(crate) struct SharedCode {
    block: CodeBlock,
    places: Vec<Range<usize>>,
    names: &'static [&'static str],
}

impl SharedCode {
    /// What every space needs.
    pub(crate) fn new(runtime: &Runtime) -> io::Result<Self> {
        Self::of(&runtime.functions(), &Runtime::NAMES)
    }

    /// Where baseline code ends and Cranelift's begins.
    pub(crate) fn border() -> io::Result<Self> {
        Self::of(&baseline::border().each_ref().map(Vec::as_slice), &["promoted", "call"])
    }

    /// Makes functions executable.
    fn of(functions: &[&[u8]], names: &'static [&'static str]) -> io::Result<Self> {
        let mut code = Vec::new();
        let place = |function: &&[u8]| {
            code.resize(code.len().next_multiple_of(CodeBlock::ALIGN), 0);
            let start = code.len();
            code.extend_from_slice(function);
            start..code.len()
        };
        let places = functions.iter().map(place).collect();
        Ok(SharedCode { block: CodeBlock::alone(&code)?, places, names })
    }

    #[inline]
    fn function(&self, index: usize) -> &[u8] {
        &self.block.bytes()[self.places[index].clone()]
    }

    fn tell(&self, listener: &Listener) {
        for (index, name) in
            self.names.iter().enumerate().filter(|&(index, _)| !self.places[index].is_empty())
        {
            let (bytes, origin) = (self.function(index), Origin::Runtime(name));
            listener.tell(&NewCode { host: bytes.as_ptr() as usize, bytes, origin });
        }
    }
}

/// A number never given before in this process.
fn next_version() -> u64 {
    static NEXT: AtomicU64 = AtomicU64::new(1);
    NEXT.fetch_add(1, Ordering::Relaxed)
}

impl Drop for Space {
    fn drop(&mut self) {
        if let Some(memory) = &self.memory {
            memory.meter().fetch_sub(self.bytes(), Ordering::Relaxed);
            self.blocks.get_mut().unwrap_or_else(PoisonError::into_inner).clear();
            if let Some(chunk) = self.arena.rest() {
                memory.keep(chunk);
            }
        }
    }
}

impl Space {
    /// A space with no code but what was `saved`, which comes with what all code shares. With a `border`, its code may be
    /// promoted.
    pub(crate) fn new(
        tunables: Tunables,
        listener: Option<Listener>,
        saved: Option<(Arc<SharedCode>, Saved)>,
        memory: Option<Arc<CodeMemory>>,
        border: Option<Arc<SharedCode>>,
    ) -> Self {
        Space {
            tunables,
            links: OnceLock::new(),
            saved,
            fetching: Mutex::default(),
            arena: Arena::default(),
            blocks: Mutex::default(),
            bytes: AtomicUsize::new(0),
            memory,
            longest: AtomicU64::new(0),
            version: AtomicU64::new(next_version()),
            listener,
            border,
        }
    }

    /// Whether somebody is told about all code.
    pub(crate) const fn is_watched(&self) -> bool {
        self.listener.is_some()
    }

    /// What its code was generated with.
    #[must_use]
    pub const fn tunables(&self) -> &Tunables {
        &self.tunables
    }

    /// Bytes of host memory that hold the code published here.
    #[must_use]
    pub fn bytes(&self) -> usize {
        self.bytes.load(Ordering::Relaxed)
    }

    /// A number that changes whenever there is code at another pc, and that no other space has.
    #[inline]
    #[must_use]
    pub fn version(&self) -> u64 {
        self.version.load(Ordering::Acquire)
    }

    pub(crate) fn change_version(&self) {
        self.version.store(next_version(), Ordering::Release);
    }

    /// Below this much fuel, code here may do nothing but leave.
    #[inline]
    #[must_use]
    pub fn longest(&self) -> u64 {
        self.longest.load(Ordering::Relaxed)
    }

    /// Everything published so far.
    #[must_use]
    pub fn published(&self) -> Vec<Published> {
        self.lock().iter().map(|(_, published)| published.clone()).collect()
    }

    fn lock(&self) -> std::sync::MutexGuard<'_, Vec<(CodeBlock, Published)>> {
        self.blocks.lock().unwrap_or_else(PoisonError::into_inner)
    }

    #[inline]
    fn index(&self, pc: u64) -> Option<usize> {
        let layout = &self.tunables.layout;
        let offset = pc.wrapping_sub(layout.text);
        (offset < layout.text_len && pc & 1 == 0).then_some((offset / 2) as usize)
    }

    /// How code is reached, as soon as there is any.
    #[inline]
    pub(crate) fn links(&self) -> Option<&Links> {
        self.links.get()
    }

    /// The same, made if need be.
    fn open(&self, shared: &Arc<SharedCode>) -> io::Result<&Links> {
        if let Some(links) = self.links.get() {
            return Ok(links);
        }
        let count = (self.tunables.layout.text_len / 2) as usize;
        let table = <[AtomicU64]>::new_box_zeroed_with_elems(count);
        let table = table.map_err(|_| io::ErrorKind::OutOfMemory)?;
        Ok(self.links.get_or_init(|| {
            if let Some(listener) = &self.listener {
                shared.tell(listener);
                self.border.iter().for_each(|border| border.tell(listener));
            }
            Links { shared: Arc::clone(shared), border: self.border.clone(), table }
        }))
    }

    /// Whether control can enter code at `pc`.
    #[inline]
    #[must_use]
    pub fn has(&self, pc: u64) -> bool {
        self.function(pc).is_some() || self.saved_at(pc).is_some()
    }

    fn saved_at(&self, pc: u64) -> Option<usize> {
        self.index(pc)?;
        self.saved.as_ref()?.1.owner(pc)
    }

    /// Whether code can be entered at `pc`, once there is some.
    pub(crate) fn covers(&self, pc: u64) -> bool {
        self.index(pc).is_some()
    }

    /// The function to enter at `pc`, fetched from what was saved if need be.
    #[inline]
    pub(crate) fn enter_at(&self, pc: u64) -> Option<*const u8> {
        self.function(pc).or_else(|| self.fetch(pc))
    }

    #[cold]
    fn fetch(&self, pc: u64) -> Option<*const u8> {
        let (shared, saved) = self.saved.as_ref()?;
        let _turn = self.fetching.lock().unwrap_or_else(PoisonError::into_inner);
        if let Some(function) = self.function(pc) {
            return Some(function);
        }
        let region = saved.owner(pc)?;
        let opened = saved.open(region);
        let published = opened.map(|(start, translation)| self.publish(shared, start, translation, None));
        match published {
            Some(Ok(())) => return self.function(pc),
            Some(Err(error)) => {
                tracing::warn!(%error, "no memory for cached code");
                saved.give_up(region);
            }
            None => {}
        }
        // Now there is no code where there was some.
        self.change_version();
        None
    }

    /// The function at `pc`, if it has been published.
    #[inline]
    pub(crate) fn function(&self, pc: u64) -> Option<*const u8> {
        let links = self.links.get()?;
        let distance = links.table.get(self.index(pc)?)?.load(Ordering::Acquire);
        (distance != 0).then(|| links.missing().wrapping_add(distance as usize))
    }

    /// Makes a translation available at all its entries that have no code yet. `time` is what it took, if it was made
    /// now.
    ///
    /// # Errors
    /// If the host has no memory.
    pub(crate) fn publish(
        &self,
        shared: &Arc<SharedCode>,
        start: u64,
        translation: Translation,
        time: Option<Duration>,
    ) -> io::Result<()> {
        self.publish_as(shared, start, translation, time, false)
    }

    /// As [`Space::publish`]; `instead` of other code at its entries, if so wanted.
    pub(crate) fn publish_as(
        &self,
        shared: &Arc<SharedCode>,
        start: u64,
        translation: Translation,
        time: Option<Duration>,
        instead: bool,
    ) -> io::Result<()> {
        let links = self.open(shared)?;
        let (block, grown) = self.arena.add(&translation.code, self.memory.as_deref())?;
        self.bytes.fetch_add(grown, Ordering::Relaxed);
        if let Some(memory) = &self.memory {
            memory.meter().fetch_add(grown, Ordering::Relaxed);
        }
        let place = block.start() as usize;
        let region = Published {
            start,
            host: place..place + translation.code.len(),
            insts: translation.insts,
            map: translation.map,
            time,
            entries: translation.entries,
            longest: translation.longest,
        };
        if let Some(listener) = &self.listener {
            let (bytes, origin) = (block.bytes(), Origin::Region(&region));
            listener.tell(&NewCode { host: place, bytes, origin });
        }
        self.longest.fetch_max(region.longest, Ordering::Relaxed);
        self.link(links, &block, &region, &translation.offsets, instead);
        self.lock().push((block, region));
        if time.is_some() {
            self.change_version();
        }
        if let Some(memory) = &self.memory {
            memory.make_room();
        }
        Ok(())
    }

    /// Makes a region what runs at those entries that have no code yet. Where something else was saved, that is what
    /// will run: regions are found in the order in which they were first published.
    /// `offsets`: where the entries are, if not at its start.
    fn link(&self, links: &Links, block: &CodeBlock, region: &Published, offsets: &[u32], instead: bool) {
        let distance = (block.start().addr() as u64).wrapping_sub(links.missing().addr() as u64);
        let is_its_own = |&&entry: &&u64| match (&self.saved, self.saved_at(entry)) {
            (Some((_, saved)), Some(owner)) => region.time.is_none() && saved.start(owner) == region.start,
            _ => true,
        };
        let offset = |number: usize| offsets.get(number).map_or(0, |&offset| u64::from(offset));
        for (number, &entry) in region.entries.iter().enumerate().filter(|(_, entry)| is_its_own(entry)) {
            if let Some(index) = self.index(entry) {
                let distance = distance.wrapping_add(offset(number));
                let slot = &links.table[index];
                if instead && Some(slot.load(Ordering::Relaxed)) != links.promoted() {
                    slot.store(distance, Ordering::Release);
                } else {
                    let _ = slot.compare_exchange(0, distance, Ordering::Release, Ordering::Relaxed);
                }
            }
        }
    }

    /// From now on Cranelift's code runs at these pcs.
    pub(crate) fn promote(&self, pcs: &[u64]) {
        self.set(pcs, self.links().and_then(Links::promoted));
    }

    /// From now on there is no code at these pcs.
    pub(crate) fn clear(&self, pcs: &[u64]) {
        self.set(pcs, Some(0));
    }

    fn set(&self, pcs: &[u64], distance: Option<u64>) {
        if let (Some(links), Some(distance)) = (self.links(), distance) {
            let slots = pcs.iter().filter_map(|&pc| links.table.get(self.index(pc)?));
            slots.for_each(|slot| slot.store(distance, Ordering::Release));
            self.change_version();
        }
    }

    /// What was translated here, not found in the code cache, in the order of publication.
    #[must_use]
    pub fn translations(&self) -> Vec<(u64, Translation)> {
        let blocks = self.lock();
        let new = blocks.iter().filter(|(_, region)| region.time.is_some());
        let translation = |(block, region): &(CodeBlock, Published)| Translation {
            code: block.bytes().to_vec(),
            entries: region.entries.clone(),
            offsets: Vec::new(),
            insts: region.insts,
            longest: region.longest,
            map: region.map.clone(),
        };
        new.map(|block| (block.1.start, translation(block))).collect()
    }

    /// How many regions were translated here, not found in the code cache.
    #[must_use]
    pub fn translated(&self) -> usize {
        self.lock().iter().filter(|(_, region)| region.time.is_some()).count()
    }

    /// How many regions were found in the code cache, needed or not.
    #[must_use]
    pub fn found(&self) -> usize {
        self.saved.as_ref().map_or(0, |(_, saved)| saved.len())
    }

    /// The functions that all regions share, if there are any.
    pub(crate) fn runtime(&self) -> Option<Runtime> {
        let shared = &self.links.get()?.shared;
        Some(Runtime::of(std::array::from_fn(|i| shared.function(i).to_vec())))
    }
}

impl Links {
    /// The way in for the executor.
    #[inline]
    pub(crate) fn enter(&self) -> *const u8 {
        self.shared.function(0).as_ptr()
    }

    /// What generated code needs to know of it.
    pub(crate) fn tier(&self) -> Tier {
        Tier {
            table: self.table.as_ptr(),
            base: self.missing(),
            call: self.border.as_ref().map_or(self.enter(), |border| border.function(1).as_ptr()),
            check: std::array::from_fn(|i| self.shared.function(3 + i).as_ptr()),
            floats: self.shared.function(2).as_ptr(),
        }
    }

    /// What runs where there is no code.
    #[inline]
    fn missing(&self) -> *const u8 {
        self.shared.function(1).as_ptr()
    }

    /// What stands in the table where code is promoted.
    fn promoted(&self) -> Option<u64> {
        let function = self.border.as_ref()?.function(0).as_ptr();
        Some((function.addr() as u64).wrapping_sub(self.missing().addr() as u64))
    }
}
