//! Which pages of this process are its own: written, and not those of a file.
//!
//! The kernel knows (`PAGEMAP_SCAN`, since Linux 6.7). Where it does not tell, nobody knows, and every page may be.

use std::ffi::c_void;
use std::fs::File;
use std::io;
use std::ops::Range;
use std::sync::OnceLock;

use rustix::ioctl::{Ioctl, IoctlOutput, Opcode, ioctl, opcode};

use super::process;

/// Bits of categories (`linux/fs.h`).
const IS_FILE: u64 = 1 << 2;
const IS_PRESENT: u64 = 1 << 3;
const IS_SWAPPED: u64 = 1 << 4;
const IS_ZERO_PAGE: u64 = 1 << 5;

/// `struct page_region`.
#[derive(Clone, Copy, Default)]
#[repr(C)]
struct Region {
    start: u64,
    end: u64,
    categories: u64,
}

/// Regions asked for at a time.
const MOST: usize = 32;

/// `struct pm_scan_arg`.
#[repr(C)]
struct Scan {
    size: u64,
    flags: u64,
    start: u64,
    end: u64,
    walk_end: u64,
    regions: u64,
    region_count: u64,
    most_pages: u64,
    inverted: u64,
    all_of: u64,
    any_of: u64,
    told: u64,
}

/// The request, and where the answer goes.
struct Request<'a> {
    scan: &'a mut Scan,
}

// SAFETY: the opcode is that of the kernel's `PAGEMAP_SCAN`, whose argument is a `struct pm_scan_arg`, which `Scan` lays out
// alike; the pointer is to one that lives through the call.
unsafe impl Ioctl for Request<'_> {
    type Output = usize;
    const IS_MUTATING: bool = true;

    fn opcode(&self) -> Opcode {
        opcode::read_write::<Scan>(b'f', 16)
    }

    fn as_ptr(&mut self) -> *mut c_void {
        (&raw mut *self.scan).cast()
    }

    unsafe fn output_from_ptr(out: IoctlOutput, _: *mut c_void) -> rustix::io::Result<usize> {
        Ok(out as usize)
    }
}

/// The kernel's view of this process' memory.
struct Pagemap {
    file: File,
    /// Of which process: in one that was forked from it the file still speaks of this.
    process: u64,
}

impl Pagemap {
    fn open() -> Option<Self> {
        Some(Pagemap { file: File::open("/proc/self/pagemap").ok()?, process: process::marked()? })
    }

    /// The process' only one, if there is one.
    fn of_this_process() -> Option<&'static Pagemap> {
        static PAGEMAP: OnceLock<Option<Pagemap>> = OnceLock::new();
        let pagemap = PAGEMAP.get_or_init(Pagemap::open).as_ref()?;
        (process::marked() == Some(pagemap.process)).then_some(pagemap)
    }

    /// Telling pages of files from others takes the kernel as long as all else together.
    fn scan(
        &self,
        range: &Range<u64>,
        has_files: bool,
        regions: &mut [Region; MOST],
    ) -> io::Result<(usize, u64)> {
        let other = if has_files { IS_FILE | IS_ZERO_PAGE } else { IS_ZERO_PAGE };
        let mut scan = Scan {
            size: size_of::<Scan>() as u64,
            flags: 0,
            start: range.start,
            end: range.end,
            walk_end: range.start,
            regions: regions.as_mut_ptr() as u64,
            region_count: MOST as u64,
            most_pages: 0,
            inverted: other,
            all_of: other,
            any_of: IS_PRESENT | IS_SWAPPED,
            told: IS_PRESENT,
        };
        // SAFETY: the kernel writes to `scan` and to as many regions as there are, both of which outlive the call, and
        // changes nothing else without flags.
        let count = unsafe { ioctl(&self.file, Request { scan: &mut scan })? };
        Ok((count, scan.walk_end))
    }
}

/// Calls `with` for each range of host addresses within `range`, ascending, whose pages belong to this process alone. Without
/// `has_files`, no file is mapped there.
///
/// # Errors
/// If the host does not tell; `with` may then have been called for some.
pub(super) fn each_private(
    range: Range<u64>,
    has_files: bool,
    mut with: impl FnMut(Range<u64>),
) -> io::Result<()> {
    #[cfg(test)]
    if tests::IS_SILENT.get() {
        return Err(io::ErrorKind::Unsupported.into());
    }
    let pagemap = Pagemap::of_this_process().ok_or(io::ErrorKind::Unsupported)?;
    let mut rest = range;
    while !rest.is_empty() {
        let mut regions = [Region::default(); MOST];
        let (count, end) = pagemap.scan(&rest, has_files, &mut regions)?;
        regions[..count.min(MOST)].iter().for_each(|region| with(region.start..region.end));
        if count < MOST || end <= rest.start {
            break;
        }
        rest.start = end;
    }
    Ok(())
}

#[cfg(test)]
pub(super) mod tests {
    use std::cell::Cell;

    use memmap2::MmapOptions;

    use super::*;

    thread_local! {
        /// Makes the kernel tell this thread nothing.
        pub(in crate::memory) static IS_SILENT: Cell<bool> = const { Cell::new(false) };
    }

    /// Writes to those of 256 pages, and says which the kernel thinks were.
    fn found_of(written: impl Iterator<Item = usize>, has_files: bool) -> Option<Vec<Range<u64>>> {
        let mut map = MmapOptions::new().len(1 << 20).map_anon().unwrap();
        written.for_each(|page| map[page * 4096] = 1);
        assert_eq!(map[255 * 4096], 0, "what is read stays the host's");
        let start = map.as_ptr() as u64;
        let mut found = Vec::new();
        let told = each_private(start..start + (1 << 20), has_files, |range| found.push(range));
        told.is_ok().then(|| {
            found.iter().map(|range| (range.start - start) / 4096..(range.end - start) / 4096).collect()
        })
    }

    #[test]
    fn exactly_the_pages_that_were_written_are_private() {
        for has_files in [false, true] {
            if let Some(found) = found_of([3, 4, 9, 200].into_iter(), has_files) {
                assert_eq!(found, [3..5, 9..10, 200..201]);
            }
        }
    }

    #[test]
    fn more_regions_than_fit_at_a_time_are_all_told() {
        if let Some(found) = found_of((0..254).step_by(2), true) {
            assert_eq!(found, (0..254).step_by(2).map(|page| page..page + 1).collect::<Vec<_>>());
        }
    }
}
