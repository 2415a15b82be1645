//! `causality-vm register`.

use std::path::PathBuf;

use causality_store::Object;
use causality_vm::resource::{
    Committed, Executing, Intent, KeyPair, LifecycleState, RegisterDraft, RegisterEntry, Rejected,
    ResourceManager, ResourceRegister, RunContext, RunError, Transition,
};
use causality_vm::{ContentId, Tier};
use serde_json::{Value, json};

use crate::args::{CreateArgs, RegisterArgs, RegisterCommand, SignedArgs};
use crate::failure::Failure;
use crate::resources::{self, Signed};
use crate::{names, printing, record_file, transaction};

/// Issues registers, shows them, or changes their state.
pub(crate) fn register(args: &RegisterArgs) -> Result<u8, Failure> {
    match &args.command {
        RegisterCommand::Create(create_args) => create(args, create_args),
        RegisterCommand::List => list(args),
        RegisterCommand::Show { id } => show(args, *id),
        RegisterCommand::Lock { id, until, signed } => {
            change(args, signed, *id, Transition::Lock { expires_at: *until })
        }
        RegisterCommand::Unlock { id, signed } => change(args, signed, *id, Transition::Unlock),
        RegisterCommand::Freeze { id, reason, signed } => {
            change(args, signed, *id, Transition::Freeze { reason: reason.clone() })
        }
        RegisterCommand::Unfreeze { id, signed } => change(args, signed, *id, Transition::Unfreeze),
    }
}

fn open(args: &RegisterArgs) -> Result<ResourceManager, Failure> {
    resources::open(&args.place.store, &[], Tier::Auto)
}

fn create(args: &RegisterArgs, create: &CreateArgs) -> Result<u8, Failure> {
    let read = |path: &PathBuf| {
        std::fs::read(path).map_err(|error| Failure::new(format!("{}: {error}", path.display())))
    };
    let metadata = create.metadata.as_ref().map(read).transpose()?.unwrap_or_default();
    let draft = RegisterDraft {
        logic: create.logic.0,
        domain: create.domain.id,
        quantity: create.quantity,
        controller: create.to,
        nullifier_key: random(),
        nonce: random(),
        predecessor: None,
        metadata,
    };
    let mut id = None;
    let name = create.domain.name.as_deref();
    let code = run(args, &create.signed, name, None, |run| {
        id = Some(run.create(draft)?);
        Ok(())
    })?;
    match id {
        Some(id) if code == 0 => {
            printing::print(args.place.json, &json!({"register": id}), &format!("{id}\n"))
        }
        _ => Ok(code),
    }
}

/// Fresh randomness of the operating system: that is what a secret is made of.
fn random() -> [u8; 32] {
    KeyPair::generate().secret()
}

fn change(
    args: &RegisterArgs,
    signed: &SignedArgs,
    id: ContentId,
    transition: Transition,
) -> Result<u8, Failure> {
    run(args, signed, None, Some(id), |run| Ok(run.transition(id, transition)?))
}

/// A run without a guest. Says on stderr what has become of it.
fn run(
    args: &RegisterArgs,
    signed: &SignedArgs,
    domain: Option<&str>,
    controls: Option<ContentId>,
    act: impl FnOnce(&mut RunContext<Executing>) -> Result<(), RunError>,
) -> Result<u8, Failure> {
    let manager = resources::open(&args.place.store, &signed.root, Tier::Auto)?;
    match attempt(&manager, &Signed::read(signed)?, domain, controls, act) {
        Ok(Ok(committed)) => {
            eprintln!(
                "causality-vm: committed {}: {}",
                committed.id,
                transaction::effects(&committed.record)
            );
            record_file::write(&committed.record, signed.record.as_deref())?;
            Ok(0)
        }
        Ok(Err(rejected)) => {
            transaction::tell_refusal(&rejected);
            record_file::write(&rejected.record, signed.record.as_deref())?;
            Ok(transaction::code_of(&rejected.error))
        }
        Err(error) if resources::is_host_failure(&error) => Err(Failure::new(error)),
        Err(error) => Err(Failure::of_transaction(format!("not committed: {error}"))),
    }
}

fn attempt(
    manager: &ResourceManager,
    signed: &Signed,
    domain: Option<&str>,
    controls: Option<ContentId>,
    act: impl FnOnce(&mut RunContext<Executing>) -> Result<(), RunError>,
) -> Result<Result<Committed, Rejected>, RunError> {
    let mut run = manager.begin(signed.key.principal())?;
    for capability in &signed.capabilities {
        run.capability(capability)?;
    }
    if let Some(name) = domain {
        // So that the store has the name, and not only what is made of it.
        run.input("domain", name.as_bytes());
    }
    if let Some(id) = controls {
        run.declare(id, Intent::Control)?;
    }
    let mut run = run.start()?;
    if let Err(error) = act(&mut run) {
        return Ok(Err(run.reject(error)));
    }
    Ok(run.finish_host().finalize().and_then(|run| run.verify()).and_then(|run| run.commit()))
}

fn list(args: &RegisterArgs) -> Result<u8, Failure> {
    let manager = open(args)?;
    let registers = manager.registers().map_err(Failure::new)?;
    let snapshot = manager.store().snapshot().map_err(Failure::new)?;
    let (mut text, mut all) = (String::new(), Vec::new());
    for (id, register, entry) in &registers {
        let (quantity, controller, state) = (register.quantity, register.controller, &entry.lifecycle);
        let domain = names::domain(&snapshot, register.domain);
        text += &format!("{id}  {quantity} {domain}, of {controller}, {state}\n");
        all.push(to_json(*id, register, entry));
    }
    printing::print(args.place.json, &json!(all), &text)
}

fn show(args: &RegisterArgs, id: ContentId) -> Result<u8, Failure> {
    let manager = open(args)?;
    let (register, entry) = manager.register(id).map_err(Failure::new)?;
    let snapshot = manager.store().snapshot().map_err(Failure::new)?;
    let mut text = format!("register    {id}\nlogic       {}\n", names::logic(register.logic));
    let domain = names::domain(&snapshot, register.domain);
    text += &format!("domain      {domain}\nquantity    {}\n", register.quantity);
    text += &format!("controller  {}\ncreated in  epoch {}\n", register.controller, register.observed_at);
    if let Some(predecessor) = register.predecessor {
        text += &format!("from        {predecessor}\n");
    }
    text += &format!("metadata    {} bytes\n", register.metadata.len());
    text += &format!("section     {}\nstate       {}\n", entry.section, entry.lifecycle);
    let mut json = to_json(id, &register, &entry);
    if let LifecycleState::Consumed { .. } = entry.lifecycle {
        let nullifier = register.nullifier().map_err(Failure::new)?;
        let by = snapshot.consumed_by(nullifier).map_err(Failure::new)?;
        by.iter().for_each(|by| text += &format!("by          {by}\n"));
        json["consumed_by"] = json!(by);
    }
    printing::print(args.place.json, &json, &text)
}

fn to_json(id: ContentId, register: &ResourceRegister, entry: &RegisterEntry) -> Value {
    json!({
        "register": id,
        "logic": names::logic(register.logic),
        "domain": register.domain,
        "quantity": register.quantity,
        "controller": register.controller.to_string(),
        "epoch": register.observed_at,
        "predecessor": register.predecessor,
        "metadata_bytes": register.metadata.len(),
        "bytes": register.to_bytes().map_or(0, |bytes| bytes.len()),
        "section": entry.section,
        "state": entry.lifecycle.name(),
        "state_in_full": entry.lifecycle.to_string(),
    })
}
