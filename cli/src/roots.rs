//! Whose capabilities are believed: the file `roots` in the directory of a store, one line for each.
//!
//! Without the file nobody is believed, and with a line in it that means nothing nothing is done at all.

use std::collections::BTreeSet;
use std::io::{self, Write};
use std::path::Path;

use causality_vm::resource::TrustedRoots;
use serde_json::json;

use crate::args::{RootArg, StoreArgs};
use crate::failure::Failure;
use crate::printing;

const FILE: &str = "roots";

/// Whom to believe: those who were named, or else those whom the store trusts.
pub(crate) fn trusted(directory: &Path, named: &[RootArg]) -> Result<TrustedRoots, Failure> {
    let roots = if named.is_empty() { read(directory)? } else { named.iter().copied().collect() };
    Ok(roots.into_iter().fold(TrustedRoots::new(), |roots, root| match root {
        RootArg::Principal(principal) => roots.with_root(principal),
        RootArg::Controllers => roots.with_controllers(),
    }))
}

/// `causality-vm store trust`.
pub(crate) fn trust(args: &StoreArgs, named: &[RootArg], remove: bool) -> Result<u8, Failure> {
    let mut roots = read(&args.place.store)?;
    for root in named {
        match remove {
            true => roots.remove(root),
            false => roots.insert(*root),
        };
    }
    if !named.is_empty() {
        let written = write(&args.place.store, &roots);
        written.map_err(|error| Failure::new(format!("cannot write who is trusted: {error}")))?;
    }
    let roots: Vec<_> = roots.iter().map(ToString::to_string).collect();
    let text: String = roots.iter().map(|root| format!("{root}\n")).collect();
    printing::print(args.place.json, &json!(roots), &text)
}

fn read(directory: &Path) -> Result<BTreeSet<RootArg>, Failure> {
    let path = directory.join(FILE);
    let named = |error: &dyn std::fmt::Display| Failure::new(format!("{}: {error}", path.display()));
    let text = match std::fs::read_to_string(&path) {
        Err(error) if error.kind() == io::ErrorKind::NotFound => return Ok(BTreeSet::new()),
        read => read.map_err(|error| named(&error))?,
    };
    let lines = text.lines().map(str::trim).filter(|line| !line.is_empty() && !line.starts_with('#'));
    lines.map(|line| line.parse().map_err(|error: String| named(&format!("`{line}`: {error}")))).collect()
}

/// All of it or nothing: a reader never sees half a list.
fn write(directory: &Path, roots: &BTreeSet<RootArg>) -> io::Result<()> {
    let (path, new) = (directory.join(FILE), directory.join(format!("{FILE}.new")));
    let text: String = roots.iter().map(|root| format!("{root}\n")).collect();
    let mut file = std::fs::File::create(&new)?;
    file.write_all(text.as_bytes())?;
    file.sync_all()?;
    std::fs::rename(&new, path)
}
