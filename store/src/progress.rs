//! How far something that takes long has come.

/// A step of a collection or a check, and how much of it is done.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct Progress {
    /// What is being done.
    pub step: &'static str,
    /// Number of objects done.
    pub done: u64,
    /// Number of objects to do, as far as it is known.
    pub total: u64,
}
