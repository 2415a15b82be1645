//! The registers of a store, with the logics and the trust that every command has.

use std::path::Path;
use std::sync::Arc;

use causality_store::Store;
use causality_vm::resource::{AccessError, Capability, KeyPair, Logics, ResourceManager, RunError};
use causality_vm::store::CommitError;
use causality_vm::transaction::GuestLogics;
use causality_vm::{Config, Tier};

use crate::args::{RootArg, SignedArgs};
use crate::failure::Failure;
use crate::{capability_file, key_file, roots};

/// Instructions that a logic may take. No record has this number: it must never change what is allowed, so it is far
/// more than a logic needs.
const LOGIC_FUEL: u64 = 1_000_000_000;

/// The registers of the store in a directory. Logics are the native ones, and programs in the store.
pub(crate) fn open(directory: &Path, named: &[RootArg], tier: Tier) -> Result<ResourceManager, Failure> {
    let store = Store::open_existing(directory).map_err(Failure::new)?;
    let logics = GuestLogics::new(store.clone(), Config::new().tier(tier), LOGIC_FUEL);
    let logics = Logics::native().with_loader(Arc::new(logics));
    let roots = roots::trusted(directory, named)?;
    Ok(ResourceManager::new(store).with_logics(logics).with_roots(roots))
}

/// Who does something, and with what.
pub(crate) struct Signed {
    pub(crate) key: KeyPair,
    pub(crate) capabilities: Vec<Capability>,
}

impl Signed {
    pub(crate) fn read(args: &SignedArgs) -> Result<Self, Failure> {
        let key = key_file::read(&args.key)?;
        Ok(Signed { key, capabilities: capability_file::read_all(&args.capability)? })
    }
}

/// Whether it is the host that failed, rather than that the run must not take effect.
pub(crate) fn is_host_failure(error: &RunError) -> bool {
    match error {
        RunError::Store(_) | RunError::Damaged(_) | RunError::Encoding(_) => true,
        RunError::Access(error) => matches!(error, AccessError::Store(_) | AccessError::Encoding(_)),
        RunError::Commit(error) => matches!(**error, CommitError::Store(_)),
        _ => false,
    }
}
