//! The permutation of one state, as `p3-poseidon2` has it.

use p3_field::{PrimeCharacteristicRing, PrimeField32};
use p3_koala_bear::{KoalaBear, Poseidon2KoalaBear, default_koalabear_poseidon2_16};
use p3_symmetric::Permutation as _;

use super::packing::WIDTH;

/// The permutation with its constants.
#[derive(Clone, Debug)]
pub(super) struct Permutation(Poseidon2KoalaBear<WIDTH>);

impl Permutation {
    pub(super) fn new() -> Self {
        Permutation(default_koalabear_poseidon2_16())
    }

    pub(super) fn permute(&self, state: [u32; WIDTH]) -> [u32; WIDTH] {
        self.0.permute(state.map(KoalaBear::from_u32)).map(|element| element.as_canonical_u32())
    }
}
