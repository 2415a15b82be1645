//! Hashes that are asked for during a run and computed after it.
//!
//! Three types in a row, none of which can be skipped: [`DeferredHashing`] takes requests and has no
//! outputs; [`FinalizedHashes`], which only `finalize` makes, has an output for every id; and its
//! [`HashBatch`] is what a record commits to. So nothing can be committed while an id is unresolved.

mod batch;
mod batch_entry;
mod content;
mod deferred_hashing;
mod finalized;
mod id;
mod input;
mod inputs;
mod limits;
mod mismatch;
mod request_error;

pub use batch::HashBatch;
pub use batch_entry::HashBatchEntry;
pub use deferred_hashing::DeferredHashing;
pub use finalized::FinalizedHashes;
pub use id::{DeferredHashId, UnknownHashId};
pub use input::DeferredHashInput;
pub use limits::HashLimits;
pub use mismatch::BatchMismatch;
pub use request_error::RequestError;
