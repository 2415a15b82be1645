//! The legal changes of a register's state: the one table.

use core::fmt;

use borsh::{BorshDeserialize, BorshSerialize};
use causality_store::ContentId;

use crate::{LifecycleState, Principal, Right};

/// A change of a register's state.
#[derive(Clone, Debug, PartialEq, Eq, Hash, BorshSerialize, BorshDeserialize)]
pub enum Transition {
    /// Reserve it until an epoch.
    Lock {
        /// In this epoch it is active again.
        expires_at: u64,
    },
    /// End that; only the locker may.
    Unlock,
    /// Allow nothing but reading.
    Freeze {
        /// Why.
        reason: String,
    },
    /// End that.
    Unfreeze,
    /// Do not allow its use before an epoch.
    Suspend {
        /// In this epoch it is active again.
        until: u64,
    },
    /// Use it up.
    Consume,
}

impl Transition {
    /// The word for it.
    #[must_use]
    pub const fn name(&self) -> &'static str {
        match self {
            Transition::Lock { .. } => "lock",
            Transition::Unlock => "unlock",
            Transition::Freeze { .. } => "freeze",
            Transition::Unfreeze => "unfreeze",
            Transition::Suspend { .. } => "suspend",
            Transition::Consume => "consume",
        }
    }

    /// The right it takes.
    #[must_use]
    pub const fn right(&self) -> Right {
        match self {
            Transition::Lock { .. } | Transition::Unlock | Transition::Suspend { .. } => Right::Lock,
            Transition::Freeze { .. } | Transition::Unfreeze => Right::Freeze,
            Transition::Consume => Right::Consume,
        }
    }

    /// The state that follows when `by` does this to a register in state `from`, in an epoch.
    ///
    /// | | active | locked | frozen | pending | consumed |
    /// |---|---|---|---|---|---|
    /// | lock | locked, if it ends after now | — | — | — | — |
    /// | unlock | — | active, by the locker | — | — | — |
    /// | freeze | frozen | — | — | — | — |
    /// | unfreeze | — | — | active | — | — |
    /// | suspend | pending, if it ends after now | — | — | — | — |
    /// | consume | consumed | — | — | — | — |
    ///
    /// `from` is taken as it is in that epoch: an expired lock is none.
    ///
    /// # Errors
    ///
    /// [`IllegalTransition`] for all others.
    pub fn apply(
        &self,
        from: &LifecycleState,
        by: Principal,
        epoch: u64,
    ) -> Result<LifecycleState, IllegalTransition> {
        use LifecycleState::{Active, Consumed, Frozen, Locked, Pending};
        let from = from.at(epoch);
        match (self, &from) {
            (Transition::Lock { expires_at }, Active) if *expires_at > epoch => {
                Ok(Locked { locker: by, expires_at: *expires_at })
            }
            (Transition::Unlock, Locked { locker, .. }) if *locker == by => Ok(Active),
            (Transition::Freeze { reason }, Active) => Ok(Frozen { by, reason: reason.clone() }),
            (Transition::Unfreeze, Frozen { .. }) => Ok(Active),
            (Transition::Suspend { until }, Active) if *until > epoch => Ok(Pending { until: *until }),
            (Transition::Consume, Active) => Ok(Consumed { at: epoch }),
            _ => Err(IllegalTransition { transition: self.clone(), from, by, epoch }),
        }
    }
}

impl fmt::Display for Transition {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str(self.name())
    }
}

/// A change that the table does not have.
#[derive(Clone, Debug, PartialEq, Eq, thiserror::Error)]
#[error("{by} cannot {transition} a register that is {from}, in epoch {epoch}")]
pub struct IllegalTransition {
    /// What was to be done.
    pub transition: Transition,
    /// The state it was in.
    pub from: LifecycleState,
    /// Who wanted it.
    pub by: Principal,
    /// When.
    pub epoch: u64,
}

/// A change that a run made.
#[derive(Clone, Debug, PartialEq, Eq, Hash, BorshSerialize, BorshDeserialize)]
pub struct TransitionRecord {
    /// Of which register.
    pub register: ContentId,
    /// What was done.
    pub transition: Transition,
    /// The state before.
    pub from: LifecycleState,
    /// The state after.
    pub to: LifecycleState,
}

impl fmt::Display for TransitionRecord {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(f, "{} {}: {} -> {}", self.transition, self.register, self.from, self.to)
    }
}
