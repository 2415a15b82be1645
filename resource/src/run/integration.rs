//! Between the store's registers and the slots of a machine.

use std::collections::BTreeMap;

use causality_machine::Memory;
use causality_machine::memory::Loaded;
use causality_machine::registers::{InputState, Lifecycle, Rights as SlotRights};
use causality_store::{ContentId, Object};

use super::access::{Access, Output};
use crate::{AccessError, ContextId, LifecycleState, Principal, ResourceRegister, RunError};

/// Which slot has which register of the store, by run: a mapping of one run means nothing in another.
#[derive(Debug)]
pub struct ResourceVmIntegration {
    limit: usize,
    mappings: BTreeMap<(ContextId, ContentId), Mapping>,
}

#[derive(Clone, Copy, Debug)]
struct Mapping {
    slot: u32,
    /// The number that the register file gave it.
    input: u32,
}

impl ResourceVmIntegration {
    /// No mapping; at most so many in one run.
    #[must_use]
    pub fn new(limit: usize) -> Self {
        ResourceVmIntegration { limit, mappings: BTreeMap::new() }
    }

    /// The slot that a register is in.
    #[must_use]
    pub fn slot_of(&self, context: ContextId, register: ContentId) -> Option<u32> {
        self.mappings.get(&(context, register)).map(|mapping| mapping.slot)
    }

    /// The slot that a register is in, unless it is not there any more.
    pub(super) fn live_slot_of(
        &self,
        context: ContextId,
        register: ContentId,
        memory: &Memory,
    ) -> Option<u32> {
        let mapping = self.mappings.get(&(context, register))?;
        let state = memory.registers().inputs().nth(mapping.input as usize);
        (state == Some(InputState::Live(mapping.slot))).then_some(mapping.slot)
    }

    /// The register of the store that is in a slot, and has not been consumed.
    #[must_use]
    pub fn register_in(&self, context: ContextId, slot: u64, memory: &Memory) -> Option<ContentId> {
        let mut mappings = self.of(context).filter(|(_, mapping)| u64::from(mapping.slot) == slot);
        let is_there = |mapping: &Mapping| {
            let state = memory.registers().inputs().nth(mapping.input as usize);
            state == Some(InputState::Live(mapping.slot))
        };
        mappings.find(|(_, mapping)| is_there(mapping)).map(|(register, _)| register)
    }

    /// How many registers are mapped in a run.
    #[must_use]
    pub fn count(&self, context: ContextId) -> usize {
        self.of(context).count()
    }

    /// Forgets a run.
    pub fn release(&mut self, context: ContextId) {
        self.mappings.retain(|(of, _), _| *of != context);
    }

    fn of(&self, context: ContextId) -> impl Iterator<Item = (ContentId, Mapping)> {
        let all = self.mappings.iter().filter(move |((of, _), _)| *of == context);
        all.map(|((_, register), mapping)| (*register, *mapping))
    }

    /// Whether one more register can be mapped.
    pub(super) fn check(&self, context: ContextId, register: ContentId) -> Result<(), AccessError> {
        if self.mappings.contains_key(&(context, register)) {
            return Err(AccessError::AlreadyMapped(register));
        }
        if self.count(context) >= self.limit {
            return Err(AccessError::Limit { what: "mapped registers", limit: self.limit });
        }
        Ok(())
    }

    /// Puts a register into a slot. What fails leaves slot and mappings as they were.
    pub(super) fn load(
        &mut self,
        memory: &mut Memory,
        context: ContextId,
        access: &Access,
        slot: u32,
        rights: SlotRights,
    ) -> Result<(), AccessError> {
        self.check(context, access.id)?;
        let state = match access.state {
            LifecycleState::Active => Lifecycle::Active,
            LifecycleState::Locked { .. } => Lifecycle::Locked,
            LifecycleState::Frozen { .. } => Lifecycle::Frozen,
            LifecycleState::Pending { .. } => Lifecycle::Pending,
            LifecycleState::Consumed { .. } => return Err(AccessError::Consumed(access.id)),
        };
        let section = &access.entry.section;
        // Time of the store does not pass during a run.
        let loaded = Loaded { bytes: &access.bytes, rights, state, until: u64::MAX, section };
        let input = memory.load_register(slot.into(), loaded)?;
        self.mappings.insert((context, access.id), Mapping { slot, input });
        Ok(())
    }

    /// The mapped registers that the guest consumed.
    pub(super) fn consumed(&self, context: ContextId, memory: &Memory) -> Vec<ContentId> {
        let states: Vec<_> = memory.registers().inputs().collect();
        let is_consumed =
            |mapping: &Mapping| states.get(mapping.input as usize) == Some(&InputState::Consumed);
        self.of(context).filter(|(_, mapping)| is_consumed(mapping)).map(|(register, _)| register).collect()
    }

    /// The register of the store that an input of the register file is.
    pub(super) fn register_of_input(&self, context: ContextId, input: u32) -> Option<ContentId> {
        self.of(context).find(|(_, mapping)| mapping.input == input).map(|(register, _)| register)
    }

    /// The slots in which the guest left what it built.
    pub(super) fn left_behind(memory: &Memory) -> Result<Vec<u32>, RunError> {
        let mut left = Vec::new();
        for (number, slot) in (0u32..).zip(memory.registers().slots()) {
            let state = slot.lifecycle();
            if slot.is_loaded == 1 || !state.is_live() {
                continue;
            }
            if state == Lifecycle::Initial {
                return Err(RunError::NotSealed(number));
            }
            left.push(number);
        }
        Ok(left)
    }

    /// The register that the guest built in a slot, with the input that it descends from.
    pub(super) fn output_in(
        memory: &Memory,
        number: u32,
        by: Principal,
    ) -> Result<(Output, Option<u32>), RunError> {
        let slots = memory.registers().slots();
        let slot = slots.get(number as usize).ok_or(RunError::NotSealed(number))?;
        let bytes = memory.register_bytes(number).unwrap_or_default().to_vec();
        let output = decode(bytes, slot.lifecycle(), by);
        let output = output.map_err(|error| RunError::NotARegister { slot: number, error })?;
        Ok((output, slot.origin.checked_sub(1)))
    }

    /// Takes a complete register out of its slot, before the end of the run. If its bytes are no register, it stays.
    pub(super) fn take(
        memory: &mut Memory,
        number: u64,
        by: Principal,
    ) -> Result<(Output, Option<u32>), AccessError> {
        let slot = u32::try_from(number).map_err(|_| AccessError::NotMapped(number))?;
        let state = memory.register_state(number)?;
        if matches!(state, Lifecycle::Active | Lifecycle::Frozen) {
            let bytes = memory.register_bytes(slot).unwrap_or_default().to_vec();
            let decoded = decode(bytes, state, by);
            let output = decoded.map_err(|error| AccessError::NoRegister { slot: number, error })?;
            let (_, origin) = memory.take_register(number)?;
            return Ok((output, origin));
        }
        // Says which trap it is.
        memory.take_register(number)?;
        Err(AccessError::NotMapped(number))
    }
}

fn decode(bytes: Vec<u8>, state: Lifecycle, by: Principal) -> Result<Output, causality_store::EncodingError> {
    let register = ResourceRegister::from_bytes(&bytes)?;
    let id = register.content_id()?;
    let state = match state {
        Lifecycle::Frozen => LifecycleState::Frozen { by, reason: "frozen when it was created".to_owned() },
        // Locks of a run end with it.
        _ => LifecycleState::Active,
    };
    Ok(Output { id, register, bytes, state, origin: None })
}
