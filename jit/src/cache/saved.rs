//! Code read from the cache.

use std::io;
use std::ops::Range;

use super::format::{Contents, Header, Refusal, SavedRegion};
use super::{Key, Unusable};
use crate::code::CodeBlock;
use crate::cranelift::{Runtime, Translation};

/// The regions of one file, verified, with their code already executable.
#[derive(Debug)]
pub struct Saved {
    tables: Vec<u8>,
    code: CodeBlock,
    regions: usize,
}

impl Saved {
    /// Copies a file's contents to memory that nobody else can change, and verifies the copy.
    pub(super) fn verified(file: &[u8], key: &Key) -> Result<Self, Unusable> {
        let (header, tables, code) = Header::split(file, key)?;
        let tables = tables.to_vec();
        let mut regions = 0;
        let code = CodeBlock::checked(code, |code| -> Result<(), Refusal> {
            header.verify(&tables, code)?;
            regions = Contents::parse(&tables, code.len())?.regions.len();
            Ok(())
        })??;
        Ok(Saved { tables, code, regions })
    }

    /// The number of regions.
    #[must_use]
    pub fn len(&self) -> usize {
        self.regions
    }

    /// Whether there are no regions.
    #[must_use]
    pub fn is_empty(&self) -> bool {
        self.regions == 0
    }

    fn contents(&self) -> Contents<'_> {
        // Was read before, so this does not fail.
        Contents::parse(&self.tables, self.code.bytes().len()).unwrap_or_default()
    }

    /// The functions that all regions share.
    pub(crate) fn runtime(&self) -> Runtime {
        Runtime::of(self.contents().runtime.map(|place| self.function(place).to_vec()))
    }

    /// The regions, in the order of publication.
    pub(crate) fn regions(&self) -> Vec<SavedRegion<'_>> {
        self.contents().regions
    }

    fn function(&self, place: Range<usize>) -> &[u8] {
        &self.code.bytes()[place]
    }

    /// The code.
    pub(crate) fn code(&self) -> &CodeBlock {
        &self.code
    }

    /// The code, to be kept as long as it may run.
    pub(crate) fn into_code(self) -> CodeBlock {
        self.code
    }

    /// The regions as they were when translated, in the order of publication.
    #[must_use]
    pub fn translations(&self) -> Vec<(u64, Translation)> {
        let translation = |region: SavedRegion<'_>| Translation {
            code: self.function(region.code.clone()).to_vec(),
            entries: region.entries().collect(),
            insts: region.insts,
            longest: region.longest,
            map: region.map().collect(),
        };
        self.regions().into_iter().map(|region| (region.start, translation(region))).collect()
    }
}

impl From<Refusal> for Unusable {
    fn from(refusal: Refusal) -> Self {
        Unusable::Refused(refusal.to_string())
    }
}

impl From<io::Error> for Unusable {
    fn from(error: io::Error) -> Self {
        Unusable::Unreadable(error)
    }
}
