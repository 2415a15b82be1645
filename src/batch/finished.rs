//! A work that is finished.

use super::WorkResult;

/// The result of a work, and where it is from.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Finished {
    /// The result.
    pub result: WorkResult,
    /// Whether nothing was run for it: an equal task was, earlier in this batch or before. Never so for transactions, nor
    /// where a program is refused.
    pub is_cached: bool,
}
