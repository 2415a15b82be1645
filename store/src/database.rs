//! The database of a store: opening, sharing, and what it is to panic in one.
//!
//! In a directory, a store is the file `store.redb`, which any number of processes may have open at once: `redb` locks
//! ranges of it, one writer at a time, and readers see the last commit as of when they began. Beside it are
//! `open.lock`, held while a process opens the store; `collect.lock`, held during a collection; and in
//! `owners/` a file for each process that stages objects, locked as long as it lives, so that others can tell
//! the uploads of the living from those of the dead.

use std::any::Any;
use std::collections::BTreeSet;
use std::fs::{self, File, TryLockError};
use std::io;
use std::panic::{AssertUnwindSafe, catch_unwind};
use std::path::{Path, PathBuf};
use std::sync::{Arc, Mutex, MutexGuard, PoisonError};

use redb::backends::InMemoryBackend;
use redb::{Builder, ConcurrencyMode, Database, ReadableDatabase};

use crate::StoreError;
use crate::bulk::Bulk;
use crate::tables::{self, FORMAT, META};
use crate::tree::{self, NullifierTree, StateTree};
use crate::write::{Transaction, write};

/// Memory for pages of the database.
const CACHE: usize = 64 << 20;

/// The owner of uploads that nobody owns.
pub(crate) const NOBODY: u64 = u64::MAX;

/// What the handles of an open store share.
#[derive(Debug)]
pub(crate) struct Inner {
    pub(crate) database: Database,
    /// `None` in memory.
    pub(crate) directory: Option<PathBuf>,
    /// Where large objects are, if not in the database.
    pub(crate) bulk: Option<Arc<dyn Bulk>>,
    owner: Mutex<Option<Owner>>,
    live: Mutex<BTreeSet<u64>>,
    /// Held during a collection of this handle.
    pub(crate) collecting: Mutex<()>,
}

/// This process among those that stage objects.
#[derive(Debug)]
struct Owner {
    number: u64,
    /// Locked as long as it is open.
    _lock: Option<File>,
}

impl Inner {
    /// A store that is gone when it is closed.
    pub(crate) fn in_memory(bulk: Option<Arc<dyn Bulk>>) -> Result<Self, StoreError> {
        let database = guarded(|| Ok(Builder::new().create_with_backend(InMemoryBackend::new())?))?;
        Self::start(database, None, bulk)
    }

    /// The store in this directory; made if it is not there and may be made.
    pub(crate) fn open(
        directory: &Path,
        may_create: bool,
        bulk: Option<Arc<dyn Bulk>>,
    ) -> Result<Self, StoreError> {
        let file = directory.join("store.redb");
        if may_create {
            fs::create_dir_all(directory.join("owners"))?;
        } else if !file.is_file() {
            return Err(StoreError::NoStore(directory.to_owned()));
        }
        let opening = lock_file(&directory.join("open.lock"))?;
        opening.lock()?;
        let mut builder = Builder::new();
        builder.set_concurrency_mode(ConcurrencyMode::MultiWriter).set_cache_size(CACHE);
        if may_create && !file.exists() {
            create(&builder, &file)?;
        }
        let database = guarded(|| Ok(builder.open(&file)?))?;
        Self::start(database, Some(directory.to_owned()), bulk)
    }

    fn start(
        database: Database,
        directory: Option<PathBuf>,
        bulk: Option<Arc<dyn Bulk>>,
    ) -> Result<Self, StoreError> {
        guarded(|| start(&database))?;
        let (owner, live, collecting) = Default::default();
        Ok(Inner { database, directory, bulk, owner, live, collecting })
    }

    /// Does something in a transaction, which is committed if that succeeds.
    pub(crate) fn write<T>(
        &self,
        work: impl FnOnce(&Transaction) -> Result<T, StoreError>,
    ) -> Result<T, StoreError> {
        write(&self.database, work)
    }

    /// The number of this process among those that stage objects.
    pub(crate) fn owner(&self) -> Result<u64, StoreError> {
        let mut owner = locked(&self.owner);
        if let Some(owner) = &*owner {
            return Ok(owner.number);
        }
        let number = self.write(|txn| next(txn, tables::META_OWNER))?;
        let _lock = self.directory.as_deref().map(|directory| own(directory, number)).transpose()?;
        *owner = Some(Owner { number, _lock });
        Ok(number)
    }

