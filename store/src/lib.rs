//! Content-addressed objects: an object is named by the hash of its bytes.
//!
//! Equal identifiers mean equal kind and equal bytes, so whoever holds an identifier can check what
//! they are given against it and needs to trust nobody.

#![forbid(unsafe_code)]

mod content_id;
mod object_kind;

pub use content_id::{ContentId, ParseContentIdError};
pub use object_kind::ObjectKind;
