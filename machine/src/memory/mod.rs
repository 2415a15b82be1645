//! Guest memory: named segments with permissions in one host reservation.
//!
//! The guest sees addresses `0..address_space`. Permissions are kept per page of 4 KiB in one table,
//! which alone decides every access; host page protection mirrors the table as a second line. All
//! bytes of an access must lie in pages that allow it, so an access may span two adjacent segments
//! that both do, and one that would leave them, or wrap around the top of the address space, faults
//! before any byte is touched.
//!
//! Layout, low to high: text, rodata, data, heap, mappings, and the stack with a guard range on both
//! sides. Everything the guest may usually read, and everything it may usually write, thus lies in
//! one range each ([`Memory::hull`]).

mod access;
mod map;
mod perms;
mod segment;
mod space;

use std::collections::BTreeMap;
use std::ops::Range;

pub use map::MapError;
pub use perms::Perms;
pub use segment::{Segment, SegmentKind};

use crate::Limits;
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
pub struct Memory {
    space: Space,
    /// One entry per page of the address space: the truth about permissions. Bytes rather than `Perms`,
    /// because the allocator then hands out zero pages that cost nothing until they are written.
    pages: Vec<u8>,
    /// By start address; without overlap; adjacent equals are merged.
    segments: BTreeMap<u64, Segment>,
    limits: Limits,
    /// Bytes in segments with any permission.
    mapped: u64,
    peak: u64,
    /// The same by segment name.
    uses: BTreeMap<String, Use>,
    /// What a fetch sees of pages that are writable and executable: their bytes at the last `fence.i`.
    code: BTreeMap<u64, Box<[u8]>>,
    code_version: u64,
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
    /// If the host cannot reserve the address space.
    pub fn new(limits: Limits) -> std::io::Result<Self> {
        let size = limits
            .address_space
            .checked_next_multiple_of(PAGE_SIZE)
            .ok_or(std::io::ErrorKind::OutOfMemory)?;
        let pages = usize::try_from(size / PAGE_SIZE).map_err(|_| std::io::ErrorKind::OutOfMemory)?;
        Ok(Memory {
            space: Space::reserve(size)?,
            pages: vec![Perms::NONE.bits(); pages],
            segments: BTreeMap::new(),
            limits: Limits { address_space: size, ..limits },
            mapped: 0,
            peak: 0,
            uses: BTreeMap::new(),
            code: BTreeMap::new(),
            code_version: next_version(),
        })
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

    /// Bytes in accessible segments, now.
    #[must_use]
    pub const fn mapped(&self) -> u64 {
        self.mapped
    }

    /// The most bytes that were ever in accessible segments.
    #[must_use]
    pub const fn peak(&self) -> u64 {
        self.peak
    }

    /// The most bytes that accessible segments of this name ever had together.
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
    /// has. Decoded or translated code made under another version is stale.
    #[inline]
    #[must_use]
    pub const fn code_version(&self) -> u64 {
        self.code_version
    }
}
