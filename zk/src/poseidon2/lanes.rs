//! Many inputs through few lanes: a lane whose input is done takes the next one.

use super::packing::{RATE, WIDTH, initial_state, next_block, permutations_for};
use super::states::{LANES, States, Vectors};
use super::{Domain, Poseidon2Hash};

/// Where one lane is.
#[derive(Clone, Copy)]
struct Lane<'a> {
    /// Which input it hashes.
    input: usize,
    rest: &'a [u8],
    blocks: u64,
}

/// The hashes of `inputs`, in their order, and how many permutations they took; lanes that had nothing
/// to do are not counted.
pub(super) fn hash_all(vectors: &Vectors, domain: Domain, inputs: &[&[u8]]) -> (Vec<Poseidon2Hash>, u64) {
    let mut hashes = vec![Poseidon2Hash::from_elements([0; RATE]); inputs.len()];
    let mut permutations = 0;
    let mut waiting = inputs.iter().enumerate();
    let mut states = States::zero();
    let mut lanes: [Option<Lane<'_>>; LANES] = [None; LANES];
    loop {
        let mut busy = 0;
        for (i, slot) in lanes.iter_mut().enumerate() {
            let Some(lane) = slot.as_mut() else {
                let Some((input, bytes)) = waiting.next() else { continue };
                *slot = Some(begin(&mut states, i, domain, input, bytes));
                busy += 1;
                continue;
            };
            states.set(i, &next_block(&mut lane.rest));
            busy += 1;
        }
        if busy == 0 {
            return (hashes, permutations);
        }
        vectors.permute(&mut states);
        permutations += busy;
        for (i, slot) in lanes.iter_mut().enumerate() {
            let Some(lane) = slot else { continue };
            lane.blocks -= 1;
            if lane.blocks == 0 {
                hashes[lane.input] = Poseidon2Hash::from_elements(states.get(i));
                *slot = None;
            }
        }
    }
}

/// Puts the initial state and the first block of an input into a lane.
fn begin<'a>(states: &mut States, lane: usize, domain: Domain, input: usize, bytes: &'a [u8]) -> Lane<'a> {
    let length = bytes.len() as u64;
    let mut rest = bytes;
    let mut state: [u32; WIDTH] = initial_state(domain, length);
    state[..RATE].copy_from_slice(&next_block(&mut rest));
    states.set(lane, &state);
    Lane { input, rest, blocks: permutations_for(length) }
}
