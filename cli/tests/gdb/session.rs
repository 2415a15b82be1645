//! A guest, the command that debugs it, and GDB.

use std::fs::File;
use std::io::{BufRead, BufReader, PipeReader, Read};
use std::path::{Path, PathBuf};
use std::process::{Child, ChildStdout, Command, Stdio};

/// The guest that these tests look into, and its input.
pub(crate) const GUEST: &str = "testkit/guests/debugged.elf";
const INPUT: &str = "testkit/guests/debugged.stdin";

/// How long GDB waits for an answer: far more than one takes on a busy machine.
const PATIENCE: u32 = 300;

/// What is said before the output of a command, with its number.
const MARK: &str = "@@";

fn root() -> &'static Path {
    Path::new(concat!(env!("CARGO_MANIFEST_DIR"), "/.."))
}

/// A GDB that knows RISC-V. If there is none, says so and returns `None`.
pub(crate) fn gdb() -> Option<PathBuf> {
    let found = std::env::split_paths(&std::env::var_os("PATH").unwrap_or_default())
        .map(|dir| dir.join("gdb-multiarch"))
        .find(|path| path.is_file());
    let required = std::env::var_os("CAUSALITY_REQUIRE_ORACLES").is_some_and(|value| value == "1");
    assert!(found.is_some() || !required, "gdb-multiarch is required and not in PATH");
    if found.is_none() {
        println!("SKIPPED: gdb-multiarch not found");
    }
    found
}

/// The number of the line of the guest's source that has this text.
pub(crate) fn line(text: &str) -> usize {
    let source = std::fs::read_to_string(root().join(GUEST).with_extension("c")).expect("it is there");
    let found = source.lines().position(|line| line.contains(text));
    found.unwrap_or_else(|| panic!("no line has {text}")) + 1
}

/// The debugged command, waiting for GDB.
pub(crate) struct Waiting {
    child: Child,
    address: String,
}

impl Waiting {
    /// `args` are options, the guest and its arguments.
    pub(crate) fn start(args: &[&str]) -> Self {
        let mut command = Command::new(env!("CARGO_BIN_EXE_causality-vm"));
        command.current_dir(root()).args(["debug", "--gdb", "127.0.0.1:0"]).args(args);
        command.stdin(File::open(root().join(INPUT)).expect("it is there"));
        command.stdout(Stdio::piped()).stderr(Stdio::piped());
        let mut child = command.spawn().expect("it starts");
        let mut said = String::new();
        let stderr = child.stderr.as_mut().expect("it is piped");
        BufReader::with_capacity(1, stderr).read_line(&mut said).expect("it says where it waits");
        let address = said.trim_end().rsplit(' ').next().unwrap_or_default().to_owned();
        assert!(said.contains("target remote 127.0.0.1:"), "{said}");
        Waiting { child, address }
    }

    /// What the guest prints, to be read while it runs.
    pub(crate) fn stdout(&mut self) -> ChildStdout {
        self.child.stdout.take().expect("nobody else reads it")
    }

    /// Starts GDB and has it execute these commands after it has connected.
    pub(crate) fn connect(&self, gdb: &Path, commands: &[&str]) -> Client {
        let mut command = Command::new(gdb);
        command.current_dir(root()).args(["-nx", "-q", "-batch"]);
        let settings = ["set width 0", "set height 0", "set confirm off"];
        let patience = format!("set remotetimeout {PATIENCE}");
        let connect = format!("target remote {}", self.address);
        let first = settings.into_iter().chain([&*patience, &*connect]);
        first.for_each(|setting| {
            command.args(["-ex", setting]);
        });
        for (number, what) in commands.iter().enumerate() {
            command.args(["-ex", &format!("echo \\n{MARK}{number}\\n"), "-ex", what]);
        }
        let (said, tell) = std::io::pipe().expect("there are pipes");
        let also = tell.try_clone().expect("there are descriptors");
        command.stdin(Stdio::null()).stdout(tell).stderr(also);
        Client { child: command.spawn().expect("gdb starts"), said }
    }

    /// Waits for the end of both.
    pub(crate) fn end(mut self, mut gdb: Client) -> Session {
        let mut said = Vec::new();
        gdb.said.read_to_end(&mut said).expect("it is a pipe");
        gdb.child.wait().expect("gdb ends");
        let text = String::from_utf8_lossy(&said).into_owned();
        let code = self.child.wait().expect("it ends").code();
        let mut rest = [String::new(), String::new()];
        if let Some(mut stdout) = self.child.stdout.take() {
            stdout.read_to_string(&mut rest[0]).expect("it prints UTF-8");
        }
        let mut stderr = self.child.stderr.take().expect("it is piped");
        stderr.read_to_string(&mut rest[1]).expect("it prints UTF-8");
        let [stdout, stderr] = rest;
        Session { text, code, stdout, stderr }
    }
}

/// GDB, and what it says.
pub(crate) struct Client {
    pub(crate) child: Child,
    said: PipeReader,
}

/// What a session left behind.
pub(crate) struct Session {
    /// All that GDB has said.
    pub(crate) text: String,
    /// The exit code of the debugged command.
    pub(crate) code: Option<i32>,
    /// What the guest has printed, unless it was read before.
    pub(crate) stdout: String,
    pub(crate) stderr: String,
}

impl Session {
    /// Has GDB execute commands on a guest.
    pub(crate) fn run(gdb: &Path, args: &[&str], commands: &[&str]) -> Self {
        let waiting = Waiting::start(args);
        let gdb = waiting.connect(gdb, commands);
        waiting.end(gdb)
    }

    /// What GDB has said to a command, by its number.
    pub(crate) fn answer(&self, number: usize) -> &str {
        let (start, end) = (format!("\n{MARK}{number}\n"), format!("\n{MARK}"));
        let Some((_, rest)) = self.text.split_once(&start) else {
            panic!("no answer {number}:\n{}", self.text)
        };
        rest.split_once(&end).map_or(rest, |(answer, _)| answer).trim()
    }

    /// Fails unless the answer to a command has all of these texts in it.
    #[track_caller]
    pub(crate) fn says(&self, number: usize, texts: &[&str]) {
        let answer = self.answer(number);
        for text in texts {
            assert!(answer.contains(text), "answer {number} has no `{text}`: {answer}\n---\n{}", self.text);
        }
    }
}
