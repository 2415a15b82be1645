//! `causality-vm store`.

use std::path::Path;

use serde_json::Value;

use super::{Outcome, file, vm, vm_with_input};

fn store(directory: &Path, args: &[&str]) -> Outcome {
    let directory = directory.to_str().unwrap();
    vm(&[&["store", "--store", directory], args].concat())
}

fn json(outcome: &Outcome) -> Value {
    assert_eq!(outcome.code, 0, "{}", outcome.stderr);
    serde_json::from_str(&outcome.stdout).unwrap()
}

#[test]
fn what_is_put_comes_back_and_goes_when_it_is_unpinned() {
    let folder = tempfile::tempdir().unwrap();
    let directory = folder.path().join("store");
    let contents: String = (0..200_000).map(|at| char::from(b'a' + (at % 23) as u8)).collect();
    let path = file(folder.path(), "input", contents.as_bytes());
    let put = store(&directory, &["put", path.to_str().unwrap()]);
    assert_eq!((put.code, put.stderr.as_str()), (0, ""));
    let id = put.stdout.trim();
    assert!(id.starts_with("blake3:"));
    assert_eq!(store(&directory, &["get", id]).stdout, contents);
    let output = folder.path().join("output");
    assert_eq!(store(&directory, &["get", id, "-o", output.to_str().unwrap()]).code, 0);
    assert_eq!(std::fs::read_to_string(&output).unwrap(), contents);
    let stat = json(&store(&directory, &["stat", id, "--json"]));
    assert_eq!(
        (&stat["kind"], &stat["bytes"], &stat["pinned"]),
        (&"blob".into(), &200_000.into(), &true.into())
    );
    assert_eq!(json(&store(&directory, &["gc", "--json"]))["kept"], 1);
    assert_eq!(store(&directory, &["unpin", id]).code, 0);
    let dry = store(&directory, &["gc", "--dry-run"]);
    assert_eq!(
        dry.stdout,
        "kept      0 objects\ngarbage   1 objects, 200000 bytes\nuploads   0 that nobody will finish\n"
    );
    assert_eq!(store(&directory, &["pin", id]).code, 0);
    assert_eq!(json(&store(&directory, &["gc", "--json"]))["dropped"], 0);
    store(&directory, &["unpin", id]);
    assert_eq!(json(&store(&directory, &["gc", "--json"]))["dropped"], 1);
    let gone = store(&directory, &["get", id]);
    assert_eq!(gone.code, 125);
    assert_eq!(gone.stderr, format!("causality-vm: {id} is not in the store\n"));
}

#[test]
fn kinds_and_standard_input_are_taken() {
    let folder = tempfile::tempdir().unwrap();
    let directory = folder.path().to_str().unwrap();
    let put = |kind| {
        let args = ["store", "--store", directory, "put", "-", "--kind", kind, "--json"];
        json(&vm_with_input(&args, b"\x7fELF"))["id"].as_str().unwrap().to_owned()
    };
    // The same as `inspect` calls it, from the golden vectors of the store.
    assert_eq!(put("program"), "blake3:0ff39506aedc04adbdbb205fc6b2e98e17e43229380dae75a8d22b75ef55ecf5");
    assert_ne!(put("blob"), put("journal"));
    let wrong = store(folder.path(), &["put", "-", "--kind", "thing"]);
    assert_eq!(wrong.code, 125);
    assert!(wrong.stderr.contains("kinds are program, blob,"), "{}", wrong.stderr);
    let stat = store(folder.path(), &["stat"]);
    assert!(
        stat.stdout.contains("programs    1, 4 bytes\n") && stat.stdout.contains("pins        3\n"),
        "{}",
        stat.stdout
    );
    let verified = store(folder.path(), &["verify"]);
    assert_eq!((verified.code, verified.stdout.lines().last()), (0, Some("damaged     nothing")));
}

#[test]
fn damage_is_reported_with_the_object_and_an_exit_code() {
    let folder = tempfile::tempdir().unwrap();
    let contents = b"an object that is easy to find in the file".repeat(20);
    let path = file(folder.path(), "input", &contents);
    let directory = folder.path().join("store");
    let put = store(&directory, &["put", path.to_str().unwrap()]);
    let id = put.stdout.trim();
    let database = directory.join("store.redb");
    let mut bytes = std::fs::read(&database).unwrap();
    let places: Vec<_> =
        (0..bytes.len() - 42).filter(|at| bytes[*at..].starts_with(&contents[..42])).collect();
    assert!(!places.is_empty());
    places.iter().for_each(|at| bytes[at + 3] ^= 1);
    std::fs::write(&database, bytes).unwrap();
    let verified = store(&directory, &["verify"]);
    assert_eq!(verified.code, 1, "{}", verified.stderr);
    assert!(verified.stdout.contains(&format!("damaged     {id}: ")), "{}", verified.stdout);
    assert_eq!(store(&directory, &["verify", id]).code, 1);
    let got = store(&directory, &["get", id]);
    assert_eq!((got.code, got.stdout.as_str()), (125, ""));
}

#[test]
fn a_directory_without_a_store_is_not_made_one_by_looking() {
    let folder = tempfile::tempdir().unwrap();
    let outcome = store(folder.path(), &["stat"]);
    assert_eq!(outcome.code, 125);
    assert!(outcome.stderr.contains("there is no store in"), "{}", outcome.stderr);
    assert_eq!(std::fs::read_dir(folder.path()).unwrap().count(), 0);
    assert_eq!(store(folder.path(), &["get", "blake3:12"]).code, 125);
}
