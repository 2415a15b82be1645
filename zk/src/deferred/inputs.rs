//! The bytes of all requests, each distinct input once.

use super::{DeferredHashId, DeferredHashInput, UnknownHashId};

/// Distinct inputs end to end, and which of them each request is for.
#[derive(Clone, Debug, Default)]
pub(super) struct Inputs {
    bytes: Vec<u8>,
    /// Where each distinct input ends; it begins where the one before ends.
    ends: Vec<usize>,
    /// The distinct input of each request.
    requests: Vec<u32>,
}

impl Inputs {
    pub(super) fn requests(&self) -> u64 {
        self.requests.len() as u64
    }

    /// Bytes of all distinct inputs.
    pub(super) fn bytes(&self) -> u64 {
        self.bytes.len() as u64
    }

    /// Distinct inputs, in the order in which they were first requested.
    pub(super) fn distinct(&self) -> impl ExactSizeIterator<Item = &[u8]> {
        (0..self.ends.len()).map(|input| self.input(input as u32))
    }

    pub(super) fn input(&self, input: u32) -> &[u8] {
        let input = input as usize;
        let start = if input == 0 { 0 } else { self.ends[input - 1] };
        &self.bytes[start..self.ends[input]]
    }

    /// Keeps an input that is not there yet.
    pub(super) fn keep(&mut self, bytes: &[u8]) -> u32 {
        let input = self.ends.len() as u32;
        self.bytes.extend_from_slice(bytes);
        self.ends.push(self.bytes.len());
        input
    }

    /// Adds a request.
    pub(super) fn request(&mut self, input: u32) -> DeferredHashId {
        let id = DeferredHashId::from_number(self.requests());
        self.requests.push(input);
        id
    }

    /// The distinct input that a request is for.
    pub(super) fn input_of(&self, id: DeferredHashId) -> Result<u32, UnknownHashId> {
        let index = usize::try_from(id.number()).ok();
        index.and_then(|index| self.requests.get(index)).copied().ok_or(UnknownHashId(id))
    }

    /// Every request's distinct input, in program order.
    pub(super) fn all(&self) -> impl ExactSizeIterator<Item = (DeferredHashId, u32)> {
        let requests = self.requests.iter().enumerate();
        requests.map(|(number, &input)| (DeferredHashId::from_number(number as u64), input))
    }

    pub(super) fn iter(&self) -> impl ExactSizeIterator<Item = DeferredHashInput<'_>> {
        self.all().map(|(id, input)| DeferredHashInput { id, bytes: self.input(input) })
    }
}
