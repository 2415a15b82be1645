//! Going back to a moment and running again leads to the same end, and the world outside is not asked twice.

use std::fs;
use std::path::Path;

use causality_testkit::digest::of_memory;
use causality_vm::{Access, Capture, Config, Engine, Exit, Instance, Linker, Module, Options, Tier};

/// A guest with input and a directory, and where its output goes.
fn start(name: &str, args: &[&str], tier: Tier, folder: &Path) -> (Instance<()>, Capture) {
    let engine = Engine::new(Config::new().tier(tier).fuel(50_000_000));
    let module = Module::from_file(&engine, format!("testkit/guests/{name}.elf")).unwrap();
    let output = Capture::new(1 << 20);
    let mut options = Options::new().arg(name).args(args).stdout(output.clone());
    options = options.directory(folder, "/data", Access::ReadWrite).unwrap();
    if let Ok(input) = fs::File::open(format!("testkit/guests/{name}.stdin")) {
        options = options.stdin(input);
    }
    (Linker::new(&engine).instantiate(&module, options, ()).unwrap(), output)
}

/// All that can be told of a guest.
fn state(instance: &Instance<()>) -> (String, u64, String) {
    let hart = format!("{:?}", instance.hart());
    (hart, instance.retired(), of_memory(instance.memory()).to_string())
}

fn listing(folder: &Path) -> Vec<(String, Vec<u8>)> {
    let mut files: Vec<_> = fs::read_dir(folder)
        .unwrap()
        .map(|entry| entry.unwrap().path())
        .map(|path| (path.display().to_string(), fs::read(&path).unwrap_or_default()))
        .collect();
    files.sort();
    files
}

fn goes_back(name: &str, args: &[&str]) {
    for tier in [Tier::Interpreter, Tier::Auto] {
        let folder = tempfile::tempdir().unwrap();
        let (mut instance, output) = start(name, args, tier, folder.path());
        instance.keep_answers();
        let mut moments = vec![instance.moment(None).unwrap().expect("it can be copied")];
        let mut states = vec![state(&instance)];
        let mut step = 97;
        let exit = loop {
            match instance.run_for(step).unwrap() {
                Exit::Paused(_) => {
                    moments.push(instance.moment(moments.last()).unwrap().expect("it can be copied"));
                    states.push(state(&instance));
                    step = step * 3 / 2 + 1;
                }
                exit => break exit,
            }
        };
        let (end, printed, files) = (state(&instance), output.bytes(), listing(folder.path()));
        assert!(moments.len() > 5, "{name}");
        for index in (0..moments.len()).rev() {
            instance.go_back(&moments[index]).unwrap();
            assert_eq!(state(&instance), states[index], "{name}, {tier:?}, moment {index}");
            if let Some(next) = states.get(index + 1) {
                instance.run_for(next.1 - states[index].1).unwrap();
                assert_eq!(&state(&instance), next, "{name}, {tier:?}, moment {index} and on");
            }
            assert_eq!(instance.run().unwrap(), exit);
            assert_eq!(state(&instance), end, "{name}, {tier:?}, moment {index} to the end");
        }
        instance.go_back_to_start().unwrap();
        assert_eq!(state(&instance).2, states[0].2);
        assert_eq!(instance.run().unwrap(), exit);
        assert_eq!(state(&instance), end, "{name}, {tier:?}, from the start");
        assert_eq!(
            (output.bytes(), listing(folder.path())),
            (printed, files),
            "{name}: the world is as it was"
        );
    }
}

#[test]
fn a_guest_that_computes_goes_back() {
    goes_back("json", &[]);
}

#[test]
fn a_guest_that_reads_and_writes_goes_back() {
    goes_back("cat", &[]);
}

#[test]
fn a_guest_that_changes_files_goes_back() {
    goes_back("files", &["/data"]);
}

#[test]
fn a_guest_that_maps_memory_goes_back() {
    goes_back("memory", &[]);
}

#[test]
fn a_guest_with_clocks_and_randomness_goes_back() {
    goes_back("clock", &[]);
}

#[test]
fn a_guest_that_traps_goes_back() {
    goes_back("debugged", &["1000", "8"]);
}

#[test]
fn a_future_that_is_forgotten_reads_its_input_again() {
    let folder = tempfile::tempdir().unwrap();
    let (mut instance, output) = start("cat", &[], Tier::Auto, folder.path());
    instance.keep_answers();
    let moment = instance.moment(None).unwrap().unwrap();
    let exit = instance.run().unwrap();
    let (end, once) = (state(&instance), output.bytes());
    instance.go_back(&moment).unwrap();
    instance.forget_later();
    assert_eq!(instance.run().unwrap(), exit);
    assert_eq!(state(&instance), end);
    assert_eq!(output.bytes(), once.repeat(2));
}
