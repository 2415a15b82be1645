//! Every guest of `testkit/guests/guests.tsv`, through the API, in every tier and crosschecked: how it ends, what it prints, and that all
//! of the hart and of its memory is the same at the end.

use std::path::{Path, PathBuf};
use std::sync::Mutex;
use std::{fs, thread};

use causality_testkit::digest;
use causality_vm::{Access, Capture, Config, Engine, Exit, Hart, Linker, Module, Options, Tier};

const TIERS: [Tier; 4] = [Tier::Interpreter, Tier::Baseline, Tier::Cranelift, Tier::Auto];

/// A row of the table.
#[derive(Debug)]
struct Row<'a> {
    name: &'a str,
    args: Vec<&'a str>,
    needs: &'a str,
    end: &'a str,
    code: u64,
    fuel: u64,
}

fn rows(table: &str) -> Vec<Row<'_>> {
    let lines = table.lines().filter(|line| !line.is_empty() && !line.starts_with('#'));
    let row = |line| {
        let [name, args, needs, end, code, fuel] =
            Vec::from_iter(str::split(line, '\t')).try_into().expect("six columns");
        let args = if args == "-" { Vec::new() } else { args.split_whitespace().collect() };
        let number = |text: &str| text.parse().expect("a number");
        Row { name, args, needs, end, code: number(code), fuel: number(fuel) }
    };
    lines.map(row).collect()
}

/// A directory that goes away with its value.
struct TempDir(PathBuf);

impl TempDir {
    fn new(name: &str) -> Self {
        let path = std::env::temp_dir().join(format!("causality-guest-{name}-{}", std::process::id()));
        fs::create_dir_all(&path).expect("a temporary directory");
        TempDir(path)
    }
}

impl Drop for TempDir {
    fn drop(&mut self) {
        // A directory left behind is no reason to fail.
        let _ = fs::remove_dir_all(&self.0);
    }
}

/// All that a guest leaves behind.
type End = (Exit, Hart, String);

/// Runs a guest in all tiers.
fn run_all(row: &Row<'_>, guests: &Path) -> Result<(), String> {
    let mut expected: Option<End> = None;
    let checked =
        TIERS.map(|tier| (tier, false)).into_iter().chain([(Tier::Baseline, true), (Tier::Cranelift, true)]);
    for (tier, crosscheck) in checked {
        let end = run(row, guests, tier, crosscheck)
            .map_err(|error| format!("{tier:?}, crosscheck {crosscheck}: {error}"))?;
        let wanted = expected.get_or_insert_with(|| end.clone());
        if end != *wanted {
            return Err(format!("{tier:?}: {end:x?}, not {wanted:x?}"));
        }
    }
    Ok(())
}

/// Runs a guest; what is wrong with how it went, if anything.
fn run(row: &Row<'_>, guests: &Path, tier: Tier, crosscheck: bool) -> Result<End, String> {
    let file = |extension: &str| guests.join(row.name).with_extension(extension);
    let engine = Engine::new(Config::new().tier(tier).fuel(row.fuel).crosscheck(crosscheck));
    let module = Module::from_file(&engine, file("elf")).map_err(|e| e.to_string())?;
    let stdout = Capture::new(1 << 20);
    let mut options = Options::new().arg(row.name).args(&row.args).stdout(stdout.clone());
    let dir = TempDir::new(&format!("{}-{tier:?}", row.name));
    match row.needs {
        "stdin" => options = options.stdin(fs::File::open(file("stdin")).map_err(|e| e.to_string())?),
        "dir" => {
            options = options.directory(&dir.0, "/data", Access::ReadWrite).map_err(|e| e.to_string())?;
        }
        _ => {}
    }
    let mut instance = Linker::new(&engine).instantiate(&module, options, ()).map_err(|e| e.to_string())?;
    let exit = instance.run().map_err(|e| e.to_string())?;
    let ended = match exit {
        Exit::Completed(code) => ("exit", code as u64),
        Exit::Trap(trap) => ("trap", u64::from(trap.cause.code())),
        Exit::OutOfFuel => ("fuel", instance.retired()),
        Exit::Paused(_) => ("pause", 0),
    };
    if ended != (row.end, row.code) {
        return Err(format!("ended with {ended:?} ({exit:?}), not {:?}", (row.end, row.code)));
    }
    let expected = fs::read(file("expected")).map_err(|e| e.to_string())?;
    if stdout.bytes() != expected {
        return Err(format!("printed {:?}", stdout.text()));
    }
    Ok((exit, instance.hart().clone(), digest::of_memory(instance.memory()).to_string()))
}

#[test]
fn every_guest_ends_as_the_table_says_and_prints_what_is_expected() {
    let guests = Path::new(env!("CARGO_MANIFEST_DIR")).join("testkit/guests");
    let table = fs::read_to_string(guests.join("guests.tsv")).expect("the table of guests");
    let all = rows(&table);
    assert!(all.len() > 40, "the table lost rows");
    let (left, failures) = (Mutex::new(all.iter()), Mutex::new(Vec::new()));
    thread::scope(|scope| {
        for _ in 0..thread::available_parallelism().map_or(1, usize::from) {
            scope.spawn(|| {
                loop {
                    let Some(row) = left.lock().expect("no test panicked").next() else { return };
                    if let Err(error) = run_all(row, &guests) {
                        failures.lock().expect("no test panicked").push(format!("{}: {error}", row.name));
                    }
                }
            });
        }
    });
    let failures = failures.into_inner().expect("no test panicked");
    assert!(
        failures.is_empty(),
        "{} of {} guests failed:\n{}",
        failures.len(),
        all.len(),
        failures.join("\n")
    );
    println!("{} guests in {} tiers, and crosschecked", all.len(), TIERS.len());
}
