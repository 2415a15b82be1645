//! Sparse Merkle trees over tables of the database: Jellyfish Merkle trees from the crate `jmt`, with BLAKE3.
//!
//! There are two, the state and the nullifiers, which hash under contexts of their own: a proof of one says
//! nothing of the other. Whatever is read from a tree is verified against its root first.

mod kind;
mod nodes;
mod proof;
mod state_update;
mod update;

pub use proof::{NullifierProof, ProofError, StateProof, verify_nullifier, verify_state};
pub use state_update::{StateChange, StateUpdateProof};

pub(crate) use kind::{NullifierTree, StateTree, TreeKind};
pub(crate) use nodes::TreeView;
pub(crate) use update::{create, update};
