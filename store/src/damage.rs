//! Something in a store that is not as it should be.

use serde::Serialize;

use crate::ContentId;

/// Something in a store that is not as it should be.
#[derive(Clone, Debug, PartialEq, Eq, Serialize)]
#[non_exhaustive]
pub struct Damage {
    /// The object that is concerned, if it is one.
    pub object: Option<ContentId>,
    /// What is wrong.
    pub what: String,
}
