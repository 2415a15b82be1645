//! What a collection did.

use serde::Serialize;

/// What a collection found and dropped.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq, Serialize)]
#[non_exhaustive]
pub struct Collected {
    /// Objects that something refers to.
    pub kept: u64,
    /// Objects that nothing refers to, and that were dropped.
    pub dropped: u64,
    /// Bytes of these.
    pub bytes: u64,
    /// Objects that nothing referred to when the collection began, and that were kept because something did when
    /// it came to them.
    pub rescued: u64,
    /// Uploads that were dropped because nobody can make objects of them any more.
    pub uploads: u64,
}
