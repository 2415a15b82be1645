//! The list of calls. Dispatch, names and the table in `docs/abi.md` all come from these rows.

use super::call::{Answer, Argument, Call};
use super::{Errno, Stop};

/// One row of the table.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
#[non_exhaustive]
pub struct Syscall {
    /// The number in `a7`.
    pub number: u64,
    /// Its name without prefix.
    pub name: &'static str,
    /// Its arguments as `name: type`.
    pub arguments: &'static [&'static str],
    /// What it does, in one line.
    pub doc: &'static str,
    /// What is deterministic about it and what is refused.
    pub note: &'static str,
}

macro_rules! syscalls {
    ($(#[doc = $doc:literal] $number:literal $name:ident($($arg:ident: $ty:ty),*) = $handler:expr, $note:literal;)*) => {
        /// Every Linux call that is answered, in the order of their numbers.
        pub const TABLE: &[Syscall] = &[$(Syscall {
            number: $number,
            name: stringify!($name),
            arguments: &[$(concat!(stringify!($arg), ": ", stringify!($ty))),*],
            doc: $doc.trim_ascii(),
            note: $note,
        }),*];

        /// The name of a Linux call, if the number is one that is answered.
        #[must_use]
        pub const fn syscall_name(number: u64) -> Option<&'static str> {
            match number {
                $($number => Some(stringify!($name)),)*
                _ => None,
            }
        }

        /// Makes the call; `None` if nothing answers the number.
        pub(super) fn dispatch(call: &mut Call<'_>, number: u64, arguments: [u64; 6]) -> Option<Answer> {
            let mut registers = arguments.into_iter();
            Some(match number {
                $($number => {
                    $(let $arg = <$ty>::of(registers.next().unwrap_or(0));)*
                    $handler(call, $($arg),*)
                })*
                _ => return None,
            })
        }
    };
}

syscalls! {
    /// Ends the process.
    93 exit(status: i32) = exit, "The exit code is the low eight bits.";
}
fn exit(_: &mut Call<'_>, status: i32) -> Answer { Err(Stop::Flow(causality_machine::Flow::Exit(status & 0xff))) }
