//! Native tiers: guest code as host code.

mod context;
mod cranelift;
mod host;
pub mod region;
mod tunables;

pub use cranelift::{TranslateError, Translation, Translator};
pub use tunables::{Layout, Tunables};
