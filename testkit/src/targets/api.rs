//! Any sequence of calls of the embedding API.

use crate::Source;
use crate::sequence::{Sequence, Way};

/// It ends without a panic, and the same in a way of executing guests that the input chooses as in the interpreter.
///
/// # Panics
/// If not.
pub fn api(data: &[u8]) {
    let mut source = Source::Bytes(data);
    let way = source.pick(&Way::OTHERS);
    Sequence::choose(&mut source).compare(Way::Interpreter, way);
}
