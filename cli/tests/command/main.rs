//! The command as its users see it: what goes in on the command line, what comes out.

mod authority;
mod batch;
mod compile;
mod conversation;
mod directories;
mod evidence;
mod explore;
mod listing;
mod refusal;
mod report;
mod run;
mod scene;
mod snapshot;
mod store;
mod trace;
mod transaction;
mod trap;

use std::io::Write;
use std::path::{Path, PathBuf};
use std::process::{Command, Stdio};

use causality_testkit::elf::Elf;

/// What a run of the command left behind.
struct Outcome {
    code: i32,
    stdout: String,
    stderr: String,
}

/// The command, in the root of the repository.
fn command() -> Command {
    let mut command = Command::new(env!("CARGO_BIN_EXE_causality-vm"));
    command.current_dir(concat!(env!("CARGO_MANIFEST_DIR"), "/.."));
    command
}

/// Runs it with these arguments and nothing to read.
fn vm(args: &[&str]) -> Outcome {
    vm_with_input(args, b"")
}

fn vm_with_input(args: &[&str], input: &[u8]) -> Outcome {
    let pipes = [Stdio::piped(), Stdio::piped(), Stdio::piped()];
    let [stdin, stdout, stderr] = pipes;
    let mut child =
        command().args(args).stdin(stdin).stdout(stdout).stderr(stderr).spawn().expect("it starts");
    child.stdin.take().expect("it is piped").write_all(input).expect("it reads");
    let output = child.wait_with_output().expect("it ends");
    Outcome {
        code: output.status.code().expect("no signal ended it"),
        stdout: String::from_utf8(output.stdout).expect("it prints UTF-8"),
        stderr: String::from_utf8(output.stderr).expect("it prints UTF-8"),
    }
}

/// A file of these bytes, gone when the folder goes.
fn file(folder: &Path, name: &str, bytes: &[u8]) -> PathBuf {
    let path = folder.join(name);
    std::fs::write(&path, bytes).expect("the folder is writable");
    path
}

/// Runs an executable made on the spot.
fn vm_on(options: &[&str], elf: &Elf) -> Outcome {
    let folder = tempfile::tempdir().expect("there is room");
    let path = file(folder.path(), "guest.elf", &elf.build());
    let args = [&["run"], options, &[path.to_str().expect("it is UTF-8")]].concat();
    vm(&args)
}
