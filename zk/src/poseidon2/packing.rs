//! Bytes as field elements.

use super::Domain;

/// Elements in the rate.
pub(super) const RATE: usize = 8;

/// Elements in the state.
pub(super) const WIDTH: usize = 16;

/// Bytes in an element.
const ELEMENT_BYTES: usize = 3;

/// Bytes in a block.
pub(super) const BLOCK_BYTES: usize = RATE * ELEMENT_BYTES;

/// The version of the specification.
const VERSION: u32 = 1;

/// How many permutations the hash of an input of `bytes` bytes takes.
#[must_use]
pub const fn permutations_for(bytes: u64) -> u64 {
    if bytes == 0 { 1 } else { bytes.div_ceil(BLOCK_BYTES as u64) }
}

const fn element(bytes: &[u8], at: usize) -> u32 {
    bytes[at] as u32 | (bytes[at + 1] as u32) << 8 | (bytes[at + 2] as u32) << 16
}

/// The state before the first block: zero rate; length, version and domain in the capacity.
pub(super) fn initial_state(domain: Domain, length: u64) -> [u32; WIDTH] {
    let mut state = [0; WIDTH];
    for (i, limb) in state[RATE..RATE + 3].iter_mut().enumerate() {
        *limb = (length >> (24 * i)) as u32 & 0xff_ffff;
    }
    state[11] = VERSION;
    for (i, limb) in state[12..].iter_mut().enumerate() {
        *limb = element(domain.padded(), ELEMENT_BYTES * i);
    }
    state
}

/// Takes the next block off `input`, zeros beyond its end.
pub(super) fn next_block(input: &mut &[u8]) -> [u32; RATE] {
    if let Some((block, rest)) = input.split_first_chunk::<BLOCK_BYTES>() {
        *input = rest;
        return elements(block);
    }
    let mut block = [0; BLOCK_BYTES];
    block[..input.len()].copy_from_slice(input);
    *input = &[];
    elements(&block)
}

fn elements(block: &[u8; BLOCK_BYTES]) -> [u32; RATE] {
    core::array::from_fn(|i| element(block, ELEMENT_BYTES * i))
}
