//! Snapshots in files: a guest goes on in another process, in another tier, as if nothing had been.

use std::fs::File;
use std::process::Stdio;

use serde_json::Value;

use crate::{command, file, vm};

/// The report without what depends on the host.
fn report(path: &std::path::Path) -> Value {
    let text = std::fs::read(path).expect("it was written");
    let mut report: Value = serde_json::from_slice(&text).expect("it is JSON");
    report["host"] = Value::Null;
    report
}

#[test]
fn a_guest_goes_on_in_other_processes_and_ends_the_same() {
    let folder = tempfile::tempdir().unwrap();
    let path = |name: &str| folder.path().join(name).to_str().expect("it is UTF-8").to_owned();
    let (elf, fuel) = ("testkit/guests/json.elf", "1G");
    let whole = vm(&["run", "--fuel", fuel, "--report", &path("whole.json"), elf, "2"]);
    assert_eq!(whole.code, 0, "{}", whole.stderr);
    let retired = report(&folder.path().join("whole.json"))["fuel_used"].as_u64().expect("it is a number");
    let (snap, at) = (path("a.snap"), |fifths: u64| (retired * fifths / 5).to_string());
    let stop = ["--snapshot", &snap, "--snapshot-at"];
    let first = vm(&[&["run", "--fuel", fuel, "--tier", "interp"], &stop[..], &[&at(1), elf, "2"]].concat());
    assert_eq!(first.code, 0, "{}", first.stderr);
    assert!(first.stderr.contains(&format!("after {} instructions in ", at(1))), "{}", first.stderr);
    let mut printed = first.stdout;
    for (tier, at) in [("cranelift", at(2)), ("baseline", at(3)), ("auto", at(4))] {
        let next = vm(&[&["resume", "--tier", tier], &stop[..], &[&at, &snap, elf]].concat());
        assert_eq!(next.code, 0, "{}", next.stderr);
        printed += &next.stdout;
    }
    let last = vm(&["resume", "--tier", "interp", "--report", &path("last.json"), &snap, elf]);
    assert_eq!(last.code, 0, "{}", last.stderr);
    assert_eq!(printed + &last.stdout, whole.stdout);
    assert_eq!(report(&folder.path().join("last.json")), report(&folder.path().join("whole.json")));
}

#[test]
fn a_file_as_standard_input_is_read_on_where_the_guest_was() {
    let folder = tempfile::tempdir().unwrap();
    let snap = folder.path().join("a.snap");
    let snap = snap.to_str().expect("it is UTF-8");
    let input: Vec<u8> = (0..4000).flat_map(|n| format!("line {n}\n").into_bytes()).collect();
    let input = file(folder.path(), "input", &input);
    let run = |args: &[&str]| {
        let stdin = Stdio::from(File::open(&input).expect("it is there"));
        let output = command().args(args).stdin(stdin).output().expect("it runs");
        (output.status.code(), String::from_utf8(output.stdout).expect("it prints UTF-8"))
    };
    let whole = run(&["run", "testkit/guests/cat.elf"]);
    assert_eq!(whole.0, Some(0));
    let first = run(&["run", "--snapshot", snap, "--snapshot-at", "20k", "testkit/guests/cat.elf"]);
    let rest = run(&["resume", snap, "testkit/guests/cat.elf"]);
    assert!(!first.1.is_empty() && !rest.1.is_empty(), "it stopped in between");
    assert_eq!((rest.0, first.1 + &rest.1), whole);
}

#[test]
fn a_guest_out_of_fuel_leaves_a_snapshot_and_gets_more() {
    let folder = tempfile::tempdir().unwrap();
    let snap = folder.path().join("a.snap");
    let snap = snap.to_str().expect("it is UTF-8");
    let elf = "testkit/guests/fib.elf";
    assert_eq!(vm(&["run", "--fuel", "10k", "--snapshot", snap, elf]).code, 152);
    assert_eq!(vm(&["resume", snap, elf]).code, 152, "it has none left");
    let rest = vm(&["resume", "--fuel", "1G", snap, elf]);
    assert_eq!((rest.code, rest.stdout), (0, vm(&["run", elf]).stdout));
}

#[test]
fn a_snapshot_is_shown() {
    let folder = tempfile::tempdir().unwrap();
    let snap = folder.path().join("a.snap");
    let snap = snap.to_str().expect("it is UTF-8");
    let elf = "testkit/guests/fib.elf";
    vm(&["run", "--snapshot", snap, "--snapshot-at", "1000", elf]);
    let shown = vm(&["snapshot", "show", snap]);
    assert_eq!(shown.code, 0, "{}", shown.stderr);
    for what in
        ["root      ", "program   blake3:", "pc        0x", "retired   1000\n", " rw- stack (stack)\n"]
    {
        assert!(shown.stdout.contains(what), "{what} is not in {}", shown.stdout);
    }
    let json: Value =
        serde_json::from_str(&vm(&["snapshot", "show", "--json", snap]).stdout).expect("it is JSON");
    assert_eq!(json["retired"], 1000);
}

#[test]
fn what_is_no_snapshot_or_not_of_the_program_is_refused() {
    let folder = tempfile::tempdir().unwrap();
    let snap = folder.path().join("a.snap");
    let name = snap.to_str().expect("it is UTF-8");
    let elf = "testkit/guests/fib.elf";
    vm(&["run", "--snapshot", name, "--snapshot-at", "1000", elf]);
    let other = vm(&["resume", name, "testkit/guests/json.elf"]);
    assert!(other.code == 125 && other.stderr.contains("a snapshot of the program"), "{}", other.stderr);
    let less = vm(&["resume", "--memory", "64M", name, elf]);
    assert!(less.code == 125 && less.stderr.contains("the limit `memory` is"), "{}", less.stderr);
    let mut bytes = std::fs::read(&snap).unwrap();
    bytes.push(0);
    let long = file(folder.path(), "long", &bytes);
    let long = vm(&["resume", long.to_str().expect("it is UTF-8"), elf]);
    assert!(long.code == 125 && long.stderr.contains("something follows the snapshot"), "{}", long.stderr);
    bytes.truncate(bytes.len() - 2);
    let short = file(folder.path(), "short", &bytes);
    let short = vm(&["snapshot", "show", short.to_str().expect("it is UTF-8")]);
    assert!(short.code == 125 && short.stderr.contains("cut off"), "{}", short.stderr);
}

#[test]
fn a_transaction_has_no_snapshot() {
    let folder = tempfile::tempdir().unwrap();
    let snap = folder.path().join("a.snap");
    let name = snap.to_str().expect("it is UTF-8");
    let run = vm(&["run", "--as", "nobody.key", "--snapshot", name, "examples/transfer.elf"]);
    assert!(
        run.code == 125 && run.stderr.contains("a transaction takes effect as a whole"),
        "{}",
        run.stderr
    );
    assert!(!snap.exists());
}
