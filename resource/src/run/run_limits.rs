//! How much one run may hold.

/// Limits of a run. What exceeds them is denied.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct RunLimits {
    /// Most registers declared, and most mapped at once. Default 256.
    pub registers: usize,
    /// Most registers left behind. Default 4096.
    pub outputs: usize,
    /// Most bytes published. Default 1 MiB.
    pub journal: usize,
    /// Most decisions of the reference monitor. A run that asks for more takes no effect. Default 65,536.
    pub decisions: usize,
}

impl Default for RunLimits {
    fn default() -> Self {
        RunLimits { registers: 256, outputs: 4096, journal: 1 << 20, decisions: 1 << 16 }
    }
}
