//! All hashes of a run, to commit to and to check.

use std::collections::BTreeMap;

use borsh::{BorshDeserialize, BorshSerialize, io};
use causality_store::{ContentId, Object, ObjectKind};
use rayon::prelude::*;

use super::content::{batch_id, input_id};
use super::{BatchMismatch, HashBatchEntry};
use crate::{Domain, Poseidon2};

/// Every request of a run in program order, with its bytes' content id and their hash.
///
/// Its canonical bytes are borsh: the domain's tag as a string, then the entries as a vector of (id
/// `u64`, length `u64`, content id 32 bytes, output 32 bytes). [`HashBatch::commitment`] is their id. It is an [`Object`], so
/// that the store can keep it beside the record that names it.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct HashBatch {
    domain: Domain,
    entries: Vec<HashBatchEntry>,
}

impl HashBatch {
    pub(super) fn new(domain: Domain, entries: Vec<HashBatchEntry>) -> Self {
        HashBatch { domain, entries }
    }

    /// The domain of all hashes.
    #[must_use]
    pub fn domain(&self) -> Domain {
        self.domain
    }

    /// The entries; each has the id of its position.
    #[must_use]
    pub fn entries(&self) -> &[HashBatchEntry] {
        &self.entries
    }

    /// The canonical bytes.
    #[must_use]
    pub fn to_bytes(&self) -> Vec<u8> {
        let mut bytes = Vec::new();
        // Writing to a vector does not fail.
        let written = self.serialize(&mut bytes);
        debug_assert!(written.is_ok());
        bytes
    }

    /// The batch with these canonical bytes.
    ///
    /// # Errors
    /// If they are not the canonical bytes of a batch.
    pub fn from_bytes(bytes: &[u8]) -> io::Result<Self> {
        Self::try_from_slice(bytes)
    }

    /// The id of the batch, which a record holds: it binds every id to exact bytes and their hash.
    #[must_use]
    pub fn commitment(&self) -> ContentId {
        batch_id(&self.to_bytes())
    }

    /// Checks that this batch is the one that was committed to, and that its hashes are those of the
    /// inputs, one for each entry in order. Hashes every distinct input again.
    ///
    /// # Errors
    /// The first difference.
    pub fn verify(
        &self,
        claimed: ContentId,
        inputs: &[&[u8]],
        hasher: &Poseidon2,
    ) -> Result<(), BatchMismatch> {
        let actual = self.commitment();
        if actual != claimed {
            return Err(BatchMismatch::Commitment { claimed, actual });
        }
        self.check_order()?;
        self.check_contents(inputs)?;
        self.check_outputs(inputs, hasher)
    }

    fn check_order(&self) -> Result<(), BatchMismatch> {
        let wrong = |&(position, entry): &(usize, &HashBatchEntry)| entry.id.number() != position as u64;
        match self.entries.iter().enumerate().find(wrong) {
            Some((position, entry)) => Err(BatchMismatch::Order { position, id: entry.id }),
            None => Ok(()),
        }
    }

    fn check_contents(&self, inputs: &[&[u8]]) -> Result<(), BatchMismatch> {
        if inputs.len() != self.entries.len() {
            return Err(BatchMismatch::Count { inputs: inputs.len(), entries: self.entries.len() });
        }
        let check = |(entry, bytes): (&HashBatchEntry, &&[u8])| {
            if bytes.len() as u64 != entry.length {
                return Some(BatchMismatch::Length(entry.id));
            }
            (input_id(bytes) != entry.content).then_some(BatchMismatch::Content(entry.id))
        };
        let first = self.entries.par_iter().zip(inputs).filter_map(check).find_first(|_| true);
        first.map_or(Ok(()), Err)
    }

    /// With contents checked, equal content ids are equal inputs.
    fn check_outputs(&self, inputs: &[&[u8]], hasher: &Poseidon2) -> Result<(), BatchMismatch> {
        let mut numbers = BTreeMap::new();
        let mut distinct = Vec::new();
        for (entry, bytes) in self.entries.iter().zip(inputs) {
            numbers.entry(entry.content).or_insert_with(|| {
                distinct.push(*bytes);
                distinct.len() - 1
            });
        }
        let hashes = hasher.hash_in_parallel(self.domain, &distinct);
        match self.entries.iter().find(|entry| hashes[numbers[&entry.content]] != entry.output) {
            Some(entry) => Err(BatchMismatch::Output(entry.id)),
            None => Ok(()),
        }
    }
}

impl BorshSerialize for HashBatch {
    fn serialize<W: io::Write>(&self, writer: &mut W) -> io::Result<()> {
        (self.domain.tag(), &self.entries).serialize(writer)
    }
}

impl BorshDeserialize for HashBatch {
    fn deserialize_reader<R: io::Read>(reader: &mut R) -> io::Result<Self> {
        let (tag, entries) = <(String, Vec<HashBatchEntry>)>::deserialize_reader(reader)?;
        let invalid = |error: Box<dyn std::error::Error + Send + Sync>| {
            io::Error::new(io::ErrorKind::InvalidData, error)
        };
        let domain = Domain::new(&tag).map_err(|error| invalid(error.into()))?;
        let batch = HashBatch { domain, entries };
        batch.check_order().map_err(|error| invalid(error.into()))?;
        Ok(batch)
    }
}

impl Object for HashBatch {
    const KIND: ObjectKind = ObjectKind::HashBatch;
}
