//! Host code: memory for it, and the table that finds it by guest pc.
//!
//! Code is written where it cannot be executed and executed where it cannot be written. It never moves or changes, and
//! lives as long as the [`Space`] it was published in; a space is dropped as a whole when nobody runs in it any more.

mod arena;
mod listener;
mod memory;
mod space;

pub(crate) use arena::Arena;
pub use listener::{Listener, NewCode, Origin};
pub use memory::{Code, CodeMemory};
pub(crate) use space::{Links, SharedCode};
pub use space::{Published, Space};
