//! [`Record`]: what a program left behind, and how two of them differ.

use std::fmt;

use causality_isa::reg::{F, X};

use crate::program::{WINDOW, WINDOW_SIZE};

/// Bytes of a record as the harness writes it: `x`, `f`, `fcsr`, pc, address, the window.
/// The place of `x0` holds the signal.
pub const RECORD_SIZE: usize = 64 * 8 + 3 * 8 + WINDOW_SIZE;

/// The state a program ended in.
#[derive(Clone, PartialEq, Eq)]
pub struct Record {
    /// The Linux signal of its trap, or 0 if it came to its end.
    pub signal: u64,
    /// Integer registers, `x[0]` and the anchor zero.
    pub x: [u64; 32],
    /// Floating-point registers.
    pub f: [u64; 32],
    /// `fflags` and `frm`.
    pub fcsr: u64,
    /// Where it trapped, or 0.
    pub pc: u64,
    /// The address that goes with the trap, or 0.
    pub address: u64,
    /// The bytes at [`WINDOW`].
    pub window: Box<[u8; WINDOW_SIZE]>,
}

impl Default for Record {
    fn default() -> Self {
        Record {
            signal: 0,
            x: [0; 32],
            f: [0; 32],
            fcsr: 0,
            pc: 0,
            address: 0,
            window: Box::new([0; WINDOW_SIZE]),
        }
    }
}

impl Record {
    /// A record from the bytes the harness wrote.
    #[must_use]
    pub fn parse(bytes: &[u8; RECORD_SIZE]) -> Self {
        let word = |i: usize| {
            let mut word = [0; 8];
            word.copy_from_slice(&bytes[8 * i..8 * i + 8]);
            u64::from_le_bytes(word)
        };
        let mut record = Record {
            signal: word(0),
            x: std::array::from_fn(word),
            f: std::array::from_fn(|i| word(32 + i)),
            fcsr: word(64),
            pc: word(65),
            address: word(66),
            ..Record::default()
        };
        record.x[0] = 0;
        record.window.copy_from_slice(&bytes[RECORD_SIZE - WINDOW_SIZE..]);
        record
    }

    /// The records in `output`; a last one that is cut off is dropped.
    #[must_use]
    pub fn parse_all(output: &[u8]) -> Vec<Self> {
        let (records, _) = output.as_chunks::<RECORD_SIZE>();
        records.iter().map(Record::parse).collect()
    }

    /// Whether this, an oracle's, says the same as `ours`.
    ///
    /// All must be equal, but for the address of a memory fault: this machine reports where an access begins, and
    /// Linux the first byte that is missing, which may be in the next page, or nothing for an address that no
    /// process can have.
    #[must_use]
    pub fn agrees(&self, ours: &Record) -> bool {
        let same = Record { address: ours.address, ..self.clone() };
        same == *ours && (self.address == ours.address || self.excuses(ours))
    }

    fn excuses(&self, ours: &Record) -> bool {
        const SIGSEGV: u64 = 11;
        let canonical = ours.address < 1 << 47;
        let in_next_page = self.address & 0xfff == 0 && self.address.wrapping_sub(ours.address) < 64;
        self.signal == SIGSEGV && (!canonical || in_next_page)
    }

    /// What differs, a line each.
    #[must_use]
    pub fn difference(&self, ours: &Record) -> String {
        let mut text = String::new();
        let mut line = |name: &str, oracle: u64, ours: u64| {
            if oracle != ours {
                text += &format!("  {name:>8}  oracle {oracle:#018x}  ours {ours:#018x}\n");
            }
        };
        line("signal", self.signal, ours.signal);
        line("pc", self.pc, ours.pc);
        line("address", self.address, ours.address);
        line("fcsr", self.fcsr, ours.fcsr);
        for i in 0..32 {
            line(X::ALL[i].name(), self.x[i], ours.x[i]);
        }
        for i in 0..32 {
            line(F::ALL[i].name(), self.f[i], ours.f[i]);
        }
        for (i, (a, b)) in self.window.iter().zip(ours.window.iter()).enumerate() {
            line(&format!("{:#x}", WINDOW + i as u64), u64::from(*a), u64::from(*b));
        }
        text
    }
}

impl fmt::Debug for Record {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str(&Record::default().difference(self))
    }
}
