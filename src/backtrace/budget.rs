//! A reader of debug information that does not go on for ever.
//!
//! Debug information comes with the program, so whoever wrote the program may have written it to take as much time or
//! memory as possible. Every step of taking it apart reads some of it, and every byte of a result was read: when so many
//! reads were made as are allowed, all further ones fail.

use std::borrow::Cow;
use std::cell::Cell;

use gimli::{EndianSlice, Error, LittleEndian, Reader, ReaderOffsetId, Result};

/// Reads of one backtrace. A million of them take a few milliseconds; the largest programs of the tests need less.
const READS: u64 = 64 << 20;

/// How many reads are left.
#[derive(Debug)]
pub(super) struct Budget(Cell<u64>);

impl Default for Budget {
    fn default() -> Self {
        Budget(Cell::new(READS))
    }
}

impl Budget {
    fn take(&self, reads: u64) -> Result<()> {
        match self.0.get().checked_sub(reads) {
            Some(left) => {
                self.0.set(left);
                Ok(())
            }
            None => {
                self.0.set(0);
                Err(Error::NoEntryAtGivenOffset(0))
            }
        }
    }

    /// Whether it was used up.
    pub(super) fn is_spent(&self) -> bool {
        self.0.get() == 0
    }

    #[cfg(test)]
    pub(super) fn of(reads: u64) -> Self {
        Budget(Cell::new(reads))
    }
}

/// Bytes that are read at the expense of a budget.
#[derive(Clone, Copy, Debug)]
pub(super) struct Metered<'a> {
    bytes: EndianSlice<'a, LittleEndian>,
    budget: &'a Budget,
}

impl<'a> Metered<'a> {
    pub(super) fn new(bytes: &'a [u8], budget: &'a Budget) -> Self {
        Metered { bytes: EndianSlice::new(bytes, LittleEndian), budget }
    }
}

impl Reader for Metered<'_> {
    type Endian = LittleEndian;
    type Offset = usize;

    fn endian(&self) -> LittleEndian {
        LittleEndian
    }

    fn len(&self) -> usize {
        self.bytes.len()
    }

    fn empty(&mut self) {
        self.bytes.empty();
    }

    fn truncate(&mut self, len: usize) -> Result<()> {
        self.budget.take(1)?;
        self.bytes.truncate(len)
    }

    fn offset_from(&self, base: &Self) -> usize {
        self.bytes.offset_from(base.bytes)
    }

    fn offset_id(&self) -> ReaderOffsetId {
        self.bytes.offset_id()
    }

    fn lookup_offset_id(&self, id: ReaderOffsetId) -> Option<usize> {
        self.bytes.lookup_offset_id(id)
    }

    fn find(&self, byte: u8) -> Result<usize> {
        let found = Reader::find(&self.bytes, byte)?;
        self.budget.take(1 + found as u64 / 8)?;
        Ok(found)
    }

    fn skip(&mut self, len: usize) -> Result<()> {
        self.budget.take(1)?;
        self.bytes.skip(len)
    }

    fn split(&mut self, len: usize) -> Result<Self> {
        self.budget.take(1)?;
        Ok(Metered { bytes: self.bytes.split(len)?, ..*self })
    }

    fn to_slice(&self) -> Result<Cow<'_, [u8]>> {
        self.bytes.to_slice()
    }

    fn to_string(&self) -> Result<Cow<'_, str>> {
        self.budget.take(1 + self.bytes.len() as u64 / 8)?;
        Reader::to_string(&self.bytes)
    }

    fn to_string_lossy(&self) -> Result<Cow<'_, str>> {
        self.budget.take(1 + self.bytes.len() as u64 / 8)?;
        Reader::to_string_lossy(&self.bytes)
    }

    fn read_slice(&mut self, buffer: &mut [u8]) -> Result<()> {
        self.budget.take(1 + buffer.len() as u64 / 8)?;
        Reader::read_slice(&mut self.bytes, buffer)
    }
}
