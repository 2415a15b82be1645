//! Executable memory.

use std::io;
use std::ops::Range;

use memmap2::{Mmap, MmapMut, MmapOptions};

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

    /// Makes a copy of `code` executable, if `check` finds nothing wrong with the copy.
    pub(crate) fn checked<E>(
        code: &[u8],
        check: impl FnOnce(&[u8]) -> Result<(), E>,
    ) -> io::Result<Result<Self, E>> {
        // All of it is touched at once, so all pages may as well come at once.
        let mut map = MmapOptions::new().len(code.len().max(1)).populate().map_anon()?;
        map[..code.len()].copy_from_slice(code);
        if let Err(error) = check(&map[..code.len()]) {
            return Ok(Err(error));
        }
        Ok(Ok(CodeBlock { map: map.make_exec()?, len: code.len() }))
    }

    /// The code.
    pub(crate) fn bytes(&self) -> &[u8] {
        &self.map[..self.len]
    }

    /// The part at these host addresses.
    pub(crate) fn slice(&self, host: &Range<usize>) -> &[u8] {
        let start = self.start() as usize;
        &self.bytes()[host.start - start..host.end - start]
    }

    /// The function at these host addresses.
    pub(crate) fn function(&self, host: &Range<usize>) -> *const u8 {
        self.slice(host).as_ptr()
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
