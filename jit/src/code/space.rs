//! Code by guest pc.

use std::io;
use std::sync::atomic::{AtomicU64, AtomicUsize, Ordering};
use std::sync::{Arc, Mutex, OnceLock, PoisonError};
use std::time::Duration;

use zerocopy::FromZeros;

use super::{CodeBlock, Listener, NewCode, Origin};
use crate::cache::Saved;
use crate::cranelift::{Runtime, Translation};
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
    blocks: Mutex<Vec<(Arc<CodeBlock>, Published)>>,
    bytes: AtomicUsize,
    /// Counts the same, perhaps with others.
    meter: Arc<AtomicUsize>,
    longest: AtomicU64,
    version: AtomicU64,
    listener: Option<Listener>,
}

/// How code is reached.
#[derive(Debug)]
pub(crate) struct Links {
    shared: Arc<SharedCode>,
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
    pub host: std::ops::Range<usize>,
    /// Guest instructions in it.
    pub insts: usize,
    /// Host offset and guest pc.
    pub map: Vec<(u32, u64)>,
    /// What it took to translate; `None` if it came out of the code cache.
    pub time: Option<Duration>,
    /// The pcs at which it can be entered.
    pub entries: Vec<u64>,
    /// Instructions on the longest way from one check of fuel to the next.
    pub longest: u64,
}

/// Code that no guest has a part in, as [`Runtime::functions`].
#[derive(Debug)]
pub(crate) struct SharedCode {
    functions: Vec<CodeBlock>,
}

impl SharedCode {
    /// Makes it executable.
    pub(crate) fn new(runtime: &Runtime) -> io::Result<Self> {
        let functions =
            runtime.functions().iter().map(|code| CodeBlock::new(code)).collect::<io::Result<_>>()?;
        Ok(SharedCode { functions })
    }

    /// What runs where there is no code.
    fn missing(&self) -> *const u8 {
        self.functions[1].start()
    }

    fn tell(&self, listener: &Listener) {
        for (block, name) in self.functions.iter().zip(Runtime::NAMES) {
            let origin = Origin::Runtime(name);
            listener.tell(&NewCode { host: block.start() as usize, bytes: block.bytes(), origin });
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
        self.meter.fetch_sub(self.bytes(), Ordering::Relaxed);
    }
}

impl Space {
    /// An empty space. `meter` counts the bytes of code in it, and possibly in others.
    pub(crate) fn new(tunables: Tunables, listener: Option<Listener>, meter: Arc<AtomicUsize>) -> Self {
        Space {
            tunables,
            links: OnceLock::new(),
            blocks: Mutex::default(),
            bytes: AtomicUsize::new(0),
            meter,
            longest: AtomicU64::new(0),
            version: AtomicU64::new(next_version()),
            listener,
        }
    }

    /// What its code was generated with.
    #[must_use]
    pub const fn tunables(&self) -> &Tunables {
        &self.tunables
    }

    /// Host bytes of the code published here.
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
    #[must_use]
    pub fn longest(&self) -> u64 {
        self.longest.load(Ordering::Relaxed)
    }

    /// Everything published so far.
    #[must_use]
    pub fn published(&self) -> Vec<Published> {
        self.lock().iter().map(|(_, published)| published.clone()).collect()
    }

    fn lock(&self) -> std::sync::MutexGuard<'_, Vec<(Arc<CodeBlock>, Published)>> {
        self.blocks.lock().unwrap_or_else(PoisonError::into_inner)
    }

    fn index(&self, pc: u64) -> Option<usize> {
        let layout = &self.tunables.layout;
        let offset = pc.wrapping_sub(layout.text);
        (offset < layout.text_len && pc & 1 == 0).then_some((offset / 2) as usize)
    }

    /// How code is reached, as soon as there is any.
    pub(crate) fn links(&self) -> Option<&Links> {
        self.links.get()
    }

    /// The same, made if need be.
    fn open(&self, shared: Arc<SharedCode>) -> io::Result<&Links> {
        if let Some(links) = self.links.get() {
            return Ok(links);
        }
        let count = (self.tunables.layout.text_len / 2) as usize;
        let table = <[AtomicU64]>::new_box_zeroed_with_elems(count);
        let table = table.map_err(|_| io::ErrorKind::OutOfMemory)?;
        Ok(self.links.get_or_init(|| {
            if let Some(listener) = &self.listener {
                shared.tell(listener);
            }
            Links { shared, table }
        }))
    }

