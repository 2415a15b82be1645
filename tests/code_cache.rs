//! Native code that outlives an engine: what is kept, what is used again, and what never is.

use std::fs;
use std::num::NonZero;
use std::path::{Path, PathBuf};

use causality_vm::{Capture, Config, Engine, Exit, Instance, Linker, Module, Options, Report, Tier};

fn guest(name: &str) -> Vec<u8> {
    fs::read(format!("testkit/guests/{name}.elf")).unwrap()
}

fn instance(config: Config, elf: &[u8]) -> (Instance<()>, Capture) {
    let engine = Engine::new(config);
    let module = Module::new(&engine, elf).unwrap();
    let output = Capture::new(1 << 20);
    let options = Options::new().args(["guest"]).stdout(output.clone());
    (Linker::new(&engine).instantiate(&module, options, ()).unwrap(), output)
}

/// What must not depend on how code is executed.
fn run(config: Config, elf: &[u8]) -> (Report, (Exit, String, u64)) {
    let (mut instance, output) = instance(config, elf);
    let exit = instance.run().unwrap();
    (instance.report(), (exit, output.text(), instance.retired()))
}

/// Regions translated, and regions out of the cache.
fn regions(report: &Report) -> (usize, usize) {
    (report.host.code.translated_regions, report.host.code.cached_regions)
}

fn cached(folder: &Path) -> Config {
    Config::new().tier(Tier::Cranelift).cache(folder)
}

fn code_files(folder: &Path) -> Vec<PathBuf> {
    let paths = fs::read_dir(folder).unwrap().map(|entry| entry.unwrap().path());
    paths.filter(|path| path.extension().is_some_and(|extension| extension == "code")).collect()
}

fn compile(folder: &Path, elf: &[u8], jobs: usize) -> Vec<u8> {
    let engine = Engine::new(cached(folder));
    let module = Module::new(&engine, elf).unwrap();
    let statistics = module.translate_ahead(&engine, NonZero::new(jobs).unwrap(), &|_, _| ()).unwrap();
    assert!(statistics.regions > 0 && statistics.failed == 0, "{statistics:?}");
    let [file] = &code_files(folder)[..] else { panic!("not one file") };
    fs::read(file).unwrap()
}

#[test]
fn a_second_run_translates_nothing_and_is_the_same() {
    let folder = tempfile::tempdir().unwrap();
    for name in ["json", "quicksort", "nbody", "trap_stack", "trap_rodata"] {
        let elf = guest(name);
        let (_, expected) = run(Config::new().tier(Tier::Interpreter), &elf);
        let (first, result) = run(cached(folder.path()), &elf);
        assert_eq!(result, expected, "{name}");
        let (translated, 0) = regions(&first) else { panic!("{name}: a cache hit from nowhere") };
        assert!(translated > 0, "{name}");
        let (second, result) = run(cached(folder.path()), &elf);
        assert_eq!(result, expected, "{name} with cached code");
        assert_eq!(regions(&second), (0, translated), "{name}");
        // What is there from the start is entered sooner.
        let native = [&first, &second].map(|report| report.host.instructions.native());
        assert!(native[1] >= native[0] && native[0] > 0, "{name}: {native:?}");
        assert!(second.host.code.microseconds_to_first.is_some());
    }
    assert_eq!(code_files(folder.path()).len(), 5);
}

#[test]
fn code_for_another_program_or_layout_is_not_used() {
    let folder = tempfile::tempdir().unwrap();
    run(cached(folder.path()), &guest("json"));
    let (report, _) = run(cached(folder.path()), &guest("huffman"));
    assert_eq!(regions(&report).1, 0);
    let (report, _) = run(cached(folder.path()).stack(1 << 20), &guest("json"));
    assert_eq!(regions(&report).1, 0);
    // A file under another's name.
    let files = code_files(folder.path());
    assert_eq!(files.len(), 3);
    fs::copy(&files[0], &files[1]).unwrap();
    fs::copy(&files[0], &files[2]).unwrap();
    let hits = |elf: &str, stack| regions(&run(cached(folder.path()).stack(stack), &guest(elf)).0).1 > 0;
    let hits = [hits("json", 8 << 20), hits("huffman", 8 << 20), hits("json", 1 << 20)];
    assert_eq!(hits.iter().filter(|&&hit| hit).count(), 1, "{hits:?}");
}

