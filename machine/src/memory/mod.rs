//! Guest memory: named segments with permissions in one host reservation.
//!
//! The guest sees addresses `0..address_space`. Permissions are kept per page of 4 KiB in one table,
//! which alone decides every access; host page protection, which allows at least what the table does, and nothing far from
//! it, is a second line. All bytes of an access must lie in pages that allow it, so an access may span two adjacent segments
//! that both do, and one that would leave them, or wrap around the top of the address space, faults
//! before any byte is touched.
//!
//! Layout, low to high: text, rodata, data, heap, mappings, and the stack with a guard range on both
//! sides. Everything the guest may usually read, and everything it may usually write, thus lies in
//! one range each ([`Memory::hull`]).
//!
//! Behind the address space lie the windows of resource registers ([`crate::registers`]), which the page table does not
//! know.
//!
//! Below guest memory lies one page for the executor ([`Memory::executor_page`]), at a fixed distance:
//!
//! ```text
//! host:  │ page table │ executor page │ 64 KiB band │ guest address 0 ...    │ windows           │ 64 KiB band │
//!        │            │ floor, hart … │      ---    │ as the page table says │ as the slots say  │     ---     │
//!                     └──── GUEST_OFFSET bytes ─────┘
//! ```

mod access;
mod clean;
mod copying;
mod doorbell;
mod frozen;
mod map;
mod narrow;
mod perms;
mod pool;
mod process;
mod ranges;
mod resident;
mod residue;
mod segment;
mod space;
mod windows;

use std::collections::BTreeMap;
use std::ops::Range;
use std::ptr::NonNull;
use std::sync::Arc;
use std::sync::atomic::Ordering;

pub use copying::Peaks;
pub use doorbell::Doorbell;
pub use frozen::{FreezeError, Frozen};
pub use map::MapError;
use narrow::Narrow;
pub use perms::Perms;
pub use pool::Pool;
pub use process::this_process;
use ranges::Ranges;
pub use resident::ResidentHart;
pub use segment::{Segment, SegmentKind};
pub use space::{EXECUTOR_PAGE_SIZE, GUEST_OFFSET, HART_OFFSET};
pub use windows::Loaded;

use crate::Limits;
use crate::registers::{RegisterFile, Windows};
use crate::version::next_version;
use space::Space;

/// Granularity of segments and permissions, in bytes.
pub const PAGE_SIZE: u64 = 4096;
pub(crate) const PAGE_SHIFT: u32 = PAGE_SIZE.trailing_zeros();

/// Bytes mapped under one name, now and at most.
#[derive(Clone, Copy, Default)]
struct Use {
    now: u64,
    peak: u64,
}

/// The memory of one machine.
///
/// ```
/// use causality_machine::memory::{Perms, SegmentKind};
/// use causality_machine::{Cause, Limits, Memory};
///
/// # fn main() -> Result<(), Box<dyn std::error::Error>> {
/// let mut memory = Memory::new(Limits { address_space: 1 << 20, ..Limits::default() })?;
/// memory.map(0x1000..0x2000, Perms::RW, SegmentKind::Data, "data")?;
/// memory.store(0x1008, 7_u64.to_le_bytes())?;
/// assert_eq!(memory.load(0x1008)?, 7_u64.to_le_bytes());
/// memory.slice_mut(0x1000, 8)?.fill(1);
/// assert_eq!(memory.slice(0x1000, 9)?, [1, 1, 1, 1, 1, 1, 1, 1, 7]);
///
/// memory.protect(0x1000..0x2000, Perms::R)?;
/// let fault = memory.store(0x1000, [0]).unwrap_err();
/// assert_eq!((fault.cause, fault.tval), (Cause::StoreAccessFault, 0x1000));
/// assert!(memory.slice(0x1ff8, 16).is_err(), "it ends there");
/// assert_eq!(memory.segment_at(0x1000).map(|segment| &*segment.name), Some("data"));
/// # Ok(())
/// # }
/// ```
pub struct Memory {
    /// Has the page table too, the truth about permissions: one byte per page of the address space, which cost nothing
    /// until they are written. It never moves: generated code knows where it is.
    space: Space,
    /// By start address; without overlap; adjacent equals are merged.
    segments: BTreeMap<u64, Segment>,
    limits: Limits,
    /// Bytes in segments that may hold any.
    mapped: u64,
    peak: u64,
    /// The same by segment name.
    uses: BTreeMap<String, Use>,
    /// What a fetch sees of pages that are writable and executable: their bytes at the last `fence.i`.
    code: BTreeMap<u64, Box<[u8]>>,
    code_version: u64,
    map_version: u64,
    registers: RegisterFile,
    /// What it was made as, and is again when it is [restored](Memory::restore).
    origin: Option<Arc<Frozen>>,
    /// What it was when it was last frozen.
    latest: Option<Arc<Frozen>>,
    /// Whether segments, permissions or code may have changed since it was as its origin.
    is_reshaped: bool,
    /// What the page table allows for now.
    narrow: Narrow,
    /// Where it goes when it is dropped.
    home: Option<Arc<Pool>>,
}

