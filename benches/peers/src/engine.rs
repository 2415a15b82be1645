//! The engines: how each is told to run a guest, and which it can run.

use std::path::{Path, PathBuf};
use std::process::Command;

use peers::origin;

use crate::guest::Guest;

/// What runs guests, as a child process: a program, its options, the guest, the number of rounds.
#[derive(Debug)]
pub(crate) struct Engine {
    /// The head of its column.
    pub(crate) name: String,
    /// What it is in which version, if that can be found out.
    pub(crate) version: Option<String>,
    /// Program and options; nothing if the guest is itself the program.
    prefix: Vec<PathBuf>,
    guests: PathBuf,
    extension: &'static str,
    has_floats: bool,
}

/// What guests are compiled for.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
enum Home {
    /// Linux on RV64GC.
    Riscv,
    Wasm,
    /// RV64E, linked by PolkaVM's linker.
    Polkavm,
    /// RV64IMC with B.
    Ckb,
}

/// A peer's host program: one that table.sh built around a crate, or one of the system.
enum Host {
    Built(&'static str, &'static str),
    System(&'static str),
}

struct Peer {
    name: &'static str,
    host: Host,
    options: &'static [&'static str],
    home: Home,
}

impl Peer {
    const fn wasmtime(name: &'static str, options: &'static [&'static str]) -> Peer {
        Peer { name, host: Host::Built("peer-wasmtime", "wasmtime"), options, home: Home::Wasm }
    }

    const fn polkavm(name: &'static str, options: &'static [&'static str]) -> Peer {
        Peer { name, host: Host::Built("peer-polkavm", "polkavm"), options, home: Home::Polkavm }
    }
}

const PEERS: [Peer; 9] = [
    Peer::wasmtime("wasmtime", &[]),
    Peer::wasmtime("wasmtime-fuel", &["--fuel"]),
    Peer::wasmtime("wasmtime-bounds", &["--bounds-checks"]),
    Peer::polkavm("polkavm", &[]),
    Peer::polkavm("polkavm-gas", &["--gas", "sync"]),
    Peer::polkavm("polkavm-async-gas", &["--gas", "async"]),
    Peer { name: "qemu", host: Host::System("qemu-riscv64"), options: &[], home: Home::Riscv },
    Peer { name: "wasmi", host: Host::Built("peer-wasmi", "wasmi"), options: &[], home: Home::Wasm },
    Peer { name: "ckb-vm", host: Host::Built("peer-ckb", "ckb-vm"), options: &[], home: Home::Ckb },
];

/// The names [`Engine::peer`] knows.
pub(crate) fn peer_names() -> impl Iterator<Item = &'static str> {
    PEERS.iter().map(|peer| peer.name)
}

/// The guests' committed executables for RISC-V.
fn riscv_guests() -> PathBuf {
    Path::new(env!("CARGO_MANIFEST_DIR")).join("../../testkit/guests")
}

impl Home {
    /// The folder of the guests, and how the names of their files end.
    fn guests(self, built: &Path) -> (PathBuf, &'static str) {
        match self {
            Home::Riscv => (riscv_guests(), "elf"),
            Home::Wasm => (built.join("wasm"), "wasm"),
            Home::Polkavm => (built.join("polkavm"), "polkavm"),
            Home::Ckb => (built.join("ckb"), "elf"),
        }
    }

    fn has_floats(self) -> bool {
        matches!(self, Home::Riscv | Home::Wasm)
    }
}

impl Engine {
    /// The baseline, first, and the same without vectors.
    pub(crate) fn natives(built: &Path) -> [Engine; 2] {
        ["native", "native-novec"].map(|name| Engine {
            name: name.to_owned(),
            version: origin::program_version("gcc"),
            prefix: Vec::new(),
            guests: built.join(name),
            extension: "",
            has_floats: true,
        })
    }

    /// This engine with some options.
    pub(crate) fn ours(name: &str, program: &Path, options: Vec<String>) -> Engine {
        let prefix = [program.to_owned(), "run".into()].into_iter();
        Engine {
            name: format!("causality-vm {name}"),
            version: origin::program_version(&program.to_string_lossy()),
            prefix: prefix.chain(options.into_iter().map(PathBuf::from)).collect(),
            guests: riscv_guests(),
            extension: "elf",
            has_floats: true,
        }
    }

    /// One of the other engines.
    pub(crate) fn peer(name: &str, built: &Path) -> Option<Engine> {
        let peer = PEERS.iter().find(|known| known.name == name)?;
        let (program, version) = match peer.host {
            Host::Built(program, package) => (built.join(program), origin::crate_version(package)),
            Host::System(program) => (program.into(), origin::program_version(program)),
        };
        let prefix = std::iter::once(program).chain(peer.options.iter().map(PathBuf::from)).collect();
        let (guests, extension) = peer.home.guests(built);
        let has_floats = peer.home.has_floats();
        Some(Engine { name: name.to_owned(), version, prefix, guests, extension, has_floats })
    }

    /// Whether it was built, or is one of the system's programs.
    pub(crate) fn is_there(&self) -> bool {
        self.prefix
            .first()
            .is_none_or(|program| program.is_file() || self.version.is_some() && !program.has_root())
    }

    /// Whether it can run a guest at all.
    pub(crate) fn runs(&self, guest: &Guest) -> bool {
        self.has_floats || !guest.has_floats
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
