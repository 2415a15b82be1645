//! A program ready to be placed in memory: what a loader makes of an executable file.

use std::ops::Range;

use crate::memory::{MapError, PAGE_SIZE, Perms, SegmentKind};
use crate::{Hart, Memory};

/// A statically linked program at its final addresses.
#[derive(Clone, Debug, PartialEq, Eq, Default)]
pub struct Image {
    /// Address of the first instruction.
    pub entry: u64,
    /// What to place where, ascending and without overlap at page granularity.
    pub segments: Vec<ImageSegment>,
    /// Where the program headers lie in memory and how many there are; 0 when they are not loaded.
    /// What C libraries find through `AT_PHDR`.
    pub program_headers: (u64, u64),
}

/// One part of an [`Image`].
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct ImageSegment {
    /// Name for people.
    pub name: String,
    /// What it is for.
    pub kind: SegmentKind,
    /// What the guest may do with it.
    pub perms: Perms,
    /// Address of the first byte; need not be page aligned.
    pub addr: u64,
    /// Size in memory; bytes beyond `data` are zero.
    pub size: u64,
    /// Initial bytes.
    pub data: Vec<u8>,
}

/// Why an image cannot be placed.
#[derive(Debug, thiserror::Error)]
#[error("segment `{name}` at {addr:#x}, {size:#x} bytes: {source}")]
pub struct ImageError {
    /// Name of the segment.
    pub name: String,
    /// Its address.
    pub addr: u64,
    /// Its size in bytes.
    pub size: u64,
    /// What was wrong.
    pub source: MapError,
}

impl ImageSegment {
    /// The pages it occupies, as a range of addresses, if it fits in 64 bits.
    #[must_use]
    pub fn pages(&self) -> Option<Range<u64>> {
        let end = self.addr.checked_add(self.size)?.checked_next_multiple_of(PAGE_SIZE)?;
        Some(self.addr & !(PAGE_SIZE - 1)..end)
    }
}

impl Image {
    /// Maps all segments, fills them, and sets `hart.pc`.
    ///
    /// # Errors
    /// If a segment does not fit the address space or the limits, overlaps another, is writable and
    /// executable where that is not allowed, or has more data than size.
    pub fn load(&self, hart: &mut Hart, memory: &mut Memory) -> Result<(), ImageError> {
        for segment in &self.segments {
            segment.load(memory).map_err(|source| ImageError {
                name: segment.name.clone(),
                addr: segment.addr,
                size: segment.size,
                source,
            })?;
        }
        hart.pc = self.entry;
        Ok(())
    }

    /// First address after all segments, page aligned: where the heap may begin.
    #[must_use]
    pub fn end(&self) -> u64 {
        self.segments.iter().filter_map(|s| s.pages()).map(|r| r.end).max().unwrap_or(PAGE_SIZE)
    }
}

impl ImageSegment {
    fn load(&self, memory: &mut Memory) -> Result<(), MapError> {
        let pages = self.pages().ok_or(MapError::OutsideAddressSpace)?;
        if self.data.len() as u64 > self.size {
            return Err(MapError::OutsideAddressSpace);
        }
        memory.check_perms(self.perms)?;
        memory.map(pages.clone(), Perms::RW, self.kind, &self.name)?;
        let bytes = memory.slice_mut(self.addr, self.data.len() as u64).map_err(|_| MapError::NotMapped)?;
        bytes.copy_from_slice(&self.data);
        memory.protect(pages, self.perms)
    }
}
