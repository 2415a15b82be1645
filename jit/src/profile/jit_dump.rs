//! `jit-PID.dump`: names, bytes and source lines of code, with times.
//!
//! The format is `tools/perf/Documentation/jitdump-specification.txt` of Linux. `perf record` has to see that the
//! process maps the file; `perf inject --jit` then makes an object file of each record.

use std::fs::File;
use std::io::{self, Write};
use std::path::{Path, PathBuf};

use rustix::thread::gettid;
use rustix::time::{ClockId, clock_gettime};

use super::{Names, Profile, name_of};
use crate::code::{NewCode, Origin};
use crate::sys::marker::Marker;

/// "JiTD", in this host's byte order.
const MAGIC: u32 = 0x4a69_5444;
const VERSION: u32 = 1;
const HEADER_SIZE: u32 = 40;
const RECORD_HEADER_SIZE: usize = 16;
const CODE_LOAD: u32 = 0;
const DEBUG_INFO: u32 = 2;
/// `e_machine` of the host, as ELF numbers it.
const ELF_MACHINE: u32 = if cfg!(target_arch = "aarch64") { 183 } else { 62 };

/// The file that `perf inject --jit` reads.
#[derive(Debug)]
pub struct JitDump<W = File> {
    out: W,
    /// Code pieces so far.
    index: u64,
    /// How `perf record` learns of the file.
    _marker: Option<Marker>,
    path: PathBuf,
}

impl JitDump {
    /// Creates the file for this process in `folder`.
    ///
    /// # Errors
    /// If it cannot be created or mapped.
    pub fn create(folder: &Path) -> io::Result<Self> {
        let path = folder.join(format!("jit-{}.dump", std::process::id()));
        let mut out = File::options().read(true).write(true).create(true).truncate(true).open(&path)?;
        out.write_all(&header())?;
        let marker = Marker::new(&out)?;
        Ok(JitDump { out, index: 0, _marker: Some(marker), path })
    }

    /// Where it is.
    #[must_use]
    pub fn path(&self) -> &Path {
        &self.path
    }
}

impl<W: Write> JitDump<W> {
    /// Writes to `out`, which no profiler knows of.
    ///
    /// # Errors
    /// If that fails.
    pub fn new(mut out: W) -> io::Result<Self> {
        out.write_all(&header())?;
        Ok(JitDump { out, index: 0, _marker: None, path: PathBuf::new() })
    }

    /// The lines of the instructions in `code`; as `perf` wants it, before the code itself.
    fn debug_info(&self, code: &NewCode<'_>, names: &dyn Names) -> Option<Record> {
        let Origin::Region(region) = code.origin else { return None };
        let mut record = Record::new(DEBUG_INFO);
        record.word(code.host as u64);
        let count_at = record.0.len();
        record.word(0);
        let (mut count, mut last) = (0, None);
        for &(offset, pc) in &region.map {
            let line = names.line(pc);
            if line.is_none() || line == last {
                continue;
            }
            if let Some((file, number)) = &line {
                record.word(code.host as u64 + u64::from(offset));
                record.half(*number);
                record.half(0);
                record.text(file);
                count += 1;
            }
            last = line;
        }
        record.0[count_at..count_at + 8].copy_from_slice(&u64::to_ne_bytes(count));
        (count > 0).then_some(record)
    }

    fn code_load(&mut self, code: &NewCode<'_>, names: &dyn Names) -> Record {
        let mut record = Record::new(CODE_LOAD);
        record.half(std::process::id());
        record.half(gettid().as_raw_nonzero().get().unsigned_abs());
        for word in [code.host as u64, code.host as u64, code.bytes.len() as u64, self.index] {
            record.word(word);
        }
        record.text(&name_of(code, names));
        record.0.extend_from_slice(code.bytes);
        self.index += 1;
        record
    }
}

impl<W: Write + Send + 'static> Profile for JitDump<W> {
    fn write(&mut self, code: &NewCode<'_>, names: &dyn Names) -> io::Result<()> {
        let mut bytes = self.debug_info(code, names).map(Record::finish).unwrap_or_default();
        bytes.extend(self.code_load(code, names).finish());
        self.out.write_all(&bytes)
    }
}

fn header() -> Vec<u8> {
    let mut header = Record(Vec::new());
    for half in [MAGIC, VERSION, HEADER_SIZE, ELF_MACHINE, 0, std::process::id()] {
        header.half(half);
    }
    header.word(now());
    header.word(0);
    header.0
}

/// Nanoseconds of the clock that `perf record -k mono` uses.
fn now() -> u64 {
    let time = clock_gettime(ClockId::Monotonic);
    time.tv_sec as u64 * 1_000_000_000 + time.tv_nsec as u64
}

/// A record in the making.
struct Record(Vec<u8>);

impl Record {
    fn new(kind: u32) -> Self {
        let mut record = Record(Vec::new());
        record.half(kind);
        record.half(0);
        record.word(now());
        debug_assert_eq!(record.0.len(), RECORD_HEADER_SIZE);
        record
    }

    fn half(&mut self, value: u32) {
        self.0.extend(value.to_ne_bytes());
    }

    fn word(&mut self, value: u64) {
        self.0.extend(value.to_ne_bytes());
    }

    fn text(&mut self, text: &str) {
        self.0.extend(text.bytes().filter(|&byte| byte != 0));
        self.0.push(0);
    }

    /// The bytes, with their number where it belongs.
    fn finish(mut self) -> Vec<u8> {
        let size = self.0.len() as u32;
        self.0[4..8].copy_from_slice(&size.to_ne_bytes());
        self.0
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::code::Published;
    use crate::profile::tests::{Shared, TwoNames};

    #[test]
    fn records_have_the_sizes_they_say_and_lines_come_before_code() {
        let (out, bytes) = Shared::new();
        let mut dump = JitDump::new(out).unwrap();
        let region =
            Published { map: vec![(0, 0x100), (4, 0x102), (8, 0x200)], ..Published::at(0x100, 0x7000) };
        let code = NewCode { host: 0x7000, bytes: &[0xcc; 12], origin: Origin::Region(&region) };
        dump.write(&code, &TwoNames).unwrap();
        let bytes = bytes.lock().unwrap();
        let half = |at: usize| u32::from_ne_bytes(bytes[at..at + 4].try_into().unwrap());
        let word = |at: usize| u64::from_ne_bytes(bytes[at..at + 8].try_into().unwrap());
        assert_eq!([half(0), half(4), half(8), half(20)], [MAGIC, 1, 40, std::process::id()]);
        assert_eq!((half(40), word(56), word(64)), (DEBUG_INFO, 0x7000, 2), "equal lines are one");
        assert_eq!((word(72), half(80), &bytes[88..92]), (0x7000, 1, b"a.c\0".as_slice()));
        assert_eq!((word(92), half(100)), (0x7008, 2));
        let load = 40 + half(44) as usize;
        assert_eq!((half(load), word(load + 24), word(load + 40)), (CODE_LOAD, 0x7000, 12));
        assert_eq!(load + half(load + 4) as usize, bytes.len());
        assert!(bytes.ends_with(&[0xcc; 12]) && bytes[load + 56..].starts_with(b"guest:a b?\0"));
        assert!(word(load + 8) >= word(24), "times ascend");
    }
}
