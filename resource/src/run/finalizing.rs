//! The third phase: what was deferred is settled, identifiers and nullifiers are computed.

use causality_store::{ContentId, Nullifier, Object, ObjectKind};

use super::{RunContext, Verifying};
use crate::{Rejected, RunError, RunExit, Transition, TransitionRecord};

/// Marks a run whose guest has ended.
#[derive(Debug)]
pub struct Finalizing {
    pub(super) exit: RunExit,
}

impl RunContext<Finalizing> {
    /// Takes over the hashes that were requested during the run and computed after it. The batch goes into the store with the
    /// record, which names it. Nothing else than a batch can be given, not even the identifier of one:
    ///
    /// ```compile_fail,E0080
    /// use causality_resource::{Finalizing, Rejected, RunContext};
    /// type Run = RunContext<Finalizing>;
    /// let _ = Run::deferred_hashes::<causality_store::Blob> as fn(Run, &_) -> Result<Run, Rejected>;
    /// ```
    ///
    /// # Errors
    ///
    /// [`Rejected`]: it cannot be encoded. Nothing has happened.
    pub fn deferred_hashes<B: Object>(mut self, batch: &B) -> Result<Self, Rejected> {
        const { assert!(matches!(B::KIND, ObjectKind::HashBatch), "only a batch of hashes") };
        match batch.to_bytes() {
            Ok(bytes) => {
                self.core.deferred_hashes = Some(ContentId::of(B::KIND, &bytes));
                self.core.objects.push((B::KIND, bytes));
                Ok(self)
            }
            Err(error) => Err(self.core.reject(error.into(), self.phase.exit)),
        }
    }

    /// The registers that the run leaves behind if it takes effect.
    pub fn created(&self) -> impl Iterator<Item = ContentId> {
        self.core.outputs.iter().map(|output| output.id)
    }

    /// What was published.
    #[must_use]
    pub fn journal(&self) -> &[u8] {
        &self.core.journal
    }

    /// Computes nullifiers, and applies consumption to the states of registers.
    ///
    /// # Errors
    ///
    /// [`Rejected`]: a register was used up that could not be. Nothing has happened.
    pub fn finalize(mut self) -> Result<RunContext<Verifying>, Rejected> {
        match self.nullifiers() {
            Ok(nullifiers) => {
                let exit = self.phase.exit.clone();
                Ok(self.into_phase(Verifying { exit, nullifiers }))
            }
            Err(error) => Err(self.core.reject(error, self.phase.exit)),
        }
    }

    fn nullifiers(&mut self) -> Result<Vec<(usize, Nullifier)>, RunError> {
        let (by, epoch) = (self.initiator(), self.core.time.epoch);
        let mut nullifiers = Vec::new();
        for (index, access) in self.core.accesses.iter_mut().enumerate() {
            if !access.is_consumed {
                continue;
            }
            let transition = Transition::Consume;
            let to = transition.apply(&access.state, by, epoch)?;
            let from = core::mem::replace(&mut access.state, to.clone());
            self.core.transitions.push(TransitionRecord { register: access.id, transition, from, to });
            nullifiers.push((index, access.register.nullifier()?));
        }
        Ok(nullifiers)
    }
}
