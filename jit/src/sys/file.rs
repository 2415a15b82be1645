//! Files in memory.

use std::fs::File;
use std::io;

use memmap2::{Mmap, MmapOptions};

/// A file, mapped for reading.
#[derive(Debug)]
pub(crate) struct MappedFile(Mmap);

impl MappedFile {
    /// Maps a file.
    pub(crate) fn new(file: &File) -> io::Result<Self> {
        // SAFETY: the bytes may change while they are borrowed only if somebody writes to the file in place. Nobody
        // here does: files of the cache are made under another name, and renamed when complete. A foreign writer
        // would be like one to this process's executable, as whoever may write to the cache may already choose what
        // code we run. Even so, nothing relies on the bytes staying what they are: the only reader copies what it
        // needs, checks the copy, and uses nothing but the copy, and any bytes are valid ones.
        Ok(MappedFile(unsafe { MmapOptions::new().map(file) }?))
    }

    /// What is in it.
    pub(crate) fn bytes(&self) -> &[u8] {
        &self.0
    }
}
