//! Changes of a tree within a write transaction.

use std::collections::BTreeMap;

use jmt::storage::TreeUpdateBatch;
use jmt::{JellyfishMerkleTree, KeyHash};
use redb::Table;

use super::nodes::{Tables, damaged};
use super::{TreeKind, TreeView};
use crate::StoreError;
use crate::tables::ROOTS;
use crate::write::Transaction;

/// Makes a tree that is empty.
pub(crate) fn create<H: TreeKind>(txn: &Transaction) -> Result<(), StoreError> {
    let leaves = txn.open_table(H::LEAVES)?;
    let mut nodes = txn.open_table(H::NODES)?;
    let nothing: [(KeyHash, Option<Vec<u8>>); 0] = [];
    let (root, batch) = JellyfishMerkleTree::<_, H>::new(&Tables { leaves: &leaves, nodes: &nodes })
        .put_value_set(nothing, 0)
        .map_err(|error| damaged::<H>(&error.to_string()))?;
    write_nodes::<H>(&mut nodes, &batch)?;
    txn.open_table(ROOTS)?.insert(H::NAME, (0, &root.0))?;
    Ok(())
}

/// Sets and removes values; gives the new root. All changes of a transaction in one call cost less than one by one.
pub(crate) fn update<H: TreeKind>(
    txn: &Transaction,
    changes: &BTreeMap<[u8; 32], Option<[u8; 32]>>,
) -> Result<[u8; 32], StoreError> {
    let mut roots = txn.open_table(ROOTS)?;
    let mut leaves = txn.open_table(H::LEAVES)?;
    let mut nodes = txn.open_table(H::NODES)?;
    let view = TreeView::<H, _, _>::new(&roots, &leaves, &nodes)?;
    // Reading verifies the way to each key, so that no damage is hashed into the new root.
    let mut changed = Vec::new();
    for (key, new) in changes {
        if view.get(*key)?.0 != *new {
            changed.push((KeyHash(*key), new.map(|value| value.to_vec())));
        }
    }
    if changed.is_empty() {
        return Ok(view.root());
    }
    let version = view.version + 1;
    let (root, batch) = JellyfishMerkleTree::<_, H>::new(&view.tables)
        .put_value_set(changed.iter().cloned(), version)
        .map_err(|error| damaged::<H>(&error.to_string()))?;
    write_nodes::<H>(&mut nodes, &batch)?;
    for (key, _) in &changed {
        match changes.get(&key.0).copied().flatten() {
            Some(value) => leaves.insert(&key.0, &value)?,
            None => leaves.remove(&key.0)?,
        };
    }
    roots.insert(H::NAME, (version, &root.0))?;
    Ok(root.0)
}

/// Writes new nodes and drops those that are of older versions only: nobody reads these, as readers
/// have a view of the whole database.
fn write_nodes<H: TreeKind>(
    nodes: &mut Table<'_, &'static [u8], &'static [u8]>,
    batch: &TreeUpdateBatch,
) -> Result<(), StoreError> {
    let encoded = |error: std::io::Error| damaged::<H>(&error.to_string());
    for stale in &batch.stale_node_index_batch {
        nodes.remove(borsh::to_vec(&stale.node_key).map_err(encoded)?.as_slice())?;
    }
    for (key, node) in batch.node_batch.nodes() {
        let (key, node) = (borsh::to_vec(key).map_err(encoded)?, borsh::to_vec(node).map_err(encoded)?);
        nodes.insert(key.as_slice(), node.as_slice())?;
    }
    Ok(())
}
