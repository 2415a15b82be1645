//! What a reservation shows where nobody has written since: bytes of sealed files, or copies of some that are kept, and zeros.
//!
//! The files have no name and are sealed, so that they never change, and are mapped copy on write. Invariant: `filled`
//! holds every page of a piece that is not all zero, and those of copies; whatever is in neither is zero. There are
//! pieces or copies, not both.

use std::fs::File;
use std::io;
use std::ops::Range;
use std::os::unix::fs::FileExt;
use std::sync::Arc;

use memmap2::Mmap;
use rustix::fs::{MemfdFlags, SealFlags, fcntl_add_seals, ftruncate, memfd_create};

use super::{EXECUTOR_PAGE_SIZE, PAGE_SHIFT, Ranges};

/// A file that nobody can change any more, mapped for reading.
#[derive(Debug)]
pub(super) struct Sealed {
    pub(super) file: File,
    view: Mmap,
}

impl Sealed {
    /// A file of `len` bytes, of which `fill` writes some.
    pub(super) fn new(len: u64, fill: impl FnOnce(&File) -> io::Result<()>) -> io::Result<Self> {
        let flags = MemfdFlags::CLOEXEC | MemfdFlags::ALLOW_SEALING;
        let file = File::from(memfd_create("causality-image", flags)?);
        ftruncate(&file, len)?;
        fill(&file)?;
        fcntl_add_seals(&file, SealFlags::GROW | SealFlags::SHRINK | SealFlags::WRITE | SealFlags::SEAL)?;
        // SAFETY: the seals were accepted: neither the bytes nor the length can change while the map lives.
        let view = unsafe { Mmap::map(&file)? };
        Ok(Sealed { file, view })
    }
}

/// A range of guest addresses that shows bytes of a file.
#[derive(Clone, Debug)]
pub(super) struct Piece {
    pub(super) range: Range<u64>,
    pub(super) file: Arc<Sealed>,
    /// Where in the file the range begins.
    pub(super) offset: u64,
}

impl PartialEq for Piece {
    fn eq(&self, other: &Self) -> bool {
        self.range == other.range && self.offset == other.offset && Arc::ptr_eq(&self.file, &other.file)
    }
}

impl Piece {
    /// The part of it within `range`.
    pub(super) fn part(&self, range: &Range<u64>) -> Option<Piece> {
        let (start, end) = (self.range.start.max(range.start), self.range.end.min(range.end));
        let offset = self.offset + start.saturating_sub(self.range.start);
        (start < end).then(|| Piece { range: start..end, offset, ..self.clone() })
    }

    /// Where in the file `addr` is.
    pub(super) fn place(&self, addr: u64) -> u64 {
        self.offset + (addr - self.range.start)
    }
}

/// Whole pages that are copied to where they belong.
#[derive(Debug)]
pub(super) struct Copied {
    pub(super) start: u64,
    pub(super) bytes: Box<[u8]>,
}

impl Copied {
    pub(super) fn range(&self) -> Range<u64> {
        self.start..self.start + self.bytes.len() as u64
    }
}

/// The whole.
#[derive(Debug, Default)]
pub(super) struct Clean {
    /// Ascending, without overlap, within what is open.
    pub(super) copies: Vec<Copied>,
    /// Ascending, without overlap, within what is open.
    pub(super) pieces: Vec<Piece>,
    /// Pages of pieces that are not all zero.
    pub(super) filled: Ranges,
    /// What can be accessed at all.
    pub(super) open: Ranges,
    /// What of that the page table may allow.
    pub(super) reached: Ranges,
    /// The page table, and an empty executor page behind it.
    pub(super) table: Option<Table>,
}

/// A page table in a file, and where in it.
#[derive(Clone, Debug)]
pub(super) struct Table {
    pub(super) file: Arc<Sealed>,
    pub(super) offset: u64,
}

impl Clean {
    /// The pieces that `range` touches.
    pub(super) fn pieces_in(&self, range: &Range<u64>) -> impl Iterator<Item = &Piece> {
        let (start, end) = (range.start, range.end);
        let first = self.pieces.partition_point(|piece| piece.range.end <= start);
        self.pieces[first..].iter().take_while(move |piece| piece.range.start < end)
    }

