//! Whatever a guest asks of Linux, in whatever order: it ends the same on every tier, and so does the host's directory.

use std::collections::BTreeMap;
use std::path::Path;

use causality_testkit::Source;
use causality_testkit::digest::of_memory;
use causality_testkit::sweep::Effort;
use causality_testkit::syscalls::calls;
use causality_vm::{Access, Capture, Config, Engine, Limits, Linker, Module, Options, Tier};

/// All that can be seen of a run afterwards.
type Seen = (String, String, String, Vec<u8>, BTreeMap<String, Vec<u8>>);

fn run(elf: &[u8], tier: Tier) -> Seen {
    let directory = tempfile::tempdir().unwrap();
    std::fs::write(directory.path().join("f"), "contents of a file").unwrap();
    std::os::unix::fs::symlink("f", directory.path().join("link")).unwrap();
    let limits = Limits { address_space: 64 << 20, memory: 4 << 20, stack: 1 << 20, ..Limits::default() };
    let engine = Engine::new(Config::new().limits(limits).tier(tier).fuel(2_000_000));
    let output = Capture::new(1 << 16);
    let options = Options::new().args(["calls"]).stdin(&b"what there is to read"[..]).stdout(output.clone());
    let options =
        options.stderr(output.clone()).directory(directory.path(), "/d", Access::ReadWrite).unwrap();
    let module = Module::new(&engine, elf).unwrap();
    let mut instance = Linker::new(&engine).instantiate(&module, options.cwd("/d"), ()).unwrap();
    let exit = instance.run().unwrap();
    let mut files = BTreeMap::new();
    list(directory.path(), "", &mut files);
    let (exit, hart) = (format!("{exit:?}"), format!("{:?}", instance.hart()));
    (exit, hart, of_memory(instance.memory()).to_string(), output.bytes(), files)
}

fn list(directory: &Path, under: &str, files: &mut BTreeMap<String, Vec<u8>>) {
    for entry in std::fs::read_dir(directory).unwrap() {
        let entry = entry.unwrap();
        let name = format!("{under}/{}", entry.file_name().to_string_lossy());
        let kind = entry.file_type().unwrap();
        if kind.is_dir() {
            list(&entry.path(), &name, files);
        }
        files.insert(name, if kind.is_file() { std::fs::read(entry.path()).unwrap() } else { Vec::new() });
    }
}

#[test]
fn hostile_calls_end_the_same_on_every_tier() {
    let numbers: Vec<_> = causality_abi::TABLE.iter().map(|call| call.number).collect();
    let mut answered = 0;
    for seed in 0..Effort::from_env().choose(300, 5_000) {
        let elf = calls(&mut Source::Seed(seed as u64), &numbers, 40);
        let expected = run(&elf, Tier::Interpreter);
        answered += usize::from(expected.0.contains("Completed"));
        for tier in [Tier::Baseline, Tier::Cranelift, Tier::Auto] {
            assert_eq!(run(&elf, tier), expected, "seed {seed} in {tier:?}");
        }
    }
    assert!(answered > 50, "most programs die of their first calls");
}
