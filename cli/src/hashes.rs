//! The hashes that the program of a run asked for.

use causality_store::Store;
use causality_vm::resource::Record;
use causality_vm::zk::{HashBatch, HashBatchEntry};
use serde_json::{Value, json};

use crate::failure::Failure;

/// Those of a record. They are not in the record, which names their batch, but in the store.
pub(crate) fn of(record: &Record, store: Option<&Store>) -> Result<Vec<HashBatchEntry>, Failure> {
    let Some(id) = record.deferred_hashes else { return Ok(Vec::new()) };
    let store = store.ok_or_else(|| Failure::new(format!("there is no store to find the hashes {id} in")))?;
    let batch: HashBatch = store.get(id).map_err(Failure::new)?;
    Ok(batch.entries().to_vec())
}

/// For people: a line for the hash, and one for what was hashed.
pub(crate) fn text(hashes: &[HashBatchEntry]) -> String {
    let each = hashes.iter().map(|HashBatchEntry { id, length, content, output }| {
        format!("{:<11} {output}\n{:<11} of {length} bytes, {content}\n", id.to_string(), "")
    });
    each.collect()
}

pub(crate) fn json(hashes: &[HashBatchEntry]) -> Value {
    let each = hashes.iter().map(|HashBatchEntry { id, length, content, output }| {
        json!({"id": id.number(), "length": length, "content": content, "output": output.to_string()})
    });
    each.collect()
}
