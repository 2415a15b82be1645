//! One function of a backtrace.

use std::fmt;

use serde::Serialize;

/// The longest name that is kept, in bytes.
const LONGEST: usize = 1024;

/// A function that was being executed, or that was inlined in one.
#[derive(Clone, Debug, Default, PartialEq, Eq, Serialize)]
#[non_exhaustive]
pub struct Frame {
    /// The instruction: of the innermost frame the next one, of others that after the call.
    #[serde(serialize_with = "crate::report::hex")]
    pub pc: u64,
    /// Its name as it stands in the source; `None` if it has none.
    pub function: Option<String>,
    /// Bytes from the start of the function; `None` for one that is inlined or has no symbol.
    pub offset: Option<u64>,
    /// Its source file.
    pub file: Option<String>,
    /// The line in it; of a caller that of the call.
    pub line: Option<u32>,
    /// Whether it is inlined in the next one.
    pub is_inlined: bool,
}

impl fmt::Display for Frame {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(f, "{:#x} in {}", self.pc, self.function.as_deref().unwrap_or("no symbol"))?;
        if let Some(offset) = self.offset.filter(|&offset| offset > 0) {
            write!(f, "+{offset:#x}")?;
        }
        match (&self.file, self.line) {
            (Some(file), Some(line)) => write!(f, " ({file}:{line})")?,
            (Some(file), None) => write!(f, " ({file})")?,
            _ => {}
        }
        Ok(())
    }
}

/// As it stands in the source, if its language is known.
pub(super) fn demangle(name: &str) -> String {
    shorten(&addr2line::demangle_auto(name.into(), None))
}

pub(super) fn shorten(text: &str) -> String {
    text[..text.floor_char_boundary(LONGEST)].to_owned()
}
