//! Hashing for proofs: [`Poseidon2`] over bytes, and [`DeferredHashing`], by which a program asks for
//! hashes while it runs that are computed after its end.
//!
//! A hash that is cheap to prove is dear to compute, and a program seldom needs its value while it
//! runs: it needs a name for it. So [`DeferredHashing::request`] keeps the bytes and returns a
//! [`DeferredHashId`], the number of the request in program order; no permutation is computed.
//! [`DeferredHashing::finalize`] hashes every distinct input once, on all cores, and gives
//! [`FinalizedHashes`], whose batch commitment binds every id to the exact bytes and the output.
//!
//! ```
//! use causality_zk::{DeferredHashing, Domain, Poseidon2};
//!
//! let mut hashing = DeferredHashing::new();
//! let id = hashing.request(b"state of an account")?;
//! let hashes = hashing.finalize();
//! assert_eq!(hashes.output(id)?, Poseidon2::new().hash(Domain::OBJECT, b"state of an account"));
//! # Ok::<_, Box<dyn std::error::Error>>(())
//! ```
//!
//! Nothing here is a zero-knowledge proof: that an output is the hash of the bytes is established by
//! hashing again ([`HashBatch::verify`]).

#![forbid(unsafe_code)]

mod deferred;
mod poseidon2;

pub use deferred::{
    BatchMismatch, DeferredHashId, DeferredHashInput, DeferredHashing, FinalizedHashes, HashBatch,
    HashBatchEntry, HashLimits, RequestError, UnknownHashId,
};
pub use poseidon2::{
    Domain, InvalidDomain, NotCanonical, Permutations, Poseidon2, Poseidon2Hash, permutations_for,
};
