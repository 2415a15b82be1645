//! A guest that answers each line before the next is sent.

use std::fs::File;
use std::io::{Read, Write};
use std::path::PathBuf;
use std::process::{Child, Command, Stdio};
use std::sync::mpsc::{Receiver, channel};
use std::time::{Duration, Instant};

use causality_testkit::elf::Elf;
use tempfile::TempDir;

use crate::{command, file};

/// Far more than an answer takes on a busy machine; a test that fails ends.
const PATIENCE: Duration = Duration::from_secs(30);

/// `while ((n = read(0, sp, 64)) > 0) write(1, sp, n); exit(n);`
const ECHO: [u32; 13] = [
    0x0000_0513,
    0x0001_0593,
    0x0400_0613,
    0x03f0_0893,
    0x73,
    0x00a0_5c63,
    0x0005_0613,
    0x0010_0513,
    0x0400_0893,
    0x73,
    0xfd9f_f06f,
    0x05d0_0893,
    0x73,
];

fn echo_guest() -> (TempDir, PathBuf) {
    let folder = tempfile::tempdir().unwrap();
    let path = file(folder.path(), "echo.elf", &Elf::of_words(&ECHO).build());
    (folder, path)
}

/// A process that is talked to; it does not outlive this.
struct Conversation {
    child: Child,
    pieces: Receiver<Vec<u8>>,
    heard: Vec<u8>,
}

impl Conversation {
    fn start(command: &mut Command) -> Self {
        let mut child = command.stdin(Stdio::piped()).stdout(Stdio::piped()).spawn().expect("it starts");
        let mut stdout = child.stdout.take().expect("it is piped");
        let (sender, pieces) = channel();
        std::thread::spawn(move || {
            let mut piece = [0; 256];
            while let Ok(count @ 1..) = stdout.read(&mut piece) {
                if sender.send(piece[..count].to_vec()).is_err() {
                    break;
                }
            }
        });
        Conversation { child, pieces, heard: Vec::new() }
    }

    fn say(&mut self, bytes: &[u8]) {
        self.child.stdin.as_mut().expect("it is open").write_all(bytes).expect("it listens");
    }

    /// Whether it says something that `is_enough`, all that was said counted, before patience ends.
    fn hears(&mut self, is_enough: impl Fn(&[u8]) -> bool) -> bool {
        let end = Instant::now() + PATIENCE;
        while !is_enough(&self.heard) {
            let Ok(piece) = self.pieces.recv_timeout(end.saturating_duration_since(Instant::now())) else {
                return false;
            };
            self.heard.extend(piece);
        }
        true
    }
}

impl Drop for Conversation {
    fn drop(&mut self) {
        let _ = self.child.kill();
        let _ = self.child.wait();
    }
}

#[test]
fn a_line_on_a_pipe_is_answered_before_the_pipe_is_closed() {
    let (_folder, guest) = echo_guest();
    let mut talk = Conversation::start(command().arg("run").arg(guest));
    talk.say(b"first\n");
    assert!(talk.hears(|heard| heard == b"first\n"), "{:?}", talk.heard);
    talk.say(b"second\nthi");
    assert!(talk.hears(|heard| heard == b"first\nsecond\n"), "{:?}", talk.heard);
    talk.say(b"rd\n");
    assert!(talk.hears(|heard| heard == b"first\nsecond\nthird\n"), "{:?}", talk.heard);
    drop(talk.child.stdin.take());
    assert_eq!(talk.child.wait().unwrap().code(), Some(0));
}

/// `script` gives the command a terminal and passes on what is typed.
#[test]
fn a_line_on_a_terminal_is_answered_before_the_next_is_typed() {
    let (folder, guest) = echo_guest();
    let line = format!("{} run {}", env!("CARGO_BIN_EXE_causality-vm"), guest.display());
    let mut script = Command::new("script");
    script.args(["--quiet", "--return", "--command", &line, "/dev/null"]).current_dir(folder.path());
    if !Command::new("script").arg("--version").output().is_ok_and(|output| output.status.success()) {
        eprintln!("SKIPPED: no `script` command to make a terminal");
        return;
    }
    let mut talk = Conversation::start(&mut script);
    talk.say(b"first\n");
    // The terminal shows what is typed, and the guest repeats it.
    let twice = |heard: &[u8]| String::from_utf8_lossy(heard).matches("first").count() == 2;
    assert!(talk.hears(twice), "{:?}", String::from_utf8_lossy(&talk.heard));
    talk.say(b"\x04");
    assert_eq!(talk.child.wait().unwrap().code(), Some(0));
}

#[test]
fn a_file_fills_the_guests_buffer_and_a_pipe_ends_a_read_with_the_line() {
    let (folder, guest) = echo_guest();
    let input = file(folder.path(), "input", &b"123456789\n".repeat(10));
    let calls = |stdin: Stdio| {
        let output = command().args(["run", "--report", "-"]).arg(&guest).stdin(stdin).output().unwrap();
        let (echo, json) = output.stdout.split_at(100);
        assert_eq!(echo, std::fs::read(&input).unwrap());
        let report: serde_json::Value = serde_json::from_slice(json).unwrap();
        report["calls"][0]["count"].as_u64().unwrap()
    };
    assert_eq!(calls(File::open(&input).unwrap().into()), 3);
    let mut cat = Command::new("cat").arg(&input).stdout(Stdio::piped()).spawn().unwrap();
    assert_eq!(calls(cat.stdout.take().unwrap().into()), 11);
    cat.wait().unwrap();
}
