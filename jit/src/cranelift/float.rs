//! What the floating-point extensions share.

use super::Emitter;

/// What is known about floating-point registers.
#[derive(Default)]
pub(super) struct Floats {}

impl Emitter<'_> {
    /// Writes floating-point registers that differ from their homes to them.
    pub(super) fn flush_floats(&mut self) {}
}
