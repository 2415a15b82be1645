//! Executable memory, written in another place than it is executed in.

use std::io;
use std::ops::Range;
use std::sync::Arc;

use causality_machine::memory::this_process;
use memmap2::{MmapMut, MmapRaw};

/// Some code, executable as long as this lives.
#[derive(Debug)]
pub(crate) struct CodeBlock {
    memory: Arc<MmapRaw>,
    range: Range<usize>,
}

/// Executable memory that is filled from its start, each byte once: a forked process, of which nobody here need know, may
/// execute what is there, also when all blocks are gone. When this is dropped nobody can write to it any more; it
/// stays executable as long as there is a block in it.
#[derive(Debug)]
pub(crate) struct Chunk {
    memory: Arc<MmapRaw>,
    /// The same memory, where it is written.
    writable: MmapMut,
    used: usize,
    /// Who fills it: a process that was forked off has the same memory, not a copy.
    process: u64,
}

impl CodeBlock {
    /// Where code begins. Enough for any constant that Cranelift places in code.
    pub(crate) const ALIGN: usize = 64;

    /// Makes a copy of `code` executable, in memory of its own.
    pub(crate) fn alone(code: &[u8]) -> io::Result<Self> {
        let mut map = MmapMut::map_anon(code.len().max(1))?;
        map[..code.len()].copy_from_slice(code);
        Ok(CodeBlock { memory: Arc::new(map.make_exec()?.into()), range: 0..code.len() })
    }

    /// The code.
    #[inline]
    pub(crate) fn bytes(&self) -> &[u8] {
        // SAFETY: the range is in the mapping, which lives as long as `self`, is readable, and of which nobody changes
        // these bytes: memory of its own is read-only, and a chunk is written only behind the blocks that it has.
        unsafe { std::slice::from_raw_parts(self.start(), self.range.len()) }
    }

    /// Where it is.
    #[inline]
    pub(crate) fn start(&self) -> *const u8 {
        self.memory.as_ptr().wrapping_add(self.range.start)
    }
}

impl Chunk {
    /// An empty chunk.
    ///
    /// # Errors
    /// If the host does not have it or does not allow it.
    pub(crate) fn new(size: usize) -> io::Result<Self> {
        let (memory, writable) = host::map_twice(size)?;
        Ok(Chunk { memory: Arc::new(memory), writable, used: 0, process: this_process() })
    }

    /// How much fits into it when it is empty.
    pub(crate) fn size(&self) -> usize {
        self.writable.len()
    }

    /// Bytes from the start that are used.
    pub(crate) const fn used(&self) -> usize {
        self.used
    }

    /// Whether so much code may be added.
    pub(crate) fn has_room(&self, len: usize) -> bool {
        len <= self.writable.len() - self.used && self.process == this_process()
    }

    /// Makes a copy of `code` executable, behind all that was added before.
    ///
    /// # Errors
    /// If there is no room.
    pub(crate) fn add(&mut self, code: &[u8]) -> io::Result<CodeBlock> {
        if !self.has_room(code.len()) {
            return Err(io::ErrorKind::OutOfMemory.into());
        }
        let range = self.used..self.used + code.len();
        self.writable[range.clone()].copy_from_slice(code);
        self.used = range.end.next_multiple_of(CodeBlock::ALIGN).min(self.writable.len());
        Ok(CodeBlock { memory: Arc::clone(&self.memory), range })
    }
}

#[cfg(all(target_os = "linux", target_arch = "x86_64"))]
mod host {
    use std::io;

    use memmap2::{MmapMut, MmapOptions, MmapRaw};
    use rustix::fs::{MemfdFlags, ftruncate, memfd_create};

    /// Memory in two places: where it is executed, and where it is written.
    pub(super) fn map_twice(size: usize) -> io::Result<(MmapRaw, MmapMut)> {
        let file = memfd_create("causality-code", MemfdFlags::CLOEXEC)?;
        ftruncate(&file, size as u64)?;
        let mut options = MmapOptions::new();
        options.len(size);
        // SAFETY: the danger of a mapped file is that others change it or cut it off. This one has no name, and nobody
        // has it open in a moment. A forked process, which has the mappings too, does not write (`Chunk::has_room`).
        // Of what is executable, only a `CodeBlock` is ever borrowed.
        unsafe { Ok((options.map_exec(&file)?.into(), options.map_mut(&file)?)) }
    }
}

#[cfg(not(all(target_os = "linux", target_arch = "x86_64")))]
mod host {
    use std::io;

    use memmap2::{MmapMut, MmapRaw};

    pub(super) fn map_twice(_: usize) -> io::Result<(MmapRaw, MmapMut)> {
        Err(io::ErrorKind::Unsupported.into())
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    /// `mov eax, value; ret`
    fn returning(value: u32) -> Vec<u8> {
        [&[0xb8], &value.to_le_bytes()[..], &[0xc3]].concat()
    }

    #[test]
    fn blocks_are_aligned_apart_and_stay_what_they_are() {
        let Ok(mut chunk) = Chunk::new(4096) else { return };
        let blocks: Vec<_> = (0..64).map(|i| chunk.add(&returning(i)).expect("there is room")).collect();
        assert!(!chunk.has_room(1) && chunk.add(&[0xc3]).is_err());
        assert_eq!(chunk.used(), 4096);
        drop(chunk);
        for (i, block) in blocks.iter().enumerate() {
            assert_eq!(block.bytes(), returning(i as u32));
            assert_eq!(block.start() as usize % CodeBlock::ALIGN, 0);
        }
    }

    /// What the kernel says of the mapping that `place` is in.
    #[cfg(target_os = "linux")]
    fn permissions(place: *const u8) -> String {
        let maps = std::fs::read_to_string("/proc/self/maps").expect("the kernel tells");
        let holds = |line: &&str| {
            let (start, end) =
                line.split(' ').next().and_then(|range| range.split_once('-')).expect("a range");
            let number = |text| usize::from_str_radix(text, 16).expect("a number");
            (number(start)..number(end)).contains(&(place as usize))
        };
        let line = maps.lines().find(holds).expect("it is mapped");
        line.split(' ').nth(1).expect("permissions").to_owned()
    }

    #[cfg(target_os = "linux")]
    #[test]
    fn nothing_is_writable_and_executable() {
        let block = CodeBlock::alone(&[0xc3]).expect("memory");
        assert_eq!(permissions(block.start()), "r-xp");
        let Ok(mut chunk) = Chunk::new(4096) else { return };
        let block = chunk.add(&[0xc3]).expect("there is room");
        assert_eq!(permissions(block.start()), "r-xs");
        assert_eq!(permissions(chunk.writable.as_ptr()), "rw-s");
    }

    #[test]
    fn a_chunk_is_filled_by_the_process_that_made_it() {
        let Ok(mut chunk) = Chunk::new(4096) else { return };
        let block = chunk.add(&[0xc3]).expect("there is room");
        chunk.process += 1;
        assert!(!chunk.has_room(1) && chunk.add(&[0xc3]).is_err());
        assert_eq!(block.bytes(), [0xc3], "it runs here too");
    }

    #[test]
    fn what_was_added_stays_when_its_blocks_are_gone() {
        let Ok(mut chunk) = Chunk::new(4096) else { return };
        drop(chunk.add(&returning(1)).expect("there is room"));
        let next = chunk.add(&returning(2)).expect("there is room");
        assert_eq!(chunk.writable[..6], returning(1), "a forked process may execute it");
        assert_eq!(next.bytes(), returning(2));
    }
}
