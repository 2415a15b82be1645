//! The number of a capability in a run.

/// What a guest names a capability by: its place in the table of the run, which has the capabilities that
/// were given to that run and no others. Guessing a number reaches nothing that the run does not have.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Hash, PartialOrd, Ord)]
pub struct Handle(pub(crate) u64);

impl Handle {
    /// The number a guest uses.
    #[must_use]
    pub const fn number(self) -> u64 {
        self.0
    }
}
