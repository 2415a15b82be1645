//! Content-addressed objects, an authenticated state, and the set of nullifiers, behind one atomic commit.
//!
//! Owns three things that live and die together in one database:
//!
//! - **Objects**, named by the hash of their kind and bytes ([`ContentId`]). Equal identifiers mean equal kind
//!   and equal bytes, so whoever holds an identifier can check what they are given against it and needs to
//!   trust nobody. Bytes are hashed against the *claimed* identifier on every read, before they are handed out.
//! - **The state**, a sparse Merkle tree from [`StateKey`] to [`Commitment`], with proofs of presence and of absence.
//! - **Nullifiers**, a second such tree that only grows: what was consumed stays consumed, through restarts,
//!   crashes and collection.
//!
//! The invariant: a [`Commit`] takes effect as a whole or not at all, at one point in time, for all threads
//! and processes that have the [`Store`] open. Nothing that is reachable from the state, a record, a
//! nullifier or a pin is ever collected.
//!
//! ```
//! use causality_store::{Blob, Commit, CommitError, Commitment, ContentRef, Nullifier, StateKey, Store};
//!
//! let store = Store::in_memory()?;
//! let mut commit = Commit::new();
//! let record = commit.object(&Blob::from("what happened"))?;
//! commit.record(record);
//! commit.expect(StateKey::from_bytes([1; 32]), None);
//! commit.set(StateKey::from_bytes([1; 32]), Commitment::from(record));
//! commit.consume(Nullifier::from_bytes([7; 32]), record);
//! let roots = store.commit(commit)?;
//! assert_eq!(ContentRef::<Blob>::new(record).resolve(&store)?, Blob::from("what happened"));
//!
//! let mut again = Commit::new();
//! again.consume(Nullifier::from_bytes([7; 32]), record);
//! let refused = store.commit(again).unwrap_err();
//! assert!(matches!(refused, CommitError::AlreadyConsumed { by, .. } if by == record));
//! assert_eq!(store.snapshot()?.roots(), roots);
//! # Ok::<(), Box<dyn std::error::Error>>(())
//! ```

#![forbid(unsafe_code)]

mod blob;
mod bulk;
mod check;
mod chunks;
mod collect;
mod collected;
mod commit;
mod commit_error;
mod commitment;
mod content_id;
mod content_ref;
mod damage;
mod database;
mod encoding;
mod entry;
#[cfg(feature = "object-store")]
mod external;
mod hexadecimal;
mod nullifier;
mod object;
mod object_kind;
mod object_reader;
mod progress;
mod roots;
mod snapshot;
mod staged;
mod state_key;
mod stats;
mod store;
mod store_error;
mod tables;
mod transaction;
mod tree;
mod write;

pub use blob::Blob;
pub use check::Checked;
pub use collected::Collected;
pub use commit::Commit;
pub use commit_error::CommitError;
pub use commitment::Commitment;
pub use content_id::{ContentId, ParseContentIdError};
pub use content_ref::ContentRef;
pub use damage::Damage;
pub use encoding::{EncodingError, decode};
pub use hexadecimal::ParseHexError;
pub use nullifier::Nullifier;
pub use object::Object;
pub use object_kind::ObjectKind;
pub use object_reader::ObjectReader;
pub use progress::Progress;
pub use roots::Roots;
pub use snapshot::Snapshot;
pub use staged::Staged;
pub use state_key::StateKey;
pub use stats::Stats;
pub use store::Store;
pub use store_error::StoreError;
pub use tree::{
    NullifierProof, ProofError, StateChange, StateProof, StateUpdateProof, verify_nullifier, verify_state,
};
