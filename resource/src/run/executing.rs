//! The second phase: the guest runs, or the host acts, and nothing takes effect.

use causality_machine::Memory;
use causality_machine::registers::Rights as SlotRights;
use causality_store::{ContentId, Object};

use super::access::Output;
use super::{ContextId, Finalizing, ResourceVmIntegration, RunContext};
use crate::{
    AccessError, DenyReason, Intent, LifecycleState, Phase, RegisterDraft, Rejected, ResourceRegister, Right,
    RunError, RunExit, Transition, TransitionRecord,
};

/// Marks a run that is under way.
#[derive(Debug)]
pub struct Executing {
    context: ContextId,
    integration: ResourceVmIntegration,
}

impl Executing {
    pub(super) const fn new(context: ContextId, integration: ResourceVmIntegration) -> Self {
        Executing { context, integration }
    }
}

/// What a guest reaches through its slots.
impl RunContext<Executing> {
    /// The name of this run.
    #[must_use]
    pub const fn context(&self) -> ContextId {
        self.phase.context
    }

    /// The identifier of the [`TimeContext`](crate::TimeContext), which registers built in this run have to name.
    #[must_use]
    pub const fn time_context(&self) -> ContentId {
        self.core.time_id
    }

    /// Which register is in which slot.
    #[must_use]
    pub const fn integration(&self) -> &ResourceVmIntegration {
        &self.phase.integration
    }

    /// Puts all declared registers into slots, the first into slot 0.
    ///
    /// # Errors
    ///
    /// As [`map`](Self::map).
    pub fn map_all(&mut self, memory: &mut Memory) -> Result<(), AccessError> {
        (0..self.core.accesses.len()).try_for_each(|index| self.map(memory, index, index as u32))
    }

    /// Puts the declared register number `index` into a slot, with the rights that its intent takes.
    ///
    /// # Errors
    ///
    /// [`AccessError`]; the slot is as it was.
    pub fn map(&mut self, memory: &mut Memory, index: usize, slot: u32) -> Result<(), AccessError> {
        let access = self.core.accesses.get(index).ok_or(AccessError::NoSuchAccess(index))?;
        let (intent, id) = (access.intent, access.id);
        self.phase.integration.check(self.phase.context, id)?;
        self.refresh(memory)?;
        self.decide_all(index, intent.rights().iter())?;
        let access = &mut self.core.accesses[index];
        let rights = SlotRights::from_bits(intent.rights().slot_bits());
        self.phase.integration.load(memory, self.phase.context, access, slot, rights)?;
        access.is_used |= intent != Intent::Control;
        Ok(())
    }

    /// Puts a declared register into a slot, by its identifier.
    ///
    /// # Errors
    ///
    /// As [`map`](Self::map); a register that was not declared is denied.
    pub fn load(&mut self, memory: &mut Memory, id: ContentId, slot: u32) -> Result<(), AccessError> {
        let index = self.declared_index(id, Right::Read)?;
        self.map(memory, index, slot)
    }

    /// Takes a complete register that the guest built out of its slot, to be left behind by the run. Returns its
    /// identifier; the slot is empty then.
    ///
    /// # Errors
    ///
    /// [`AccessError`]; the slot is as it was.
    pub fn store(&mut self, memory: &mut Memory, slot: u64) -> Result<ContentId, AccessError> {
        self.check_outputs()?;
        // Before the bytes are copied, and before the slot is empty.
        self.core.check_output_bytes(memory.register_length(slot).unwrap_or(0))?;
        let (mut output, origin) = ResourceVmIntegration::take(memory, slot, self.initiator())?;
        output.origin = self.access_of_input(origin);
        let id = output.id;
        self.core.leave_behind(output)?;
        Ok(id)
    }

    /// Uses the capability with this handle for one more right over the register in a slot. The handle comes from
    /// the guest and can be any number.
    ///
    /// # Errors
    ///
    /// [`AccessError::Denied`], [`AccessError::NotMapped`].
    pub fn use_capability(
        &mut self,
        memory: &mut Memory,
        handle: u64,
        slot: u64,
        right: Right,
    ) -> Result<(), AccessError> {
        let index = self.index_in(slot, memory)?;
        self.refresh(memory)?;
        self.check_declared(index, right)?;
        let access = &mut self.core.accesses[index];
        let facts = access.facts();
        let decision = self.core.monitor.decide_by(handle, &facts, right, Phase::Execution);
        let handle = decision.map_err(|reason| AccessError::Denied { register: facts.id, right, reason })?;
        access.grant(right, handle);
        grant(memory, slot, right);
        Ok(())
    }

