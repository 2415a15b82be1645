//! Error numbers as guests see them (Linux `asm-generic/errno-base.h` and `errno.h`).

use std::io;

/// A positive Linux error number.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Hash, thiserror::Error)]
#[error("errno {0}")]
pub struct Errno(pub(crate) i32);

macro_rules! errnos {
    ($($(#[$meta:meta])* $name:ident = $value:literal;)*) => {
        impl Errno {
            $($(#[$meta])* pub const $name: Errno = Errno($value);)*
        }
    };
}

errnos! {
    /// Operation not permitted.
    PERM = 1;
    /// No such file or directory.
    NOENT = 2;
    /// No such process.
    SRCH = 3;
    /// Input/output error.
    IO = 5;
    /// No such device or address.
    NXIO = 6;
    /// Bad file descriptor.
    BADF = 9;
    /// No child processes.
    CHILD = 10;
    /// Try again.
    AGAIN = 11;
    /// Out of memory.
    NOMEM = 12;
    /// Permission denied.
    ACCES = 13;
    /// Bad address.
    FAULT = 14;
    /// Device or resource busy.
    BUSY = 16;
    /// File exists.
    EXIST = 17;
    /// Link across file systems.
    XDEV = 18;
    /// Operation not supported by device.
    NODEV = 19;
    /// Not a directory.
    NOTDIR = 20;
    /// Is a directory.
    ISDIR = 21;
    /// Invalid argument.
    INVAL = 22;
    /// Too many open files.
    MFILE = 24;
    /// Not a terminal.
    NOTTY = 25;
    /// File too large.
    FBIG = 27;
    /// No space left on device.
    NOSPC = 28;
    /// Illegal seek.
    SPIPE = 29;
    /// Read-only file system.
    ROFS = 30;
    /// Broken pipe.
    PIPE = 32;
    /// Result out of range.
    RANGE = 34;
    /// File name too long.
    NAMETOOLONG = 36;
    /// Nothing answers this call.
    NOSYS = 38;
    /// Directory not empty.
    NOTEMPTY = 39;
    /// Too many symbolic links.
    LOOP = 40;
    /// Not a message of the kind that is expected.
    BADMSG = 74;
    /// Value too large for its type.
    OVERFLOW = 75;
    /// Operation not supported.
    OPNOTSUPP = 95;
    /// Address family not supported.
    AFNOSUPPORT = 97;
    /// Timed out.
    TIMEDOUT = 110;
}

impl Errno {
    /// The positive number.
    #[must_use]
    pub const fn number(self) -> i32 {
        self.0
    }

    /// What a failing call leaves in `a0`: the negative number.
    #[must_use]
    pub const fn to_register(self) -> u64 {
        (self.0 as i64).wrapping_neg() as u64
    }
}

/// What the host's file system said. The numbers of all Linux hosts that Rust's standard library and
/// this engine support are the generic ones; an error without a number is classified by its kind.
impl From<&io::Error> for Errno {
    fn from(error: &io::Error) -> Self {
        if let Some(number @ 1..=133) = error.raw_os_error() {
            return Errno(number);
        }
        match error.kind() {
            io::ErrorKind::NotFound => Errno::NOENT,
            // How `cap-std` reports a path that would leave its directory.
            io::ErrorKind::PermissionDenied => Errno::ACCES,
            io::ErrorKind::AlreadyExists => Errno::EXIST,
            io::ErrorKind::InvalidInput => Errno::INVAL,
            io::ErrorKind::BrokenPipe => Errno::PIPE,
            io::ErrorKind::WouldBlock => Errno::AGAIN,
            io::ErrorKind::StorageFull => Errno::NOSPC,
            _ => Errno::IO,
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_register_holds_the_negative_number() {
        assert_eq!(Errno::FAULT.to_register() as i64, -14);
    }

    #[test]
    fn host_errors_keep_their_number_and_others_get_one_by_kind() {
        assert_eq!(Errno::from(&io::Error::from_raw_os_error(28)), Errno::NOSPC);
        let escape = io::Error::new(io::ErrorKind::PermissionDenied, "led outside");
        assert_eq!(Errno::from(&escape), Errno::ACCES);
        assert_eq!(Errno::from(&io::Error::other("?")), Errno::IO);
    }
}
