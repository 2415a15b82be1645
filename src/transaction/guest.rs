//! What a guest of a transaction can call, besides Linux: the rare operations on registers, its capabilities, the
//! journal, and hashes that are computed later.

use std::collections::BTreeMap;

use causality_abi::{Caller, Errno, HostFault, Ptr};
use causality_machine::registers::{Lifecycle, Operation};
use causality_machine::{Cause, Fault, Memory};
use causality_resource::{AccessError, Executing, Right, RunContext};
use causality_store::ContentId;
use causality_zk::{DeferredHashId, DeferredHashing, HashLimits};

use crate::{Error, Linker};

/// Bytes that are compared, copied or hashed for a unit of fuel.
const BYTES_FOR_FUEL: u64 = 4;

/// The longest reason for freezing a register.
const REASON: u64 = 1024;

/// The data of an instance that is a transaction's.
#[derive(Debug)]
pub(super) struct Guest {
    /// Always there while the guest runs.
    pub(super) run: Option<RunContext<Executing>>,
    pub(super) hashing: DeferredHashing,
    /// Registers whose hash was requested: slot, how many were created there, and the input in it.
    hashed: BTreeMap<(u64, u64, u32), DeferredHashId>,
}

impl Guest {
    pub(super) fn new(run: RunContext<Executing>, hashes: HashLimits) -> Self {
        let hashing = DeferredHashing::new().limits(hashes);
        Guest { run: Some(run), hashing, hashed: BTreeMap::new() }
    }
}

/// What the guest is told of a failed operation about `slot`.
fn fault(slot: u64) -> impl Fn(AccessError) -> HostFault {
    move |error| match error {
        AccessError::Denied { .. } => Errno::ACCES.into(),
        AccessError::NoSuchAccess(_) | AccessError::NotMapped(_) => Errno::INVAL.into(),
        AccessError::AlreadyMapped(_) => Errno::EXIST.into(),
        AccessError::Consumed(_) => HostFault::Access(Fault { cause: Cause::RegisterConsumed, tval: slot }),
        AccessError::Limit { .. } => Errno::NOSPC.into(),
        AccessError::Fault(fault) => HostFault::Access(fault),
        AccessError::Illegal(_) => Errno::PERM.into(),
        AccessError::NoRegister { .. } | AccessError::Encoding(_) => Errno::BADMSG.into(),
        other => HostFault::Fail(Box::new(other)),
    }
}

type Call<'a> = Caller<'a, Guest>;

/// The run and the memory of a guest that makes a call.
fn parts<'a>(caller: &'a mut Call<'_>) -> Result<(&'a mut RunContext<Executing>, &'a mut Memory), HostFault> {
    let (memory, guest) = caller.parts();
    let run = guest.run.as_mut().ok_or_else(|| HostFault::Fail("the run has ended".into()))?;
    Ok((run, memory))
}

fn id_at(caller: &Call<'_>, at: Ptr) -> Result<ContentId, HostFault> {
    Ok(ContentId::from_bytes(caller.read_pod(at.0)?))
}

/// A slot of the register file as operations of a run name it.
fn small(slot: u64) -> Result<u32, HostFault> {
    u32::try_from(slot).map_err(|_| HostFault::Access(Fault { cause: Cause::RegisterLimit, tval: slot }))
}

/// What each change of a register's state takes in fuel: the reference monitor decides on it, and may look far.
const DECISION: u64 = 1000;