    /// Reserves the register in a slot until an epoch, from when the run takes effect. In the run it is locked at once.
    ///
    /// # Errors
    ///
    /// [`AccessError`]; nothing has changed.
    pub fn lock(&mut self, memory: &mut Memory, slot: u64, expires_at: u64) -> Result<(), AccessError> {
        self.change(memory, slot, Transition::Lock { expires_at })
    }

    /// Ends a lock that the initiator has.
    ///
    /// # Errors
    ///
    /// [`AccessError`]; nothing has changed.
    pub fn unlock(&mut self, memory: &mut Memory, slot: u64) -> Result<(), AccessError> {
        self.change(memory, slot, Transition::Unlock)
    }

    /// Allows nothing but reading the register in a slot.
    ///
    /// # Errors
    ///
    /// [`AccessError`]; nothing has changed.
    pub fn freeze(&mut self, memory: &mut Memory, slot: u64, reason: &str) -> Result<(), AccessError> {
        self.change(memory, slot, Transition::Freeze { reason: reason.to_owned() })
    }

    /// Ends that.
    ///
    /// # Errors
    ///
    /// [`AccessError`]; nothing has changed.
    pub fn unfreeze(&mut self, memory: &mut Memory, slot: u64) -> Result<(), AccessError> {
        self.change(memory, slot, Transition::Unfreeze)
    }

    fn change(&mut self, memory: &mut Memory, slot: u64, transition: Transition) -> Result<(), AccessError> {
        let index = self.index_in(slot, memory)?;
        self.refresh(memory)?;
        let right = transition.right();
        let to = self.decide_transition(index, &transition)?;
        grant(memory, slot, right);
        match transition {
            Transition::Lock { .. } | Transition::Suspend { .. } => memory.lock_register(slot, u64::MAX),
            Transition::Unlock => memory.unlock_register(slot),
            Transition::Freeze { .. } => memory.freeze_register(slot),
            Transition::Unfreeze => memory.unfreeze_register(slot),
            Transition::Consume => memory.consume_register(slot),
        }?;
        self.stage(index, transition, to);
        Ok(())
    }

    /// Looks whether capabilities have been revoked since, and takes what they allowed away from mapped registers. Asked
    /// before each operation here; the embedder asks between slices of execution, so that loads and stores of the guest
    /// are covered too.
    ///
    /// # Errors
    ///
    /// Failures of the store.
    pub fn refresh(&mut self, memory: &mut Memory) -> Result<(), AccessError> {
        self.core.refresh_revocations().map_err(store_failed)?;
        let (context, integration) = (self.phase.context, &self.phase.integration);
        for access in &self.core.accesses {
            for &(right, handle) in &access.granted {
                let Some(block) = self.core.monitor.revoked_block(handle) else { continue };
                // The slot may hold something else by now.
                let Some(slot) = integration.live_slot_of(context, access.id, memory) else { continue };
                let rights = SlotRights::from_bits((right.bit() & 0xff) as u8);
                let found = memory.registers().slots().get(slot as usize);
                let is_there = found.is_some_and(|found| found.rights().contains(rights));
                if is_there && rights != SlotRights::NONE {
                    memory.revoke_register(slot, rights);
                    let reason = DenyReason::Revoked(block);
                    self.core.monitor.deny(access.id, right, Phase::Execution, reason);
                }
            }
        }
        Ok(())
    }

    fn index_in(&self, slot: u64, memory: &Memory) -> Result<usize, AccessError> {
        let id = self.phase.integration.register_in(self.phase.context, slot, memory);
        id.and_then(|id| self.core.index_of(id)).ok_or(AccessError::NotMapped(slot))
    }

    fn access_of_input(&self, input: Option<u32>) -> Option<usize> {
        let id = self.phase.integration.register_of_input(self.phase.context, input?)?;
        self.core.index_of(id)
    }
}

fn grant(memory: &mut Memory, slot: u64, right: Right) {
    if let Ok(slot) = u32::try_from(slot) {
        memory.grant_register(slot, SlotRights::from_bits((right.bit() & 0xff) as u8));
    }
}

