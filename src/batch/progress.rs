//! How far a batch is.

use super::Finished;

/// What has happened since it was last told.
#[derive(Clone, Copy, Debug)]
pub struct Progress<'a> {
    /// Works that are finished, in whatever order.
    pub done: usize,
    /// All of them.
    pub total: usize,
    /// The results that are now known and were not told before: each result is told when those before it are known.
    pub ready: &'a [Finished],
}
