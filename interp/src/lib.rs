//! The reference interpreter: what every other executor is compared with.
//!
//! Written to be read beside the manual: [`exec`](self) holds one file per extension, `num` and
//! `softfloat` the pure functions they use. It is nevertheless a usable interpreter: instructions are
//! decoded once into traces, and running a trace neither allocates nor looks anything up.

#![forbid(unsafe_code)]

mod beside;
mod dispatch;
mod exec;
mod hostfloat;
mod interpreter;
mod num;
mod softfloat;
mod trace;

pub use beside::Beside;
pub use interpreter::{Interpreter, Retired};
