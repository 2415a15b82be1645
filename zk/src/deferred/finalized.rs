//! What a run's requests became.

use causality_store::ContentId;
use rayon::prelude::*;

use super::content::input_id;
use super::inputs::Inputs;
use super::{DeferredHashId, DeferredHashInput, HashBatch, HashBatchEntry, UnknownHashId};
use crate::{Domain, Poseidon2, Poseidon2Hash};

/// Every request of a run with its output. Only [`DeferredHashing::finalize`](super::DeferredHashing)
/// makes one, so that whoever is given one knows that no id is unresolved.
#[derive(Clone, Debug)]
pub struct FinalizedHashes {
    inputs: Inputs,
    /// Of each distinct input.
    outputs: Vec<Poseidon2Hash>,
    batch: HashBatch,
    commitment: ContentId,
}

impl FinalizedHashes {
    pub(super) fn compute(inputs: Inputs, domain: Domain, hasher: &Poseidon2) -> Self {
        let distinct: Vec<_> = inputs.distinct().collect();
        let (outputs, contents) = rayon::join(
            || hasher.hash_in_parallel(domain, &distinct),
            || distinct.par_iter().map(|bytes| input_id(bytes)).collect::<Vec<_>>(),
        );
        let entry = |(id, input): (DeferredHashId, u32)| {
            let index = input as usize;
            let length = inputs.input(input).len() as u64;
            HashBatchEntry { id, length, content: contents[index], output: outputs[index] }
        };
        let batch = HashBatch::new(domain, inputs.all().map(entry).collect());
        let commitment = batch.commitment();
        FinalizedHashes { inputs, outputs, batch, commitment }
    }

    /// The output of a request.
    ///
    /// # Errors
    /// [`UnknownHashId`].
    pub fn output(&self, id: DeferredHashId) -> Result<Poseidon2Hash, UnknownHashId> {
        Ok(self.outputs[self.inputs.input_of(id)? as usize])
    }

    /// The bytes of a request.
    ///
    /// # Errors
    /// [`UnknownHashId`].
    pub fn bytes(&self, id: DeferredHashId) -> Result<&[u8], UnknownHashId> {
        Ok(self.inputs.input(self.inputs.input_of(id)?))
    }

    /// Whether the run requested this.
    #[must_use]
    pub fn is_resolved(&self, id: DeferredHashId) -> bool {
        self.inputs.input_of(id).is_ok()
    }

    /// The requests in program order, with their bytes.
    pub fn inputs(&self) -> impl ExactSizeIterator<Item = DeferredHashInput<'_>> {
        self.inputs.iter()
    }

    /// All requests and outputs, in program order.
    #[must_use]
    pub fn batch(&self) -> &HashBatch {
        &self.batch
    }

    /// [`HashBatch::commitment`] of the batch.
    #[must_use]
    pub fn commitment(&self) -> ContentId {
        self.commitment
    }
}
