//! `--report`: the fields that `docs/report.md` promises.

use serde_json::Value;

use crate::{command, vm};

fn report_of(args: &[&str]) -> Value {
    let folder = tempfile::tempdir().unwrap();
    let path = folder.path().join("report.json");
    let output = command().args(["run", "--report"]).arg(&path).args(args).output().unwrap();
    assert!(output.status.code().is_some());
    serde_json::from_slice(&std::fs::read(path).unwrap()).unwrap()
}

#[test]
fn a_completed_run_is_recorded_field_by_field() {
    let report = report_of(&["--fuel", "1M", "examples/hello.elf"]);
    assert!(report["program"].as_str().unwrap().starts_with("blake3:"));
    assert_eq!(report["exit"], serde_json::json!({"kind": "completed", "code": 0}));
    let used = report["fuel_used"].as_u64().unwrap();
    assert_eq!(used + report["fuel_left"].as_u64().unwrap(), 1_000_000);
    assert_eq!(report["bytes_written"], 39);
    assert_eq!(report["unknown_calls"], 0);
    let calls = report["calls"].as_array().unwrap();
    assert!(calls.contains(&serde_json::json!({"number": 64, "name": "write", "count": 1})), "{calls:?}");
    let memory = &report["memory"];
    assert!(memory["peak"].as_u64() >= memory["mapped"].as_u64() && memory["limit"] == 1 << 30);
    let host = &report["host"];
    let retired = host["instructions"].as_object().unwrap().values();
    assert_eq!(retired.map(|count| count.as_u64().unwrap()).sum::<u64>(), used);
    assert!(host["instructions_per_second"].as_f64().unwrap() > 0.0);
}

#[test]
fn segments_are_listed_with_their_permissions() {
    let report = report_of(&["examples/hello.elf"]);
    let segments = report["segments"].as_array().unwrap();
    let text = serde_json::json!(
        {"name": "text", "kind": "text", "perms": "r-x", "start": "0x10000", "size": 4096, "peak": 4096}
    );
    assert_eq!(segments[0], text);
    let stack = segments.iter().find(|segment| segment["kind"] == "stack").unwrap();
    assert_eq!((&stack["perms"], &stack["size"]), (&"rw-".into(), &(8 << 20).into()));
    let used = stack["peak"].as_u64().unwrap();
    assert!((4096..1 << 20).contains(&used), "{used}");
}

#[test]
fn a_trap_and_an_empty_tank_are_recorded_too() {
    let exit = &report_of(&["examples/crash.elf"])["exit"];
    assert_eq!((&exit["kind"], &exit["cause"]), (&"trap".into(), &"load access fault".into()));
    assert_eq!((&exit["cause_code"], &exit["tval"]), (&5.into(), &"0x8".into()));
    assert!(exit["pc"].as_str().unwrap().starts_with("0x1"));
    let exit = &report_of(&["--fuel", "9", "testkit/guests/loop_forever.elf"])["exit"];
    assert_eq!(exit["kind"], "out_of_fuel");
    let exit = &report_of(&["testkit/guests/args.elf", "7", "two", "three=3"])["exit"];
    assert_eq!((&exit["kind"], &exit["code"]), (&"completed".into(), &7.into()));
}

#[test]
fn unknown_calls_are_counted() {
    let report = report_of(&["testkit/guests/unknown_call.elf"]);
    assert!(report["unknown_calls"].as_u64().unwrap() > 0, "{report}");
}

#[test]
fn everything_outside_of_host_is_the_same_every_time() {
    let run = || {
        let mut report = report_of(&["--seed", "7", "testkit/guests/clock.elf"]);
        report.as_object_mut().unwrap().remove("host");
        report
    };
    assert_eq!(run(), run());
}

#[test]
fn a_dash_writes_it_behind_the_output() {
    let run = vm(&["run", "--report", "-", "examples/hello.elf"]);
    let (output, json) = run.stdout.split_once('\n').unwrap();
    assert_eq!(output, "Hello, world! This is RV64GC speaking.");
    assert!(serde_json::from_str::<Value>(json).is_ok(), "{json}");
}

#[test]
fn a_report_that_cannot_be_written_is_a_failure() {
    let run = vm(&["run", "--report", "/no/such/folder/r.json", "examples/hello.elf"]);
    assert_eq!(run.code, 125);
    assert!(run.stderr.starts_with("causality-vm: cannot create /no/such/folder/r.json: "), "{}", run.stderr);
}
