//! `causality-vm capability`.

use std::path::Path;

use causality_store::{Object, Store};
use causality_vm::resource::{Capability, Grant, ResourceManager, VerifiedCapability};
use serde_json::{Value, json};

use crate::args::{CapabilityArgs, CapabilityCommand, GrantArgs, Place};
use crate::failure::Failure;
use crate::{capability_file, key_file, printing};

/// Makes, shows or revokes a capability.
pub(crate) fn capability(args: &CapabilityArgs) -> Result<u8, Failure> {
    match &args.command {
        CapabilityCommand::Issue(args) => issue(&args.key, &args.grant, args.output.as_deref()),
        CapabilityCommand::Attenuate { file, narrow, output } => {
            let (parent, _) = capability_file::read(file)?;
            let child = parent.attenuate(&narrow.attenuation()).map_err(Failure::new)?;
            capability_file::write(&child, output.as_deref())
        }
        CapabilityCommand::Delegate { file, key, to, narrow, output } => {
            let (parent, _) = capability_file::read(file)?;
            let child = parent.delegate(&key_file::read(key)?, *to, &narrow.attenuation());
            capability_file::write(&child.map_err(Failure::new)?, output.as_deref())
        }
        CapabilityCommand::Show { file, json } => {
            let (capability, verified) = capability_file::read(file)?;
            show(&capability, &verified, *json)
        }
        CapabilityCommand::Revoke { file, place } => {
            let (_, verified) = capability_file::read(file)?;
            revoke(&verified, place)
        }
    }
}

fn issue(key: &Path, grant: &GrantArgs, output: Option<&Path>) -> Result<u8, Failure> {
    let limits = grant.limits.limits();
    let grant = Grant { limits, ..Grant::new(grant.to, grant.target.0, grant.rights) };
    let capability = grant.issue(&key_file::read(key)?).map_err(Failure::new)?;
    capability_file::write(&capability, output)
}

/// Revokes the last block: this capability and what was made from it, but not what it was made from.
fn revoke(capability: &VerifiedCapability, place: &Place) -> Result<u8, Failure> {
    let store = Store::open_existing(&place.store).map_err(Failure::new)?;
    let block = capability.revocation_ids().last().copied();
    let block = block.ok_or_else(|| Failure::new("the capability has no block to revoke"))?;
    ResourceManager::new(store).revoke([block]).map_err(Failure::new)?;
    printing::print(place.json, &json!({"revoked": block.to_string()}), &format!("{block}\n"))
}

fn show(capability: &Capability, verified: &VerifiedCapability, is_json: bool) -> Result<u8, Failure> {
    let id = capability.content_id().map_err(Failure::new)?;
    let mut text = format!("capability  {id}\nissuer      {}\n", verified.issuer());
    for holder in verified.holders() {
        text += &format!("holder      {holder}\n");
    }
    let targets: Vec<_> = verified.targets().map(|target| target.to_string()).collect();
    text += &format!("covers      {}\nrights      {}\n", targets.join(", and "), verified.rights());
    if let Some(epoch) = verified.valid_from() {
        text += &format!("valid from  epoch {epoch}\n");
    }
    if let Some(epoch) = verified.expires_at() {
        text += &format!("expires at  epoch {epoch}\n");
    }
    for budget in verified.budgets() {
        let uses = budget.max_uses.map(|uses| format!("{uses} uses"));
        let quantity = budget.max_quantity.map(|quantity| format!("a quantity of {quantity}"));
        let limits: Vec<_> = uses.into_iter().chain(quantity).collect();
        text += &format!("at most     {}, counted for {}\n", limits.join(" and "), budget.block);
    }
    for block in verified.revocation_ids() {
        text += &format!("block       {block}\n");
    }
    printing::print(is_json, &to_json(id.to_string(), verified), &text)
}

fn to_json(id: String, verified: &VerifiedCapability) -> Value {
    let budgets = verified.budgets().map(|budget| {
        let (uses, quantity) = (budget.max_uses, budget.max_quantity);
        json!({"block": budget.block.to_string(), "max_uses": uses, "max_quantity": quantity})
    });
    json!({
        "capability": id,
        "issuer": verified.issuer().to_string(),
        "holders": verified.holders().iter().map(ToString::to_string).collect::<Vec<_>>(),
        "targets": verified.targets().map(|target| target.to_string()).collect::<Vec<_>>(),
        "rights": verified.rights().iter().map(|right| right.name()).collect::<Vec<_>>(),
        "valid_from": verified.valid_from(),
        "expires_at": verified.expires_at(),
        "budgets": budgets.collect::<Vec<_>>(),
        "blocks": verified.revocation_ids().iter().map(ToString::to_string).collect::<Vec<_>>(),
    })
}