    /// Whether control can enter code at `pc`.
    #[inline]
    #[must_use]
    pub fn has(&self, pc: u64) -> bool {
        self.function(pc).is_some()
    }

    /// The function to enter at `pc`.
    #[inline]
    pub(crate) fn function(&self, pc: u64) -> Option<*const u8> {
        let links = self.links.get()?;
        let distance = links.table.get(self.index(pc)?)?.load(Ordering::Acquire);
        (distance != 0).then(|| links.missing().wrapping_add(distance as usize))
    }

    /// Makes a translation available at all its entries that have no code yet.
    ///
    /// # Errors
    /// If the host has no memory.
    pub(crate) fn publish(
        &self,
        shared: Arc<SharedCode>,
        start: u64,
        translation: &Translation,
        time: Duration,
    ) -> io::Result<()> {
        let block = CodeBlock::new(&translation.code)?;
        let place = block.start() as usize;
        let published = Published {
            start,
            host: place..place + translation.code.len(),
            insts: translation.insts,
            map: translation.map.clone(),
            time: Some(time),
            entries: translation.entries.clone(),
            longest: translation.longest,
        };
        self.add(shared, block, vec![published])
    }

    /// Makes what was saved available at all entries that have no code yet.
    ///
    /// # Errors
    /// If the host has no memory.
    pub(crate) fn publish_saved(&self, shared: Arc<SharedCode>, saved: Saved) -> io::Result<()> {
        let place = saved.code().start() as usize;
        let regions = saved.regions().into_iter();
        let published = regions.map(|region| Published {
            start: region.start,
            host: place + region.code.start..place + region.code.end,
            insts: region.insts,
            map: region.map().collect(),
            time: None,
            entries: region.entries().collect(),
            longest: region.longest,
        });
        let published = published.collect();
        self.add(shared, saved.into_code(), published)
    }

    /// Makes code available: regions that lie in `block`.
    fn add(&self, shared: Arc<SharedCode>, block: CodeBlock, published: Vec<Published>) -> io::Result<()> {
        let links = self.open(shared)?;
        let block = Arc::new(block);
        self.bytes.fetch_add(block.size(), Ordering::Relaxed);
        self.meter.fetch_add(block.size(), Ordering::Relaxed);
        let mut blocks = self.lock();
        for region in published {
            if let Some(listener) = &self.listener {
                let bytes = block.slice(&region.host);
                listener.tell(&NewCode { host: region.host.start, bytes, origin: Origin::Region(&region) });
            }
            self.longest.fetch_max(region.longest, Ordering::Relaxed);
            self.link(links, block.function(&region.host), &region.entries);
            blocks.push((Arc::clone(&block), region));
        }
        self.change_version();
        Ok(())
    }

    /// Makes `function` what runs at those entries that have no code yet.
    fn link(&self, links: &Links, function: *const u8, entries: &[u64]) {
        let distance = (function.addr() as u64).wrapping_sub(links.missing().addr() as u64);
        for &entry in entries {
            if let Some(index) = self.index(entry) {
                let slot = &links.table[index];
                let _ = slot.compare_exchange(0, distance, Ordering::Release, Ordering::Relaxed);
            }
        }
    }

    /// What was translated here, not found in the code cache, in the order of publication.
    #[must_use]
    pub fn translations(&self) -> Vec<(u64, Translation)> {
        let blocks = self.lock();
        let new = blocks.iter().filter(|(_, region)| region.time.is_some());
        let translation = |(block, region): &(Arc<CodeBlock>, Published)| Translation {
            code: block.slice(&region.host).to_vec(),
            entries: region.entries.clone(),
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

    /// The functions that all regions share, if there are any.
    pub(crate) fn runtime(&self) -> Option<Runtime> {
        let functions = &self.links.get()?.shared.functions;
        Some(Runtime::of(std::array::from_fn(|i| functions[i].bytes().to_vec())))
    }
}

impl Links {
    pub(crate) fn enter(&self) -> *const u8 {
        self.shared.functions[0].start()
    }

    pub(crate) fn checks(&self) -> [*const u8; 8] {
        std::array::from_fn(|i| self.shared.functions[2 + i].start())
    }

    pub(crate) fn table_start(&self) -> *const AtomicU64 {
        self.table.as_ptr()
    }

    /// What the entries of the table count from.
    pub(crate) fn missing(&self) -> *const u8 {
        self.shared.missing()
    }
}
