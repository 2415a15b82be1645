//! The permutation on several states at once, a lane of the host's vectors each.
//!
//! Which vectors the host has is found out when the program runs. The constants are those of
//! `p3-koala-bear`; the arithmetic is written once more because that crate chooses its vectors when it is
//! compiled, and a build for any x86-64 would have none.

use p3_field::{Field as _, PrimeCharacteristicRing, PrimeField32};
use p3_koala_bear::{
    KOALABEAR_POSEIDON2_RC_16_EXTERNAL_FINAL, KOALABEAR_POSEIDON2_RC_16_EXTERNAL_INITIAL,
    KOALABEAR_POSEIDON2_RC_16_INTERNAL, KoalaBear,
};
use pulp::{Arch, Scalar, Simd, WithSimd};

use super::montgomery::{Field, enter, leave};
use super::packing::WIDTH;

/// How many states are permuted at once: as many as AVX2 has lanes.
pub(super) const LANES: usize = 8;

/// [`LANES`] states, element by element, in Montgomery form.
#[derive(Clone, Debug)]
pub(super) struct States([[u32; LANES]; WIDTH]);

/// The permutation with its constants, in Montgomery form.
#[derive(Clone, Debug)]
pub(super) struct Vectors {
    arch: Arch,
    constants: Constants,
}

#[derive(Clone, Debug)]
struct Constants {
    initial: [[u32; WIDTH]; 4],
    partial: [u32; 20],
    terminal: [[u32; WIDTH]; 4],
    diagonal: [u32; WIDTH],
}

impl States {
    pub(super) fn zero() -> Self {
        States([[0; LANES]; WIDTH])
    }

    /// Sets the first elements of a lane; values are below the prime.
    pub(super) fn set(&mut self, lane: usize, elements: &[u32]) {
        for (row, &element) in self.0.iter_mut().zip(elements) {
            row[lane] = enter(element);
        }
    }

    /// The first elements of a lane, below the prime.
    pub(super) fn get<const N: usize>(&self, lane: usize) -> [u32; N] {
        core::array::from_fn(|i| leave(self.0[i][lane]))
    }
}

impl Vectors {
    pub(super) fn new() -> Self {
        let form = |element: KoalaBear| enter(element.as_canonical_u32());
        let constants = Constants {
            initial: KOALABEAR_POSEIDON2_RC_16_EXTERNAL_INITIAL.map(|row| row.map(form)),
            partial: KOALABEAR_POSEIDON2_RC_16_INTERNAL.map(form),
            terminal: KOALABEAR_POSEIDON2_RC_16_EXTERNAL_FINAL.map(|row| row.map(form)),
            diagonal: diagonal().map(form),
        };
        Vectors { arch: Arch::new(), constants }
    }

    pub(super) fn permute(&self, states: &mut States) {
        self.arch.dispatch(Permute { constants: &self.constants, states });
    }
}

/// What the internal matrix has on its diagonal besides ones everywhere.
fn diagonal() -> [KoalaBear; WIDTH] {
    let number = KoalaBear::from_u32;
    let fraction = |k: u64| KoalaBear::TWO.exp_u64(k).inverse();
    let first =
        [-number(2), number(1), number(2), fraction(1), number(3), number(4), -fraction(1), -number(3)];
    let second = [-number(4), fraction(8), fraction(3), fraction(24)];
    let third = [-fraction(8), -fraction(3), -fraction(4), -fraction(24)];
    let all: Vec<_> = first.into_iter().chain(second).chain(third).collect();
    core::array::from_fn(|i| all[i])
}

struct Permute<'a> {
    constants: &'a Constants,
    states: &'a mut States,
}

impl WithSimd for Permute<'_> {
    type Output = ();

    /// Whole vectors of lanes, then, if the host's vectors are longer than what there is, lane by lane.
    #[inline(always)]
    fn with_simd<S: Simd>(self, simd: S) {
        let vectors = LANES / S::U32_LANES;
        for vector in 0..vectors {
            permute_vector(simd, self.constants, self.states, vector * S::U32_LANES);
        }
        for lane in vectors * S::U32_LANES..LANES {
            permute_vector(Scalar::new(), self.constants, self.states, lane);
        }
    }
}

/// The permutation of as many states as a vector has lanes, from `lane` on.
#[inline(always)]
fn permute_vector<S: Simd>(simd: S, constants: &Constants, states: &mut States, lane: usize) {
    let mut state: [S::u32s; WIDTH] =
        core::array::from_fn(|i| S::as_simd_u32s(&states.0[i][lane..lane + S::U32_LANES]).0[0]);
    permute(Field::new(simd), constants, &mut state);
    for (row, element) in states.0.iter_mut().zip(state) {
        S::as_mut_simd_u32s(&mut row[lane..lane + S::U32_LANES]).0[0] = element;
    }
}

