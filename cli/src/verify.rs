//! `causality-vm verify`.

use causality_store::{Object, Store};
use causality_vm::resource::{FieldDifference, Record};
use causality_vm::transaction::{TransactionError, Transactions, Verification};
use causality_vm::{Config, ContentId};
use serde_json::json;

use crate::args::{RecordArg, VerifyArgs};
use crate::failure::Failure;
use crate::{printing, record_file, resources, transaction};

/// What it ends with if the record is not confirmed.
const NOT_CONFIRMED: u8 = 1;
/// What it ends with if the record is that of a run that was refused, and still is.
const STILL_REFUSED: u8 = 2;

/// With more fields than this that differ, a record is another one rather than a changed one.
const MOST_CHANGED: usize = 8;

/// Repeats a recorded run and tells whether it comes to the very record.
pub(crate) fn verify(args: &VerifyArgs) -> Result<u8, Failure> {
    let manager = resources::open(&args.place.store, &args.root, args.tier.into())?;
    let store = manager.store();
    let claimed = match &args.record {
        RecordArg::File(path) => record_file::read(path)?,
        RecordArg::Id(id) => store.get(*id).map_err(Failure::new)?,
    };
    let id = claimed.content_id().map_err(Failure::new)?;
    let roots = store.snapshot().and_then(|snapshot| snapshot.roots_after(id)).map_err(Failure::new)?;
    if roots.is_none()
        && let Some((original, differences)) = nearest(store, &claimed)?
    {
        let why = format!("it is not in the store, and differs from {original}, which is");
        return tell(args, id, &why, &differences, ["the store", "this record"]);
    }
    if claimed.program.is_none() {
        return Err(Failure::new(format!("{id}: no guest ran, so there is nothing to repeat")));
    }
    let config = args.limits.of(Config::new().tier(args.tier.into()));
    let transactions = Transactions::new(manager, config);
    match transactions.verify_record(&claimed) {
        Ok(verification) if roots.is_none() && verification.is_reproduced() => {
            uncommitted(args, id, &claimed, verification)
        }
        Ok(verification) if verification.is_confirmed() => {
            let text = format!("confirmed {id}: {} instructions\n", claimed.fuel);
            let json = json!({"record": id, "confirmed": true, "reason": null, "differences": []});
            printing::print(args.place.json, &json, &text)
        }
        Ok(verification) => {
            let why = match &verification.refusal {
                Some(refusal) if resources::is_host_failure(refusal) => {
                    return Err(Failure::new(format!("{id}: {refusal}")));
                }
                Some(refusal) => format!("its repetition is refused: {refusal}"),
                None if verification.differences.is_empty() => "the store contradicts it".to_owned(),
                None => "its repetition comes to another record".to_owned(),
            };
            let fields = [verification.differences, verification.contradictions].concat();
            tell(args, id, &why, &fields, ["the repetition", "the record"])
        }
        Err(TransactionError::Record { field, problem }) => {
            let never = "no run with this record took effect in the store, and ";
            let never = if roots.is_none() { never } else { "" };
            let why = format!("{never}its field `{field}` cannot be repeated: {problem}");
            tell(args, id, &why, &[], ["", ""])
        }
        Err(error) => Err(Failure::new(format!("{id}: {error}"))),
    }
}

/// It can be repeated, and took no effect. That it was ever run nobody can tell: what a record says that a run was given can be
/// made up, and is repeated faithfully.
fn uncommitted(
    args: &VerifyArgs,
    id: ContentId,
    claimed: &Record,
    verification: Verification,
) -> Result<u8, Failure> {
    let Some(refusal) = verification.refusal else {
        let why = "no run with this record took effect in the store";
        return tell(args, id, why, &verification.contradictions, ["the store", "the record"]);
    };
    let why = format!("it took no effect, and would be refused again: {}", transaction::reason(&refusal));
    let text = format!("repeated {id}: {} instructions; {why}\n", claimed.fuel);
    let json = json!({"record": id, "confirmed": false, "repeated": true, "reason": why, "differences": []});
    printing::print(args.place.json, &json, &text)?;
    Ok(STILL_REFUSED)
}

/// The record in the store from which this one differs least.
fn nearest(store: &Store, claimed: &Record) -> Result<Option<(ContentId, Vec<FieldDifference>)>, Failure> {
    let snapshot = store.snapshot().map_err(Failure::new)?;
    let mut nearest: Option<(ContentId, Vec<FieldDifference>)> = None;
    for id in snapshot.records().map_err(Failure::new)? {
        let id = id.map_err(Failure::new)?;
        // Those of other versions resemble none.
        let Some(record) = record_file::in_store(&snapshot, id)? else { continue };
        let differences = record.diff(claimed);
        let least = nearest.as_ref().map_or(MOST_CHANGED + 1, |(_, differences)| differences.len());
        if differences.len() < least {
            nearest = Some((id, differences));
        }
    }
    Ok(nearest)
}

fn tell(
    args: &VerifyArgs,
    id: ContentId,
    why: &str,
    differences: &[FieldDifference],
    [left, right]: [&str; 2],
) -> Result<u8, Failure> {
    let mut text = format!("not confirmed {id}: {why}\n");
    for difference in differences {
        text += &format!("  field `{}`\n", difference.field);
        text += &format!("    {left}: {}\n    {right}: {}\n", difference.left, difference.right);
    }
    let fields = differences.iter().map(|it| json!({"field": it.field, left: it.left, right: it.right}));
    let fields: Vec<_> = fields.collect();
    let json = json!({"record": id, "confirmed": false, "reason": why, "differences": fields});
    printing::print(args.place.json, &json, &text)?;
    Ok(NOT_CONFIRMED)
}
