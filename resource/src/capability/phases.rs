//! A set of phases.

use crate::Phase;

/// In which phases of a run a capability may be used.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Hash)]
pub struct Phases(u8);

impl Phases {
    /// Every phase.
    pub const ALL: Phases = Phases(0b1111);

    /// Only this one.
    #[must_use]
    pub const fn only(phase: Phase) -> Self {
        Phases(1 << phase as u8)
    }

    /// This set and one phase more.
    #[must_use]
    pub const fn with(self, phase: Phase) -> Self {
        Phases(self.0 | 1 << phase as u8)
    }

    /// Whether the phase is in the set.
    #[must_use]
    pub const fn has(self, phase: Phase) -> bool {
        self.0 & (1 << phase as u8) != 0
    }

    /// What is in both sets.
    #[must_use]
    pub const fn and(self, other: Phases) -> Phases {
        Phases(self.0 & other.0)
    }

    /// The phases in it, in order.
    pub fn iter(self) -> impl Iterator<Item = Phase> {
        Phase::ALL.into_iter().filter(move |phase| self.has(*phase))
    }
}

impl FromIterator<Phase> for Phases {
    fn from_iter<I: IntoIterator<Item = Phase>>(phases: I) -> Self {
        phases.into_iter().fold(Phases(0), Phases::with)
    }
}
