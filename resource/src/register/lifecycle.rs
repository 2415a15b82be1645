//! Where a register is in its life, in the store.

use core::fmt;

use borsh::{BorshDeserialize, BorshSerialize};

use crate::Principal;

/// The state of a register in the store. All times are epochs.
///
/// There is no state for a register that is being built: it is only in a run.
#[derive(Clone, Debug, PartialEq, Eq, Hash, BorshSerialize, BorshDeserialize)]
pub enum LifecycleState {
    /// Ready to be used.
    Active,
    /// Reserved by somebody, until an epoch.
    Locked {
        /// Who alone may end that before its time.
        locker: Principal,
        /// In this epoch it is active again, and after it.
        expires_at: u64,
    },
    /// Readable, and nothing else.
    Frozen {
        /// Who froze it.
        by: Principal,
        /// Why.
        reason: String,
    },
    /// Not ready before an epoch.
    Pending {
        /// In this epoch it is active, and after it.
        until: u64,
    },
    /// Used, for good.
    Consumed {
        /// In which epoch.
        at: u64,
    },
}

impl LifecycleState {
    /// The state as it is in an epoch: locks and waiting end by themselves when their epoch has come.
    #[must_use]
    pub fn at(&self, epoch: u64) -> LifecycleState {
        match self {
            LifecycleState::Locked { expires_at: end, .. } | LifecycleState::Pending { until: end }
                if *end <= epoch =>
            {
                LifecycleState::Active
            }
            state => state.clone(),
        }
    }

    /// The word for it, without details.
    #[must_use]
    pub const fn name(&self) -> &'static str {
        match self {
            LifecycleState::Active => "active",
            LifecycleState::Locked { .. } => "locked",
            LifecycleState::Frozen { .. } => "frozen",
            LifecycleState::Pending { .. } => "pending",
            LifecycleState::Consumed { .. } => "consumed",
        }
    }
}

impl fmt::Display for LifecycleState {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str(self.name())?;
        match self {
            LifecycleState::Active => Ok(()),
            LifecycleState::Locked { locker, expires_at } => {
                write!(f, " by {locker} until epoch {expires_at}")
            }
            LifecycleState::Frozen { by, reason } => write!(f, " by {by}: {reason:?}"),
            LifecycleState::Pending { until } => write!(f, " until epoch {until}"),
            LifecycleState::Consumed { at } => write!(f, " in epoch {at}"),
        }
    }
}
