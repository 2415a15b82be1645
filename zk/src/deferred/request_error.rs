//! Why a request is refused.

use super::UnknownHashId;

/// Why a request is refused. A refused request takes no number and changes nothing.
#[derive(Clone, Copy, Debug, PartialEq, Eq, thiserror::Error)]
#[non_exhaustive]
pub enum RequestError {
    /// The run has made all its requests.
    #[error("more than {0} hash requests")]
    TooMany(u64),
    /// The distinct inputs of the run would be too long.
    #[error("more than {0} bytes to hash")]
    TooLong(u64),
    /// The earlier request does not exist.
    #[error(transparent)]
    Unknown(#[from] UnknownHashId),
}
