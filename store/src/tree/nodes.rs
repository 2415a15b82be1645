//! A tree as it is in the database at one moment.

use core::marker::PhantomData;

use jmt::proof::{SparseMerkleProof, UpdateMerkleProof};
use jmt::storage::{LeafNode, Node, NodeKey, TreeReader};
use jmt::{JellyfishMerkleTree, KeyHash, OwnedValue, RootHash, Version};
use redb::ReadableTable;

use super::TreeKind;
use super::proof::verify;
use crate::StoreError;

/// What [`TreeReader`] reads from: the tables of leaves and nodes, of a read or a write transaction.
pub(super) struct Tables<'a, L, N> {
    pub(super) leaves: &'a L,
    pub(super) nodes: &'a N,
}

impl<L, N> TreeReader for Tables<'_, L, N>
where
    L: ReadableTable<&'static [u8; 32], &'static [u8; 32]>,
    N: ReadableTable<&'static [u8], &'static [u8]>,
{
    fn get_node_option(&self, key: &NodeKey) -> anyhow::Result<Option<Node>> {
        let Some(row) = self.nodes.get(borsh::to_vec(key)?.as_slice())? else {
            return Ok(None);
        };
        Ok(Some(borsh::from_slice(row.value())?))
    }

    /// Only the newest version is kept.
    fn get_value_option(&self, _: Version, key: KeyHash) -> anyhow::Result<Option<OwnedValue>> {
        Ok(self.leaves.get(&key.0)?.map(|row| row.value().to_vec()))
    }

    fn get_rightmost_leaf(&self) -> anyhow::Result<Option<(NodeKey, LeafNode)>> {
        anyhow::bail!("trees are not restored")
    }
}

/// A tree as it is in the database at one moment.
pub(crate) struct TreeView<'a, H, L, N> {
    pub(super) tables: Tables<'a, L, N>,
    pub(super) version: u64,
    pub(super) root: [u8; 32],
    hash: PhantomData<H>,
}

impl<'a, H, L, N> TreeView<'a, H, L, N>
where
    H: TreeKind,
    L: ReadableTable<&'static [u8; 32], &'static [u8; 32]>,
    N: ReadableTable<&'static [u8], &'static [u8]>,
{
    /// The tree in these tables.
    pub(crate) fn new(
        roots: &impl ReadableTable<&'static str, (u64, &'static [u8; 32])>,
        leaves: &'a L,
        nodes: &'a N,
    ) -> Result<Self, StoreError> {
        let row = roots.get(H::NAME)?.ok_or_else(|| damaged::<H>("its root is missing"))?;
        let (version, root) = row.value();
        Ok(TreeView { tables: Tables { leaves, nodes }, version, root: *root, hash: PhantomData })
    }

    /// The root.
    pub(crate) const fn root(&self) -> [u8; 32] {
        self.root
    }

    /// The value under a key, and the proof, which has been verified.
    pub(crate) fn get(&self, key: [u8; 32]) -> Result<(Option<[u8; 32]>, SparseMerkleProof<H>), StoreError> {
        let tree = JellyfishMerkleTree::<_, H>::new(&self.tables);
        let (value, proof) = tree
            .get_with_proof(KeyHash(key), self.version)
            .map_err(|error| damaged::<H>(&error.to_string()))?;
        let value =
            value.map(<[u8; 32]>::try_from).transpose().map_err(|_| damaged::<H>("a value is too long"))?;
        verify(&proof, self.root, key, value).map_err(|error| damaged::<H>(&error.to_string()))?;
        Ok((value, proof))
    }

    /// The root after values are set, which they are not, and what the tree shows of that.
    pub(super) fn after(
        &self,
        changes: impl IntoIterator<Item = (KeyHash, OwnedValue)>,
    ) -> Result<(RootHash, UpdateMerkleProof<H>), StoreError> {
        let changes = changes.into_iter().map(|(key, value)| (key, Some(value)));
        let (root, proof, _) = JellyfishMerkleTree::<_, H>::new(&self.tables)
            .put_value_set_with_proof(changes, self.version + 1)
            .map_err(|error| damaged::<H>(&error.to_string()))?;
        Ok((root, proof))
    }

    /// Number of leaves, as the tree counts them.
    pub(crate) fn leaf_count(&self) -> Result<u64, StoreError> {
        let tree = JellyfishMerkleTree::<_, H>::new(&self.tables);
        let count = tree.get_leaf_count(self.version).map_err(|error| damaged::<H>(&error.to_string()))?;
        Ok(count as u64)
    }
}

pub(super) fn damaged<H: TreeKind>(why: &str) -> StoreError {
    StoreError::Corrupt(format!("the tree of {}: {why}", H::NAME))
}
