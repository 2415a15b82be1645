//! Reading executables: from an untrusted file to an [`Image`] at final addresses.
//!
//! Accepted are statically linked RV64 programs, `ET_EXEC` and static `ET_DYN` (which relocate
//! themselves at start). The file is hostile until shown otherwise: every number in it is checked
//! against the file's size or the [`Limits`] before anything is allocated by it, and each way to be
//! wrong has its own [`LoadError`].

mod attributes;
mod debug;
mod error;
mod header;
mod layout;
mod program;
mod segment;
mod symbols;

pub use error::LoadError;
pub use program::Program;
pub use symbols::{Symbol, SymbolKind, Symbols};

#[cfg(doc)]
use causality_machine::{Image, Limits};
