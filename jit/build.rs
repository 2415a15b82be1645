//! Gives the crate `TRANSLATOR_REVISION`: a hash of all source that decides what generated code does.
//!
//! It is part of the key of the code cache. A number that somebody has to remember to change would be forgotten.

use std::collections::BTreeSet;
use std::fs;
use std::hash::{DefaultHasher, Hasher};
use std::io;
use std::path::{Path, PathBuf};

/// The translator, and what it knows instructions and the machine's layout from.
const FOLDERS: [&str; 3] = ["src", "../isa/src", "../machine/src"];

fn main() -> io::Result<()> {
    let mut files = BTreeSet::new();
    for folder in FOLDERS {
        println!("cargo::rerun-if-changed={folder}");
        find(Path::new(folder), &mut files)?;
    }
    let mut hasher = DefaultHasher::new();
    for file in files {
        hasher.write(file.as_os_str().as_encoded_bytes());
        hasher.write(&fs::read(&file)?);
    }
    println!("cargo::rustc-env=TRANSLATOR_REVISION={:016x}", hasher.finish());
    Ok(())
}

fn find(folder: &Path, files: &mut BTreeSet<PathBuf>) -> io::Result<()> {
    for entry in fs::read_dir(folder)? {
        let path = entry?.path();
        if path.is_dir() {
            find(&path, files)?;
        } else if path.extension().is_some_and(|extension| extension == "rs") {
            files.insert(path);
        }
    }
    Ok(())
}