/// Of what a refresh does, only the store can fail.
fn store_failed(error: RunError) -> AccessError {
    match error {
        RunError::Store(error) => AccessError::Store(error),
        other => AccessError::Store(causality_store::StoreError::Corrupt(other.to_string())),
    }
}

/// What the host does itself, without a machine.
impl RunContext<Executing> {
    /// Reads a declared register that is active or frozen, and has not been declared to be controlled only.
    ///
    /// # Errors
    ///
    /// [`AccessError::Denied`], [`AccessError::NotReadable`]; failures of the store.
    pub fn read(&mut self, id: ContentId) -> Result<&ResourceRegister, AccessError> {
        let index = self.declared_index(id, Right::Read)?;
        self.core.refresh_revocations().map_err(store_failed)?;
        self.check_declared(index, Right::Read)?;
        self.decide_all(index, [Right::Read])?;
        let access = &mut self.core.accesses[index];
        if !matches!(access.state, LifecycleState::Active | LifecycleState::Frozen { .. }) {
            return Err(AccessError::NotReadable { register: id, state: access.state.name() });
        }
        access.is_used |= access.intent == Intent::Read;
        Ok(&access.register)
    }

    /// Consumes a register that was declared to be consumed.
    ///
    /// # Errors
    ///
    /// [`AccessError`].
    pub fn consume(&mut self, id: ContentId) -> Result<(), AccessError> {
        self.use_up(id, Right::Consume)
    }

    /// Replaces a register that was declared to be updated. Returns the successor's identifier.
    ///
    /// # Errors
    ///
    /// [`AccessError`].
    pub fn update(&mut self, id: ContentId, successor: RegisterDraft) -> Result<ContentId, AccessError> {
        self.check_outputs()?;
        self.use_up(id, Right::Update)?;
        self.create(RegisterDraft { predecessor: Some(id), ..successor })
    }

    /// Creates a register. Returns its identifier.
    ///
    /// # Errors
    ///
    /// [`AccessError::Limit`], [`AccessError::Encoding`].
    pub fn create(&mut self, draft: RegisterDraft) -> Result<ContentId, AccessError> {
        self.check_outputs()?;
        let register = draft.observed(self.core.time.epoch, self.core.time_id);
        let (id, bytes) = (register.content_id()?, register.to_bytes()?);
        let origin = register.predecessor.and_then(|predecessor| self.core.index_of(predecessor));
        self.core.leave_behind(Output { id, register, bytes, state: LifecycleState::Active, origin })?;
        self.core.in_run_registers += 1;
        Ok(id)
    }

    /// Changes the state of a register that was declared to be controlled; consumes one that was declared to be consumed.
    ///
    /// # Errors
    ///
    /// [`AccessError`].
    pub fn transition(&mut self, id: ContentId, transition: Transition) -> Result<(), AccessError> {
        if transition == Transition::Consume {
            return self.consume(id);
        }
        let index = self.declared_index(id, transition.right())?;
        self.core.refresh_revocations().map_err(store_failed)?;
        let to = self.decide_transition(index, &transition)?;
        self.stage(index, transition, to);
        Ok(())
    }

    /// Publishes bytes, after those that were published before.
    ///
    /// # Errors
    ///
    /// [`AccessError::Limit`]; nothing of these bytes is published then.
    pub fn append_journal(&mut self, bytes: &[u8]) -> Result<(), AccessError> {
        let limit = self.core.manager.limits().journal;
        if bytes.len() > limit.saturating_sub(self.core.journal.len()) {
            return Err(AccessError::Limit { what: "bytes of journal", limit });
        }
        self.core.journal.extend_from_slice(bytes);
        Ok(())
    }

    /// What was published so far.
    #[must_use]
    pub fn journal(&self) -> &[u8] {
        &self.core.journal
    }

    fn use_up(&mut self, id: ContentId, right: Right) -> Result<(), AccessError> {
        let index = self.declared_index(id, right)?;
        self.core.refresh_revocations().map_err(store_failed)?;
        self.check_declared(index, right)?;
        if self.core.accesses[index].is_consumed {
            return Err(AccessError::Consumed(id));
        }
        self.decide_all(index, [right])?;
        let access = &mut self.core.accesses[index];
        (access.is_used, access.is_consumed) = (true, true);
        Ok(())
    }

    fn declared_index(&mut self, id: ContentId, right: Right) -> Result<usize, AccessError> {
        self.core.index_of(id).ok_or_else(|| {
            let reason = self.core.monitor.deny(id, right, Phase::Execution, DenyReason::NotDeclared);
            AccessError::Denied { register: id, right, reason }
        })
    }

