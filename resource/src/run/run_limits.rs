//! How much one run may hold.

/// Limits of a run. What exceeds them is denied.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct RunLimits {
    /// Most registers declared, and most mapped at once. Default 256.
    pub registers: usize,
    /// Most registers left behind. Default 4096.
    pub outputs: usize,
    /// Most bytes of registers left behind, together. Default 64 MiB.
    pub output_bytes: usize,
    /// Most bytes published. Default 1 MiB.
    pub journal: usize,
    /// Most decisions of the reference monitor. A run that asks for more takes no effect. Default 65,536.
    pub decisions: usize,
    /// Most capabilities. Default 256.
    pub capabilities: usize,
    /// Most records that the run relies on. Default 256.
    pub parents: usize,
}

impl Default for RunLimits {
    fn default() -> Self {
        RunLimits {
            registers: 256,
            outputs: 4096,
            output_bytes: 64 << 20,
            journal: 1 << 20,
            decisions: 1 << 16,
            capabilities: 256,
            parents: 256,
        }
    }
}
