//! Memory for the code of a space.

use std::io;
use std::sync::{Mutex, PoisonError};

use super::CodeMemory;

use crate::sys::{Chunk, CodeBlock};

/// The first chunk; each is twice as large as the one before, up to the largest.
const FIRST: usize = 64 << 10;
const LARGEST: usize = 1 << 20;
/// What is larger than this part of a chunk has memory of its own.
const PART: usize = 4;
/// What the host gives memory in.
const PAGE: usize = 4096;

/// Memory for code that lives equally long: chunks that are filled one after the other. Where the host has none, each
/// piece of code has memory of its own.
#[derive(Debug)]
pub(crate) struct Arena(Mutex<Filling>);

#[derive(Debug)]
struct Filling {
    chunk: Option<Chunk>,
    /// Where this arena's code begins in it: behind that of others, if it is a spare one.
    start: usize,
    /// The size of the next; 0 if there will be none.
    next: usize,
}

impl Default for Arena {
    fn default() -> Self {
        Arena(Mutex::new(Filling { chunk: None, start: 0, next: FIRST }))
    }
}

impl Arena {
    /// Makes a copy of `code` executable; and how many more bytes of host memory hold code now. It begins in `spare`
    /// chunks, if there are any.
    ///
    /// # Errors
    /// If the host has no memory.
    pub(crate) fn add(&self, code: &[u8], spare: Option<&CodeMemory>) -> io::Result<(CodeBlock, usize)> {
        let mut filling = self.0.lock().unwrap_or_else(PoisonError::into_inner);
        if code.len() <= filling.next / PART {
            match filling.add(code, spare) {
                Ok(added) => return Ok(added),
                Err(error) => {
                    tracing::debug!(%error, "code has to be mapped piece by piece");
                    *filling = Filling { chunk: None, start: 0, next: 0 };
                }
            }
        }
        drop(filling);
        Ok((CodeBlock::alone(code)?, pages(code.len().max(1))))
    }

    /// A chunk that others can go on filling. There is code of this arena in it, which stays.
    pub(crate) fn rest(&mut self) -> Option<Chunk> {
        let filling = self.0.get_mut().unwrap_or_else(PoisonError::into_inner);
        filling.chunk.take().filter(|chunk| chunk.size() == FIRST && chunk.has_room(PAGE))
    }
}

impl Filling {
    fn add(&mut self, code: &[u8], spare: Option<&CodeMemory>) -> io::Result<(CodeBlock, usize)> {
        if let Some(chunk) = &mut self.chunk {
            let before = pages(chunk.used() - self.start);
            if let Ok(block) = chunk.add(code) {
                return Ok((block, pages(chunk.used() - self.start) - before));
            }
        }
        let spare = spare.filter(|_| self.next == FIRST).and_then(CodeMemory::spare);
        let chunk = match spare.filter(|chunk| chunk.has_room(code.len())) {
            Some(chunk) => chunk,
            None => self.larger()?,
        };
        self.start = chunk.used();
        let chunk = self.chunk.insert(chunk);
        let block = chunk.add(code)?;
        Ok((block, pages(chunk.used() - self.start)))
    }

    fn larger(&mut self) -> io::Result<Chunk> {
        let size = self.next;
        self.next = LARGEST.min(2 * size);
        Chunk::new(size)
    }
}

/// Bytes of host memory that so many bytes take.
const fn pages(bytes: usize) -> usize {
    bytes.next_multiple_of(PAGE)
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn chunks_grow_and_what_they_hold_is_counted_in_pages() {
        let arena = Arena::default();
        let code: Vec<u8> = (0..2 << 20).map(|i| (i / 7) as u8).collect();
        let mut pieces = Vec::new();
        let mut from = 0;
        for size in (1..).step_by(97) {
            let Some(piece) = code.get(from..from + size) else { break };
            let (block, grown) = arena.add(piece, None).expect("memory");
            pieces.push((from, block, grown));
            from += size;
        }
        let counted: usize = pieces.iter().map(|(.., grown)| grown).sum();
        assert!(counted >= from && counted.is_multiple_of(PAGE));
        if arena.0.lock().expect("nobody panicked").next > 0 {
            assert_eq!(arena.0.lock().expect("nobody panicked").next, LARGEST);
            assert!(counted < from + from / 8, "{counted} bytes for {from}");
        }
        drop(arena);
        for (from, block, _) in &pieces {
            assert_eq!(block.bytes(), &code[*from..*from + block.bytes().len()]);
        }
    }

    #[test]
    fn large_code_and_code_without_chunks_have_memory_of_their_own() {
        let large = vec![0xc3; FIRST];
        let (block, grown) = Arena::default().add(&large, None).expect("memory");
        assert_eq!((block.bytes(), grown), (&large[..], FIRST));
        let without = Arena(Mutex::new(Filling { chunk: None, start: 0, next: 0 }));
        for _ in 0..2 {
            let (block, grown) = without.add(&[0xc3], None).expect("memory");
            assert_eq!((block.bytes(), grown), (&[0xc3][..], PAGE));
        }
    }

    #[test]
    fn threads_add_at_once() {
        let arena = Arena::default();
        std::thread::scope(|scope| {
            for thread in 0..4_u8 {
                let arena = &arena;
                scope.spawn(move || {
                    let blocks: Vec<_> = (0..500).map(|_| arena.add(&[thread; 300], None)).collect();
                    for block in blocks {
                        assert_eq!(block.expect("memory").0.bytes(), [thread; 300]);
                    }
                });
            }
        });
    }
}