/// The functions of `causality.h`. They return 0 unless something else is said.
pub(super) fn linker(engine: &crate::Engine) -> Result<Linker<Guest>, Error> {
    let mut linker = Linker::new(engine);
    linker.deferred_hashing(|guest: &mut Guest| &mut guest.hashing)?;
    linker.function("causality.request_register_hash", request_register_hash)?;
    linker.function("causality.context", context)?;
    linker.function("causality.register_id", register_id)?;
    linker.function("causality.load", |caller: &mut Call<'_>, id: Ptr, slot: u64| {
        caller.charge(DECISION);
        let (id, to) = (id_at(caller, id)?, small(slot)?);
        let (run, memory) = parts(caller)?;
        run.load(memory, id, to).map_err(fault(slot))?;
        Ok::<u64, HostFault>(0)
    })?;
    linker.function("causality.store", |caller: &mut Call<'_>, slot: u64, to: Ptr| {
        let length = caller.memory().register_length(slot).unwrap_or(0);
        caller.charge(length / BYTES_FOR_FUEL);
        let (run, memory) = parts(caller)?;
        if to.0 != 0 {
            // So that nothing has happened if it cannot be written.
            memory.slice_mut(to.0, 32)?;
        }
        let id = run.store(memory, slot).map_err(fault(slot))?;
        if to.0 != 0 {
            memory.slice_mut(to.0, 32)?.copy_from_slice(id.as_bytes());
        }
        Ok::<u64, HostFault>(0)
    })?;
    linker.function("causality.lock", |caller: &mut Call<'_>, slot: u64, expires_at: u64| {
        caller.charge(DECISION);
        let (run, memory) = parts(caller)?;
        run.lock(memory, slot, expires_at).map_err(fault(slot))?;
        Ok::<u64, HostFault>(0)
    })?;
    linker.function("causality.unlock", |caller: &mut Call<'_>, slot: u64| {
        caller.charge(DECISION);
        let (run, memory) = parts(caller)?;
        run.unlock(memory, slot).map_err(fault(slot))?;
        Ok::<u64, HostFault>(0)
    })?;
    linker.function("causality.freeze", |caller: &mut Call<'_>, slot: u64, reason: Ptr, len: u64| {
        if len > REASON {
            return Err(Errno::INVAL.into());
        }
        caller.charge(DECISION);
        let reason = String::from_utf8_lossy(caller.bytes(reason.0, len)?).into_owned();
        let (run, memory) = parts(caller)?;
        run.freeze(memory, slot, &reason).map_err(fault(slot))?;
        Ok::<u64, HostFault>(0)
    })?;
    linker.function("causality.unfreeze", |caller: &mut Call<'_>, slot: u64| {
        caller.charge(DECISION);
        let (run, memory) = parts(caller)?;
        run.unfreeze(memory, slot).map_err(fault(slot))?;
        Ok::<u64, HostFault>(0)
    })?;
    linker.function(
        "causality.use_capability",
        |caller: &mut Call<'_>, handle: u64, slot: u64, right: u64| {
            caller.charge(DECISION);
            let right = Right::ALL.into_iter().find(|known| u64::from(known.bit()) == right);
            let right = right.ok_or(Errno::INVAL)?;
            let (run, memory) = parts(caller)?;
            run.use_capability(memory, handle, slot, right).map_err(fault(slot))?;
            Ok::<u64, HostFault>(0)
        },
    )?;
    linker.function("causality.journal", |caller: &mut Call<'_>, bytes: Ptr, len: u64| {
        let (run, memory) = parts(caller)?;
        let appended = run.append_journal(memory.slice(bytes.0, len)?);
        caller.charge(len / BYTES_FOR_FUEL);
        appended.map_err(fault(0))?;
        Ok::<u64, HostFault>(0)
    })?;
    Ok(linker)
}

/// Requests the hash of a complete register, for the first time as that of any bytes and then at once.
fn request_register_hash(caller: &mut Call<'_>, slot: u64) -> Result<u64, HostFault> {
    let (memory, guest) = caller.parts();
    let number = memory.registers().check(slot, Operation::Read)?;
    let found = &memory.registers().slots()[number as usize];
    if found.lifecycle() == Lifecycle::Initial {
        return Err(Fault { cause: Cause::RegisterNotActive, tval: slot }.into());
    }
    let key = (slot, found.created, if found.is_loaded == 1 { found.origin } else { 0 });
    let bytes = memory.register_bytes(number).unwrap_or_default();
    let (id, cost) = match guest.hashed.get(&key) {
        Some(&earlier) => (guest.hashing.request_again(earlier), 0),
        None => (guest.hashing.request(bytes), bytes.len() as u64 / BYTES_FOR_FUEL),
    };
    let id = id.map_err(|_| Errno::NOMEM)?;
    guest.hashed.insert(key, id);
    caller.charge(cost);
    Ok(id.number())
}

/// Writes what registers built in this run have to name, and who the run is for: epoch, time context, initiator.
fn context(caller: &mut Call<'_>, to: Ptr) -> Result<u64, HostFault> {
    let (run, memory) = parts(caller)?;
    let out = memory.slice_mut(to.0, 72)?;
    out[..8].copy_from_slice(&run.time().epoch.to_le_bytes());
    out[8..40].copy_from_slice(run.time_context().as_bytes());
    out[40..].copy_from_slice(run.initiator().as_bytes());
    Ok(0)
}

/// Writes the identifier of a register that was loaded, which its successor has to name.
fn register_id(caller: &mut Call<'_>, slot: u64, to: Ptr) -> Result<u64, HostFault> {
    let (run, memory) = parts(caller)?;
    let id = run.integration().register_in(run.context(), slot, memory);
    let id = id.ok_or(Errno::INVAL)?;
    memory.slice_mut(to.0, 32)?.copy_from_slice(id.as_bytes());
    Ok(0)
}
