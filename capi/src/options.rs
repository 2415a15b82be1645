//! What a guest process is given.

use std::ffi::{c_char, c_int, c_void};
use std::io::Cursor;

use causality_vm::{Access, Limits};

use crate::Error;
use crate::callback::{CallbackWriter, Data, Delete, Write};
use crate::error::Failure;
use crate::pointer::{bytes, given, text, texts};

/// What one guest process is given: arguments, streams, directories, limits. Empty at first.
#[derive(Debug, Default)]
pub struct Options {
    options: causality_vm::Options,
    /// Host path, guest path, and what may be done there.
    directories: Vec<(String, String, Access)>,
}

impl Options {
    /// Reads arguments, which may fail, and then sets what they say, which may not.
    fn set<A>(
        options: Option<&mut Options>,
        arguments: Result<A, Failure>,
        set: impl FnOnce(causality_vm::Options, A) -> causality_vm::Options,
    ) -> Option<Box<Error>> {
        Error::catch(|| {
            let (options, arguments) = (given(options)?, arguments?);
            options.options = set(std::mem::take(&mut options.options), arguments);
            Ok(())
        })
    }

    /// What they come to; NULL stands for none.
    pub(crate) fn finished(options: Option<Box<Self>>) -> Result<causality_vm::Options, Failure> {
        let Options { options, directories } = *options.unwrap_or_default();
        with_directories(options, &directories)
    }
}

fn with_directories(
    options: causality_vm::Options,
    directories: &[(String, String, Access)],
) -> Result<causality_vm::Options, Failure> {
    let mut all = directories.iter();
    let given =
        all.try_fold(options, |options, (host, guest, access)| options.directory(host, guest, *access));
    given.map_err(|error| Failure::Vm(error.into()))
}

/// No arguments, empty standard input, output to nowhere, no directories.
#[unsafe(no_mangle)]
pub extern "C" fn cvm_options_new() -> Box<Options> {
    Box::default()
}

/// Deletes options; NULL is none.
#[unsafe(no_mangle)]
pub extern "C" fn cvm_options_delete(options: Option<Box<Options>>) {
    drop(options);
}

/// Adds an argument; the first is the program's name.
///
/// # Safety
/// `argument` is NULL or a string that ends with a zero.
#[unsafe(no_mangle)]
pub unsafe extern "C" fn cvm_options_arg(
    options: Option<&mut Options>,
    argument: *const c_char,
) -> Option<Box<Error>> {
    // SAFETY: by contract.
    let argument = unsafe { text(argument) };
    Options::set(options, argument, |options, argument| options.arg(argument))
}

/// Adds an environment variable.
///
/// # Safety
/// `name` and `value` are NULL or strings that end with a zero.
#[unsafe(no_mangle)]
pub unsafe extern "C" fn cvm_options_env(
    options: Option<&mut Options>,
    name: *const c_char,
    value: *const c_char,
) -> Option<Box<Error>> {
    // SAFETY: by contract.
    let texts = unsafe { texts(name, value) };
    Options::set(options, texts, |options, (name, value)| options.env(name, value))
}

/// Sets the seed of everything random.
#[unsafe(no_mangle)]
pub extern "C" fn cvm_options_seed(options: Option<&mut Options>, seed: u64) -> Option<Box<Error>> {
    Options::set(options, Ok(seed), causality_vm::Options::seed)
}

/// Sets how many instructions this guest may retire, in the place of what the engine grants.
#[unsafe(no_mangle)]
pub extern "C" fn cvm_options_fuel(options: Option<&mut Options>, instructions: u64) -> Option<Box<Error>> {
    Options::set(options, Ok(instructions), causality_vm::Options::fuel)
}

/// Sets how many bytes all memory, and how many the stack, of this guest may have; other limits are the defaults.
#[unsafe(no_mangle)]
pub extern "C" fn cvm_options_limits(
    options: Option<&mut Options>,
    memory: u64,
    stack: u64,
) -> Option<Box<Error>> {
    let limits = Limits { memory, stack, ..Limits::default() };
    Options::set(options, Ok(limits), causality_vm::Options::limits)
}

/// Sets standard input to a copy of the `len` bytes at `input`.
///
/// # Safety
/// `len` bytes are readable at `input`.
#[unsafe(no_mangle)]
pub unsafe extern "C" fn cvm_options_stdin(
    options: Option<&mut Options>,
    input: *const u8,
    len: usize,
) -> Option<Box<Error>> {
    // SAFETY: by contract.
    let input = unsafe { bytes(input, len) };
    Options::set(options, input, |options, input| options.stdin(Cursor::new(input.to_vec())))
}

/// Sets where standard output (`stream` 1) or standard error (2) goes: `write` is called with `data` and the bytes, on the
/// thread that runs the guest; `drop_data`, if not NULL, is called with `data` when nobody is going to write any more, also
/// if this fails.
///
/// # Safety
/// Both may be called with `data`, from any thread, one at a time.
#[unsafe(no_mangle)]
pub unsafe extern "C" fn cvm_options_output(
    options: Option<&mut Options>,
    stream: c_int,
    write: Write,
    data: *mut c_void,
    drop_data: Delete,
) -> Option<Box<Error>> {
    // SAFETY: by contract.
    let data = unsafe { Data::new(data, drop_data) };
    let writer = CallbackWriter::new(write, data);
    match stream {
        1 => Options::set(options, writer, |options, writer| options.stdout(writer)),
        2 => Options::set(options, writer, |options, writer| options.stderr(writer)),
        _ => Error::catch(|| Err(Failure::Argument("there is no such stream"))),
    }
}

/// Gives the guest a host directory at a path of its own.
///
/// # Safety
/// `host` and `guest` are NULL or strings that end with a zero.
#[unsafe(no_mangle)]
pub unsafe extern "C" fn cvm_options_directory(
    options: Option<&mut Options>,
    host: *const c_char,
    guest: *const c_char,
    may_write: bool,
) -> Option<Box<Error>> {
    Error::catch(|| {
        // SAFETY: by contract.
        let (host, guest) = unsafe { texts(host, guest) }?;
        let options = given(options)?;
        let access = if may_write { Access::ReadWrite } else { Access::ReadOnly };
        options.directories.push((host.to_owned(), guest.to_owned(), access));
        // What cannot be given is not kept.
        let tried = with_directories(causality_vm::Options::new(), &options.directories);
        if tried.is_err() {
            options.directories.pop();
        }
        tried.map(drop)
    })
}