impl std::fmt::Debug for Memory {
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        f.debug_struct("Memory").field("segments", &self.segments).field("mapped", &self.mapped).finish()
    }
}

impl Memory {
    /// An empty memory: every access faults.
    ///
    /// # Errors
    /// If the host cannot reserve the address space, or the limits are [invalid](crate::InvalidLimits).
    pub fn new(limits: Limits) -> std::io::Result<Self> {
        let limits = Self::checked(limits)?;
        let size = limits.address_space;
        let pages = usize::try_from(size / PAGE_SIZE).map_err(|_| std::io::ErrorKind::OutOfMemory)?;
        let windows = Windows::of(&limits).size();
        let reserved = size.checked_add(windows).ok_or(std::io::ErrorKind::OutOfMemory)?;
        Ok(Memory {
            space: Space::reserve(reserved, pages)?,
            registers: RegisterFile::new(&limits),
            segments: BTreeMap::new(),
            limits,
            mapped: 0,
            peak: 0,
            uses: BTreeMap::new(),
            code: BTreeMap::new(),
            code_version: next_version(),
            map_version: next_version(),
            origin: None,
            latest: None,
            is_reshaped: true,
            narrow: Narrow::default(),
            home: None,
        })
    }

    /// Limits that are valid, and whole pages.
    fn checked(limits: Limits) -> std::io::Result<Limits> {
        limits.check().map_err(|error| std::io::Error::new(std::io::ErrorKind::InvalidInput, error))?;
        let size = limits.address_space.checked_next_multiple_of(PAGE_SIZE);
        Ok(Limits { address_space: size.ok_or(std::io::ErrorKind::OutOfMemory)?, ..limits })
    }

    /// The limits this memory was made with; `address_space` is rounded to pages.
    #[must_use]
    pub const fn limits(&self) -> &Limits {
        &self.limits
    }

    /// All segments, ascending.
    pub fn segments(&self) -> impl Iterator<Item = &Segment> {
        self.segments.values()
    }

    /// The segment that holds `addr`.
    #[must_use]
    pub fn segment_at(&self, addr: u64) -> Option<&Segment> {
        self.segments.range(..=addr).next_back().map(|(_, s)| s).filter(|s| s.range.contains(&addr))
    }

    /// Bytes in segments that [may hold any](Segment::holds_bytes), now.
    #[must_use]
    pub const fn mapped(&self) -> u64 {
        self.mapped
    }

    /// The most bytes that were ever in such segments.
    #[must_use]
    pub const fn peak(&self) -> u64 {
        self.peak
    }

    /// The most bytes that such segments of this name ever had together.
    #[must_use]
    pub fn peak_of(&self, name: &str) -> u64 {
        self.uses.get(name).map_or(0, |uses| uses.peak)
    }

    /// The smallest range that holds every segment that allows `perms`; what one range check in
    /// generated code can test. Pages inside it without the permission are left to the page table.
    #[must_use]
    pub fn hull(&self, perms: Perms) -> Range<u64> {
        let mut allowing = self.segments.values().filter(|s| s.perms.contains(perms)).map(|s| &s.range);
        match allowing.next() {
            None => 0..0,
            Some(first) => first.start..allowing.next_back().unwrap_or(first).end,
        }
    }

    /// A number that changes whenever a fetch may see other bytes than before, and that no other memory
    /// has but one in which fetches see the same. Decoded or translated code made under another version is stale.
    #[inline]
    #[must_use]
    pub const fn code_version(&self) -> u64 {
        self.code_version
    }

    /// A number that changes whenever the permission of any page changes, and that no other memory has but one with the
    /// same permissions.
    /// What was derived from [`Memory::run_of`] or the page table under another version is stale.
    #[inline]
    #[must_use]
    pub const fn map_version(&self) -> u64 {
        self.map_version
    }

