//! Native tiers: guest code as host code.

pub mod abi;
pub mod ahead;
mod background;
pub mod baseline;
pub mod cache;
pub mod code;
mod compiler;
mod context;
mod cranelift;
mod host;
mod hot;
pub mod profile;
mod promotion;
pub mod region;
mod statistics;
mod sys;
mod text;
mod tunables;

pub use background::Background;
pub use compiler::{CompileError, Compiler};
pub use cranelift::{Locations, TranslateError, Translation, Translator};
pub use promotion::{Promoted, Sample, Verdict};
pub use region::Functions;
pub use statistics::{Compiled, Statistics, Translated};
pub use text::{Snapshot, Text};
pub use tunables::{Guards, Layout, NativeTier, Promotion, Tunables};
