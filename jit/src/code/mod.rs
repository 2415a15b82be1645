//! Host code: memory for it, and the table that finds it by guest pc.
//!
//! This is an island of `unsafe`. Code is written to anonymous pages that are then made executable and never written
//! again, so nothing is ever writable and executable. Code never moves, and lives as long as the [`Space`] it was
//! published in; a space is dropped as a whole when nobody runs in it any more.

mod block;
mod listener;
mod memory;
mod space;

pub(crate) use block::CodeBlock;
pub use listener::{Listener, NewCode, Origin};
pub use memory::{Code, CodeMemory};
pub(crate) use space::{Links, SharedCode};
pub use space::{Published, Space};
