//! The engines: how each is told to run a guest.

use std::path::{Path, PathBuf};
use std::process::Command;

/// What runs guests, as a child process: a program, its options, the guest, the number of rounds.
#[derive(Debug)]
pub(crate) struct Engine {
    /// The head of its column.
    pub(crate) name: String,
    /// Program and options; nothing if the guest is itself the program.
    prefix: Vec<PathBuf>,
    guests: PathBuf,
    extension: &'static str,
}

/// A peer's host program: one that table.sh built, or one of the system.
enum Host {
    Built(&'static str),
    System(&'static str),
}

const PEERS: [(&str, Host, &[&str]); 5] = [
    ("wasmtime", Host::Built("peer-wasmtime"), &[]),
    ("wasmtime-fuel", Host::Built("peer-wasmtime"), &["--fuel"]),
    ("wasmtime-bounds", Host::Built("peer-wasmtime"), &["--bounds-checks"]),
    ("wasmi", Host::Built("peer-wasmi"), &[]),
    ("qemu", Host::System("qemu-riscv64"), &[]),
];

/// The names [`Engine::peer`] knows.
pub(crate) fn peer_names() -> impl Iterator<Item = &'static str> {
    PEERS.iter().map(|(name, ..)| *name)
}

/// The guests' committed executables for RISC-V.
fn riscv_guests() -> PathBuf {
    Path::new(env!("CARGO_MANIFEST_DIR")).join("../../testkit/guests")
}

impl Engine {
    /// The baseline, first, and the same without vectors.
    pub(crate) fn natives(built: &Path) -> [Engine; 2] {
        ["native", "native-novec"].map(|name| Engine {
            name: name.to_owned(),
            prefix: Vec::new(),
            guests: built.join(name),
            extension: "",
        })
    }

    /// This engine with some options.
    pub(crate) fn ours(name: &str, program: &Path, options: Vec<String>) -> Engine {
        let prefix = [program.to_owned(), "run".into()].into_iter();
        Engine {
            name: format!("causality-vm {name}"),
            prefix: prefix.chain(options.into_iter().map(PathBuf::from)).collect(),
            guests: riscv_guests(),
            extension: "elf",
        }
    }

    /// One of the other engines.
    pub(crate) fn peer(name: &str, built: &Path) -> Option<Engine> {
        let (name, host, options) = PEERS.iter().find(|(known, ..)| *known == name)?;
        let (program, guests, extension) = match host {
            Host::Built(program) => (built.join(program), built.join("wasm"), "wasm"),
            Host::System(program) => (program.into(), riscv_guests(), "elf"),
        };
        let prefix = std::iter::once(program).chain(options.iter().map(PathBuf::from)).collect();
        Some(Engine { name: (*name).to_owned(), prefix, guests, extension })
    }

    /// The command that runs a guest.
    pub(crate) fn command(&self, guest: &str, rounds: u32) -> Command {
        let guest = self.guests.join(guest).with_extension(self.extension);
        let mut words = self.prefix.iter().chain(std::iter::once(&guest));
        let mut command = Command::new(words.next().unwrap_or(&guest));
        command.args(words).arg(rounds.to_string());
        command
    }
}