    /// Whether what was declared for a register covers what takes this right.
    fn check_declared(&mut self, index: usize, right: Right) -> Result<(), AccessError> {
        let (register, intent) = (self.core.accesses[index].id, self.core.accesses[index].intent);
        if intent.covers(right) {
            return Ok(());
        }
        let reason = self.core.monitor.deny(register, right, Phase::Execution, DenyReason::NotDeclared);
        Err(AccessError::Denied { register, right, reason })
    }

    fn decide_all(
        &mut self,
        index: usize,
        rights: impl IntoIterator<Item = Right>,
    ) -> Result<(), AccessError> {
        let register = self.core.accesses[index].id;
        rights.into_iter().try_for_each(|right| {
            let decision = self.core.decide(index, right, Phase::Execution);
            decision.map_err(|reason| AccessError::Denied { register, right, reason })
        })
    }

    fn decide_transition(
        &mut self,
        index: usize,
        transition: &Transition,
    ) -> Result<LifecycleState, AccessError> {
        self.check_declared(index, transition.right())?;
        self.decide_all(index, [transition.right()])?;
        let by = self.initiator();
        Ok(transition.apply(&self.core.accesses[index].state, by, self.core.time.epoch)?)
    }

    fn stage(&mut self, index: usize, transition: Transition, to: LifecycleState) {
        let access = &mut self.core.accesses[index];
        let from = core::mem::replace(&mut access.state, to.clone());
        access.is_used |= access.intent == Intent::Control;
        self.core.transitions.push(TransitionRecord { register: access.id, transition, from, to });
    }

    fn check_outputs(&self) -> Result<(), AccessError> {
        let limit = self.core.manager.limits().outputs;
        if self.core.outputs.len() >= limit {
            return Err(AccessError::Limit { what: "registers left behind", limit });
        }
        Ok(())
    }
}

/// The end of the phase.
impl RunContext<Executing> {
    /// The guest has ended: takes over what it left in the slots.
    ///
    /// # Errors
    ///
    /// [`Rejected`]: it did not end well, or did something that it had not declared. Nothing has happened.
    pub fn finish(
        mut self,
        memory: &Memory,
        exit: RunExit,
        fuel: u64,
    ) -> Result<RunContext<Finalizing>, Rejected> {
        self.core.fuel = fuel;
        self.core.in_run_registers += memory.registers().created();
        if !exit.is_success() {
            return Err(self.core.reject(RunError::Failed(exit.clone()), exit));
        }
        match self.take_over(memory) {
            Ok(()) => Ok(self.into_phase(Finalizing { exit })),
            Err(error) => Err(self.core.reject(error, exit)),
        }
    }

    /// The host has done what it wanted, without a machine.
    #[must_use]
    pub fn finish_host(self) -> RunContext<Finalizing> {
        self.into_phase(Finalizing { exit: RunExit::Host })
    }

    /// Refuses the run before the guest has ended. Nothing has happened.
    #[must_use]
    pub fn reject(self, error: RunError) -> Rejected {
        let exit = RunExit::Rejected(error.to_string());
        self.core.reject(error, exit)
    }

    /// Gives up. Nothing has happened; the record says what was decided until then.
    #[must_use]
    pub fn abandon(mut self, reason: &str, fuel: u64) -> crate::Record {
        self.core.fuel = fuel;
        self.core.blank_record(RunExit::Rejected(reason.to_owned()))
    }

    fn take_over(&mut self, memory: &Memory) -> Result<(), RunError> {
        let context = self.phase.context;
        for id in self.phase.integration.consumed(context, memory) {
            let access = self.core.accesses.iter_mut().find(|access| access.id == id);
            let access = access.ok_or(RunError::NoRegister(id))?;
            if !access.intent.consumes() {
                return Err(RunError::NotDeclared { register: id, intent: access.intent });
            }
            access.is_consumed = true;
        }
        for slot in ResourceVmIntegration::left_behind(memory)? {
            let length = memory.register_length(slot.into()).unwrap_or(0);
            self.core.check_output_bytes(length)?;
            let (mut output, origin) = ResourceVmIntegration::output_in(memory, slot, self.initiator())?;
            output.origin = self.access_of_input(origin);
            self.core.leave_behind(output)?;
        }
        self.phase.integration.release(context);
        Ok(())
    }
}
