//! `compile`, and runs with what it made.

use std::path::Path;

use serde_json::Value;

use crate::{command, vm};

const ARGS: &str = "testkit/guests/args.elf";
const FIB: &str = "testkit/guests/fib.elf";

/// Compiles a program and returns what it says of it, by the first words of each line.
fn compile(program: &str, cache: &Path) -> String {
    let outcome = vm(&["compile", program, "--cache", cache.to_str().unwrap(), "--jobs", "2"]);
    assert_eq!((outcome.code, outcome.stderr.as_str()), (0, ""), "{}", outcome.stdout);
    outcome.stdout
}

/// Regions that a run translated, and regions that it found.
fn regions(program: &str, cache: &Path) -> (u64, u64) {
    let folder = tempfile::tempdir().unwrap();
    let path = folder.path().join("report.json");
    let mut run = command();
    run.args(["run", "--tier", "cranelift", "--cache"]).arg(cache).arg("--report").arg(&path).arg(program);
    assert!(run.output().unwrap().status.success());
    let report: Value = serde_json::from_slice(&std::fs::read(path).unwrap()).unwrap();
    let code = &report["host"]["code"];
    assert_eq!(code["translated_regions"], report["host"]["compile"]["cranelift"]["regions"]);
    (code["translated_regions"].as_u64().unwrap(), code["cached_regions"].as_u64().unwrap())
}

#[test]
fn a_compiled_program_is_run_without_translating_anything() {
    let folder = tempfile::tempdir().unwrap();
    let cache = folder.path().join("made/when/needed");
    let said = compile(ARGS, &cache);
    let (translated, found) = regions(ARGS, &cache);
    assert_eq!(translated, 0);
    assert!(said.contains(&format!("regions             {found}, and 0 ")), "{said}");
    assert!(said.contains("with 2 threads"), "{said}");
}

/// What only a computed jump reaches is not found ahead of time.
#[test]
fn what_compiling_did_not_find_is_added_by_the_first_run() {
    let folder = tempfile::tempdir().unwrap();
    compile(FIB, folder.path());
    let (translated, found) = regions(FIB, folder.path());
    assert!(translated < found);
    assert_eq!(regions(FIB, folder.path()), (0, found + translated));
}

#[test]
fn compiling_twice_changes_nothing() {
    let folder = tempfile::tempdir().unwrap();
    let files = || {
        let files = std::fs::read_dir(folder.path()).unwrap().map(|file| file.unwrap().path());
        let mut files: Vec<_> = files.map(|path| (path.clone(), std::fs::read(path).unwrap())).collect();
        files.sort();
        files
    };
    compile(ARGS, folder.path());
    let before = files();
    compile(ARGS, folder.path());
    assert!(files() == before);
}

#[test]
fn a_directory_that_cannot_be_written_is_an_error_that_names_it() {
    let file = tempfile::NamedTempFile::new().unwrap();
    let path = file.path().to_str().unwrap();
    let outcome = vm(&["compile", ARGS, "--cache", path]);
    assert_eq!((outcome.code, outcome.stdout.as_str()), (125, ""));
    let expected = format!("causality-vm: {ARGS}: cannot keep native code in {path}: ");
    assert!(outcome.stderr.starts_with(&expected), "{}", outcome.stderr);
    assert_eq!(outcome.stderr.lines().count(), 1);
}

#[test]
fn compiling_without_a_directory_is_refused() {
    let output = command().args(["compile", ARGS]).env_remove("CAUSALITY_CACHE").output().unwrap();
    assert_eq!(output.status.code(), Some(125));
    assert!(String::from_utf8(output.stderr).unwrap().contains("--cache"));
}