#[test]
fn damaged_files_are_ignored_and_made_anew() {
    let folder = tempfile::tempdir().unwrap();
    let elf = guest("args");
    let (_, expected) = run(Config::new().tier(Tier::Interpreter), &elf);
    let (first, _) = run(cached(folder.path()), &elf);
    let translated = regions(&first).0;
    let [path] = &code_files(folder.path())[..] else { panic!("not one file") };
    let good = fs::read(path).unwrap();
    let flipped = (0..good.len()).step_by(good.len() / 20).chain([1, 9, 17, 49, 57, 65, 95, good.len() - 1]);
    let flipped = flipped.map(|position| {
        let mut file = good.clone();
        file[position] ^= 0x10;
        file
    });
    let truncated = [0, 1, 95, 96, 97, good.len() / 2, good.len() - 1].map(|len| good[..len].to_vec());
    // With a damaged index everything is made anew, a damaged region when control comes to it, which is not sure: what
    // was published after it may be entered sooner now.
    let (mut some, mut all) = (0, 0);
    for (i, bad) in flipped.chain(truncated).enumerate() {
        fs::write(path, &bad).unwrap();
        let (report, result) = run(cached(folder.path()), &elf);
        assert_eq!(result, expected, "damage {i}");
        let (made, found) = regions(&report);
        assert_eq!(made + found, translated, "damage {i}");
        assert!(found == 0 || made <= 1, "damage {i}: {made} made, {found} found");
        *(if found == 0 { &mut all } else { &mut some }) += made;
        assert!(made == 0 || fs::read(path).unwrap() == good, "damage {i} is not repaired");
    }
    assert!(some >= 10 && all >= 10 * translated, "{some}, {all}");
    fs::write(path, &good).unwrap();
    let (report, result) = run(cached(folder.path()), &elf);
    assert_eq!((result, regions(&report)), (expected, (0, translated)));
}

#[test]
fn a_directory_that_cannot_be_used_is_no_reason_to_fail() {
    let folder = tempfile::tempdir().unwrap();
    let file = folder.path().join("file");
    fs::write(&file, b"").unwrap();
    let elf = guest("args");
    let (_, expected) = run(Config::new().tier(Tier::Interpreter), &elf);
    assert_eq!(run(cached(&file), &elf).1, expected);
    let (mut instance, _) = instance(cached(&file), &elf);
    instance.run().unwrap();
    assert!(instance.save_cache().is_err());
}

#[test]
fn compiling_ahead_gives_the_same_bytes_with_any_number_of_threads() {
    let elf = guest("json");
    let files = [1, 2, 5].map(|jobs| compile(tempfile::tempdir().unwrap().path(), &elf, jobs));
    assert!(files[0] == files[1] && files[0] == files[2]);
}

#[test]
fn code_compiled_ahead_is_used_and_the_rest_added() {
    let folder = tempfile::tempdir().unwrap();
    let elf = guest("bytecode");
    let before = compile(folder.path(), &elf, 2).len();
    let (_, expected) = run(Config::new().tier(Tier::Interpreter), &elf);
    let (first, result) = run(cached(folder.path()), &elf);
    assert_eq!(result, expected);
    let (translated, found) = regions(&first);
    assert!(found > translated, "{translated} translated, {found} found");
    let (second, result) = run(cached(folder.path()), &elf);
    assert_eq!((result, regions(&second)), (expected, (0, found + translated)));
    assert!(fs::metadata(&code_files(folder.path())[0]).unwrap().len() as usize >= before);
}

#[test]
fn code_with_breakpoints_in_it_is_not_kept() {
    let folder = tempfile::tempdir().unwrap();
    let elf = guest("args");
    let (mut instance, _) = instance(cached(folder.path()), &elf);
    let entry = instance.pc();
    instance.breakpoints_mut().insert(entry + 4);
    while matches!(instance.run().unwrap(), Exit::Paused(_)) {}
    drop(instance);
    assert!(code_files(folder.path()).is_empty());
}

#[test]
fn compiling_ahead_needs_a_cache() {
    let engine = Engine::default();
    let module = Module::new(&engine, &guest("args")).unwrap();
    assert!(module.translate_ahead(&engine, NonZero::<usize>::MIN, &|_, _| ()).is_err());
}
