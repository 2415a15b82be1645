//! The permutation on as many states at once as a vector of the host has lanes.
//!
//! Lane counts are chosen when the crate is compiled: 8 with AVX2, 16 with AVX-512, 4 with NEON, else 1.
//! Values do not depend on it.

use p3_field::{Field, PackedValue, PrimeCharacteristicRing, PrimeField32};
use p3_koala_bear::{KoalaBear, Poseidon2KoalaBear, default_koalabear_poseidon2_16};
use p3_symmetric::Permutation as _;

use super::packing::WIDTH;

type Packed = <KoalaBear as Field>::Packing;

/// How many states are permuted at once.
pub(super) const LANES: usize = <Packed as PackedValue>::WIDTH;

/// The permutation with its constants.
#[derive(Clone, Debug)]
pub(super) struct Permutation(Poseidon2KoalaBear<WIDTH>);

/// [`LANES`] states, element by element.
#[derive(Clone, Debug)]
pub(super) struct States([Packed; WIDTH]);

impl Permutation {
    pub(super) fn new() -> Self {
        Permutation(default_koalabear_poseidon2_16())
    }

    pub(super) fn permute(&self, states: &mut States) {
        self.0.permute_mut(&mut states.0);
    }

    /// The permutation of one state.
    pub(super) fn permute_one(&self, state: [u32; WIDTH]) -> [u32; WIDTH] {
        self.0.permute(state.map(KoalaBear::from_u32)).map(|element| element.as_canonical_u32())
    }
}

impl States {
    pub(super) fn zero() -> Self {
        States([Packed::ZERO; WIDTH])
    }

    /// Sets the first elements of a lane; values are below the prime.
    pub(super) fn set(&mut self, lane: usize, elements: &[u32]) {
        for (packed, &element) in self.0.iter_mut().zip(elements) {
            packed.as_slice_mut()[lane] = KoalaBear::from_u32(element);
        }
    }

    /// The first elements of a lane, below the prime.
    pub(super) fn get<const N: usize>(&self, lane: usize) -> [u32; N] {
        core::array::from_fn(|i| self.0[i].as_slice()[lane].as_canonical_u32())
    }
}
