//! How much a guest may ask for.

/// What one run may request. Hashing is paid after the run, so these bound its time and memory.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct HashLimits {
    /// Requests, repeated ones too; at most `u32::MAX` whatever is said here. Default: 1,048,576.
    pub requests: u64,
    /// Bytes of distinct inputs: what is kept, and hashed. Default: 64 MiB.
    pub bytes: u64,
}

impl Default for HashLimits {
    fn default() -> Self {
        HashLimits { requests: 1 << 20, bytes: 64 << 20 }
    }
}