#[inline(always)]
fn permute<S: Simd>(field: Field<S>, constants: &Constants, state: &mut [S::u32s; WIDTH]) {
    external(field, state);
    for row in &constants.initial {
        full_round(field, row, state);
    }
    for &constant in &constants.partial {
        state[0] = field.cube(field.add(state[0], field.splat(constant)));
        internal(field, &constants.diagonal, state);
    }
    for row in &constants.terminal {
        full_round(field, row, state);
    }
}

#[inline(always)]
fn full_round<S: Simd>(field: Field<S>, constants: &[u32; WIDTH], state: &mut [S::u32s; WIDTH]) {
    for (element, &constant) in state.iter_mut().zip(constants) {
        *element = field.cube(field.add(*element, field.splat(constant)));
    }
    external(field, state);
}

/// circ(2 M, M, M, M) with M = circ(2, 3, 1, 1).
#[inline(always)]
fn external<S: Simd>(field: Field<S>, state: &mut [S::u32s; WIDTH]) {
    for four in state.chunks_exact_mut(4) {
        let [a, b, c, d] = [four[0], four[1], four[2], four[3]];
        let (ab, cd) = (field.add(a, b), field.add(c, d));
        let all = field.add(ab, cd);
        let (all_b, all_d) = (field.add(all, b), field.add(all, d));
        four[0] = field.add(all_b, ab);
        four[1] = field.add(all_b, field.double(c));
        four[2] = field.add(all_d, cd);
        four[3] = field.add(all_d, field.double(a));
    }
    for k in 0..4 {
        let sum = field.add(field.add(state[k], state[k + 4]), field.add(state[k + 8], state[k + 12]));
        for i in [k, k + 4, k + 8, k + 12] {
            state[i] = field.add(state[i], sum);
        }
    }
}

/// Every element becomes the sum of all, and its own multiple. The multiples 1, 2, 3, 4, -2, -3 and -4
/// are sums; the others are products.
#[inline(always)]
fn internal<S: Simd>(field: Field<S>, diagonal: &[u32; WIDTH], state: &mut [S::u32s; WIDTH]) {
    let mut others = state[1];
    for &element in &state[2..] {
        others = field.add(others, element);
    }
    let sum = field.add(others, state[0]);
    let triple = |a| field.add(a, field.double(a));
    let fourfold = |a| field.double(field.double(a));
    state[0] = field.sub(others, state[0]);
    state[1] = field.add(sum, state[1]);
    state[2] = field.add(sum, field.double(state[2]));
    state[4] = field.add(sum, triple(state[4]));
    state[5] = field.add(sum, fourfold(state[5]));
    state[7] = field.sub(sum, triple(state[7]));
    state[8] = field.sub(sum, fourfold(state[8]));
    for i in [3, 6, 9, 10, 11, 12, 13, 14, 15] {
        state[i] = field.add(sum, field.mul(state[i], field.splat(diagonal[i])));
    }
}

#[cfg(test)]
mod tests {
    use super::super::hash::PRIME;
    use super::super::permutation::Permutation;
    use super::*;

    /// Lanes of the smallest and largest elements, and of others.
    fn samples() -> [[u32; WIDTH]; LANES] {
        core::array::from_fn(|lane| {
            core::array::from_fn(|i| match lane {
                0 => 0,
                1 => PRIME - 1,
                2 => (PRIME - 1) * (i % 2) as u32,
                _ => (i as u32 + 1).wrapping_mul(0x9e37_79b9 + lane as u32) % PRIME,
            })
        })
    }

    fn check(permute: impl Fn(&mut States)) {
        let mut states = States::zero();
        for (lane, sample) in samples().iter().enumerate() {
            states.set(lane, sample);
        }
        permute(&mut states);
        permute(&mut states);
        let one = Permutation::new();
        for (lane, sample) in samples().into_iter().enumerate() {
            assert_eq!(states.get(lane), one.permute(one.permute(sample)), "lane {lane}");
        }
    }

    #[test]
    fn every_lane_is_permuted_as_p3_does_it() {
        let vectors = Vectors::new();
        check(|states| vectors.permute(states));
    }

    #[test]
    fn hosts_without_vectors_have_the_same_values() {
        let vectors = Vectors::new();
        let constants = &vectors.constants;
        check(|states| Permute { constants, states }.with_simd(Scalar::new()));
    }
}
