//! What takes requests during a run.

use std::hash::{BuildHasher, RandomState};

use hashbrown::HashTable;

use super::inputs::Inputs;
use super::{DeferredHashId, DeferredHashInput, FinalizedHashes, HashLimits, RequestError};
use crate::{Domain, Permutations, Poseidon2};

/// The requests of one run.
///
/// It has no hash function: the requests of a run are numbered and their bytes kept, nothing more.
/// Outputs exist only after [`DeferredHashing::finalize`], in another type:
///
/// ```compile_fail,E0308
/// # use causality_zk::{DeferredHashing, FinalizedHashes};
/// fn commit(hashes: &FinalizedHashes) {}
/// commit(&DeferredHashing::new());
/// ```
#[derive(Clone, Debug, Default)]
pub struct DeferredHashing {
    limits: HashLimits,
    domain: Domain,
    permutations: Permutations,
    inputs: Inputs,
    /// Hash and number of each distinct input, to find equal bytes. Never iterated: its order, and the
    /// random key, show in nothing.
    seen: HashTable<(u64, u32)>,
    key: RandomState,
}

impl DeferredHashing {
    /// With default limits, in [`Domain::OBJECT`].
    #[must_use]
    pub fn new() -> Self {
        Self::default()
    }

    /// The same with other limits.
    #[must_use]
    pub fn limits(self, limits: HashLimits) -> Self {
        DeferredHashing { limits, ..self }
    }

    /// The same in another domain.
    #[must_use]
    pub fn domain(self, domain: Domain) -> Self {
        DeferredHashing { domain, ..self }
    }

    /// The same with a count that the caller can look at.
    #[must_use]
    pub fn counted(self, permutations: Permutations) -> Self {
        DeferredHashing { permutations, ..self }
    }

    /// Asks for the hash of `bytes`, which are copied: what becomes of them afterwards makes no
    /// difference.
    ///
    /// # Errors
    /// [`RequestError::TooMany`], [`RequestError::TooLong`].
    pub fn request(&mut self, bytes: &[u8]) -> Result<DeferredHashId, RequestError> {
        self.check_number()?;
        // Nothing that long is kept, so nothing that long need be looked at.
        if bytes.len() as u64 > self.limits.bytes {
            return Err(RequestError::TooLong(self.limits.bytes));
        }
        let hash = self.key.hash_one(bytes);
        let is_same = |&(other, input): &(u64, u32)| other == hash && self.inputs.input(input) == bytes;
        if let Some(&(_, input)) = self.seen.find(hash, is_same) {
            return Ok(self.inputs.request(input));
        }
        if bytes.len() as u64 > self.limits.bytes.saturating_sub(self.inputs.bytes()) {
            return Err(RequestError::TooLong(self.limits.bytes));
        }
        let input = self.inputs.keep(bytes);
        self.seen.insert_unique(hash, (hash, input), |&(hash, _)| hash);
        Ok(self.inputs.request(input))
    }

    /// Asks again for what an earlier request asked for, in constant time: for bytes that are known not
    /// to have changed, as those of a sealed register.
    ///
    /// # Errors
    /// [`RequestError::TooMany`], [`RequestError::Unknown`].
    pub fn request_again(&mut self, earlier: DeferredHashId) -> Result<DeferredHashId, RequestError> {
        self.check_number()?;
        let input = self.inputs.input_of(earlier)?;
        Ok(self.inputs.request(input))
    }

    fn check_number(&self) -> Result<(), RequestError> {
        let limit = self.limits.requests.min(u64::from(u32::MAX));
        if self.inputs.requests() >= limit { Err(RequestError::TooMany(limit)) } else { Ok(()) }
    }

    /// How many requests there are.
    #[must_use]
    pub fn requests(&self) -> u64 {
        self.inputs.requests()
    }

    /// How many distinct inputs there are.
    #[must_use]
    pub fn distinct_inputs(&self) -> usize {
        self.inputs.distinct().len()
    }

    /// The requests in program order, with their bytes.
    pub fn inputs(&self) -> impl ExactSizeIterator<Item = DeferredHashInput<'_>> {
        self.inputs.iter()
    }

    /// What was hashed so far, by whoever shares the count.
    #[must_use]
    pub fn permutations(&self) -> &Permutations {
        &self.permutations
    }

    /// Hashes each distinct input once, on the threads of rayon's current pool.
    #[must_use]
    pub fn finalize(self) -> FinalizedHashes {
        let hasher = Poseidon2::counted(self.permutations);
        FinalizedHashes::compute(self.inputs, self.domain, &hasher)
    }
}
