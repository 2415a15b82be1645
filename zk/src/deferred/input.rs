//! A request and its bytes.

use super::DeferredHashId;

/// What was asked for: the bytes as they were at the request.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct DeferredHashInput<'a> {
    /// The request.
    pub id: DeferredHashId,
    /// Its bytes.
    pub bytes: &'a [u8],
}
