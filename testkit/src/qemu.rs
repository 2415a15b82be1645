//! The oracle: `qemu-riscv64` in user mode.

use std::io::{self, Write};
use std::path::PathBuf;
use std::process::{Command, Stdio};

use causality_isa::{Extension, Opcode};

use crate::{Batch, Record};

/// The processor QEMU is to be.
const CPU: &str = "rv64,zba=true,zbb=true,zbc=true,zbs=true,Zfhmin=true,Zfh=false,Zihintpause=true";

/// A QEMU to ask.
#[derive(Clone, Debug)]
pub struct Qemu {
    path: PathBuf,
}

/// Whether QEMU 7.2, the oldest we ask, knows an extension. Prefetches it executes as the `ori x0` they are made of.
#[must_use]
pub const fn knows(extension: Extension) -> bool {
    use Extension::{A, C, D, F, I, M, Zba, Zbb, Zbc, Zbs, Zfhmin, Zicbop, Zicsr, Zifencei, Zihintpause};
    matches!(
        extension,
        I | M | A | F | D | C | Zicbop | Zicsr | Zifencei | Zihintpause | Zba | Zbb | Zbc | Zbs | Zfhmin
    )
}

/// Where QEMU 7.2 is wrong, found by these tests; `docs/testing.md` has the manual's words.
///
/// - `ctzw` of a register whose low word is zero counts on into the upper word.
#[must_use]
pub const fn errs(opcode: Opcode, sources: [u64; 3]) -> bool {
    matches!(opcode, Opcode::Ctzw) && sources[0] as u32 == 0 && sources[0] != 0
}

impl Qemu {
    /// The one in `PATH`. If there is none, says so and returns `None`.
    ///
    /// # Panics
    /// If there is none and `CAUSALITY_REQUIRE_ORACLES` is 1.
    #[must_use]
    pub fn find() -> Option<Self> {
        let found = std::env::split_paths(&std::env::var_os("PATH").unwrap_or_default())
            .map(|dir| dir.join("qemu-riscv64"))
            .find(|path| path.is_file());
        let required = std::env::var_os("CAUSALITY_REQUIRE_ORACLES").is_some_and(|v| v == "1");
        assert!(found.is_some() || !required, "qemu-riscv64 is required and not in PATH");
        if found.is_none() {
            println!("SKIPPED: qemu-riscv64 not found");
        }
        found.map(|path| Qemu { path })
    }

    /// Runs a batch and returns a record for each of its programs.
    ///
    /// # Errors
    /// If QEMU cannot be run, fails, or ends early.
    pub fn run(&self, batch: &Batch) -> io::Result<Vec<Record>> {
        let file = TempFile::new(&batch.elf())?;
        let output =
            Command::new(&self.path).args(["-cpu", CPU]).arg(&file.0).stdin(Stdio::null()).output()?;
        let records = Record::parse_all(&output.stdout);
        if !output.status.success() || records.len() != batch.programs.len() {
            let errors = String::from_utf8_lossy(&output.stderr).into_owned();
            let (count, of) = (records.len(), batch.programs.len());
            return Err(io::Error::other(format!("{}, {count} of {of} records: {errors}", output.status)));
        }
        Ok(records)
    }
}

/// An executable file that goes away with its value.
struct TempFile(PathBuf);

impl TempFile {
    fn new(bytes: &[u8]) -> io::Result<Self> {
        use std::os::unix::fs::OpenOptionsExt;
        use std::sync::atomic::{AtomicU64, Ordering};
        static COUNT: AtomicU64 = AtomicU64::new(0);
        let number = COUNT.fetch_add(1, Ordering::Relaxed);
        let name = format!("causality-{}-{number}.elf", std::process::id());
        let path = std::env::temp_dir().join(name);
        let mut options = std::fs::OpenOptions::new();
        options.write(true).create_new(true).mode(0o700).open(&path)?.write_all(bytes)?;
        Ok(TempFile(path))
    }
}

impl Drop for TempFile {
    fn drop(&mut self) {
        // A file left behind in the temporary directory is no reason to fail.
        let _ = std::fs::remove_file(&self.0);
    }
}
