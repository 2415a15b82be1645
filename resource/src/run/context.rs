//! A run in one of its phases.

use core::fmt;

use causality_store::ContentId;

use super::Core;
use crate::{Decision, Principal, TimeContext, VerifiedCapability};

/// A run, in the phase `P`: [`Preparing`](crate::Preparing), [`Executing`](crate::Executing),
/// [`Finalizing`](crate::Finalizing) or [`Verifying`](crate::Verifying).
pub struct RunContext<P> {
    pub(crate) core: Core,
    pub(super) phase: P,
}

impl<P> RunContext<P> {
    /// Who it is for.
    #[must_use]
    pub fn initiator(&self) -> Principal {
        self.core.monitor.initiator()
    }

    /// Time, as the run has it.
    #[must_use]
    pub const fn time(&self) -> &TimeContext {
        &self.core.time
    }

    /// Every decision of the reference monitor so far.
    #[must_use]
    pub fn decisions(&self) -> &[Decision] {
        self.core.monitor.decisions()
    }

    /// The capabilities, by handle.
    #[must_use]
    pub fn capabilities(&self) -> &[VerifiedCapability] {
        self.core.monitor.capabilities()
    }

    /// The declared registers, in order.
    pub fn declared(&self) -> impl ExactSizeIterator<Item = ContentId> {
        self.core.accesses.iter().map(|access| access.id)
    }

    pub(crate) const fn of(core: Core, phase: P) -> Self {
        RunContext { core, phase }
    }

    pub(super) fn into_phase<Q>(self, phase: Q) -> RunContext<Q> {
        RunContext { core: self.core, phase }
    }
}

impl<P: fmt::Debug> fmt::Debug for RunContext<P> {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_struct("RunContext").field("core", &self.core).field("phase", &self.phase).finish()
    }
}
