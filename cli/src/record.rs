//! `causality-vm record`.

use std::path::Path;

use causality_store::{Object, Store};
use serde_json::json;

use crate::account::Account;
use crate::args::{Place, RecordArg, RecordArgs, RecordCommand};
use crate::failure::Failure;
use crate::{account_json, hashes, names, printing, record_file, transaction};

/// Tells what runs did.
pub(crate) fn record(args: &RecordArgs) -> Result<u8, Failure> {
    match &args.command {
        RecordCommand::Show { record, hashes } => show(&args.place, record, *hashes),
        RecordCommand::List => list(&args.place),
    }
}

fn show(place: &Place, named: &RecordArg, with_hashes: bool) -> Result<u8, Failure> {
    // A file tells most of it alone.
    let store = match named {
        RecordArg::File(_) => open_if_there(&place.store)?,
        RecordArg::Id(_) => Some(Store::open_existing(&place.store).map_err(Failure::new)?),
    };
    let record = match (named, &store) {
        (RecordArg::File(path), _) => record_file::read(path)?,
        (RecordArg::Id(id), Some(store)) => store.get(*id).map_err(Failure::new)?,
        (RecordArg::Id(id), None) => return Err(Failure::new(format!("there is no store to find {id} in"))),
    };
    let id = record.content_id().map_err(Failure::new)?;
    let account = Account::new(&record, id, store.as_ref())?;
    let (mut json, mut text) = (account_json::of(&account), account.to_string());
    if with_hashes {
        let hashes = hashes::of(&record, store.as_ref())?;
        json["hashes"] = hashes::json(&hashes);
        text += &hashes::text(&hashes);
    }
    printing::print(place.json, &json, &text)
}

fn open_if_there(directory: &Path) -> Result<Option<Store>, Failure> {
    match Store::open_existing(directory) {
        Ok(store) => Ok(Some(store)),
        Err(causality_store::StoreError::NoStore(_)) => Ok(None),
        Err(error) => Err(Failure::new(error)),
    }
}

fn list(place: &Place) -> Result<u8, Failure> {
    let store = Store::open_existing(&place.store).map_err(Failure::new)?;
    let snapshot = store.snapshot().map_err(Failure::new)?;
    let (mut text, mut all) = (String::new(), Vec::new());
    for id in snapshot.records().map_err(Failure::new)? {
        let id = id.map_err(Failure::new)?;
        let Some(record) = record_file::in_store(&snapshot, id)? else {
            text += &format!("{id}  of another version of this program\n");
            all.push(json!({"record": id, "program": null}));
            continue;
        };
        text += &format!("{id}  {}, {}\n", names::exit(&record.exit), transaction::effects(&record));
        all.push(json!({
            "record": id,
            "program": record.program,
            "initiator": record.initiator.to_string(),
            "exit": record.exit.to_string(),
            "consumed": record.consumed.len(),
            "updated": record.updated.len(),
            "created": record.created.len(),
        }));
    }
    printing::print(place.json, &json!(all), &text)
}
