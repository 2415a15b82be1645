//! Code that outlives a process: a directory with one file per [`Key`].
//!
//! Nothing in a file is used before it has been verified: the index when the file is opened, a region when control first
//! comes to it. What is verified is a private copy, so a file that changes later changes nothing. A file or a region
//! that cannot be used is as good as none: translating makes a new one.
//! The directory is trusted like an executable: whoever can write to it decides what code this process runs.
//! `docs/adr/0009-code-cache.md` argues for all of this.

mod format;
mod key;
mod saved;
#[cfg(test)]
mod tests;

use std::collections::HashMap;
use std::fs::{self, File, TryLockError};
use std::io::{self, Write};
use std::path::{Path, PathBuf};
use std::time::{Duration, Instant};

use crate::cranelift::{Runtime, Translation};
use crate::sys::MappedFile;
pub use key::Key;
pub use saved::Saved;

/// How long to wait for others who write. Without the lock, what they add may be lost, but nothing else.
const PATIENCE: Duration = Duration::from_secs(2);

/// A directory of code.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Cache {
    folder: PathBuf,
}

/// Why a file is not used.
#[derive(Debug, thiserror::Error)]
pub(crate) enum Unusable {
    #[error("{0}")]
    Refused(String),
    #[error(transparent)]
    Unreadable(io::Error),
}

impl Cache {
    /// The cache in this directory, which is made when something is saved.
    #[must_use]
    pub fn new(folder: impl Into<PathBuf>) -> Self {
        Cache { folder: folder.into() }
    }

    /// The directory.
    #[must_use]
    pub fn folder(&self) -> &Path {
        &self.folder
    }

    /// Where code with this key is or would be.
    #[must_use]
    pub fn path(&self, key: &Key) -> PathBuf {
        self.folder.join(format!("{key}.code"))
    }

    /// The code with this key, if there is any. One that cannot be used is warned about.
    #[must_use]
    pub fn load(&self, key: &Key) -> Option<Saved> {
        let path = self.path(key);
        match read(&path, key) {
            Ok(saved) => Some(saved),
            Err(Unusable::Unreadable(error)) if error.kind() == io::ErrorKind::NotFound => None,
            Err(reason) => {
                tracing::warn!(path = %path.display(), %reason, "cached code is ignored");
                None
            }
        }
    }

    /// Adds regions to those with this key. Says whether the file had to change.
    ///
    /// Concurrent calls, from any process, all get their regions in: regions with the same key and start are
    /// interchangeable, so merging is a union. Those that are there stay in front: of two regions that can be entered
    /// at the same pc the one published first is, and so it will be again.
    ///
    /// # Errors
    /// If the directory or the file cannot be written; what was there before is then still there.
    pub(crate) fn save(
        &self,
        key: &Key,
        runtime: &Runtime,
        regions: Vec<(u64, Translation)>,
    ) -> io::Result<bool> {
        fs::create_dir_all(&self.folder)?;
        let _lock = self.lock()?;
        let path = self.path(key);
        let old = read(&path, key).ok();
        let Some(merged) = merge(old.as_ref(), regions) else { return Ok(false) };
        self.write(&path, &format::file(key, runtime, &merged))?;
        Ok(true)
    }

    /// Waits for others who write, but not forever: one of them may hang.
    fn lock(&self) -> io::Result<Option<File>> {
        let file = File::options().create(true).truncate(false).write(true).open(self.folder.join("lock"))?;
        let end = Instant::now() + PATIENCE;
        while Instant::now() < end {
            match file.try_lock() {
                Ok(()) => return Ok(Some(file)),
                Err(TryLockError::WouldBlock) => std::thread::sleep(Duration::from_millis(2)),
                // A file system without locks.
                Err(TryLockError::Error(_)) => break,
            }
        }
        tracing::debug!(folder = %self.folder.display(), "writing to the code cache without a lock");
        Ok(None)
    }

    /// Readers see the old file or the new one, also after a crash.
    fn write(&self, path: &Path, bytes: &[u8]) -> io::Result<()> {
        let mut file = tempfile::Builder::new().prefix("new-").suffix(".tmp").tempfile_in(&self.folder)?;
        file.write_all(bytes)?;
        file.as_file().sync_all()?;
        file.persist(path)?;
        Ok(())
    }
}

/// What is there and what is new, a new one in the place of one that is damaged; `None` if all is there already.
fn merge(old: Option<&Saved>, new: Vec<(u64, Translation)>) -> Option<Vec<(u64, Translation)>> {
    let Some(old) = old else { return Some(new) };
    let mut new: Vec<_> = new.into_iter().map(Some).collect();
    let places: HashMap<u64, usize> =
        new.iter().flatten().enumerate().map(|(i, (start, _))| (*start, i)).collect();
    let mut merged = Vec::new();
    let mut is_changed = false;
    for (start, translation) in old.translations() {
        let same = places.get(&start).and_then(|&place| new[place].take());
        is_changed |= translation.is_none();
        merged.extend(translation.map(|translation| (start, translation)).or(same));
    }
    is_changed |= new.iter().any(Option::is_some);
    merged.extend(new.into_iter().flatten());
    is_changed.then_some(merged)
}

fn read(path: &Path, key: &Key) -> Result<Saved, Unusable> {
    let file = File::open(path)?;
    if !file.metadata()?.is_file() {
        return Err(Unusable::Refused("it is no regular file".to_owned()));
    }
    Saved::verified(MappedFile::new(&file)?, key)
}
