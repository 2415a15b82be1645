//! A record as JSON.

use causality_vm::ContentId;
use causality_vm::resource::{Record, RunExit, Verdict};
use serde_json::{Value, json};

use crate::account::Account;
use crate::names;

/// All of the record, and what the store adds to it.
pub(crate) fn of(account: &Account<'_>) -> Value {
    let record = account.record;
    let mut json = facts(record);
    json["record"] = json!(account.id);
    json["took_effect"] = json!(account.took_effect);
    json["roots_after"] = json!(account.roots);
    json["epoch"] = json!(account.time.as_ref().map(|time| time.epoch));
    json["accesses"] = array(&record.accesses, |it| {
        with_contents(account, it.register, json!({"intent": it.intent.name(), "entry": it.entry}))
    });
    json["consumed"] = array(&record.consumed, |it| {
        with_contents(account, it.register, json!({"nullifier": it.nullifier.to_string()}))
    });
    json["updated"] = array(&record.updated, |it| {
        let rest = json!({"nullifier": it.nullifier.to_string(), "successors": it.successors});
        with_contents(account, it.register, rest)
    });
    json["created"] = array(&record.created, |it| {
        with_contents(account, it.register, json!({"predecessor": it.predecessor}))
    });
    json
}

fn facts(record: &Record) -> Value {
    json!({
        "version": record.version,
        "semantics": record.semantics,
        "program": record.program,
        "initiator": record.initiator.to_string(),
        "inputs": array(&record.inputs, |it| json!({"name": it.name, "blob": it.blob})),
        "parents": record.parents,
        "time_context": record.time_context,
        "state_root": record.state_root.to_string(),
        "state_root_after": record.state_root_after.to_string(),
        "state_proof": record.state_proof,
        "nullifier_root": record.nullifier_root.to_string(),
        "effects": record.effects.to_string(),
        "transitions": array(&record.transitions, |it| {
            let (from, to) = (it.from.to_string(), it.to.to_string());
            json!({"register": it.register, "transition": it.transition.name(), "from": from, "to": to})
        }),
        "capabilities": record.capabilities,
        "revoked": array(&record.revoked, |it| json!(it.to_string())),
        "budgets": array(&record.budgets, |it| {
            let spent = |spent: causality_vm::resource::Spent| {
                json!({"uses": spent.uses, "quantity": spent.quantity.to_string()})
            };
            json!({"block": it.block.to_string(), "before": spent(it.before), "after": spent(it.after)})
        }),
        "decisions": array(&record.decisions, |it| {
            let reason = match &it.verdict {
                Verdict::Allowed => None,
                Verdict::Denied(reason) => Some(reason.to_string()),
            };
            json!({
                "allowed": it.is_allowed(), "reason": reason, "right": it.right.name(), "resource": it.resource,
                "phase": it.phase.name(), "epoch": it.epoch, "initiator": it.initiator.to_string(),
                "capability": array(&it.capability, |block| json!(block.to_string())),
            })
        }),
        "journal": record.journal,
        "exit": exit(&record.exit),
        "fuel": record.fuel,
        "deferred_hashes": record.deferred_hashes,
        "in_run_registers": record.in_run_registers,
    })
}

fn array<T>(items: &[T], to_json: impl FnMut(&T) -> Value) -> Value {
    Value::Array(items.iter().map(to_json).collect())
}

/// What is known of a register, besides the rest.
fn with_contents(account: &Account<'_>, id: ContentId, mut rest: Value) -> Value {
    rest["register"] = json!(id);
    if let Some(register) = account.registers.get(&id) {
        rest["quantity"] = json!(register.quantity);
        rest["domain"] = json!(register.domain);
        rest["controller"] = json!(register.controller.to_string());
        rest["logic"] = json!(names::logic(register.logic));
    }
    rest
}

/// Numbers of 64 bits that are addresses are text, as in reports.
pub(crate) fn exit(exit: &RunExit) -> Value {
    match exit {
        RunExit::Host => json!({"kind": "host"}),
        RunExit::Exited(code) => json!({"kind": "completed", "code": code}),
        RunExit::Trapped { cause, pc, tval } => {
            json!({"kind": "trap", "cause_code": cause, "pc": format!("{pc:#x}"), "tval": format!("{tval:#x}")})
        }
        RunExit::OutOfFuel => json!({"kind": "out_of_fuel"}),
        RunExit::Rejected(reason) => json!({"kind": "rejected", "reason": reason}),
    }
}
