//! Instances as bytes, and copies of them.

use std::ffi::c_void;

use crate::callback::InstanceData;
use crate::pointer::{Handle, Out, bytes, given, put};
use crate::{Error, Instance, Linker, Module, Options};

/// All that the future of a guest follows from, at one moment. May be used by several threads at once.
#[derive(Debug)]
pub struct Snapshot(causality_vm::snapshot::Snapshot);

/// Bytes that belong to whoever asked for them.
#[derive(Debug)]
pub struct Bytes(Vec<u8>);

/// A copy of an instance, which has the same future, to `out`; pages are copied when either writes to them. Both have the same
/// pointer for host functions, and share streams and directories.
#[unsafe(no_mangle)]
pub extern "C" fn cvm_instance_fork(
    instance: Option<&mut Instance>,
    out: Out<'_, Handle<Instance>>,
) -> Option<Box<Error>> {
    put(out, || Ok(Some(Box::new(Instance(given(instance)?.0.fork()?)))))
}

/// What an instance is now, to `out`.
#[unsafe(no_mangle)]
pub extern "C" fn cvm_instance_snapshot(
    instance: Option<&mut Instance>,
    out: Out<'_, Handle<Snapshot>>,
) -> Option<Box<Error>> {
    put(out, || {
        let snapshot = causality_vm::snapshot::Snapshot::of(&mut given(instance)?.0)?;
        Ok(Some(Box::new(Snapshot(snapshot))))
    })
}

/// Writes the root of a snapshot, which names all of it, 32 bytes, to `out`.
#[unsafe(no_mangle)]
pub extern "C" fn cvm_snapshot_root(
    snapshot: Option<&Snapshot>,
    out: Option<&mut [u8; 32]>,
) -> Option<Box<Error>> {
    Error::catch(|| {
        *given(out)? = *given(snapshot)?.0.root().as_bytes();
        Ok(())
    })
}

/// A snapshot as bytes, to `out`, for other processes.
#[unsafe(no_mangle)]
pub extern "C" fn cvm_snapshot_to_bytes(
    snapshot: Option<&Snapshot>,
    out: Out<'_, Handle<Bytes>>,
) -> Option<Box<Error>> {
    put(out, || Ok(Some(Box::new(Bytes(given(snapshot)?.0.to_bytes())))))
}

/// Reads a snapshot from `len` bytes at `from`, which nobody has to trust.
///
/// # Safety
/// `len` bytes are readable at `from`.
#[unsafe(no_mangle)]
pub unsafe extern "C" fn cvm_snapshot_from_bytes(
    from: *const u8,
    len: usize,
    out: Out<'_, Handle<Snapshot>>,
) -> Option<Box<Error>> {
    put(out, || {
        // SAFETY: by contract.
        let from = unsafe { bytes(from, len) }?;
        let snapshot = causality_vm::snapshot::Snapshot::from_bytes(from);
        let snapshot =
            snapshot.map_err(|error| causality_vm::Error::from(causality_vm::ErrorKind::from(error)))?;
        Ok(Some(Box::new(Snapshot(snapshot))))
    })
}

/// Deletes a snapshot; NULL is none.
#[unsafe(no_mangle)]
pub extern "C" fn cvm_snapshot_delete(snapshot: Option<Box<Snapshot>>) {
    drop(snapshot);
}

/// Makes an instance that goes on where a snapshot was made, of the same program. Otherwise as `cvm_linker_instantiate`.
#[unsafe(no_mangle)]
pub extern "C" fn cvm_linker_resume(
    linker: Option<&Linker>,
    module: Option<&Module>,
    options: Option<Box<Options>>,
    data: *mut c_void,
    snapshot: Option<&Snapshot>,
    out: Out<'_, Handle<Instance>>,
) -> Option<Box<Error>> {
    put(out, || {
        let options = Options::finished(options)?;
        let (module, snapshot) = (&given(module)?.0, &given(snapshot)?.0);
        let linker = given(linker)?.read()?;
        let instance = linker.resume(module, options, InstanceData(data), snapshot)?;
        Ok(Some(Box::new(Instance(instance))))
    })
}

/// Where the bytes are, until they are deleted; NULL for NULL.
#[unsafe(no_mangle)]
pub extern "C" fn cvm_bytes_data(bytes: Option<&Bytes>) -> *const u8 {
    bytes.map_or(std::ptr::null(), |bytes| bytes.0.as_ptr())
}

/// How many there are.
#[unsafe(no_mangle)]
pub extern "C" fn cvm_bytes_len(bytes: Option<&Bytes>) -> usize {
    bytes.map_or(0, |bytes| bytes.0.len())
}

/// Deletes bytes; NULL is none.
#[unsafe(no_mangle)]
pub extern "C" fn cvm_bytes_delete(bytes: Option<Box<Bytes>>) {
    drop(bytes);
}
