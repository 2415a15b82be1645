//! What fuzz targets do, without a fuzzer: with their committed seeds, and with random inputs.

use std::fs;
use std::path::{Path, PathBuf};

use causality_testkit::sweep::Effort;
use causality_testkit::targets::{self, TARGETS, Target};

/// Seeds of each target.
const SEEDS: u64 = 8;

fn folder(target: &str) -> PathBuf {
    Path::new(env!("CARGO_MANIFEST_DIR")).join("fuzz/seeds").join(target)
}

/// `CAUSALITY_BLESS=1` writes them again.
#[test]
fn the_seeds_of_choices_are_current() {
    for target in TARGETS {
        for number in 0..SEEDS {
            let (path, bytes) = (folder(target.name).join(format!("seed-{number}")), target.input(number));
            if std::env::var_os("CAUSALITY_BLESS").is_some() {
                fs::create_dir_all(folder(target.name)).unwrap();
                fs::write(&path, &bytes).unwrap();
            }
            assert!(fs::read(&path).unwrap_or_default() == bytes, "{} is stale", path.display());
        }
    }
}

/// Runs all committed seeds of a target.
fn seeds(name: &str, run: fn(&[u8])) {
    let mut count = 0;
    for entry in fs::read_dir(folder(name)).unwrap() {
        run(&fs::read(entry.unwrap().path()).unwrap());
        count += 1;
    }
    assert!(count > 0, "{name} has no seeds");
}

/// Runs a target with its seeds and with inputs made up by a number.
fn random(name: &str, every_day: usize, full: usize) {
    let target: Target = *TARGETS.iter().find(|target| target.name == name).unwrap();
    seeds(name, target.run);
    let first = std::env::var("CAUSALITY_SOAK_SEED").ok().and_then(|seed| seed.parse().ok()).unwrap_or(1000);
    for number in first..first + Effort::from_env().choose(every_day, full) as u64 {
        println!("{name}, input {number}");
        (target.run)(&target.input(number));
    }
}

#[test]
fn single_instructions_are_the_same_in_native_code() {
    random("instruction", 1000, 50_000);
}

#[test]
fn sequences_of_calls_never_panic_and_are_the_same_in_native_code() {
    random("api", 300, 10_000);
}

#[test]
fn damaged_caches_never_show() {
    random("cache", 60, 2000);
}

#[test]
fn random_programs_are_the_same_in_native_code() {
    random("native", 40, 2000);
}

#[test]
fn how_fuel_is_given_does_not_show_in_random_programs() {
    random("exec", 100, 10_000);
}

#[test]
fn seeds_of_programs_and_files_hold() {
    seeds("elf", targets::elf);
    seeds("registers", targets::registers);
}