    /// Whether somebody may still make an object of this upload.
    pub(crate) fn is_alive(&self, upload: u64, owner: u64) -> Result<bool, StoreError> {
        if owner == NOBODY {
            return Ok(false);
        }
        if locked(&self.owner).as_ref().is_some_and(|own| own.number == owner) {
            return Ok(locked(&self.live).contains(&upload));
        }
        let Some(directory) = &self.directory else {
            return Ok(false);
        };
        let path = owner_path(directory, owner);
        let file = match File::open(&path) {
            Ok(file) => file,
            Err(error) if error.kind() == io::ErrorKind::NotFound => return Ok(false),
            Err(error) => return Err(error.into()),
        };
        match file.try_lock() {
            Ok(()) => {
                // Whoever made it is gone, and its number is never given again.
                let _ = fs::remove_file(&path);
                Ok(false)
            }
            Err(TryLockError::WouldBlock) => Ok(true),
            Err(TryLockError::Error(error)) => Err(error.into()),
        }
    }

    pub(crate) fn live(&self) -> MutexGuard<'_, BTreeSet<u64>> {
        locked(&self.live)
    }
}

/// Makes an empty database. Whoever dies while doing so leaves none, or a whole one.
fn create(builder: &Builder, file: &Path) -> Result<(), StoreError> {
    let unfinished = file.with_extension("new");
    match fs::remove_file(&unfinished) {
        Err(error) if error.kind() != io::ErrorKind::NotFound => return Err(error.into()),
        _ => {}
    }
    drop(guarded(|| Ok(builder.create(&unfinished)?))?);
    Ok(fs::rename(unfinished, file)?)
}

/// Checks the format of the database, or gives it one.
fn start(database: &Database) -> Result<(), StoreError> {
    if let Ok(meta) = database.begin_read()?.open_table(META) {
        return check_format(&meta);
    }
    write(database, |txn| {
        let mut meta = txn.open_table(META)?;
        if !redb::ReadableTableMetadata::is_empty(&meta)? {
            return check_format(&meta);
        }
        meta.insert(tables::META_FORMAT, FORMAT)?;
        tree::create::<StateTree>(txn)?;
        tree::create::<NullifierTree>(txn)
    })
}

fn check_format(meta: &impl redb::ReadableTable<&'static str, u64>) -> Result<(), StoreError> {
    match counter(meta, tables::META_FORMAT)? {
        FORMAT => Ok(()),
        0 => Err(StoreError::Corrupt("it has no format".to_owned())),
        other => Err(StoreError::Format(other)),
    }
}

/// A counter of the store; 0 before it was first set.
pub(crate) fn counter(
    meta: &impl redb::ReadableTable<&'static str, u64>,
    name: &'static str,
) -> Result<u64, StoreError> {
    Ok(meta.get(name)?.map_or(0, |value| value.value()))
}

/// Counts one up, and gives what it was before.
pub(crate) fn next(txn: &Transaction, name: &'static str) -> Result<u64, StoreError> {
    let mut meta = txn.open_table(META)?;
    let number = counter(&meta, name)?;
    let following = number.checked_add(1).ok_or_else(|| StoreError::Corrupt(format!("{name} overflows")))?;
    meta.insert(name, following)?;
    Ok(number)
}

/// Does something with the database. It is meant to fail when its file is damaged, but where it panics instead, that
/// is a failure too, and not the end of the process.
pub(crate) fn guarded<T>(work: impl FnOnce() -> Result<T, StoreError>) -> Result<T, StoreError> {
    catch_unwind(AssertUnwindSafe(work)).unwrap_or_else(|panic| Err(from_panic(&*panic)))
}

pub(crate) fn from_panic(panic: &(dyn Any + Send)) -> StoreError {
    let text = panic.downcast_ref::<String>().map(String::as_str);
    let text = text.or_else(|| panic.downcast_ref::<&str>().copied()).unwrap_or("without a message");
    StoreError::Corrupt(format!("the database panicked: {text}"))
}

pub(crate) fn locked<T>(mutex: &Mutex<T>) -> MutexGuard<'_, T> {
    mutex.lock().unwrap_or_else(PoisonError::into_inner)
}

/// A file to be locked.
pub(crate) fn lock_file(path: &Path) -> io::Result<File> {
    File::options().create(true).truncate(false).write(true).open(path)
}

fn owner_path(directory: &Path, owner: u64) -> PathBuf {
    directory.join("owners").join(format!("{owner}.lock"))
}

/// The lock of an owner. It gets its name after it is locked, so that nobody finds it unlocked in between.
fn own(directory: &Path, owner: u64) -> Result<File, StoreError> {
    let path = owner_path(directory, owner);
    let new = path.with_extension("new");
    fs::create_dir_all(directory.join("owners"))?;
    let file = lock_file(&new)?;
    file.lock()?;
    fs::rename(&new, &path)?;
    Ok(file)
}
