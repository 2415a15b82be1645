//! `causality-vm store`.

use std::fs::File;
use std::io::{self, Read};
use std::path::Path;

use causality_store::{Checked, Collected, Commit, ContentId, Progress, Stats, Store, StoreError};
use indicatif::{ProgressBar, ProgressStyle};
use serde_json::{Value, json};

use crate::args::{StoreArgs, StoreCommand};
use crate::failure::Failure;
use crate::{printing, roots};

/// What `verify` ends with if something is wrong.
const DAMAGED: u8 = 1;

/// Does something with a store.
pub(crate) fn store(args: &StoreArgs) -> Result<u8, Failure> {
    // Only what comes first makes a store: elsewhere a directory without one is a mistake.
    let store = match &args.command {
        StoreCommand::Put { .. } | StoreCommand::Trust { .. } => Store::open(&args.place.store),
        _ => Store::open_existing(&args.place.store),
    };
    let store = store.map_err(Failure::new)?;
    match &args.command {
        StoreCommand::Put { file, kind, no_pin } => put(&store, args, file, *kind, !no_pin),
        StoreCommand::Get { id, output } => get(&store, *id, output.as_deref()),
        StoreCommand::Verify { ids } => verify(&store, args, ids),
        StoreCommand::Gc { dry_run } => gc(&store, args, *dry_run),
        StoreCommand::Stat { id: Some(id) } => stat_object(&store, args, *id),
        StoreCommand::Stat { id: None } => stat(&store, args),
        StoreCommand::Pin { ids } => pin(&store, ids, true),
        StoreCommand::Unpin { ids } => pin(&store, ids, false),
        StoreCommand::Epoch { advance } => epoch(&store, args, *advance),
        StoreCommand::Trust { roots, remove } => roots::trust(args, roots, *remove),
    }
}

fn put(
    store: &Store,
    args: &StoreArgs,
    file: &Path,
    kind: causality_store::ObjectKind,
    is_pinned: bool,
) -> Result<u8, Failure> {
    let named = |error: &dyn std::fmt::Display| Failure::new(format!("{}: {error}", file.display()));
    let (reader, length): (Box<dyn Read>, u64) = match file == Path::new("-") {
        true => (Box::new(io::stdin().lock()), 0),
        false => {
            let file = File::open(file).map_err(|error| named(&error))?;
            let length = file.metadata().map_err(|error| named(&error))?.len();
            (Box::new(file), length)
        }
    };
    let bar = bar("{wide_bar} {bytes}/{total_bytes} {elapsed}");
    bar.set_length(length);
    let staged = store.stage(kind, bar.wrap_read(reader), Vec::new()).map_err(|error| named(&error))?;
    bar.finish_and_clear();
    let (id, length) = (staged.id(), staged.length());
    let mut commit = Commit::new();
    commit.staged(staged);
    if is_pinned {
        commit.pin(id);
    }
    store.commit(commit).map_err(Failure::new)?;
    let object = json!({"id": id, "kind": kind.name(), "bytes": length, "pinned": is_pinned});
    print(args, object, format!("{id}\n"))
}

fn get(store: &Store, id: ContentId, output: Option<&Path>) -> Result<u8, Failure> {
    let mut reader = store.open_object(id).map_err(Failure::new)?;
    let bar = bar("{wide_bar} {bytes}/{total_bytes} {elapsed}");
    bar.set_length(reader.length());
    let result = match output {
        None => io::copy(&mut bar.wrap_read(&mut reader), &mut io::stdout().lock()),
        Some(path) => File::create(path).and_then(|mut file| {
            io::copy(&mut bar.wrap_read(&mut reader), &mut file).inspect_err(|_| {
                // Half an object is none.
                let _ = std::fs::remove_file(path);
            })
        }),
    };
    bar.finish_and_clear();
    match result {
        Err(error) if error.kind() != io::ErrorKind::BrokenPipe => Err(Failure::new(error)),
        _ => Ok(0),
    }
}

fn verify(store: &Store, args: &StoreArgs, ids: &[ContentId]) -> Result<u8, Failure> {
    if !ids.is_empty() {
        return verify_objects(store, args, ids);
    }
    let bar = bar("{wide_bar} {msg} {pos}/{len} {elapsed}");
    let checked = store.verify(shown(&bar)).map_err(Failure::new)?;
    bar.finish_and_clear();
    let Checked { objects, bytes, states, nullifiers, damage, .. } = &checked;
    let mut text = format!(
        "objects     {objects}, {bytes} bytes\nstate       {states} keys\nnullifiers  {nullifiers}\n"
    );
    for damage in damage {
        let object = damage.object.map_or_else(String::new, |id| format!("{id}: "));
        text += &format!("damaged     {object}{}\n", damage.what);
    }
    if damage.is_empty() {
        text += "damaged     nothing\n";
    }
    print(args, json!(checked), text)?;
    Ok(if damage.is_empty() { 0 } else { DAMAGED })
}