    /// For generated code: an entry for each page of the address space, by page number: [`Perms::bits`],
    /// [`Perms::READ_PAIR_BIT`] and [`Perms::WRITE_PAIR_BIT`]. As long as
    /// this memory lives, its address and length stay the same, also when the `Memory` is moved.
    ///
    /// A page that may be written may have the entry of one that may not until somebody [stores](Memory::store) there.
    #[must_use]
    pub fn page_table(&self) -> &[u8] {
        self.space.table()
    }

    /// Bytes from `addr` on, `addr` included, that allow `perms` without a gap: exactly what the page
    /// table says, whatever the segments are called. 0 if `addr` itself does not allow it or does not
    /// exist.
    #[must_use]
    pub fn run_of(&self, addr: u64, perms: Perms) -> u64 {
        if perms.is_none() {
            // What is not mapped allows that too.
            return self.limits.address_space.saturating_sub(addr);
        }
        let Some(first) = self.segment_at(addr).filter(|s| s.perms.contains(perms)) else { return 0 };
        let mut end = first.range.end;
        for (&start, segment) in self.segments.range(end..) {
            if start != end || !segment.perms.contains(perms) {
                break;
            }
            end = segment.range.end;
        }
        end - addr
    }

    /// For executors: a page of host memory that belongs to whatever executor runs the machine. Guest
    /// address 0 is [`GUEST_OFFSET`] bytes above its start, so that one host register addresses both.
    ///
    /// - Valid for reads and writes of [`EXECUTOR_PAGE_SIZE`] bytes, at the same address, as long as this
    ///   memory lives, also when the `Memory` is moved. Aligned to its size. Zero at first.
    /// - The first eight bytes are the floor ([`Memory::set_floor`]), an `AtomicI64` that any thread with
    ///   a [`Doorbell`] may store to at any time. Rust code accesses it atomically only; generated code
    ///   with aligned eight-byte loads and stores.
    /// - The hart of the machine is behind them ([`HART_OFFSET`]), as its [`ResidentHart`]. It may be used through this
    ///   pointer only while nobody else uses the machine.
    /// - The rest is the executor's. Nothing else in this crate touches it; resetting the machine leaves
    ///   it as it is or makes it zero, and as it is leaves it another executor that runs the machine in between and does not use it.
    /// - Guest memory may be accessed through this pointer only while nobody else uses this `Memory`, and
    ///   only where the page table allows it.
    #[inline]
    #[must_use]
    pub fn executor_page(&mut self) -> NonNull<u8> {
        self.space.executor_page()
    }

    /// The same for whoever has asked for it, if nobody has had this memory to change since.
    #[inline]
    #[must_use]
    pub fn executor_page_again(&self) -> NonNull<u8> {
        self.space.executor_page_again()
    }

    /// The hart in the executor page, zeroed. There is one.
    pub(crate) fn take_hart(&mut self) -> Option<ResidentHart> {
        self.space.take_hart()
    }

    /// Whether a hart is the one in the executor page.
    #[inline]
    pub(crate) fn has(&self, hart: &ResidentHart) -> bool {
        self.space.has(hart)
    }

    /// For executors: sets the floor. Generated code leaves its loops when its signed fuel counter is
    /// below the floor; [`Doorbell::ring`] raises it to `i64::MAX`.
    ///
    /// No pause request is lost if an executor stores the floor first and asks
    /// [`PauseHandle::is_requested`](crate::PauseHandle::is_requested) after that, every time before it
    /// enters generated code: [`PauseHandle::pause`](crate::PauseHandle::pause) does the opposite, request
    /// first and floor second, and all four are `SeqCst`. If the executor does not see the request, the
    /// bell rings after its store. The other way round, a floor may be raised when nobody wants a pause any
    /// more, because the request was taken before the bell rang: the executor then sets it again.
    ///
    /// Where the floor is there already, finding it there is as good as storing it: a bell that rings before is not
    /// overheard.
    #[inline]
    pub fn set_floor(&mut self, floor: i64) {
        if self.floor() != floor {
            self.space.floor().store(floor, Ordering::SeqCst);
        }
    }

    /// The floor now.
    #[inline]
    #[must_use]
    pub fn floor(&self) -> i64 {
        self.space.floor().load(Ordering::SeqCst)
    }

    /// What raises the floor of this memory from any thread.
    #[must_use]
    pub fn doorbell(&self) -> Doorbell {
        self.space.doorbell()
    }
}
