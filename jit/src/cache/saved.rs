//! Code read from the cache.

use std::sync::atomic::{AtomicBool, Ordering};

use super::format::{Header, Index, Refusal};
use super::{Key, Unusable};
use crate::cranelift::{Runtime, Translation};
use crate::sys::MappedFile;

/// The regions of one file. The index has been verified; a region is when it is opened.
#[derive(Debug)]
pub struct Saved {
    file: MappedFile,
    /// Where the regions begin in the file.
    offset: usize,
    index: Index,
    /// By region, whether it turned out to be damaged, or could not be made executable.
    is_damaged: Box<[AtomicBool]>,
}

impl Saved {
    /// Copies a file's index to memory that nobody else can change, and verifies the copy.
    pub(super) fn verified(file: MappedFile, key: &Key) -> Result<Self, Unusable> {
        let (header, index, regions) = Header::split(file.bytes(), key)?;
        let index = index.to_vec();
        header.verify(&index)?;
        let index = Index::parse(index)?;
        let offset = file.bytes().len() - regions.len();
        let is_damaged = index.records().iter().map(|_| AtomicBool::new(false)).collect();
        Ok(Saved { file, offset, index, is_damaged })
    }

    /// The number of regions not known to be damaged.
    #[must_use]
    pub fn len(&self) -> usize {
        self.is_damaged.iter().filter(|region| !region.load(Ordering::Relaxed)).count()
    }

    /// Whether there are no regions.
    #[must_use]
    pub fn is_empty(&self) -> bool {
        self.len() == 0
    }

    /// The functions that all regions share.
    pub(crate) fn runtime(&self) -> &Runtime {
        &self.index.runtime
    }

    /// The region that control enters at `pc`, unless that is known to be damaged.
    pub(crate) fn owner(&self, pc: u64) -> Option<usize> {
        let region = self.index.owner(pc)?;
        (!self.is_damaged[region].load(Ordering::Acquire)).then_some(region)
    }

    /// The pc a region was made for.
    pub(crate) fn start(&self, region: usize) -> u64 {
        self.index.records()[region].start.get()
    }

    /// From now on a region owns nothing any more. Returns whether it did before.
    pub(crate) fn give_up(&self, region: usize) -> bool {
        !self.is_damaged[region].swap(true, Ordering::AcqRel)
    }

    /// Copies a region to memory that nobody else can change, and verifies the copy. A damaged one is warned about, and
    /// owns nothing any more.
    pub(crate) fn open(&self, region: usize) -> Option<(u64, Translation)> {
        let record = &self.index.records()[region];
        let start = record.start.get();
        match record.open(self.file.bytes().get(self.offset..).unwrap_or_default()) {
            Ok(translation) => Some((start, translation)),
            Err(reason) => {
                if self.give_up(region) {
                    tracing::warn!(region = format!("{start:#x}"), %reason, "cached code is ignored");
                }
                None
            }
        }
    }

    /// The starts of all regions in the order of publication, each with what it was when translated, unless it is
    /// damaged.
    pub(crate) fn translations(&self) -> impl Iterator<Item = (u64, Option<Translation>)> {
        let records = self.index.records().iter().enumerate();
        records.map(|(i, record)| (record.start.get(), self.open(i).map(|(_, translation)| translation)))
    }
}

impl From<Refusal> for Unusable {
    fn from(refusal: Refusal) -> Self {
        Unusable::Refused(refusal.to_string())
    }
}

impl From<std::io::Error> for Unusable {
    fn from(error: std::io::Error) -> Self {
        Unusable::Unreadable(error)
    }
}
