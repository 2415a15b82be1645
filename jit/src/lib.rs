//! Native tiers: guest code as host code.

pub mod abi;
pub mod ahead;
pub mod cache;
pub mod code;
mod compiler;
mod context;
mod cranelift;
mod host;
pub mod profile;
pub mod region;
mod sys;
mod tunables;

pub use compiler::{CompileError, Compiler, Text};
pub use cranelift::{Locations, TranslateError, Translation, Translator};
pub use tunables::{Layout, Tunables};
