//! Why a session cannot go on.

/// A failure of the host or of the connection. What the guest does is told to GDB.
#[derive(Debug, thiserror::Error)]
#[non_exhaustive]
pub enum Error {
    /// The host could not do its part.
    #[error(transparent)]
    Vm(#[from] causality_vm::Error),
    /// The connection failed.
    #[error("the connection to GDB: {0}")]
    Connection(#[from] std::io::Error),
    /// GDB broke the rules of the protocol.
    #[error("the conversation with GDB: {0}")]
    Protocol(String),
}
