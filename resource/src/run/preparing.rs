//! The first phase: inputs, capabilities and accesses are declared, time is frozen.

use causality_store::{ContentId, Object, ObjectKind};

use super::access::Access;
use super::{ContextId, Executing, NAMED, ResourceVmIntegration, RunContext};
use crate::{Capability, Handle, Intent, Phase, ResourceRegister, RevocationList, Right, RunError, RunInput};

/// Marks a run that is being prepared.
#[derive(Debug)]
pub struct Preparing;

impl RunContext<Preparing> {
    /// The program that will run, which is in the store, and the version of the semantics that it runs under.
    #[must_use]
    pub fn program(mut self, program: ContentId, semantics: u32) -> Self {
        self.core.program = Some(program);
        self.core.semantics = semantics;
        self
    }

    /// As [`program`](Self::program), with its bytes, which go into the store with the run.
    #[must_use]
    pub fn program_bytes(mut self, bytes: &[u8], semantics: u32) -> Self {
        self.core.objects.push((ObjectKind::Program, bytes.to_vec()));
        self.program(ContentId::of(ObjectKind::Program, bytes), semantics)
    }

    /// Something that the program is given: its arguments, its standard input. Goes into the store with the run.
    pub fn input(&mut self, name: impl Into<String>, bytes: &[u8]) -> ContentId {
        let blob = ContentId::of(ObjectKind::Blob, bytes);
        self.core.objects.push((ObjectKind::Blob, bytes.to_vec()));
        self.core.inputs.push(RunInput { name: name.into(), blob });
        blob
    }

    /// What the program is given.
    #[must_use]
    pub fn inputs(&self) -> &[RunInput] {
        &self.core.inputs
    }

    /// A record that the run relies on: of a run that took effect in this store, or the execution does not begin.
    pub fn parent(&mut self, record: ContentId) {
        self.core.parents.push(record);
    }

    /// The height of another domain, as the embedder observed it.
    pub fn height(&mut self, domain: impl Into<String>, height: u64) {
        self.core.time.heights.insert(domain.into(), height);
    }

    /// Gives the run a capability.
    ///
    /// # Errors
    ///
    /// [`RunError::Capability`]: it is none. [`RunError::Limit`]; failures of the store.
    pub fn capability(&mut self, capability: &Capability) -> Result<Handle, RunError> {
        let limit = self.core.manager.limits().capabilities;
        if self.core.capabilities.len() >= limit {
            return Err(RunError::Limit { what: "capabilities", limit });
        }
        let handle = self.core.monitor.admit(capability)?;
        self.core.capabilities.push(capability.clone());
        self.core.load_budgets()?;
        Ok(handle)
    }

    /// Revokes what is on a list, for this run, besides what the store has revoked.
    pub fn revocations(&mut self, list: &RevocationList) {
        self.core.monitor.revoke(list.iter());
    }

    /// Declares that the run will use a register. Returns the number of the access.
    ///
    /// # Errors
    ///
    /// [`RunError::NoRegister`], [`RunError::AlreadyConsumed`], [`RunError::DeclaredTwice`], [`RunError::Limit`];
    /// failures of the store, a register that does not have the hash it should among them.
    pub fn declare(&mut self, id: ContentId, intent: Intent) -> Result<usize, RunError> {
        let limit = self.core.manager.limits().registers;
        if self.core.accesses.len() >= limit {
            return Err(RunError::Limit { what: "registers", limit });
        }
        if self.core.index_of(id).is_some() {
            return Err(RunError::DeclaredTwice(id));
        }
        let (entry_id, entry) = self.core.entry_of(id)?;
        let register: ResourceRegister = self.core.manager.store().snapshot()?.get_within(id, NAMED)?;
        let state = entry.lifecycle.at(self.core.time.epoch);
        if matches!(state, crate::LifecycleState::Consumed { .. }) {
            return Err(self.core.consumed_before(id, &register)?);
        }
        self.core.accesses.push(Access {
            id,
            bytes: register.to_bytes()?,
            register,
            intent,
            entry_id,
            entry,
            state,
            granted: Vec::new(),
            is_used: false,
            is_consumed: false,
        });
        Ok(self.core.accesses.len() - 1)
    }

    /// Freezes time and begins the execution.
    ///
    /// # Errors
    ///
    /// [`RunError::NoParent`], [`RunError::Limit`]; failures of the store.
    pub fn start(mut self) -> Result<RunContext<Executing>, RunError> {
        self.check_parents()?;
        self.core.time_id = self.core.time.content_id()?;
        let time = self.core.time.to_bytes()?;
        self.core.objects.push((ObjectKind::TimeContext, time));
        self.core.refresh_revocations()?;
        self.core.revoked_before = self.core.monitor.revoked();
        let accesses: Vec<_> = self.core.accesses.iter().map(|access| (access.id, access.intent)).collect();
        let given = (self.core.time_id, self.core.program, self.initiator(), accesses, &self.core.inputs);
        let given = borsh::to_vec(&given).map_err(|error| RunError::Damaged(error.to_string()))?;
        let integration = ResourceVmIntegration::new(self.core.manager.limits().registers);
        Ok(self.into_phase(Executing::new(ContextId::of(&given), integration)))
    }

    fn check_parents(&self) -> Result<(), RunError> {
        let limit = self.core.manager.limits().parents;
        if self.core.parents.len() > limit {
            return Err(RunError::Limit { what: "parents", limit }.of_field("parents"));
        }
        if self.core.parents.is_empty() {
            return Ok(());
        }
        let snapshot = self.core.manager.store().snapshot()?;
        for (index, parent) in self.core.parents.iter().enumerate() {
            if snapshot.roots_after(*parent)?.is_none() {
                return Err(RunError::NoParent(*parent).of_field(format!("parents[{index}]")));
            }
        }
        Ok(())
    }

    /// Would the monitor allow this now? Asked in the phase of preparation, and written down.
    ///
    /// # Errors
    ///
    /// [`RunError::Denied`], [`RunError::NoRegister`] if the register is not declared; failures of the store.
    pub fn authorize(&mut self, id: ContentId, right: Right) -> Result<(), RunError> {
        let index = self.core.index_of(id).ok_or(RunError::NoRegister(id))?;
        self.core.refresh_revocations()?;
        let facts = self.core.accesses[index].facts();
        let decision = self.core.monitor.decide(&facts, right, Phase::Preparation);
        decision.map(|_| ()).map_err(|reason| RunError::Denied { resource: id, right, reason })
    }
}
