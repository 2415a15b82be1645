//! The name of a snapshot: the root of a tree of hashes over all that it holds.
//!
//! ```text
//! root = H("root", program and limits, hart, segments, registers, process, memory, code, windows)
//!   each of which is  H(its name, its bytes), and of the last three
//!                     H(its name, address and H(page) of each page)
//! ```

use core::fmt;

use blake3::Hasher;
use borsh::BorshSerialize;

use super::pages::Table;
use super::{PageTables, State};

/// Names a snapshot by all that it holds: equal roots are equal snapshots. Written as 64 hexadecimal digits.
///
/// ```
/// use causality_vm::snapshot::{Root, Snapshot};
/// # use causality_vm::{Engine, Linker, Module, Options};
/// # fn main() -> Result<(), Box<dyn std::error::Error>> {
/// # let engine = Engine::default();
/// # let module = Module::from_file(&engine, "testkit/guests/calls.elf")?;
/// # let mut guest = Linker::new(&engine).instantiate(&module, Options::new().arg("guest"), ())?;
/// let root = Snapshot::of(&mut guest)?.root();
/// assert_eq!(root.to_string().len(), 64);
/// assert_eq!(Root::from_bytes(*root.as_bytes()), root);
/// guest.step()?;
/// assert_ne!(Snapshot::of(&mut guest)?.root(), root);
/// # Ok(())
/// # }
/// ```
#[derive(Clone, Copy, PartialEq, Eq, Hash, PartialOrd, Ord)]
pub struct Root([u8; 32]);

impl Root {
    /// The root that these bytes spell.
    #[must_use]
    pub const fn from_bytes(bytes: [u8; 32]) -> Self {
        Root(bytes)
    }

    /// The 32 bytes of the hash.
    #[must_use]
    pub const fn as_bytes(&self) -> &[u8; 32] {
        &self.0
    }

    pub(super) fn of(state: &State, tables: &PageTables) -> Self {
        let meta = leaf("program", &(&state.module, &state.limits));
        let segments = leaf("segments", &(&state.segments, state.peak, &state.peaks));
        let nodes = [
            meta,
            leaf("hart", &state.hart),
            segments,
            leaf("registers", &state.registers),
            leaf("process", &state.process),
            table("memory", &tables.memory),
            table("code", &tables.code),
            table("windows", &tables.windows),
        ];
        let mut hasher = hasher("root");
        for node in nodes {
            hasher.update(&node);
        }
        Root(*hasher.finalize().as_bytes())
    }
}

fn hasher(what: &str) -> Hasher {
    Hasher::new_derive_key(&format!("causality-vm 2026-11-23 snapshot v1: {what}"))
}

fn leaf(what: &str, value: &impl BorshSerialize) -> [u8; 32] {
    let mut hasher = hasher(what);
    // A hasher takes everything.
    let _ = borsh::to_writer(&mut hasher, value);
    *hasher.finalize().as_bytes()
}

fn table(what: &str, pages: &Table) -> [u8; 32] {
    let mut hasher = hasher(what);
    for (addr, page) in pages {
        hasher.update(&addr.to_le_bytes());
        hasher.update(page.id());
    }
    *hasher.finalize().as_bytes()
}

impl fmt::Display for Root {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        self.0.iter().try_for_each(|byte| write!(f, "{byte:02x}"))
    }
}

impl fmt::Debug for Root {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(f, "Root({self})")
    }
}
