//! The phases of a run.

use core::fmt;

use borsh::{BorshDeserialize, BorshSerialize};

/// Where a run is: the phases follow each other in this order, and none is skipped.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Hash, PartialOrd, Ord, BorshSerialize, BorshDeserialize)]
pub enum Phase {
    /// Inputs are loaded, time is frozen, accesses are declared.
    Preparation,
    /// The guest runs; nothing outside of it changes.
    Execution,
    /// Outputs are taken, identifiers and nullifiers computed.
    Finalization,
    /// Everything is checked against the store as it is now.
    Verification,
}

impl Phase {
    /// All phases, in order.
    pub const ALL: [Phase; 4] =
        [Phase::Preparation, Phase::Execution, Phase::Finalization, Phase::Verification];

    /// The word for it in tokens and reports.
    #[must_use]
    pub const fn name(self) -> &'static str {
        match self {
            Phase::Preparation => "preparation",
            Phase::Execution => "execution",
            Phase::Finalization => "finalization",
            Phase::Verification => "verification",
        }
    }
}

impl fmt::Display for Phase {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str(self.name())
    }
}
