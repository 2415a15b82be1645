//! What GDB may ask about the process: its file, its vector of auxiliary values, and files of `/proc`.

use std::fmt::Write;
use std::path::{Path, PathBuf};
use std::sync::Arc;

use causality_vm::isa::reg::X;
use causality_vm::memory::PAGE_SIZE;
use causality_vm::{Instance, Memory};

/// The number that GDB gives a target's only process.
const PID: u32 = 1;
/// The longest auxiliary vector, in words; the engine's has far fewer.
const MOST_WORDS: u64 = 256;

/// Facts about the process that do not change.
#[derive(Clone, Debug)]
pub(crate) struct Process {
    path: PathBuf,
    elf: Arc<[u8]>,
    /// The auxiliary vector as it lies on the guest's stack.
    auxiliary: Vec<u8>,
    /// Arguments, each with its zero.
    arguments: Vec<u8>,
}

impl Process {
    /// Of an instance that has not run. `elf` is the file at `path` that it was made from.
    pub(crate) fn new<T>(instance: &Instance<T>, path: &Path, elf: Arc<[u8]>) -> Self {
        let path = path.canonicalize().unwrap_or_else(|_| path.to_owned());
        let (auxiliary, arguments) = read_stack(instance).unwrap_or_default();
        Process { path, elf, auxiliary, arguments }
    }

    /// The path of the executable.
    pub(crate) fn path(&self) -> &Path {
        &self.path
    }

    /// The auxiliary vector.
    pub(crate) fn auxiliary(&self) -> &[u8] {
        &self.auxiliary
    }

    /// A file that GDB asks for by its path: the executable, or one of `/proc`.
    pub(crate) fn file(&self, path: &Path, memory: &Memory) -> Option<Arc<[u8]>> {
        if path == self.path {
            return Some(Arc::clone(&self.elf));
        }
        let rest = path.strip_prefix(format!("/proc/{PID}")).ok()?;
        let text = match rest.to_str()? {
            "cmdline" => return Some(self.arguments.as_slice().into()),
            "maps" | "task/1/maps" => maps(memory),
            "status" => format!("Name:\tguest\nState:\tt (tracing stop)\nPid:\t{PID}\nPPid:\t0\n"),
            _ => return None,
        };
        Some(text.into_bytes().into())
    }

    /// Where a link of `/proc` leads.
    pub(crate) fn link(&self, path: &Path) -> Option<&Path> {
        let rest = path.strip_prefix(format!("/proc/{PID}")).ok()?;
        match rest.to_str()? {
            "exe" => Some(&self.path),
            "cwd" => Some(Path::new("/")),
            _ => None,
        }
    }
}

/// Segments in the form of `/proc/PID/maps`.
fn maps(memory: &Memory) -> String {
    let mut text = String::new();
    for segment in memory.segments() {
        let (range, perms, name) = (&segment.range, segment.perms, &segment.name);
        // Writing to a string cannot fail.
        let _ = writeln!(text, "{:08x}-{:08x} {perms}p 00000000 00:00 0 [{name}]", range.start, range.end);
    }
    text
}

/// The auxiliary vector and the arguments that a program finds at its stack pointer when it starts.
fn read_stack<T>(instance: &Instance<T>) -> Option<(Vec<u8>, Vec<u8>)> {
    let memory = instance.memory();
    let word = |addr| memory.load::<8>(addr).map(u64::from_le_bytes).ok();
    let mut at = instance.x(X::SP);
    let count = word(at)?;
    let mut arguments = Vec::new();
    for index in 0..count.min(PAGE_SIZE) {
        arguments.extend_from_slice(memory.c_str(word(at + 8 * (index + 1))?, 1 << 17).ok()??);
        arguments.push(0);
    }
    at += 8 * (count + 2);
    while word(at)? != 0 {
        at += 8;
    }
    at += 8;
    let mut pairs = 0;
    while pairs < MOST_WORDS / 2 && word(at + 16 * pairs)? != 0 {
        pairs += 1;
    }
    Some((memory.slice(at, 16 * (pairs + 1)).ok()?.to_vec(), arguments))
}
