//! From what C hands over to what Rust works with.

use std::ffi::{CStr, c_char};
use std::mem::MaybeUninit;

use crate::Error;
use crate::error::Failure;

/// Where a handle goes that is made.
pub(crate) type Out<'a, T> = Option<&'a mut MaybeUninit<T>>;

/// A handle that may be NULL.
pub(crate) type Handle<T> = Option<Box<T>>;

/// What is behind a pointer that must not be NULL.
pub(crate) fn given<T>(pointer: Option<T>) -> Result<T, Failure> {
    pointer.ok_or(Failure::Null)
}

/// Makes a value and puts it where it was asked for.
pub(crate) fn put<T>(out: Out<'_, T>, make: impl FnOnce() -> Result<T, Failure>) -> Option<Box<Error>> {
    Error::catch(|| {
        let out = given(out)?;
        out.write(make()?);
        Ok(())
    })
}

/// # Safety
/// `start` is NULL, or `len` bytes are readable there as long as they are used.
pub(crate) unsafe fn bytes<'a>(start: *const u8, len: usize) -> Result<&'a [u8], Failure> {
    if len == 0 {
        return Ok(&[]);
    }
    if start.is_null() {
        return Err(Failure::Null);
    }
    // SAFETY: by contract.
    Ok(unsafe { std::slice::from_raw_parts(start, len) })
}

/// # Safety
/// `start` is NULL, or `len` bytes are writable there as long as they are used, and nobody else uses them.
pub(crate) unsafe fn bytes_mut<'a>(start: *mut u8, len: usize) -> Result<&'a mut [u8], Failure> {
    if len == 0 {
        return Ok(&mut []);
    }
    if start.is_null() {
        return Err(Failure::Null);
    }
    // SAFETY: by contract.
    Ok(unsafe { std::slice::from_raw_parts_mut(start, len) })
}

/// # Safety
/// `text` is NULL, or a string that ends with a zero, readable as long as it is used.
pub(crate) unsafe fn text<'a>(text: *const c_char) -> Result<&'a str, Failure> {
    if text.is_null() {
        return Err(Failure::Null);
    }
    // SAFETY: by contract.
    let text = unsafe { CStr::from_ptr(text) };
    text.to_str().map_err(|_| Failure::NotUtf8)
}

/// # Safety
/// As [`text`], of both.
pub(crate) unsafe fn texts<'a>(
    first: *const c_char,
    second: *const c_char,
) -> Result<(&'a str, &'a str), Failure> {
    // SAFETY: by contract.
    unsafe { Ok((text(first)?, text(second)?)) }
}
