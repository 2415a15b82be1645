//! Poseidon2 over bytes: the permutation of `p3-poseidon2` with the published constants, in a sponge.
//!
//! # Specification
//!
//! Elements are of the field of `p = 2^31 - 2^24 + 1` (KoalaBear). The permutation has width 16, S-box
//! `x^3`, 4 + 4 external and 20 internal rounds, and the round constants and matrices that
//! `p3-koala-bear` publishes as its default for this width.
//!
//! | part of the state | before the first block |
//! |---|---|
//! | `0..8`, rate | zero |
//! | `8..11` | length of the input in bytes: bits 0..24, 24..48, 48..64 |
//! | `11` | 1, the version of this specification |
//! | `12..16` | domain tag: up to 12 bytes of ASCII, zeros after them, packed as input is |
//!
//! Input is packed three bytes an element, little-endian; bytes beyond the end count as zero. A block is
//! eight elements, thus 24 bytes, and replaces the rate; the permutation follows each block. Empty input
//! is one block of zeros. The hash is `0..8` after the last permutation, each element as four bytes,
//! little-endian, of its value below `p`.
//!
//! No two inputs have the same encoding. With equal lengths the packing is injective, since three bytes
//! are less than `p`; unequal lengths, or domains, begin with different capacities, which an attacker has
//! no other way to set. So hashes of a length and domain are a family of their own, none of which has an
//! input that continues another's.

mod domain;
mod hash;
mod hasher;
mod lanes;
mod montgomery;
mod packing;
mod permutation;
mod permutations;
mod states;

pub use domain::{Domain, InvalidDomain};
pub use hash::{NotCanonical, Poseidon2Hash};
pub use hasher::Poseidon2;
pub use packing::permutations_for;
pub use permutations::Permutations;