fn verify_objects(store: &Store, args: &StoreArgs, ids: &[ContentId]) -> Result<u8, Failure> {
    let (mut code, mut text, mut objects) = (0, String::new(), Vec::new());
    for id in ids {
        match store.verify_object(*id) {
            Ok(bytes) => {
                text += &format!("{id}  {bytes} bytes\n");
                objects.push(json!({"id": id, "bytes": bytes, "damage": null}));
            }
            Err(error @ StoreError::Io(_)) => return Err(Failure::new(error)),
            Err(error) => {
                code = DAMAGED;
                text += &format!("{id}  {error}\n");
                objects.push(json!({"id": id, "bytes": null, "damage": error.to_string()}));
            }
        }
    }
    print(args, json!(objects), text)?;
    Ok(code)
}

fn gc(store: &Store, args: &StoreArgs, is_dry: bool) -> Result<u8, Failure> {
    let bar = bar("{wide_bar} {msg} {pos}/{len} {elapsed}");
    let collected = match is_dry {
        true => store.count_garbage(shown(&bar)),
        false => store.collect(shown(&bar)),
    };
    bar.finish_and_clear();
    let collected = collected.map_err(Failure::new)?;
    let Collected { kept, dropped, bytes, rescued, uploads, .. } = collected;
    let verb = if is_dry { "garbage " } else { "dropped " };
    let mut text = format!("kept      {kept} objects\n{verb}  {dropped} objects, {bytes} bytes\n");
    if rescued > 0 {
        text += &format!("rescued   {rescued} objects, which came to be needed meanwhile\n");
    }
    text += &format!("uploads   {uploads} that nobody will finish\n");
    print(args, json!(collected), text)
}

fn stat(store: &Store, args: &StoreArgs) -> Result<u8, Failure> {
    let stats = store.stats().map_err(Failure::new)?;
    let Stats { roots, objects, states, nullifiers, records, pins, uploads, file_bytes, .. } = &stats;
    let mut text = format!("epoch       {}\ncommits     {}\n", roots.epoch, roots.commits);
    text += &format!("state       {states} keys, root {}\n", roots.state);
    text += &format!("nullifiers  {nullifiers}, root {}\n", roots.nullifiers);
    text += &format!("records     {records}\npins        {pins}\nuploads     {uploads}\n");
    for (kind, (count, bytes)) in objects {
        text += &format!("{:<11} {count}, {bytes} bytes\n", format!("{kind}s"));
    }
    text += &format!("file        {file_bytes} bytes\n");
    print(args, json!(stats), text)
}

fn stat_object(store: &Store, args: &StoreArgs, id: ContentId) -> Result<u8, Failure> {
    let snapshot = store.snapshot().map_err(Failure::new)?;
    let reader = snapshot.open(id).map_err(Failure::new)?;
    let references = snapshot.references(id).map_err(Failure::new)?;
    let is_pinned = snapshot.is_pinned(id).map_err(Failure::new)?;
    let (kind, length) = (reader.kind(), reader.length());
    let mut text = format!("object      {id}\nkind        {kind}\nlength      {length} bytes\n");
    text += &format!("pinned      {}\n", if is_pinned { "yes" } else { "no" });
    for reference in &references {
        text += &format!("refers to   {reference}\n");
    }
    let object = json!({"id": id, "kind": kind.name(), "bytes": length, "pinned": is_pinned, "references": references});
    print(args, object, text)
}

fn pin(store: &Store, ids: &[ContentId], is_pinned: bool) -> Result<u8, Failure> {
    let mut commit = Commit::new();
    for id in ids {
        match is_pinned {
            true => commit.pin(*id),
            false => commit.unpin(*id),
        };
    }
    store.commit(commit).map_err(Failure::new)?;
    Ok(0)
}

fn epoch(store: &Store, args: &StoreArgs, advance: bool) -> Result<u8, Failure> {
    let epoch = match advance {
        true => store.advance_epoch().map_err(Failure::new)?,
        false => store.snapshot().map_err(Failure::new)?.epoch(),
    };
    print(args, json!({"epoch": epoch}), format!("{epoch}\n"))
}

fn print(args: &StoreArgs, json: Value, text: String) -> Result<u8, Failure> {
    printing::print(args.place.json, &json, &text)
}

/// Draws on a terminal only.
fn bar(template: &str) -> ProgressBar {
    let style = ProgressStyle::with_template(template);
    ProgressBar::new(0).with_style(style.unwrap_or_else(|_| ProgressStyle::default_bar()))
}

fn shown(bar: &ProgressBar) -> impl FnMut(Progress) + '_ {
    |progress| {
        bar.set_message(progress.step);
        bar.set_length(progress.total);
        bar.set_position(progress.done);
    }
}
