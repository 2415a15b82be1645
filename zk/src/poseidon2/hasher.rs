//! The hash function.

use rayon::prelude::*;

use super::lanes::hash_all;
use super::packing::{RATE, WIDTH, initial_state, next_block, permutations_for};
use super::permutation::Permutation;
use super::states::{LANES, Vectors};
use super::{Domain, Permutations, Poseidon2Hash};

/// Inputs are handed to threads in pieces that take at least this many permutations, some hundred
/// microseconds: small enough to divide evenly, large enough that handing out costs nothing. A piece has
/// as many inputs as there are lanes, too.
const PIECE: u64 = 512;

/// Poseidon2 over bytes, as `docs/adr/0015-deferred-hashing.md` specifies it; counts its permutations.
///
/// ```
/// use causality_zk::{Domain, Poseidon2};
///
/// let hasher = Poseidon2::new();
/// let hash = hasher.hash(Domain::OBJECT, b"25 bytes take two blocks.");
/// assert_eq!(hasher.permutations().count(), 2);
/// assert_ne!(hash, hasher.hash(Domain::OBJECT, b"25 bytes take two blocks!"));
/// ```
#[derive(Clone, Debug)]
pub struct Poseidon2 {
    permutation: Permutation,
    vectors: Vectors,
    permutations: Permutations,
}

impl Default for Poseidon2 {
    fn default() -> Self {
        Self::new()
    }
}

impl Poseidon2 {
    /// With a count of its own.
    #[must_use]
    pub fn new() -> Self {
        Self::counted(Permutations::new())
    }

    /// With this count.
    #[must_use]
    pub fn counted(permutations: Permutations) -> Self {
        Poseidon2 { permutation: Permutation::new(), vectors: Vectors::new(), permutations }
    }

    /// What was computed so far.
    #[must_use]
    pub fn permutations(&self) -> &Permutations {
        &self.permutations
    }

    /// The bare permutation; elements of 2^31 and more are reduced.
    #[must_use]
    pub fn permute(&self, state: [u32; WIDTH]) -> [u32; WIDTH] {
        self.permutations.add(1);
        self.permutation.permute(state)
    }

    /// The hash of `bytes` in this domain.
    #[must_use]
    pub fn hash(&self, domain: Domain, bytes: &[u8]) -> Poseidon2Hash {
        let mut state = initial_state(domain, bytes.len() as u64);
        let mut rest = bytes;
        let permutations = permutations_for(bytes.len() as u64);
        for _ in 0..permutations {
            state[..RATE].copy_from_slice(&next_block(&mut rest));
            state = self.permutation.permute(state);
        }
        self.permutations.add(permutations);
        Poseidon2Hash::from_elements(core::array::from_fn(|i| state[i]))
    }

    /// The hash of each input, in their order, on this thread; faster than one by one.
    #[must_use]
    pub fn hash_some(&self, domain: Domain, inputs: &[&[u8]]) -> Vec<Poseidon2Hash> {
        if let [only] = inputs {
            return vec![self.hash(domain, only)];
        }
        let (hashes, permutations) = hash_all(&self.vectors, domain, inputs);
        self.permutations.add(permutations);
        hashes
    }

    /// The hash of each input, in their order, on the threads of rayon's current pool.
    #[must_use]
    pub fn hash_in_parallel(&self, domain: Domain, inputs: &[&[u8]]) -> Vec<Poseidon2Hash> {
        let pieces: Vec<_> = pieces(inputs).collect();
        let hashed = pieces.into_par_iter().flat_map_iter(|piece| self.hash_some(domain, piece));
        hashed.collect()
    }
}

/// Runs of inputs of at least [`PIECE`] permutations and [`LANES`] inputs, except the last.
fn pieces<'a, 'b>(mut inputs: &'a [&'b [u8]]) -> impl Iterator<Item = &'a [&'b [u8]]> {
    std::iter::from_fn(move || {
        let mut size = 0;
        let taken = inputs.iter().enumerate().take_while(|(taken, input)| {
            let is_open = size < PIECE || *taken < LANES;
            size += permutations_for(input.len() as u64);
            is_open
        });
        let (piece, rest) = inputs.split_at(taken.count());
        inputs = rest;
        (!piece.is_empty()).then_some(piece)
    })
}
