//! How a program finds its process when it starts.
use causality_machine::memory::MapError;
use causality_machine::{Image, ImageError, Machine};

use super::Linux;

/// Why a guest cannot be started.
#[derive(Debug, thiserror::Error)]
#[non_exhaustive]
pub enum StartError {
    /// The image cannot be placed.
    #[error(transparent)]
    Image(#[from] ImageError),
    /// There is no room for the stack.
    #[error("cannot map the stack of {size:#x} bytes: {source}")]
    Stack {
        /// Its size in bytes.
        size: u64,
        /// What was wrong.
        source: MapError,
    },
    /// Arguments and environment do not fit a quarter of the stack, the share Linux allows them too.
    #[error("arguments and environment take {size} bytes, and the stack allows {limit}")]
    Arguments {
        /// What they take.
        size: u64,
        /// What they may take.
        limit: u64,
    },
    /// A C string cannot hold a zero byte.
    #[error("an argument or environment variable contains a zero byte")]
    ZeroByte,
}

pub(super) fn start(_linux: &mut Linux, _image: &Image, _machine: &mut Machine) -> Result<(), StartError> {
    Ok(())
}
