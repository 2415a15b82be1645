//! How a conversation with GDB ends.

/// Why GDB has nothing more to say.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Ended {
    /// The guest has ended, or died of its trap.
    Guest,
    /// GDB lets the guest go on by itself.
    Detached,
    /// GDB wants the guest to end, or is gone.
    Killed,
}
