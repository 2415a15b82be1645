//! What only the host processor can do. An island of `unsafe`.

pub(crate) mod marker;
pub(crate) mod mxcsr;
