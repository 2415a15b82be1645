//! An access that a run declared, and what became of it.

use causality_store::ContentId;

use crate::{Handle, Intent, LifecycleState, RegisterEntry, ResourceFacts, ResourceRegister, Right};

/// A declared register.
#[derive(Debug)]
pub(crate) struct Access {
    pub(crate) id: ContentId,
    pub(crate) register: ResourceRegister,
    pub(crate) bytes: Vec<u8>,
    pub(crate) intent: Intent,
    pub(crate) entry_id: ContentId,
    pub(crate) entry: RegisterEntry,
    /// Where it is in its life, as this run has left it.
    pub(crate) state: LifecycleState,
    /// What was allowed, and by which capability.
    pub(crate) granted: Vec<(Right, Handle)>,
    pub(crate) is_used: bool,
    pub(crate) is_consumed: bool,
}

impl Access {
    pub(crate) fn facts(&self) -> ResourceFacts {
        self.register.facts(self.id)
    }

    /// The capability that allows what consuming it takes.
    pub(crate) fn consumed_by(&self) -> Option<Handle> {
        let right = if self.intent == Intent::Update { Right::Update } else { Right::Consume };
        self.granted.iter().find(|(granted, _)| *granted == right).map(|(_, handle)| *handle)
    }

    pub(crate) fn grant(&mut self, right: Right, handle: Handle) {
        self.granted.retain(|(granted, _)| *granted != right);
        self.granted.push((right, handle));
    }
}

/// A register that a run leaves behind.
#[derive(Debug)]
pub(crate) struct Output {
    pub(crate) id: ContentId,
    pub(crate) register: ResourceRegister,
    pub(crate) bytes: Vec<u8>,
    pub(crate) state: LifecycleState,
    /// The access that it descends from, by the register file.
    pub(crate) origin: Option<usize>,
}
