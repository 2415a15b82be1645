//! Which tree: its tables, and the function that hashes it.

use std::sync::LazyLock;

use blake3::Hasher;
use blake3::hazmat::{ContextKey, HasherExt, hash_derive_key_context};
use jmt::SimpleHasher;

use crate::tables::{self, Leaves, Nodes};

/// A tree and its hash function.
pub(crate) trait TreeKind: SimpleHasher {
    /// Its name among the roots.
    const NAME: &'static str;
    /// Its leaves.
    const LEAVES: Leaves;
    /// Its nodes.
    const NODES: Nodes;
}

macro_rules! tree_kind {
    ($(#[$doc:meta])* $kind:ident, $name:literal, $leaves:ident, $nodes:ident, $context:literal) => {
        $(#[$doc])*
        pub(crate) struct $kind(Hasher);

        impl SimpleHasher for $kind {
            fn new() -> Self {
                static KEY: LazyLock<ContextKey> = LazyLock::new(|| hash_derive_key_context($context));
                $kind(Hasher::new_from_context_key(&KEY))
            }

            fn update(&mut self, data: &[u8]) {
                self.0.update(data);
            }

            fn finalize(self) -> [u8; 32] {
                *self.0.finalize().as_bytes()
            }
        }

        impl TreeKind for $kind {
            const NAME: &'static str = $name;
            const LEAVES: Leaves = tables::$leaves;
            const NODES: Nodes = tables::$nodes;
        }
    };
}

tree_kind!(
    /// The state: key to commitment.
    StateTree, "state", STATE, STATE_NODES, "causality-vm 2026-11-23 state tree v1"
);
tree_kind!(
    /// The nullifiers: nullifier to record.
    NullifierTree, "nullifiers", NULLIFIERS, NULLIFIER_NODES, "causality-vm 2026-11-23 nullifier tree v1"
);
