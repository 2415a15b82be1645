//! The identities written down for the committed programs are theirs.

use std::path::{Path, PathBuf};

use causality_vm::{Engine, Module};

fn id_of(elf: &Path) -> String {
    Module::from_file(&Engine::default(), elf).unwrap().id().to_string()
}

fn elf_files(folder: &str) -> Vec<PathBuf> {
    let mut files: Vec<_> = std::fs::read_dir(folder).unwrap().map(|entry| entry.unwrap().path()).collect();
    files.retain(|path| path.extension().is_some_and(|extension| extension == "elf"));
    files.sort();
    files
}

#[test]
fn every_guest_is_listed_with_its_id() {
    let listed = include_str!("../testkit/guests/content-ids.tsv").lines().skip(1);
    let actual = elf_files("testkit/guests").into_iter().map(|elf| {
        let name = elf.file_stem().unwrap().to_str().unwrap();
        format!("{name}\t{}", id_of(&elf))
    });
    assert!(listed.eq(actual), "run `ci/guests.sh --bless`");
}

#[test]
fn every_example_is_listed_with_its_id() {
    let readme = include_str!("../examples/README.md");
    for elf in elf_files("examples") {
        let row = format!("| `{}` |", elf.file_name().unwrap().to_str().unwrap());
        let row = readme.lines().find(|line| line.starts_with(&row)).unwrap();
        assert!(row.contains(&id_of(&elf)), "run `ci/guests.sh --bless`: {row}");
    }
}
