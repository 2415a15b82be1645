//! `--dir` and `--env`: what a guest sees of its host, which is what it is given.

use crate::{Outcome, vm};

/// Runs the guest that works in a directory, which it is told by its first argument.
fn files(dir: &str, guest: &str) -> Outcome {
    vm(&["run", "--dir", dir, "testkit/guests/files.elf", guest])
}

fn expected() -> String {
    std::fs::read_to_string(concat!(env!("CARGO_MANIFEST_DIR"), "/../testkit/guests/files.expected")).unwrap()
}

#[test]
fn a_writable_directory_can_be_worked_in_under_a_name_of_its_own() {
    let folder = tempfile::tempdir().unwrap();
    let run = files(&format!("{}:/data:rw", folder.path().display()), "/data");
    assert_eq!((run.code, run.stdout), (0, expected()));
}

#[test]
fn without_a_guest_path_it_lies_where_the_host_has_it() {
    let folder = tempfile::tempdir().unwrap();
    let path = folder.path().display().to_string();
    let run = files(&format!("{path}:rw"), &path);
    assert_eq!(run.code, 0, "{}", run.stderr);
}

#[test]
fn a_directory_is_read_only_unless_said_otherwise() {
    for suffix in ["", ":ro"] {
        let folder = tempfile::tempdir().unwrap();
        let run = files(&format!("{}:/data{suffix}", folder.path().display()), "/data");
        assert_ne!(run.stdout, expected());
        assert_eq!(std::fs::read_dir(folder.path()).unwrap().count(), 0, "the guest wrote");
    }
}

#[test]
fn directories_that_cannot_be_given_are_a_failure() {
    for (dir, why) in [
        ("/no/such/folder:/data", "cannot open the directory `/no/such/folder`"),
        (".:/dev/x", "`/dev/x` is no absolute, normal guest path"),
        ("..", "say where the guest sees it"),
    ] {
        let run = vm(&["run", "--dir", dir, "examples/hello.elf"]);
        assert_eq!(run.code, 125, "{dir}");
        assert!(run.stderr.contains(why), "{dir}: {}", run.stderr);
    }
    let run = vm(&["run", "--dir", ".:/a", "--dir", ".:/a", "examples/hello.elf"]);
    assert!(run.code == 125 && run.stderr.contains("given twice"), "{}", run.stderr);
}

#[test]
fn the_environment_is_what_is_given_and_not_the_hosts() {
    // `raytrace` prints ASCII if NO_COLOR is set.
    let colour = |args: &[&str]| {
        let args = [&["run"], args, &["examples/raytrace.elf", "--width", "4"]].concat();
        let run = vm(&args);
        assert_eq!(run.code, 0, "{}", run.stderr);
        run.stdout.contains('\x1b')
    };
    assert!(colour(&[]));
    assert!(!colour(&["--env", "A=B", "--env", "NO_COLOR=1"]));
    assert_eq!(vm(&["run", "--env", "nothing", "examples/hello.elf"]).code, 125);
}
