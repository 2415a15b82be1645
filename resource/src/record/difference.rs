//! A field in which two records differ.

/// A field of a record, by name, and what both have there.
#[derive(Clone, Debug, PartialEq, Eq, thiserror::Error)]
#[error("`{field}` differs: {left} in one, {right} in the other")]
pub struct FieldDifference {
    /// The field; with an index if it is a list.
    pub field: String,
    /// What the record has.
    pub left: String,
    /// What the other record has.
    pub right: String,
}
