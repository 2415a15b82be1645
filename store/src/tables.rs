//! The tables of the database. Part of its format: a change needs another [`FORMAT`].

use redb::TableDefinition;

/// The format of the database that this program reads and writes.
pub(crate) const FORMAT: u64 = 1;

type Bytes32 = &'static [u8; 32];

/// Counters by name: those below.
pub(crate) const META: TableDefinition<&str, u64> = TableDefinition::new("meta");
/// Which format the database has.
pub(crate) const META_FORMAT: &str = "format";
/// Logical time.
pub(crate) const META_EPOCH: &str = "epoch";
/// Number of commits so far.
pub(crate) const META_COMMITS: &str = "commits";
/// The next number of an upload.
pub(crate) const META_UPLOAD: &str = "upload";
/// The next number of an owner of uploads.
pub(crate) const META_OWNER: &str = "owner";
/// There if a collection is under way, or was when its process died.
pub(crate) const META_COLLECTING: &str = "collecting";

/// Content id -> entry.
pub(crate) const OBJECTS: TableDefinition<Bytes32, &[u8]> = TableDefinition::new("objects");
/// Upload and number of the chunk -> bytes.
pub(crate) const CHUNKS: TableDefinition<(u64, u64), &[u8]> = TableDefinition::new("chunks");
/// Uploads that belong to no object yet, or to none any more -> owner.
pub(crate) const UPLOADS: TableDefinition<u64, u64> = TableDefinition::new("uploads");
/// Content ids that stay.
pub(crate) const PINS: TableDefinition<Bytes32, ()> = TableDefinition::new("pins");
/// Number -> content id of a record.
pub(crate) const RECORDS: TableDefinition<u64, Bytes32> = TableDefinition::new("records");
/// Content id of a record -> the roots right after the commit that added it, as [`Roots::to_bytes`] has them.
pub(crate) const RECORD_ROOTS: TableDefinition<Bytes32, [u8; 80]> = TableDefinition::new("record_roots");
/// What was computed -> content id of the result. Part of nothing: what a row names may have been collected.
pub(crate) const RESULTS: TableDefinition<Bytes32, Bytes32> = TableDefinition::new("results");
/// Somebody's key -> content id of what it must find again. Stays until the row is removed.
pub(crate) const NOTES: TableDefinition<Bytes32, Bytes32> = TableDefinition::new("notes");
/// Content ids that became reachable while a collection is under way.
pub(crate) const RESCUED: TableDefinition<Bytes32, ()> = TableDefinition::new("rescued");

/// Roots and versions of trees: name of the tree -> (version, root).
pub(crate) const ROOTS: TableDefinition<&str, (u64, Bytes32)> = TableDefinition::new("roots");

/// Leaves of a tree: key -> value.
pub(crate) type Leaves = TableDefinition<'static, Bytes32, Bytes32>;
/// Nodes of a tree: encoded key -> encoded node.
pub(crate) type Nodes = TableDefinition<'static, &'static [u8], &'static [u8]>;
/// Key -> value.
pub(crate) const STATE: Leaves = TableDefinition::new("state");
/// Nodes of the state's tree.
pub(crate) const STATE_NODES: Nodes = TableDefinition::new("state-nodes");
/// Nullifier -> record.
pub(crate) const NULLIFIERS: Leaves = TableDefinition::new("nullifiers");
/// Nodes of the nullifiers' tree.
pub(crate) const NULLIFIER_NODES: Nodes = TableDefinition::new("nullifier-nodes");
