//! Write transactions that survive what a damaged file does to the database.
//!
//! `redb` fails on most damage, and panics on some. It is prepared for panics that unwind through its tables and
//! transactions, but for those that come from opening a table while others are open: they poison a lock that closing
//! the others needs, which would end the process. So all tables are looked up first, one at a time.

use std::panic::{AssertUnwindSafe, catch_unwind};

use redb::{Database, Key, Table, TableDefinition, Value, WriteTransaction};

use crate::StoreError;
use crate::database::{from_panic, guarded};
use crate::tables;

/// A write transaction.
pub(crate) struct Transaction(WriteTransaction);

impl Transaction {
    /// Opens a table, which is made if it is not there.
    pub(crate) fn open_table<'txn, K: Key + 'static, V: Value + 'static>(
        &'txn self,
        table: TableDefinition<'_, K, V>,
    ) -> Result<Table<'txn, K, V>, StoreError> {
        Ok(self.0.open_table(table)?)
    }

    /// Opens each table and closes it again.
    fn look_up_tables(&self) -> Result<(), StoreError> {
        self.open_table(tables::META)?;
        self.open_table(tables::OBJECTS)?;
        self.open_table(tables::CHUNKS)?;
        self.open_table(tables::UPLOADS)?;
        self.open_table(tables::PINS)?;
        self.open_table(tables::RECORDS)?;
        self.open_table(tables::RECORD_ROOTS)?;
        self.open_table(tables::RESCUED)?;
        self.open_table(tables::RESULTS)?;
        self.open_table(tables::NOTES)?;
        self.open_table(tables::ROOTS)?;
        self.open_table(tables::STATE)?;
        self.open_table(tables::STATE_NODES)?;
        self.open_table(tables::NULLIFIERS)?;
        self.open_table(tables::NULLIFIER_NODES)?;
        Ok(())
    }
}

/// Does something in a transaction, which is committed if that succeeds, and otherwise as if it had never been.
pub(crate) fn write<T, E: From<StoreError>>(
    database: &Database,
    work: impl FnOnce(&Transaction) -> Result<T, E>,
) -> Result<T, E> {
    let txn = guarded(|| Ok(Transaction(database.begin_write()?)))?;
    // It belongs to what unwinds, because `redb` gives up the writer's place of a transaction that a panic drops;
    // aborting it afterwards would meet poisoned locks.
    let worked = catch_unwind(AssertUnwindSafe(move || {
        let result = txn.look_up_tables().map_err(E::from).and_then(|()| work(&txn));
        (txn, result)
    }));
    match worked {
        Ok((txn, Ok(value))) => {
            guarded(|| Ok(txn.0.commit()?))?;
            Ok(value)
        }
        Ok((txn, Err(error))) => {
            guarded(|| Ok(txn.0.abort()?))?;
            Err(error)
        }
        Err(panic) => Err(from_panic(&*panic).into()),
    }
}