    /// What is copied to `range`: where, and the bytes.
    pub(super) fn copies_in(&self, range: &Range<u64>) -> impl Iterator<Item = (Range<u64>, &[u8])> {
        let (start, end) = (range.start, range.end);
        let first = self.copies.partition_point(|copy| copy.range().end <= start);
        self.copies[first..].iter().take_while(move |copy| copy.start < end).map(move |copy| {
            let part = copy.start.max(start)..copy.range().end.min(end);
            let place = (part.start - copy.start) as usize;
            let len = (part.end - part.start) as usize;
            (part, &copy.bytes[place..place + len])
        })
    }

    /// The bytes of `range`, cut into parts that are in one file, one copy, or zero: calls `with` for each, ascending.
    pub(super) fn each(&self, range: &Range<u64>, mut with: impl FnMut(Range<u64>, Option<&[u8]>)) {
        let mut at = range.start;
        let mut show = |part: Range<u64>, bytes: &[u8]| {
            if at < part.start {
                with(at..part.start, None);
            }
            at = part.end;
            with(part, Some(bytes));
        };
        for filled in self.filled.within(range) {
            self.copies_in(&filled).for_each(|(part, bytes)| show(part, bytes));
            for piece in self.pieces_in(&filled) {
                let (start, end) = (piece.range.start.max(filled.start), piece.range.end.min(filled.end));
                let place = piece.place(start) as usize;
                show(start..end, &piece.file.view[place..place + (end - start) as usize]);
            }
        }
        if at < range.end {
            with(at..range.end, None);
        }
    }
}

/// The whole pages of the page table that say what is allowed in `range`.
fn entries(range: &Range<u64>) -> Range<u64> {
    const PAGE: u64 = EXECUTOR_PAGE_SIZE as u64;
    let (first, end) = (range.start >> PAGE_SHIFT, range.end.div_ceil(1 << PAGE_SHIFT));
    first / PAGE * PAGE..end.next_multiple_of(PAGE)
}

/// Puts a file together from pieces.
#[derive(Debug, Default)]
pub(super) struct Layout {
    ranges: Vec<(Range<u64>, u64)>,
    len: u64,
}

impl Layout {
    /// One more range of addresses that the file will show.
    pub(super) fn add(&mut self, range: Range<u64>) {
        self.ranges.push((range.clone(), self.len));
        self.len += range.end - range.start;
    }

    /// Makes the file, which ends with `table` and an empty page; `contents` are bytes of page-aligned ranges of addresses, all of
    /// which are in what was [added](Layout::add).
    pub(super) fn make(
        self,
        contents: &[(Range<u64>, &[u8])],
        table: &[u8],
        reached: &Ranges,
    ) -> io::Result<(Vec<Piece>, Table)> {
        let pages = table.len().next_multiple_of(EXECUTOR_PAGE_SIZE) + EXECUTOR_PAGE_SIZE;
        let place = |addr: u64| {
            let found = self.ranges.iter().find(|(range, _)| range.contains(&addr));
            found.map(|(range, offset)| offset + (addr - range.start))
        };
        let file = Sealed::new(self.len + pages as u64, |file| {
            for (range, bytes) in contents {
                let place = place(range.start).ok_or(io::ErrorKind::InvalidInput)?;
                file.write_all_at(bytes, place)?;
            }
            // Entries of a page of the table are for 16 MiB.
            let reached: Ranges = reached.iter().map(entries).collect();
            for entries in reached.within(&(0..table.len() as u64)) {
                file.write_all_at(
                    &table[entries.start as usize..entries.end as usize],
                    self.len + entries.start,
                )?;
            }
            Ok(())
        })?;
        let file = Arc::new(file);
        let piece = |(range, offset)| Piece { range, file: Arc::clone(&file), offset };
        let table = Table { file: Arc::clone(&file), offset: self.len };
        Ok((self.ranges.into_iter().map(piece).collect(), table))
    }
}
