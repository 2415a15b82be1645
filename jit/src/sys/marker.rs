//! A mapping whose only purpose is that a profiler sees it.

use std::fs::File;
use std::io;

use memmap2::{Mmap, MmapOptions};

/// An executable mapping of the first bytes of a file. Nothing reads or runs it: `perf record` notes executable
/// mappings with their files, and so finds this one.
#[derive(Debug)]
pub(crate) struct Marker {
    _map: Mmap,
}

impl Marker {
    /// Maps the start of `file`.
    pub(crate) fn new(file: &File) -> io::Result<Self> {
        // SAFETY: the danger of a mapped file is that somebody changes it under a reader. Nobody reads this one.
        let map = unsafe { MmapOptions::new().len(1).map_exec(file)? };
        Ok(Marker { _map: map })
    }
}
