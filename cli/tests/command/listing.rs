//! `disasm` and `inspect`.

use causality_testkit::elf::Elf;
use serde_json::Value;

use crate::{file, vm};

#[test]
fn a_function_is_listed_with_symbols_as_jump_targets() {
    let listing = vm(&["disasm", "examples/hello.elf", "--symbol", "main"]);
    assert_eq!((listing.code, listing.stderr.as_str()), (0, ""));
    let lines: Vec<_> = listing.stdout.lines().collect();
    assert!(lines[1].ends_with(" <main>:"), "{}", lines[1]);
    assert!(lines[2..].iter().all(|line| line.contains(":\t")), "one function only");
    assert!(listing.stdout.contains(" <print_str>"), "{}", listing.stdout);
    assert!(listing.stdout.trim_end().ends_with("ret"), "{}", listing.stdout);
}

#[test]
fn a_whole_program_is_listed_without_its_constants() {
    let listing = vm(&["disasm", "examples/hello.elf"]);
    for name in ["_start", "main", "rt_start"] {
        assert!(listing.stdout.contains(&format!(" <{name}>:\n")), "{name}");
    }
    let odd = ["1", "0x", "zero.."].map(|range| vm(&["disasm", "examples/hello.elf", "--range", range]).code);
    assert_eq!(odd, [125; 3]);
}

#[test]
fn a_range_is_listed_as_encoded_if_asked_for() {
    let folder = tempfile::tempdir().unwrap();
    let elf = Elf::of_words(&[0x0001_4501, 0x0050_0513, 0xffdf_f06f, 0xffff_ffff]).build();
    let path = file(folder.path(), "a.elf", &elf);
    let list = |args: &[&str]| vm(&[&["disasm", path.to_str().unwrap()], args].concat()).stdout;
    let plain = list(&["--range", "0x10000..0x10010"]);
    let expected = "
0000000000010000 <_start>:
   10000:\t4501              \tli a0, 0
   10002:\t0001              \tnop
   10004:\t00500513          \tli a0, 5
   10008:\tffdff06f          \tj 0x10004 <_start+0x4>
   1000c:\tffffffff          \t.4byte\t0xffffffff
";
    assert_eq!(plain, expected);
    assert_eq!(list(&[]), expected, "without sections, the executable segment");
    let encoded = list(&["--range", "0x10004..65546", "--no-aliases"]);
    assert!(encoded.starts_with("   10004:\t00500513          \taddi a0, zero, 5\n"), "{encoded}");
    assert!(encoded.contains(".byte"), "an instruction cut by the range: {encoded}");
}

#[test]
fn an_unknown_symbol_is_a_failure() {
    let listing = vm(&["disasm", "examples/hello.elf", "--symbol", "nobody"]);
    assert_eq!((listing.code, listing.stderr.as_str()), (125, "causality-vm: no symbol `nobody`\n"));
}

#[test]
fn inspect_tells_segments_extensions_and_identity() {
    let text = vm(&["inspect", "examples/hello.elf"]);
    assert_eq!(text.code, 0);
    assert!(text.stdout.starts_with("program   blake3:"), "{}", text.stdout);
    assert!(
        text.stdout.contains("(_start)\n") && text.stdout.ends_with("runs      yes\n"),
        "{}",
        text.stdout
    );
    let json: Value = serde_json::from_str(&vm(&["inspect", "--json", "examples/hello.elf"]).stdout).unwrap();
    assert!(text.stdout.contains(json["program"].as_str().unwrap()));
    assert_eq!(json["segments"][0]["perms"], "r-x");
    assert_eq!((&json["runs"], &json["refusal"]), (&true.into(), &Value::Null));
    let extensions = json["extensions"].as_array().unwrap();
    assert!(extensions.contains(&serde_json::json!({"name": "zba", "status": "ok"})), "{extensions:?}");
}

#[test]
fn a_position_independent_program_says_where_it_is_placed() {
    let text = vm(&["inspect", "testkit/guests/pie.elf"]).stdout;
    assert!(text.contains("base      0x10000 (position-independent)"), "{text}");
}
