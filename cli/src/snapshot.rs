//! Snapshots in files: writing, reading, showing.

use std::fs::File;
use std::io::{BufReader, BufWriter, Write};
use std::path::Path;

use causality_vm::Instance;
use causality_vm::snapshot::{Snapshot, SnapshotError};
use serde_json::json;

use crate::args::{SnapshotArgs, SnapshotCommand};
use crate::failure::Failure;
use crate::printing::print;

/// Writes a snapshot of a guest that has stopped. A file that is there is replaced when the new one is complete.
pub(crate) fn write(path: &Path, instance: &mut Instance<()>) -> Result<(), Failure> {
    let snapshot = Snapshot::of(instance).map_err(Failure::new)?;
    let mut unfinished = path.as_os_str().to_owned();
    unfinished.push(".unfinished");
    let write = || {
        let mut file = BufWriter::new(File::create(&unfinished)?);
        snapshot.write_to(&mut file)?;
        file.flush()?;
        std::fs::rename(&unfinished, path)
    };
    write().map_err(|error| Failure::new(format!("cannot write {}: {error}", path.display())))?;
    let (root, retired) = (snapshot.root(), snapshot.retired());
    eprintln!("causality-vm: snapshot {root} after {retired} instructions in {}", path.display());
    Ok(())
}

/// Reads one; nothing may follow it.
pub(crate) fn read(path: &Path) -> Result<Snapshot, Failure> {
    let open = || {
        let mut file = BufReader::new(File::open(path)?);
        let snapshot = Snapshot::read_from(&mut file)?;
        match std::io::copy(&mut file, &mut std::io::sink())? {
            0 => Ok(snapshot),
            _ => Err(SnapshotError::Trailing),
        }
    };
    open().map_err(|error| Failure::new(error).at(path.display()))
}

/// Does what is asked with a snapshot.
pub(crate) fn snapshot(args: &SnapshotArgs) -> Result<u8, Failure> {
    let SnapshotCommand::Show { json, file } = &args.command;
    show(&read(file)?, *json)
}

fn show(snapshot: &Snapshot, is_json: bool) -> Result<u8, Failure> {
    let mut text = format!(
        "root      {}\nprogram   {}\npc        {:#x}\nretired   {}\nfuel      {}\nstdin     {} bytes read\npages     {} that are not all zero\n",
        snapshot.root(),
        snapshot.module(),
        snapshot.pc(),
        snapshot.retired(),
        snapshot.fuel(),
        snapshot.stdin_read(),
        snapshot.pages(),
    );
    for (number, name) in snapshot.functions() {
        text += &format!("function  {number:#x} {name}\n");
    }
    let mut segments = Vec::new();
    for segment in snapshot.segments() {
        let (start, size, perms) = (segment.range.start, segment.size(), segment.perms.to_string());
        text += &format!("segment   {start:#012x} {size:>12} {perms} {} ({})\n", segment.name, segment.kind);
        segments.push(json!({
            "name": segment.name, "kind": segment.kind.to_string(), "perms": perms,
            "start": format!("{start:#x}"), "size": size,
        }));
    }
    let json = json!({
        "root": snapshot.root().to_string(), "program": snapshot.module(), "pc": format!("{:#x}", snapshot.pc()),
        "retired": snapshot.retired(), "fuel": snapshot.fuel(), "stdin_read": snapshot.stdin_read(),
        "pages": snapshot.pages(), "segments": segments,
    });
    print(is_json, &json, &text)
}
