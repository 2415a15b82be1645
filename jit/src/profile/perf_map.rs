//! `perf-PID.map`: names of host addresses.
//!
//! The format is `tools/perf/Documentation/jit-interface.txt` of Linux: a line `START SIZE NAME` each, in hexadecimal.

use std::fs::File;
use std::io::{self, Write};
use std::path::Path;

use super::{Names, Profile, name_of};
use crate::code::NewCode;

/// The file that `perf report` reads names from: `/tmp/perf-PID.map`.
#[derive(Debug)]
pub struct PerfMap<W = File> {
    out: W,
}

impl PerfMap {
    /// Creates the file for this process in `folder`; `perf` looks in `/tmp`.
    ///
    /// # Errors
    /// If it cannot be created.
    pub fn create(folder: &Path) -> io::Result<Self> {
        let out = File::create(folder.join(format!("perf-{}.map", std::process::id())))?;
        Ok(PerfMap { out })
    }
}

impl<W: Write> PerfMap<W> {
    /// Writes to `out`.
    pub fn new(out: W) -> Self {
        PerfMap { out }
    }
}

impl<W: Write + Send + 'static> Profile for PerfMap<W> {
    fn write(&mut self, code: &NewCode<'_>, names: &dyn Names) -> io::Result<()> {
        let line = format!("{:x} {:x} {}\n", code.host, code.bytes.len(), name_of(code, names));
        // In one piece, so that a reader never sees half a line.
        self.out.write_all(line.as_bytes())
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::code::{Origin, Published};
    use crate::profile::tests::{Shared, TwoNames};

    #[test]
    fn a_line_for_each_piece_of_code() {
        let (out, bytes) = Shared::new();
        let mut map = PerfMap::new(out);
        let region = Published::at(0x100f0, 0x7000);
        let origins = [Origin::Runtime("enter"), Origin::Region(&region)];
        for (host, origin) in [0x6000, 0x7000].into_iter().zip(origins) {
            map.write(&NewCode { host, bytes: &[0x90; 17], origin }, &TwoNames).unwrap();
        }
        let text = String::from_utf8(bytes.lock().unwrap().clone()).unwrap();
        assert_eq!(text, "6000 11 causality:enter\n7000 11 guest:a b?\n");
    }
}
