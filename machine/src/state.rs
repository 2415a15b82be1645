//! The life cycle of a machine as a state machine with typed illegal edges.

/// Where a machine is in its life.
///
/// ```text
/// Ready ──► Running ──► Paused ──► Running
///              │           └─────► Error      (abort)
///              ├──► Completed ──► Ready       (reset)
///              └──► Error ──────► Ready       (reset)
/// ```
#[derive(Clone, Copy, Debug, PartialEq, Eq, Hash)]
pub enum VmState {
    /// Loaded, not yet run.
    Ready,
    /// An executor is running it.
    Running,
    /// Stopped between two instructions; can go on.
    Paused,
    /// Trapped, aborted, or failed by its host. Only a reset leads out.
    Error,
    /// The guest ended itself. Only a reset leads out.
    Completed,
}

impl VmState {
    /// All states.
    pub const ALL: [VmState; 5] =
        [VmState::Ready, VmState::Running, VmState::Paused, VmState::Error, VmState::Completed];

    /// Whether the machine may go from `self` to `to`.
    ///
    /// ```
    /// use causality_machine::VmState;
    ///
    /// assert!(VmState::Paused.can_become(VmState::Running));
    /// assert!(!VmState::Completed.can_become(VmState::Running), "only a reset leads out");
    /// ```
    #[must_use]
    pub const fn can_become(self, to: VmState) -> bool {
        use VmState::{Completed, Error, Paused, Ready, Running};
        matches!(
            (self, to),
            (Ready | Paused, Running)
                | (Running, Paused | Completed | Error)
                | (Paused, Error)
                | (Completed | Error, Ready)
        )
    }

    /// Goes to `to`.
    ///
    /// # Errors
    /// If there is no such edge; the state is unchanged.
    pub fn become_state(&mut self, to: VmState) -> Result<(), IllegalTransition> {
        if !self.can_become(to) {
            return Err(IllegalTransition { from: *self, to });
        }
        *self = to;
        Ok(())
    }
}

/// An edge the life cycle does not have.
#[derive(Clone, Copy, Debug, PartialEq, Eq, thiserror::Error)]
#[error("a machine that is {from:?} cannot become {to:?}")]
pub struct IllegalTransition {
    /// The state the machine is in, and stays in.
    pub from: VmState,
    /// The state that was asked for.
    pub to: VmState,
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn exactly_eight_edges_are_legal() {
        let mut legal = 0;
        for from in VmState::ALL {
            for to in VmState::ALL {
                let mut state = from;
                match state.become_state(to) {
                    Ok(()) => {
                        legal += 1;
                        assert_eq!(state, to);
                    }
                    Err(error) => {
                        assert_eq!(error, IllegalTransition { from, to });
                        assert_eq!(state, from);
                    }
                }
            }
        }
        assert_eq!(legal, 8);
    }

    #[test]
    fn nothing_leaves_completed_but_a_reset() {
        for to in VmState::ALL {
            assert_eq!(VmState::Completed.can_become(to), to == VmState::Ready);
        }
    }
}
