//! What only the host processor can do. An island of `unsafe`.

mod file;
pub(crate) mod marker;
pub(crate) mod mxcsr;

pub(crate) use file::MappedFile;
