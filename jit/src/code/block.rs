//! Executable memory.

use std::io;

use memmap2::{Mmap, MmapMut};

/// Some code, executable as long as this lives.
#[derive(Debug)]
pub(crate) struct CodeBlock {
    map: Mmap,
    len: usize,
}

impl CodeBlock {
    /// Makes a copy of `code` executable.
    pub(crate) fn new(code: &[u8]) -> io::Result<Self> {
        let mut map = MmapMut::map_anon(code.len().max(1))?;
        map[..code.len()].copy_from_slice(code);
        Ok(CodeBlock { map: map.make_exec()?, len: code.len() })
    }

    /// The code.
    pub(crate) fn bytes(&self) -> &[u8] {
        &self.map[..self.len]
    }

    /// Where it is.
    pub(crate) fn start(&self) -> *const u8 {
        self.map.as_ptr()
    }

    /// Bytes of host memory it takes.
    pub(crate) fn size(&self) -> usize {
        self.map.len().next_multiple_of(4096)
    }
}
