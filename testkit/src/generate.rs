//! Stub.
/// Stub.
#[derive(Debug)]
pub struct Shape;
/// Stub.
pub fn generate() {}
