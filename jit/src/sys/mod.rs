//! What only the host can do. An island of `unsafe`.

mod chunk;
mod file;
pub(crate) mod marker;
pub(crate) mod mxcsr;
mod stack;

pub(crate) use chunk::{Chunk, CodeBlock};
pub(crate) use file::MappedFile;
pub(crate) use stack::stack_pointer;
