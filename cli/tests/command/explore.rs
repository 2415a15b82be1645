//! `explore`, `disasm --native` and `run --profile`.

use std::collections::HashSet;
use std::path::Path;

use serde_json::Value;

use crate::{command, vm};

fn explore(args: &[&str]) -> (String, Value) {
    let folder = tempfile::tempdir().unwrap();
    let page = folder.path().join("page.html");
    let made = vm(&[&["explore", "-o", page.to_str().unwrap()], args].concat());
    assert_eq!((made.code, made.stdout.as_str(), made.stderr.as_str()), (0, "", ""));
    let html = std::fs::read_to_string(&page).unwrap();
    let start = html.find(r#"id="data">"#).unwrap() + r#"id="data">"#.len();
    let end = start + html[start..].find("</script>").unwrap();
    let data = serde_json::from_str(&html[start..end]).unwrap();
    (html, data)
}

fn array(value: &Value) -> &Vec<Value> {
    value.as_array().expect("it is a list")
}

#[test]
fn every_guest_row_leads_to_rows_that_are_there() {
    let (_, data) = explore(&["testkit/guests/quicksort.elf"]);
    for region in array(&data["regions"]) {
        let (guest, host) = (array(&region["guest"]), array(&region["host"]));
        let clif = array(&region["clif"]);
        let pcs: HashSet<_> = guest.iter().map(|row| row[1].as_u64().unwrap()).collect();
        let insts: u64 = array(&region["blocks"]).iter().map(|block| block["insts"].as_u64().unwrap()).sum();
        assert_eq!((guest.len() as u64, &insts.into()), (insts, &region["insts"]));
        let pc_at = |rows: &Vec<Value>, row: &Value, column: usize| {
            rows[row.as_u64().unwrap() as usize][column].as_u64()
        };
        for row in guest {
            assert!(pc_at(clif, &row[5], 1).is_some_and(|pc| pcs.contains(&pc)), "{row}");
            assert!(pc_at(host, &row[6], 3).is_some_and(|pc| pcs.contains(&pc)), "{row}");
        }
        let linked = host.iter().filter(|row| !row[3].is_null()).count();
        assert!(2 * linked > host.len(), "most host code is for some guest instruction");
        let bytes: usize = host.iter().map(|row| row[1].as_str().unwrap().len() / 2).sum();
        assert_eq!(region["bytes"], bytes, "all code is shown");
    }
}

#[test]
fn the_hottest_region_comes_first_and_all_that_ran_is_counted() {
    let (_, data) = explore(&["--regions", "1000", "testkit/guests/sieve.elf"]);
    let heat = |region: &Value| -> u64 {
        let blocks = array(&region["blocks"]).iter();
        blocks.map(|block| block["count"].as_u64().unwrap() * block["insts"].as_u64().unwrap()).sum()
    };
    let heats: Vec<_> = array(&data["regions"]).iter().map(heat).collect();
    assert!(heats.is_sorted_by(|a, b| a >= b), "{heats:?}");
    let retired = data["about"]["run"]["retired"].as_u64().unwrap();
    let counted = heats.iter().sum::<u64>() + data["about"]["elsewhere"].as_u64().unwrap();
    assert!(counted.abs_diff(retired) < 200, "{counted} of {retired}");
    assert_eq!(data["about"]["run"]["end"], "ended with 0");
}

#[test]
fn the_page_needs_nothing_but_itself_and_holds_what_the_program_cannot_end() {
    let (html, data) = explore(&["--source", "examples/raytrace.elf", "</script><b>"]);
    assert!(!html.contains("://") && !html.contains("src=") && !html.contains("<link"), "no addresses");
    assert!(!html.contains("@DATA@") && html.trim_end().ends_with("</html>"));
    assert_eq!(html.matches("</script>").count(), 2, "one for the data, one for the script");
    assert_eq!(data["about"]["title"], "raytrace.elf </script><b>");
    assert!(html.contains("<title>raytrace.elf &lt;/script&gt;&lt;b&gt; · causality explore</title>"));
    let lines = array(&data["lines"]);
    assert!(lines.iter().any(|line| line.as_str().unwrap().contains("raytrace.c:")), "{lines:?}");
    assert!(data["sources"].as_object().unwrap().len() > 100, "source lines are in it");
}

#[test]
fn one_function_is_shown_without_running_the_program() {
    let (_, data) = explore(&["--fuel", "0", "--function", "main", "testkit/guests/loop_forever.elf"]);
    assert_eq!(data["about"]["run"], Value::Null);
    let names: Vec<_> = array(&data["regions"]).iter().map(|region| &region["name"]).collect();
    assert_eq!(names, ["main"]);
    let (_, data) = explore(&["--fuel", "0", "--regions", "3", "examples/raytrace.elf"]);
    assert_eq!(array(&data["regions"]).len(), 3);
}

#[test]
fn what_cannot_be_shown_or_written_is_a_failure() {
    let nobody = vm(&["explore", "-o", "/dev/null", "--function", "nobody", "examples/hello.elf"]);
    assert_eq!((nobody.code, nobody.stderr.as_str()), (125, "causality-vm: no symbol `nobody`\n"));
    let nowhere = vm(&["explore", "-o", "/nowhere/page.html", "examples/hello.elf"]);
    assert_eq!(nowhere.code, 125);
    assert!(
        nowhere.stderr.starts_with("causality-vm: cannot write /nowhere/page.html: "),
        "{}",
        nowhere.stderr
    );
    assert_eq!(vm(&["explore", "-o", "/dev/null", "nothing.elf"]).code, 127);
    assert_eq!(vm(&["explore", "-o", "/dev/null", "Cargo.toml"]).code, 126);
    assert_eq!(vm(&["explore", "examples/hello.elf"]).code, 125);
}

#[test]
fn host_code_is_listed_below_each_instruction_it_is_for() {
    let listing = vm(&["disasm", "--native", "--function", "main", "testkit/guests/sieve.elf"]);
    assert_eq!((listing.code, listing.stderr.as_str()), (0, ""));
    let lines: Vec<_> = listing.stdout.lines().collect();
    assert!(lines[1].contains(" <main>: ") && lines[1].contains(" bytes of host code"), "{}", lines[1]);
    let again = vm(&["disasm", "--native", "--function", "main", "testkit/guests/sieve.elf"]);
    assert_eq!(again.stdout, listing.stdout);
    let plain = vm(&["disasm", "--function", "main", "testkit/guests/sieve.elf"]).stdout;
    for line in plain.lines().filter(|line| line.contains(":\t")).take(8) {
        let (pc, text) = (line.split(':').next().unwrap(), line.rsplit('\t').next().unwrap());
        let shown = |line: &&&str| line.starts_with(&format!("{pc}:")) && line.contains(text);
        assert!(lines.iter().any(|line| shown(&line)), "{line}");
    }
    if cfg!(target_arch = "x86_64") {
        assert!(lines.iter().any(|line| line.trim_start().starts_with("0  55")), "{}", listing.stdout);
    }
}

#[test]
fn a_region_is_listed_by_its_address_and_all_without_one() {
    let listing = vm(&["disasm", "--native", "examples/hello.elf"]).stdout;
    for name in ["_start", "main", "print_str"] {
        assert!(listing.contains(&format!(" <{name}>: ")), "{name}");
    }
    let pc = listing.lines().find_map(|line| line.split_once(" <main>: ")).unwrap().0;
    let main = vm(&["disasm", "--native", "--pc", &format!("0x{pc}"), "examples/hello.elf"]).stdout;
    assert!(main.starts_with(&format!("\n{pc} <main>: ")) && listing.contains(&main));
    let none = vm(&["disasm", "--native", "--pc", "6", "examples/hello.elf"]);
    assert_eq!((none.code, none.stderr.as_str()), (125, "causality-vm: there is no instruction at 0x6\n"));
    let nobody = vm(&["disasm", "--native", "--function", "nobody", "examples/hello.elf"]);
    assert_eq!((nobody.code, nobody.stderr.as_str()), (125, "causality-vm: no symbol `nobody`\n"));
    assert_eq!(vm(&["disasm", "--pc", "6", "examples/hello.elf"]).code, 125, "only with --native");
}

/// Runs natively with a profile and gives the process's number.
fn profiled(format: &str, folder: &Path) -> u32 {
    let guest = Path::new(env!("CARGO_MANIFEST_DIR")).join("../examples/hello.elf");
    let mut run = command();
    run.current_dir(folder).args(["run", "--tier", "cranelift", "--profile", format]).arg(guest);
    let child = run.stdout(std::process::Stdio::null()).spawn().unwrap();
    let id = child.id();
    assert!(child.wait_with_output().unwrap().status.success());
    id
}

#[test]
fn a_perf_map_names_guest_functions() {
    let folder = tempfile::tempdir().unwrap();
    let path = format!("/tmp/perf-{}.map", profiled("perfmap", folder.path()));
    let map = std::fs::read_to_string(&path).unwrap();
    std::fs::remove_file(path).unwrap();
    for line in map.lines() {
        let mut words = line.splitn(3, ' ');
        let mut hex = || u64::from_str_radix(words.next().unwrap(), 16).unwrap();
        assert!(hex() > 0 && hex() > 0);
        let name = words.next().unwrap();
        assert!(name.starts_with("guest:") || name.starts_with("causality:"), "{line}");
    }
    assert!(map.contains(" guest:_start\n") && map.contains(" causality:enter\n"), "{map}");
}

#[test]
fn a_jitdump_has_code_names_and_lines() {
    let folder = tempfile::tempdir().unwrap();
    let id = profiled("jitdump", folder.path());
    let dump = std::fs::read(folder.path().join(format!("jit-{id}.dump"))).unwrap();
    let half = |at: usize| u32::from_ne_bytes(dump[at..at + 4].try_into().unwrap());
    assert_eq!([half(0), half(4), half(8), half(20)], [0x4a69_5444, 1, 40, id]);
    let (mut at, mut kinds) = (40, Vec::new());
    while at < dump.len() {
        kinds.push(half(at));
        at += half(at + 4) as usize;
    }
    assert_eq!(at, dump.len());
    assert!(kinds.contains(&0) && kinds.contains(&2), "{kinds:?}");
    let has = |text: &[u8]| dump.windows(text.len()).any(|bytes| bytes == text);
    assert!(has(b"guest:_start\0") && has(b"hello.c\0"));
}

#[test]
fn a_profile_that_cannot_be_created_is_a_failure() {
    let mut run = command();
    let guest = Path::new(env!("CARGO_MANIFEST_DIR")).join("../examples/hello.elf");
    // No file can be created in /proc, whoever tries.
    run.current_dir("/proc").args(["run", "--profile", "jitdump"]).arg(guest);
    let output = run.output().unwrap();
    assert_eq!(output.status.code(), Some(125));
    assert!(String::from_utf8_lossy(&output.stderr).starts_with("causality-vm: cannot create the profile: "));
}
