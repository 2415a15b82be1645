//! Execution records: what a run was given, what it did, and what was decided about it.

mod changes;
mod difference;
mod execution_record;
mod field;
mod parts;
mod render;
mod standing;

pub(crate) use changes::effects;
pub use difference::FieldDifference;
pub use execution_record::Record;
pub use parts::{
    AccessRecord, BudgetRecord, ConsumedRecord, CreatedRecord, RunExit, RunInput, UpdatedRecord,
};
pub use standing::Standing;
